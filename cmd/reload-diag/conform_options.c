/* Forwarding options (RFC 6940 s6.3.2.3). */
#include "reload-diag/conform.h"

#include "wire/error.h"

#include <string.h>

enum {
	NOBODY_KNOWS = 0x63, /* an option type */
	ERROR_UNSUPPORTED_OPTION = 7
};

static void option(struct draft *d, uint8_t type, uint8_t flags, const char *value)
{
	wr_u8(&d->options, type);
	wr_u8(&d->options, flags);
	size_t mark = wr_open(&d->options, 2);
	wr_text(&d->options, value);
	wr_close(&d->options, mark, 2);
}

static enum conform_verdict destination_critical(struct conform *c)
{
	struct draft d;
	draft_ping(c, &d);
	option(&d, NOBODY_KNOWS, RELOAD_DESTINATION_CRITICAL, "ab");
	return conform_wants_error(c, &d, ERROR_UNSUPPORTED_OPTION);
}

static enum conform_verdict forward_critical(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	if (!conform_needs_other(c, &v))
		return v;
	draft_ping(c, &d);
	draft_to_node(&d.to, &c->other);
	option(&d, NOBODY_KNOWS, RELOAD_FORWARD_CRITICAL, "ab");
	return conform_wants_error(c, &d, ERROR_UNSUPPORTED_OPTION);
}

/* The first option of the answer to a Ping with an option; false with *v. */
static bool copied(struct conform *c, uint8_t flags, struct reload_option *out, bool *any,
	enum conform_verdict *v)
{
	struct draft d;
	draft_ping(c, &d);
	option(&d, NOBODY_KNOWS, flags, "wxyz");
	if (!conform_wants(c, &d, RELOAD_PING_ANS, v))
		return false;
	struct rd r = rd_of(c->answer->header.options);
	*any = reload_option_next(&r, out);
	return true;
}

static enum conform_verdict response_copy(struct conform *c)
{
	struct reload_option o;
	enum conform_verdict v;
	bool any;
	if (!copied(c, RELOAD_RESPONSE_COPY, &o, &any, &v))
		return v;
	if (!any || o.type != NOBODY_KNOWS || !span_eq(o.value, span_str("wxyz")))
		return VIOLATED(c, "the answer does not have the option");
	return HOLDS(c, "the answer has the option with its value");
}

static enum conform_verdict flags_cleared(struct conform *c)
{
	struct reload_option o;
	enum conform_verdict v;
	bool any;
	if (!copied(c, RELOAD_RESPONSE_COPY, &o, &any, &v))
		return v;
	if (!any)
		return UNJUDGED(c, "the answer has no option");
	return conform_say(c, o.flags & 7 ? CONFORM_VIOLATED : CONFORM_HOLDS,
		"the flags of the option in the answer are 0x%02x", o.flags);
}

static enum conform_verdict ignored(struct conform *c)
{
	struct reload_option o;
	enum conform_verdict v;
	bool any;
	if (!copied(c, 0, &o, &any, &v))
		return v;
	return any ? VIOLATED(c, "an option without RESPONSE_COPY stands in the answer")
		   : HOLDS(c, "a Ping with an unknown option is answered, without the option");
}

const struct conform_check conform_options[] = {
	{ "R-6.3.2.3-05", "an unknown DESTINATION_CRITICAL option is refused by the destination",
		destination_critical },
	{ "R-6.3.2.3-04", "an unknown FORWARD_CRITICAL option is refused by who would pass it on",
		forward_critical },
	{ "R-6.3.2.3-06", "an option with RESPONSE_COPY is copied into the answer", response_copy },
	{ "R-6.3.2.3-03", "no option of an answer has one of the three flags", flags_cleared },
	{ "R-6.3.2.3-07", "an unknown option that is not critical is ignored", ignored },
	{ 0 },
};
