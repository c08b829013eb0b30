/* Parsing what people type: lengths of time, numbers, misspelt words. */
#pragma once

#include "util/clock.h"
#include "util/err.h"

/* reload_digits() reads up to 15 decimal digits and moves *text past them; false when there are none, or more. */
bool reload_digits(uint64_t *out, const char **text) MUST_CHECK;

/* reload_time_parse() reads "1h30m", "500ms", "90" (seconds); RELOAD_USAGE otherwise. */
enum reload_err reload_time_parse(reload_ms *out, const char *text) MUST_CHECK;

enum {
	RELOAD_TIME_TEXT = 64
};
/* reload_time_text() writes t as reload_time_parse() reads it, "1h30m" or "0s", and returns out. */
char *reload_time_text(char out[RELOAD_TIME_TEXT], reload_ms t);

/* reload_nearest() returns the one of words (NULL-terminated) most like text, NULL when none is. */
const char *reload_nearest(const char *text, const char *const *words);
