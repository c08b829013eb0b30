/* Bytes as text: lower-case hexadecimal and base64. */
#pragma once

#include "util/err.h"
#include "util/span.h"

struct wr;

/* reload_hex() writes 2 * s.len digits and a NUL to out, which must have room, and returns out. */
char *reload_hex(char *out, struct span s);

/* reload_unhex() reads exactly len digits into out (len / 2 bytes); RELOAD_BAD_VALUE when they are no hex digits. */
enum reload_err reload_unhex(uint8_t *out, const char *digits, size_t len) MUST_CHECK;

/* reload_base64() returns s in base64 without line breaks (owned string). */
char *reload_base64(struct span s);

/*
 * reload_unbase64() reads base64 with white space anywhere; *out is owned.  RELOAD_BAD_VALUE for anything that RFC 4648
 * does not allow.
 */
enum reload_err reload_unbase64(
	uint8_t **out, size_t *out_len, const char *text, size_t len) MUST_CHECK;

/* reload_utf8_valid() returns whether s is well-formed UTF-8 without NUL. */
bool reload_utf8_valid(struct span s);

/* reload_text_start() returns text without the byte order mark (EF BB BF) that some editors write at its start. */
struct span reload_text_start(struct span text);

/* reload_markup_put() appends text with the characters that mean something in XML escaped; what XML 1.0 cannot have becomes a space. */
void reload_markup_put(struct wr *w, const char *text);

/* reload_labels_reversed() appends the labels of a domain name from the last one to the first: "example.calls" of "calls.example". */
void reload_labels_reversed(struct wr *w, const char *name);
