/*
 * Who gets a certificate (RFC 6940 s11.3): what is decided in the loop.  Authentication comes first: before it, a client learns nothing but that it failed,
 * and an unknown account takes as long as a wrong password.
 *
 *	form --> a thread checks the password --> proven --> a thread issues (serve_worker.c) --> answered
 */
#include "reload-enroll/serve_worker.h"

#include "reload-enroll/invite.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>

static void print_decision(FILE *out, const json_t *o, void *arg)
{
	(void)arg;
	fprintf(out, "%s  ", json_string_value(json_object_get(o, "address")));
	cli_put_safe(out, json_string_value(json_object_get(o, "user")));
	fprintf(out, "  %s: ", json_string_value(json_object_get(o, "decision")));
	cli_put_safe(out, json_string_value(json_object_get(o, "detail")));
	fputs("\n", out);
}

/* -- refusals are counted --------------------------------------------------------------------------------------------------- */

static const unsigned limits[] = {
	[SERVE_PASSWORDS_OF_ADDRESS] = 10,
	[SERVE_PASSWORDS_OF_ACCOUNT] = 10,
	[SERVE_REFUSALS_OF_ADDRESS] = 100,
};

static struct serve_refusals *refusals_of(struct serve *s, enum serve_counted what, const char *who)
{
	for (size_t i = 0; i < SERVE_REFUSALS_TABLE; i++) {
		struct serve_refusals *r = &s->refusals[i];
		if (r->count && r->what == what && !strcmp(r->who, who) &&
			cli_monotonic() - r->since < SERVE_REFUSALS_MS)
			return r;
	}
	return NULL;
}

static void count(struct serve *s, enum serve_counted what, const char *who)
{
	struct serve_refusals *r = refusals_of(s, what, who);
	if (!r) {
		r = &s->refusals[s->next_refusals];
		s->next_refusals = (s->next_refusals + 1) % SERVE_REFUSALS_TABLE;
		*r = (struct serve_refusals){ .what = what, .since = cli_monotonic() };
		snprintf(r->who, sizeof(r->who), "%s", who);
	}
	r->count++;
}

/* -- the answer --------------------------------------------------------------------------------------------------------------- */

/* What is printed and kept of a text from outside: PostgreSQL takes nothing else. */
static const char *utf8_of(const char *text)
{
	return text && reload_utf8_valid(span_str(text)) ? text : text ? "not UTF-8" : "";
}

/* A thread writes it: the disk may be slow. */
static void note(struct serve_enrollment *e)
{
	struct serve_note *n = RELOAD_NEW(serve_note);
	n->job = SERVE_JOB_NOTE;
	snprintf(n->address, sizeof(n->address), "%s", e->address);
	n->user = reload_strdup(utf8_of(e->user));
	n->detail = reload_strdup(utf8_of(e->detail));
	n->decision = e->text;
	if (worker_pool_add(e->serve->pool, n, SERVE_NOTES_MAX))
		return;
	cli_warn(e->serve->cli, "the audit log is too slow: a decision is only printed");
	serve_note_free(n);
}

/* What was decided is counted, printed and noted. */
static void finish(struct serve_enrollment *e)
{
	struct serve *s = e->serve;
	s->issued += e->status == 200;
	s->refused += e->status != 200;
	if (e->status != 200)
		count(s, SERVE_REFUSALS_OF_ADDRESS, e->network);
	if (!e->noted)
		note(e);
	json_t *o = json_pack("{s:s, s:o, s:s, s:s, s:i, s:s, s:s}", "type", "enrollment", "time",
		cli_json_time(cli_now()), "address", e->address, "user", utf8_of(e->user), "status",
		(int)e->status, "decision", e->text, "detail", utf8_of(e->detail));
	cli_print(s->cli, o, print_decision, NULL);
	json_decref(o);
}

static void answer(
	struct serve_enrollment *e, unsigned status, const char *text, const char *detail)
{
	serve_enroll_decide(e, status, text, detail);
	finish(e);
}

/* What is over a limit is refused; that is noted once, or whoever sends much would push all else out of the audit log. */
static bool over(struct serve_enrollment *e, enum serve_counted what, const char *who)
{
	struct serve_refusals *r = refusals_of(e->serve, what, who);
	bool account = what == SERVE_PASSWORDS_OF_ACCOUNT;
	unsigned status = account ? 403 : 429;
	const char *text = account ? SERVE_FAILED_AUTHENTICATION : "too_many_failures";
	if (!r || r->count < limits[what])
		return false;
	if (r->told) {
		serve_enroll_decide(e, status, text, "");
		e->serve->refused++;
	} else {
		answer(e, status, text, account ? "of this account" : "of this address");
	}
	r->told = true;
	return true;
}

static bool too_many_passwords(struct serve_enrollment *e)
{
	return over(e, SERVE_PASSWORDS_OF_ADDRESS, e->network) ||
	       over(e, SERVE_PASSWORDS_OF_ACCOUNT, e->user);
}

/* -- the steps ---------------------------------------------------------------------------------------------------------------- */

/* A secret of 128 bits cannot be guessed: such ones are not limited as passwords are. */
static bool is_invited(const struct serve_enrollment *e)
{
	char digest[ENROLL_DIGEST];
	return enroll_invitation_digest(digest, e->password);
}

/* Gives e to a thread; false: there are too many, and that is the answer. */
static bool give(struct serve_enrollment *e)
{
	if (worker_pool_add(e->serve->pool, e, SERVE_WAITING_MAX))
		return true;
	answer(e, 503, "busy", "too many enrollments wait");
	return false;
}

bool serve_enroll_begin(struct serve_enrollment *e)
{
	e->job = SERVE_JOB_ENROLLMENT;
	if (over(e, SERVE_REFUSALS_OF_ADDRESS, e->network))
		return false;
	if (!e->user || !e->password || !e->csr.len || e->csr.err) {
		answer(e, 400, "bad_request",
			"the fields username, password and csr are needed, once each");
		return false;
	}
	if (strlen(e->user) > RELOAD_USER_NAME_MAX) {
		answer(e, 403, SERVE_FAILED_AUTHENTICATION, "no account has so long a name");
		return false;
	}
	if (!reload_utf8_valid(span_str(e->user))) {
		answer(e, 403, SERVE_FAILED_AUTHENTICATION, "no account has such a name");
		return false;
	}
	if (!is_invited(e) && too_many_passwords(e))
		return false;
	return give(e);
}

/* Passwords that were sent while the last allowed one was being checked are not guessed either. */
static bool prove(struct serve_enrollment *e)
{
	bool invited = is_invited(e);
	if (!invited && too_many_passwords(e))
		return false;
	if (e->authentic) {
		e->proven = true;
		return true;
	}
	if (over(e, SERVE_REFUSALS_OF_ADDRESS, e->network))
		return false;
	if (!invited) {
		count(e->serve, SERVE_PASSWORDS_OF_ADDRESS, e->network);
		count(e->serve, SERVE_PASSWORDS_OF_ACCOUNT, e->user);
	}
	answer(e, 403, SERVE_FAILED_AUTHENTICATION,
		invited ? "no such invitation, or it was used"
			: "wrong password, or no such account");
	return false;
}

bool serve_enroll_next(struct serve_enrollment *e)
{
	if (e->status) {
		finish(e);
		return true;
	}
	return !prove(e) || !give(e);
}
