/* Hex digits as tools print them: plain, with colons, 0x or commas, xxd, hexdump -C, od, and arrays in C. */
#pragma once

#include "util/err.h"
#include "util/span.h"

/*
 * diag_is_text() returns whether s is printable ASCII with white space, perhaps after a byte order mark, which RELOAD
 * messages and frames never are.
 */
bool diag_is_text(struct span s);

/*
 * diag_unhex() replaces the text in bytes, of *len, by the bytes that its digits stand for.  It understands offsets at
 * the start of lines, the characters at their end, and `*` for repeated lines.  RELOAD_USAGE with why, which names the
 * line and what is wrong in it.
 */
enum reload_err diag_unhex(uint8_t *bytes, size_t *len, struct reload_error_text *why) MUST_CHECK;
