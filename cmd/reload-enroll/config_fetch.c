/*
 * config fetch: the document that the configuration server has now takes the place of an identity's (RFC 6940 s11.2), where it is newer and
 * signed as a ConfigUpdate with it would have to be.
 */
#include "common/call.h"
#include "reload-enroll/access.h"
#include "reload-enroll/enroll.h"
#include "reload-enroll/fetch.h"
#include "reload-enroll/serve_command.h"

#include <stdlib.h>
#include <string.h>

const char enroll_fetch_fields[] =
	"identity:string path:string overlay:string sequence:integer previous_sequence:integer "
	"fetched:boolean expires:string? dry_run:boolean";

struct fetching {
	struct cli *cli;
	char *dir, *path;             /* of the identity; its document */
	struct reload_cert *cert;     /* of the identity */
	struct reload_config *before; /* its document, which may have expired */
	struct reload_config *config; /* that was fetched */
	struct enroll_access access;
	struct enroll_target target;
};

static void fetching_clear(struct fetching *f)
{
	enroll_target_close(&f->target);
	enroll_access_clear(&f->access);
	reload_config_free(f->config);
	reload_config_free(f->before);
	reload_cert_free(f->cert);
	free(f->path);
	free(f->dir);
}

static enum reload_err read_document(
	struct reload_config **out, const struct fetching *f, struct reload_error_text *why)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	enum reload_err err =
		cli_file_read(&bytes, &len, f->path, RELOAD_CONFIG_SIZE_MAX, f->cli->deadline, why);
	if (!err)
		err = reload_config_parse_any(
			out, span_of(bytes, len), f->cert->overlay, &reload_ident_openssl, 0, why);
	free(bytes);
	return err;
}

/* What the identity has now; its certificate and its document may have ended. */
static enum reload_err read_identity(struct fetching *f, struct reload_error_text *why)
{
	struct reload_cert **others = NULL;
	size_t count = 0;
	const char *name = cli_value(f->cli, "identity", NULL);
	if (!name)
		return cli_refuse(why, "--identity is needed", "it names whose document it is");
	enum reload_err err = cli_identity_dir(&f->dir, name, why);
	if (err)
		return err;
	f->path = enroll_join(f->dir, "overlay.xml");
	char *path = enroll_join(f->dir, "cert.pem");
	err = cli_certs_load(&f->cert, &others, &count, path, why);
	cli_certs_free(others, count);
	if (!err)
		err = read_document(&f->before, f, why);
	if (!err)
		err = enroll_access_read(&f->access, f->dir, f->cli->deadline, why);
	enroll_access_options(&f->access, f->cli);
	free(path);
	return err;
}

/* The document is beside the enrollment of the server that an invitation named. */
static char *url_beside(const char *server)
{
	const char *host = strstr(server, "://");
	size_t len = host ? (size_t)(host + 3 - server) + strcspn(host + 3, "/") : strlen(server);
	size_t size = len + sizeof("/.well-known/reload-config");
	char *out = reload_alloc(size);
	snprintf(out, size, "%.*s/.well-known/reload-config", (int)len, server);
	return out;
}

static enum reload_err older(
	const struct fetching *f, const char *from, struct reload_error_text *why)
{
	char what[500];
	snprintf(what, sizeof(what), "the document of %.400s is not newer", from);
	enum reload_err err = reload_error_explain(why, RELOAD_CONFIG_TOO_OLD, what,
		"its sequence %u does not follow %u, which the identity has", f->config->sequence,
		f->before->sequence);
	reload_error_advise(why, "ask whoever runs the configuration server");
	return err;
}

/* R-6.5.4-10: a node that was away while all signers changed can trust the server alone, when its operator says so. */
static enum reload_err check(struct fetching *f, const char *from, struct reload_error_text *why)
{
	if (!reload_config_newer(f->config, f->before))
		return older(f, from, why);
	bool as_new = cli_has(f->cli, "as-new");
	enum reload_err err =
		reload_config_verify(f->config, as_new ? NULL : f->before, enroll_now(), why);
	if (err && !as_new)
		reload_error_advise(why, "--as-new, to trust the server alone as a new node does, "
					 "and start the agent again");
	else if (err)
		reload_error_advise(why, "ask whoever runs the configuration server");
	return err;
}

static bool is_other(const struct fetching *f)
{
	return !span_eq(f->config->document, f->before->document);
}

/* An agent of the identity may have got a newer one meanwhile, from a peer: the server may have taken long. */
static enum reload_err check_again(struct fetching *f, struct reload_error_text *why)
{
	struct reload_config *present = NULL;
	enum reload_err err = read_document(&present, f, why);
	if (err)
		return err;
	bool same = span_eq(present->document, f->before->document);
	reload_config_free(f->before);
	f->before = present;
	return same || !is_other(f) ? RELOAD_OK : check(f, "the server", why);
}

static enum reload_err fetch(struct fetching *f, struct reload_error_text *why)
{
	struct enroll_fetch request = { .cli = f->cli,
		.pin = f->access.pin,
		.ca_file = cli_value(f->cli, "ca-file", f->access.ca_file) };
	char *url = f->access.url      ? reload_strdup(f->access.url)
		    : f->access.server ? url_beside(f->access.server)
				       : NULL;
	enum reload_err err = url ? enroll_fetch_url(&request, url, why)
				  : enroll_fetch_overlay(&request, f->before->instance_name, why);
	struct span document = bytes_span(request.document);
	if (!err) {
		err = reload_config_parse_any(&f->config, document, f->before->instance_name,
			&reload_ident_openssl, enroll_now(), why);
		if (err)
			reload_error_advise(why, "curl -v %.200s", request.from);
	}
	if (!err && is_other(f))
		err = check(f, request.from, why);
	bytes_free(&request.document);
	free(url);
	return err;
}

/*
 * A document with what this program does not know takes its place as well: the node may not be part of that overlay any more (R-11.1-49), and
 * with the old one it would try to be.
 */
static enum reload_err save(struct fetching *f, struct reload_error_text *why)
{
	AUTO(cli_files) files = cli_files_new();
	enum reload_err err = enroll_target_open(&f->target, f->cli, f->cert->user,
		f->before->instance_name, f->cert->self_issued, true, why);
	if (!err)
		err = check_again(f, why);
	if (err || f->cli->dry_run)
		return err;
	cli_files_put(files, f->path, cli_document_mode(f->config), f->config->document);
	enroll_access_put(&f->access, f->dir, files);
	return cli_files_commit(files, why);
}

static void print_fetched(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	if (cli->quiet)
		return;
	if (json_is_true(json_object_get(o, "fetched")))
		fprintf(out, "%s sequence %lld of %s, in place of %lld\n",
			cli->dry_run ? "would take" : "took", cli_get_int(o, "sequence"),
			cli_get_text(o, "overlay"), cli_get_int(o, "previous_sequence"));
	else
		fprintf(out, "not needed: %s has sequence %lld of %s\n",
			cli_get_text(o, "identity"), cli_get_int(o, "sequence"),
			cli_get_text(o, "overlay"));
}

static void report(const struct fetching *f, bool fetched)
{
	json_t *o = json_pack("{s:s, s:s, s:s, s:i, s:i, s:b, s:o, s:b}", "identity",
		cli_value(f->cli, "identity", ""), "path", f->path, "overlay",
		f->before->instance_name, "sequence", (int)f->config->sequence, "previous_sequence",
		(int)f->before->sequence, "fetched", fetched, "expires",
		f->config->expiration ? cli_json_time(f->config->expiration) : json_null(),
		"dry_run", f->cli->dry_run);
	cli_print(f->cli, o, print_fetched, f->cli);
	json_decref(o);
}

int enroll_config_fetch(struct cli *cli)
{
	struct fetching f = { .cli = cli, .target = { .lock = -1 } };
	struct reload_error_text why = { 0 };
	enum reload_err err = read_identity(&f, &why);
	if (!err)
		err = fetch(&f, &why);
	bool newer = !err && is_other(&f);
	if (newer)
		err = save(&f, &why);
	if (newer && !err)
		err = reload_config_supported(f.config, &why);
	if (!err)
		report(&f, newer && is_other(&f) && !cli->dry_run);
	int status = err ? cli_fail(cli, err, &why) : 0;
	fetching_clear(&f);
	return status;
}
