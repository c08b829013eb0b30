/* Changes of who may read diagnostics: elements of RFC 7851 s7 beside those that are there, which may have several for one Kind. */
#include "config/edit.h"

#include "config/internal.h"

#include <stdio.h>

/* Whether this very node is listed for the Kind; that every node may read it does not count. */
static bool is_listed(const struct reload_config *c, uint16_t kind, const struct reload_id *node)
{
	for (size_t i = 0; i < c->grants_count; i++)
		if (c->grants[i].kind == kind && reload_id_eq(&c->grants[i].node, node))
			return true;
	return false;
}

bool reload_config_edit_grant(
	struct reload_config_edit *e, uint16_t kind, const struct reload_id *node)
{
	char hex[RELOAD_ID_HEX], text[256];
	const struct reload_config *present = reload_edit_present(e);
	if (is_listed(present, kind, node))
		return false;
	if (!reload_grants_declared(present)) /* twice in one document means what once does */
		wr_span(reload_edit_append(e),
			span_str("  <mandatory-extension xmlns=\"" RELOAD_XMLNS_BASE
				 "\">" RELOAD_XMLNS_DIAGNOSTICS "</mandatory-extension>\n  "));
	snprintf(text, sizeof(text),
		"  <diagnostic-kind xmlns=\"" RELOAD_XMLNS_DIAGNOSTICS
		"\" kind=\"%04x\"><access-node>%s</access-node></diagnostic-kind>\n  ",
		(unsigned)kind, reload_id_hex(hex, node));
	wr_span(reload_edit_append(e), span_str(text));
	return true;
}

static bool names(const struct reload_config_edit *e, const struct reload_xml_node *n,
	const struct reload_id *node)
{
	struct reload_id id;
	return reload_xml_is(n, RELOAD_XMLNS_DIAGNOSTICS, "access-node") &&
	       reload_grant_node(&id, reload_edit_present(e), n) && reload_id_eq(&id, node);
}

/* Takes the node out of one diagnostic-kind, and that too when it names no other. */
static bool withdraw_from(struct reload_config_edit *e, const struct reload_xml_node *element,
	const struct reload_id *node)
{
	size_t here = 0, others = 0;
	for (const struct reload_xml_node *n = element->children; n; n = n->next) {
		here += names(e, n, node);
		others += !names(e, n, node);
	}
	if (here && !others)
		reload_edit_cut(e, element);
	for (const struct reload_xml_node *n = element->children; n && others; n = n->next)
		if (names(e, n, node))
			reload_edit_cut(e, n);
	return here > 0;
}

bool reload_config_edit_withdraw(
	struct reload_config_edit *e, uint16_t kind, const struct reload_id *node)
{
	bool found = false;
	for (const struct reload_xml_node *n = reload_edit_element(e)->children; n; n = n->next) {
		uint16_t k;
		if (reload_xml_is(n, RELOAD_XMLNS_DIAGNOSTICS, "diagnostic-kind") &&
			reload_grant_kind(&k, n) && k == kind)
			found |= withdraw_from(e, n, node);
	}
	return found;
}
