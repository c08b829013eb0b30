/*
 * The history in the state directory: a line of text each, as it was typed.  A line is appended while the file is locked, so that the lines of all
 * shells are there in the order in which they were typed; above TRIM_BYTES the older half is dropped.
 *
 * Values and texts of messages do not get into it: what a command of the table below takes at that place is left out.  Nor does what
 * begins with a blank.
 */
#include "shell.h"

#include "common/home.h"
#include "util/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	TRIM_BYTES = 256 * 1024,
	LINE_BYTES = 64 * 1024, /* longer ones are not kept in the file */
	HELP_BYTES = 16 * 1024
};

struct history_file {
	int fd;
	char *path;
};

/* The operands of programs that are kept, without their options; those behind them are not. */
static const struct {
	const char *words[2]; /* command, and subcommand or NULL */
	size_t kept;          /* operands, a subcommand included */
} secrets[] = { { { "store", NULL }, 1 }, { { "sip-call", "message" }, 2 }, { { "call", NULL }, 1 },
	{ { "enroll", "accept" }, 1 } };

/* Directories of a path, for this user alone. */
static void make_dirs(char *path)
{
	for (char *c = strchr(path + 1, '/'); c; c = strchr(c + 1, '/')) {
		*c = 0;
		mkdir(path, 0700);
		*c = '/';
	}
}

struct history_file *history_open(void)
{
	char *path;
	if (cli_path(&path, CLI_STATE, "shell_history", NULL))
		return NULL;
	make_dirs(path);
	int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || fchmod(fd, 0600)) {
		if (fd >= 0)
			close(fd);
		free(path);
		return NULL;
	}
	struct history_file *h = RELOAD_NEW(history_file);
	h->fd = fd;
	h->path = path;
	return h;
}

void history_free(struct history_file *h)
{
	if (!h)
		return;
	close(h->fd);
	free(h->path);
	free(h);
}

/* The whole file (owned, ended by NUL), *len its length; NULL: it cannot be read. */
static char *read_all(const struct history_file *h, size_t *len)
{
	struct stat st;
	if (fstat(h->fd, &st) || st.st_size < 0 || st.st_size > 4 * TRIM_BYTES)
		return NULL;
	char *text = reload_alloc((size_t)st.st_size + 1);
	ssize_t n = pread(h->fd, text, (size_t)st.st_size, 0);
	*len = n > 0 ? (size_t)n : 0;
	text[*len] = 0;
	return text;
}

void history_each(struct history_file *h, void (*fn)(void *arg, const char *line), void *arg)
{
	size_t len;
	flock(h->fd, LOCK_SH);
	char *text = read_all(h, &len);
	flock(h->fd, LOCK_UN);
	for (char *line = text, *end; line && *line; line = end + 1) {
		end = strchr(line, '\n');
		if (!end)
			break; /* cut off */
		*end = 0;
		fn(arg, line);
	}
	free(text);
}

/* Whether an option of a program takes the next word, as its help says: "  -k, --kind KIND   ...". */
static bool takes_word(const char *help, const char *option)
{
	size_t len = strlen(option);
	if (option[0] != '-' || strchr(option, '='))
		return false;
	for (const char *at = help; (at = strstr(at, option)); at += len) {
		bool begins = at == help || at[-1] == ' ';
		const char *after = at + len;
		if (!begins || (*after != ' ' && *after != ','))
			continue;
		if (*after == ',') { /* the long name follows the short one */
			after = strstr(after, "--");
			after = after ? after + strcspn(after, " \n") : "";
		}
		return after[0] == ' ' && after[1] != ' ' && after[1] != '\n';
	}
	return false;
}

static bool is_subcommand(const struct words *w, const char *name)
{
	for (size_t i = 1; name && i < w->count; i++)
		if (!strcmp(w->at[i], name))
			return true;
	return !name;
}

/* How many operands of a command may be kept; SIZE_MAX: all of them. */
static size_t operands_kept(const struct words *w)
{
	for (size_t i = 0; i < COUNT_OF(secrets); i++)
		if (w->count && !strcmp(w->at[0], secrets[i].words[0]) &&
			is_subcommand(w, secrets[i].words[1]))
			return secrets[i].kept;
	return SIZE_MAX;
}

/* The line (owned) as it may be kept, NULL: not at all. */
static char *kept(struct shell *sh, const char *line)
{
	struct words w;
	words_split(&w, line);
	size_t most = operands_kept(&w), operands = 0, used = 0;
	if (most == SIZE_MAX || !w.count) {
		words_clear(&w);
		return reload_strdup(line);
	}
	char *program = shell_program(sh, w.at[0]),
	     *help = program ? shell_output((char *[]){ program, "--help", NULL }, HELP_BYTES)
			     : reload_strdup("");
	size_t size = 2 * strlen(line) + 3 * w.count + 1;
	char *out = reload_alloc(size);
	bool value_follows = false, only_operands = false;
	for (size_t i = 0; i < w.count; i++) {
		bool option =
			i && !value_follows && !only_operands && w.at[i][0] == '-' && w.at[i][1];
		if (i && !option && !value_follows && ++operands > most)
			continue;
		only_operands |= option && !strcmp(w.at[i], "--");
		value_follows = option && takes_word(help, w.at[i]);
		char *word = words_quote(w.at[i]);
		used += (size_t)snprintf(out + used, size - used, "%s%s", i ? " " : "", word);
		free(word);
	}
	free(help);
	free(program);
	words_clear(&w);
	return out;
}

/* Drops the older half of a file that has become long; it is locked. */
static void trim(struct history_file *h)
{
	size_t len;
	struct stat st;
	if (fstat(h->fd, &st) || st.st_size <= TRIM_BYTES)
		return;
	char *text = read_all(h, &len), *half = text ? strchr(text + len / 2, '\n') : NULL;
	if (half && !ftruncate(h->fd, 0)) {
		ssize_t n = write(h->fd, half + 1, len - (size_t)(half + 1 - text));
		(void)n; /* a full disk: lines are lost, nothing else */
	}
	free(text);
}

void history_add(struct history_file *h, struct shell *sh, const char *line)
{
	if (!h || line[0] == ' ' || strlen(line) > LINE_BYTES || strchr(line, '\n'))
		return;
	char *text = kept(sh, line);
	size_t len = strlen(text);
	text[len] = '\n';
	flock(h->fd, LOCK_EX);
	trim(h);
	ssize_t n = write(h->fd, text, len + 1);
	(void)n;
	flock(h->fd, LOCK_UN);
	text[len] = 0;
	free(text);
}
