/*
 * Values as the grammar of RFC 6940 s11.1.1 allows them to be written: the XML Schema datatypes that it names.  What a value
 * means is for read.c and kind_block.c; a document may also hold configurations that are never read.
 */
#pragma once

#include <stdbool.h>

enum reload_lexical {
	RELOAD_LEXICAL_STRING,
	RELOAD_LEXICAL_BOOLEAN,
	RELOAD_LEXICAL_INT,
	RELOAD_LEXICAL_LONG,
	RELOAD_LEXICAL_UNSIGNED_INT,
	RELOAD_LEXICAL_UNSIGNED_BYTE,
	RELOAD_LEXICAL_TTL,            /* an int from 1 to 255 */
	RELOAD_LEXICAL_TIMER,          /* an unsigned int of at least 200 */
	RELOAD_LEXICAL_NODE_ID_LENGTH, /* an int from 16 to 20 */
	RELOAD_LEXICAL_DATE_TIME,
	RELOAD_LEXICAL_BASE64,
	RELOAD_LEXICAL_ANY_URI,
};

/* reload_lexical_valid() returns whether text, with or without white space around it, is a value of that type. */
bool reload_lexical_valid(enum reload_lexical type, const char *text);

/* reload_lexical_name() returns what to call a value of that type: "a whole number", "true or false". */
const char *reload_lexical_name(enum reload_lexical type);

/* reload_uri_reference_valid() returns whether text is a URI reference by RFC 3986 s4.1; the empty one is. */
bool reload_uri_reference_valid(const char *text);
