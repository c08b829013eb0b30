/* What a check expects of a message: an answer, an error, or nothing. */
#include "reload-diag/conform.h"

#include "wire/error.h"

#include <inttypes.h>
#include <stdarg.h>

enum {
	BARRIER = 2 /* Pings behind a message that is not answered */
};

enum conform_verdict conform_say(struct conform *c, enum conform_verdict v, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(c->evidence, sizeof(c->evidence), fmt, args);
	va_end(args);
	return v;
}

const char *conform_answer_text(const struct conform *c)
{
	static char text[96];
	const char *name = NULL;
	uint16_t code = c->answer ? c->answer->code : 0;
	if (!c->answer)
		return "nothing";
	if (conform_error(c)) {
		name = reload_error_code_name(conform_error(c));
		snprintf(text, sizeof(text), "%s (%u)", name ? name : "an unknown error",
			(unsigned)conform_error(c));
	} else {
		name = reload_code_name(code);
		snprintf(text, sizeof(text), "%s", name ? name : "an unknown code");
	}
	return text;
}

enum conform_verdict conform_no_answer(struct conform *c)
{
	conform_hang_up(&c->link); /* what comes next does not suffer from what was sent here */
	/* that no link can be made says nothing of the requirement */
	return c->failed_dials ? UNJUDGED(c, "%s", c->fault) : VIOLATED(c, "%s", c->fault);
}

bool conform_needs_other(struct conform *c, enum conform_verdict *v)
{
	if (c->other.len)
		return true;
	*v = UNJUDGED(c, "the node names no other peer to which it would forward");
	return false;
}

bool conform_wants(struct conform *c, struct draft *d, uint16_t code, enum conform_verdict *v)
{
	bool answered = conform_ask(c, d);
	bool fits = answered && c->answer->code == code;
	draft_end(d);
	if (!answered)
		*v = conform_no_answer(c);
	else if (!fits)
		*v = VIOLATED(c, "answered with %s", conform_answer_text(c));
	return fits;
}

enum conform_verdict conform_wants_error(struct conform *c, struct draft *d, uint16_t error)
{
	bool answered = conform_ask(c, d);
	const char *name = reload_error_code_name(error);
	draft_end(d);
	if (!answered)
		return conform_no_answer(c);
	if (!reload_id_eq(&c->signer, &c->target))
		return VIOLATED(c, "another node answered, with %s", conform_answer_text(c));
	if (conform_error(c) == error)
		return HOLDS(c, "answered with %s", conform_answer_text(c));
	return VIOLATED(c, "answered with %s, not with %s (%u)", conform_answer_text(c),
		name ? name : "the error", (unsigned)error);
}

/* Sends d and then Pings, one after the other, which are answered; *sent: it left, *closed: the node ended the link because of it. */
static bool behind(struct conform *c, struct draft *d, bool *closed)
{
	struct wr w;
	*closed = false;
	if (!conform_up(c))
		return false;
	wr_init(&w);
	draft_write(c, d, &w);
	bool up = conform_frame(c, &c->link, wr_done(&w));
	wr_clear(&w);
	for (int i = 0; i < BARRIER && up; i++) {
		struct draft ping;
		draft_ping(c, &ping);
		up = conform_ask(c, &ping);
		draft_end(&ping);
	}
	*closed = *c->link.end;
	return up;
}

/* Sends d, which is freed, and judges what came of it; an error is allowed or not. */
static enum conform_verdict unserved(struct conform *c, struct draft *d, bool error_allowed)
{
	bool closed, up = behind(c, d, &closed);
	uint16_t code = conform_stray(c, d->header.transaction_id);
	const char *name = code ? reload_code_name(code) : NULL;
	draft_end(d);
	if (code == RELOAD_ERROR && error_allowed)
		return HOLDS(c, "refused with an error");
	if (code)
		return VIOLATED(c, "answered with %s", name ? name : "an unknown code");
	if (closed)
		return HOLDS(c, "not answered, and the link was closed");
	if (!up && !c->failed_dials) {
		conform_hang_up(&c->link);
		return VIOLATED(c, "not answered, and neither were Pings behind it");
	}
	if (!up)
		return conform_no_answer(c);
	return HOLDS(c, "not answered, while %d Pings behind it were", BARRIER);
}

enum conform_verdict conform_wants_silence(struct conform *c, struct draft *d)
{
	return unserved(c, d, false);
}

enum conform_verdict conform_wants_refusal(struct conform *c, struct draft *d)
{
	return unserved(c, d, true);
}
