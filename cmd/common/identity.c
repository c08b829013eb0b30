#include "common/identity.h"

#include "common/files.h"
#include "common/home.h"
#include "util/alloc.h"
#include "util/words.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CERTS_MAX = 16,
	READ_MS = 20000
};

/* name_file() puts the file and the kind of failure into why->what; what was there moves to why->reason. */
static enum reload_err name_file(
	enum reload_err err, const char *path, struct reload_error_text *why)
{
	if (!why)
		return err;
	struct reload_error_text from = *why;
	if (strcmp(from.what, reload_err_text(err)) != 0)
		snprintf(why->reason, sizeof(why->reason), "%s: %.250s", from.what, from.reason);
	snprintf(why->what, sizeof(why->what), "%.150s: %.100s", cli_path_show(path),
		reload_err_text(err));
	if (!*why->advice && err != RELOAD_BAD_KEY)
		reload_error_advise(why, "reload-enroll show %s", cli_path_show(path));
	return err;
}

/* read_part() reads a file of an identity; every failure becomes one of credentials (exit status 10). */
static enum reload_err read_part(uint8_t **bytes, size_t *len, const char *path, size_t max,
	enum reload_err as, struct reload_error_text *why)
{
	enum reload_err err = cli_file_read(bytes, len, path, max, cli_monotonic() + READ_MS, why);
	return err ? as : RELOAD_OK;
}

enum reload_err cli_identity_dir(char **out, const char *name, struct reload_error_text *why)
{
	char below[128];
	if (strchr(name, '/')) {
		*out = reload_strdup(name);
		size_t n = strlen(*out);
		while (n > 1 && (*out)[n - 1] == '/')
			(*out)[--n] = 0;
		return RELOAD_OK;
	}
	if (!cli_name_valid(name))
		return reload_error_explain(why, RELOAD_USAGE, "not a name of an identity",
			"%.80s: letters, digits and - _ . @ + are possible, 64 at most", name);
	snprintf(below, sizeof(below), "identity/%s", name);
	return cli_path(out, CLI_CONFIG, below, why);
}

enum reload_err cli_config_parse(struct reload_config **out, struct span bytes, const char *path,
	const char *overlay, reload_utc now, struct reload_error_text *why)
{
	struct reload_config *config = NULL;
	enum reload_err err =
		reload_config_parse(&config, bytes, overlay, &reload_ident_openssl, now, why);
	if (err == RELOAD_BAD_SIGNATURE) /* of a Kind block */
		err = RELOAD_BAD_CONFIG;
	if (!err && config->signatures_count) /* a first document may be unsigned (CFG-05) */
		err = reload_config_verify(config, NULL, now, why);
	if (!err)
		err = reload_config_supported(config, why);
	if (err == RELOAD_BAD_SIGNATURE || err == RELOAD_NO_SIGNER)
		err = RELOAD_CONFIG_UNSIGNED;
	if (err) {
		reload_config_free(config);
		return name_file(err, path, why);
	}
	*out = config;
	return RELOAD_OK;
}

enum reload_err cli_config_load(struct reload_config **out, const char *path, const char *overlay,
	reload_utc now, struct reload_error_text *why)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	enum reload_err err =
		read_part(&bytes, &len, path, RELOAD_CONFIG_SIZE_MAX, RELOAD_BAD_CONFIG, why);
	if (!err)
		err = cli_config_parse(out, span_of(bytes, len), path, overlay, now, why);
	free(bytes);
	return err;
}

unsigned cli_document_mode(const struct reload_config *config)
{
	return config->shared_secret ? 0600 : 0644;
}

struct collected {
	struct reload_cert *certs[CERTS_MAX];
	size_t count;
	enum reload_err err;
	struct reload_error_text *why;
};

static void collect(void *arg, struct span der)
{
	struct collected *c = arg;
	if (c->err)
		return;
	if (c->count == CERTS_MAX)
		c->err = reload_error_explain(
			c->why, RELOAD_BAD_CERT, NULL, "more than %d certificates", CERTS_MAX);
	else
		c->err = reload_cert_parse(&c->certs[c->count], &reload_ident_openssl, der, c->why);
	c->count += !c->err;
}

void cli_certs_free(struct reload_cert **certs, size_t count)
{
	for (size_t i = 0; i < count; i++)
		reload_cert_free(certs[i]);
	free(certs);
}

enum reload_err cli_certs_parse(struct reload_cert **cert, struct reload_cert ***others,
	size_t *others_count, struct span bytes, const char *path, struct reload_error_text *why)
{
	struct collected c = { .why = why };
	size_t damaged = 0;
	if (bytes.len && bytes.at[0] == 0x30) /* an ASN.1 SEQUENCE: DER */
		collect(&c, bytes);
	else if (!reload_pem_certificates(bytes, collect, &c, &damaged) && !damaged)
		c.err = reload_error_explain(
			why, RELOAD_BAD_CERT, NULL, "the file holds no PEM certificate");
	if (!c.err && damaged)
		c.err = reload_error_explain(why, RELOAD_BAD_CERT, NULL,
			"block %zu of its PEM is damaged and cannot be read", damaged);
	if (c.err) {
		for (size_t i = 0; i < c.count; i++)
			reload_cert_free(c.certs[i]);
		return name_file(c.err, path, why);
	}
	for (size_t i = 1; i < c.count && !c.certs[0]->node_ids_count; i++)
		if (c.certs[i]->node_ids_count) { /* the certificate of the node comes first, wherever it was in the file */
			struct reload_cert *node = c.certs[i];
			memmove(c.certs + 1, c.certs, i * sizeof(node));
			c.certs[0] = node;
		}
	*cert = c.certs[0];
	*others_count = c.count - 1;
	*others = reload_memdup(c.certs + 1, *others_count * sizeof(struct reload_cert *));
	return RELOAD_OK;
}

enum reload_err cli_certs_load(struct reload_cert **cert, struct reload_cert ***others,
	size_t *others_count, const char *path, struct reload_error_text *why)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	cli_files_recover(path); /* a key or a configuration may belong to it */
	enum reload_err err =
		read_part(&bytes, &len, path, CLI_CERT_FILE_MAX, RELOAD_BAD_CERT, why);
	if (!err)
		err = cli_certs_parse(cert, others, others_count, span_of(bytes, len), path, why);
	free(bytes);
	return err;
}

enum reload_err cli_key_load_sealed(struct reload_key **out, const char *path,
	const char *passphrase, bool *sealed, struct reload_error_text *why)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	enum reload_err err = read_part(&bytes, &len, path, CLI_KEY_FILE_MAX, RELOAD_BAD_KEY, why);
	if (err)
		return err;
	if (sealed)
		*sealed = reload_key_is_sealed(span_of(bytes, len));
	err = reload_key_read_sealed(out, span_of(bytes, len), passphrase, why);
	OPENSSL_cleanse(bytes, len);
	free(bytes);
	return err ? name_file(err, path, why) : RELOAD_OK;
}

enum reload_err cli_key_load(struct reload_key **out, const char *path, bool *readable_by_others,
	struct reload_error_text *why)
{
	struct stat st;
	enum reload_err err = cli_key_load_sealed(out, path, NULL, NULL, why);
	if (!err && readable_by_others)
		*readable_by_others = !stat(path, &st) && st.st_mode & 0077;
	return err;
}

static char *inside(const char *dir, const char *file)
{
	size_t size = strlen(dir) + strlen(file) + 2;
	char *out = reload_alloc(size);
	snprintf(out, size, "%s/%s", dir, file);
	return out;
}

/* check() makes the checks that an agent makes before it uses the identity. */
static enum reload_err check(struct cli_identity *id, const char *cert_file, const char *key_file,
	reload_utc now, struct reload_error_text *why)
{
	struct reload_credentials *c = &id->credentials;
	if (!c->cert->node_ids_count) {
		(void)reload_error_explain(why, RELOAD_BAD_CERT, NULL,
			"it has no Node-ID: it is not the certificate of a node");
		return name_file(RELOAD_BAD_CERT, cert_file, why);
	}
	enum reload_err err = reload_trust_check(
		id->config->trust, c->cert, c->others, c->others_count, now, why);
	if (err)
		return name_file(err, cert_file, why);
	if (!reload_key_fits(c->key, c->cert)) {
		err = reload_error_explain(why, RELOAD_BAD_KEY, NULL,
			"it does not belong to %s: the public keys differ",
			cli_path_show(cert_file));
		reload_error_advise(why, "reload-enroll issue %.100s --identity %.100s",
			c->cert->user ? c->cert->user : "USER@OVERLAY", id->instance);
		return name_file(err, key_file, why);
	}
	c->node = c->cert->node_ids[0];
	return RELOAD_OK;
}

/* hint_identity() suggests the identity with the most similar name, else the command that makes one. */
static void hint_identity(const char *name, struct reload_error_text *why)
{
	char *dir = NULL;
	size_t count = 0;
	if (cli_path(&dir, CLI_CONFIG, "identity", NULL))
		return;
	char **names = cli_list(dir, "cert.pem", &count);
	const char **words = reload_alloc_array(count + 1, sizeof(*words));
	for (size_t i = 0; i < count; i++)
		words[i] = names[i];
	words[count] = NULL;
	const char *near = reload_nearest(name, words);
	if (near)
		reload_error_advise(why, "--identity %s", near);
	else
		reload_error_advise(why, "reload-enroll issue USER@OVERLAY --identity %.80s", name);
	free(words);
	cli_names_free(names, count);
	free(dir);
}

enum reload_err cli_identity_load(struct cli_identity *out, const char *name,
	const char *config_file, reload_utc now, struct reload_error_text *why)
{
	struct cli_identity id = { 0 };
	struct reload_credentials *c = &id.credentials;
	enum reload_err err = cli_identity_dir(&id.dir, name, why);
	if (err)
		return err;
	const char *slash = strrchr(id.dir, '/');
	id.instance = reload_strdup(slash && slash[1] ? slash + 1 : id.dir);
	char *cert = inside(id.dir, "cert.pem"), *key = inside(id.dir, "key.pem");
	char *config = config_file ? reload_strdup(config_file) : inside(id.dir, "overlay.xml");
	err = cli_certs_load(&c->cert, &c->others, &c->others_count, cert, why);
	if (err && access(id.dir, F_OK))
		hint_identity(id.instance, why);
	if (!err)
		err = cli_key_load(&c->key, key, &id.key_readable_by_others, why);
	if (!err)
		err = cli_config_load(&id.config, config, c->cert->overlay, now, why);
	if (!err)
		err = check(&id, cert, key, now, why);
	free(cert);
	free(key);
	free(config);
	if (err)
		cli_identity_clear(&id);
	else
		*out = id;
	return err;
}

void cli_identity_clear(struct cli_identity *id)
{
	reload_cert_free(id->credentials.cert);
	cli_certs_free(id->credentials.others, id->credentials.others_count);
	reload_key_free(id->credentials.key);
	reload_config_free(id->config);
	free(id->dir);
	free(id->instance);
	*id = (struct cli_identity){ 0 };
}
