/* The overlay configuration document as a whole: which element is ours, its signatures and Kinds, making and freeing it. */
#include "config/internal.h"

#include "util/text.h"

#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>

#define BAD(why, node, hint, ...) reload_xml_fault(why, RELOAD_BAD_CONFIG, node, hint, __VA_ARGS__)

void reload_strings_add(struct reload_string_list *list, const char *text)
{
	list->at = reload_realloc(list->at, (list->count + 1) * sizeof(*list->at));
	list->at[list->count++] = reload_strdup(text);
}

void reload_strings_clear(struct reload_string_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->at[i]);
	free(list->at);
	*list = (struct reload_string_list){ 0 };
}

void reload_config_warn(struct reload_config *config, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (config->warnings.count < RELOAD_CONFIG_WARNINGS_MAX)
		reload_strings_add(&config->warnings, text);
}

enum reload_err reload_config_unbase64(
	struct span *out, const struct reload_xml_node *node, struct reload_why *why)
{
	char *text = reload_xml_text(node);
	uint8_t *bytes;
	size_t len;
	enum reload_err err = reload_unbase64(&bytes, &len, text, strlen(text));
	free(text);
	if (err)
		return BAD(why, node, NULL, "%s is not base64 (RFC 4648)", node->name);
	*out = span_of(bytes, len);
	return RELOAD_OK;
}

static bool label(const char *s, size_t len)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char all[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";
	return len && len <= 63 && strchr(letters, s[0]) && strspn(s, all) >= len &&
	       s[len - 1] != '-';
}

bool reload_overlay_name_valid(const char *name)
{
	if (strlen(name) > 253)
		return false;
	for (;; name++) {
		size_t len = strcspn(name, ".");
		if (!label(name, len))
			return false;
		name += len;
		if (!*name)
			return true;
	}
}

bool reload_sequence_newer(uint16_t a, uint16_t b)
{
	uint32_t ahead = (a % RELOAD_SEQUENCE_ANY + RELOAD_SEQUENCE_ANY - b % RELOAD_SEQUENCE_ANY) %
			 RELOAD_SEQUENCE_ANY;
	return ahead >= 1 && ahead <= 32767;
}

bool reload_config_newer(const struct reload_config *config, const struct reload_config *present)
{
	return reload_sequence_newer(config->sequence, present->sequence) &&
	       (config->sequence > present->sequence || config->expiration >= present->expiration);
}

uint16_t reload_sequence_next(uint16_t sequence)
{
	return (uint16_t)((sequence + 1u) % RELOAD_SEQUENCE_ANY);
}

/* Finds the configuration element with that instance-name; when overlay is NULL there must be one only. */
static enum reload_err choose(const struct reload_xml_node **out,
	const struct reload_xml_node *root, const char *overlay, struct reload_why *why)
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
static enum reload_err read_signatures(
	struct reload_config *c, const struct reload_xml_node *element, struct reload_why *why)
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
		enum reload_err err = reload_config_unbase64(&block, n, why);
		if (err)
			return err;
		c->signatures = reload_realloc(
			c->signatures, (c->signatures_count + 1) * sizeof(*c->signatures));
		c->signatures[c->signatures_count++] = block;
	}
	return RELOAD_OK;
}

static enum reload_err read_kinds(struct reload_config *c, const struct reload_xml_node *element,
	reload_utc now, struct reload_why *why)
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
		enum reload_err err = reload_kind_block_read(&kind, c, n, now, why);
		if (err)
			return err;
		if (reload_config_kind(c, kind.id))
			return BAD(why, n, NULL, "the Kind %u is there twice", kind.id);
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
	struct reload_why *why)
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
	return read_kinds(c, element, now, why);
}

/*
 * A document of the wrong form is always refused.  Its values are read all the same: when a value is at fault, that reason
 * names the rule and is better than the one of the form.
 */
static enum reload_err check(struct reload_config *c, const struct reload_xml *xml,
	const char *overlay, const struct reload_ident_ops *ops, reload_utc now,
	struct reload_why *why)
{
	struct reload_why form_why = { 0 };
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
		reload_why_set(why, RELOAD_CONFIG_EXPIRED, "the overlay configuration",
			"the configuration of %s expired at %s", c->instance_name,
			reload_utc_text(text, c->expiration));
		reload_why_hint(why, "fetch the present document");
		return RELOAD_CONFIG_EXPIRED;
	}
	return RELOAD_OK;
}

enum reload_err reload_config_parse(struct reload_config **out, struct span document,
	const char *overlay, const struct reload_ident_ops *ops, reload_utc now,
	struct reload_why *why)
{
	struct reload_xml xml;
	if (document.len > RELOAD_CONFIG_SIZE_MAX)
		return BAD(why, NULL, NULL, "%zu bytes are more than the limit of %d", document.len,
			RELOAD_CONFIG_SIZE_MAX);
	AUTO(reload_config) c = RELOAD_NEW(reload_config);
	c->refs = 1;
	c->document = span_of(reload_memdup(document.at, document.len), document.len);
	enum reload_err err = reload_xml_open(&xml, c->document, why);
	if (!err)
		err = check(c, &xml, overlay, ops, now, why);
	reload_xml_clear(&xml);
	if (!err)
		*out = TAKE(c);
	return err;
}

struct reload_config *reload_config_ref(const struct reload_config *config)
{
	struct reload_config *c = (struct reload_config *)config;
	c->refs++;
	return c;
}

static void free_spans(struct span *at, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free((void *)at[i].at);
	free(at);
}

static void free_all(struct reload_config *c)
{
	if (c->shared_secret) {
		OPENSSL_cleanse(c->shared_secret, strlen(c->shared_secret));
		OPENSSL_cleanse((void *)c->document.at, c->document.len);
	}
	free((void *)c->document.at);
	free(c->instance_name);
	free(c->topology_plugin);
	free_spans(c->roots, c->roots_count);
	reload_strings_clear(&c->enrollment_servers);
	reload_strings_clear(&c->link_protocols);
	reload_strings_clear(&c->mandatory_extensions);
	free(c->bootstrap);
	free(c->shared_secret);
	free(c->kind_signers.at);
	free(c->configuration_signers.at);
	free(c->bad_nodes.at);
	reload_trust_free(c->trust);
	free_spans(c->signatures, c->signatures_count);
}

void reload_config_free(struct reload_config *config)
{
	if (!config || --config->refs)
		return;
	for (size_t i = 0; i < config->kinds.count; i++)
		if (config->kinds.at[i].learned)
			free((void *)config->kinds.at[i].block.at);
	free(config->kinds.at);
	free(config->superseded);
	reload_strings_clear(&config->warnings);
	if (config->base)
		reload_config_free(config->base);
	else
		free_all(config);
	free(config);
}

struct wire_ctx reload_config_wire_ctx(const struct reload_config *config)
{
	return (struct wire_ctx){ .node_id_len = config->node_id_len,
		.model = reload_config_model,
		.model_arg = config };
}
