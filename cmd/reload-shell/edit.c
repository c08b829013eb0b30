/*
 * The terminal: libedit, without its own handling of signals, which sends what it catches to the whole process group.  Characters are read here, many at a
 * time: of lines that are pasted together the second waits in the buffer while the first one's command runs, which cannot take it
 * for its input.
 */
#include "shell.h"

#include "util/alloc.h"
#include "util/plain.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

enum {
	LINES_MAX = 1000, /* of the history in memory */
	BUFFER = 4096,
	SHOWN_MAX = 100, /* offers that are listed */
	WIDTH = 76
};

struct edit {
	struct shell *sh;
	EditLine *el;
	History *lines;
	char *line; /* owned: the last one */
	char prompt[96];
	char in[BUFFER];
	size_t in_at, in_len;
	bool cancelled;
};

static struct edit *of(EditLine *el)
{
	void *e = NULL;
	el_get(el, EL_CLIENTDATA, &e);
	return e;
}

static char *prompt(EditLine *el)
{
	struct edit *e = of(el);
	char plain[64];
	const char *agent = getenv("RELOAD_AGENT"), *slash = agent ? strrchr(agent, '/') : NULL;
	snprintf(e->prompt, sizeof(e->prompt), "%s> ",
		reload_plain(plain, sizeof(plain),
			slash   ? slash + 1
			: agent ? agent
				: "reload"));
	return e->prompt;
}

/* -- reading ------------------------------------------------------------------------------------------------------------------- */

/* Waits for input; false: Ctrl-C, or the end.  The terminal may be resized meanwhile. */
static bool fill(struct edit *e)
{
	for (;;) {
		struct pollfd p[] = { { .fd = STDIN_FILENO, .events = POLLIN },
			{ .fd = shell_wake_fd(), .events = POLLIN } };
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return false;
		if (p[1].revents || errno == EINTR) {
			e->cancelled = shell_interrupted();
			if (e->cancelled)
				return false;
			if (shell_resized()) {
				el_resize(e->el);
				el_set(e->el, EL_REFRESH);
			}
			errno = 0;
		}
		if (!(p[0].revents & (POLLIN | POLLHUP | POLLERR)))
			continue;
		ssize_t n = read(STDIN_FILENO, e->in, sizeof(e->in));
		if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
			errno = 0;
			continue;
		}
		e->in_at = 0;
		e->in_len = n > 0 ? (size_t)n : 0;
		return n > 0;
	}
}

/* One character for libedit: 1, 0 at the end, -1 when the line was cancelled. */
static int get_char(EditLine *el, wchar_t *out)
{
	struct edit *e = of(el);
	mbstate_t state = { 0 };
	errno = 0;
	for (;;) {
		if (e->in_at == e->in_len && !fill(e)) {
			e->in_at = e->in_len = 0;
			*out = L'\0';
			return e->cancelled ? -1 : 0;
		}
		size_t n = mbrtowc(out, &e->in[e->in_at++], 1, &state);
		if (n == (size_t)-2)
			continue; /* the character has more bytes */
		if (n == (size_t)-1) {
			state = (mbstate_t){ 0 };
			*out = L'?'; /* no character of this locale */
		}
		return 1;
	}
}

/* -- completion ---------------------------------------------------------------------------------------------------------------- */

/* Bytes that all offers begin with. */
static size_t common_length(const struct offers *o)
{
	size_t len = strlen(o->at[0]);
	for (size_t i = 1; i < o->count; i++)
		for (size_t k = 0; k < len; k++)
			if (o->at[i][k] != o->at[0][k])
				len = k;
	while (len && (o->at[0][len] & 0xc0) == 0x80)
		len--; /* not in the middle of a character */
	return len;
}

static void list_offers(const struct offers *o)
{
	size_t column = 0;
	fputc('\n', stdout);
	for (size_t i = 0; i < o->count && i < SHOWN_MAX; i++) {
		size_t len = strlen(o->at[i]) + 2;
		if (column && column + len > WIDTH) {
			fputc('\n', stdout);
			column = 0;
		}
		cli_put_safe(stdout, o->at[i]);
		fputs("  ", stdout);
		column += len;
	}
	if (o->count > SHOWN_MAX)
		printf("and %zu more", o->count - SHOWN_MAX);
	fputc('\n', stdout);
	fflush(stdout);
}

static unsigned char complete(EditLine *el, int ch)
{
	struct edit *e = of(el);
	const LineInfo *li = el_line(el);
	size_t len = (size_t)(li->cursor - li->buffer);
	char *text = reload_alloc(len + 1);
	struct offers o;
	unsigned char result = CC_ERROR;
	(void)ch;
	memcpy(text, li->buffer, len);
	shell_offers(e->sh, text, &o);
	size_t common = o.count ? common_length(&o) : 0;
	if (o.count && (common > o.word || o.count == 1)) {
		char *word = reload_alloc(common + 2);
		memcpy(word, o.at[0], common);
		if (o.count == 1 && common && !strchr("=/,:", word[common - 1]))
			word[common] = ' ';
		el_deletestr(el, (int)o.word);
		el_insertstr(el, word);
		free(word);
		result = CC_REFRESH;
	} else if (o.count) {
		list_offers(&o);
		result = CC_REDISPLAY;
	}
	offers_clear(&o);
	free(text);
	return result;
}

/* -- life ---------------------------------------------------------------------------------------------------------------------- */

static void remember(void *arg, const char *line)
{
	edit_remember(arg, line);
}

struct edit *edit_new(struct shell *sh)
{
	HistEvent ev;
	struct edit *e = RELOAD_NEW(edit);
	setlocale(LC_CTYPE, "");
	e->sh = sh;
	e->el = el_init("reload-shell", stdin, stdout, stderr);
	e->lines = history_init();
	if (!e->el || !e->lines) {
		edit_free(e);
		return NULL;
	}
	history(e->lines, &ev, H_SETSIZE, LINES_MAX);
	history(e->lines, &ev, H_SETUNIQUE, 1);
	el_set(e->el, EL_CLIENTDATA, e);
	el_set(e->el, EL_PROMPT, prompt);
	el_set(e->el, EL_EDITOR, "emacs");
	el_set(e->el, EL_HIST, history, e->lines);
	el_wset(e->el, EL_GETCFN, get_char);
	el_set(e->el, EL_ADDFN, "reload-complete", "complete the word", complete);
	el_set(e->el, EL_BIND, "^I", "reload-complete", NULL);
	el_source(e->el, NULL);
	if (sh->history)
		history_each(sh->history, remember, e);
	return e;
}

void edit_free(struct edit *e)
{
	if (!e)
		return;
	if (e->lines)
		history_end(e->lines);
	if (e->el)
		el_end(e->el);
	free(e->line);
	free(e);
}

void edit_remember(struct edit *e, const char *line)
{
	HistEvent ev;
	if (*line)
		history(e->lines, &ev, H_ENTER, line);
}

const char *edit_line(struct edit *e, bool *cancelled)
{
	int count = 0;
	e->cancelled = false;
	const char *text = el_gets(e->el, &count);
	*cancelled = e->cancelled;
	if (e->cancelled) {
		fputc('\n', stdout);
		fflush(stdout);
		return NULL;
	}
	if (!text || count <= 0)
		return NULL;
	free(e->line);
	e->line = reload_strdup(text);
	e->line[strcspn(e->line, "\r\n")] = 0;
	return e->line;
}
