/* backup, restore: an authority with its keys, its document and its users, in one file that a passphrase opens. */
#include "reload-enroll/accounts.h"
#include "reload-enroll/enroll.h"
#include "reload-enroll/passphrase.h"
#include "reload-enroll/seal.h"
#include "reload-enroll/serve_command.h"

#include "common/files.h"
#include "common/home.h"
#include "common/password.h"
#include "util/text.h"

#include <dirent.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char enroll_backup_fields[] =
	"path:string overlay:string files:integer users:integer dry_run:boolean";

enum {
	FILES_MAX = 1024,
	FILE_MAX = 1024 * 1024,
	DEPTH_MAX = 4,
	PATH_LEN_MAX = 512
};

static const char version[] = "reload-backup-1";

/* -- what is in one ----------------------------------------------------------------------------------------------------------- */

/* The accounts are dumped, and a lock is nobody else's. */
static bool is_left_out(const char *name)
{
	return !strncmp(name, "accounts.db", 11) || !strcmp(name, "lock") || *name == '.';
}

/* A backup that lacks something, or that nobody could restore, is none. */
static enum reload_err cannot_save(
	const char *path, const char *cause, struct reload_error_text *why)
{
	char what[256];
	snprintf(what, sizeof(what), "%.200s cannot be in a backup", cli_path_show(path));
	enum reload_err err = reload_error_explain(why, RELOAD_BAD_CONFIG, what, "%s", cause);
	reload_error_advise(why, "ls -l %.200s: move away what is no part of the authority",
		cli_path_show(path));
	return err;
}

/* Nothing outside of the directory of the overlay is written, in spite of the seal. */
static bool is_inside(const char *name)
{
	if (!name || strlen(name) >= PATH_LEN_MAX ||
		(strcmp(name, "overlay.xml") != 0 && strncmp(name, "ca/", 3) != 0))
		return false;
	for (const char *part = name;; part++) {
		size_t len = strcspn(part, "/");
		if (!len || *part == '.') /* also ".." */
			return false;
		part += len;
		if (!*part)
			return true;
	}
}

static enum reload_err add_file(json_t *files, const char *path, const char *name,
	reload_ms deadline, struct reload_error_text *why)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	struct stat st;
	if (!is_inside(name) || !reload_utf8_valid(span_str(name)))
		return cannot_save(path, "its name is too long, or no UTF-8", why);
	if (json_array_size(files) >= FILES_MAX)
		return cannot_save(path, "there are more than 1024 files", why);
	enum reload_err err = cli_file_read(&bytes, &len, path, FILE_MAX, deadline, why);
	if (err)
		return err;
	char *text = reload_base64(span_of(bytes, len));
	json_array_append_new(
		files, json_pack("{s:s, s:i, s:s}", "path", name, "mode",
			       stat(path, &st) ? 0600 : (int)(st.st_mode & 0777), "content", text));
	OPENSSL_cleanse(text, strlen(text));
	OPENSSL_cleanse(bytes, len);
	free(text);
	free(bytes);
	return RELOAD_OK;
}

/* All files of a directory, with their names below the overlay's.  A key may be elsewhere, behind a symbolic link. */
static enum reload_err add_all(json_t *files, const char *dir, const char *name, unsigned depth,
	reload_ms deadline, struct reload_error_text *why)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	enum reload_err err = d ? RELOAD_OK : cannot_save(dir, strerror(errno), why);
	while (d && !err && (entry = readdir(d))) {
		struct stat st;
		char *path = enroll_join(dir, entry->d_name),
		     *inner = enroll_join(name, entry->d_name);
		if (is_left_out(entry->d_name))
			;
		else if (stat(path, &st))
			err = cannot_save(path, strerror(errno), why);
		else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			err = add_all(files, path, inner, depth + 1, deadline, why);
		else if (S_ISREG(st.st_mode))
			err = add_file(files, path, inner, deadline, why);
		else
			err = cannot_save(path, "it is no file, or too deep", why);
		free(path);
		free(inner);
	}
	if (d)
		closedir(d);
	return err;
}

static enum reload_err collect(json_t **out, const struct enroll_authority *a, reload_ms deadline,
	struct reload_error_text *why)
{
	json_t *files = json_array(), *users = NULL;
	enum reload_err err = add_file(files, a->config_path, "overlay.xml", deadline, why);
	if (!err)
		err = add_all(files, a->dir, "ca", 1, deadline, why);
	if (!err)
		err = accounts_dump(&users, a->accounts, why);
	*out = json_pack("{s:s, s:s, s:o, s:o}", "version", version, "overlay", a->overlay, "files",
		files, "accounts", users ? users : json_null());
	return err;
}

static void print_done(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	long long files = json_integer_value(json_object_get(o, "files")),
		  users = json_integer_value(json_object_get(o, "users"));
	if (!cli->quiet)
		fprintf(out, "%s%s: %s, %lld file%s, %lld user%s\n",
			cli->dry_run ? "would be: " : "",
			cli_path_show(json_string_value(json_object_get(o, "path"))),
			json_string_value(json_object_get(o, "overlay")), files, cli_plural(files),
			users, cli_plural(users));
}

static void report(struct cli *cli, const char *path, const json_t *all)
{
	const json_t *users = json_object_get(json_object_get(all, "accounts"), "users");
	json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:b}", "path", path, "overlay",
		json_string_value(json_object_get(all, "overlay")), "files",
		(json_int_t)json_array_size(json_object_get(all, "files")), "users",
		(json_int_t)json_array_size(users), "dry_run", (int)cli->dry_run);
	cli_print(cli, o, print_done, cli);
	json_decref(o);
}

/* -- backup --------------------------------------------------------------------------------------------------------------------- */

static enum reload_err write_sealed(struct cli *cli, const char *path, const json_t *all,
	const char *passphrase, struct reload_error_text *why)
{
	AUTO(cli_files) files = cli_files_new();
	struct wr sealed;
	char *text = json_dumps(all, JSON_COMPACT);
	wr_init(&sealed);
	enum reload_err err = seal_bytes(&sealed, span_str(text), passphrase);
	OPENSSL_cleanse(text, strlen(text));
	free(text);
	if (!err && sealed.len > ACCOUNTS_DUMP_MAX) {
		err = cannot_save(path, "the users and files are more than 256 MiB", why);
	} else if (err) {
		(void)reload_error_explain(
			why, err, "the backup cannot be encrypted", "%s", reload_err_text(err));
		reload_error_advise(why, "openssl version, and the memory that is free");
	} else if (!cli->dry_run) {
		cli_files_put_new(files, path, 0600, wr_done(&sealed));
		err = cli_files_commit(files, why);
	}
	wr_clear(&sealed);
	return err;
}

int enroll_backup(struct cli *cli)
{
	struct enroll_authority a = { .lock = -1 };
	struct reload_error_text why = { 0 };
	char *overlay = NULL, *passphrase = NULL;
	json_t *all = NULL;
	enum reload_err err = enroll_overlay(&overlay, cli, NULL, "ca", &why);
	if (!err)
		err = enroll_passphrase(&passphrase, cli, true, &why);
	if (!err)
		err = enroll_authority_open(&a, overlay, cli->deadline, 0, &why);
	if (!err)
		err = collect(&all, &a, cli->deadline, &why);
	if (!err)
		err = write_sealed(cli, cli->operands[0], all, passphrase, &why);
	if (!err)
		report(cli, cli->operands[0], all);
	json_decref(all);
	cli_password_free(passphrase);
	enroll_authority_close(&a);
	free(overlay);
	return err ? cli_fail(cli, err, &why) : 0;
}

/* -- restore -------------------------------------------------------------------------------------------------------------------- */

static enum reload_err bad_backup(
	const char *path, const char *cause, struct reload_error_text *why)
{
	char what[256];
	snprintf(what, sizeof(what), "%.200s cannot be restored", cli_path_show(path));
	enum reload_err err = reload_error_explain(why, RELOAD_BAD_CONFIG, what, "%s", cause);
	reload_error_advise(why, "another backup, or --passphrase-file with its passphrase");
	return err;
}

static enum reload_err read_sealed(json_t **out, struct cli *cli, const char *path,
	const char *passphrase, struct reload_error_text *why)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	struct wr plain;
	wr_init(&plain);
	enum reload_err err =
		cli_file_read(&bytes, &len, path, ACCOUNTS_DUMP_MAX, cli->deadline, why);
	if (err)
		return err;
	err = seal_open(&plain, span_of(bytes, len), passphrase);
	if (err) {
		err = bad_backup(path,
			err == RELOAD_FORBIDDEN
				? "this is not its passphrase, or the file was changed"
				: "it is no backup of this program",
			why);
	} else {
		*out = json_loadb((const char *)plain.at, plain.len, JSON_REJECT_DUPLICATES, NULL);
		OPENSSL_cleanse(plain.at, plain.len);
	}
	const char *kind = json_string_value(json_object_get(*out, "version"));
	const char *overlay = json_string_value(json_object_get(*out, "overlay"));
	if (!err && (!kind || strcmp(kind, version) != 0 || !overlay ||
			    !reload_overlay_name_valid(overlay)))
		err = bad_backup(path, "it is of another version of this program", why);
	wr_clear(&plain);
	free(bytes);
	return err;
}

static enum reload_err put_file(
	struct cli_files *files, const char *dir, const json_t *file, struct reload_error_text *why)
{
	const char *name = json_string_value(json_object_get(file, "path")),
		   *content = json_string_value(json_object_get(file, "content"));
	uint8_t *bytes = NULL;
	size_t len = 0;
	if (!is_inside(name) || !content || reload_unbase64(&bytes, &len, content, strlen(content)))
		return bad_backup(name ? name : "a file", "its name or contents are damaged", why);
	char *path = enroll_join(dir, name), *end = strrchr(path, '/');
	*end = 0;
	enum reload_err err = cli_files_mkdir(files, path, 0700, why);
	*end = '/';
	if (!err)
		cli_files_put_new(files, path,
			(unsigned)json_integer_value(json_object_get(file, "mode")) & 0777,
			span_of(bytes, len));
	OPENSSL_cleanse(bytes, len);
	free(bytes);
	free(path);
	return err;
}

static enum reload_err put_accounts(struct cli_files *files, const char *dir, const json_t *all)
{
	char *text = json_dumps(json_object_get(all, "accounts"), JSON_COMPACT);
	char *path = enroll_join(dir, "ca/" ACCOUNTS_RESTORED), *lock = enroll_join(dir, "ca/lock");
	cli_files_put_new(files, path, 0600, span_str(text));
	cli_files_put_new(files, lock, 0600, span_of(NULL, 0));
	OPENSSL_cleanse(text, strlen(text));
	free(text);
	free(path);
	free(lock);
	return RELOAD_OK;
}

static enum reload_err exists(const char *overlay, struct reload_error_text *why)
{
	char what[300];
	snprintf(what, sizeof(what), "the overlay %.200s exists already", overlay);
	enum reload_err err = reload_error_explain(
		why, RELOAD_EXISTS, what, "its authority is never overwritten");
	reload_error_advise(why, "RELOAD_HOME=DIR reload-enroll restore, into another place");
	return err;
}

static enum reload_err restore(struct cli *cli, const json_t *all, struct reload_error_text *why)
{
	AUTO(cli_files) files = cli_files_new();
	const char *overlay = json_string_value(json_object_get(all, "overlay"));
	const json_t *file;
	char *dir = NULL;
	size_t i;
	enum reload_err err = cli_path(&dir, CLI_CONFIG, overlay, why);
	char *ca = err ? NULL : enroll_join(dir, "ca");
	if (!err && !access(ca, F_OK))
		err = exists(overlay, why);
	json_array_foreach (json_object_get(all, "files"), i, file) {
		if (!err && !cli->dry_run)
			err = put_file(files, dir, file, why);
	}
	if (!err && !cli->dry_run)
		err = put_accounts(files, dir, all);
	if (!err && !cli->dry_run)
		err = cli_files_commit(files, why);
	free(ca);
	free(dir);
	return err;
}

/* Opens it once, so that the users are where they belong, and what is wrong is seen now. */
static enum reload_err try_it(struct cli *cli, const json_t *all, struct reload_error_text *why)
{
	struct enroll_authority a = { .lock = -1 };
	const char *overlay = json_string_value(json_object_get(all, "overlay"));
	enum reload_err err = enroll_authority_open(&a, overlay, cli->deadline, 0, why);
	enroll_authority_close(&a);
	return err;
}

int enroll_restore(struct cli *cli)
{
	struct reload_error_text why = { 0 };
	char *passphrase = NULL;
	json_t *all = NULL;
	enum reload_err err = enroll_passphrase(&passphrase, cli, false, &why);
	if (!err)
		err = read_sealed(&all, cli, cli->operands[0], passphrase, &why);
	if (!err)
		err = restore(cli, all, &why);
	if (!err && !cli->dry_run)
		err = try_it(cli, all, &why);
	if (!err)
		report(cli, cli->operands[0], all);
	json_decref(all);
	cli_password_free(passphrase);
	return err ? cli_fail(cli, err, &why) : 0;
}
