/*
 * Contact preferences of a SIP registration (RFC 7904 s3.2): the feature set of RFC 3840, what a device can do and wants to be asked for.
 * It is written as a predicate, "(& (sip.audio=TRUE) (sip.schemes=SIPS))", or as the parameters of a Contact header field,
 * "audio;schemes=\"SIPS\"".  Both are read; the predicate is what is stored.
 */
#pragma once

#include "util/bytes.h"

enum {
	RELOAD_PREFS_TERMS_MAX = 32,
	RELOAD_PREFS_VALUES_MAX = 16, /* of one tag */
	RELOAD_PREFS_TAG = 64,        /* with a NUL */
	RELOAD_PREFS_MAX = 4096       /* bytes of the text */
};

enum reload_prefs_relation {
	RELOAD_PREFS_IS,     /* a token, TRUE or FALSE */
	RELOAD_PREFS_STRING, /* a quoted string */
	RELOAD_PREFS_EQUALS, /* a number */
	RELOAD_PREFS_AT_LEAST,
	RELOAD_PREFS_AT_MOST,
	RELOAD_PREFS_RANGE /* from a number to another */
};

struct reload_prefs_value {
	bool negated;
	enum reload_prefs_relation relation;
	struct span text, to; /* inside the text that was read; to: of a range */
};

/* One feature tag, of which one of the values is to be: "(| (sip.mobility=fixed) (sip.mobility=mobile))". */
struct reload_prefs_term {
	char tag[RELOAD_PREFS_TAG]; /* as in a predicate, in lower case */
	size_t count;
	struct reload_prefs_value values[RELOAD_PREFS_VALUES_MAX];
};

struct reload_prefs {
	size_t count;
	struct reload_prefs_term terms[RELOAD_PREFS_TERMS_MAX];
};

/*
 * reload_prefs_read() reads either form; the empty text has no terms.  RELOAD_BAD_VALUE for text that is neither, for a tag that comes
 * twice, and beyond the limits above.
 */
enum reload_err reload_prefs_read(struct reload_prefs *out, struct span text) MUST_CHECK;

/* reload_prefs_predicate() and reload_prefs_parameters() append p in one form or the other; nothing for no terms. */
void reload_prefs_predicate(struct wr *w, const struct reload_prefs *p);
void reload_prefs_parameters(struct wr *w, const struct reload_prefs *p);

enum reload_sip_schemes {
	RELOAD_SCHEME_SIP = 1,
	RELOAD_SCHEME_SIPS = 2,
	RELOAD_SCHEMES_BOTH = 3
};

/*
 * reload_prefs_schemes() returns by which schemes the device wants to be reached, as a set of bits (RFC 7904 s5.1): that of
 * (sip.schemes=SIP), of (sip.schemes=SIPS), or both when the text says nothing of it or cannot be read.
 */
unsigned reload_prefs_schemes(struct span text);
