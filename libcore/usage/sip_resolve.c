#include "usage/sip_resolve.h"

#include "usage/sip_prefs.h"

#include <stdio.h>

enum {
	AORS_MAX = RELOAD_SIP_AORS_MAX + RELOAD_SIP_EXTERNAL_MAX + RELOAD_SIP_TARGETS_MAX
};

struct reload_sip_resolve {
	const struct reload_config *config;
	struct reload_sip_aor aors[AORS_MAX];
	size_t aors_count, fetched, external;
	struct reload_sip_target targets[RELOAD_SIP_TARGETS_MAX];
	size_t targets_count;
};

static struct reload_sip_target *target_with(struct reload_sip_resolve *r, struct span list)
{
	for (size_t i = 0; i < r->targets_count; i++)
		if (span_eq(bytes_span(r->targets[i].list), list))
			return &r->targets[i];
	return NULL;
}

/* Adds a node, or to the one with the same list what more is known of it (R7904-17). */
static void target_add(struct reload_sip_resolve *r, const struct reload_destination *list,
	size_t count, struct span prefs, unsigned aor)
{
	struct wire_ctx ctx = reload_config_wire_ctx(r->config);
	unsigned schemes = r->aors[aor].sips ? RELOAD_SCHEME_SIPS : reload_prefs_schemes(prefs);
	const struct reload_destination *last = &list[count - 1];
	struct wr w;
	wr_init(&w);
	for (size_t i = 0; i < count; i++)
		reload_wire_write(&w, &reload_destination_wire, &ctx, &list[i]);
	struct reload_sip_target *t = target_with(r, wr_done(&w));
	if (!t && r->targets_count < RELOAD_SIP_TARGETS_MAX && !w.err) {
		t = &r->targets[r->targets_count++];
		*t = (struct reload_sip_target){ .list = bytes_copy(wr_done(&w)),
			.schemes = schemes,
			.aor = aor,
			.gruu = r->aors[aor].state == RELOAD_SIP_IS_GRUU };
		if (last->type == RELOAD_DEST_NODE)
			t->node = last->node;
	} else if (t && schemes == RELOAD_SCHEME_SIPS) {
		t->schemes = schemes;
	}
	if (t && !t->prefs.len) {
		bytes_free(&t->prefs);
		t->prefs = bytes_copy(prefs);
	}
	wr_clear(&w);
}

static bool is_known(const struct reload_sip_resolve *r, const char *name)
{
	for (size_t i = 0; i < r->aors_count; i++)
		if (!r->aors[i].has_gr && !strcmp(r->aors[i].name, name))
			return true;
	return false;
}

/* Whether it is a GRUU of this overlay (RFC 7904 s6); then its list is a target. */
static bool take_gruu(struct reload_sip_resolve *r, const struct reload_aor *aor, unsigned at)
{
	struct reload_arena arena = { 0 };
	struct wire_ctx ctx = reload_config_wire_ctx(r->config);
	struct reload_destination *list;
	size_t count;
	ctx.arena = &arena;
	bool taken = aor->has_gr && reload_sip_hosted(r->config, aor->domain) &&
		     !reload_gruu_read(&list, &count, aor->gr, &ctx);
	if (taken) {
		r->aors[at].state = RELOAD_SIP_IS_GRUU;
		target_add(r, list, count, span_of(NULL, 0), at);
	}
	reload_arena_clear(&arena);
	return taken;
}

/* What an AOR is that was named (R7904-15). */
static void name_aor(struct reload_sip_resolve *r, const struct reload_aor *aor, unsigned depth,
	unsigned from, bool sips)
{
	if ((!aor->has_gr && is_known(r, aor->name)) || r->aors_count == AORS_MAX)
		return;
	unsigned at = (unsigned)r->aors_count++;
	struct reload_sip_aor *a = &r->aors[at];
	*a = (struct reload_sip_aor){
		.depth = depth, .from = from, .has_gr = aor->has_gr, .sips = sips || aor->sips
	};
	memcpy(a->name, aor->name, sizeof(a->name));
	if (take_gruu(r, aor, at))
		return;
	bool hosted = !aor->has_gr && reload_sip_hosted(r->config, aor->domain);
	size_t *used = hosted ? &r->fetched : &r->external;
	size_t most = hosted ? RELOAD_SIP_AORS_MAX : RELOAD_SIP_EXTERNAL_MAX;
	a->state = !hosted                        ? RELOAD_SIP_EXTERNAL
		   : depth > RELOAD_SIP_DEPTH_MAX ? RELOAD_SIP_TOO_DEEP
						  : RELOAD_SIP_WAITING;
	if (a->state == RELOAD_SIP_TOO_DEEP)
		return;
	if (*used == most)
		r->aors_count--;
	else
		++*used;
}

enum reload_err reload_sip_resolve_new(struct reload_sip_resolve **out,
	const struct reload_config *config, const char *text, struct reload_error_text *why)
{
	struct reload_aor aor;
	char what[256];
	if (reload_aor_parse(&aor, span_str(text))) {
		snprintf(what, sizeof(what), "%.200s is no AOR", text);
		(void)reload_error_explain(why, RELOAD_USAGE, what,
			"an AOR is a user and a domain, with or without sip: in front");
		reload_error_advise(why, "alice@%s", config->instance_name);
		return RELOAD_USAGE;
	}
	*out = RELOAD_NEW(reload_sip_resolve);
	(*out)->config = config;
	name_aor(*out, &aor, 0, 0, false);
	return RELOAD_OK;
}

void reload_sip_resolve_free(struct reload_sip_resolve *r)
{
	for (size_t i = 0; r && i < r->targets_count; i++) {
		bytes_free(&r->targets[i].list);
		bytes_free(&r->targets[i].prefs);
	}
	free(r);
}

/* The index of the AOR that is fetched next; their number when none is. */
static size_t waiting(const struct reload_sip_resolve *r)
{
	size_t i = 0;
	while (i < r->aors_count && r->aors[i].state != RELOAD_SIP_WAITING)
		i++;
	return i;
}

const char *reload_sip_resolve_next(const struct reload_sip_resolve *r)
{
	size_t i = waiting(r);
	return i < r->aors_count ? r->aors[i].name : NULL;
}

/* One registration; false: it is of no use. */
static bool take_value(struct reload_sip_resolve *r, unsigned at, struct span value)
{
	struct reload_arena arena = { 0 };
	struct wire_ctx ctx = reload_config_wire_ctx(r->config);
	struct reload_sip_registration reg;
	struct reload_aor aor;
	ctx.arena = &arena;
	bool good = !reload_sip_registration_read(&reg, value, &ctx, NULL);
	if (good && reg.type == RELOAD_SIP_ROUTE)
		target_add(
			r, reg.destination_list, reg.destination_list_count, reg.contact_prefs, at);
	else if (good && !reload_aor_parse(&aor, reg.uri))
		name_aor(r, &aor, r->aors[at].depth + 1, at, r->aors[at].sips);
	reload_arena_clear(&arena);
	return good;
}

void reload_sip_resolve_answer(
	struct reload_sip_resolve *r, const struct span *values, size_t count)
{
	size_t at = waiting(r);
	if (at == r->aors_count)
		return;
	r->aors[at].state = RELOAD_SIP_ABSENT;
	for (size_t i = 0; i < count; i++)
		if (take_value(r, (unsigned)at, values[i]))
			r->aors[at].state = RELOAD_SIP_FETCHED;
}

const struct reload_sip_target *reload_sip_targets(
	const struct reload_sip_resolve *r, size_t *count)
{
	*count = r->targets_count;
	return r->targets;
}

const struct reload_sip_aor *reload_sip_aors(const struct reload_sip_resolve *r, size_t *count)
{
	*count = r->aors_count;
	return r->aors;
}
