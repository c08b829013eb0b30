/* init --shared-secret: links of the overlay by TLS-PSK (RFC 6940 s13.4). */
#include "common/password.h"
#include "reload-enroll/enroll.h"

#include <string.h>

enum reload_err enroll_shared_secret(char **out, struct cli *cli, struct reload_error_text *why)
{
	const char *file = cli_value(cli, "shared-secret", NULL);
	if (!file)
		return RELOAD_OK;
	enum reload_err err = cli_secret(out, cli,
		&(struct cli_secret){
			.file = file, .name = "a shared secret", .option = "--shared-secret" },
		why);
	size_t len = err ? 0 : strlen(*out);
	/* in a document white space at the ends is no part of it, and nobody would see why nodes cannot connect */
	bool blank = len && (strchr(" \t", (*out)[0]) || strchr(" \t", (*out)[len - 1]));
	if (err || (len >= RELOAD_SECRET_MIN && len <= RELOAD_SECRET_MAX && !blank))
		return err;
	cli_password_free(TAKE(*out));
	err = reload_error_explain(why, RELOAD_USAGE, "this cannot be a shared secret",
		"it has %d to %d bytes and no blank at an end: a shorter one can be guessed by who "
		"sees a handshake",
		RELOAD_SECRET_MIN, RELOAD_SECRET_MAX);
	reload_error_advise(why, "openssl rand -hex 32 >FILE");
	return err;
}
