/*
 * The form of a document: RFC 6940 s11.1.1 as tables of C, decided in the same way as the RELAX NG grammar of schema.c (a test
 * holds the two against each other).  The grammar speaks of all configurations in a document, also those of other overlays
 * that are never read; what the values of ours mean is for read.c and kind_block.c.
 */
#include "config/internal.h"

#define BAD(why, node, ...)                                                                        \
	reload_xml_fault(why, RELOAD_BAD_CONFIG, node, NULL, GRAMMAR __VA_ARGS__)
#define GRAMMAR "does not fit the grammar of RFC 6940 11.1.1: "

struct attribute_form {
	const char *name;
	enum reload_lexical type;
	bool required;
};

struct form {
	const char *name;
	bool chord;          /* of the namespace of CHORD-RELOAD */
	bool required, many; /* how often among its siblings; neither: at most once */
	bool as_before;      /* another spelling of the row before: counted with it */
	bool value;          /* its content is a value of type; elements may take the place of it */
	enum reload_lexical type;
	bool foreign; /* may hold elements of other namespaces */
	bool foreign_attributes;
	bool one_attribute; /* one of the attributes, and only one */
	const struct attribute_form *attributes;
	size_t attributes_count;
	const struct form *children;
	size_t children_count;
};

#define ATTRIBUTES(list) .attributes = list, .attributes_count = COUNT_OF(list)
#define CHILDREN(list)   .children = list, .children_count = COUNT_OF(list)
#define VALUE(t)         .value = true, .type = RELOAD_LEXICAL_##t

/* clang-format off */
static const struct attribute_form signature_attributes[] = { { "algorithm", RELOAD_LEXICAL_STRING, false } };
static const struct attribute_form digest_attributes[] = { { "digest", RELOAD_LEXICAL_STRING, true } };
static const struct attribute_form bootstrap_attributes[] = {
	{ "address", RELOAD_LEXICAL_STRING, true },
	{ "port", RELOAD_LEXICAL_INT, false },
};
static const struct attribute_form kind_attributes[] = {
	{ "name", RELOAD_LEXICAL_STRING, false },
	{ "id", RELOAD_LEXICAL_UNSIGNED_INT, false },
};
static const struct attribute_form configuration_attributes[] = {
	{ "instance-name", RELOAD_LEXICAL_STRING, true },
	{ "expiration", RELOAD_LEXICAL_DATE_TIME, false },
	{ "sequence", RELOAD_LEXICAL_LONG, false },
};

static const struct form kind_parts[] = {
	{ "max-count", .required = true, VALUE(INT) },
	{ "max-size", .required = true, VALUE(INT) },
	{ "max-node-multiple", VALUE(INT) },
	{ "data-model", .required = true, VALUE(STRING) },
	{ "access-control", .required = true, VALUE(STRING) },
};
static const struct form kind_block_parts[] = {
	{ "kind", .required = true, .foreign = true, .one_attribute = true, ATTRIBUTES(kind_attributes), CHILDREN(kind_parts) },
	{ "kind-signature", .required = true, VALUE(BASE64), ATTRIBUTES(signature_attributes) },
};
static const struct form kind_blocks[] = { { "kind-block", .many = true, CHILDREN(kind_block_parts) } };
static const struct form server_parts[] = { { "url", VALUE(ANY_URI) } };

static const struct form parameters[] = {
	{ "topology-plugin", VALUE(STRING) },
	{ "topology-plug-in", .as_before = true, VALUE(STRING) },
	{ "max-message-size", VALUE(UNSIGNED_INT) },
	{ "initial-ttl", VALUE(TTL) },
	{ "overlay-reliability-timer", VALUE(TIMER) },
	{ "root-cert", .many = true, VALUE(BASE64) },
	{ "required-kinds", CHILDREN(kind_blocks) },
	{ "enrollment-server", .many = true, VALUE(ANY_URI), CHILDREN(server_parts) },
	{ "kind-signer", .many = true, VALUE(STRING) },
	{ "configuration-signer", .many = true, VALUE(STRING) },
	{ "bad-node", .many = true, VALUE(STRING) },
	{ "no-ice", VALUE(BOOLEAN) },
	{ "shared-secret", VALUE(STRING) },
	{ "overlay-link-protocol", .many = true, VALUE(STRING) },
	{ "clients-permitted", VALUE(BOOLEAN) },
	{ "turn-density", VALUE(UNSIGNED_BYTE) },
	{ "node-id-length", VALUE(NODE_ID_LENGTH) },
	{ "mandatory-extension", .many = true, VALUE(STRING) },
	{ "self-signed-permitted", VALUE(BOOLEAN), ATTRIBUTES(digest_attributes) },
	{ "bootstrap-node", .many = true, ATTRIBUTES(bootstrap_attributes) },
	{ "chord-ping-interval", .chord = true, VALUE(INT) },
	{ "chord-update-interval", .chord = true, VALUE(INT) },
	{ "chord-reactive", .chord = true, VALUE(BOOLEAN) },
};
static const struct form overlay_parts[] = {
	{ "configuration", .required = true, .many = true, .foreign = true, .foreign_attributes = true,
	  ATTRIBUTES(configuration_attributes), CHILDREN(parameters) },
	{ "signature", .many = true, VALUE(BASE64), ATTRIBUTES(signature_attributes) },
};
static const struct form overlay = { "overlay", CHILDREN(overlay_parts) };
/* clang-format on */

enum {
	CHILDREN_MAX = COUNT_OF(parameters)
};

static bool is_of(const struct reload_xml_node *node, const struct form *form)
{
	return reload_xml_is(
		node, form->chord ? RELOAD_XMLNS_CHORD : RELOAD_XMLNS_BASE, form->name);
}

static bool is_blank(const char *text)
{
	return !text[strspn(text, " \t\r\n")];
}

static enum reload_err check_value(const struct reload_xml_node *node, enum reload_lexical type,
	const char *name, const char *value, struct reload_error_text *why)
{
	return reload_lexical_valid(type, value)
		       ? RELOAD_OK
		       : BAD(why, node, "%s is \"%.60s\", which is not %s", name, value,
				 reload_lexical_name(type));
}

static enum reload_err check_attributes(
	const struct reload_xml_node *node, const struct form *form, struct reload_error_text *why)
{
	size_t present = 0;
	for (size_t i = 0; i < node->attributes_count; i++) {
		const struct reload_xml_attribute *a = &node->attributes[i];
		const struct attribute_form *known = NULL;
		for (size_t k = 0; !*a->ns && k < form->attributes_count; k++)
			if (strcmp(form->attributes[k].name, a->name) == 0)
				known = &form->attributes[k];
		if (!known && form->foreign_attributes && reload_xml_is_foreign(a->ns))
			continue;
		if (!known)
			return BAD(
				why, node, "%s cannot have the attribute %s", node->name, a->name);
		enum reload_err err = check_value(node, known->type, a->name, a->value, why);
		if (err)
			return err;
		present |= (size_t)1 << (known - form->attributes);
	}
	for (size_t k = 0; k < form->attributes_count; k++)
		if (form->attributes[k].required && !(present >> k & 1))
			return BAD(why, node, "%s has no %s", node->name, form->attributes[k].name);
	if (form->one_attribute && (!present || (present & (present - 1))))
		return BAD(why, node, "%s has either a name or an id", node->name);
	return RELOAD_OK;
}

/* The row of a child; NULL with *err when the form has no room for it, NULL alone for one of another namespace. */
static const struct form *find_child(enum reload_err *err, const struct reload_xml_node *child,
	const struct reload_xml_node *parent, const struct form *form,
	struct reload_error_text *why)
{
	for (size_t i = 0; i < form->children_count; i++)
		if (is_of(child, &form->children[i]))
			return &form->children[i];
	if (!form->foreign || !reload_xml_is_foreign(child->ns))
		*err = BAD(why, child, "%s cannot hold the element %s", parent->name, child->name);
	return NULL;
}

static enum reload_err check_element(
	const struct reload_xml_node *node, const struct form *form, struct reload_error_text *why);

/* As deep as the tables are. */
static enum reload_err check_children(
	const struct reload_xml_node *node, const struct form *form, struct reload_error_text *why)
{
	bool seen[CHILDREN_MAX] = { false };
	enum reload_err err = RELOAD_OK;
	for (const struct reload_xml_node *n = node->children; n; n = n->next) {
		const struct form *child = find_child(&err, n, node, form, why);
		if (!err && !child)
			continue;
		if (!err)
			err = check_element(n, child, why);
		if (err)
			return err;
		size_t row = (size_t)(child - form->children);
		row -= child->as_before;
		if (seen[row] && !child->many)
			return BAD(why, n, "%s is there more than once", n->name);
		seen[row] = true;
	}
	for (size_t i = 0; i < form->children_count; i++)
		if (form->children[i].required && !seen[i])
			return BAD(why, node, "%s has no %s", node->name, form->children[i].name);
	return RELOAD_OK;
}

static enum reload_err check_element(
	const struct reload_xml_node *node, const struct form *form, struct reload_error_text *why)
{
	enum reload_err err = check_attributes(node, form, why);
	if (err)
		return err;
	if (form->value && !node->children)
		return check_value(node, form->type, node->name, node->text, why);
	if (!is_blank(node->text))
		return BAD(why, node, "%s cannot hold text", node->name);
	return check_children(node, form, why);
}

enum reload_err reload_form_check(const struct reload_xml *x, struct reload_error_text *why)
{
	if (!is_of(x->root, &overlay))
		return BAD(why, x->root, "the document is no overlay element");
	return check_element(x->root, &overlay, why);
}
