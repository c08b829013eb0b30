#include "util/words.h"

#include "util/alloc.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	DIGITS_MAX = 15,
	WORD_MAX_LEN = 64
};

static const struct {
	const char *unit;
	reload_ms ms;
} units[] = { { "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } };

bool reload_digits(uint64_t *out, const char **text)
{
	size_t n = strspn(*text, "0123456789");
	if (!n || n > DIGITS_MAX)
		return false;
	*out = strtoull(*text, NULL, 10);
	*text += n;
	return true;
}

enum reload_err reload_time_parse(reload_ms *out, const char *text)
{
	reload_ms sum = 0;
	bool bare = false, any = false;
	while (*text) {
		uint64_t n = 0;
		reload_ms factor = 0;
		size_t len = 0;
		if (bare || !reload_digits(&n, &text))
			return RELOAD_USAGE;
		len = strcspn(text, "0123456789");
		for (size_t i = 0; i < COUNT_OF(units); i++)
			if (strlen(units[i].unit) == len && !strncmp(units[i].unit, text, len))
				factor = units[i].ms;
		bare = !len;
		if (bare && !any)
			factor = RELOAD_SECOND;
		if (!factor || n > UINT64_MAX / 4 / factor)
			return RELOAD_USAGE;
		text += len;
		sum += n * factor;
		any = true;
		if (sum > UINT64_MAX / 4)
			return RELOAD_USAGE;
	}
	if (!any)
		return RELOAD_USAGE;
	*out = sum;
	return RELOAD_OK;
}

char *reload_time_text(char out[RELOAD_TIME_TEXT], reload_ms t)
{
	size_t len = 0;
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		reload_ms n = t / units[i].ms;
		t %= units[i].ms;
		if (n)
			len += (size_t)snprintf(out + len, RELOAD_TIME_TEXT - len, "%llu%s",
				(unsigned long long)n, units[i].unit);
	}
	if (!len)
		snprintf(out, RELOAD_TIME_TEXT, "0s");
	return out;
}

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* distance() is the number of letters to insert, remove or replace between a and b; their case does not count. */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX_LEN + 1];
	size_t n = strlen(b);
	if (strlen(a) > WORD_MAX_LEN || n > WORD_MAX_LEN)
		return WORD_MAX_LEN;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t cost = diagonal + !same_letter(a[i - 1], b[j - 1]);
			diagonal = row[j];
			size_t shift = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			row[j] = cost < shift ? cost : shift;
		}
	}
	return row[n];
}

const char *reload_nearest(const char *text, const char *const *words)
{
	const char *best = NULL;
	size_t len = strlen(text);
	/* at most three letters may differ, and at most half of a short word: otherwise every word would be near */
	size_t best_score = 1 + (len < 4 ? 1 : len < 6 ? len / 2 : 3);
	for (; *words; words++) {
		/* an abbreviation is nearer than any misspelt word */
		size_t score =
			len > 1 && !strncasecmp(text, *words, len) ? 0 : distance(text, *words);
		if (score < best_score) {
			best = *words;
			best_score = score;
		}
	}
	return best;
}
