/* Join, Leave, Update, RouteQuery, Probe, Attach and AppAttach (RFC 6940 s6.4.2, s6.5, s10). */
#include "reload-diag/conform.h"

#include "wire/error.h"

#include <string.h>

enum {
	ERROR_FORBIDDEN = 2,
	ERROR_NOT_FOUND = 3,
	WHOLE_RING = 1000000000 /* parts per billion */
};

static enum conform_verdict join_of_another(struct conform *c)
{
	struct draft d;
	struct reload_id nobody = conform_random_id(c);
	draft_begin(c, &d, RELOAD_JOIN_REQ);
	wr_span(&d.body, reload_id_span(&nobody));
	wr_u16(&d.body, 0);
	return conform_wants_error(c, &d, ERROR_FORBIDDEN);
}

static enum conform_verdict leave_of_another(struct conform *c)
{
	struct draft d;
	struct reload_id nobody = conform_random_id(c);
	draft_begin(c, &d, RELOAD_LEAVE_REQ);
	wr_span(&d.body, reload_id_span(&nobody));
	size_t mark = wr_open(&d.body, 2);
	wr_u8(&d.body, 1);
	wr_u16(&d.body, 0);
	wr_close(&d.body, mark, 2);
	return conform_wants_error(c, &d, ERROR_FORBIDDEN);
}

static enum conform_verdict unknown_update(struct conform *c)
{
	struct draft d;
	draft_begin(c, &d, RELOAD_UPDATE_REQ);
	wr_u32(&d.body, 9);
	wr_u8(&d.body, 77);
	return conform_wants_silence(c, &d);
}

/* -- RouteQuery -------------------------------------------------------------------------------------------------------- */

static void route_query(struct conform *c, struct draft *d)
{
	draft_begin(c, d, RELOAD_ROUTE_QUERY_REQ);
	wr_u8(&d->body, 0);
}

static enum conform_verdict route_of_node(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	const struct reload_id *to = c->other.len ? &c->other : &c->target;
	route_query(c, &d);
	draft_to_node(&d.body, to);
	wr_u16(&d.body, 0);
	if (!conform_wants(c, &d, RELOAD_ROUTE_QUERY_ANS, &v))
		return v;
	return reload_id_is_zero(&c->answer->body.route_query_ans.next_peer)
		       ? VIOLATED(c, "the next hop is the Node-ID 0")
		       : HOLDS(c, "the next hop to a Node-ID is one Node-ID");
}

static enum conform_verdict route_of_resource(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	struct reload_id point = reload_id_add_power(&c->target, 8u * c->target.len - 1);
	route_query(c, &d);
	draft_to_resource(&d.body, &point);
	wr_u16(&d.body, 0);
	if (!conform_wants(c, &d, RELOAD_ROUTE_QUERY_ANS, &v))
		return v;
	return HOLDS(c, "the next hop to a Resource-ID is one Node-ID, of %u bytes",
		c->answer->body.route_query_ans.next_peer.len);
}

static enum conform_verdict route_cut(struct conform *c)
{
	struct draft d;
	route_query(c, &d);
	wr_u8(&d.body, RELOAD_DEST_NODE);
	wr_u8(&d.body, 4);
	wr_u32(&d.body, 1);
	wr_u16(&d.body, 0);
	return conform_wants_refusal(c, &d);
}

/* -- Probe --------------------------------------------------------------------------------------------------------------- */

static bool probe(struct conform *c, const uint8_t *types, uint8_t count, enum conform_verdict *v)
{
	struct draft d;
	draft_begin(c, &d, RELOAD_PROBE_REQ);
	wr_u8(&d.body, count);
	wr_bytes(&d.body, types, count);
	return conform_wants(c, &d, RELOAD_PROBE_ANS, v);
}

static enum conform_verdict probe_order(struct conform *c)
{
	static const uint8_t types[] = { RELOAD_PROBE_UPTIME, 77, RELOAD_PROBE_RESPONSIBLE_SET,
		RELOAD_PROBE_NUM_RESOURCES };
	enum conform_verdict v;
	size_t at = 0;
	if (!probe(c, types, sizeof(types), &v))
		return v;
	const struct reload_probe_ans *a = &c->answer->body.probe_ans;
	for (size_t i = 0; i < a->probe_info_count; i++) {
		while (at < sizeof(types) && types[at] != a->probe_info[i].type)
			at++;
		if (at++ == sizeof(types))
			return VIOLATED(
				c, "type %u of the answer is out of order", a->probe_info[i].type);
	}
	return HOLDS(c, "of the types 3, 77, 1 and 2 came %zu, in this order", a->probe_info_count);
}

static enum conform_verdict probe_nothing(struct conform *c)
{
	enum conform_verdict v;
	if (!probe(c, NULL, 0, &v))
		return v;
	size_t count = c->answer->body.probe_ans.probe_info_count;
	return conform_say(c, count ? CONFORM_VIOLATED : CONFORM_HOLDS,
		"to a Probe for nothing came %zu value%s", count, cli_plural(count));
}

static enum conform_verdict probe_share(struct conform *c)
{
	static const uint8_t types[] = { RELOAD_PROBE_RESPONSIBLE_SET };
	enum conform_verdict v;
	if (!probe(c, types, sizeof(types), &v))
		return v;
	const struct reload_probe_ans *a = &c->answer->body.probe_ans;
	if (!a->probe_info_count)
		return UNJUDGED(c, "the node does not say its share of the ring");
	uint32_t ppb = a->probe_info[0].value;
	return conform_say(c, ppb > WHOLE_RING ? CONFORM_VIOLATED : CONFORM_HOLDS,
		"its share of the ring is %u parts per billion", (unsigned)ppb);
}

/* By its own words the node has the whole ring, or it does not say how much it has. */
static bool is_alone(struct conform *c)
{
	static const uint8_t types[] = { RELOAD_PROBE_RESPONSIBLE_SET };
	enum conform_verdict v;
	return !probe(c, types, sizeof(types), &v) || !c->answer->body.probe_ans.probe_info_count ||
	       c->answer->body.probe_ans.probe_info[0].value >= WHOLE_RING;
}

/* A peer that is asked for what it would pass on names somebody, and not who asked. */
static enum conform_verdict route_onwards(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	struct reload_id point = reload_id_add_power(&c->target, 0);
	if (!c->other.len && is_alone(c))
		return UNJUDGED(c, "the node names no other peer, and does not say that it has "
				   "less than the whole ring");
	route_query(c, &d);
	draft_to_resource(&d.body, &point);
	wr_u16(&d.body, 0);
	if (!conform_wants(c, &d, RELOAD_ROUTE_QUERY_ANS, &v))
		return v;
	const struct reload_id *next = &c->answer->body.route_query_ans.next_peer;
	if (reload_id_eq(next, &c->target) || reload_id_eq(next, &c->me.credentials.node))
		return VIOLATED(c, "the next hop to the ID behind its own is %s",
			reload_id_eq(next, &c->target) ? "itself" : "who asked");
	return HOLDS(c, "the next hop to the ID behind its own is another peer");
}

/* -- Attach and AppAttach -------------------------------------------------------------------------------------------------- */

/* Candidates name a port where nobody listens: nothing that is refused is dialled. */
static void candidate(struct wr *w, uint8_t link_type)
{
	static const uint8_t address[] = { RELOAD_IPV4, 6, 192, 0, 2, 1, 0, 9 };
	wr_bytes(w, address, sizeof(address));
	wr_u8(w, link_type);
	wr_u8(w, 1);
	wr_u8(w, '1');
	wr_u32(w, 1);
	wr_u8(w, RELOAD_CAND_HOST);
	wr_u16(w, 0);
}

static enum conform_verdict attach(
	struct conform *c, const char *role, const uint8_t *types, size_t count)
{
	struct draft d;
	draft_begin(c, &d, RELOAD_ATTACH_REQ);
	wr_u8(&d.body, 0);
	wr_u8(&d.body, 0);
	wr_u8(&d.body, (uint8_t)strlen(role));
	wr_text(&d.body, role);
	size_t mark = wr_open(&d.body, 2);
	for (size_t i = 0; i < count; i++)
		candidate(&d.body, types[i]);
	wr_close(&d.body, mark, 2);
	wr_u8(&d.body, 0);
	return conform_wants_refusal(c, &d);
}

static const uint8_t tls[] = { RELOAD_TLS_TCP_FH_NO_ICE },
		     both[] = { RELOAD_TLS_TCP_FH_NO_ICE, RELOAD_DTLS_UDP_SR };

static enum conform_verdict attach_active(struct conform *c)
{
	return attach(c, "active", tls, COUNT_OF(tls));
}

static enum conform_verdict attach_nothing(struct conform *c)
{
	return attach(c, "passive", tls, 0);
}

static enum conform_verdict attach_both(struct conform *c)
{
	return attach(c, "passive", both, COUNT_OF(both));
}

static enum conform_verdict app_attach(struct conform *c)
{
	struct draft d;
	if (!c->me.config->no_ice)
		return UNJUDGED(c, "the overlay has ICE, and the candidate here is one without");
	draft_begin(c, &d, RELOAD_APP_ATTACH_REQ);
	wr_u8(&d.body, 0);
	wr_u8(&d.body, 0);
	wr_u16(&d.body, 61441); /* nobody serves it */
	wr_u8(&d.body, 7);
	wr_text(&d.body, "passive");
	size_t mark = wr_open(&d.body, 2);
	candidate(&d.body, RELOAD_TLS_TCP_FH_NO_ICE);
	wr_close(&d.body, mark, 2);
	return conform_wants_error(c, &d, ERROR_NOT_FOUND);
}

/* -- ConfigUpdate ---------------------------------------------------------------------------------------------------------- */

static enum conform_verdict config_update(struct conform *c, struct span document)
{
	struct draft d;
	enum conform_verdict v;
	if (document.len + RELOAD_CONFIG_UPDATE_OVERHEAD > c->me.config->max_message_size)
		return UNJUDGED(c, "the document is larger than a message");
	draft_begin(c, &d, RELOAD_CONFIG_UPDATE_REQ);
	d.header.configuration_sequence = RELOAD_SEQUENCE_ANY;
	wr_u8(&d.body, RELOAD_CONFIG_UPDATE_CONFIG);
	size_t mark = wr_open(&d.body, 4), inner = wr_open(&d.body, 3);
	wr_span(&d.body, document);
	wr_close(&d.body, inner, 3);
	wr_close(&d.body, mark, 4);
	if (!conform_wants(c, &d, RELOAD_ERROR, &v))
		return v;
	return HOLDS(c, "answered with %s", conform_answer_text(c));
}

/* The document that is in force, as a newer one that nobody has signed. */
static enum conform_verdict config_forged(struct conform *c)
{
	static const char attribute[] = "sequence=\"";
	struct bytes copy = bytes_copy(c->me.config->document);
	uint8_t *at = memmem(copy.at, copy.len, attribute, sizeof(attribute) - 1);
	if (at) {
		at += sizeof(attribute) - 1;
		*at = *at == '9' ? '8' : (uint8_t)(*at + 1);
	}
	enum conform_verdict v = at ? config_update(c, bytes_span(copy))
				    : UNJUDGED(c, "the document has no sequence");
	bytes_free(&copy);
	return v;
}

static enum conform_verdict config_none(struct conform *c)
{
	return config_update(c, span_str("<overlay/>"));
}

const struct conform_check conform_methods[] = {
	{ "R-6.4.2.1-03", "a Join for another Node-ID: Error_Forbidden", join_of_another, true },
	{ "R-6.4.2.2-03", "a Leave for another Node-ID: Error_Forbidden", leave_of_another, true },
	{ "R-6.3.1.1-06", "an unknown type in a choice drops the message", unknown_update },
	{ "R-6.4.2.4-02", "a RouteQuery for a Node-ID is answered", route_of_node },
	{ "R-6.4.2.4-04", "a RouteQuery for a Resource-ID is answered", route_of_resource },
	{ "R-10.8-01", "the answer to a RouteQuery is the next hop", route_onwards },
	{ "R-6.3.2.2-03", "an entry of the wrong length is not served", route_cut },
	{ "R-6.4.2.5-03",
		"a Probe is answered in the order of the request, without what is unknown",
		probe_order },
	{ "R-6.4.2.5-04", "a Probe brings nothing that was not asked", probe_nothing },
	{ "R-6.4.2.5-02", "a share of the ring is in parts per billion", probe_share },
	{ "R-6.5.1.1-01", "an Attach whose role is not passive is refused", attach_active },
	{ "R-6.5.1.1-02", "an Attach without candidates is refused", attach_nothing },
	{ "R-6.5.1.1-04", "an Attach with candidates with and without ICE is refused",
		attach_both },
	{ "R-6.5.2-05", "an AppAttach for an application that nobody serves: Error_Not_Found",
		app_attach },
	{ "R-6.5.4-05", "a configuration that is not signed as it stands is refused", config_forged,
		true },
	{ "R-6.5.4-06", "what is no configuration is refused", config_none, true },
	{ 0 },
};
