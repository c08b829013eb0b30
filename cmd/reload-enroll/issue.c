/* issue: the local authority certifies a user.  self: a node certifies itself, where the overlay permits it. */
#include "reload-enroll/enroll.h"

#include "common/password.h"
#include "reload-enroll/accounts.h"

#include <stdlib.h>
#include <string.h>

enum {
	CSR_FILE_MAX = 65536,
	STATUS_CREDENTIALS = 10,
	STATUS_FORBIDDEN = 6
};

/* What one certificate is made of. */
struct issue {
	struct cli *cli;
	const char *user;
	reload_utc now;
	reload_ms validity;
	struct reload_id ids[RELOAD_CERT_NODE_IDS_MAX];
	size_t ids_count;
	uint8_t serial[16];
	struct bytes csr;         /* empty: the target's key */
	struct reload_cert *cert; /* made */
	int status;               /* exit status when it is not that of the failure; 0: it is */
};

/* start() reads the options that issue and self have in common. */
static enum reload_err start(struct issue *m, struct cli *cli, struct reload_error_text *why)
{
	uint64_t count = 0;
	*m = (struct issue){ .cli = cli, .user = cli->operands[0], .now = enroll_now() };
	enum reload_err err = enroll_user_check(m->user, why);
	if (!err)
		err = enroll_validity(cli, ENROLL_NODE_VALIDITY, &m->validity, why);
	if (!err)
		err = cli_number(cli, "node-ids", 0, 1, RELOAD_CERT_NODE_IDS_MAX, &count, why);
	if (err)
		return err;
	m->ids_count = (size_t)count;
	enroll_user_warn(cli, m->user);
	enroll_serial(m->serial);
	return RELOAD_OK;
}

/* certify() makes the certificate and checks it as every node would. */
static enum reload_err certify(struct issue *m, const struct reload_config *config,
	const struct reload_key *key, const struct enroll_authority *a,
	struct reload_error_text *why)
{
	struct reload_cert_request req = {
		.overlay = config->instance_name,
		.user = m->user,
		.node_ids = m->ids,
		.node_ids_count = m->ids_count,
		.not_after = m->now + m->validity,
	};
	struct enroll_certify with = { .config = config,
		.authority = a,
		.key = key,
		.csr = bytes_span(m->csr),
		.now = m->now };
	memcpy(req.serial, m->serial, sizeof(req.serial));
	enum reload_err err = enroll_certify(&m->cert, &req, &with, why);
	m->status = err && with.bad_csr ? STATUS_CREDENTIALS : m->status;
	return err;
}

/* read_csr() takes the request of --csr; its user name, if it has one, must be the one on the command line. */
static enum reload_err read_csr(struct issue *m, const char *path, struct reload_error_text *why)
{
	char *user = NULL;
	enum reload_err err =
		cli_file_read(&m->csr.at, &m->csr.len, path, CSR_FILE_MAX, m->cli->deadline, why);
	if (err)
		return err;
	m->status = STATUS_CREDENTIALS;
	if (!m->csr.len) {
		reload_error_explain(why, RELOAD_BAD_VALUE, "no certificate request",
			"bad_CSR: %s is empty", path);
		reload_error_advise(why, "openssl req -new -key KEYFILE -subj / -out %s", path);
		return RELOAD_BAD_VALUE;
	}
	err = reload_csr_user(&user, bytes_span(m->csr), why);
	if (!err && user && strcmp(user, m->user) != 0) {
		err = reload_error_explain(why, RELOAD_BAD_VALUE,
			"the certificate request is of another user", "bad_CSR: it names %s", user);
		reload_error_advise(why, "reload-enroll issue %.120s --csr %.100s", user, path);
	}
	free(user);
	if (!err)
		m->status = 0;
	return err;
}

/* A further device has its own identity: the same command twice does not use up Node-IDs. */
static enum reload_err check_further(
	const struct issue *m, const struct enroll_target *target, struct reload_error_text *why)
{
	char what[256];
	if (!target->own_count || !cli_has(m->cli, "new-node-id"))
		return RELOAD_OK;
	snprintf(what, sizeof(what), "identity %.100s has a Node-ID already", target->name);
	enum reload_err err = reload_error_explain(
		why, RELOAD_EXISTS, what, "a further device needs an identity of its own");
	reload_error_advise(
		why, "--identity NAME with another NAME; without --new-node-id it is renewed");
	return err;
}

/*
 * The ledger is on the disk before the certificate is: when the process is killed in between, Node-IDs are taken that nobody has, and the same
 * user gets them with the next certificate.
 */
static enum reload_err save(struct issue *m, struct enroll_authority *a,
	struct enroll_target *target, struct reload_error_text *why)
{
	AUTO(cli_files) files = cli_files_new();
	enum reload_err err = RELOAD_OK;
	if (m->cli->dry_run)
		return cli_dir_check(a->dir, why);
	if (target->name)
		err = enroll_target_save(target, files, m->cert, a->config, why);
	if (!err)
		err = accounts_keep(a->accounts, why);
	return err ? err : cli_files_commit(files, why);
}

static enum reload_err issue_into(struct issue *m, struct enroll_authority *a,
	struct enroll_target *target, struct reload_error_text *why)
{
	struct enroll_device device = { target->own, target->own_count,
		cli_has(m->cli, "new-node-id") };
	enum reload_err err = accounts_begin(a->accounts, m->user, why);
	if (!err)
		err = enroll_ledger_node_ids(a, m->user, &device, &m->ids_count, m->ids, why);
	if (err == RELOAD_CERT_REVOKED)
		m->status = STATUS_FORBIDDEN;
	if (!err)
		err = certify(m, a->config, target->key, a, why);
	if (!err)
		err = enroll_ledger_note(a, m->cert, m->serial, why);
	return err ? err : save(m, a, target, why);
}

/* fail() ends a command that could not make its certificate. */
static int fail(struct issue *m, enum reload_err err, const struct reload_error_text *why)
{
	return cli_fail_with(
		m->cli, &(struct cli_error){ .err = err, .why = why, .status = m->status });
}

static enum reload_err issue(struct issue *m, struct reload_error_text *why)
{
	struct cli *cli = m->cli;
	struct enroll_authority a = { .lock = -1 };
	struct enroll_target target = { .lock = -1 };
	char *overlay = NULL, *passphrase = NULL;
	const char *csr = cli_value(cli, "csr", NULL);
	enum reload_err err = csr ? read_csr(m, csr, why) : RELOAD_OK;
	if (!err)
		err = enroll_overlay(&overlay, cli, m->user, "ca", why);
	if (!err)
		err = enroll_authority_open(&a, overlay, cli->deadline, m->now, why);
	if (!err)
		err = enroll_authority_key(&a, cli, &passphrase, why);
	if (!err && (!csr || cli_has(cli, "identity")))
		err = enroll_target_open(
			&target, cli, m->user, a.config->instance_name, false, csr != NULL, why);
	if (!err)
		err = check_further(m, &target, why);
	if (!err) {
		cli_step(cli, 1, "authority %s", cli_path_show(a.dir));
		enroll_domain_warn(cli, m->user, a.config->instance_name);
		err = issue_into(m, &a, &target, why);
	}
	if (!err)
		enroll_report(cli, target.name ? &target : NULL, m->cert, m->serial, false);
	enroll_target_close(&target);
	enroll_authority_close(&a);
	cli_password_free(passphrase);
	free(overlay);
	return err;
}

int enroll_issue(struct cli *cli)
{
	struct issue m;
	struct reload_error_text why = { 0 };
	enum reload_err err = start(&m, cli, &why);
	if (!err && cli_has(cli, "csr") && cli_has(cli, "key"))
		err = reload_error_explain(&why, RELOAD_USAGE, "--csr and --key exclude each other",
			"the request brings the key");
	if (!err)
		err = issue(&m, &why);
	reload_cert_free(m.cert);
	bytes_free(&m.csr);
	return err ? fail(&m, err, &why) : 0;
}

/* self_ids() derives the Node-IDs from the key (RFC 6940 s11.3.1). */
static enum reload_err self_ids(struct issue *m, const struct reload_config *config,
	const struct reload_key *key, struct reload_error_text *why)
{
	struct wr info;
	wr_init(&info);
	if (!m->ids_count)
		m->ids_count = 1;
	enum reload_err err = reload_key_public_info(&info, key);
	for (size_t i = 0; i < m->ids_count && !err; i++)
		err = reload_self_node_id(&m->ids[i], wr_done(&info), config->self_signed_digest,
			config->node_id_len, m->ids_count > 1 ? (uint32_t)i + 1 : 0);
	wr_clear(&info);
	return err ? reload_error_explain(
			     why, err, "no Node-ID can be derived", "%s", reload_err_text(err))
		   : RELOAD_OK;
}

/* self_config() finds the configuration: --config, else that of the overlay. */
static enum reload_err self_config(
	struct issue *m, struct reload_config **config, struct reload_error_text *why)
{
	struct cli *cli = m->cli;
	char *overlay = NULL, *dir = NULL, *path = NULL;
	const char *file = cli_value(cli, "config", NULL);
	enum reload_err err = RELOAD_OK;
	if (!file) {
		err = enroll_overlay(&overlay, cli, m->user, "overlay.xml", why);
		if (!err)
			err = cli_path(&dir, CLI_CONFIG, overlay, why);
		path = err ? NULL : enroll_join(dir, "overlay.xml");
	}
	if (!err)
		err = cli_config_load(config, file ? file : path,
			overlay ? overlay : cli_value(cli, "overlay", NULL), m->now, why);
	if (!err && !(*config)->self_signed_digest) {
		m->status = STATUS_FORBIDDEN;
		err = reload_error_explain(why, RELOAD_FAILED,
			"the overlay does not permit self-signed certificates",
			"the configuration of %s has no self-signed-permitted element",
			(*config)->instance_name);
		reload_error_advise(why, "reload-enroll issue %s", m->user);
	}
	free(overlay);
	free(dir);
	free(path);
	return err;
}

static enum reload_err self(struct issue *m, struct reload_error_text *why)
{
	struct cli *cli = m->cli;
	AUTO(reload_config) config = NULL;
	AUTO(cli_files) files = cli_files_new();
	struct enroll_target target = { .lock = -1 };
	enum reload_err err = self_config(m, &config, why);
	if (!err)
		err = enroll_target_open(
			&target, cli, m->user, config->instance_name, true, false, why);
	if (!err)
		err = self_ids(m, config, target.key, why);
	if (!err)
		enroll_domain_warn(cli, m->user, config->instance_name);
	if (!err)
		err = certify(m, config, target.key, NULL, why);
	if (!err && !cli->dry_run)
		err = enroll_target_save(&target, files, m->cert, config, why);
	if (!err && !cli->dry_run)
		err = cli_files_commit(files, why);
	if (!err)
		enroll_report(cli, &target, m->cert, m->serial, true);
	enroll_target_close(&target);
	return err;
}

int enroll_self(struct cli *cli)
{
	struct issue m;
	struct reload_error_text why = { 0 };
	enum reload_err err = start(&m, cli, &why);
	if (!err)
		err = self(&m, &why);
	reload_cert_free(m.cert);
	return err ? fail(&m, err, &why) : 0;
}

/* How long it was good when it was made. */
static reload_ms validity_of(const struct reload_cert *old)
{
	reload_ms lasts = old->not_after - old->not_before;
	return lasts > ENROLL_BACKDATED_MS ? lasts - ENROLL_BACKDATED_MS : lasts;
}

enum reload_err enroll_self_again(struct reload_cert **out, struct cli *cli,
	const struct reload_cert *old, const struct reload_config *config,
	struct reload_error_text *why)
{
	AUTO(cli_files) files = cli_files_new();
	struct issue m = { .cli = cli,
		.user = old->user,
		.now = enroll_now(),
		.validity = validity_of(old),
		.ids_count = old->node_ids_count };
	struct enroll_target target = { .lock = -1 };
	if (cli_has(cli, "key"))
		return cli_refuse(why, "--key goes with no self-signed certificate",
			"its Node-ID is made of the key: another key is another node");
	enroll_serial(m.serial);
	enum reload_err err =
		enroll_target_open(&target, cli, m.user, config->instance_name, true, false, why);
	if (!err)
		err = self_ids(&m, config, target.key, why);
	if (!err)
		err = certify(&m, config, target.key, NULL, why);
	if (!err && !cli->dry_run)
		err = enroll_target_save(&target, files, m.cert, NULL, why);
	if (!err && !cli->dry_run)
		err = cli_files_commit(files, why);
	enroll_target_close(&target);
	if (err)
		reload_cert_free(m.cert);
	else
		*out = m.cert;
	return err;
}
