#include "reload-enroll/next.h"

#include "reload-enroll/accounts.h"
#include "reload-enroll/passphrase.h"
#include "common/password.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	OLD_DIGITS = 16, /* of the fingerprint */
	NAMES_MAX = 1000
};

static const char *const pair_files[] = { "cert.pem", "key.pem" };

/* The directories of what is next. */
struct next {
	char *dir, *signer_dir;
};

static struct next next_of(const struct enroll_authority *a)
{
	struct next n = { .dir = enroll_join(a->dir, "next") };
	n.signer_dir = enroll_join(n.dir, "signer");
	return n;
}

static void next_clear(struct next *n)
{
	free(n->dir);
	free(n->signer_dir);
}

static bool has_pair(const char *dir)
{
	char *path = enroll_join(dir, "cert.pem");
	bool there = !access(path, F_OK);
	free(path);
	return there;
}

/* -- making ---------------------------------------------------------------------------------------------------------------- */

static enum reload_err is_there(const struct next *n, struct reload_error_text *why)
{
	enum reload_err err = reload_error_explain(why, RELOAD_EXISTS,
		"a next authority or signer is there already", "it is in %s",
		cli_path_show(n->dir));
	reload_error_advise(why, "reload-enroll config publish, after which it is in use");
	return err;
}

/* A name that no root-cert of the document has: names lead from a certificate to its issuer. */
static void choose_name(char out[300], const struct reload_config *config)
{
	bool taken = true;
	for (unsigned n = 2; taken && n < NAMES_MAX; n++) {
		snprintf(out, 300, "%.250s authority %u", config->instance_name, n);
		taken = false;
		for (size_t i = 0; i < config->roots_count; i++)
			taken |= memmem(config->roots[i].at, config->roots[i].len, out,
					 strlen(out)) != NULL;
	}
}

/* The user whose name the signer has now. */
static enum reload_err make_signer(struct enroll_keypair *out, struct enroll_change *c,
	const struct enroll_keypair *issuer, reload_utc until, struct reload_id *node,
	struct reload_error_text *why)
{
	char *owner;
	do {
		enroll_node_id(node, c->authority.config->node_id_len);
		owner = enroll_ledger_owner(&c->authority, node);
		free(owner);
	} while (owner);
	return enroll_keypair_signer(out, c->authority.config->instance_name, c->cert->user, node,
		issuer, c->now, until, why);
}

static enum reload_err put_all(struct enroll_change *c, const struct next *n,
	const struct enroll_keypair *authority, const struct enroll_keypair *signer,
	struct reload_error_text *why)
{
	enum reload_err err = RELOAD_OK;
	if (c->cli->dry_run)
		return RELOAD_OK;
	err = cli_files_mkdir(c->files, n->signer_dir, 0700, why);
	if (!err && authority->cert)
		err = enroll_keypair_put(authority, c->files, n->dir, c->passphrase, true, why);
	if (!err)
		err = enroll_keypair_put(signer, c->files, n->signer_dir, c->passphrase, true, why);
	return err;
}

enum reload_err enroll_next_make(struct enroll_change *c, bool with_authority, reload_utc until,
	struct reload_cert **root, struct reload_id *signer, struct reload_error_text *why)
{
	struct enroll_keypair authority = { 0 }, below = { 0 }, present = { 0 };
	struct next n = next_of(&c->authority);
	char name[300];
	enum reload_err err =
		has_pair(n.dir) || has_pair(n.signer_dir) ? is_there(&n, why) : RELOAD_OK;
	choose_name(name, c->authority.config);
	if (!err && with_authority)
		err = enroll_keypair_authority(&authority, name, c->now, until, why);
	else if (!err)
		err = enroll_keypair_load(&present, c->authority.dir, c->cli, &c->passphrase, why);
	if (!err)
		err = make_signer(
			&below, c, with_authority ? &authority : &present, until, signer, why);
	if (!err)
		err = put_all(c, &n, &authority, &below, why);
	if (!err)
		err = accounts_begin(c->authority.accounts, c->cert->user, why);
	if (!err)
		err = enroll_ledger_reserve(&c->authority, c->cert->user, signer, why);
	if (!err && with_authority)
		*root = reload_cert_ref(authority.cert);
	enroll_keypair_clear(&authority);
	enroll_keypair_clear(&below);
	enroll_keypair_clear(&present);
	next_clear(&n);
	return err;
}

/* -- taking ------------------------------------------------------------------------------------------------------------------ */

char *enroll_next_old(const struct enroll_authority *a, const struct reload_cert *cert)
{
	char print[65], part[OLD_DIGITS + 8];
	reload_hex(print, span_of(cert->fingerprint, 32));
	snprintf(part, sizeof(part), "old/%.*s", OLD_DIGITS, print);
	return enroll_join(a->dir, part);
}

static enum reload_err copy(struct cli_files *files, const char *from, const char *to,
	const char *name, reload_ms deadline, struct reload_error_text *why)
{
	char *source = enroll_join(from, name), *target = enroll_join(to, name);
	uint8_t *bytes = NULL;
	size_t len = 0;
	enum reload_err err = cli_file_read(&bytes, &len, source, CLI_CERT_FILE_MAX, deadline, why);
	if (!err)
		cli_files_put(
			files, target, strcmp(name, "key.pem") ? 0644 : 0600, span_of(bytes, len));
	cli_password_free((char *)bytes);
	free(source);
	free(target);
	return err;
}

static enum reload_err copy_pair(struct cli_files *files, const char *from, const char *to,
	reload_ms deadline, struct reload_error_text *why)
{
	enum reload_err err = cli_files_mkdir(files, to, 0700, why);
	for (size_t i = 0; !err && i < COUNT_OF(pair_files); i++)
		err = copy(files, from, to, pair_files[i], deadline, why);
	return err;
}

/* Whether the certificates of what is next are known to every peer by config. */
static bool is_listed(const struct next *n, const struct reload_config *config)
{
	struct reload_cert *cert = NULL, **others = NULL;
	struct reload_error_text ignored = { 0 };
	size_t count = 0;
	char *path = enroll_join(n->signer_dir, "cert.pem");
	const struct reload_id_list *signers = &config->configuration_signers;
	bool listed = !cli_certs_load(&cert, &others, &count, path, &ignored) &&
		      cert->node_ids_count &&
		      reload_id_listed(signers->at, signers->count, &cert->node_ids[0]) &&
		      !reload_trust_check(config->trust, cert, NULL, 0, enroll_now(), &ignored);
	reload_cert_free(cert);
	cli_certs_free(others, count);
	free(path);
	return listed;
}

static void remove_pair(const char *dir)
{
	for (size_t i = 0; i < COUNT_OF(pair_files); i++) {
		char *path = enroll_join(dir, pair_files[i]);
		(void)unlink(path);
		free(path);
	}
	(void)rmdir(dir);
}

static enum reload_err take(const struct enroll_authority *a, const struct next *n, struct cli *cli,
	struct reload_error_text *why)
{
	AUTO(cli_files) files = cli_files_new();
	char *old = enroll_next_old(a, a->cert), *old_signer = enroll_join(old, "signer");
	char *signer = enroll_join(a->dir, "signer");
	enum reload_err err = copy_pair(files, signer, old_signer, cli->deadline, why);
	if (!err && has_pair(n->dir))
		err = copy_pair(files, a->dir, old, cli->deadline, why);
	if (!err && has_pair(n->dir))
		err = copy_pair(files, n->dir, a->dir, cli->deadline, why);
	if (!err)
		err = copy_pair(files, n->signer_dir, signer, cli->deadline, why);
	if (!err)
		err = cli_files_commit(files, why);
	if (!err) { /* when it is killed here, the same is done once more */
		remove_pair(n->signer_dir);
		remove_pair(n->dir);
	}
	free(old);
	free(old_signer);
	free(signer);
	return err;
}

enum reload_err enroll_next_take(bool *taken, struct cli *cli, const struct reload_config *config,
	struct reload_error_text *why)
{
	struct enroll_authority a = { .lock = -1 };
	enum reload_err err =
		enroll_authority_open(&a, config->instance_name, cli->deadline, 0, why);
	*taken = false;
	if (err)
		return err == RELOAD_BAD_CONFIG ? RELOAD_OK : err;
	struct next n = next_of(&a);
	if (has_pair(n.signer_dir) && is_listed(&n, config)) {
		err = take(&a, &n, cli, why);
		*taken = !err;
	}
	next_clear(&n);
	enroll_authority_close(&a);
	return err;
}
