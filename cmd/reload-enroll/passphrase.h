/* The passphrase of the keys of an authority, which may be encrypted. */
#pragma once

#include "common/identity.h"
#include "common/options.h"

/*
 * enroll_passphrase() reads it (owned; ended by cli_password_free()): the first line of the file of --passphrase-file, else of the file
 * reload-passphrase in $CREDENTIALS_DIRECTORY (systemd.exec(5)), else from the terminal, twice where it is new.  RELOAD_USAGE without a
 * terminal.
 */
enum reload_err enroll_passphrase(
	char **out, struct cli *cli, bool is_new, struct reload_error_text *why) MUST_CHECK;

/*
 * enroll_key_load() reads a private key, and asks for *passphrase when the key is encrypted and that is NULL.  Errors of cli_key_load_sealed() and
 * enroll_passphrase().
 */
enum reload_err enroll_key_load(struct reload_key **out, const char *path, struct cli *cli,
	char **passphrase, struct reload_error_text *why) MUST_CHECK;
