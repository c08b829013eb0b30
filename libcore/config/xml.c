/*
 * From hostile bytes to a tree: UTF-8 only, no document type and so no entities, bounded depth and count.  The parser reports
 * each tag with its place in the text, so that each element knows the bytes that a signature covers.
 */
#include "config/internal.h"

#include "util/text.h"

#include <expat.h>
#include <strings.h>

#define BAD_LINE(b, offset, hint, ...)                                                             \
	stop(b, reload_xml_fault_line(                                                             \
			(b)->why, RELOAD_BAD_CONFIG, line_at(b, offset), hint, __VA_ARGS__))

enum {
	SEPARATOR = 1, /* between namespace and name: no document can hold this character */
	EXCERPT = 40   /* number of bytes of the text that an error message shows */
};

/* An element whose end tag has not come yet. */
struct open {
	struct reload_xml_node *node, **next_child;
	struct wr text;
};

struct builder {
	XML_Parser parser;
	struct reload_xml *x;
	struct span text;
	struct reload_error_text *why;
	enum reload_err err;
	size_t elements, depth; /* elements of the document: in all, and open now */
	struct open open[RELOAD_XML_DEPTH_MAX];
	size_t kept; /* entries of open; fewer than depth inside an element of another namespace */
	struct reload_xml_node *top;
	size_t counted, line; /* the number of the line at offset */
};

static void stop(struct builder *b, enum reload_err err)
{
	b->err = err;
	XML_StopParser(b->parser, XML_FALSE);
}

/*
 * The line at an offset.  It goes on counting from the offset before; an earlier one, as the end of a run of text can
 * be, starts again from the beginning.
 */
static size_t line_at(struct builder *b, size_t offset)
{
	if (offset < b->counted) {
		b->counted = 0;
		b->line = 1;
	}
	for (; b->counted < offset && b->counted < b->text.len; b->counted++)
		b->line += b->text.at[b->counted] == '\n';
	return b->line;
}

/* -- what the tree keeps ----------------------------------------------------------------------------------------------- */

bool reload_xml_is_foreign(const char *ns)
{
	return *ns && strcmp(ns, RELOAD_XMLNS_BASE) != 0 && strcmp(ns, RELOAD_XMLNS_CHORD) != 0;
}

bool reload_xml_is_kept(const char *ns)
{
	return !reload_xml_is_foreign(ns) || strcmp(ns, RELOAD_XMLNS_SIP) == 0 ||
	       strcmp(ns, RELOAD_XMLNS_DIAGNOSTICS) == 0 || strcmp(ns, RELOAD_XMLNS_OWN) == 0;
}

static const char *keep(struct builder *b, const char *text, size_t len)
{
	char *copy = reload_arena_take(&b->x->arena, len + 1);
	memcpy(copy, text, len);
	return copy;
}

/* Takes the parser's "namespace SEPARATOR name" apart. */
static void keep_name(struct builder *b, const char **ns, const char **name, const char *full)
{
	const char *at = strrchr(full, SEPARATOR);
	*ns = at ? keep(b, full, (size_t)(at - full)) : "";
	at = at ? at + 1 : full;
	*name = keep(b, at, strlen(at));
}

static void keep_attributes(struct builder *b, struct reload_xml_node *node, const char **pairs)
{
	size_t count = 0;
	while (pairs[2 * count])
		count++;
	struct reload_xml_attribute *list =
		count ? reload_arena_take(&b->x->arena, count * sizeof(*list)) : NULL;
	for (size_t i = 0; i < count; i++) {
		keep_name(b, &list[i].ns, &list[i].name, pairs[2 * i]);
		list[i].value = keep(b, pairs[2 * i + 1], strlen(pairs[2 * i + 1]));
	}
	node->attributes = list;
	node->attributes_count = count;
}

/* -- what the parser reports ------------------------------------------------------------------------------------------- */

static size_t count_attributes(struct span tag)
{
	size_t count = 0;
	uint8_t quote = 0;
	for (size_t i = 0; i < tag.len; i++) {
		uint8_t c = tag.at[i];
		if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '"' || c == '\'') {
			quote = c;
			count++;
		}
	}
	return count;
}

static bool within_limits(struct builder *b, size_t from, struct span tag)
{
	if (b->depth == RELOAD_XML_DEPTH_MAX)
		BAD_LINE(b, from, NULL, "elements are nested deeper than %d", RELOAD_XML_DEPTH_MAX);
	else if (b->elements == RELOAD_XML_ELEMENTS_MAX)
		BAD_LINE(b, from, NULL, "there are more than %d elements", RELOAD_XML_ELEMENTS_MAX);
	else if (count_attributes(tag) > RELOAD_XML_ATTRIBUTES_MAX)
		BAD_LINE(b, from, NULL, "an element has more than %d attributes",
			RELOAD_XML_ATTRIBUTES_MAX);
	return !b->err;
}

static void on_start(void *arg, const char *name, const char **attributes)
{
	struct builder *b = arg;
	size_t from = (size_t)XML_GetCurrentByteIndex(b->parser);
	size_t len = (size_t)XML_GetCurrentByteCount(b->parser);
	if (b->err || !within_limits(b, from, span_of(b->text.at + from, len)))
		return;
	b->elements++;
	if (b->depth++ > b->kept)
		return;
	struct open *parent = b->kept ? &b->open[b->kept - 1] : NULL;
	if (parent && !reload_xml_is_kept(parent->node->ns))
		return;
	struct reload_xml_node *node = reload_arena_take(&b->x->arena, sizeof(*node));
	node->bytes = span_of(b->text.at + from, len);
	node->line = line_at(b, from + len);
	keep_name(b, &node->ns, &node->name, name);
	if (reload_xml_is_kept(node->ns))
		keep_attributes(b, node, attributes);
	if (parent) {
		*parent->next_child = node;
		parent->next_child = &node->next;
	} else {
		b->top = node;
	}
	struct open *o = &b->open[b->kept++];
	o->node = node;
	o->next_child = &node->children;
	o->text.len = 0;
}

static void on_end(void *arg, const char *name)
{
	(void)name;
	struct builder *b = arg;
	if (b->err || b->depth-- > b->kept)
		return;
	struct open *o = &b->open[--b->kept];
	size_t end = (size_t)XML_GetCurrentByteIndex(b->parser) +
		     (size_t)XML_GetCurrentByteCount(b->parser);
	o->node->bytes.len = (size_t)(b->text.at + end - o->node->bytes.at);
	o->node->text = o->text.len ? keep(b, (const char *)o->text.at, o->text.len) : "";
}

static void on_text(void *arg, const char *text, int len)
{
	struct builder *b = arg;
	if (!b->err && b->kept)
		wr_bytes(&b->open[b->kept - 1].text, text, (size_t)len);
}

static void on_document_type(
	void *arg, const char *name, const char *system, const char *public, int has_subset)
{
	(void)name, (void)system, (void)public, (void)has_subset;
	struct builder *b = arg;
	if (!b->err)
		BAD_LINE(b, (size_t)XML_GetCurrentByteIndex(b->parser), "remove it",
			"a document type declaration is not allowed");
}

/* A namespace is named by a URI (Namespaces in XML, section 2.2). */
static void on_namespace(void *arg, const char *prefix, const char *uri)
{
	(void)prefix;
	struct builder *b = arg;
	if (!b->err && uri && !reload_uri_reference_valid(uri))
		BAD_LINE(b, (size_t)XML_GetCurrentByteIndex(b->parser), NULL,
			"not well-formed XML: the namespace \"%.100s\" is not a URI", uri);
}

/* RFC 6940 s11.1: "The file MUST use the UTF-8 character encoding"; the declaration may say nothing else. */
static void on_declaration(void *arg, const char *version, const char *encoding, int standalone)
{
	(void)standalone;
	struct builder *b = arg;
	if (version &&
		(strncmp(version, "1.", 2) != 0 || version[2 + strspn(version + 2, "0123456789")]))
		BAD_LINE(b, 0, NULL, "not well-formed XML: its version is \"%.20s\"", version);
	else if (encoding && strcasecmp(encoding, "UTF-8") != 0)
		BAD_LINE(b, 0, "store the document as UTF-8", "the encoding \"%.60s\" is not UTF-8",
			encoding);
	b->x->encoding_declared = encoding != NULL;
}

/* -- the whole ------------------------------------------------------------------------------------------------------------ */

static enum reload_err check_bytes(struct span text, struct reload_error_text *why)
{
	const char *hint = "store the document as UTF-8";
	if (text.len > RELOAD_CONFIG_SIZE_MAX)
		return reload_xml_fault(why, RELOAD_BAD_CONFIG, NULL, NULL,
			"%zu bytes are more than the limit of %d", text.len,
			RELOAD_CONFIG_SIZE_MAX);
	if (!text.len)
		return reload_xml_fault(
			why, RELOAD_BAD_CONFIG, NULL, NULL, "the document is empty");
	bool odd = text.len >= 2 && (text.at[0] == 0 || text.at[1] == 0 || text.at[0] >= 0xfe);
	if (odd)
		return reload_xml_fault(why, RELOAD_BAD_CONFIG, NULL, hint,
			"the document is UTF-16 or UTF-32, not UTF-8");
	size_t line = 1;
	for (size_t from = 0; from < text.len; line++) {
		const uint8_t *end = memchr(text.at + from, '\n', text.len - from);
		size_t len = end ? (size_t)(end - text.at) - from : text.len - from;
		if (!reload_utf8_valid(span_of(text.at + from, len)))
			return reload_xml_fault_line(why, RELOAD_BAD_CONFIG, line, hint,
				"the text is not UTF-8, or holds a NUL");
		from += len + 1;
	}
	return RELOAD_OK;
}

/* The parser's error texts are short: the text at the place of the fault is shown after them. */
static void not_well_formed(struct builder *b)
{
	enum XML_Error code = XML_GetErrorCode(b->parser);
	const char *words = XML_ErrorString(code);
	long long index = XML_GetErrorByteIndex(b->parser);
	size_t from = index > 0 && (size_t)index < b->text.len ? (size_t)index : 0, len = 0;
	if (code == XML_ERROR_NO_ELEMENTS && b->kept) {
		words = "an element has no end tag";
		from = (size_t)(b->open[b->kept - 1].node->bytes.at - b->text.at);
	}
	const uint8_t *at = b->text.at + from;
	bool reference = *at == '&';
	while (len < EXCERPT && from + len < b->text.len && at[len] != '\n') {
		uint8_t c = at[len++];
		if (c == (reference ? ';' : '>'))
			break;
	}
	while (from + len < b->text.len && at[len] >> 6 == 2) /* the rest of a character */
		len++;
	b->err = reload_xml_fault_line(b->why, RELOAD_BAD_CONFIG, line_at(b, from), NULL,
		"not well-formed XML: %s: %.*s", words, (int)len, (const char *)at);
}

static enum reload_err parse(struct reload_xml *x, struct span text, struct reload_error_text *why)
{
	struct builder b = { .x = x, .text = text, .why = why, .line = 1 };
	b.parser = XML_ParserCreateNS("UTF-8", SEPARATOR);
	if (!b.parser)
		abort(); /* no memory */
	XML_SetUserData(b.parser, &b);
	XML_SetElementHandler(b.parser, on_start, on_end);
	XML_SetCharacterDataHandler(b.parser, on_text);
	XML_SetStartDoctypeDeclHandler(b.parser, on_document_type);
	XML_SetStartNamespaceDeclHandler(b.parser, on_namespace);
	XML_SetXmlDeclHandler(b.parser, on_declaration);
	bool good = XML_Parse(b.parser, (const char *)text.at, (int)text.len, XML_TRUE) ==
		    XML_STATUS_OK;
	if (!good && !b.err && XML_GetErrorCode(b.parser) == XML_ERROR_NO_MEMORY)
		abort();
	if (!good && !b.err)
		not_well_formed(&b);
	XML_ParserFree(b.parser);
	for (size_t i = 0; i < COUNT_OF(b.open); i++)
		wr_clear(&b.open[i].text);
	x->root = b.top;
	return b.err;
}

enum reload_err reload_xml_open(
	struct reload_xml *x, struct span text, struct reload_error_text *why)
{
	*x = (struct reload_xml){ 0 };
	enum reload_err err = check_bytes(text, why);
	if (!err)
		err = parse(x, text, why);
	if (err)
		reload_xml_clear(x);
	return err;
}

void reload_xml_clear(struct reload_xml *x)
{
	reload_arena_clear(&x->arena);
	*x = (struct reload_xml){ 0 };
}

/* -- questions ------------------------------------------------------------------------------------------------------------ */

bool reload_xml_is(const struct reload_xml_node *node, const char *ns, const char *name)
{
	return strcmp(node->ns, ns) == 0 && (!name || strcmp(node->name, name) == 0);
}

const struct reload_xml_node *reload_xml_child(
	const struct reload_xml_node *parent, const char *name)
{
	for (const struct reload_xml_node *n = parent->children; n; n = n->next)
		if (reload_xml_is(n, RELOAD_XMLNS_BASE, name))
			return n;
	return NULL;
}

char *reload_xml_text(const struct reload_xml_node *node)
{
	return reload_text_trim(reload_strdup(node->text));
}

char *reload_xml_attr(const struct reload_xml_node *node, const char *name)
{
	for (size_t i = 0; i < node->attributes_count; i++) {
		const struct reload_xml_attribute *a = &node->attributes[i];
		if (!*a->ns && strcmp(a->name, name) == 0)
			return reload_strdup(a->value);
	}
	return NULL;
}
