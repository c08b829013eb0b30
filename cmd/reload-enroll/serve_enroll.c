/*
 * Who gets a certificate (RFC 6940 s11.3).  Authentication comes first: before it, a client learns nothing but that it failed,
 * and an unknown account takes as long as a wrong password.  Of the request for a certificate the public key is used and the wish for
 * a user name, which has to be that of the account.
 */
#include "reload-enroll/serve.h"

#include "reload-enroll/invite.h"
#include "util/text.h"
#include "util/words.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BACKDATED_MS = 300000, /* clocks of clients are behind */
	DELAY_MS = 5000        /* for other programs that work with the authority */
};

static const char failed_authentication[] = "failed_authentication";
static const char username_not_available[] = "username_not_available";
static const char node_ids_not_available[] = "Node-IDs_not_available";
static const char bad_csr[] = "bad_CSR";

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

static void answer_unnoted(struct serve_enrollment *e, unsigned status, const char *text)
{
	e->status = status;
	e->text = text;
	e->serve->issued += status == 200;
	e->serve->refused += status != 200;
}

static void answer(
	struct serve_enrollment *e, unsigned status, const char *text, const char *detail)
{
	struct serve *s = e->serve;
	answer_unnoted(e, status, text);
	if (status != 200)
		count(s, SERVE_REFUSALS_OF_ADDRESS, e->network);
	accounts_note(s->accounts, cli_now(), e->address, e->user ? e->user : "", text, detail);
	struct span user = span_str(e->user ? e->user : "");
	json_t *o = json_pack("{s:s, s:o, s:s, s:s, s:i, s:s, s:s}", "type", "enrollment", "time",
		cli_json_time(cli_now()), "address", e->address, "user",
		reload_utf8_valid(user) ? (const char *)user.at : "not UTF-8", "status",
		(int)status, "decision", text, "detail", detail);
	cli_print(s->cli, o, print_decision, NULL);
	json_decref(o);
}

/* What is over a limit is refused; that is noted once, or whoever sends much would push all else out of the audit log. */
static bool over(struct serve_enrollment *e, enum serve_counted what, const char *who)
{
	struct serve_refusals *r = refusals_of(e->serve, what, who);
	bool account = what == SERVE_PASSWORDS_OF_ACCOUNT;
	unsigned status = account ? 403 : 429;
	const char *text = account ? failed_authentication : "too_many_failures";
	if (!r || r->count < limits[what])
		return false;
	if (r->told)
		answer_unnoted(e, status, text);
	else
		answer(e, status, text, account ? "of this account" : "of this address");
	r->told = true;
	return true;
}

/* -- before the password ---------------------------------------------------------------------------------------------------- */

static bool too_many_passwords(struct serve_enrollment *e)
{
	return over(e, SERVE_PASSWORDS_OF_ADDRESS, e->network) ||
	       over(e, SERVE_PASSWORDS_OF_ACCOUNT, e->user);
}

bool serve_enroll_begin(struct serve_enrollment *e)
{
	struct serve *s = e->serve;
	char hash[ACCOUNTS_HASH_MAX], digest[ENROLL_DIGEST];
	if (over(e, SERVE_REFUSALS_OF_ADDRESS, e->network))
		return false;
	if (!e->user || !e->password || !e->csr.len || e->csr.err) {
		answer(e, 400, "bad_request",
			"the fields username, password and csr are needed, once each");
		return false;
	}
	/* a secret of 128 bits cannot be guessed: no hash is needed */
	if (enroll_invitation_digest(digest, e->password)) {
		bool invited = accounts_invited(s->accounts, digest, e->user, false, cli_now());
		return !serve_enroll_end(e, invited);
	}
	if (strlen(e->user) > RELOAD_USER_NAME_MAX) {
		answer(e, 403, failed_authentication, "no account has so long a name");
		return false;
	}
	if (too_many_passwords(e))
		return false;
	bool known = accounts_hash(s->accounts, e->user, hash);
	if (hash_pool_check(s->pool, e, known ? hash : NULL, e->password))
		return true;
	answer(e, 503, "busy", "too many passwords wait to be checked");
	return false;
}

/* -- the decision ------------------------------------------------------------------------------------------------------------- */

/* What is made for one enrollment. */
struct making {
	struct enroll_authority authority;
	struct reload_id ids[RELOAD_CERT_NODE_IDS_MAX];
	size_t ids_count;
	uint8_t serial[16];
	struct reload_cert *cert;
	struct reload_error_text why;
};

/* R-11.3-09: the field nodeids has the number of Node-IDs, and is missing for one. */
static bool read_count(struct serve_enrollment *e, struct making *m)
{
	const char *text = e->nodeids;
	uint64_t count = 0;
	if (!text)
		return true;
	if (!reload_digits(&count, &text) || *text || !count || count > RELOAD_CERT_NODE_IDS_MAX) {
		answer(e, 403, node_ids_not_available, "the number is not from 1 to 32");
		return false;
	}
	m->ids_count = (size_t)count;
	return true;
}

/* ENR-05: the name in the request is the account's, or missing. */
static bool check_names(struct serve_enrollment *e, struct making *m)
{
	char *wish = NULL;
	if (reload_csr_user(&wish, wr_done(&e->csr), &m->why)) {
		answer(e, 403, bad_csr, m->why.reason);
		return false;
	}
	bool same = !wish || !strcmp(wish, e->user);
	free(wish);
	if (!same || enroll_user_check(e->user, &m->why)) {
		answer(e, 403, username_not_available,
			same ? m->why.reason : "the request names another user");
		return false;
	}
	return true;
}

static bool take_node_ids(struct serve_enrollment *e, struct making *m)
{
	struct enroll_device device = { 0 };
	enum reload_err err = enroll_ledger_node_ids(
		&m->authority, e->user, &device, &m->ids_count, m->ids, &m->why);
	if (err == RELOAD_CERT_REVOKED)
		answer(e, 403, failed_authentication, "the user is disabled");
	else if (err == RELOAD_EXISTS)
		answer(e, 403, username_not_available, m->why.reason);
	else if (err)
		answer(e, 500, "server_failure", m->why.reason);
	return !err;
}

static bool certify(struct serve_enrollment *e, struct making *m)
{
	const struct enroll_authority *a = &m->authority;
	reload_utc now = enroll_now(), begin = now - BACKDATED_MS;
	struct reload_cert_request req = {
		.overlay = a->config->instance_name,
		.user = e->user,
		.node_ids = m->ids,
		.node_ids_count = m->ids_count,
		.not_before = begin > a->cert->not_before ? begin : a->cert->not_before,
		.not_after = now + ENROLL_NODE_VALIDITY,
	};
	struct enroll_certify with = {
		.config = a->config, .authority = a, .csr = wr_done(&e->csr), .now = now
	};
	enroll_serial(m->serial);
	memcpy(req.serial, m->serial, sizeof(req.serial));
	if (!enroll_certify(&m->cert, &req, &with, &m->why))
		return true;
	answer(e, with.bad_csr ? 403 : 500, with.bad_csr ? bad_csr : "server_failure",
		m->why.reason);
	return false;
}

/* What was begun in the accounts is undone: an invitation that got nothing is still good. */
static bool undone(
	struct serve_enrollment *e, unsigned status, const char *text, const char *detail)
{
	accounts_undo(e->serve->accounts);
	answer(e, status, text, detail);
	return false;
}

/* Ledger and accounts are on the disk before the certificate leaves: nobody else gets its Node-IDs. */
static bool save(struct serve_enrollment *e, struct making *m)
{
	AUTO(cli_files) files = cli_files_new();
	enroll_ledger_note(&m->authority, m->cert, m->serial);
	enum reload_err err =
		enroll_ledger_put(&m->authority, files, ENROLL_LEDGER_ISSUE_MAX, &m->why);
	if (!err)
		err = cli_files_commit(files, &m->why);
	if (!err)
		err = accounts_keep(e->serve->accounts, &m->why);
	return !err || undone(e, 500, "server_failure", m->why.reason);
}

/*
 * An invitation is used up before the certificate leaves, so that of two clients at once one gets it.  Its user has an account from
 * then on, with the password that the client sends along: with it the client renews, and so it takes the place of an earlier one.
 */
static bool take_invitation(struct serve_enrollment *e, struct making *m)
{
	struct serve *s = e->serve;
	char digest[ENROLL_DIGEST], hash[ACCOUNTS_HASH_MAX];
	if (!enroll_invitation_digest(digest, e->password))
		return true;
	if (accounts_begin(s->accounts, &m->why))
		return undone(e, 500, "server_failure", m->why.reason);
	if (!accounts_take_invitation(s->accounts, digest, e->user, cli_now()))
		return undone(
			e, 403, failed_authentication, "the invitation was used by somebody else");
	if (!e->new_password || !*e->new_password)
		return true;
	if (!accounts_password_hash(hash, e->new_password))
		return undone(e, 500, "server_failure", "the password cannot be hashed");
	return !accounts_set(s->accounts, e->user, hash, cli_now(), &m->why) ||
	       undone(e, 500, "server_failure", m->why.reason);
}

/*
 * Whoever has an invitation for anybody may name a new user, and not one who is there: that would give out the certificate of
 * somebody else.
 */
static bool check_invited(struct serve_enrollment *e, struct making *m)
{
	struct accounts *accounts = e->serve->accounts;
	char digest[ENROLL_DIGEST], hash[ACCOUNTS_HASH_MAX];
	bool known = enroll_ledger_user(&m->authority, e->user) ||
		     accounts_hash(accounts, e->user, hash);
	if (!known || !enroll_invitation_digest(digest, e->password) ||
		accounts_invited(accounts, digest, e->user, true, cli_now()))
		return true;
	answer(e, 403, username_not_available,
		"the invitation does not name this user, who exists");
	return false;
}

static void issue(struct serve_enrollment *e, struct making *m)
{
	struct serve *s = e->serve;
	if (!read_count(e, m) || !check_names(e, m))
		return;
	if (enroll_authority_open(&m->authority, s->overlay, cli_monotonic() + 2 * RELOAD_SECOND,
		    enroll_now(), &m->why) ||
		enroll_authority_key(&m->authority, s->cli, &s->passphrase, &m->why)) {
		answer(e, 500, "server_failure", m->why.what);
		return;
	}
	if (!check_invited(e, m) || !take_node_ids(e, m) || !certify(e, m) ||
		!take_invitation(e, m) || !save(e, m))
		return;
	wr_span(&e->certificate, m->cert->der);
	answer(e, 200, "issued", m->ids_count > 1 ? "several Node-IDs" : "one Node-ID");
}

/* Passwords that were sent while the last allowed one was being checked are not guessed either. */
static bool proven(struct serve_enrollment *e, bool authentic)
{
	char digest[ENROLL_DIGEST];
	if (enroll_invitation_digest(digest, e->password)) {
		if (!authentic)
			answer(e, 403, failed_authentication, "no such invitation, or it was used");
		return authentic;
	}
	if (too_many_passwords(e))
		return false;
	if (!authentic) {
		count(e->serve, SERVE_PASSWORDS_OF_ADDRESS, e->network);
		count(e->serve, SERVE_PASSWORDS_OF_ACCOUNT, e->user);
		answer(e, 403, failed_authentication, "wrong password, or no such account");
	}
	return authentic;
}

/* An operator who is asked something holds the lock as long as it takes; nobody else waits for that. */
static bool is_locked(const struct serve *s)
{
	struct reload_error_text why = { 0 };
	int fd;
	enum reload_err err = cli_file_lock(&fd, s->lock_path, 0, &why);
	if (!err)
		close(fd);
	return err == RELOAD_TIMEOUT;
}

bool serve_enroll_again(struct serve_enrollment *e)
{
	struct making m = { .authority = { .lock = -1 } };
	e->delayed = is_locked(e->serve);
	if (e->delayed && cli_monotonic() < e->until)
		return false;
	if (e->delayed) {
		answer(e, 503, "busy", "another program works with the authority");
		return true;
	}
	issue(e, &m);
	reload_cert_free(m.cert);
	enroll_authority_close(&m.authority);
	return true;
}

bool serve_enroll_end(struct serve_enrollment *e, bool authentic)
{
	e->until = cli_monotonic() + DELAY_MS;
	return !proven(e, authentic) || serve_enroll_again(e);
}
