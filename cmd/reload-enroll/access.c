#include "reload-enroll/access.h"

#include "common/home.h"
#include "reload-enroll/enroll.h"
#include "common/password.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	FILE_MAX = 16384
};

static const struct {
	const char *key;
	size_t offset;
} members[] = { { "server", offsetof(struct enroll_access, server) },
	{ "pin", offsetof(struct enroll_access, pin) },
	{ "password", offsetof(struct enroll_access, password) },
	{ "password_file", offsetof(struct enroll_access, password_file) },
	{ "ca_file", offsetof(struct enroll_access, ca_file) },
	{ "url", offsetof(struct enroll_access, url) } };

static char **member(struct enroll_access *a, size_t i)
{
	return (char **)((char *)a + members[i].offset);
}

void enroll_access_clear(struct enroll_access *a)
{
	for (size_t i = 0; i < COUNT_OF(members); i++)
		cli_password_free(*member(a, i));
	*a = (struct enroll_access){ 0 };
}

static void replace(char **at, char *value)
{
	cli_password_free(*at);
	*at = value;
}

/* An object of nothing but the members, each of which is a string. */
static bool take(struct enroll_access *out, const json_t *o)
{
	size_t known = 0;
	for (size_t i = 0; i < COUNT_OF(members); i++) {
		const json_t *value = json_object_get(o, members[i].key);
		known += value != NULL;
		if (value && !json_is_string(value))
			return false;
		if (value)
			replace(member(out, i), reload_strdup(json_string_value(value)));
	}
	return json_is_object(o) && known == json_object_size(o) && (out->server || !out->pin);
}

enum reload_err enroll_access_read(struct enroll_access *out, const char *dir, reload_ms deadline,
	struct reload_error_text *why)
{
	char *path = enroll_join(dir, "enrollment.json");
	uint8_t *bytes = NULL;
	size_t len = 0;
	*out = (struct enroll_access){ 0 };
	enum reload_err err = access(path, F_OK)
				      ? RELOAD_OK
				      : cli_file_read(&bytes, &len, path, FILE_MAX, deadline, why);
	json_t *o =
		bytes ? json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (bytes && !take(out, o)) {
		enroll_access_clear(out);
		err = reload_error_explain(why, RELOAD_BAD_CONFIG,
			"the access to the enrollment server is damaged", "%s",
			cli_path_show(path));
		reload_error_advise(why,
			"rm %s; then --password-file FILE, with a password of "
			"the account",
			cli_path_show(path));
	}
	json_decref(o);
	cli_password_free((char *)bytes);
	free(path);
	return err;
}

/* The path of a file that will still be there (owned): no pipe or standard input; NULL: it is none. */
static char *lasting(const char *path)
{
	struct stat st;
	char *whole = path ? realpath(path, NULL) : NULL;
	if (whole && (stat(whole, &st) || !S_ISREG(st.st_mode))) {
		free(whole);
		whole = NULL;
	}
	return whole;
}

void enroll_access_options(struct enroll_access *a, const struct cli *cli)
{
	const char *url = cli_value(cli, "url", NULL);
	if (cli_has(cli, "password-file")) {
		replace(&a->password, NULL);
		replace(&a->password_file, lasting(cli_value(cli, "password-file", NULL)));
	}
	if (cli_has(cli, "ca-file")) {
		replace(&a->pin, NULL);
		replace(&a->ca_file, lasting(cli_value(cli, "ca-file", NULL)));
	}
	if (url)
		replace(&a->url, reload_strdup(url));
}

void enroll_access_put(const struct enroll_access *a, const char *dir, struct cli_files *files)
{
	struct enroll_access copy = *a;
	json_t *o = json_object();
	for (size_t i = 0; i < COUNT_OF(members); i++)
		if (*member(&copy, i))
			json_object_set_new(o, members[i].key, json_string(*member(&copy, i)));
	if (json_object_size(o)) {
		char *path = enroll_join(dir, "enrollment.json");
		char *text = json_dumps(o, JSON_INDENT(1));
		cli_files_put(files, path, 0600, span_str(text));
		cli_password_free(text);
		free(path);
	}
	json_decref(o);
}
