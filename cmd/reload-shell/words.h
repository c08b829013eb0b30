/* A line of the shell as words: blanks separate them, quotes and backslashes keep characters as they are, # begins a comment. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct words {
	char **at; /* count of them, then NULL; owned */
	size_t count;
	bool open;  /* the line ends inside of quotes, or behind a backslash */
	bool begun; /* the last word may go on: the line does not end with a blank */
};

/* words_split() takes a line apart; words_clear() frees. */
void words_split(struct words *out, const char *line);
void words_clear(struct words *w);

/* words_quote() returns (owned) text as it has to be typed to be one word. */
char *words_quote(const char *text);
