/* show: names, Node-IDs, chain, dates and problems of identities, certificates and configurations. */
#include "reload-enroll/enroll.h"

#include "util/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	SOON_DAYS = 20,
	STATUS_CREDENTIALS = 10,
	SNIFF_MAX = 2 * 1024 * 1024
};

/* An identity, certificate or configuration that is shown. */
struct item {
	struct cli *cli;
	json_t *json;
	reload_utc now;
	bool usable;
};

static void set(struct item *it, const char *key, json_t *value)
{
	json_object_set_new(it->json, key, value);
}

/* start() makes a JSON object with every key; absent things are null or empty lists. */
static struct item start(struct cli *cli, const char *type, const char *name, const char *path)
{
	static const char *const unknown[] = { "user", "overlay", "fingerprint", "issuer",
		"self_signed", "issued", "expires", "days_left", "sequence", "signed", "no_ice",
		"key_fits" };
	struct item it = { .cli = cli, .json = json_object(), .now = enroll_now(), .usable = true };
	set(&it, "type", json_string(type));
	set(&it, "name", json_string(name));
	set(&it, "path", json_string(path));
	for (size_t i = 0; i < COUNT_OF(unknown); i++)
		set(&it, unknown[i], json_null());
	set(&it, "node_ids", json_array());
	set(&it, "chain", json_array());
	set(&it, "problems", json_array());
	return it;
}

static void problem(
	struct item *it, bool fatal, const char *what, const char *cause, const char *hint)
{
	json_array_append_new(json_object_get(it->json, "problems"),
		json_pack("{s:s, s:s, s:s?, s:s?}", "severity", fatal ? "error" : "warning", "what",
			what, "why", cause && *cause ? cause : NULL, "try",
			hint && *hint ? hint : NULL));
	it->usable = it->usable && !fatal;
}

/* renewal() advises how to replace what is shown. */
static const char *renewal(char out[512], const struct item *it)
{
	const char *user = json_string_value(json_object_get(it->json, "user")),
		   *name = json_string_value(json_object_get(it->json, "name"));
	bool identity = !strcmp(json_string_value(json_object_get(it->json, "type")), "identity");
	if (user)
		snprintf(out, 512, "reload-enroll issue %.200s%s%.200s", user,
			identity ? " --identity " : "", identity ? name : "");
	else if (identity)
		snprintf(out, 512, "reload-enroll issue USER@OVERLAY --identity %.200s", name);
	else
		snprintf(out, 512, "ask the authority of the overlay for a newer one");
	return out;
}

/* A failure without advice, or which advises to show the file, gets other advice. */
static bool fault(struct item *it, enum reload_err err, const struct reload_error_text *why)
{
	char text[512];
	static const char show[] = "reload-enroll show ";
	bool here = err && (!*why->advice || !strncmp(why->advice, show, strlen(show)));
	if (err)
		problem(it, true, why->what, why->reason, here ? renewal(text, it) : why->advice);
	return err != RELOAD_OK;
}

static void set_until(struct item *it, reload_utc until)
{
	char text[512];
	set(it, "expires", cli_json_time(until));
	if (until != RELOAD_NEVER)
		set(it, "days_left",
			json_integer(until > it->now
					     ? (json_int_t)((until - it->now) / ENROLL_DAY_MS)
					     : -(json_int_t)((it->now - until) / ENROLL_DAY_MS)));
	if (until > it->now && until - it->now < (reload_ms)SOON_DAYS * ENROLL_DAY_MS)
		problem(it, false, "it expires soon", "less than 20 days are left",
			renewal(text, it));
}

static void set_cert(struct item *it, const struct reload_cert *cert)
{
	char print[65];
	set(it, "user", cert->user ? json_string(cert->user) : json_null());
	set(it, "overlay", cert->overlay ? json_string(cert->overlay) : json_null());
	set(it, "node_ids", enroll_ids_json(cert->node_ids, cert->node_ids_count));
	set(it, "fingerprint", json_string(reload_hex(print, span_of(cert->fingerprint, 32))));
	set(it, "issuer", cert->issuer_text ? json_string(cert->issuer_text) : json_null());
	set(it, "self_signed", json_boolean(cert->self_issued));
	set(it, "issued", cli_json_time(cert->not_before));
	set_until(it, cert->not_after);
}

/* set_chain() lists the subjects from this certificate up to the last issuer that was found. */
static void set_chain(struct item *it, const struct reload_cert *cert,
	struct reload_cert *const *others, size_t others_count)
{
	json_t *chain = json_object_get(it->json, "chain");
	json_array_append_new(chain, json_string(cert->user ? cert->user : "authority"));
	for (size_t step = 0; step <= others_count && !cert->self_issued; step++) {
		const struct reload_cert *next = NULL;
		json_array_append_new(
			chain, json_string(cert->issuer_text ? cert->issuer_text : "?"));
		for (size_t i = 0; i < others_count && !next; i++)
			if (span_eq(others[i]->subject, cert->issuer))
				next = others[i];
		if (!next)
			return;
		cert = next;
	}
}

static void set_config_state(struct item *it, const struct reload_config *c)
{
	set(it, "sequence", json_integer(c->sequence));
	set(it, "signed", json_boolean(c->signatures_count > 0));
	set(it, "no_ice", json_boolean(c->no_ice));
	for (size_t i = 0; i < c->warnings.count; i++)
		problem(it, false, c->warnings.at[i], NULL, NULL);
}

static void check(struct item *it, const struct reload_config *c, const struct reload_cert *cert,
	struct reload_cert *const *others, size_t others_count)
{
	struct reload_error_text why = { 0 };
	char cause[sizeof(why.what) + sizeof(why.reason) + 2];
	enum reload_err err =
		reload_trust_check(c->trust, cert, others, others_count, it->now, &why);
	if (!err)
		return;
	snprintf(cause, sizeof(cause), "%s: %s", why.what, why.reason);
	problem(it, true, reload_err_text(err), cause, why.advice);
}

static json_t *finish(struct item *it)
{
	set(it, "usable", json_boolean(it->usable));
	return it->json;
}

/* show_config() shows a configuration document, from bytes, or from the file path when bytes is NULL. */
static json_t *show_config(struct cli *cli, const char *path, const struct span *bytes)
{
	AUTO(reload_config) config = NULL;
	struct reload_error_text why = { 0 };
	struct item it = start(cli, "configuration", path, path);
	enum reload_err err = bytes ? cli_config_parse(&config, *bytes, path, NULL, it.now, &why)
				    : cli_config_load(&config, path, NULL, it.now, &why);
	if (fault(&it, err, &why))
		return finish(&it);
	set(&it, "name", json_string(config->instance_name));
	set(&it, "overlay", json_string(config->instance_name));
	set_config_state(&it, config);
	set_until(&it, config->expiration);
	set(&it, "node_ids",
		enroll_ids_json(
			config->configuration_signers.at, config->configuration_signers.count));
	return finish(&it);
}

/*
 * config_for() finds the configuration with which to check a certificate: --config, the one in the same directory, or
 * that of its overlay.
 */
static char *config_for(struct cli *cli, const char *beside, const char *overlay)
{
	const char *given = cli_value(cli, "config", NULL);
	char *path = NULL, *dir = NULL;
	if (given)
		return reload_strdup(given);
	if (beside) {
		path = enroll_join(beside, "overlay.xml");
		if (!access(path, F_OK))
			return path;
		free(TAKE(path));
	}
	if (!overlay || cli_path(&dir, CLI_CONFIG, overlay, NULL))
		return NULL;
	path = enroll_join(dir, "overlay.xml");
	if (access(path, F_OK))
		free(TAKE(path));
	free(dir);
	return path;
}

static struct reload_config *load_config(struct item *it, const char *path, const char *overlay)
{
	struct reload_config *config = NULL;
	struct reload_error_text why = { 0 };
	return fault(it, cli_config_load(&config, path, overlay, it->now, &why), &why) ? NULL
										       : config;
}

/* check_key() checks that the key in the same directory belongs to the certificate. */
static void check_key(struct item *it, const char *dir, const struct reload_cert *cert)
{
	AUTO(reload_key) key = NULL;
	struct reload_error_text why = { 0 };
	bool open = false;
	char *path = enroll_join(dir, "key.pem"), text[512];
	if (!fault(it, cli_key_load(&key, path, &open, &why), &why) && cert) {
		bool fits = reload_key_fits(key, cert);
		set(it, "key_fits", json_boolean(fits));
		if (!fits)
			problem(it, true, "key.pem does not belong to cert.pem",
				"the public keys differ", renewal(text, it));
	}
	if (open) {
		snprintf(text, sizeof(text), "chmod 600 %.200s", path);
		problem(it, false, "others may read key.pem",
			"a private key is for its owner alone", text);
	}
	free(path);
}

/* show_cert() shows the certificate in bytes; with dir the identity in that directory, whose certificate is the file path. */
static json_t *show_cert(
	struct cli *cli, const char *name, const char *path, const char *dir, struct span bytes)
{
	struct reload_cert *cert = NULL, **others = NULL;
	struct reload_config *config = NULL;
	size_t count = 0;
	struct reload_error_text why = { 0 };
	char text[512];
	struct item it = start(cli, dir ? "identity" : "certificate", name, dir ? dir : path);
	enum reload_err err = dir ? cli_certs_load(&cert, &others, &count, path, &why)
				  : cli_certs_parse(&cert, &others, &count, bytes, path, &why);
	if (!fault(&it, err, &why)) {
		set_cert(&it, cert);
		set_chain(&it, cert, others, count);
	}
	if (dir)
		check_key(&it, dir, cert);
	char *config_path = config_for(cli, dir, cert ? cert->overlay : NULL);
	if (config_path)
		config = load_config(&it, config_path, cert ? cert->overlay : NULL);
	else if (cert && cert->authority)
		set(&it, "name", json_string(cert->issuer_text ? cert->issuer_text : name));
	else
		problem(&it, dir != NULL, "no overlay configuration is at hand",
			"the chain cannot be checked", "reload-enroll show --config FILE");
	if (config) {
		set(&it, "sequence", json_integer(config->sequence));
		set(&it, "signed", json_boolean(config->signatures_count > 0));
	}
	if (config && cert)
		check(&it, config, cert, others, count);
	else if (cert && it.now >= cert->not_after)
		problem(&it, true, "it has expired", "its validity has ended", renewal(text, &it));
	reload_config_free(config);
	reload_cert_free(cert);
	cli_certs_free(others, count);
	free(config_path);
	return finish(&it);
}

static json_t *show_identity(struct cli *cli, const char *name, const char *dir)
{
	char *path = enroll_join(dir, "cert.pem");
	json_t *item = show_cert(cli, name, path, dir, span_of(NULL, 0));
	free(path);
	return item;
}

static const char *word(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

static void print_strings(FILE *out, const char *label, const json_t *list, const char *between)
{
	const json_t *text;
	size_t i;
	json_array_foreach (list, i, text)
		fprintf(out, "%s%s", i ? between : label, json_string_value(text));
	if (json_array_size(list))
		fputc('\n', out);
}

static void print_dates(FILE *out, const json_t *o)
{
	const json_t *left = json_object_get(o, "days_left");
	if (*word(o, "issued"))
		fprintf(out, "  valid      %.10s until %.10s", word(o, "issued"),
			word(o, "expires"));
	else if (*word(o, "expires"))
		fprintf(out, "  valid      until %.10s", word(o, "expires"));
	else
		return;
	if (json_is_integer(left))
		fprintf(out, " (%lld day%s)", (long long)json_integer_value(left),
			cli_plural(json_integer_value(left)));
	fputc('\n', out);
}

static void print_item(FILE *out, const json_t *o)
{
	const json_t *p, *sequence = json_object_get(o, "sequence");
	bool config = !strcmp(word(o, "type"), "configuration");
	size_t i;
	fprintf(out, "%s %s  %s\n", word(o, "type"), word(o, "name"),
		cli_path_show(word(o, "path")));
	if (*word(o, "user"))
		fprintf(out, "  user       %s\n", word(o, "user"));
	print_strings(out, config ? "  signers    " : "  Node-ID    ",
		json_object_get(o, "node_ids"), "\n             ");
	if (*word(o, "overlay"))
		fprintf(out, "  overlay    %s\n", word(o, "overlay"));
	if (json_is_integer(sequence))
		fprintf(out, "  %s   %lld, %s\n", config ? "sequence" : "document",
			(long long)json_integer_value(sequence),
			json_is_true(json_object_get(o, "signed")) ? "signed" : "not signed");
	if (config && json_is_boolean(json_object_get(o, "no_ice")))
		fprintf(out, "  links      %s\n",
			json_is_true(json_object_get(o, "no_ice")) ? "no ICE" : "ICE");
	print_dates(out, o);
	print_strings(out, "  chain      ", json_object_get(o, "chain"), " < ");
	json_array_foreach (json_object_get(o, "problems"), i, p) {
		fprintf(out, "  %-9s  %s\n", word(p, "severity"), word(p, "what"));
		if (*word(p, "why"))
			fprintf(out, "    why:  %s\n", word(p, "why"));
		if (*word(p, "try"))
			fprintf(out, "    try:  %s\n", word(p, "try"));
	}
	fprintf(out, "  usable     %s\n",
		json_is_true(json_object_get(o, "usable")) ? "yes" : "no");
}

static void print_items(FILE *out, const json_t *o, void *arg)
{
	const json_t *item;
	size_t i;
	(void)arg;
	json_array_foreach (json_object_get(o, "items"), i, item)
		print_item(out, item);
}

/* show_file() distinguishes configurations and certificates by their first bytes. */
static enum reload_err show_file(
	json_t *items, struct cli *cli, const char *path, struct reload_error_text *why)
{
	struct stat st;
	uint8_t *bytes = NULL;
	size_t len = 0, at = 0;
	if (!stat(path, &st) && S_ISDIR(st.st_mode)) {
		json_array_append_new(items, show_identity(cli, path, path));
		return RELOAD_OK;
	}
	enum reload_err err = cli_file_read(&bytes, &len, path, SNIFF_MAX, cli->deadline, why);
	if (err)
		return err == RELOAD_IO || err == RELOAD_LIMIT ? RELOAD_BAD_CERT : err;
	while (at < len && memchr("\xef\xbb\xbf \t\r\n", bytes[at], 7))
		at++;
	struct span text = span_of(bytes, len);
	json_array_append_new(items, at < len && bytes[at] == '<'
					     ? show_config(cli, path, &text)
					     : show_cert(cli, path, path, NULL, text));
	free(bytes);
	return RELOAD_OK;
}

static char *named(const char *below, const char *name, const char *file)
{
	char *dir = NULL, *path = NULL;
	if (!cli_name_valid(name) || cli_path(&dir, CLI_CONFIG, below, NULL))
		return NULL;
	path = enroll_join(dir, name);
	free(dir);
	dir = enroll_join(path, file);
	bool there = !access(dir, F_OK);
	free(dir);
	if (!there)
		free(TAKE(path));
	return path;
}

/* show_operand() looks up a word without a slash as an identity, then an overlay, then a file. */
static enum reload_err show_operand(
	json_t *items, struct cli *cli, const char *operand, struct reload_error_text *why)
{
	if (strchr(operand, '/') || !strcmp(operand, "-"))
		return show_file(items, cli, operand, why);
	char *identity = named("identity", operand, "cert.pem"),
	     *overlay = named("", operand, "overlay.xml");
	char what[256];
	enum reload_err err = RELOAD_OK;
	if (identity && overlay) {
		snprintf(what, sizeof(what), "%.150s is an identity and an overlay", operand);
		err = reload_error_explain(why, RELOAD_USAGE, what, "the name is ambiguous");
		reload_error_advise(why, "reload-enroll show %s", identity);
	} else if (identity) {
		json_array_append_new(items, show_identity(cli, operand, identity));
	} else if (overlay) {
		char *path = enroll_join(overlay, "overlay.xml");
		json_array_append_new(items, show_config(cli, path, NULL));
		free(path);
	} else if (!access(operand, F_OK)) {
		err = show_file(items, cli, operand, why);
	} else {
		snprintf(what, sizeof(what), "nothing is called %.150s", operand);
		err = reload_error_explain(
			why, RELOAD_BAD_CERT, what, "there is no such identity, overlay or file");
		reload_error_advise(why, "reload-enroll show");
	}
	free(identity);
	free(overlay);
	return err;
}

static enum reload_err show_all(json_t *items, struct cli *cli, struct reload_error_text *why)
{
	char *base = NULL;
	size_t count = 0;
	enum reload_err err = cli_path(&base, CLI_CONFIG, "", why);
	if (err)
		return err;
	char **names = cli_list(base, "overlay.xml", &count);
	for (size_t i = 0; i < count; i++) {
		char *dir = enroll_join(base, names[i]), *path = enroll_join(dir, "overlay.xml");
		json_array_append_new(items, show_config(cli, path, NULL));
		free(dir);
		free(path);
	}
	cli_names_free(names, count);
	char *identities = enroll_join(base, "identity");
	names = cli_list(identities, "cert.pem", &count);
	for (size_t i = 0; i < count; i++) {
		char *dir = enroll_join(identities, names[i]);
		json_array_append_new(items, show_identity(cli, names[i], dir));
		free(dir);
	}
	cli_names_free(names, count);
	free(identities);
	if (!json_array_size(items)) {
		err = reload_error_explain(why, RELOAD_BAD_CONFIG, "there is nothing to show",
			"no overlay and no identity is in %s", cli_path_show(base));
		reload_error_advise(why, "reload-enroll init OVERLAY");
	}
	free(base);
	return err;
}

int enroll_show(struct cli *cli)
{
	struct reload_error_text why = { 0 };
	json_t *items = json_array(), *item;
	size_t i;
	bool usable = true;
	enum reload_err err = cli->operands_count ? show_operand(items, cli, cli->operands[0], &why)
						  : show_all(items, cli, &why);
	json_array_foreach (items, i, item)
		usable = usable && json_is_true(json_object_get(item, "usable"));
	json_t *o = json_pack("{s:o, s:b}", "items", items, "usable", usable);
	if (!err)
		cli_print(cli, o, print_items, NULL);
	json_decref(o);
	if (err)
		return cli_fail(cli, err, &why);
	return usable ? 0 : STATUS_CREDENTIALS;
}
