/*
 * From hostile bytes to a tree: UTF-8 only, no document type and so no entities, bounded depth, no network.  Each element
 * of the tree gets the bytes that scan.c found for it.
 */
#include "config/internal.h"

#include "util/text.h"

#include <ctype.h>
#include <libxml/parser.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

static void fault_va(
	struct reload_why *why, size_t line, const char *hint, const char *fmt, va_list ap)
{
	char text[512];
	vsnprintf(text, sizeof(text), fmt, ap);
	for (char *c = text; *c;
		c++) /* values of a document come in here: one line of plain text goes out */
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	if (line)
		reload_why_set(why, RELOAD_BAD_CONFIG, "the overlay configuration",
			"line %zu: %.480s", line, text);
	else
		reload_why_set(why, RELOAD_BAD_CONFIG, "the overlay configuration", "%s", text);
	if (hint)
		reload_why_hint(why, "%s", hint);
}

enum reload_err reload_xml_fault_line(struct reload_why *why, enum reload_err err, size_t line,
	const char *hint, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	fault_va(why, line, hint, fmt, ap);
	va_end(ap);
	return err;
}

enum reload_err reload_xml_fault(struct reload_why *why, enum reload_err err, const xmlNode *node,
	const char *hint, const char *fmt, ...)
{
	long line = node ? xmlGetLineNo(node) : 0;
	va_list ap;
	va_start(ap, fmt);
	fault_va(why, line > 0 ? (size_t)line : 0, hint, fmt, ap);
	va_end(ap);
	return err;
}

char *reload_text_trim(char *text)
{
	size_t from = strspn(text, " \t\r\n"), len = strlen(text + from);
	while (len && strchr(" \t\r\n", text[from + len - 1]))
		len--;
	memmove(text, text + from, len);
	text[len] = 0;
	return text;
}

bool reload_text_number(uint64_t *out, const char *text, uint64_t min, uint64_t max)
{
	uint64_t v = 0;
	text += *text == '+';
	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || v > UINT64_MAX / 10 - 1)
			return false;
		v = v * 10 + (uint64_t)(*text - '0');
	}
	if (v < min || v > max)
		return false;
	*out = v;
	return true;
}

static char *owned_text(xmlChar *text)
{
	char *copy = reload_strdup(text ? (const char *)text : "");
	xmlFree(text);
	return copy;
}

char *reload_xml_text(const xmlNode *node)
{
	return reload_text_trim(owned_text(xmlNodeGetContent(node)));
}

char *reload_xml_attr(const xmlNode *node, const char *name)
{
	xmlChar *value = xmlGetNoNsProp(node, (const xmlChar *)name);
	return value ? owned_text(value) : NULL;
}

struct span reload_xml_bytes(const xmlNode *node)
{
	const struct reload_xml_element *e = node->_private;
	return e->bytes;
}

bool reload_xml_is(const xmlNode *node, const char *ns, const char *name)
{
	return node->type == XML_ELEMENT_NODE && node->ns &&
	       strcmp((const char *)node->ns->href, ns) == 0 &&
	       (!name || strcmp((const char *)node->name, name) == 0);
}

xmlNode *reload_xml_child(const xmlNode *parent, const char *name)
{
	for (xmlNode *n = parent->children; n; n = n->next)
		if (reload_xml_is(n, RELOAD_XMLNS_BASE, name))
			return n;
	return NULL;
}

static enum reload_err check_bytes(struct span text, struct reload_why *why)
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

/* RFC 6940 s11.1: "The file MUST use the UTF-8 character encoding"; the declaration may say nothing else. */
static enum reload_err check_declaration(
	struct reload_xml *x, struct span text, struct reload_why *why)
{
	char head[256] = "";
	size_t bom = text.len >= 3 && memcmp(text.at, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	size_t len = text.len - bom < sizeof(head) - 1 ? text.len - bom : sizeof(head) - 1;
	memcpy(head, text.at + bom, len);
	char *end = strstr(head, "?>");
	if (strncmp(head, "<?xml", 5) != 0 || !isspace((unsigned char)head[5]) || !end)
		return RELOAD_OK;
	*end = 0;
	char *name = strstr(head, "encoding"), *value = name ? strpbrk(name, "\"'") : NULL;
	if (!value)
		return RELOAD_OK;
	char *close = strchr(value + 1, *value);
	if (close)
		*close = 0;
	if (strcasecmp(value + 1, "UTF-8") != 0)
		return reload_xml_fault_line(why, RELOAD_BAD_CONFIG, 1,
			"store the document as UTF-8", "the encoding \"%s\" is not UTF-8",
			value + 1);
	x->encoding_declared = true;
	return RELOAD_OK;
}

/* The first fault of the parser, kept by its structured error callback. */
static void keep_first(void *arg, xmlError *fault)
{
	const xmlParserCtxt *ctxt = arg;
	struct reload_why *why = ctxt->_private;
	if (why->why[0] || fault->level < XML_ERR_ERROR || !fault->message)
		return;
	char text[400];
	snprintf(text, sizeof(text), "%s", fault->message);
	reload_xml_fault_line(why, RELOAD_BAD_CONFIG, fault->line > 0 ? (size_t)fault->line : 0,
		NULL, "not well-formed XML: %s", reload_text_trim(text));
}

static enum reload_err parse(struct reload_xml *x, struct span text, struct reload_why *why)
{
	xmlParserCtxt *ctxt = xmlNewParserCtxt();
	if (!ctxt)
		abort(); /* no memory */
	struct reload_why first = { 0 };
	ctxt->_private = &first;
	ctxt->sax->serror = keep_first;
	int options =
		XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_BIG_LINES;
	xmlDoc *doc = xmlCtxtReadMemory(
		ctxt, (const char *)text.at, (int)text.len, "overlay.xml", "UTF-8", options);
	bool good = doc && ctxt->wellFormed && ctxt->nsWellFormed;
	xmlFreeParserCtxt(ctxt);
	if (good) {
		x->doc = doc;
		return RELOAD_OK;
	}
	xmlFreeDoc(doc);
	if (!first.why[0])
		return reload_xml_fault(why, RELOAD_BAD_CONFIG, NULL, NULL, "not well-formed XML");
	if (why)
		*why = first;
	return RELOAD_BAD_CONFIG;
}

static bool same_name(const struct reload_xml_element *e, const xmlNode *node)
{
	struct span left = e->name, name = span_str((const char *)node->name);
	const char *prefix = node->ns ? (const char *)node->ns->prefix : NULL;
	size_t n = prefix ? strlen(prefix) : 0;
	if (n && (left.len <= n || memcmp(left.at, prefix, n) != 0 || left.at[n] != ':'))
		return false;
	if (n)
		left = span_of(left.at + n + 1, left.len - n - 1);
	return span_eq(left, name);
}

/* Gives each element its bytes, in document order; false when tree and scan do not tell the same story. */
static bool align(const struct reload_xml *x, xmlNode *parent, size_t *next)
{
	if (*next >= x->scan.count || !same_name(&x->scan.at[*next], parent))
		return false;
	parent->_private = &x->scan.at[(*next)++];
	for (xmlNode *n = parent->children; n; n = n->next)
		if (n->type == XML_ELEMENT_NODE &&
			!align(x, n, next)) /* as deep as the scan allowed */
			return false;
	return true;
}

enum reload_err reload_xml_open(struct reload_xml *x, struct span text, struct reload_why *why)
{
	*x = (struct reload_xml){ 0 };
	enum reload_err err = check_bytes(text, why);
	if (!err)
		err = check_declaration(x, text, why);
	if (err)
		return err;
	err = reload_xml_scan_run(&x->scan, text, why);
	if (!err || err == RELOAD_BAD_VALUE) { /* the parser tells better what is not well-formed */
		struct reload_why from_scan = why ? *why : (struct reload_why){ 0 };
		enum reload_err parsed = parse(x, text, why);
		if (!parsed && err && why)
			*why = from_scan;
		err = parsed || err ? RELOAD_BAD_CONFIG : RELOAD_OK;
	}
	size_t next = 0;
	if (!err && (!align(x, xmlDocGetRootElement(x->doc), &next) || next != x->scan.count))
		err = reload_xml_fault(why, RELOAD_BAD_CONFIG, NULL, NULL,
			"the elements cannot be told apart in the bytes of the document");
	if (err)
		reload_xml_clear(x);
	return err;
}

void reload_xml_clear(struct reload_xml *x)
{
	xmlFreeDoc(x->doc);
	reload_xml_scan_clear(&x->scan);
	*x = (struct reload_xml){ 0 };
}
