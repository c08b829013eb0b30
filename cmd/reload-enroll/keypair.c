#include "reload-enroll/keypair.h"

#include "reload-enroll/passphrase.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

void enroll_keypair_clear(struct enroll_keypair *p)
{
	reload_key_free(p->key);
	reload_cert_free(p->cert);
	*p = (struct enroll_keypair){ 0 };
}

static enum reload_err make(struct enroll_keypair *p, struct reload_cert_request *req,
	const struct enroll_keypair *issuer, struct reload_error_text *why)
{
	struct wr der;
	wr_init(&der);
	enroll_serial(req->serial);
	enum reload_err err = reload_key_new(&p->key, RELOAD_KEY_P256);
	if (!err)
		err = reload_cert_make(&der, req, p->key, issuer ? issuer->cert : NULL,
			issuer ? issuer->key : NULL);
	if (err)
		(void)reload_error_explain(
			why, err, "no certificate can be made", "%s", reload_err_text(err));
	else
		err = reload_cert_parse(&p->cert, &reload_ident_openssl, wr_done(&der), why);
	wr_clear(&der);
	return err;
}

enum reload_err enroll_keypair_authority(struct enroll_keypair *out, const char *name,
	reload_utc now, reload_utc until, struct reload_error_text *why)
{
	struct reload_cert_request req = {
		.authority_name = name, .not_before = now - ENROLL_BACKDATED_MS, .not_after = until
	};
	return make(out, &req, NULL, why);
}

enum reload_err enroll_keypair_signer(struct enroll_keypair *out, const char *overlay,
	const char *user, const struct reload_id *node, const struct enroll_keypair *issuer,
	reload_utc now, reload_utc until, struct reload_error_text *why)
{
	struct reload_cert_request req = { .overlay = overlay,
		.user = user,
		.node_ids = node,
		.node_ids_count = 1,
		.not_before = now - ENROLL_BACKDATED_MS,
		.not_after = until };
	if (req.not_before < issuer->cert->not_before)
		req.not_before = issuer->cert->not_before;
	if (req.not_after > issuer->cert->not_after)
		req.not_after = issuer->cert->not_after;
	return make(out, &req, issuer, why);
}

static void put(
	struct cli_files *files, const char *path, unsigned mode, struct span bytes, bool is_new)
{
	if (is_new)
		cli_files_put_new(files, path, mode, bytes);
	else
		cli_files_put(files, path, mode, bytes);
}

enum reload_err enroll_keypair_put(const struct enroll_keypair *p, struct cli_files *files,
	const char *dir, const char *passphrase, bool is_new, struct reload_error_text *why)
{
	char *key_path = enroll_join(dir, "key.pem"), *cert_path = enroll_join(dir, "cert.pem");
	char *cert = enroll_pem(p->cert->der);
	struct wr key;
	wr_init(&key);
	enum reload_err err = passphrase ? reload_key_write_sealed(&key, p->key, passphrase)
					 : reload_key_write_pem(&key, p->key);
	if (err) {
		(void)reload_error_explain(
			why, err, "the key cannot be written", "%s", reload_err_text(err));
	} else {
		put(files, key_path, 0600, wr_done(&key), is_new);
		put(files, cert_path, 0644, span_str(cert), is_new);
	}
	if (key.len)
		OPENSSL_cleanse(key.at, key.len);
	wr_clear(&key);
	free(cert);
	free(cert_path);
	free(key_path);
	return err;
}

static enum reload_err does_not_fit(const char *key, const char *dir, struct reload_error_text *why)
{
	char what[256];
	snprintf(what, sizeof(what), "%.200s does not fit the certificate beside it",
		cli_path_show(key));
	enum reload_err err = reload_error_explain(
		why, RELOAD_BAD_KEY, what, "it belongs to another certificate");
	reload_error_advise(
		why, "restore cert.pem and key.pem in %s from one backup", cli_path_show(dir));
	return err;
}

enum reload_err enroll_keypair_load(struct enroll_keypair *out, const char *dir, struct cli *cli,
	char **passphrase, struct reload_error_text *why)
{
	struct enroll_keypair p = { 0 };
	struct reload_cert **others = NULL;
	size_t others_count = 0;
	char *cert = enroll_join(dir, "cert.pem"), *key = enroll_join(dir, "key.pem");
	enum reload_err err = cli_certs_load(&p.cert, &others, &others_count, cert, why);
	if (!err)
		err = enroll_key_load(&p.key, key, cli, passphrase, why);
	if (!err && !reload_key_fits(p.key, p.cert))
		err = does_not_fit(key, dir, why);
	cli_certs_free(others, others_count);
	free(cert);
	free(key);
	if (err)
		enroll_keypair_clear(&p);
	else
		*out = p;
	return err;
}
