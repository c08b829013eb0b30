/* Diagnostic Kinds on the command line and in results. */
#pragma once

#include "common/options.h"

/* diag_words_check() checks that the operand, and the value of option (NULL: none), can be words of a request: RELOAD_USAGE with why. */
enum reload_err diag_words_check(
	const struct cli *cli, const char *option, struct reload_error_text *why) MUST_CHECK;

/* diag_kinds() returns (owned) the list of --diagnostics as the agent takes it, `otherwise` when the option was not given; NULL for none. */
json_t *diag_kinds(const struct cli *cli, const char *otherwise);

/* diag_put_values() prints the values of a hop or an answer, one Kind a line behind `indent` blanks. */
void diag_put_values(FILE *out, const json_t *values, int indent);

/* diag_utf8() returns whether pictures of text may use blocks: whether the locale is one of UTF-8. */
bool diag_utf8(void);

/* diag_put_times() prints "rtt 1.20 ms  one-way 0.60 ms", or what is known of that. */
void diag_put_times(FILE *out, const json_t *o);
