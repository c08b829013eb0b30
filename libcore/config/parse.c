/* The overlay configuration document as a whole: which element is ours, its signatures and Kinds. */
#include "config/internal.h"

#define BAD(why, node, hint, ...) reload_xml_fault(why, RELOAD_BAD_CONFIG, node, hint, __VA_ARGS__)

/* Finds the configuration element with that instance-name; when overlay is NULL there must be one only. */
static enum reload_err choose(const struct reload_xml_node **out,
	const struct reload_xml_node *root, const char *overlay, struct reload_error_text *why)
{
	const struct reload_xml_node *found = NULL;
	bool any = false;
	if (!reload_xml_is(root, RELOAD_XMLNS_BASE, "overlay"))
		return BAD(why, root, "xmlns=\"" RELOAD_XMLNS_BASE "\"",
			"the document is no overlay element of the configuration namespace, but %s",
			root->name);
	for (const struct reload_xml_node *n = root->children; n; n = n->next) {
		if (reload_xml_is(n, RELOAD_XMLNS_BASE, "signature") && !any)
			return BAD(why, n, "put it behind its configuration",
				"a signature without a configuration in front of it");
		if (!reload_xml_is(n, RELOAD_XMLNS_BASE, "configuration"))
			continue;
		any = true;
		char *name = reload_xml_attr(n, "instance-name");
		bool ours = !overlay || (name && strcmp(name, overlay) == 0);
		free(name);
		if (ours && found)
			return BAD(why, n, overlay ? NULL : "name the overlay",
				"there is more than one configuration element%s%s",
				overlay ? " for " : "", overlay ? overlay : "");
		found = ours ? n : found;
	}
	if (!found)
		return BAD(why, root, NULL, "there is no configuration element%s%s",
			overlay ? " for " : "", overlay ? overlay : "");
	*out = found;
	return RELOAD_OK;
}

/* Reads the signature elements up to the next configuration: they sign the configuration in front of them (CFG-02). */
static enum reload_err read_signatures(struct reload_config *c,
	const struct reload_xml_node *element, struct reload_error_text *why)
{
	for (const struct reload_xml_node *n = element->next; n; n = n->next) {
		if (reload_xml_is(n, RELOAD_XMLNS_BASE, "configuration"))
			break;
		if (!reload_xml_is(n, RELOAD_XMLNS_BASE, "signature"))
			continue;
		if (c->signatures_count == RELOAD_CONFIG_SIGNATURES_MAX)
			return BAD(why, n, NULL, "there are more than %d signatures",
				RELOAD_CONFIG_SIGNATURES_MAX);
		struct span block;
		enum reload_err err = reload_config_unbase64(&block, &c->arena, n, why);
		if (err)
			return err;
		c->signatures = reload_realloc(
			c->signatures, (c->signatures_count + 1) * sizeof(*c->signatures));
		c->signatures[c->signatures_count++] = block;
	}
	return RELOAD_OK;
}

static void note_unknown(struct reload_config *c, const struct reload_error_text *reason)
{
	if (c->unsupported)
		return;
	c->unsupported = RELOAD_NEW(reload_error_text);
	*c->unsupported = *reason;
}

static enum reload_err read_kinds(struct reload_config *c, const struct reload_xml_node *element,
	reload_utc now, struct reload_error_text *why)
{
	const struct reload_xml_node *required = reload_xml_child(element, "required-kinds");
	for (const struct reload_xml_node *n = required ? required->children : NULL; n;
		n = n->next) {
		if (!reload_xml_is(n, RELOAD_XMLNS_BASE, "kind-block"))
			continue;
		struct reload_kind kind;
		if (c->kinds.count == RELOAD_CONFIG_KINDS_MAX)
			return BAD(why, n, NULL, "there are more than %d Kinds",
				RELOAD_CONFIG_KINDS_MAX);
		struct reload_error_text reason = { 0 };
		enum reload_err err = reload_kind_block_read(&kind, c, n, now, &reason);
		if (err == RELOAD_UNKNOWN_TYPE) { /* R-11.1-37: not a fault of the document */
			note_unknown(c, &reason);
			continue;
		}
		if (err) {
			if (why)
				*why = reason;
			return err;
		}
		if (reload_config_kind(c, kind.id))
			return BAD(why, n, NULL, "the Kind %u is defined twice", kind.id);
		const struct reload_kind *other = reload_kind_namesake(&c->kinds, &kind);
		if (other)
			return BAD(why, n, "each Kind has a name of its own",
				"the Kinds %u and %u have the name %s", other->id, kind.id,
				kind.given);
		reload_kinds_put(&c->kinds, &kind);
	}
	reload_kinds_add_always(&c->kinds, c->max_message_size);
	return RELOAD_OK;
}

static void warn(struct reload_config *c, const struct reload_xml *xml)
{
	if (!xml->encoding_declared)
		reload_config_warn(c, "line 1: the XML declaration should name the encoding UTF-8");
	if (!c->signatures_count)
		reload_config_warn(c, "the configuration is not signed");
	if (!c->configuration_signers.count)
		reload_config_warn(c, "without a configuration-signer it cannot be updated");
	if (!c->enrollment_servers.count && !c->self_signed_digest)
		reload_config_warn(c, "there is no enrollment-server");
	if (c->document.len > c->max_message_size) /* CFG-15 */
		reload_config_warn(c, "%zu bytes do not fit a ConfigUpdate: max-message-size is %u",
			c->document.len, c->max_message_size);
}

static enum reload_err build(struct reload_config *c, const struct reload_xml *xml,
	const char *overlay, const struct reload_ident_ops *ops, reload_utc now,
	struct reload_error_text *why)
{
	const struct reload_xml_node *element = NULL;
	enum reload_err err = choose(&element, xml->root, overlay, why);
	if (err)
		return err;
	c->element = element->bytes;
	err = read_signatures(c, element, why);
	if (!err)
		err = reload_config_read(c, element, ops, why);
	if (err)
		return err;
	uint8_t digest[RELOAD_HASH_SIZE_MAX];
	struct span name = span_str(c->instance_name);
	size_t len = reload_hash(digest, RELOAD_HASH_SHA1, &name, 1);
	for (size_t i = len - 4; i < len; i++) /* HDR-03: its last four bytes */
		c->overlay_hash = c->overlay_hash << 8 | digest[i];
	warn(c, xml);
	struct reload_kind all = { 0 };
	err = reload_kind_domains_read(&all, &c->arena, element, c->instance_name, why);
	if (err)
		return err;
	c->domains_restricted = all.domains_restricted;
	c->domains = all.domains;
	return read_kinds(c, element, now, why);
}

/*
 * A document of the wrong form is always refused.  Its values are read all the same: when one of them is wrong, that
 * reason names the rule and is more useful than the one about the form.
 */
static enum reload_err check(struct reload_config *c, const struct reload_xml *xml,
	const char *overlay, const struct reload_ident_ops *ops, reload_utc now,
	struct reload_error_text *why)
{
	struct reload_error_text form_why = { 0 };
	enum reload_err form = reload_form_check(xml, &form_why);
	enum reload_err err = build(c, xml, overlay, ops, now, why);
	if (form && err != RELOAD_BAD_CONFIG) {
		if (why)
			*why = form_why;
		return form;
	}
	if (err)
		return err;
	if (now && now >= c->expiration) {
		char text[RELOAD_UTC_TEXT];
		reload_error_explain(why, RELOAD_CONFIG_EXPIRED, "the overlay configuration",
			"the configuration of %s expired at %s", c->instance_name,
			reload_utc_text(text, c->expiration));
		reload_error_advise(why, "fetch the present document");
		return RELOAD_CONFIG_EXPIRED;
	}
	return RELOAD_OK;
}

enum reload_err reload_config_parse_any(struct reload_config **out, struct span document,
	const char *overlay, const struct reload_ident_ops *ops, reload_utc now,
	struct reload_error_text *why)
{
	struct reload_xml xml;
	if (document.len > RELOAD_CONFIG_SIZE_MAX)
		return BAD(why, NULL, NULL, "%zu bytes are more than the limit of %d", document.len,
			RELOAD_CONFIG_SIZE_MAX);
	AUTO(reload_config) c = RELOAD_NEW(reload_config);
	c->refs = 1;
	c->text = bytes_copy(document);
	c->document = bytes_span(c->text);
	enum reload_err err = reload_xml_open(&xml, c->document, why);
	if (!err)
		err = check(c, &xml, overlay, ops, now, why);
	reload_xml_clear(&xml);
	if (!err)
		*out = TAKE(c);
	return err;
}

enum reload_err reload_config_parse(struct reload_config **out, struct span document,
	const char *overlay, const struct reload_ident_ops *ops, reload_utc now,
	struct reload_error_text *why)
{
	AUTO(reload_config) c = NULL;
	enum reload_err err = reload_config_parse_any(&c, document, overlay, ops, now, why);
	if (!err && c->unsupported)
		err = reload_config_supported(c, why);
	if (!err)
		*out = TAKE(c);
	return err;
}
