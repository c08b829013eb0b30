/* Programs that only other programs run: the parts that need large libraries and are seldom used. */
#pragma once

#include "common/options.h"

/*
 * cli_private_place() returns the path (owned) of a file that is installed for programs alone, in the i-th place where it may be: beside
 * this program, where a build leaves it, then where `make install` puts it.  NULL: there are no more places.
 */
char *cli_private_place(const char *name, size_t i);

/*
 * cli_run_private() replaces this process by the program `name` with those options of this command line that are common to
 * all programs or in `own` (NULL at its end); operands are not passed on.  It is looked for by cli_private_place().  Returns only on failure: RELOAD_FAILED with why.
 */
enum reload_err cli_run_private(struct cli *cli, const char *name, const char *const *own,
	struct reload_error_text *why) MUST_CHECK;
