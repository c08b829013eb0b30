/* Passwords and passphrases: from a file or a terminal, never from the command line. */
#pragma once

#include "common/options.h"

enum {
	CLI_PASSWORD_MAX = 512 /* with a NUL; the limit of crypt(3) */
};

/*
 * cli_password() reads a password (owned; cleansed with cli_password_free()) from --password-file, of which the first line
 * counts, else from the terminal, without echo and twice where confirm is set.  RELOAD_USAGE without a terminal, for an empty password and for two
 * that differ.
 */
enum reload_err cli_password(
	char **out, struct cli *cli, bool confirm, struct reload_error_text *why) MUST_CHECK;
/* cli_password_from() does so with the file path, NULL: from the terminal. */
enum reload_err cli_password_from(
	char **out, struct cli *cli, const char *path, struct reload_error_text *why) MUST_CHECK;
void cli_password_free(char *password);

/* A secret that is asked for: the file whose first line it is (NULL: the terminal), what it is called, and the option that names a file. */
struct cli_secret {
	const char *file, *name, *option;
	bool confirm; /* twice, on a terminal */
};

/* cli_secret() reads it as cli_password() reads a password. */
enum reload_err cli_secret(char **out, struct cli *cli, const struct cli_secret *secret,
	struct reload_error_text *why) MUST_CHECK;
