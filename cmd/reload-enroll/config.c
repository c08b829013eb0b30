/* config show prints a configuration document; config check checks whether it may be used. */
#include "reload-enroll/enroll.h"

#include "config/schema.h"
#include "config/write.h"
#include "util/text.h"
#include "wire/diagnostics.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char enroll_config_fields[] =
	"path:string overlay:string sequence:integer signed:boolean expires:string? "
	"algorithm:string "
	"node_id_length:integer links:string[] no_ice:boolean clients_permitted:boolean "
	"bootstrap:string[] "
	"multicast_bootstrap:string[] enrollment_servers:string[] self_signed_digest:string? "
	"roots:{subject:string "
	"fingerprint:string expires:string}[] "
	"configuration_signers:string[] kind_signers:string[] bad_nodes:string[] "
	"shared_secret:boolean "
	"max_message_size:integer initial_ttl:integer overlay_reliability_timer_ms:integer "
	"chord_update_interval_s:integer chord_ping_interval_s:integer chord_reactive:boolean "
	"turn_density:integer "
	"kinds:{kind:string? kind_id:integer data_model:string access_control:string "
	"max_count:integer "
	"max_size_bytes:integer max_node_multiple:integer? branching_factor:integer? "
	"domains:string[]? required:boolean}[] "
	"diagnostics:{kind:string? kind_id:integer nodes:string[]}[] size_bytes:integer "
	"valid:boolean "
	"warnings:string[]";

static json_t *strings(const struct reload_string_list *list)
{
	json_t *out = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(out, json_string(list->at[i]));
	return out;
}

static json_t *links(const struct reload_config *c)
{
	/* RFC 6940 s11.1: without the element the link protocol is TLS */
	return c->link_protocols.count ? strings(&c->link_protocols) : json_pack("[s]", "TLS");
}

/* The patterns of domains whose names may be stored; null: all may. */
static json_t *domains(const struct reload_kind *k)
{
	const char *at = (const char *)k->domains.at, *end = at + k->domains.len;
	json_t *out = k->domains_restricted ? json_array() : json_null();
	for (; k->domains_restricted && at && at < end; at += strlen(at) + 1)
		json_array_append_new(out, json_string(at));
	return out;
}

static json_t *kinds(const struct reload_config *c)
{
	json_t *out = json_array();
	for (size_t i = 0; i < c->kinds.count; i++) {
		const struct reload_kind *k = &c->kinds.at[i];
		json_array_append_new(
			out, json_pack("{s:s?, s:I, s:s, s:s, s:I, s:I, s:o, s:o, s:o, s:b}",
				     "kind", reload_kind_name(k), "kind_id", (json_int_t)k->id,
				     "data_model", reload_data_model_name(k->model),
				     "access_control", reload_access_policy_name(k->access),
				     "max_count", (json_int_t)k->max_count, "max_size_bytes",
				     (json_int_t)k->max_size, "max_node_multiple",
				     k->access == RELOAD_ACCESS_NODE_MULTIPLE
					     ? json_integer(k->max_node_multiple)
					     : json_null(),
				     "branching_factor",
				     k->branching_factor ? json_integer(k->branching_factor)
							 : json_null(),
				     "domains", domains(k), "required", k->block.len > 0));
	}
	return out;
}

/* Which nodes may read which diagnostic Kinds; the wildcard Node-ID stands for every node. */
static json_t *diagnostics(const struct reload_config *c)
{
	char hex[RELOAD_ID_HEX];
	json_t *out = json_array(), *nodes = NULL;
	for (size_t i = 0; i < c->grants_count; i++) {
		const struct reload_diagnostic_grant *g = &c->grants[i];
		if (!i || g[-1].kind != g->kind) {
			nodes = json_array();
			json_array_append_new(
				out, json_pack("{s:s?, s:i, s:o}", "kind",
					     reload_diagnostic_name(g->kind), "kind_id",
					     (int)g->kind, "nodes", nodes));
		}
		json_array_append_new(nodes, json_string(reload_id_hex(hex, &g->node)));
	}
	return out;
}

static json_t *roots(const struct reload_config *c)
{
	json_t *out = json_array();
	char print[65];
	for (size_t i = 0; i < c->roots_count; i++) {
		AUTO(reload_cert) root = NULL;
		if (reload_cert_parse(&root, &reload_ident_openssl, c->roots[i], NULL))
			continue; /* cannot fail: the document was accepted */
		json_array_append_new(out,
			json_pack("{s:s, s:s, s:o}", "subject",
				root->issuer_text && root->self_issued ? root->issuer_text : "?",
				"fingerprint", reload_hex(print, span_of(root->fingerprint, 32)),
				"expires", cli_json_time(root->not_after)));
	}
	return out;
}

static json_t *addresses(const struct reload_ip_port *list, size_t count)
{
	char text[64];
	json_t *out = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(out, json_string(reload_ip_port_text(text, &list[i])));
	return out;
}

enum {
	TTL_BEYOND_RING = 5, /* RFC 6940 s13.6.5: log2 of the number of peers + 5 is a safe bound */
	TTL_SMALL = 15       /* enough for 1,024 peers */
};

/* warnings() returns the warnings of the parser and those about the size and the time to live of messages. */
static json_t *warnings(const struct reload_config *c)
{
	char text[256];
	json_t *out = strings(&c->warnings);
	size_t need = c->document.len + ENROLL_UPDATE_OVERHEAD;
	if (need > c->max_message_size) {
		snprintf(text, sizeof(text),
			"a ConfigUpdate of it takes about %zu bytes: max-message-size %zu is "
			"proposed",
			need, enroll_message_size(c->document.len));
		json_array_append_new(out, json_string(text));
	}
	if (c->initial_ttl < TTL_SMALL) {
		unsigned log2_peers = c->initial_ttl > TTL_BEYOND_RING
					      ? c->initial_ttl - (unsigned)TTL_BEYOND_RING
					      : 0u;
		snprintf(text, sizeof(text),
			"initial-ttl %u is safe in rings of %u peer%s at most (log2 of them + 5, "
			"RFC 6940 13.6.5): %d is proposed",
			c->initial_ttl, 1u << log2_peers, log2_peers ? "s" : "",
			ENROLL_INITIAL_TTL);
		json_array_append_new(out, json_string(text));
	}
	return out;
}

json_t *enroll_config_json(const struct reload_config *c, const char *path, bool verified)
{
	static const char *const digests[] = {
		[RELOAD_HASH_SHA1] = "sha1", [RELOAD_HASH_SHA256] = "sha256"
	};
	json_t *o = json_pack("{s:s, s:s, s:i, s:b, s:o, s:s, s:i, s:o, s:b, s:b, s:o, s:o, s:o}",
		"path", path, "overlay", c->instance_name, "sequence", (int)c->sequence, "signed",
		verified, "expires", cli_json_time(c->expiration), "algorithm", c->topology_plugin,
		"node_id_length", (int)c->node_id_len, "links", links(c), "no_ice", c->no_ice,
		"clients_permitted", c->clients_permitted, "bootstrap",
		addresses(c->bootstrap, c->bootstrap_count), "multicast_bootstrap",
		addresses(c->multicast, c->multicast_count), "enrollment_servers",
		strings(&c->enrollment_servers));
	json_t *more = json_pack("{s:s?, s:o, s:o, s:o, s:o, s:b, s:I, s:i, s:I, s:I, s:I, s:b, "
				 "s:i, s:o, s:o, s:I, s:b, s:o}",
		"self_signed_digest", digests[c->self_signed_digest], "roots", roots(c),
		"configuration_signers",
		enroll_ids_json(c->configuration_signers.at, c->configuration_signers.count),
		"kind_signers", enroll_ids_json(c->kind_signers.at, c->kind_signers.count),
		"bad_nodes", enroll_ids_json(c->bad_nodes.at, c->bad_nodes.count), "shared_secret",
		c->shared_secret != NULL, "max_message_size", (json_int_t)c->max_message_size,
		"initial_ttl", (int)c->initial_ttl, "overlay_reliability_timer_ms",
		(json_int_t)c->overlay_reliability_timer_ms, "chord_update_interval_s",
		(json_int_t)c->chord_update_interval_s, "chord_ping_interval_s",
		(json_int_t)c->chord_ping_interval_s, "chord_reactive", c->chord_reactive,
		"turn_density", (int)c->turn_density, "kinds", kinds(c), "diagnostics",
		diagnostics(c), "size_bytes", (json_int_t)c->document.len, "valid", 1, "warnings",
		warnings(c));
	json_object_update(o, more);
	json_decref(more);
	return o;
}

static const char *word(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

static long long number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void print_list(FILE *out, const json_t *o, const char *key, const char *label)
{
	const json_t *list = json_object_get(o, key), *item;
	size_t i;
	json_array_foreach (list, i, item)
		fprintf(out, "  %-15s%s\n", i ? "" : label, json_string_value(item));
}

static void print_kinds(FILE *out, const json_t *o)
{
	const json_t *list = json_object_get(o, "kinds"), *k, *pattern;
	size_t i, d;
	char id[16];
	json_array_foreach (list, i, k) {
		snprintf(id, sizeof(id), "0x%llx", number(k, "kind_id"));
		char factor[32] = "";
		if (number(k, "branching_factor"))
			snprintf(factor, sizeof(factor), "  branching-factor %lld",
				number(k, "branching_factor"));
		fprintf(out, "  %-15s%s%s%s  %s  %s  max-count %lld  max-size %lld%s%s\n",
			i ? "" : "Kinds", id, *word(k, "kind") ? "  " : "", word(k, "kind"),
			word(k, "data_model"), word(k, "access_control"), number(k, "max_count"),
			number(k, "max_size_bytes"), factor,
			json_is_true(json_object_get(k, "required")) ? "" : "  (always there)");
		json_array_foreach (json_object_get(k, "domains"), d, pattern)
			fprintf(out, "  %-15s%s  %s\n", "", d ? "       " : "domains",
				json_string_value(pattern));
	}
}

/* A line a Kind, with the nodes that may read it. */
static void print_diagnostics(FILE *out, const json_t *o)
{
	const json_t *d, *node;
	size_t i, k;
	json_array_foreach (json_object_get(o, "diagnostics"), i, d) {
		fprintf(out, "  %-15s0x%04llx  %s  ", i ? "" : "diagnostics", number(d, "kind_id"),
			*word(d, "kind") ? word(d, "kind") : "local");
		json_array_foreach (json_object_get(d, "nodes"), k, node) {
			const char *id = json_string_value(node);
			fprintf(out, "%s%s", k ? " " : "", id[strspn(id, "f")] ? id : "every node");
		}
		fputc('\n', out);
	}
}

void enroll_config_text(FILE *out, const json_t *o, void *arg)
{
	const char *until = word(o, "expires"), *digest = word(o, "self_signed_digest");
	const json_t *root;
	size_t i;
	(void)arg;
	fprintf(out, "configuration %s  %s\n", word(o, "overlay"), cli_path_show(word(o, "path")));
	fprintf(out, "  %-15s%lld, %s, until %.10s\n", "sequence", number(o, "sequence"),
		json_is_true(json_object_get(o, "signed")) ? "signed" : "not signed",
		*until ? until : "never");
	fprintf(out, "  %-15s%s, %lld-bit Node-IDs, %s\n", "algorithm", word(o, "algorithm"),
		8 * number(o, "node_id_length"),
		json_is_true(json_object_get(o, "no_ice")) ? "no ICE" : "ICE");
	print_list(out, o, "links", "links");
	if (!json_is_true(json_object_get(o, "no_ice")))
		fprintf(out, "  %-15s%lld record%s of each server\n", "turn-density",
			number(o, "turn_density"), cli_plural(number(o, "turn_density")));
	json_array_foreach (json_object_get(o, "roots"), i, root)
		fprintf(out, "  %-15s%.16s %s, until %.10s\n", i ? "" : "root-cert",
			word(root, "fingerprint"), word(root, "subject"), word(root, "expires"));
	print_list(out, o, "bootstrap", "bootstrap");
	print_list(out, o, "multicast_bootstrap", "multicast");
	print_list(out, o, "enrollment_servers", "enrollment");
	fprintf(out, "  %-15s%s\n", "self-signed", *digest ? digest : "not permitted");
	print_list(out, o, "configuration_signers", "signers");
	print_list(out, o, "bad_nodes", "bad nodes");
	fprintf(out, "  %-15s%lld bytes a message, ttl %lld, reliability timer %lld ms\n", "limits",
		number(o, "max_message_size"), number(o, "initial_ttl"),
		number(o, "overlay_reliability_timer_ms"));
	print_kinds(out, o);
	print_diagnostics(out, o);
}

/*
 * find_file() finds the file: the operand as a path, else as the name of an overlay; without an operand, the document
 * of the only overlay.
 */
static enum reload_err find_file(char **out, const struct cli *cli, struct reload_error_text *why)
{
	const char *operand = cli->operands_count ? cli->operands[0] : NULL;
	char *overlay = NULL, *dir = NULL;
	if (operand && (strchr(operand, '/') || !strcmp(operand, "-") || !access(operand, F_OK) ||
			       !reload_overlay_name_valid(operand))) {
		*out = reload_strdup(operand);
		return RELOAD_OK;
	}
	enum reload_err err = RELOAD_OK;
	if (operand)
		overlay = reload_strdup(operand);
	else
		err = enroll_overlay(&overlay, cli, NULL, "overlay.xml", why);
	if (!err)
		err = cli_path(&dir, CLI_CONFIG, overlay, why);
	if (!err)
		*out = enroll_join(dir, "overlay.xml");
	if (!err && operand && access(*out, F_OK)) {
		char what[256];
		snprintf(what, sizeof(what), "%.120s is no file and no overlay that is here",
			operand);
		err = reload_error_explain(
			why, RELOAD_BAD_CONFIG, what, "there is no %s", cli_path_show(*out));
		reload_error_advise(
			why, "reload-enroll show, which lists the overlays that are here");
		free(TAKE(*out));
	}
	free(overlay);
	free(dir);
	return err;
}

static enum reload_err load(
	struct cli *cli, char **path, struct reload_config **config, struct reload_error_text *why)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	enum reload_err err = find_file(path, cli, why);
	if (err)
		return err;
	err = cli_file_read(&bytes, &len, *path, RELOAD_CONFIG_SIZE_MAX, cli->deadline, why);
	if (err == RELOAD_IO || err == RELOAD_LIMIT)
		err = RELOAD_BAD_CONFIG;
	if (!err)
		err = cli_config_parse(config, span_of(bytes, len), *path,
			cli_value(cli, "overlay", NULL), enroll_now(), why);
	free(bytes);
	return err;
}

int enroll_config_show(struct cli *cli)
{
	AUTO(reload_config) config = NULL;
	struct reload_error_text why = { 0 };
	char *path = NULL;
	enum reload_err err = load(cli, &path, &config, &why);
	if (!err) {
		json_t *o = enroll_config_json(config, path, config->signatures_count > 0);
		cli_print(cli, o, enroll_config_text, NULL);
		json_decref(o);
	}
	free(path);
	return err ? cli_fail(cli, err, &why) : 0;
}

static void print_checked(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	const char *until = word(o, "expires");
	if (!cli->quiet)
		fprintf(out, "%s: valid: %s, sequence %lld, %s, until %.10s\n",
			cli_path_show(word(o, "path")), word(o, "overlay"), number(o, "sequence"),
			json_is_true(json_object_get(o, "signed")) ? "signed" : "not signed",
			*until ? until : "never");
}

int enroll_config_check(struct cli *cli)
{
	AUTO(reload_config) config = NULL;
	struct reload_error_text why = { 0 };
	char *path = NULL;
	enum reload_err err = load(cli, &path, &config, &why);
	if (!err && (reload_schema_check(config->document, &why) ||
			    reload_config_workable(config, &why))) {
		err = RELOAD_BAD_CONFIG;
		snprintf(why.what, sizeof(why.what), "%.150s: %.100s", cli_path_show(path),
			reload_err_text(err));
	}
	if (!err) {
		json_t *o = enroll_config_json(config, path, config->signatures_count > 0), *text;
		size_t i;
		json_array_foreach (json_object_get(o, "warnings"), i, text) {
			if (cli->format == CLI_TEXT || cli->verbose)
				cli_warn(cli, "%s: %s", cli_path_show(path),
					json_string_value(text));
		}
		cli_print(cli, o, print_checked, cli);
		json_decref(o);
	}
	free(path);
	return err ? cli_fail(cli, err, &why) : 0;
}
