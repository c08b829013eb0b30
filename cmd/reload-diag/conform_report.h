/* What reload-diag conform prints: text, JSON, or the Test Anything Protocol. */
#pragma once

#include "reload-diag/conform.h"

struct report {
	struct cli *cli;
	size_t count, verdicts[CONFORM_UNJUDGED + 1];
	struct conform *conform;
};

/* report_begin() prints what comes before `total` verdicts, report_check() one of them. */
void report_begin(struct report *r, struct conform *c, size_t total);
void report_check(struct report *r, const struct conform_check *check, enum conform_verdict v,
	const char *evidence);

/* report_end() prints the sum and returns the exit status; cut: not all checks could be run. */
int report_end(struct report *r, bool cut);
