#include "reload-enroll/passphrase.h"

#include "reload-enroll/enroll.h"
#include "common/password.h"

#include <stdlib.h>
#include <unistd.h>

/* The file that systemd gives to the service with LoadCredential=reload-passphrase:... (owned); NULL: there is none. */
static char *credential(void)
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	char *path = dir && *dir ? enroll_join(dir, "reload-passphrase") : NULL;
	if (path && access(path, F_OK)) {
		free(path);
		path = NULL;
	}
	return path;
}

enum reload_err enroll_passphrase(
	char **out, struct cli *cli, bool is_new, struct reload_error_text *why)
{
	const char *file = cli_value(cli, "passphrase-file", NULL);
	char *own = file ? NULL : credential();
	const struct cli_secret passphrase = { .file = file ? file : own,
		.name = "passphrase",
		.option = "--passphrase-file",
		.confirm = is_new };
	enum reload_err err = cli_secret(out, cli, &passphrase, why);
	free(own);
	return err;
}

enum reload_err enroll_key_load(struct reload_key **out, const char *path, struct cli *cli,
	char **passphrase, struct reload_error_text *why)
{
	bool sealed = false;
	enum reload_err err = cli_key_load_sealed(out, path, *passphrase, &sealed, why);
	if (!err || !sealed || *passphrase)
		return err;
	err = enroll_passphrase(passphrase, cli, false, why);
	return err ? err : cli_key_load_sealed(out, path, *passphrase, NULL, why);
}
