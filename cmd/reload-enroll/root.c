/*
 * config add-root, remove-root, add-signer, remove-signer: whom the nodes of an overlay trust.  An authority is replaced in two documents: one
 * adds the new root-cert and a signer below it, and when every node has a certificate by the new one, another takes the old one out.
 */
#include "reload-enroll/next.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	DIGITS_MIN = 8 /* of a fingerprint */
};

static const char *subject_of(const struct reload_cert *cert)
{
	return cert->issuer_text && *cert->issuer_text ? cert->issuer_text : "an authority";
}

static void note_root(struct enroll_change *c, const struct reload_cert *cert, bool added)
{
	char print[65], text[256];
	snprintf(text, sizeof(text), "%.64s %.150s",
		reload_hex(print, span_of(cert->fingerprint, 32)), subject_of(cert));
	enroll_change_note(c, "root-cert", added ? "none" : text, added ? text : "none");
}

static void note_signer(struct enroll_change *c, const struct reload_id *node, bool added)
{
	char hex[RELOAD_ID_HEX];
	reload_id_hex(hex, node);
	enroll_change_note(c, "configuration-signer", added ? "none" : hex, added ? hex : "none");
}

static enum reload_err unchanged(struct reload_error_text *why, const char *what, const char *cause)
{
	enum reload_err err = reload_error_explain(why, RELOAD_EXISTS, what, "%s", cause);
	reload_error_advise(why, "reload-enroll config show, which lists what there is");
	return err;
}

static enum reload_err until_of(
	reload_utc *out, struct cli *cli, reload_utc now, struct reload_error_text *why)
{
	reload_ms validity = 0;
	enum reload_err err = enroll_validity(cli, ENROLL_CA_VALIDITY, &validity, why);
	*out = now + validity;
	return err;
}

/* -- add-root --------------------------------------------------------------------------------------------------------------- */

static enum reload_err no_authority(const char *path, struct reload_error_text *why)
{
	char what[256];
	snprintf(what, sizeof(what), "%.200s cannot be a root-cert", cli_path_show(path));
	enum reload_err err = reload_error_explain(why, RELOAD_BAD_CERT, what,
		"it may issue no certificates: BasicConstraints with CA true is missing, or "
		"keyUsage forbids it");
	reload_error_advise(why, "openssl x509 -in FILE -noout -ext basicConstraints,keyUsage");
	return err;
}

/* The certificate of another authority, of which no key is here. */
static enum reload_err add_given(
	struct enroll_change *c, const char *path, struct reload_error_text *why)
{
	AUTO(reload_cert) cert = NULL;
	struct reload_cert **others = NULL;
	size_t count = 0;
	enum reload_err err = cli_certs_load(&cert, &others, &count, path, why);
	cli_certs_free(others, count);
	if (!err && !cert->authority)
		err = no_authority(path, why);
	if (!err && !reload_config_edit_add_root(c->edit, cert->der))
		return unchanged(why, "nothing would change", "the document has that root-cert");
	if (!err)
		note_root(c, cert, true);
	return err;
}

static enum reload_err add_made(struct enroll_change *c, struct reload_error_text *why)
{
	AUTO(reload_cert) root = NULL;
	struct reload_id signer;
	reload_utc until;
	enum reload_err err = until_of(&until, c->cli, c->now, why);
	if (!err)
		err = enroll_next_make(c, true, until, &root, &signer, why);
	if (err)
		return err;
	reload_config_edit_add_root(c->edit, root->der);
	reload_config_edit_add_signer(c->edit, &signer);
	note_root(c, root, true);
	note_signer(c, &signer, true);
	return RELOAD_OK;
}

int enroll_config_add_root(struct cli *cli)
{
	struct enroll_change c = { 0 };
	struct reload_error_text why = { 0 };
	enum reload_err err = enroll_change_open(&c, cli, NULL, &why);
	for (size_t i = 0; i < cli->operands_count && !err; i++)
		err = add_given(&c, cli->operands[i], &why);
	if (!err && !cli->operands_count)
		err = add_made(&c, &why);
	return enroll_change_end(&c, cli, err, &why);
}

/* -- remove-root ------------------------------------------------------------------------------------------------------------ */

static enum reload_err no_root(const char *text, const char *cause, struct reload_error_text *why)
{
	char what[160];
	snprintf(what, sizeof(what), "%.100s names no root-cert of the document", text);
	enum reload_err err = reload_error_explain(why, RELOAD_USAGE, what, "%s", cause);
	reload_error_advise(why, "reload-enroll config show -j | jq .roots");
	return err;
}

/* The root-cert whose fingerprint begins with these digits (a reference). */
static enum reload_err find_root(struct reload_cert **out, const struct reload_config *config,
	const char *digits, struct reload_error_text *why)
{
	AUTO(reload_cert) found = NULL;
	size_t len = strlen(digits);
	if (len < DIGITS_MIN || strspn(digits, "0123456789abcdef") != len)
		return no_root(digits, "expected 8 digits or more of its SHA-256 fingerprint", why);
	for (size_t i = 0; i < config->roots_count; i++) {
		AUTO(reload_cert) root = NULL;
		char print[65];
		if (reload_cert_parse(&root, &reload_ident_openssl, config->roots[i], NULL) ||
			strncmp(reload_hex(print, span_of(root->fingerprint, 32)), digits, len) !=
				0)
			continue;
		if (found)
			return no_root(digits, "several begin with these digits", why);
		found = TAKE(root);
	}
	if (!found)
		return no_root(digits, "no fingerprint begins with these digits", why);
	*out = TAKE(found);
	return RELOAD_OK;
}

static bool is_below(const struct reload_cert *cert, const struct reload_cert *root)
{
	return span_eq(cert->der, root->der) ||
	       (span_eq(cert->issuer, root->subject) &&
		       !reload_ident_openssl.cert_signed_by(cert, root));
}

/* What is in use has to be replaced first, or nobody could issue and sign any more. */
static enum reload_err check_use(const struct enroll_change *c, const struct reload_cert *root,
	struct reload_error_text *why)
{
	const char *cause = NULL;
	if (is_below(c->authority.cert, root))
		cause = "the authority that issues certificates is this one, or below it";
	else if (is_below(c->cert, root))
		cause = "it issued the certificate of the signer of configurations";
	if (!cause)
		return RELOAD_OK;
	enum reload_err err =
		reload_error_explain(why, RELOAD_USAGE, "the root-cert is in use", "%s", cause);
	reload_error_advise(why, "reload-enroll config add-root, and then config publish, which "
				 "brings the new one into use");
	return err;
}

/* The signer that was in use together with an authority of this program goes with it. */
static void remove_old_signer(struct enroll_change *c, const struct reload_cert *root)
{
	struct reload_cert *cert = NULL, **others = NULL;
	struct reload_error_text ignored = { 0 };
	size_t count = 0;
	char *old = enroll_next_old(&c->authority, root);
	char *path = enroll_join(old, "signer/cert.pem");
	if (!access(path, F_OK) && !cli_certs_load(&cert, &others, &count, path, &ignored) &&
		cert->node_ids_count &&
		reload_config_edit_remove_signer(c->edit, &cert->node_ids[0]))
		note_signer(c, &cert->node_ids[0], false);
	reload_cert_free(cert);
	cli_certs_free(others, count);
	free(path);
	free(old);
}

static enum reload_err remove_root(
	struct enroll_change *c, const char *digits, struct reload_error_text *why)
{
	AUTO(reload_cert) root = NULL;
	enum reload_err err = find_root(&root, c->authority.config, digits, why);
	if (!err)
		err = check_use(c, root, why);
	if (err)
		return err;
	(void)reload_config_edit_remove_root(c->edit, root->der);
	note_root(c, root, false);
	remove_old_signer(c, root);
	return RELOAD_OK;
}

int enroll_config_remove_root(struct cli *cli)
{
	struct enroll_change c = { 0 };
	struct reload_error_text why = { 0 };
	enum reload_err err = enroll_change_open(&c, cli, NULL, &why);
	for (size_t i = 0; i < cli->operands_count && !err; i++)
		err = remove_root(&c, cli->operands[i], &why);
	if (!err)
		err = reload_config_edit_sign_kinds(c.edit, &c.signer, &why);
	return enroll_change_end(&c, cli, err, &why);
}

/* -- signers ------------------------------------------------------------------------------------------------------------------ */

static enum reload_err read_node(struct reload_id *out, const struct enroll_change *c,
	const char *text, struct reload_error_text *why)
{
	char what[128];
	if (!reload_id_from_hex(out, text) && out->len == c->authority.config->node_id_len)
		return RELOAD_OK;
	snprintf(what, sizeof(what), "%.80s is no Node-ID", text);
	enum reload_err err = reload_error_explain(why, RELOAD_USAGE, what, "it has %u hex digits",
		2u * c->authority.config->node_id_len);
	reload_error_advise(why, "reload-enroll show NAME prints the Node-ID of an identity");
	return err;
}

static enum reload_err add_signer(
	struct enroll_change *c, const char *text, struct reload_error_text *why)
{
	struct reload_id node;
	reload_utc until;
	enum reload_err err = until_of(&until, c->cli, c->now, why);
	if (!err)
		err = text ? read_node(&node, c, text, why)
			   : enroll_next_make(c, false, until, NULL, &node, why);
	if (!err && !reload_config_edit_add_signer(c->edit, &node))
		return unchanged(why, "nothing would change", "that node is a signer already");
	if (!err)
		note_signer(c, &node, true);
	return err;
}

int enroll_config_add_signer(struct cli *cli)
{
	struct enroll_change c = { 0 };
	struct reload_error_text why = { 0 };
	enum reload_err err = enroll_change_open(&c, cli, NULL, &why);
	for (size_t i = 0; i < cli->operands_count && !err; i++)
		err = add_signer(&c, cli->operands[i], &why);
	if (!err && !cli->operands_count)
		err = add_signer(&c, NULL, &why);
	return enroll_change_end(&c, cli, err, &why);
}

static enum reload_err remove_signer(
	struct enroll_change *c, const char *text, struct reload_error_text *why)
{
	struct reload_id node;
	enum reload_err err = read_node(&node, c, text, why);
	if (!err && reload_id_eq(&node, &c->signer.node)) {
		err = reload_error_explain(why, RELOAD_USAGE, "the signer is in use",
			"it signs this very document, and nobody could sign the next one");
		reload_error_advise(why,
			"reload-enroll config add-signer, and then config publish, which brings "
			"the new one into use");
	}
	if (!err && !reload_config_edit_remove_signer(c->edit, &node))
		return unchanged(why, "nothing would change", "that node is no signer");
	if (!err)
		note_signer(c, &node, false);
	return err;
}

int enroll_config_remove_signer(struct cli *cli)
{
	struct enroll_change c = { 0 };
	struct reload_error_text why = { 0 };
	enum reload_err err = enroll_change_open(&c, cli, NULL, &why);
	for (size_t i = 0; i < cli->operands_count && !err; i++)
		err = remove_signer(&c, cli->operands[i], &why);
	if (!err)
		err = reload_config_edit_sign_kinds(c.edit, &c.signer, &why);
	return enroll_change_end(&c, cli, err, &why);
}
