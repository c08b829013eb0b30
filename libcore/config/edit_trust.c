/* Changes of whom nodes trust: root-certs and signers. */
#include "config/edit.h"

#include "config/internal.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>

/* The root-cert element of these bytes; NULL: there is none. */
static const struct reload_xml_node *root_of(const struct reload_config_edit *e, struct span der)
{
	const struct reload_xml_node *n = reload_edit_element(e)->children, *found = NULL;
	for (; n && !found; n = n->next) {
		struct reload_arena arena = { 0 };
		struct span bytes;
		if (reload_xml_is(n, RELOAD_XMLNS_BASE, "root-cert") &&
			!reload_config_unbase64(&bytes, &arena, n, NULL) && span_eq(bytes, der))
			found = n;
		reload_arena_clear(&arena);
	}
	return found;
}

bool reload_config_edit_add_root(struct reload_config_edit *e, struct span der)
{
	if (root_of(e, der))
		return false;
	char *text = reload_base64(der);
	reload_edit_put(e, "root-cert", text);
	free(text);
	return true;
}

bool reload_config_edit_remove_root(struct reload_config_edit *e, struct span der)
{
	const struct reload_xml_node *n = root_of(e, der);
	if (n)
		reload_edit_cut(e, n);
	return n != NULL;
}

static bool is_signer(const struct reload_xml_node *n)
{
	return reload_xml_is(n, RELOAD_XMLNS_BASE, "configuration-signer") ||
	       reload_xml_is(n, RELOAD_XMLNS_BASE, "kind-signer");
}

static bool names(const struct reload_xml_node *n, const struct reload_id *node)
{
	struct reload_id id;
	char *text = reload_xml_text(n);
	bool same = !reload_id_from_hex(&id, reload_text_trim(text)) && reload_id_eq(&id, node);
	free(text);
	return same;
}

bool reload_config_edit_add_signer(struct reload_config_edit *e, const struct reload_id *node)
{
	const struct reload_config *present = reload_edit_present(e);
	const struct reload_id_list *documents = &present->configuration_signers,
				    *kinds = &present->kind_signers;
	char hex[RELOAD_ID_HEX];
	bool signs_documents = reload_id_listed(documents->at, documents->count, node);
	bool signs_kinds = reload_id_listed(kinds->at, kinds->count, node);
	reload_id_hex(hex, node);
	if (!signs_documents)
		reload_edit_put(e, "configuration-signer", hex);
	if (!signs_kinds)
		reload_edit_put(e, "kind-signer", hex);
	return !signs_documents || !signs_kinds;
}

bool reload_config_edit_remove_signer(struct reload_config_edit *e, const struct reload_id *node)
{
	bool found = false;
	for (const struct reload_xml_node *n = reload_edit_element(e)->children; n; n = n->next)
		if (is_signer(n) && names(n, node)) {
			reload_edit_cut(e, n);
			found = true;
		}
	return found;
}

/* The Kind of the present document that a kind-block defines; NULL: it is not known here. */
static const struct reload_kind *kind_of(
	const struct reload_config_edit *e, const struct reload_xml_node *block)
{
	const struct reload_config_kind_list *kinds = &reload_edit_present(e)->kinds;
	for (size_t i = 0; i < kinds->count; i++)
		if (kinds->at[i].block.len && span_eq(kinds->at[i].block, block->bytes))
			return &kinds->at[i];
	return NULL;
}

static enum reload_err sign_block(struct reload_config_edit *e, const struct reload_xml_node *block,
	const struct reload_config_signer *signer, struct reload_error_text *why)
{
	const struct reload_xml_node *kind = reload_xml_child(block, "kind"),
				     *old = reload_xml_child(block, "kind-signature");
	if (!kind || !old || reload_edit_prefixed(e))
		return reload_xml_fault(why, RELOAD_BAD_CONFIG, block,
			"write the document anew, with init",
			"Kinds cannot be signed where the elements of the document have a prefix");
	struct wr *w = reload_edit_splice(e, reload_edit_offset(e, old->bytes.at), old->bytes.len);
	wr_text(w, "<kind-signature>");
	enum reload_err err = reload_config_sign(w, signer, kind->bytes, why);
	wr_text(w, "</kind-signature>");
	return err;
}

enum reload_err reload_config_edit_sign_kinds(struct reload_config_edit *e,
	const struct reload_config_signer *signer, struct reload_error_text *why)
{
	const struct reload_xml_node *required =
		reload_xml_child(reload_edit_element(e), "required-kinds");
	enum reload_err err = RELOAD_OK;
	for (const struct reload_xml_node *n = required ? required->children : NULL; n && !err;
		n = n->next) {
		const struct reload_kind *kind = kind_of(e, n);
		if (kind && !reload_id_eq(&kind->signer, &signer->node))
			err = sign_block(e, n, signer, why);
	}
	return err;
}
