#include "config/schema.h"

#include "config/internal.h"

#include <assert.h>
#include <libxml/parser.h>
#include <libxml/relaxng.h>
#include <stdio.h>
#include <threads.h>

static const char grammar[] =
#include "config/overlay.rng.inc"
	;

static xmlRelaxNG *schema; /* made at the first use, then only read, and never freed */
static once_flag schema_once = ONCE_FLAG_INIT;

static void make_schema(void)
{
	xmlInitParser();
	xmlRelaxNGParserCtxt *ctxt =
		xmlRelaxNGNewMemParserCtxt(grammar, (int)(sizeof(grammar) - 1));
	assert(ctxt);
	schema = xmlRelaxNGParse(ctxt);
	assert(schema); /* only a mistake in the grammar of this program could make it fail */
	xmlRelaxNGFreeParserCtxt(ctxt);
}

/* Keeps the fault with the highest line: the library also reports the elements around it. */
static void keep_last(void *arg, xmlError *fault)
{
	struct reload_error_text *why = arg;
	if (!fault->message || (why->reason[0] && !fault->line))
		return;
	char text[400];
	snprintf(text, sizeof(text), "%s", fault->message);
	reload_text_trim(text);
	reload_xml_fault_line(why, RELOAD_BAD_CONFIG, fault->line > 0 ? (size_t)fault->line : 0,
		NULL, "does not fit the grammar of RFC 6940 11.1.1: %s", text);
}

static enum reload_err validate(xmlDoc *doc, struct reload_error_text *why)
{
	call_once(&schema_once, make_schema);
	xmlRelaxNGValidCtxt *ctxt = xmlRelaxNGNewValidCtxt(schema);
	assert(ctxt);
	struct reload_error_text kept = { 0 };
	xmlRelaxNGSetValidStructuredErrors(ctxt, keep_last, &kept);
	int result = xmlRelaxNGValidateDoc(ctxt, doc);
	xmlRelaxNGFreeValidCtxt(ctxt);
	if (!result)
		return RELOAD_OK;
	if (!kept.reason[0])
		return reload_xml_fault(why, RELOAD_BAD_CONFIG, NULL, NULL,
			"does not fit the grammar of RFC 6940 11.1.1");
	if (why)
		*why = kept;
	return RELOAD_BAD_CONFIG;
}

/* The first fault of the parser, kept by its structured error callback. */
static void keep_first(void *arg, xmlError *fault)
{
	const xmlParserCtxt *ctxt = arg;
	struct reload_error_text *why = ctxt->_private;
	if (why->reason[0] || fault->level < XML_ERR_ERROR || !fault->message)
		return;
	char text[400];
	snprintf(text, sizeof(text), "%s", fault->message);
	reload_xml_fault_line(why, RELOAD_BAD_CONFIG, fault->line > 0 ? (size_t)fault->line : 0,
		NULL, "not well-formed XML: %s", reload_text_trim(text));
}

enum reload_err reload_schema_check(struct span text, struct reload_error_text *why)
{
	xmlParserCtxt *ctxt = xmlNewParserCtxt();
	if (!ctxt)
		abort(); /* no memory */
	struct reload_error_text first = { 0 };
	ctxt->_private = &first;
	ctxt->sax->serror = keep_first;
	/* NOENT: else an & in the name of a namespace is read as the five characters &#38; */
	int options = XML_PARSE_NONET | XML_PARSE_NOENT | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
		      XML_PARSE_BIG_LINES;
	xmlDoc *doc = xmlCtxtReadMemory(
		ctxt, (const char *)text.at, (int)text.len, "overlay.xml", "UTF-8", options);
	bool good = doc && ctxt->wellFormed && ctxt->nsWellFormed;
	xmlFreeParserCtxt(ctxt);
	enum reload_err err = good ? validate(doc, why) : RELOAD_BAD_CONFIG;
	xmlFreeDoc(doc);
	if (!good && !first.reason[0])
		return reload_xml_fault(why, err, NULL, NULL, "not well-formed XML");
	if (!good && why)
		*why = first;
	return err;
}
