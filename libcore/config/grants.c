/*
 * Who may read diagnostics (RFC 7851 s7): elements diagnostic-kind, each with the nodes that may read one Kind of every node.  The rule is that
 * nobody may, so whatever cannot be understood grants nothing.
 */
#include "config/internal.h"

#include <stdlib.h>
#include <strings.h>

static int grant_cmp(
	const struct reload_diagnostic_grant *a, const struct reload_diagnostic_grant *b)
{
	return a->kind != b->kind ? (a->kind > b->kind) - (a->kind < b->kind)
				  : reload_id_cmp(&a->node, &b->node);
}

static int by_kind(const void *a, const void *b)
{
	return grant_cmp(a, b);
}

/* Digits of an attribute or element without white space and 0x around them; in place. */
static char *digits_of(char *text)
{
	text = reload_text_trim(text);
	return text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? text + 2 : text;
}

bool reload_grant_kind(uint16_t *out, const struct reload_xml_node *node)
{
	char *text = reload_xml_attr(node, "kind");
	const char *digits = text ? digits_of(text) : "";
	size_t len = strlen(digits);
	bool good = len >= 1 && len <= 4 && strspn(digits, "0123456789abcdefABCDEF") == len;
	unsigned long v = good ? strtoul(digits, NULL, 16) : 0;
	free(text);
	*out = (uint16_t)v;
	return v != 0 && v != UINT16_MAX;
}

bool reload_grant_node(
	struct reload_id *out, const struct reload_config *c, const struct reload_xml_node *node)
{
	char *text = reload_xml_text(node);
	bool good = !reload_id_from_hex(out, digits_of(text)) && out->len == c->node_id_len &&
		    !reload_id_is_zero(out);
	free(text);
	return good;
}

static enum reload_err nodes_read(struct reload_config *c, uint16_t kind,
	const struct reload_xml_node *element, size_t *cap, struct reload_error_text *why)
{
	for (const struct reload_xml_node *n = element->children; n; n = n->next) {
		struct reload_diagnostic_grant g = { .kind = kind };
		if (!reload_xml_is(n, RELOAD_XMLNS_DIAGNOSTICS, "access-node"))
			continue;
		if (!reload_grant_node(&g.node, c, n)) {
			reload_config_warn(c,
				"line %zu: access-node is no Node-ID of %u hex digits: ignored",
				n->line, 2u * c->node_id_len);
			continue;
		}
		if (c->grants_count == RELOAD_CONFIG_GRANTS_MAX)
			return reload_xml_fault(why, RELOAD_BAD_CONFIG, n, NULL,
				"there are more than %d access-node elements",
				RELOAD_CONFIG_GRANTS_MAX);
		reload_grow(&c->grants, cap, c->grants_count, sizeof(*c->grants));
		c->grants[c->grants_count++] = g;
	}
	return RELOAD_OK;
}

bool reload_grants_declared(const struct reload_config *c)
{
	for (size_t i = 0; i < c->mandatory_extensions.count; i++)
		if (!strcmp(c->mandatory_extensions.at[i], RELOAD_XMLNS_DIAGNOSTICS))
			return true;
	return false;
}

/* Ascending, each once: a Kind may have several elements. */
static void sort(struct reload_config *c)
{
	size_t kept = 0;
	if (c->grants_count)
		qsort(c->grants, c->grants_count, sizeof(*c->grants), by_kind);
	for (size_t i = 0; i < c->grants_count; i++)
		if (!kept || grant_cmp(&c->grants[kept - 1], &c->grants[i]) != 0)
			c->grants[kept++] = c->grants[i];
	c->grants_count = kept;
}

enum reload_err reload_grants_read(struct reload_config *c, const struct reload_xml_node *element,
	struct reload_error_text *why)
{
	size_t cap = 0;
	bool declared = reload_grants_declared(c);
	for (const struct reload_xml_node *n = element->children; n; n = n->next) {
		uint16_t kind;
		if (!reload_xml_is(n, RELOAD_XMLNS_DIAGNOSTICS, "diagnostic-kind"))
			continue;
		if (!declared) {
			reload_config_warn(c,
				"line %zu: diagnostic-kind is ignored: there is no "
				"mandatory-extension " RELOAD_XMLNS_DIAGNOSTICS,
				n->line);
			return RELOAD_OK;
		}
		if (!reload_grant_kind(&kind, n)) {
			reload_config_warn(c,
				"line %zu: the kind of diagnostic-kind is not 1 to 4 hex digits: "
				"ignored",
				n->line);
			continue;
		}
		enum reload_err err = nodes_read(c, kind, n, &cap, why);
		if (err)
			return err;
	}
	sort(c);
	return RELOAD_OK;
}

bool reload_config_may_read(
	const struct reload_config *c, uint16_t kind, const struct reload_id *node)
{
	struct reload_diagnostic_grant one = { kind, *node }, every = { .kind = kind };
	every.node.len = c->node_id_len;
	memset(every.node.at, 0xff, every.node.len);
	return c->grants_count &&
	       (bsearch(&one, c->grants, c->grants_count, sizeof(one), by_kind) ||
		       bsearch(&every, c->grants, c->grants_count, sizeof(every), by_kind));
}
