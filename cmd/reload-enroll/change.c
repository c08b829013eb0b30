/* Opening, signing, checking and saving a change of the configuration document. */
#include "reload-enroll/change.h"

#include "config/schema.h"
#include "common/password.h"
#include "reload-enroll/accounts.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>

const char enroll_change_fields[] =
	"path:string overlay:string previous_sequence:integer sequence:integer expires:string? "
	"changes:{what:string before:string? after:string?}[] size_bytes:integer "
	"in_place:boolean dry_run:boolean";

static enum reload_err no_node_id(const char *path, struct reload_error_text *why)
{
	enum reload_err err = reload_error_explain(why, RELOAD_BAD_CERT,
		"the signer's certificate has no Node-ID", "%s is that of an authority",
		cli_path_show(path));
	reload_error_advise(why, "restore cert.pem and key.pem beside it from one backup");
	return err;
}

static enum reload_err load_signer(struct enroll_change *c, struct reload_error_text *why)
{
	char *dir = enroll_join(c->authority.dir, "signer"), *cert = enroll_join(dir, "cert.pem");
	enum reload_err err = enroll_keypair_load(&c->own, dir, c->cli, &c->passphrase, why);
	if (!err)
		err = cli_certs_load(&c->cert, &c->others, &c->others_count, cert, why);
	if (!err && !c->cert->node_ids_count)
		err = no_node_id(cert, why);
	if (!err)
		c->signer = (struct reload_config_signer){ .key = c->own.key,
			.cert = c->cert,
			.node = c->cert->node_ids[0],
			.others = c->others,
			.others_count = c->others_count };
	free(dir);
	free(cert);
	return err;
}

static enum reload_err open_authority(
	struct enroll_change *c, const char *overlay, struct reload_error_text *why)
{
	enum reload_err err =
		enroll_authority_open(&c->authority, overlay, c->cli->deadline, c->now, why);
	if (err == RELOAD_CONFIG_EXPIRED)
		err = enroll_authority_open(&c->authority, overlay, c->cli->deadline, 0, why);
	return err;
}

void enroll_change_release(struct enroll_change *c)
{
	if (!c->cli)
		return;
	reload_config_edit_free(c->edit);
	reload_config_free(c->config);
	enroll_authority_close(&c->authority);
	cli_certs_free(c->others, c->others_count);
	reload_cert_free(c->cert);
	enroll_keypair_clear(&c->own);
	cli_password_free(c->passphrase);
	json_decref(c->changes);
	wr_clear(&c->document);
	cli_files_free(c->files);
	*c = (struct enroll_change){ 0 };
}

enum reload_err enroll_change_open_overlay(struct enroll_change *out, struct cli *cli,
	const char *overlay, struct reload_error_text *why)
{
	struct enroll_change c = { .cli = cli, .now = enroll_now(), .authority = { .lock = -1 } };
	wr_init(&c.document);
	c.changes = json_array();
	c.files = cli_files_new();
	enum reload_err err = open_authority(&c, overlay, why);
	if (!err)
		err = load_signer(&c, why);
	if (!err)
		err = reload_config_edit_new(&c.edit, c.authority.config, why);
	if (err)
		enroll_change_release(&c);
	else
		*out = c;
	return err;
}

enum reload_err enroll_change_open(
	struct enroll_change *out, struct cli *cli, const char *user, struct reload_error_text *why)
{
	char *overlay = NULL;
	enum reload_err err = enroll_overlay(&overlay, cli, user, "ca", why);
	if (!err)
		err = enroll_change_open_overlay(out, cli, overlay, why);
	free(overlay);
	return err;
}

void enroll_change_note(
	struct enroll_change *c, const char *what, const char *before, const char *after)
{
	json_array_append_new(c->changes,
		json_pack("{s:s, s:s?, s:s?}", "what", what, "before", before, "after", after));
}

/* A ConfigUpdate is a message: the document has to fit one of the limit that the peers have now. */
static void warn_of_size(const struct enroll_change *c)
{
	size_t need = c->document.len + ENROLL_UPDATE_OVERHEAD;
	if (need > c->authority.config->max_message_size)
		cli_warn(c->cli,
			"an update of %zu bytes does not fit the max-message-size of the document "
			"before, %u: config publish will raise it first, in a document of its own",
			need, c->authority.config->max_message_size);
}

static enum reload_err make(struct enroll_change *c, struct reload_error_text *why)
{
	enum reload_err err =
		reload_config_edit_write(&c->document, c->edit, &c->signer, c->now, why);
	if (!err)
		err = reload_config_parse(&c->config, wr_done(&c->document), c->authority.overlay,
			&reload_ident_openssl, c->now, why);
	if (!err)
		err = reload_schema_check(wr_done(&c->document), why);
	if (!err)
		err = reload_config_workable(c->config, why);
	if (err == RELOAD_BAD_CONFIG) /* the line is one of a document that was not written */
		snprintf(why->what, sizeof(why->what), "the configuration is not changed");
	if (err == RELOAD_CONFIG_EXPIRED)
		reload_error_advise(why, "reload-enroll config set --validity 365d");
	return err;
}

static enum reload_err commit(struct enroll_change *c, struct reload_error_text *why)
{
	enum reload_err err = make(c, why);
	if (err)
		return err;
	warn_of_size(c);
	if (!c->cli->dry_run && !reload_config_in_place(c->config, c->authority.config))
		err = cli_confirm(c->cli,
			"every peer will leave the overlay and has to be joined again; change it?",
			why);
	if (err)
		return err;
	if (c->cli->dry_run)
		return cli_dir_check(c->authority.dir, why);
	/* when it is killed here the same command does the rest: what is revoked already goes into the document */
	err = accounts_keep(c->authority.accounts, why);
	cli_files_put(c->files, c->authority.config_path, cli_document_mode(c->config),
		wr_done(&c->document));
	return err ? err : cli_files_commit(c->files, why);
}

static const char *or_default(const json_t *change, const char *key)
{
	const char *text = json_string_value(json_object_get(change, key));
	return text ? text : "default";
}

static void print_changed(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	const char *until = json_string_value(json_object_get(o, "expires"));
	const json_t *change;
	size_t i;
	if (cli->quiet)
		return;
	fprintf(out, "%s %s: sequence %lld to %lld, signed, until %.10s\n",
		cli->dry_run ? "would change" : "changed",
		json_string_value(json_object_get(o, "overlay")),
		json_integer_value(json_object_get(o, "previous_sequence")),
		json_integer_value(json_object_get(o, "sequence")), until ? until : "never");
	json_array_foreach (json_object_get(o, "changes"), i, change) {
		fprintf(out, "  %s  ", json_string_value(json_object_get(change, "what")));
		cli_put_safe(out, or_default(change, "before"));
		fputs(" to ", out);
		cli_put_safe(out, or_default(change, "after"));
		fputs("\n", out);
	}
	if (!cli->dry_run)
		fputs("next: reload-enroll config publish\n", out);
}

static void report(struct enroll_change *c)
{
	json_t *o = json_pack("{s:s, s:s, s:i, s:i, s:o, s:O, s:I, s:b, s:b}", "path",
		c->authority.config_path, "overlay", c->authority.overlay, "previous_sequence",
		(int)c->authority.config->sequence, "sequence", (int)c->config->sequence, "expires",
		cli_json_time(c->config->expiration), "changes", c->changes, "size_bytes",
		(json_int_t)c->document.len, "in_place",
		reload_config_in_place(c->config, c->authority.config), "dry_run", c->cli->dry_run);
	cli_print(c->cli, o, print_changed, c->cli);
	json_decref(o);
}

int enroll_change_end(struct enroll_change *c, struct cli *cli, enum reload_err err,
	struct reload_error_text *why)
{
	if (!err)
		err = commit(c, why);
	if (!err)
		report(c);
	enroll_change_release(c);
	return err ? cli_fail(cli, err, why) : 0;
}
