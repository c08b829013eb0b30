#include "common/candidates.h"

#include "common/call.h"

#include <stdio.h>
#include <string.h>

static const char *const types[] = { "host", "srflx", "prflx", "relay" };

static bool read_candidate(struct reload_sdp_candidate *c, const json_t *o)
{
	const char *related = cli_get_text(o, "related");
	*c = (struct reload_sdp_candidate){ .priority = (uint32_t)cli_get_int(o, "priority") };
	snprintf(c->foundation, sizeof(c->foundation), "%s", cli_get_text(o, "foundation"));
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (!strcmp(types[i], cli_get_text(o, "type")))
			c->type = (enum reload_sdp_candidate_type)i;
	return !reload_ip_port_parse(&c->at, cli_get_text(o, "address"), 0) &&
	       (!*related || !reload_ip_port_parse(&c->related, related, 0));
}

bool cli_candidates_read(struct reload_sdp_ice *out, const json_t *gathered)
{
	const json_t *list = json_object_get(gathered, "candidates"), *o;
	size_t i;
	*out = (struct reload_sdp_ice){ 0 };
	snprintf(out->ufrag, sizeof(out->ufrag), "%s", cli_get_text(gathered, "ufrag"));
	snprintf(out->password, sizeof(out->password), "%s", cli_get_text(gathered, "password"));
	json_array_foreach (list, i, o)
		if (out->count < RELOAD_SDP_CANDIDATES_MAX &&
			read_candidate(&out->candidates[out->count], o))
			out->count++;
	return cli_candidates_default(out) != NULL;
}

const struct reload_sdp_candidate *cli_candidates_default(const struct reload_sdp_ice *ice)
{
	static const enum reload_sdp_candidate_type order[] = { RELOAD_SDP_SRFLX, RELOAD_SDP_HOST,
		RELOAD_SDP_RELAY };
	for (size_t k = 0; k < COUNT_OF(order); k++)
		for (size_t i = 0; i < ice->count; i++)
			if (ice->candidates[i].type == order[k])
				return &ice->candidates[i];
	return NULL;
}

json_t *cli_candidates_check(const struct reload_sdp_ice *other, json_int_t media)
{
	json_t *list = json_array();
	char at[64], related[64];
	for (size_t i = 0; i < other->count; i++) {
		const struct reload_sdp_candidate *c = &other->candidates[i];
		if (c->type == RELOAD_SDP_PRFLX)
			continue; /* nobody but a check finds such a one */
		json_t *o = json_pack("{s:s, s:s, s:I, s:s}", "foundation", c->foundation, "type",
			types[c->type], "priority", (json_int_t)c->priority, "address",
			reload_ip_port_text(at, &c->at));
		if (c->related.type)
			json_object_set_new(o, "related",
				json_string(reload_ip_port_text(related, &c->related)));
		json_array_append_new(list, o);
	}
	return json_pack("{s:I, s:s, s:s, s:o}", "media", media, "ufrag", other->ufrag, "password",
		other->password, "candidates", list);
}
