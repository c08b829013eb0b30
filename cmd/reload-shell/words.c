#include "words.h"

#include "util/alloc.h"

#include <stdlib.h>
#include <string.h>

static void add(struct words *w, char *word)
{
	w->at = reload_realloc(w->at, (w->count + 2) * sizeof(*w->at));
	w->at[w->count++] = word;
	w->at[w->count] = NULL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Reads one word into out, which has room for the rest of the line; returns what follows it. */
static const char *word_read(struct words *w, char *out, const char *c)
{
	char quote = 0;
	for (; *c && (quote || !is_blank(*c)); c++) {
		if (quote ? *c == quote : *c == '\'' || *c == '"') {
			quote = quote ? 0 : *c;
		} else if (*c == '\\' && quote != '\'') {
			if (!*++c) {
				w->open = true;
				break;
			}
			*out++ = *c;
		} else {
			*out++ = *c;
		}
	}
	*out = 0;
	w->open |= quote != 0;
	return c;
}

void words_split(struct words *out, const char *line)
{
	const char *c = line;
	*out = (struct words){ .at = reload_alloc(sizeof(char *)) };
	for (;;) {
		while (is_blank(*c))
			c++;
		if (!*c || *c == '#')
			break;
		char *word = reload_alloc(strlen(c) + 1);
		c = word_read(out, word, c);
		add(out, word);
		out->begun = !*c;
	}
}

void words_clear(struct words *w)
{
	for (size_t i = 0; i < w->count; i++)
		free(w->at[i]);
	free(w->at);
	*w = (struct words){ 0 };
}

char *words_quote(const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "@._:+-/,=%~|[]{}<>()*?!&;$^`";
	char *out = reload_alloc(2 * strlen(text) + 3), *o = out;
	if (!*text)
		return memcpy(out, "''", 3);
	for (const char *c = text; *c; c++) {
		if (!strchr(plain, *c) && !((unsigned char)*c & 0x80))
			*o++ = '\\';
		*o++ = *c;
	}
	return out;
}
