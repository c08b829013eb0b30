/* The forwarding header (RFC 6940 s6.1, s6.3.2). */
#include "reload-diag/conform.h"

#include "wire/error.h"

enum {
	ERROR_TTL_EXCEEDED = 10,
	ERROR_RESPONSE_TOO_LARGE = 14,
	ERROR_CONFIG_TOO_OLD = 15,
	ERROR_CONFIG_TOO_NEW = 16
};

/* A Ping with `width` bytes of its header overwritten is neither answered nor refused. */
static enum conform_verdict dropped(
	struct conform *c, size_t offset, unsigned width, uint64_t value)
{
	struct draft d;
	draft_ping(c, &d);
	d.patch.offset = offset;
	d.patch.width = width;
	d.patch.value = value;
	return conform_wants_silence(c, &d);
}

static enum conform_verdict token(struct conform *c)
{
	return dropped(c, 0, 4, 0x52454c4f);
}

static enum conform_verdict no_fragment_bit(struct conform *c)
{
	return dropped(c, 12, 4, RELOAD_FRAGMENT_LAST);
}

static enum conform_verdict via_beyond(struct conform *c)
{
	return dropped(c, 32, 2, 0xffff);
}

static enum conform_verdict entry_cut(struct conform *c)
{
	return dropped(c, 34, 2, c->ctx.node_id_len + 1u);
}

static enum conform_verdict options_beyond(struct conform *c)
{
	struct draft d;
	static const uint8_t option[] = { 0x63, 0, 0xff, 0xff };
	draft_ping(c, &d);
	wr_bytes(&d.options, option, sizeof(option));
	return conform_wants_silence(c, &d);
}

/* A value of the field that belongs to another overlay, or version: not served; whether an error says so is a matter of policy (R-6.1-02). */
static enum conform_verdict overlay(struct conform *c)
{
	struct draft d;
	draft_ping(c, &d);
	d.header.overlay ^= 1;
	return conform_wants_refusal(c, &d);
}

static enum conform_verdict version(struct conform *c)
{
	static const uint8_t versions[] = { 0x01, 0x09, 0x0b, 0x14 };
	enum conform_verdict v = CONFORM_HOLDS;
	for (size_t i = 0; i < sizeof(versions) && v == CONFORM_HOLDS; i++) {
		struct draft d;
		draft_ping(c, &d);
		d.header.version = versions[i];
		v = conform_wants_refusal(c, &d);
	}
	return v;
}

static enum conform_verdict length(struct conform *c)
{
	enum conform_verdict v = CONFORM_HOLDS;
	static const size_t claims[] = { 1, 1000, (size_t)-1 };
	for (size_t i = 0; i < COUNT_OF(claims) && v == CONFORM_HOLDS; i++) {
		struct draft d;
		draft_ping(c, &d);
		d.claimed = claims[i];
		v = conform_wants_silence(c, &d);
	}
	return v;
}

static enum conform_verdict pinged(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	draft_ping(c, &d);
	if (!conform_wants(c, &d, RELOAD_PING_ANS, &v))
		return v;
	return HOLDS(c, "ping_ans with the transaction of the request, %llu ms",
		(unsigned long long)c->took);
}

/* The header of the answer to a Ping: returns it, NULL with *v. */
static const struct reload_header *answer_header(struct conform *c, enum conform_verdict *v)
{
	struct draft d;
	draft_ping(c, &d);
	return conform_wants(c, &d, RELOAD_PING_ANS, v) ? &c->answer->header : NULL;
}

static enum conform_verdict answer_version(struct conform *c)
{
	enum conform_verdict v;
	const struct reload_header *h = answer_header(c, &v);
	if (!h)
		return v;
	return conform_say(c, h->version == RELOAD_VERSION_BYTE ? CONFORM_HOLDS : CONFORM_VIOLATED,
		"the version in an answer is 0x%02x", h->version);
}

static enum conform_verdict answer_ttl(struct conform *c)
{
	enum conform_verdict v;
	const struct reload_header *h = answer_header(c, &v);
	if (!h)
		return v;
	return conform_say(c,
		h->ttl <= c->me.config->initial_ttl ? CONFORM_HOLDS : CONFORM_VIOLATED,
		"the ttl of an answer is %u, initial-ttl is %u", h->ttl, c->me.config->initial_ttl);
}

static enum conform_verdict answer_fragment(struct conform *c)
{
	enum conform_verdict v;
	const struct reload_header *h = answer_header(c, &v);
	if (!h)
		return v;
	return conform_say(c,
		h->fragment == RELOAD_FRAGMENT_WHOLE ? CONFORM_HOLDS : CONFORM_VIOLATED,
		"the fragment field of a whole answer is 0x%08x", (unsigned)h->fragment);
}

static enum conform_verdict answer_limit(struct conform *c)
{
	enum conform_verdict v;
	const struct reload_header *h = answer_header(c, &v);
	if (!h)
		return v;
	return conform_say(c, h->max_response_length ? CONFORM_VIOLATED : CONFORM_HOLDS,
		"max_response_length of an answer is %u", (unsigned)h->max_response_length);
}

static enum conform_verdict ttl_above(struct conform *c)
{
	struct draft d;
	if (c->me.config->initial_ttl == 255)
		return UNJUDGED(c, "initial-ttl is 255, which nothing exceeds");
	draft_ping(c, &d);
	d.header.ttl = (uint8_t)(c->me.config->initial_ttl + 1);
	return conform_wants_error(c, &d, ERROR_TTL_EXCEEDED);
}

static enum conform_verdict ttl_zero_here(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	draft_ping(c, &d);
	d.header.ttl = 0;
	if (!conform_wants(c, &d, RELOAD_PING_ANS, &v))
		return v;
	return HOLDS(c, "a Ping with ttl 0 for the node itself is answered");
}

static enum conform_verdict ttl_zero_beyond(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	if (!conform_needs_other(c, &v))
		return v;
	draft_ping(c, &d);
	draft_to_node(&d.to, &c->other);
	d.header.ttl = 0;
	return conform_wants_error(c, &d, ERROR_TTL_EXCEEDED);
}

static enum conform_verdict response_too_large(struct conform *c)
{
	struct draft d;
	draft_ping(c, &d);
	d.header.max_response_length = 50;
	return conform_wants_error(c, &d, ERROR_RESPONSE_TOO_LARGE);
}

/* The sequence in the document is 0 to 65534 and wraps around. */
static enum conform_verdict sequence(struct conform *c, unsigned ahead, uint16_t error)
{
	struct draft d;
	draft_ping(c, &d);
	d.header.configuration_sequence =
		(uint16_t)((c->me.config->sequence + ahead) % RELOAD_SEQUENCE_ANY);
	return conform_wants_error(c, &d, error);
}

static enum conform_verdict behind(struct conform *c)
{
	return sequence(c, RELOAD_SEQUENCE_ANY - 1, ERROR_CONFIG_TOO_OLD);
}

static enum conform_verdict ahead(struct conform *c)
{
	return sequence(c, 1, ERROR_CONFIG_TOO_NEW);
}

static enum conform_verdict updated(struct conform *c)
{
	uint32_t before = c->updates;
	struct span message;
	if (c->me.config->document.len + RELOAD_CONFIG_UPDATE_OVERHEAD >
		c->me.config->max_message_size)
		return UNJUDGED(c, "the document is larger than a message");
	enum conform_verdict v = behind(c);
	if (v != CONFORM_HOLDS)
		return v;
	/* one that was sent earlier and not answered, which is what this program does, is repeated first */
	for (reload_ms until =
			cli_monotonic() + c->wait_ms + c->me.config->overlay_reliability_timer_ms;
		!before && c->updates == before && cli_monotonic() < until && !*c->link.end;) {
		struct reload_header h;
		if (conform_read(c, &c->link, until, &message) &&
			!reload_header_read(&h, message, &c->ctx) &&
			reload_message_code(&h, message) == RELOAD_CONFIG_UPDATE_REQ)
			c->updates++;
	}
	return c->updates ? HOLDS(c, "a config_update_req followed")
			  : VIOLATED(c, "no config_update_req followed");
}

const struct conform_check conform_headers[] = {
	{ "R-6.3.2-17", "an answer has the transaction of its request", pinged },
	{ "R-6.3.2-01", "a message with another relo_token is dropped", token },
	{ "R-6.3.2-02", "a message of another overlay is not served", overlay },
	{ "R-6.3.2-05", "a message of another version is not served", version },
	{ "R-6.3.2-12", "the top bit of fragment is one, or the message is dropped",
		no_fragment_bit },
	{ "R-6.3.2-15", "length is the size of the message, or it is dropped", length },
	{ "R-6.3.2-20", "a list that is longer than the message drops it", via_beyond },
	{ "R-6.3.2-21", "a list that cuts an entry drops the message", entry_cut },
	{ "R-6.3.2.3-01", "an option that is longer than its list drops the message",
		options_beyond },
	{ "R-6.3.2-04", "the version of an answer is 0x0a", answer_version },
	{ "R-6.3.2-09", "an answer begins with initial-ttl at most", answer_ttl },
	{ "R-6.3.2-13", "a whole message has fragment 0xc0000000", answer_fragment },
	{ "R-6.3.2-19", "max_response_length is zero in an answer", answer_limit },
	{ "R-6.3.2-07", "ttl 0 is good enough for the node itself", ttl_zero_here },
	{ "R-6.3.2-08", "ttl 0 for another node: Error_TTL_Exceeded", ttl_zero_beyond },
	{ "R-6.3.2-11", "a ttl above initial-ttl: Error_TTL_Exceeded", ttl_above },
	{ "R-6.3.2-18", "an answer above max_response_length is replaced by an error",
		response_too_large },
	{ "R-6.3.2.1-04", "a configuration_sequence behind: Error_Config_Too_Old", behind },
	{ "R-6.3.2.1-05", "who is behind is sent the configuration", updated },
	{ "R-6.3.3.1-17", "a configuration_sequence ahead: Error_Config_Too_New", ahead },
	{ 0 },
};
