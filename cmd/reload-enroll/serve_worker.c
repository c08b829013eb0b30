/*
 * Of a request for a certificate the public key is used and the wish for a user name, which has to be that of the account.
 */
#include "reload-enroll/serve_worker.h"

#include "common/password.h"
#include "reload-enroll/accounts.h"
#include "reload-enroll/invite.h"
#include "reload-enroll/serve_probe.h"
#include "util/text.h"
#include "util/words.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	ANSWERED_MS = 600 * 1000 /* how long an answer that was lost is given once more */
};

/* Which file was read: another one has another number or time. */
struct mark {
	ino_t inode;
	off_t size;
	struct timespec changed;
};

static const char *const read_files[] = { "../overlay.xml", "cert.pem", "key.pem", "users" };

struct worker {
	struct serve *serve;
	struct enroll_authority authority;
	bool open;
	struct mark marks[COUNT_OF(read_files)];
};

/* -- the authority ------------------------------------------------------------------------------------------------------------ */

static void look(const struct worker *w, struct mark marks[COUNT_OF(read_files)])
{
	for (size_t i = 0; i < COUNT_OF(read_files); i++) {
		char *path = enroll_join(w->serve->dir, read_files[i]);
		struct stat st;
		marks[i] = (struct mark){ 0 };
		if (!stat(path, &st))
			marks[i] = (struct mark){ st.st_ino, st.st_size, st.st_mtim };
		free(path);
	}
}

static void close_authority(struct worker *w)
{
	if (w->open)
		enroll_authority_close(&w->authority);
	w->open = false;
}

/* Opens the authority, or again when its files have changed; one that cannot be read while another program changes it stays as it is. */
static enum reload_err refresh(struct worker *w, struct reload_error_text *why)
{
	struct mark marks[COUNT_OF(read_files)];
	struct enroll_authority fresh = { .lock = -1 };
	look(w, marks);
	if (w->open && !memcmp(marks, w->marks, sizeof(marks)))
		return RELOAD_OK;
	/* a copy: keys that have been encrypted meanwhile have another one, and other threads read this one */
	const char *known = w->serve->passphrase;
	char *passphrase = known ? reload_strdup(known) : NULL;
	enum reload_err err = enroll_authority_read(&fresh, w->serve->overlay, why);
	if (!err)
		err = enroll_authority_key(&fresh, w->serve->cli, &passphrase, why);
	cli_password_free(passphrase);
	if (err) {
		enroll_authority_close(&fresh);
		return w->open ? RELOAD_OK : err;
	}
	close_authority(w);
	w->authority = fresh;
	w->open = true;
	memcpy(w->marks, marks, sizeof(marks));
	return RELOAD_OK;
}

void *serve_worker_begin(void *arg)
{
	struct worker *w = RELOAD_NEW(worker);
	w->serve = arg;
	return w;
}

void serve_worker_end(void *state)
{
	close_authority(state);
	free(state);
}

/* A failure that is not the client's; others that keep the database locked are a reason to come again. */
static bool failed(struct serve_enrollment *e, enum reload_err err, const char *reason)
{
	if (err == RELOAD_TIMEOUT)
		serve_enroll_decide(e, 503, "busy", reason);
	else if (err)
		serve_enroll_decide(e, 500, "server_failure", reason);
	return err != RELOAD_OK;
}

/* -- authentication ----------------------------------------------------------------------------------------------------------- */

/* The digest of the key in the request, by which a lost answer is found again; false: it has none that can be read. */
static bool key_digest(char out[ENROLL_DIGEST], struct serve_enrollment *e)
{
	struct wr info;
	uint8_t digest[RELOAD_HASH_SIZE_MAX];
	wr_init(&info);
	bool ok = !reload_csr_public_info(&info, wr_done(&e->csr), NULL);
	struct span bytes = wr_done(&info);
	if (ok) {
		reload_hash(digest, RELOAD_HASH_SHA256, &bytes, 1);
		reload_hex(out, span_of(digest, 32));
	}
	wr_clear(&info);
	return ok;
}

/* The same invitation, user and key once more: the answer was lost, and nobody else can ask for it. */
static bool answer_again(
	struct worker *w, struct serve_enrollment *e, const char digest[ENROLL_DIGEST])
{
	char key[ENROLL_DIGEST];
	uint8_t *der = NULL;
	size_t len = 0;
	char *text = key_digest(key, e) ? accounts_answered(w->authority.accounts, digest, e->user,
						  key, cli_now())
					: NULL;
	bool found = text && !reload_unbase64(&der, &len, text, strlen(text));
	if (found) {
		wr_bytes(&e->certificate, der, len);
		serve_enroll_decide(e, 200, "issued", "once more, as the answer was lost");
	}
	free(der);
	free(text);
	return found;
}

static void authenticate(struct worker *w, struct serve_enrollment *e)
{
	struct accounts *accounts = w->authority.accounts;
	struct reload_error_text why = { 0 };
	char hash[ACCOUNTS_HASH_MAX], digest[ENROLL_DIGEST];
	(void)!accounts_check(accounts, &why); /* what failed before is no matter of this one */
	if (enroll_invitation_digest(digest, e->password)) {
		e->authentic = accounts_invited(accounts, digest, e->user, false, cli_now());
		if (!e->authentic)
			e->authentic = answer_again(w, e, digest);
		if (failed(e, accounts_check(accounts, &why), why.reason))
			e->certificate.len = 0;
		return;
	}
	bool known = accounts_hash(accounts, e->user, hash);
	if (failed(e, accounts_check(accounts, &why), why.reason))
		return;
	e->authentic = accounts_password_check(known ? hash : NULL, e->password);
	OPENSSL_cleanse(hash, sizeof(hash));
}

/* -- the decision ------------------------------------------------------------------------------------------------------------- */

/* What is made for one enrollment. */
struct making {
	struct enroll_authority *authority;
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
	uint64_t number = 0;
	if (!text)
		return true;
	if (!reload_digits(&number, &text) || *text || !number ||
		number > RELOAD_CERT_NODE_IDS_MAX) {
		serve_enroll_decide(
			e, 403, SERVE_NODE_IDS_NOT_AVAILABLE, "the number is not from 1 to 32");
		return false;
	}
	m->ids_count = (size_t)number;
	return true;
}

/* ENR-05: the name in the request is the account's, or missing. */
static bool check_names(struct serve_enrollment *e, struct making *m)
{
	char *wish = NULL;
	if (reload_csr_user(&wish, wr_done(&e->csr), &m->why)) {
		serve_enroll_decide(e, 403, SERVE_BAD_CSR, m->why.reason);
		return false;
	}
	bool same = !wish || !strcmp(wish, e->user);
	free(wish);
	if (!same || enroll_user_check(e->user, &m->why)) {
		serve_enroll_decide(e, 403, SERVE_USERNAME_NOT_AVAILABLE,
			same ? m->why.reason : "the request names another user");
		return false;
	}
	return true;
}

static bool take_node_ids(struct serve_enrollment *e, struct making *m)
{
	struct enroll_device device = { 0 };
	enum reload_err err = enroll_ledger_node_ids(
		m->authority, e->user, &device, &m->ids_count, m->ids, &m->why);
	if (err == RELOAD_CERT_REVOKED)
		serve_enroll_decide(e, 403, SERVE_FAILED_AUTHENTICATION, "the user is disabled");
	else if (err == RELOAD_EXISTS)
		serve_enroll_decide(e, 403, SERVE_USERNAME_NOT_AVAILABLE, m->why.reason);
	else
		(void)failed(e, err, m->why.reason);
	return !err;
}

/* R-11.1-08: by a document that has expired nobody may be a node. */
static bool is_over(const struct enroll_authority *a, reload_utc now)
{
	return a->config->expiration && now >= a->config->expiration;
}

static bool certify(struct serve_enrollment *e, struct making *m)
{
	const struct enroll_authority *a = m->authority;
	reload_utc now = enroll_now();
	struct reload_cert_request req = {
		.overlay = a->config->instance_name,
		.user = e->user,
		.node_ids = m->ids,
		.node_ids_count = m->ids_count,
		.not_after = now + ENROLL_NODE_VALIDITY,
	};
	struct enroll_certify with = {
		.config = a->config, .authority = a, .csr = wr_done(&e->csr), .now = now
	};
	if (is_over(a, now))
		return !failed(e, RELOAD_CONFIG_EXPIRED, "the configuration has expired");
	enroll_serial(m->serial);
	memcpy(req.serial, m->serial, sizeof(req.serial));
	if (!enroll_certify(&m->cert, &req, &with, &m->why))
		return true;
	serve_enroll_decide(e, with.bad_csr ? 403 : 500,
		with.bad_csr ? SERVE_BAD_CSR : "server_failure", m->why.reason);
	return false;
}

/*
 * Whoever has an invitation for anybody may name a new user, and not one who is there: that would give out the certificate of
 * somebody else.
 */
static bool check_invited(
	struct serve_enrollment *e, struct making *m, const char digest[ENROLL_DIGEST])
{
	struct accounts *accounts = m->authority->accounts;
	json_t *entry = accounts_entry(accounts, e->user);
	bool known = entry != NULL;
	json_decref(entry);
	if (failed(e, accounts_check(accounts, &m->why), m->why.reason))
		return false;
	if (!known || accounts_invited(accounts, digest, e->user, true, cli_now()))
		return true;
	serve_enroll_decide(e, 403, SERVE_USERNAME_NOT_AVAILABLE,
		"the invitation does not name this user, who exists");
	return false;
}

static enum reload_err note_answer(
	struct serve_enrollment *e, struct making *m, const char digest[ENROLL_DIGEST])
{
	char key[ENROLL_DIGEST];
	if (!key_digest(key, e))
		return RELOAD_OK;
	char *text = reload_base64(m->cert->der);
	reload_utc now = cli_now();
	enum reload_err err = accounts_answer(m->authority->accounts, digest, e->user, key, text,
		now, now + ANSWERED_MS, &m->why);
	free(text);
	return err;
}

/*
 * An invitation is used up before the certificate leaves, so that of two clients at once one gets it.  Its user has an account from
 * then on, with the password that the client sends along: with it the client renews, and so it takes the place of an earlier one.
 */
static bool take_invitation(
	struct serve_enrollment *e, struct making *m, const char digest[ENROLL_DIGEST])
{
	struct accounts *accounts = m->authority->accounts;
	char hash[ACCOUNTS_HASH_MAX];
	if (!accounts_take_invitation(accounts, digest, e->user, cli_now())) {
		serve_enroll_decide(e, 403, SERVE_FAILED_AUTHENTICATION,
			"the invitation was used by somebody else");
		return false;
	}
	enum reload_err err = note_answer(e, m, digest);
	if (!err && e->new_password && *e->new_password) {
		err = accounts_password_hash(hash, e->new_password)
			      ? accounts_set(accounts, e->user, hash, cli_now(), &m->why)
			      : RELOAD_FAILED;
		OPENSSL_cleanse(hash, sizeof(hash));
	}
	return !failed(e, err, m->why.reason);
}

/* What is decided and noted in one transaction: an invitation that got nothing is still good. */
static bool issue_begun(struct serve_enrollment *e, struct making *m)
{
	char digest[ENROLL_DIGEST];
	bool invited = enroll_invitation_digest(digest, e->password);
	if (invited && !check_invited(e, m, digest))
		return false;
	if (!take_node_ids(e, m) || !certify(e, m) || (invited && !take_invitation(e, m, digest)))
		return false;
	return !failed(
		e, enroll_ledger_note(m->authority, m->cert, m->serial, &m->why), m->why.reason);
}

/* Ledger and accounts are on the disk before the certificate leaves: nobody else gets its Node-IDs. */
static void issue(struct worker *w, struct serve_enrollment *e)
{
	struct making m = { .authority = &w->authority };
	struct accounts *accounts = w->authority.accounts;
	const char *text = m.why.reason;
	if (!read_count(e, &m) || !check_names(e, &m))
		return;
	if (failed(e, accounts_begin(accounts, e->user, &m.why), text))
		return;
	if (issue_begun(e, &m)) {
		serve_enroll_decide(
			e, 200, "issued", m.ids_count > 1 ? "several Node-IDs" : "one Node-ID");
		accounts_note(accounts, cli_now(), e->address, e->user, e->text, e->detail);
		if (!failed(e, accounts_keep(accounts, &m.why), text)) {
			e->noted = true;
			wr_span(&e->certificate, m.cert->der);
		}
	}
	accounts_undo(accounts);
	reload_cert_free(m.cert);
}

/* -- jobs ------------------------------------------------------------------------------------------------------------------------ */

static void enroll(struct worker *w, struct serve_enrollment *e)
{
	struct reload_error_text why = { 0 };
	if (failed(e, refresh(w, &why), why.what))
		return;
	if (e->proven)
		issue(w, e);
	else
		authenticate(w, e);
	if (!e->status || e->noted || !e->proven)
		return;
	accounts_note(w->authority.accounts, cli_now(), e->address, e->user, e->text, e->detail);
	e->noted = true;
}

void serve_worker_work(void *state, void *job)
{
	struct worker *w = state;
	struct serve_note *n = job;
	struct reload_error_text ignored = { 0 };
	if (*(enum serve_job *)job == SERVE_JOB_ENROLLMENT)
		enroll(w, job);
	else if (refresh(w, &ignored))
		return;
	else if (*(enum serve_job *)job == SERVE_JOB_PROBE)
		serve_probe_run(job, w->authority.config);
	else
		accounts_note(w->authority.accounts, cli_now(), n->address, n->user, n->decision,
			n->detail);
}
