/* The identity that a certificate is issued into: its user, its key, and the files to write. */
#include "reload-enroll/enroll.h"

#include "util/text.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

const char enroll_issued_fields[] =
	"identity:string? path:string? user:string node_ids:string[] overlay:string "
	"self_signed:boolean serial:string "
	"fingerprint:string issued:string expires:string certificate:string dry_run:boolean";

/* Only --identity may name a directory: a user name comes from other people, and may have slashes and dots. */
static enum reload_err name_of(
	char **out, const struct cli *cli, const char *user, struct reload_error_text *why)
{
	const char *given = cli_value(cli, "identity", NULL);
	char *name = reload_strdup(given ? given : user), *at = strchr(name, '@'), what[256];
	if (!given) {
		*at = 0; /* enroll_user_check() has checked that there is one */
		if (!cli_name_valid(name))
			*at = '@';
	}
	if (given || cli_name_valid(name)) {
		*out = name;
		return RELOAD_OK;
	}
	free(name);
	snprintf(what, sizeof(what), "%.150s cannot be the name of an identity", user);
	enum reload_err err = reload_error_explain(why, RELOAD_USAGE, what,
		"letters, digits and - _ . @ + are possible, 64 at most, not -ro at the end");
	reload_error_advise(why, "--identity NAME");
	return err;
}

static enum reload_err taken(
	const struct enroll_target *t, const char *cause, struct reload_error_text *why)
{
	char what[256];
	snprintf(what, sizeof(what), "identity %.100s is taken", t->name);
	enum reload_err err = reload_error_explain(why, RELOAD_EXISTS, what, "%s", cause);
	reload_error_advise(why, "--identity NAME with another NAME");
	return err;
}

static enum reload_err ask(struct cli *cli, const char *question, struct reload_error_text *why)
{
	return cli->dry_run ? RELOAD_OK : cli_confirm(cli, question, why);
}

/* check_owner() compares an existing certificate with the one to be issued. */
static enum reload_err check_owner(struct enroll_target *t, struct cli *cli, const char *user,
	const char *overlay, bool self_signed, struct reload_error_text *why)
{
	AUTO(reload_cert) old = NULL;
	struct reload_cert **others = NULL;
	size_t count = 0;
	char cause[400];
	if (access(t->cert_path, F_OK) && errno == ENOENT)
		return RELOAD_OK;
	if (cli_certs_load(&old, &others, &count, t->cert_path, NULL)) {
		snprintf(cause, sizeof(cause), "whose it is cannot be read from %.300s",
			cli_path_show(t->cert_path));
		return taken(t, cause, why);
	}
	cli_certs_free(others, count);
	if (!old->user || strcmp(old->user, user) || !old->overlay ||
		strcasecmp(old->overlay, overlay)) {
		snprintf(cause, sizeof(cause), "it belongs to %.150s in the overlay %.150s",
			old->user ? old->user : "nobody",
			old->overlay ? old->overlay : "of no name");
		return taken(t, cause, why);
	}
	if (old->self_issued == self_signed) {
		t->own_count = old->node_ids_count;
		memcpy(t->own, old->node_ids, t->own_count * sizeof(*t->own));
		return RELOAD_OK;
	}
	return ask(cli,
		self_signed ? "replace the authority's certificate by a self-signed one, with "
			      "another Node-ID?"
			    : "replace the self-signed certificate, with another Node-ID?",
		why);
}

static enum reload_err choose_key(
	struct enroll_target *t, struct cli *cli, struct reload_error_text *why)
{
	enum reload_key_type type = RELOAD_KEY_P256;
	const char *wanted = cli_value(cli, "key", NULL);
	enum reload_err err = RELOAD_OK;
	if (wanted && reload_key_type_parse(&type, wanted))
		return reload_error_explain(why, RELOAD_USAGE,
			"--key is no type of key that is made here",
			"%.80s; possible are p256, rsa2048 and rsa3072", wanted);
	if (!access(t->key_path, F_OK) || errno != ENOENT) {
		struct reload_error_text old;
		err = cli_key_load(&t->key, t->key_path, NULL, &old);
		if (!err && !wanted)
			return RELOAD_OK;
		err = ask(cli,
			err ? "the old key cannot be used; replace it by a new one?"
			    : "the identity has a key; replace it by a new one?",
			why);
		reload_key_free(TAKE(t->key));
	}
	if (err)
		return err;
	t->key_is_new = true;
	err = reload_key_new(&t->key, type);
	return err ? reload_error_explain(
			     why, err, "no key can be made", "%s", reload_err_text(err))
		   : RELOAD_OK;
}

/* lock() keeps two programs from writing the same identity; --dry-run writes nothing and takes no lock. */
static enum reload_err lock(
	struct enroll_target *t, const struct cli *cli, struct reload_error_text *why)
{
	char *parent = reload_strdup(t->dir);
	char *slash = strrchr(parent, '/');
	AUTO(cli_files) files = cli_files_new();
	if (cli->dry_run) {
		free(parent);
		return cli_dir_check(t->dir, why);
	}
	if (slash > parent)
		*slash = 0;
	enum reload_err err = cli_files_mkdir(files, parent, 0755, why);
	char *path = enroll_join(parent, ".lock");
	if (!err)
		err = cli_file_lock(&t->lock, path, cli->deadline, why);
	if (!err)
		err = cli_files_commit(files, why);
	free(path);
	free(parent);
	return err;
}

enum reload_err enroll_target_open(struct enroll_target *out, struct cli *cli, const char *user,
	const char *overlay, bool self_signed, bool without_key, struct reload_error_text *why)
{
	struct enroll_target t = { .lock = -1 };
	enum reload_err err = name_of(&t.name, cli, user, why);
	if (!err)
		err = cli_identity_dir(&t.dir, t.name, why);
	if (!err) {
		t.cert_path = enroll_join(t.dir, "cert.pem");
		t.key_path = enroll_join(t.dir, "key.pem");
		t.config_path = enroll_join(t.dir, "overlay.xml");
		err = lock(&t, cli, why);
	}
	if (!err)
		err = check_owner(&t, cli, user, overlay, self_signed, why);
	if (!err && !without_key)
		err = choose_key(&t, cli, why);
	if (err)
		enroll_target_close(&t);
	else
		*out = t;
	return err;
}

void enroll_target_close(struct enroll_target *t)
{
	if (t->name && t->lock >= 0)
		close(t->lock);
	reload_key_free(t->key);
	free(t->name);
	free(t->dir);
	free(t->cert_path);
	free(t->key_path);
	free(t->config_path);
	*t = (struct enroll_target){ .lock = -1 };
}

enum reload_err enroll_target_save(struct enroll_target *t, struct cli_files *files,
	const struct reload_cert *cert, const struct reload_config *config,
	struct reload_error_text *why)
{
	enum reload_err err = cli_files_mkdir(files, t->dir, 0700, why);
	if (err)
		return err;
	char *pem = enroll_pem(cert->der);
	cli_files_put(files, t->cert_path, 0644, span_str(pem));
	free(pem);
	if (config)
		cli_files_put(files, t->config_path, cli_document_mode(config), config->document);
	if (!t->key_is_new)
		return RELOAD_OK;
	struct wr key;
	wr_init(&key);
	err = reload_key_write_pem(&key, t->key);
	if (!err)
		cli_files_put(files, t->key_path, 0600, wr_done(&key));
	OPENSSL_cleanse(key.at, key.len);
	wr_clear(&key);
	return err ? reload_error_explain(
			     why, err, "the key cannot be written", "%s", reload_err_text(err))
		   : RELOAD_OK;
}

static void print_issued(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	const json_t *ids = json_object_get(o, "node_ids");
	const char *overlay = json_string_value(json_object_get(o, "overlay"));
	const char *identity = json_string_value(json_object_get(o, "identity"));
	json_t *id;
	size_t i;
	if (!identity) {
		fputs(json_string_value(json_object_get(o, "certificate")), out);
		return;
	}
	if (cli->quiet)
		return;
	/* padded to five letters, so that the lines of several calls are aligned */
	fprintf(out, "%s %-5s  %-*s  Node-ID%s", cli->dry_run ? "would issue" : "issued", identity,
		(int)strlen(overlay) + 6, json_string_value(json_object_get(o, "user")),
		json_array_size(ids) > 1 ? "s" : "");
	json_array_foreach (ids, i, id)
		fprintf(out, " %s", json_string_value(id));
	fprintf(out, "  until %.10s\n", json_string_value(json_object_get(o, "expires")));
}

void enroll_report(struct cli *cli, const struct enroll_target *target,
	const struct reload_cert *cert, const uint8_t serial[16], bool self_signed)
{
	char number[33], print[65];
	char *pem = enroll_pem(cert->der);
	json_t *o = json_pack("{s:o, s:o, s:s, s:o, s:s, s:b, s:s, s:s, s:o, s:o, s:s, s:b}",
		"identity", target ? json_string(target->name) : json_null(), "path",
		target ? json_string(target->dir) : json_null(), "user", cert->user, "node_ids",
		enroll_ids_json(cert->node_ids, cert->node_ids_count), "overlay", cert->overlay,
		"self_signed", self_signed, "serial", reload_hex(number, span_of(serial, 16)),
		"fingerprint", reload_hex(print, span_of(cert->fingerprint, 32)), "issued",
		cli_json_time(cert->not_before), "expires", cli_json_time(cert->not_after),
		"certificate", pem, "dry_run", cli->dry_run);
	cli_print_own(cli, o, print_issued, cli);
	json_decref(o);
	free(pem);
}
