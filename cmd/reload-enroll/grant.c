/* config grant: who may read diagnostics of nodes (RFC 7851 s7). */
#include "reload-enroll/change.h"

#include "wire/diagnostics.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	KINDS_MAX = 64
};

/* The Kinds of the first operand, NODES those of the others. */
struct grant {
	struct enroll_change change;
	uint16_t kinds[KINDS_MAX];
	size_t kinds_count;
	size_t changed;
};

static enum reload_err no_kind(const char *text, struct reload_error_text *why)
{
	char what[128];
	snprintf(what, sizeof(what), "%.80s is no diagnostic Kind", text);
	enum reload_err err = reload_error_explain(why, RELOAD_USAGE, what,
		"Kinds have the names of RFC 7851, such as STATUS_INFO, or a number; all stands "
		"for "
		"the %d of them that have names",
		RELOAD_DIAGNOSTIC_LAST);
	reload_error_advise(why, "man 1 reload-diag lists the diagnostic Kinds");
	return err;
}

static enum reload_err read_kinds(struct grant *g, const char *text, struct reload_error_text *why)
{
	char name[32];
	for (size_t n; *text; text += n + (text[n] == ',')) {
		n = strcspn(text, ",");
		snprintf(name, sizeof(name), "%.*s", (int)(n < 31 ? n : 31), text);
		uint16_t from, to;
		if (!strcasecmp(name, "all")) {
			from = RELOAD_DIAGNOSTIC_STATUS_INFO;
			to = RELOAD_DIAGNOSTIC_LAST;
		} else if (reload_diagnostic_named(&from, name) &&
			   (reload_diagnostic_name(from) || from >= 0xf000)) {
			to = from;
		} else {
			return no_kind(name, why);
		}
		for (uint32_t k = from; k <= to; k++) {
			if (g->kinds_count == KINDS_MAX)
				return cli_refuse(why, "too many Kinds", "64 at a time");
			g->kinds[g->kinds_count++] = (uint16_t)k;
		}
	}
	return g->kinds_count ? RELOAD_OK : no_kind("nothing", why);
}

/* A Node-ID in full, or `users`: every node of the overlay, for which the wildcard stands. */
static enum reload_err read_node(struct reload_id *out, const struct reload_config *config,
	const char *text, struct reload_error_text *why)
{
	char what[128];
	if (!strcmp(text, "users")) {
		*out = reload_id_wildcard(config->node_id_len);
		return RELOAD_OK;
	}
	if (!strncmp(text, "node:", 5))
		text += 5;
	if (!reload_id_from_hex(out, text) && out->len == config->node_id_len &&
		!reload_id_is_zero(out))
		return RELOAD_OK;
	snprintf(what, sizeof(what), "%.80s is no Node-ID", text);
	enum reload_err err = reload_error_explain(why, RELOAD_USAGE, what,
		"it has %u hex digits; users stands for every node", 2u * config->node_id_len);
	reload_error_advise(why, "reload-enroll show NAME prints the Node-ID of an identity");
	return err;
}

static void change_one(struct grant *g, uint16_t kind, const struct reload_id *node)
{
	char what[128], hex[RELOAD_ID_HEX], number[16];
	const char *name = reload_diagnostic_name(kind);
	bool remove = cli_has(g->change.cli, "remove");
	bool changed = remove ? reload_config_edit_withdraw(g->change.edit, kind, node)
			      : reload_config_edit_grant(g->change.edit, kind, node);
	if (!changed)
		return;
	g->changed++;
	snprintf(number, sizeof(number), "0x%04x", (unsigned)kind);
	snprintf(what, sizeof(what), "%s for %s", name ? name : number,
		reload_id_is_wildcard(node) ? "every node" : reload_id_hex(hex, node));
	enroll_change_note(
		&g->change, what, remove ? "granted" : "denied", remove ? "denied" : "granted");
}

static enum reload_err change_all(struct grant *g, struct reload_error_text *why)
{
	const struct cli *cli = g->change.cli;
	const struct reload_config *config = g->change.authority.config;
	for (size_t i = 1; i < cli->operands_count; i++) {
		struct reload_id node;
		enum reload_err err = read_node(&node, config, cli->operands[i], why);
		for (size_t k = 0; !err && k < g->kinds_count; k++)
			change_one(g, g->kinds[k], &node);
		if (err)
			return err;
	}
	if (g->changed)
		return RELOAD_OK;
	enum reload_err err = reload_error_explain(why, RELOAD_EXISTS, "nothing would change", "%s",
		cli_has(cli, "remove") ? "none of this was granted"
				       : "all of this is granted already");
	reload_error_advise(why, "reload-enroll config show %.100s lists what is granted",
		config->instance_name);
	return err;
}

int enroll_config_grant(struct cli *cli)
{
	struct grant g = { .kinds_count = 0 };
	struct reload_error_text why = { 0 };
	enum reload_err err = read_kinds(&g, cli->operands[0], &why);
	if (!err)
		err = enroll_change_open(&g.change, cli, NULL, &why);
	if (!err)
		err = change_all(&g, &why);
	return enroll_change_end(&g.change, cli, err, &why);
}
