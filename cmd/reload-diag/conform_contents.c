/* Message contents, answers and errors (RFC 6940 s6.3.3). */
#include "reload-diag/conform.h"

#include "util/text.h"
#include "wire/error.h"

enum {
	ERROR_UNKNOWN_EXTENSION = 13,
	NOBODY_KNOWS = 0x1234 /* a type of extensions */
};

static void extension(struct draft *d, uint16_t type, uint8_t critical)
{
	wr_u16(&d->extensions, type);
	wr_u8(&d->extensions, critical);
	size_t mark = wr_open(&d->extensions, 4);
	wr_text(&d->extensions, "x");
	wr_close(&d->extensions, mark, 4);
}

static enum conform_verdict critical(struct conform *c)
{
	struct draft d;
	draft_ping(c, &d);
	extension(&d, NOBODY_KNOWS, 1);
	return conform_wants_error(c, &d, ERROR_UNKNOWN_EXTENSION);
}

static enum conform_verdict no_boolean(struct conform *c)
{
	struct draft d;
	draft_ping(c, &d);
	extension(&d, NOBODY_KNOWS, 2);
	return conform_wants_refusal(c, &d);
}

static enum conform_verdict body_spoilt(struct conform *c)
{
	static const struct {
		uint8_t at[4];
		size_t len;
	} bodies[] = { { { 0 }, 1 }, { { 0, 0, 0 }, 3 }, { { 0xff, 0xff }, 2 },
		{ { 0, 9, 1 }, 3 } };
	enum conform_verdict v = CONFORM_HOLDS;
	for (size_t i = 0; i < COUNT_OF(bodies) && v == CONFORM_HOLDS; i++) {
		struct draft d;
		draft_begin(c, &d, RELOAD_PING_REQ);
		wr_bytes(&d.body, bodies[i].at, bodies[i].len);
		v = conform_wants_refusal(c, &d);
	}
	return v;
}

static enum conform_verdict body_beyond(struct conform *c)
{
	struct draft d;
	draft_ping(c, &d);
	/* the length of the body, behind header, list and code */
	d.patch.offset = RELOAD_HEADER_FIXED + 2u + c->ctx.node_id_len + 2u;
	d.patch.width = 4;
	d.patch.value = 0xfffffff0;
	return conform_wants_refusal(c, &d);
}

static enum conform_verdict unknown_code(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	draft_begin(c, &d, 0x23);
	if (!conform_wants(c, &d, RELOAD_ERROR, &v))
		return v;
	return HOLDS(c, "answered with %s", conform_answer_text(c));
}

static enum conform_verdict no_code(struct conform *c)
{
	static const uint16_t codes[] = { 0, 0x8001, 0xfffd };
	enum conform_verdict v = CONFORM_HOLDS;
	for (size_t i = 0; i < COUNT_OF(codes) && v == CONFORM_HOLDS; i++) {
		struct draft d;
		draft_begin(c, &d, codes[i]);
		v = conform_wants_refusal(c, &d);
	}
	return v;
}

static enum conform_verdict answer_out_of_nowhere(struct conform *c)
{
	struct draft d;
	draft_begin(c, &d, RELOAD_PING_ANS);
	wr_u64(&d.body, 1);
	wr_u64(&d.body, 2);
	enum conform_verdict v = conform_wants_silence(c, &d);
	if (v != CONFORM_HOLDS)
		return v;
	draft_begin(c, &d, RELOAD_ERROR);
	wr_u16(&d.body, 2);
	wr_u16(&d.body, 0);
	return conform_wants_silence(c, &d);
}

static enum conform_verdict error_text(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	draft_begin(c, &d, 0x23);
	if (!conform_wants(c, &d, RELOAD_ERROR, &v))
		return v;
	struct span info = c->answer->body.error.error_info;
	return reload_utf8_valid(info)
		       ? HOLDS(c, "error_info is a text of %zu byte%s", info.len,
				 cli_plural(info.len))
		       : VIOLATED(c, "error_info of %s is no UTF-8", conform_answer_text(c));
}

static enum conform_verdict code_and_one(struct conform *c)
{
	struct draft d;
	enum conform_verdict v;
	draft_begin(c, &d, RELOAD_PROBE_REQ);
	wr_u8(&d.body, 0);
	if (!conform_wants(c, &d, RELOAD_PROBE_ANS, &v))
		return v;
	return HOLDS(c, "probe_req (1) is answered with probe_ans (2)");
}

static enum conform_verdict pings(struct conform *c)
{
	static const size_t sizes[] = { 0, 1, 1400, 3000 };
	size_t most = c->me.config->max_message_size, asked = 0;
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct draft d;
		enum conform_verdict v;
		if (sizes[i] && sizes[i] + 1500 > most)
			continue;
		draft_begin(c, &d, RELOAD_PING_REQ);
		size_t mark = wr_open(&d.body, 2);
		for (size_t n = 0; n < sizes[i]; n++)
			wr_u8(&d.body, (uint8_t)n);
		wr_close(&d.body, mark, 2);
		if (!conform_wants(c, &d, RELOAD_PING_ANS, &v))
			return v;
		asked++;
	}
	return HOLDS(c, "Pings of %zu sizes of padding, of 0 bytes and more, are answered", asked);
}

static enum conform_verdict ping_answers(struct conform *c)
{
	uint64_t ids[2], time = 0;
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		struct draft d;
		enum conform_verdict v;
		draft_ping(c, &d);
		if (!conform_wants(c, &d, RELOAD_PING_ANS, &v))
			return v;
		ids[i] = c->answer->body.ping_ans.response_id;
		time = c->answer->body.ping_ans.time;
	}
	if (ids[0] == ids[1])
		return VIOLATED(c, "two answers have the same response_id");
	/* the clock of the node may be wrong, but not by its unit: 2001 to 2100 */
	if (time < UINT64_C(978307200000) || time > UINT64_C(4102444800000))
		return VIOLATED(
			c, "the time %llu is not in ms since 1970", (unsigned long long)time);
	return HOLDS(c, "two answers differ in response_id, and the time is %lld ms from here",
		(long long)(time - cli_now()));
}

const struct conform_check conform_contents[] = {
	{ "R-6.3.3-04", "an unknown critical extension: Error_Unknown_Extension", critical },
	{ "R-6.3.1.1-01", "a Boolean is 0 or 1, or the message is not served", no_boolean },
	{ "R-6.3.3-06", "a body that is shorter or longer than its structure is not served",
		body_spoilt },
	{ "R-6.3.3-01", "a body that is longer than the message is not served", body_beyond },
	{ "R-6.3.3-07", "an unknown request is refused", unknown_code },
	{ "R-6.3.3-02", "the codes 0, 0x8001 and 0xfffd are not served", no_code },
	{ "R-6.3.3.1-01", "an answer has the code of the request and one", code_and_one },
	{ "R-6.3.3.1-03", "the text of an error is UTF-8", error_text },
	{ "R-6.3.3.1-21", "an answer that nobody asked for is met with silence",
		answer_out_of_nowhere },
	{ "R-6.5.3-02", "a Ping may have padding", pings },
	{ "R-6.5.3-03", "answers to Pings differ in response_id and have the time in ms",
		ping_answers },
	{ 0 },
};
