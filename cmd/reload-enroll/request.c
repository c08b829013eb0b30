/*
 * request and renew: a certificate from an enrollment server (RFC 6940 s11.3).  The files of the identity change together and only
 * after the certificate was checked as every node would check it.
 */
#include "common/call.h"
#include "ident/key.h"
#include "reload-enroll/access.h"
#include "reload-enroll/enroll.h"
#include "reload-enroll/fetch.h"
#include "reload-enroll/invite.h"
#include "common/password.h"
#include "reload-enroll/serve_command.h"
#include "util/text.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

const char enroll_request_fields[] =
	"identity:string path:string user:string overlay:string node_ids:string[] expires:string? "
	"obtained:boolean dry_run:boolean";

enum {
	TRIES = 3 /* with an invitation */
};

/* One enrollment of a client. */
struct enrolling {
	struct cli *cli;
	const char *user;
	struct reload_config *config;
	struct enroll_target target;
	char *password;
	uint64_t node_ids;        /* 0: one, or as many as before */
	struct reload_cert *cert; /* what was obtained */
	int status;               /* exit status when it is not that of the failure */
	bool renews; /* the document of the identity stays: its agent may have a newer one */
	struct enroll_access access; /* kept for renewals */
	char *new_password; /* that is to be the account's, made for an invitation; NULL: none */
};

static void enrolling_clear(struct enrolling *e)
{
	reload_config_free(e->config);
	enroll_target_close(&e->target);
	cli_password_free(e->password);
	cli_password_free(e->new_password);
	enroll_access_clear(&e->access);
	reload_cert_free(e->cert);
}

/* -- the answer ------------------------------------------------------------------------------------------------------------- */

static const struct {
	const char *token;
	int status;
	const char *cause, *advice;
} tokens[] = {
	{ "failed_authentication", 6, "wrong password, no such account, or a disabled one",
		"ask whoever runs the enrollment server" },
	{ "username_not_available", 7, "the account cannot have that user name",
		"reload-enroll request, with the user name of the account" },
	{ "Node-IDs_not_available", 8, "the server does not give that many Node-IDs",
		"--node-ids N, with a smaller number" },
	{ "bad_CSR", 10, "the server does not take the request, perhaps because of the key",
		"--key p256 or --key rsa2048, for another key" },
};

/* R-11.3-24 R-11.3-25: what the server refuses with; a token that is unknown is a failure for an unknown reason. */
static enum reload_err refused(
	struct enrolling *e, const struct https_answer *a, struct reload_error_text *why)
{
	char text[80] = "", what[160];
	const char *body = a->body.len ? (const char *)a->body.at : "";
	snprintf(text, sizeof(text), "%.60s", body + strspn(body, " \t\r\n"));
	size_t len = strcspn(text, " \t\r\n");
	text[len] = 0;
	snprintf(what, sizeof(what), "%.120s got no certificate", e->user);
	for (size_t i = 0; i < COUNT_OF(tokens); i++) {
		if (a->status != 403 || strcasecmp(tokens[i].token, text) != 0) /* ENR-03 */
			continue;
		e->status = tokens[i].status;
		(void)reload_error_explain(
			why, RELOAD_FAILED, what, "%s: %s", tokens[i].token, tokens[i].cause);
		reload_error_advise(why, "%s", tokens[i].advice);
		return RELOAD_FAILED;
	}
	for (char *c = text; *c; c++)
		*c = *c < ' ' || *c > '~' ? '?' : *c;
	(void)reload_error_explain(why, RELOAD_FAILED, what, "the server answered status %u%s%s",
		a->status, *text ? ": " : "", text);
	reload_error_advise(why, "ask whoever runs the enrollment server");
	return RELOAD_FAILED;
}

static enum reload_err unfit(const char *cause, struct reload_error_text *why)
{
	enum reload_err err = reload_error_explain(why, RELOAD_BAD_CERT,
		"the server's certificate for this node cannot be used", "%s", cause);
	reload_error_advise(why, "ask whoever runs the enrollment server");
	return err;
}

/* The Node-IDs that the identity had are among those of the new certificate. */
static bool keeps_node_ids(const struct enrolling *e)
{
	for (size_t i = 0; i < e->target.own_count; i++)
		if (!reload_cert_has_node(e->cert, &e->target.own[i]))
			return false;
	return true;
}

/* R-11.3-26: chain to a root-cert, our key, our name. */
static enum reload_err check_cert(
	struct enrolling *e, const struct https_answer *a, struct reload_error_text *why)
{
	if (a->status != 200)
		return refused(e, a, why);
	if (strcmp(a->type, "application/pkix-cert") != 0)
		return unfit("its answer is not application/pkix-cert", why);
	enum reload_err err =
		reload_cert_parse(&e->cert, &reload_ident_openssl, bytes_span(a->body), why);
	if (!err)
		err = reload_trust_check(e->config->trust, e->cert, NULL, 0, enroll_now(), why);
	if (err) {
		reload_error_advise(why, "compare the clocks, and the root-certs of: reload-enroll "
					 "config show FILE");
		return err;
	}
	if (!reload_key_fits(e->target.key, e->cert))
		return unfit("it is for another key", why);
	if (!e->cert->user || strcmp(e->cert->user, e->user) != 0)
		return unfit("it is for another user", why);
	return keeps_node_ids(e) ? RELOAD_OK
				 : unfit("it lacks the Node-ID that this identity has", why);
}

/* -- the request ------------------------------------------------------------------------------------------------------------ */

/* A pipe is not kept, but used this once. */
static const char *ca_file(const struct enrolling *e)
{
	return cli_value(e->cli, "ca-file", e->access.ca_file);
}

static enum reload_err ask_once(
	struct enrolling *e, const char *url, struct span csr, struct reload_error_text *why)
{
	char number[16];
	struct https_answer answer = { 0 };
	struct https_form form = { .user = e->user,
		.password = e->password,
		.new_password = e->new_password,
		.csr = csr };
	struct https_request r = { .url = url,
		.other_name = e->access.pin ? NULL : e->config->instance_name,
		.pin = e->access.pin,
		.ca_file = e->access.pin ? NULL : ca_file(e),
		.form = &form,
		.deadline = e->cli->deadline };
	snprintf(number, sizeof(number), "%u", (unsigned)e->node_ids);
	if (e->node_ids > 1) /* R-11.3-09 */
		form.node_ids = number;
	cli_step(e->cli, 1, "asking %s", url);
	enum reload_err err = https_do(&answer, &r, why);
	if (!err)
		err = check_cert(e, &answer, why);
	https_answer_clear(&answer);
	return err;
}

/*
 * An invitation may have been used up by a request whose answer was lost: the same one once more, with the same key, gets the same
 * certificate.
 */
static enum reload_err ask_server(
	struct enrolling *e, const char *url, struct span csr, struct reload_error_text *why)
{
	enum reload_err err = ask_once(e, url, csr, why);
	for (unsigned i = 1; i < TRIES && e->new_password && err == RELOAD_IO; i++)
		err = ask_once(e, url, csr, why);
	return err;
}

/* The servers one after the other: a further one is asked when nobody answered at the one before (R-11.1-16). */
static enum reload_err ask_servers(struct enrolling *e, struct reload_error_text *why)
{
	const struct reload_string_list *servers = &e->config->enrollment_servers;
	struct wr csr;
	wr_init(&csr);
	enum reload_err err = reload_csr_make(&csr, e->target.key, e->user);
	if (err) {
		(void)reload_error_explain(
			why, err, "no certificate request can be made", "%s", reload_err_text(err));
	} else if (e->access.server) {
		err = ask_server(e, e->access.server, wr_done(&csr), why);
	} else if (!servers->count) {
		err = reload_error_explain(why, RELOAD_BAD_CONFIG, "there is no enrollment server",
			"the configuration of %s names none", e->config->instance_name);
		reload_error_advise(why, "reload-enroll issue %s, where the authority is", e->user);
	}
	bool again = !err && !e->access.server;
	for (size_t i = 0; i < servers->count && again; i++) {
		err = ask_server(e, servers->at[i], wr_done(&csr), why);
		again = err == RELOAD_IO || err == RELOAD_TIMEOUT;
	}
	wr_clear(&csr);
	return err;
}

static enum reload_err save(struct enrolling *e, struct reload_error_text *why)
{
	AUTO(cli_files) files = cli_files_new();
	enum reload_err err =
		enroll_target_save(&e->target, files, e->cert, e->renews ? NULL : e->config, why);
	if (!err && e->new_password) {
		cli_password_free(e->access.password);
		e->access.password = TAKE(e->new_password);
	}
	if (!err)
		enroll_access_put(&e->access, e->target.dir, files);
	return err ? err : cli_files_commit(files, why);
}

static enum reload_err enroll(struct enrolling *e, struct reload_error_text *why)
{
	const char *file = cli_value(e->cli, "password-file", e->access.password_file);
	enum reload_err err =
		e->password ? RELOAD_OK : cli_password_from(&e->password, e->cli, file, why);
	if (!err && e->cli->dry_run)
		return RELOAD_OK;
	if (!err)
		err = ask_servers(e, why);
	return err ? err : save(e, why);
}

static int fail(const struct enrolling *e, enum reload_err err, const struct reload_error_text *why)
{
	return cli_fail_with(
		e->cli, &(struct cli_error){ .err = err, .why = why, .status = e->status });
}

/* -- the configuration -------------------------------------------------------------------------------------------------------- */

/* R-11.2-08: what is invalid, or of another overlay, is discarded. */
static enum reload_err fetch_config(
	struct enrolling *e, const char *url, const char *overlay, struct reload_error_text *why)
{
	struct enroll_fetch f = { .cli = e->cli, .pin = e->access.pin, .ca_file = ca_file(e) };
	enum reload_err err =
		url ? enroll_fetch_url(&f, url, why) : enroll_fetch_overlay(&f, overlay, why);
	if (!err)
		err = cli_config_parse(
			&e->config, bytes_span(f.document), f.from, overlay, enroll_now(), why);
	bytes_free(&f.document);
	return err;
}

static enum reload_err find_config(struct enrolling *e, struct reload_error_text *why)
{
	struct cli *cli = e->cli;
	const char *file = cli_value(cli, "config", NULL), *url = cli_value(cli, "url", NULL);
	const char *overlay = cli_value(cli, "overlay", strrchr(e->user, '@') + 1);
	if (!reload_overlay_name_valid(overlay))
		return cli_refuse(why, "the name of the overlay is no DNS name",
			"it is the domain of USER, or that of --overlay");
	if (file && url)
		return cli_refuse(why, "--config and --url exclude each other",
			"both name the configuration");
	if (url)
		return fetch_config(e, url, overlay, why);
	if (file)
		return cli_config_load(
			&e->config, file, cli_value(cli, "overlay", NULL), enroll_now(), why);
	char *dir = NULL, *path = NULL;
	enum reload_err err = cli_path(&dir, CLI_CONFIG, overlay, why);
	if (!err) {
		path = enroll_join(dir, "overlay.xml");
		err = access(path, F_OK)
			      ? fetch_config(e, NULL, overlay, why)
			      : cli_config_load(&e->config, path, overlay, enroll_now(), why);
	}
	free(dir);
	free(path);
	return err;
}

/* -- the commands ------------------------------------------------------------------------------------------------------------ */

static void print_obtained(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	const json_t *id;
	size_t i;
	if (cli->quiet)
		return;
	fprintf(out, "%s %s  %s",
		cli->dry_run                                   ? "would request"
		: json_is_true(json_object_get(o, "obtained")) ? "obtained"
							       : "not needed:",
		cli_get_text(o, "identity"), cli_get_text(o, "user"));
	json_array_foreach (json_object_get(o, "node_ids"), i, id)
		fprintf(out, "  Node-ID %s", json_string_value(id));
	if (*cli_get_text(o, "expires"))
		fprintf(out, "  until %.10s", cli_get_text(o, "expires"));
	fputs("\n", out);
}

/* cert: what the identity has now; NULL: none. */
static void report(struct enrolling *e, const char *identity, const char *dir,
	const struct reload_cert *cert, bool obtained)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:b, s:b}", "identity", identity,
		"path", dir, "user", e->user, "overlay", e->config->instance_name, "node_ids",
		enroll_ids_json(cert ? cert->node_ids : NULL, cert ? cert->node_ids_count : 0),
		"expires", cert ? cli_json_time(cert->not_after) : json_null(), "obtained",
		obtained, "dry_run", e->cli->dry_run);
	cli_print(e->cli, o, print_obtained, e->cli);
	json_decref(o);
}

int enroll_request(struct cli *cli)
{
	struct enrolling e = { .cli = cli, .user = cli->operands[0], .target = { .lock = -1 } };
	struct reload_error_text why = { 0 };
	enum reload_err err = enroll_user_check(e.user, &why);
	if (!err)
		err = cli_number(
			cli, "node-ids", 0, 1, RELOAD_CERT_NODE_IDS_MAX, &e.node_ids, &why);
	if (!err)
		err = find_config(&e, &why);
	enroll_access_options(&e.access, cli);
	if (!err)
		err = enroll_target_open(
			&e.target, cli, e.user, e.config->instance_name, false, false, &why);
	if (!err)
		err = enroll(&e, &why);
	if (!err)
		report(&e, e.target.name, e.target.dir, e.cert, !cli->dry_run);
	int status = err ? fail(&e, err, &why) : 0;
	enrolling_clear(&e);
	return status;
}

/* Reads the certificate and the configuration that --identity has; the certificate may have ended. */
static enum reload_err read_identity(
	struct enrolling *e, struct reload_cert **cert, char **dir, struct reload_error_text *why)
{
	struct reload_cert **others = NULL;
	size_t count = 0;
	const char *name = cli_value(e->cli, "identity", NULL);
	if (!name)
		return cli_refuse(why, "--identity is needed", "it names what is to be renewed");
	enum reload_err err = cli_identity_dir(dir, name, why);
	if (err)
		return err;
	char *path = enroll_join(*dir, "cert.pem"), *config = enroll_join(*dir, "overlay.xml");
	err = cli_certs_load(cert, &others, &count, path, why);
	if (!err && !(*cert)->user) {
		err = reload_error_explain(why, RELOAD_BAD_CERT, "there is nothing to renew",
			"%s is no certificate of a node", cli_path_show(path));
		reload_error_advise(why, "reload-enroll request USER --identity %.100s", name);
	}
	if (!err)
		err = cli_config_load(&e->config, config, NULL, enroll_now(), why);
	cli_certs_free(others, count);
	free(path);
	free(config);
	return err;
}

/* Whether the certificate ends within --if-left; without that option it is always renewed. */
static enum reload_err is_due(const struct enrolling *e, const struct reload_cert *cert, bool *due,
	struct reload_error_text *why)
{
	reload_ms limit = 0;
	reload_utc now = enroll_now();
	enum reload_err err = cli_time(e->cli, "if-left", 0, &limit, why);
	*due = !cli_has(e->cli, "if-left") || cert->not_after <= now ||
	       cert->not_after - now <= limit;
	return err;
}

/* How the identity got its certificate, as far as this command does not say otherwise. */
static enum reload_err read_access(
	struct enrolling *e, const char *dir, struct reload_error_text *why)
{
	enum reload_err err = enroll_access_read(&e->access, dir, e->cli->deadline, why);
	enroll_access_options(&e->access, e->cli);
	if (!err && e->access.password)
		e->password = reload_strdup(e->access.password);
	return err;
}

static enum reload_err renew(struct enrolling *e, struct reload_error_text *why)
{
	e->renews = true;
	enum reload_err err = enroll_target_open(
		&e->target, e->cli, e->user, e->config->instance_name, false, false, why);
	e->node_ids = e->target.own_count;
	return err ? err : enroll(e, why);
}

int enroll_renew(struct cli *cli)
{
	struct enrolling e = { .cli = cli, .target = { .lock = -1 } };
	struct reload_error_text why = { 0 };
	AUTO(reload_cert) cert = NULL;
	char *dir = NULL;
	bool due = false;
	enum reload_err err = read_identity(&e, &cert, &dir, &why);
	if (!err) {
		e.user = cert->user;
		err = is_due(&e, cert, &due, &why);
	}
	if (!err)
		err = read_access(&e, dir, &why);
	if (!err && due && cert->self_issued)
		err = enroll_self_again(&e.cert, cli, cert, e.config, &why);
	else if (!err && due)
		err = renew(&e, &why);
	if (!err)
		report(&e, cli_value(cli, "identity", ""), dir, e.cert ? e.cert : cert,
			due && !cli->dry_run);
	int status = err ? fail(&e, err, &why) : 0;
	enrolling_clear(&e);
	free(dir);
	return status;
}

/* -- accept ---------------------------------------------------------------------------------------------------------------- */

static char *random_password(void)
{
	uint8_t bytes[32];
	char *out = reload_alloc(2 * sizeof(bytes) + 1);
	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		abort();
	return reload_hex(out, span_of(bytes, sizeof(bytes)));
}

/* The form in which libcurl takes the digest of a key. */
static char *pin_of(const struct enroll_invitation *i)
{
	uint8_t digest[32];
	if (reload_unhex(digest, i->key, 64))
		abort(); /* enroll_invitation_read() has checked it */
	char *base64 = reload_base64(span_of(digest, sizeof(digest)));
	size_t size = strlen(base64) + sizeof("sha256//");
	char *out = reload_alloc(size);
	snprintf(out, size, "sha256//%s", base64);
	free(base64);
	return out;
}

/* The document that the server gave is the one that the invitation means: it has that root-cert. */
static enum reload_err check_root(
	const struct enrolling *e, const struct enroll_invitation *i, struct reload_error_text *why)
{
	uint8_t digest[RELOAD_HASH_SIZE_MAX];
	char hex[ENROLL_DIGEST];
	for (size_t k = 0; k < e->config->roots_count; k++) {
		reload_hash(digest, RELOAD_HASH_SHA256, &e->config->roots[k], 1);
		if (!strcmp(reload_hex(hex, span_of(digest, 32)), i->root))
			return RELOAD_OK;
	}
	enum reload_err err = reload_error_explain(why, RELOAD_BAD_CONFIG,
		"the server has another authority than the invitation",
		"no root-cert of its document has the digest %s", i->root);
	reload_error_advise(why, "ask for a new invitation");
	return err;
}

static enum reload_err accept_user(
	struct enrolling *e, const struct enroll_invitation *i, struct reload_error_text *why)
{
	const char *given = e->cli->operands_count > 1 ? e->cli->operands[1] : NULL;
	if (given && *i->user && strcmp(given, i->user) != 0)
		return cli_refuse(why, "the invitation is for another user", i->user);
	e->user = given ? given : i->user;
	if (*e->user)
		return enroll_user_check(e->user, why);
	enum reload_err err =
		cli_refuse(why, "a user name is needed", "the invitation is for whoever names one");
	reload_error_advise(why, "reload-enroll accept INVITATION NAME@%s", i->overlay);
	return err;
}

static enum reload_err accept_invitation(
	struct enrolling *e, const struct enroll_invitation *i, struct reload_error_text *why)
{
	char url[400];
	enum reload_err err = accept_user(e, i, why);
	if (err)
		return err;
	e->access.pin = pin_of(i);
	e->password = enroll_invitation_password(i);
	e->new_password = random_password();
	snprintf(url, sizeof(url), "https://%s/enroll", i->server);
	e->access.server = reload_strdup(url);
	snprintf(url, sizeof(url), "https://%s/.well-known/reload-config", i->server);
	err = fetch_config(e, url, i->overlay, why);
	if (!err)
		err = check_root(e, i, why);
	if (!err)
		err = enroll_target_open(
			&e->target, e->cli, e->user, e->config->instance_name, false, false, why);
	return err ? err : enroll(e, why);
}

/* The operand, or the first line of standard input where it is "-", so that no other user of the machine sees it. */
static enum reload_err read_invitation(
	struct enroll_invitation *out, struct cli *cli, struct reload_error_text *why)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	if (strcmp(cli->operands[0], "-") != 0)
		return enroll_invitation_read(out, cli->operands[0], why);
	enum reload_err err =
		cli_file_read(&bytes, &len, "-", ENROLL_INVITATION_MAX, cli->deadline, why);
	if (!err) {
		char *text = (char *)bytes;
		text[strcspn(text, "\r\n")] = 0;
		err = enroll_invitation_read(out, text, why);
	}
	cli_password_free((char *)bytes);
	return err;
}

int enroll_accept(struct cli *cli)
{
	struct enrolling e = { .cli = cli, .target = { .lock = -1 } };
	struct enroll_invitation i = { 0 };
	struct reload_error_text why = { 0 };
	enum reload_err err = read_invitation(&i, cli, &why);
	if (!err)
		err = accept_invitation(&e, &i, &why);
	if (!err)
		report(&e, e.target.name, e.target.dir, e.cert, !cli->dry_run);
	int status = err ? fail(&e, err, &why) : 0;
	enrolling_clear(&e);
	OPENSSL_cleanse(&i, sizeof(i));
	return status;
}
