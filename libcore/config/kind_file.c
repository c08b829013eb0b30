/* Kind files: one kind element that is not yet part of a document, as a person writes it for the authority. */
#include "config/write.h"

#include "config/internal.h"

#define BAD(why, node, hint, ...) reload_xml_fault(why, RELOAD_BAD_CONFIG, node, hint, __VA_ARGS__)

/* No line end in front of the file's text, so that line numbers in reasons are those of the file. */
static const char head[] = "<overlay xmlns=\"" RELOAD_XMLNS_BASE
			   "\"><configuration instance-name=\"x\"><required-kinds><kind-block>";
static const char tail[] = "<kind-signature>AA==</kind-signature></kind-block></required-kinds></"
			   "configuration></overlay>";

/* Overwrites a byte order mark and an XML declaration with blanks: they are allowed only at the beginning of a document. */
static void blank_front(uint8_t *at, size_t len)
{
	size_t from = 0;
	if (len >= 3 && !memcmp(at, "\xef\xbb\xbf", 3)) {
		memset(at, ' ', 3);
		from = 3;
	}
	const uint8_t *end = len - from > 5 && !memcmp(at + from, "<?xml", 5)
				     ? memmem(at + from, len - from, "?>", 2)
				     : NULL;
	for (uint8_t *c = at + from; end && c < end + 2; c++)
		if (*c != '\n')
			*c = ' ';
}

/* The kind element of the wrapped text when there is nothing else in it, NULL otherwise; *first is what there is. */
static const struct reload_xml_node *only_kind(
	const struct reload_xml_node **first, const struct reload_xml *xml)
{
	const struct reload_xml_node *element = reload_xml_child(xml->root, "configuration");
	const struct reload_xml_node *kinds =
		element ? reload_xml_child(element, "required-kinds") : NULL;
	const struct reload_xml_node *block = kinds ? kinds->children : NULL;
	const struct reload_xml_node *kind = block ? block->children : NULL;
	const struct reload_xml_node *signature = kind ? kind->next : NULL;
	*first = kind;
	return signature && !signature->next && !block->next &&
			       reload_xml_is(kind, RELOAD_XMLNS_BASE, "kind")
		       ? kind
		       : NULL;
}

static enum reload_err read_kind(
	struct reload_kind *kind, const struct reload_xml *xml, struct reload_error_text *why)
{
	struct reload_config none = { 0 };
	const struct reload_xml_node *first = NULL, *node = only_kind(&first, xml);
	if (!node)
		return BAD(why, first, "reload-enroll kind --help",
			"the file does not hold one kind element: <kind id=\"4026531845\"> ... "
			"</kind>");
	enum reload_err err = reload_kind_read(kind, &none, node, why);
	if (err == RELOAD_UNKNOWN_TYPE)
		err = RELOAD_BAD_CONFIG;
	reload_strings_clear(&none.warnings);
	kind->domains = span_of(NULL, 0); /* its element has them */
	reload_arena_clear(&none.arena);
	if (!err &&
		reload_form_check(xml,
			NULL)) /* without its reason, which would describe the document that was made around the kind */
		err = BAD(why, node, NULL,
			"the kind does not fit the grammar of RFC 6940 11.1.1: there is an element "
			"or "
			"attribute that it does not have");
	if (!err)
		kind->block = node->bytes;
	return err;
}

enum reload_err reload_kind_file_read(
	struct reload_kind *kind, struct span text, struct reload_error_text *why)
{
	struct wr w;
	struct reload_xml xml;
	struct reload_kind k;
	if (memchr(text.at ? text.at : (const uint8_t *)"", 0, text.len))
		return BAD(why, NULL, NULL, "the file holds a NUL byte");
	wr_init(&w);
	wr_bytes(&w, head, sizeof(head) - 1);
	wr_span(&w, text);
	wr_bytes(&w, tail, sizeof(tail) - 1);
	if (!w.err)
		blank_front(w.at + sizeof(head) - 1, text.len);
	enum reload_err err = w.err ? w.err : reload_xml_open(&xml, wr_done(&w), why);
	if (!err) {
		err = read_kind(&k, &xml, why);
		reload_xml_clear(&xml);
	}
	if (!err) {
		k.block.at = text.at + (k.block.at - w.at - (sizeof(head) - 1));
		*kind = k;
	}
	wr_clear(&w);
	return err;
}
