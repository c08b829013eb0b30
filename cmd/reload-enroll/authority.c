/* The local authority: its key and its certificate, and certificates that it makes. */
#include "reload-enroll/enroll.h"

#include "reload-enroll/accounts.h"
#include "reload-enroll/keypair.h"

#include "util/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum reload_err no_authority(
	const char *overlay, const char *dir, struct reload_error_text *why)
{
	char what[256];
	snprintf(what, sizeof(what), "no authority of %.120s is here", overlay);
	enum reload_err err = reload_error_explain(
		why, RELOAD_BAD_CONFIG, what, "there is no directory %s", cli_path_show(dir));
	reload_error_advise(why, "reload-enroll init %s", overlay);
	return err;
}

static enum reload_err lock_authority(
	struct enroll_authority *a, reload_ms deadline, struct reload_error_text *why)
{
	char *lock = enroll_join(a->dir, "lock");
	enum reload_err err = cli_file_lock(&a->lock, lock, deadline, why);
	free(lock);
	return err;
}

static enum reload_err read_authority(
	struct enroll_authority *a, reload_utc now, struct reload_error_text *why)
{
	struct reload_cert **others = NULL;
	size_t others_count = 0;
	char *cert = enroll_join(a->dir, "cert.pem");
	enum reload_err err = cli_certs_load(&a->cert, &others, &others_count, cert, why);
	if (!err)
		err = cli_config_load(&a->config, a->config_path, a->overlay, now, why);
	if (!err && now >= a->cert->not_after) {
		err = reload_error_explain(why, RELOAD_CERT_EXPIRED,
			"the authority's certificate has expired",
			"no node would trust certificates that %s signs", cli_path_show(cert));
		reload_error_advise(why,
			"RELOAD_HOME=DIR reload-enroll init %s, a new authority for all nodes",
			a->overlay);
	}
	if (!err)
		err = accounts_open(&a->accounts, a->dir, a->overlay, why);
	cli_certs_free(others, others_count);
	free(cert);
	return err;
}

enum reload_err enroll_authority_key(struct enroll_authority *a, struct cli *cli, char **passphrase,
	struct reload_error_text *why)
{
	struct enroll_keypair pair = { 0 };
	enum reload_err err = enroll_keypair_load(&pair, a->dir, cli, passphrase, why);
	if (!err)
		a->key = TAKE(pair.key);
	enroll_keypair_clear(&pair);
	return err;
}

static enum reload_err open_authority(struct enroll_authority *out, const char *overlay,
	const reload_ms *deadline, reload_utc now, struct reload_error_text *why)
{
	struct enroll_authority a = { .lock = -1 };
	struct stat st;
	char *dir = NULL;
	enum reload_err err = cli_path(&dir, CLI_CONFIG, overlay, why);
	if (err)
		return err;
	a.overlay = reload_strdup(overlay);
	a.dir = enroll_join(dir, "ca");
	a.config_path = enroll_join(dir, "overlay.xml");
	free(dir);
	if (stat(a.dir, &st))
		err = no_authority(overlay, a.dir, why);
	else if (deadline)
		err = lock_authority(&a, *deadline, why);
	if (!err)
		err = read_authority(&a, now, why);
	if (err)
		enroll_authority_close(&a);
	else
		*out = a;
	return err;
}

enum reload_err enroll_authority_open(struct enroll_authority *out, const char *overlay,
	reload_ms deadline, reload_utc now, struct reload_error_text *why)
{
	return open_authority(out, overlay, &deadline, now, why);
}

enum reload_err enroll_authority_read(
	struct enroll_authority *out, const char *overlay, struct reload_error_text *why)
{
	return open_authority(out, overlay, NULL, 0, why);
}

void enroll_authority_close(struct enroll_authority *a)
{
	reload_cert_free(a->cert);
	reload_key_free(a->key);
	reload_config_free(a->config);
	accounts_close(a->accounts);
	free(a->overlay);
	free(a->dir);
	free(a->config_path);
	if (a->dir && a->lock >= 0)
		close(a->lock);
	*a = (struct enroll_authority){ .lock = -1 };
}

/* -- certificates ---------------------------------------------------------------------------------------------------------- */

enum reload_err enroll_certify(struct reload_cert **out, struct reload_cert_request *req,
	struct enroll_certify *with, struct reload_error_text *why)
{
	const struct enroll_authority *a = with->authority;
	struct wr der;
	enum reload_err err;
	wr_init(&der);
	req->not_before = with->now - ENROLL_BACKDATED_MS;
	if (a && req->not_before < a->cert->not_before)
		req->not_before = a->cert->not_before;
	if (a && req->not_after > a->cert->not_after)
		req->not_after =
			a->cert->not_after; /* a certificate must not outlive its authority */
	if (with->csr.len) {
		err = reload_cert_make_csr(&der, req, with->csr, a->cert, a->key, why);
		with->bad_csr = err != RELOAD_OK;
	} else {
		err = reload_cert_make(&der, req, with->key, a ? a->cert : NULL, a ? a->key : NULL);
		if (err)
			(void)reload_error_explain(
				why, err, "no certificate can be made", "%s", reload_err_text(err));
	}
	if (!err)
		err = reload_cert_parse(out, &reload_ident_openssl, wr_done(&der), why);
	if (!err)
		err = reload_trust_check(with->config->trust, *out, NULL, 0, with->now, why);
	wr_clear(&der);
	return err;
}
