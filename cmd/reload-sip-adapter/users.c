#include "reload-sip-adapter/users.h"

#include "common/files.h"
#include "ident/aor.h"
#include "util/alloc.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	READ_MS = 5000
};

void users_clear(struct users *users)
{
	for (size_t i = 0; i < users->count; i++) {
		OPENSSL_cleanse(users->list[i].ha1, sizeof(users->list[i].ha1));
		free(users->list[i].aor);
	}
	free(users->list);
	*users = (struct users){ 0 };
}

static int by_aor(const void *a, const void *b)
{
	return strcmp(((const struct user *)a)->aor, ((const struct user *)b)->aor);
}

const struct user *users_find(const struct users *users, const char *aor)
{
	struct user like = { .aor = (char *)aor };
	return users->count ? bsearch(&like, users->list, users->count, sizeof(like), by_aor)
			    : NULL;
}

bool users_same(const struct users *a, const struct users *b, const char *aor)
{
	const struct user *x = users_find(a, aor), *y = users_find(b, aor);
	bool same = x && y;
	for (int i = 0; same && i < RELOAD_DIGEST_ALGORITHMS; i++)
		same = !strcmp(x->ha1[i], y->ha1[i]);
	return same;
}

/* realloc() would leave the hashes behind. */
static void make_room(struct users *users)
{
	size_t size = sizeof(*users->list);
	if (users->count < users->cap)
		return;
	users->cap = users->cap ? 2 * users->cap : 16;
	struct user *list = reload_alloc(users->cap * size);
	if (users->count) {
		memcpy(list, users->list, users->count * size);
		OPENSSL_cleanse(users->list, users->count * size);
	}
	free(users->list);
	users->list = list;
}

static struct user *add(struct users *users, const char *aor)
{
	make_room(users); /* callers stop at USERS_MAX */
	struct user *u = &users->list[users->count++];
	*u = (struct user){ .aor = reload_strdup(aor) };
	return u;
}

/* One "SHA-256=hex". */
static bool read_hash(struct user *u, const char *word)
{
	char name[16];
	const char *equals = strchr(word, '=');
	enum reload_digest_algorithm a;
	size_t len = equals ? (size_t)(equals - word) : 0;
	if (!len || len >= sizeof(name))
		return false;
	memcpy(name, word, len);
	name[len] = 0;
	if (!reload_digest_algorithm(&a, name))
		return false;
	size_t digits = a == RELOAD_DIGEST_MD5 ? 32 : 64;
	if (strlen(equals + 1) != digits || strspn(equals + 1, "0123456789abcdef") != digits)
		return false;
	memcpy(u->ha1[a], equals + 1, digits + 1);
	return true;
}

/* Returns what is wrong with a line, NULL: nothing. */
static const char *read_line(struct users *users, char *line)
{
	struct reload_aor aor;
	char *rest = NULL, *word = strtok_r(line, " \t\r", &rest);
	if (!word || *word == '#')
		return NULL;
	if (reload_aor_parse(&aor, span_str(word)) || aor.has_gr)
		return "it begins with no AOR";
	if (users->count == USERS_MAX)
		return "there are too many users";
	struct user *u = add(users, aor.name);
	bool any = false;
	while ((word = strtok_r(NULL, " \t\r", &rest))) {
		if (!read_hash(u, word))
			return "a word is no hash, such as SHA-256= and 64 digits of 0-9a-f";
		any = true;
	}
	return any ? NULL : "it has no hash";
}

static enum reload_err refuse_line(
	struct reload_error_text *why, const char *path, unsigned number, const char *fault)
{
	char what[300];
	snprintf(what, sizeof(what), "%.200s: line %u cannot be read", path, number);
	(void)reload_error_explain(why, RELOAD_BAD_VALUE, what, "%s", fault);
	reload_error_advise(why, "reload-sip-adapter passwd %.180s USER", path);
	return RELOAD_BAD_VALUE;
}

static const char *find_twice(const struct users *users)
{
	for (size_t i = 1; i < users->count; i++)
		if (!strcmp(users->list[i - 1].aor, users->list[i].aor))
			return users->list[i].aor;
	return NULL;
}

static enum reload_err read_lines(
	struct users *users, char *text, const char *path, struct reload_error_text *why)
{
	char *rest = text;
	unsigned number = 0;
	for (char *line; (line = strsep(&rest, "\n"));) {
		const char *fault = read_line(users, line);
		number++;
		if (fault)
			return refuse_line(why, path, number, fault);
	}
	if (users->count)
		qsort(users->list, users->count, sizeof(*users->list), by_aor);
	const char *twice = find_twice(users);
	if (!twice)
		return RELOAD_OK;
	char what[300];
	snprintf(what, sizeof(what), "%.200s cannot be used", path);
	(void)reload_error_explain(why, RELOAD_BAD_VALUE, what, "%.200s is there twice", twice);
	reload_error_advise(why, "remove one of its lines");
	return RELOAD_BAD_VALUE;
}

enum reload_err users_read(struct users *users, const char *path, struct reload_error_text *why)
{
	struct users fresh = { 0 };
	uint8_t *text;
	size_t len;
	enum reload_err err =
		cli_file_read(&text, &len, path, USERS_FILE_MAX, cli_monotonic() + READ_MS, why);
	if (err)
		return err;
	err = read_lines(&fresh, (char *)text, path, why);
	OPENSSL_cleanse(text, len);
	free(text);
	if (err) {
		users_clear(&fresh);
		return err;
	}
	users_clear(users);
	*users = fresh;
	return RELOAD_OK;
}

void users_put(struct users *users, const char *aor, const char *password,
	const bool algorithms[RELOAD_DIGEST_ALGORITHMS])
{
	char user[RELOAD_AOR_NAME];
	struct user *u = (struct user *)users_find(users, aor);
	const char *domain = strrchr(aor, '@');
	snprintf(user, sizeof(user), "%.*s", (int)(domain - aor), aor);
	if (!u)
		u = add(users, aor);
	memset(u->ha1, 0, sizeof(u->ha1));
	for (int a = 0; a < RELOAD_DIGEST_ALGORITHMS; a++)
		if (algorithms[a])
			reload_digest_ha1(u->ha1[a], (enum reload_digest_algorithm)a, user,
				domain + 1, password);
	qsort(users->list, users->count, sizeof(*users->list), by_aor);
}

void users_write(struct wr *w, const struct users *users)
{
	for (size_t i = 0; i < users->count; i++) {
		const struct user *u = &users->list[i];
		wr_text(w, u->aor);
		for (int a = 0; a < RELOAD_DIGEST_ALGORITHMS; a++)
			if (*u->ha1[a])
				wr_format(w, " %s=%s",
					reload_digest_name((enum reload_digest_algorithm)a),
					u->ha1[a]);
		wr_text(w, "\n");
	}
}
