/*
 * Completion of a command line that is being typed.  The shells' scripts run `PROGRAM --complete WORD...`; the last
 * word is the one under the cursor.  Each line of the output is a whole word that could stand there, followed by a tab
 * and a description where there is one; ":files" and ":dirs" mean names of files and directories, which continue the
 * word after as many bytes of it as the number after the tab says.
 */
#pragma once

#include "common/options.h"

/* The word under the cursor: its first `before` bytes ("--agent=", "a,") are kept, what follows them is completed. */
struct cli_typed {
	const char *word;
	size_t before;
};

/*
 * cli_offer() prints the kept bytes and value if value begins with what was typed after them; help may be NULL.  Values
 * that a shell or a terminal could interpret (blanks, control characters) are left out.
 */
void cli_offer(const struct cli_typed *typed, const char *value, const char *help);

/* cli_typed_value() returns the part of the word that is to be completed (borrowed). */
const char *cli_typed_value(const struct cli_typed *typed);

/*
 * cli_complete() prints the possible words; words[0] is the program, the last of at least two words is under the
 * cursor.
 */
void cli_complete(struct cli *cli, const struct cli_program *program, int count, char **words);
