/* Destination and Via Lists, and which way a message goes (RFC 6940 s6.1, s6.2, s6.3.2.2). */
#include "reload-diag/conform.h"

static enum conform_verdict wildcard(struct conform *c)
{
	struct draft d;
	struct reload_id any = reload_id_wildcard(c->ctx.node_id_len),
			 nobody = conform_random_id(c);
	enum conform_verdict v;
	draft_ping(c, &d);
	draft_to_node(&d.to, &any);
	draft_to_node(&d.to, &nobody);
	if (!conform_wants(c, &d, RELOAD_PING_ANS, &v))
		return v;
	return reload_id_eq(&c->signer, &c->target)
		       ? HOLDS(c, "a Ping to the wildcard and a node behind it is answered here")
		       : VIOLATED(c, "another node answered");
}

static enum conform_verdict behind_resource(struct conform *c)
{
	struct draft d;
	draft_ping(c, &d);
	draft_to_resource(&d.to, &c->target); /* the last ID of its range */
	draft_to_node(&d.to, &c->target);
	return conform_wants_silence(c, &d);
}

static enum conform_verdict nobody(struct conform *c)
{
	struct draft d;
	struct reload_id id = reload_id_before(&c->target); /* its range begins somewhere before */
	draft_ping(c, &d);
	draft_to_node(&d.to, &id);
	return conform_wants_silence(c, &d);
}

static enum conform_verdict zero(struct conform *c)
{
	struct draft d;
	struct reload_id id = { .len = c->ctx.node_id_len };
	draft_ping(c, &d);
	draft_to_node(&d.to, &id);
	return conform_wants_silence(c, &d);
}

static enum conform_verdict opaque(struct conform *c)
{
	struct draft d;
	draft_ping(c, &d);
	wr_u16(&d.to, 0x8123);
	draft_to_node(&d.to, &c->target);
	return conform_wants_silence(c, &d);
}

static enum conform_verdict resource_in_via(struct conform *c)
{
	struct draft d;
	struct reload_id id = conform_random_id(c);
	draft_ping(c, &d);
	draft_to_resource(&d.via, &id);
	return conform_wants_silence(c, &d);
}

static enum conform_verdict own_resource(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	draft_ping(c, &d);
	draft_to_resource(&d.to, &c->target);
	if (!conform_wants(c, &d, RELOAD_PING_ANS, &v))
		return v;
	return reload_id_eq(&c->signer, &c->target)
		       ? HOLDS(c, "a Ping to the Resource-ID that is its Node-ID is answered by it")
		       : VIOLATED(c,
				 "another node answered for the Resource-ID that is its Node-ID");
}

/* The Destination List of an answer: the node before, which is this one, then the Via List from its end. */
static enum conform_verdict way_back(struct conform *c)
{
	struct draft d;
	struct wr wanted;
	struct reload_id first = conform_random_id(c), second = conform_random_id(c);
	enum conform_verdict v;
	draft_ping(c, &d);
	draft_to_node(&d.via, &first);
	draft_to_node(&d.via, &second);
	if (!conform_wants(c, &d, RELOAD_PING_ANS, &v))
		return v;
	wr_init(&wanted);
	draft_to_node(&wanted, &c->me.credentials.node);
	draft_to_node(&wanted, &second);
	draft_to_node(&wanted, &first);
	bool same = span_eq(c->answer->header.destination_list, wr_done(&wanted));
	wr_clear(&wanted);
	return same ? HOLDS(c, "the list of the answer is the node before, then the Via List "
			       "reversed")
		    : VIOLATED(c, "the Destination List of the answer (%zu byte%s) is another one",
			      c->answer->header.destination_list.len,
			      cli_plural(c->answer->header.destination_list.len));
}

static enum conform_verdict no_via(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	draft_ping(c, &d);
	if (!conform_wants(c, &d, RELOAD_PING_ANS, &v))
		return v;
	return conform_say(c, c->answer->header.via_list.len ? CONFORM_VIOLATED : CONFORM_HOLDS,
		"the Via List of an answer has %zu byte%s", c->answer->header.via_list.len,
		cli_plural(c->answer->header.via_list.len));
}

static enum conform_verdict passed_on(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	if (!conform_needs_other(c, &v))
		return v;
	draft_ping(c, &d);
	draft_to_node(&d.to, &c->target);
	draft_to_node(&d.to, &c->other);
	if (!conform_wants(c, &d, RELOAD_PING_ANS, &v))
		return v;
	return reload_id_eq(&c->signer, &c->other)
		       ? HOLDS(c, "a Ping to the node and then another one is answered by that one")
		       : VIOLATED(c, "a Ping to the node and then another one is answered by the "
				     "wrong one");
}

/* Whoever passes it on looks at nothing behind the header: the error comes from its destination. */
static enum conform_verdict unknown_passed_on(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	if (!conform_needs_other(c, &v))
		return v;
	draft_begin(c, &d, 0x7001);
	draft_to_node(&d.to, &c->other);
	if (!conform_wants(c, &d, RELOAD_ERROR, &v))
		return v;
	return reload_id_eq(&c->signer, &c->other)
		       ? HOLDS(c, "a request with an unknown code for another node is refused by "
				  "that one")
		       : VIOLATED(c, "a request with an unknown code for another node is refused "
				     "on its way");
}

static enum conform_verdict twice(struct conform *c)
{
	struct draft d;
	struct reload_id x = conform_random_id(c);
	draft_ping(c, &d);
	draft_to_node(&d.to, &x);
	draft_to_node(&d.to, &c->target);
	draft_to_node(&d.to, &x);
	enum conform_verdict v = conform_wants_error(c, &d, 20);
	if (v != CONFORM_HOLDS)
		return v;
	size_t len = c->answer->body.error.error_info.len;
	return len ? HOLDS(c, "Error_Invalid_Message (20) with a text of %zu byte%s", len,
			     cli_plural(len))
		   : VIOLATED(c, "Error_Invalid_Message (20) without a text");
}

static enum conform_verdict repeated(struct conform *c)
{
	struct draft d;
	draft_ping(c, &d);
	bool first = conform_ask(c, &d) && c->answer->code == RELOAD_PING_ANS,
	     second = first && conform_ask(c, &d) && c->answer->code == RELOAD_PING_ANS;
	draft_end(&d);
	if (!first)
		return conform_no_answer(c);
	return second ? HOLDS(c, "the same Ping is answered twice")
		      : VIOLATED(c, "a Ping that is repeated: %s",
				*c->fault ? c->fault : conform_answer_text(c));
}

const struct conform_check conform_ways[] = {
	{ "R-3-02", "the wildcard is for whoever receives it, whatever stands behind it",
		wildcard },
	{ "R-3-01", "the Node-ID 0 is on no wire", zero },
	{ "R-6.1.1-01", "a Resource-ID of its range with entries behind it is dropped",
		behind_resource },
	{ "R-6.1.1-07", "a Node-ID of its range that nobody has is dropped without an error",
		nobody },
	{ "R-6.1.1-04", "its own Node-ID with another behind it is passed on", passed_on },
	{ "R-6.1.3-02", "an opaque id that it did not make is dropped", opaque },
	{ "R-6.3.2.2-06", "a Resource-ID in a Via List drops the message", resource_in_via },
	{ "R-6.3.3.1-19", "an entry that stands twice: Error_Invalid_Message, and why", twice },
	{ "R-6.5.3-01", "a Ping to a Resource-ID is answered by who is responsible for it",
		own_resource },
	{ "R-6.1.2-11", "an answer goes to the node before, then back along the Via List",
		way_back },
	{ "R-6.3.2-22", "the Via List of an answer is empty at its origin", no_via },
	{ "R-6.3-03", "a message is passed on by its header alone", unknown_passed_on },
	{ "R-6.2.1-11", "a request that is repeated is answered again", repeated },
	{ 0 },
};
