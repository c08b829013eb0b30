/* invite: makes an invitation, with which somebody enrolls without a password. */
#include "reload-enroll/invite.h"

#include "reload-enroll/accounts.h"
#include "reload-enroll/qr.h"
#include "reload-enroll/serve_command.h"
#include "util/text.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

enum {
	USES_MAX = 1000
};

const char enroll_invite_fields[] =
	"invitation:string? qr:string[]? overlay:string user:string? uses:integer "
	"expires:string dry_run:boolean";

static void digest_hex(char out[ENROLL_DIGEST], struct span bytes)
{
	uint8_t digest[RELOAD_HASH_SIZE_MAX];
	reload_hash(digest, RELOAD_HASH_SHA256, &bytes, 1);
	reload_hex(out, span_of(digest, 32));
}

/* The key of the server by its certificate, and the root of the overlay. */
static enum reload_err fill(struct enroll_invitation *i, struct cli *cli,
	const struct enroll_authority *a, struct reload_error_text *why)
{
	AUTO(reload_cert) cert = NULL;
	struct reload_cert **others = NULL;
	size_t count = 0;
	uint8_t secret[ENROLL_SECRET_BYTES];
	const char *server = cli_value(cli, "server", NULL),
		   *file = cli_value(cli, "tls-cert", NULL);
	if (!server || !file || !a->config->roots_count) {
		enum reload_err err = cli_refuse(why, "--server and --tls-cert are needed",
			"an invitation says where the enrollment server is, and which key it has");
		reload_error_advise(why, "reload-enroll invite --server HOST:8443 --tls-cert FILE");
		return err;
	}
	enum reload_err err = cli_certs_load(&cert, &others, &count, file, why);
	cli_certs_free(others, count);
	if (err)
		return err;
	snprintf(i->server, sizeof(i->server), "%s", server);
	snprintf(i->overlay, sizeof(i->overlay), "%s", a->config->instance_name);
	snprintf(i->user, sizeof(i->user), "%s", cli_value(cli, "for", ""));
	digest_hex(i->key, cert->public_key_info);
	digest_hex(i->root, a->config->roots[0]);
	if (RAND_bytes(secret, sizeof(secret)) != 1)
		abort();
	reload_hex(i->secret, span_of(secret, sizeof(secret)));
	OPENSSL_cleanse(secret, sizeof(secret));
	/* what is read back is what can be accepted */
	char *text = enroll_invitation_text(i);
	struct enroll_invitation again;
	err = enroll_invitation_read(&again, text, why);
	OPENSSL_cleanse(text, strlen(text));
	free(text);
	return err;
}

static void print_invited(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	if (cli->dry_run)
		fputs("would invite\n", out);
	else
		fprintf(out, "%s\n", json_string_value(json_object_get(o, "invitation")));
	const json_t *line;
	size_t i;
	bool colored = cli_colored(cli, stdout);
	json_array_foreach (json_object_get(o, "qr"), i, line)
		fprintf(out, "%s%s%s\n", colored ? "\033[97;40m" : "", json_string_value(line),
			colored ? "\033[0m" : "");
}

/* The invitation as a QR code (owned); null without --qr. */
static json_t *drawn(struct cli *cli, const char *text)
{
	if (!cli_has(cli, "qr") || cli->dry_run)
		return json_null();
	json_t *lines = qr_lines(text);
	if (!lines)
		cli_warn(cli, "the invitation is too long for a QR code");
	return lines ? lines : json_null();
}

static enum reload_err note(const struct enroll_invitation *i, const struct enroll_authority *a,
	uint64_t uses, reload_utc expires, struct reload_error_text *why)
{
	char digest[ENROLL_DIGEST], *password = enroll_invitation_password(i);
	enum reload_err err = RELOAD_OK;
	if (enroll_invitation_digest(digest, password))
		err = accounts_invite(a->accounts, digest, i->user, uses, expires, why);
	OPENSSL_cleanse(password, strlen(password));
	free(password);
	return err;
}

static enum reload_err invite(
	struct cli *cli, struct enroll_authority *a, struct reload_error_text *why)
{
	struct enroll_invitation i = { 0 };
	uint64_t uses = 1;
	reload_ms validity = 0;
	const char *user = cli_value(cli, "for", NULL);
	char *overlay = NULL;
	enum reload_err err = cli_number(cli, "uses", 1, 1, USES_MAX, &uses, why);
	if (!err && user)
		err = enroll_user_check(user, why);
	if (!err)
		err = enroll_validity(cli, (reload_ms)7 * ENROLL_DAY_MS, &validity, why);
	if (!err)
		err = enroll_overlay(&overlay, cli, user, "ca", why);
	if (!err)
		err = enroll_authority_open(a, overlay, cli->deadline, enroll_now(), why);
	if (!err)
		err = fill(&i, cli, a, why);
	reload_utc expires = enroll_now() + validity;
	if (!err && !cli->dry_run)
		err = note(&i, a, uses, expires, why);
	if (!err) {
		char *text = enroll_invitation_text(&i);
		json_t *o = json_pack("{s:o, s:o, s:s, s:s?, s:I, s:o, s:b}", "invitation",
			cli->dry_run ? json_null() : json_string(text), "qr", drawn(cli, text),
			"overlay", overlay, "user", user, "uses", (json_int_t)uses, "expires",
			cli_json_time(expires), "dry_run", cli->dry_run);
		cli_print(cli, o, print_invited, cli);
		json_decref(o);
		OPENSSL_cleanse(text, strlen(text));
		free(text);
	}
	OPENSSL_cleanse(&i, sizeof(i));
	free(overlay);
	return err;
}

int enroll_invite(struct cli *cli)
{
	struct enroll_authority a = { .lock = -1 };
	struct reload_error_text why = { 0 };
	enum reload_err err = invite(cli, &a, &why);
	enroll_authority_close(&a);
	return err ? cli_fail(cli, err, &why) : 0;
}
