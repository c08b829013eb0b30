#include "sim/scenario.h"

#include "sim/world.h"
#include "util/text.h"
#include "util/words.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FILE_MAX = 65536,
	LINE_MAX_LEN = 512,
	PERCENT = 10000, /* per million */
	ALL = 100 * PERCENT
};

enum type {
	TYPE_COUNT,
	TYPE_TIME,
	TYPE_SHARE,
	TYPE_NUMBER,
	TYPE_CHOICE,
	TYPE_FLAG
};

struct row {
	const char *key;
	enum type type;
	size_t offset;
	double low, high, def;
	const char *choices, *words;
};

#define FIELD(name) offsetof(struct reload_sim_scenario, name)
#define ROW(name, key, type, low, high, def, words)                                                \
	{ key, type, FIELD(name), (double)(low), (double)(high), (double)(def), NULL, words },
#define COUNT(name, key, low, high, def, words)  ROW(name, key, TYPE_COUNT, low, high, def, words)
#define TIME(name, key, low, high, def, words)   ROW(name, key, TYPE_TIME, low, high, def, words)
#define SHARE(name, key, low, high, def, words)  ROW(name, key, TYPE_SHARE, low, high, def, words)
#define NUMBER(name, key, low, high, def, words) ROW(name, key, TYPE_NUMBER, low, high, def, words)
#define CHOICE(name, key, choices, def, words)                                                     \
	{ key, TYPE_CHOICE, FIELD(name), 0, 0, (double)(def), choices, words },
#define FLAG(name, key, def, words)                                                                \
	{ key, TYPE_FLAG, FIELD(name), 0, 1, (double)(def), "no|yes", words },

static const struct row rows[] = {
#include "sim/scenario.def"
};

static_assert(COUNT_OF(rows) < RELOAD_SIM_KEYS_MAX, "a list of keys has room for all");

/* Every field as a number: all bounds are far below 2^53. */
static double get(const struct reload_sim_scenario *s, const struct row *r)
{
	const char *at = (const char *)s + r->offset;
	switch (r->type) {
	case TYPE_COUNT:
	case TYPE_TIME:
		return (double)*(const uint64_t *)(const void *)at;
	case TYPE_SHARE:
		return *(const uint32_t *)(const void *)at;
	case TYPE_NUMBER:
		return *(const double *)(const void *)at;
	case TYPE_CHOICE:
		return *(const unsigned *)(const void *)at;
	case TYPE_FLAG:
		return *(const bool *)(const void *)at;
	}
	abort();
}

static void put(struct reload_sim_scenario *s, const struct row *r, double v)
{
	char *at = (char *)s + r->offset;
	switch (r->type) {
	case TYPE_COUNT:
	case TYPE_TIME:
		*(uint64_t *)(void *)at = (uint64_t)v;
		break;
	case TYPE_SHARE:
		*(uint32_t *)(void *)at = (uint32_t)v;
		break;
	case TYPE_NUMBER:
		*(double *)(void *)at = v;
		break;
	case TYPE_CHOICE:
		*(unsigned *)(void *)at = (unsigned)v;
		break;
	case TYPE_FLAG:
		*(bool *)(void *)at = v != 0;
		break;
	}
}

void reload_sim_scenario_init(struct reload_sim_scenario *s)
{
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		put(s, &rows[i], rows[i].def);
}

/* --- values as text ----------------------------------------------------------------------------------------- */

/* Writes the word with index n of "a|b|c". */
static void write_choice(char *out, const char *choices, unsigned n)
{
	while (n-- && strchr(choices, '|'))
		choices = strchr(choices, '|') + 1;
	snprintf(out, RELOAD_SIM_VALUE_TEXT, "%.*s", (int)strcspn(choices, "|"), choices);
}

static void write_value(char out[RELOAD_SIM_VALUE_TEXT], const struct row *r, double v)
{
	switch (r->type) {
	case TYPE_COUNT:
		snprintf(out, RELOAD_SIM_VALUE_TEXT, "%.0f", v);
		break;
	case TYPE_TIME:
		reload_time_text(out, (reload_ms)v);
		break;
	case TYPE_SHARE: /* at most six digits */
		snprintf(out, RELOAD_SIM_VALUE_TEXT, "%g%%", v / PERCENT);
		break;
	case TYPE_NUMBER: /* the shortest text that is read as the same number */
		for (int digits = 6; digits <= 17; digits++) {
			snprintf(out, RELOAD_SIM_VALUE_TEXT, "%.*g", digits, v);
			if (strtod(out, NULL) == v)
				break;
		}
		break;
	case TYPE_CHOICE:
	case TYPE_FLAG:
		write_choice(out, r->choices, (unsigned)v);
		break;
	}
}

static bool read_choice(double *out, const char *choices, const char *text)
{
	size_t len = strlen(text);
	for (unsigned n = 0;; n++) {
		size_t word = strcspn(choices, "|");
		if (word == len && !strncmp(choices, text, len)) {
			*out = n;
			return true;
		}
		if (!choices[word])
			return false;
		choices += word + 1;
	}
}

/* Reads "5%", "0.25%" or "0"; the result is per million. */
static bool read_share(double *out, const char *text)
{
	uint64_t whole = 0, part = 0;
	if (!strcmp(text, "0")) {
		*out = 0;
		return true;
	}
	if (!reload_digits(&whole, &text))
		return false;
	uint64_t unit = PERCENT;
	if (*text == '.') {
		size_t n = strspn(++text, "0123456789");
		if (n > 4 || !reload_digits(&part, &text))
			return false;
		for (; n < 4; n++)
			part *= 10;
	}
	*out = (double)whole * (double)unit + (double)part;
	return !strcmp(text, "%");
}

static bool read_number(double *out, const char *text)
{
	char *end;
	if (!strchr("0123456789", *text) || strspn(text, "0123456789.e+-") != strlen(text))
		return false;
	*out = strtod(text, &end);
	return *text && !*end;
}

static bool read_value(double *out, const struct row *r, const char *text)
{
	uint64_t n;
	switch (r->type) {
	case TYPE_COUNT:
		if (!reload_digits(&n, &text) || *text)
			return false;
		*out = (double)n;
		return true;
	case TYPE_TIME:
		if (reload_time_parse(&n, text))
			return false;
		*out = (double)n;
		return true;
	case TYPE_SHARE:
		return read_share(out, text);
	case TYPE_NUMBER:
		return read_number(out, text);
	case TYPE_CHOICE:
	case TYPE_FLAG:
		return read_choice(out, r->choices, text);
	}
	abort();
}

static const char *form(const struct row *r)
{
	switch (r->type) {
	case TYPE_COUNT:
	case TYPE_NUMBER:
		return "a number";
	case TYPE_TIME:
		return "a time such as 500ms, 90s or 1h30m";
	case TYPE_SHARE:
		return "a percentage such as 5% or 0.1%";
	case TYPE_CHOICE:
	case TYPE_FLAG:
		return "one of these words";
	}
	abort();
}

static void write_bounds(char *out, size_t size, const struct row *r)
{
	char low[RELOAD_SIM_VALUE_TEXT], high[RELOAD_SIM_VALUE_TEXT];
	if (r->choices) {
		snprintf(out, size, "%s", r->choices);
		return;
	}
	write_value(low, r, r->low);
	write_value(high, r, r->high);
	snprintf(out, size, "%s to %s", low, high);
}

/* --- setting ------------------------------------------------------------------------------------------------- */

static const struct row *find(const char *key)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (!strcmp(rows[i].key, key))
			return &rows[i];
	return NULL;
}

/* Shortens text of the user for a message. */
static const char *cut(char out[72], const char *text)
{
	size_t n = 0;
	for (; text[n] && n < 64; n++)
		out[n] = (unsigned char)text[n] < 0x20 || (unsigned char)text[n] >= 0x7f ? '?'
											 : text[n];
	snprintf(out + n, 72 - n, "%s", text[n] ? "..." : "");
	return out;
}

enum reload_err reload_sim_scenario_set(struct reload_sim_scenario *s, const char *key,
	const char *value, struct reload_error_text *why)
{
	const struct row *r = find(key);
	char what[256], shown[72], bounds[2 * RELOAD_SIM_VALUE_TEXT + 8];
	if (!r) {
		const char *words[COUNT_OF(rows) + 1];
		for (size_t i = 0; i < COUNT_OF(rows); i++)
			words[i] = rows[i].key;
		words[COUNT_OF(rows)] = NULL;
		snprintf(what, sizeof(what), "no setting %s", cut(shown, key));
		const char *near = reload_nearest(key, words);
		enum reload_err err =
			reload_error_explain(why, RELOAD_USAGE, what, "there is no such key");
		if (near)
			reload_error_advise(why, "%s", near);
		return err;
	}
	double v = 0;
	if (!read_value(&v, r, value) || (!r->choices && (v < r->low || v > r->high))) {
		snprintf(what, sizeof(what), "%s = %s is not possible", key, cut(shown, value));
		write_bounds(bounds, sizeof(bounds), r);
		return reload_error_explain(
			why, RELOAD_USAGE, what, "expected %s: %s", form(r), bounds);
	}
	put(s, r, v);
	return RELOAD_OK;
}

/* --- files --------------------------------------------------------------------------------------------------- */

struct reading {
	struct reload_sim_scenario *s;
	const char *name;
	unsigned line, seen[COUNT_OF(rows)]; /* line of each key; 0: not yet */
	struct reload_error_text *why;
};

/* Puts "NAME:LINE: " in front of the error text. */
static enum reload_err at_line(const struct reading *r, enum reload_err err)
{
	char what[sizeof(r->why->what)];
	if (!r->why)
		return err;
	snprintf(what, sizeof(what), "%.120s:%u: %.110s", r->name, r->line, r->why->what);
	memcpy(r->why->what, what, sizeof(what));
	return err;
}

static char *trim(char *text)
{
	text += strspn(text, " \t");
	size_t len = strlen(text);
	while (len && strchr(" \t", text[len - 1]))
		text[--len] = 0;
	return text;
}

/* Reads one line, which it may change. */
static enum reload_err read_line(struct reading *r, char *line)
{
	line[strcspn(line, "#")] = 0;
	line = trim(line);
	if (!*line)
		return RELOAD_OK;
	char *equals = strchr(line, '=');
	if (!equals)
		return at_line(r, reload_error_explain(r->why, RELOAD_USAGE, "no = in this line",
					  "each line is key = value, or a comment behind #"));
	*equals = 0;
	const char *key = trim(line), *value = trim(equals + 1);
	enum reload_err err = reload_sim_scenario_set(r->s, key, value, r->why);
	if (err)
		return at_line(r, err);
	unsigned *seen = &r->seen[find(key) - rows];
	if (*seen) {
		char what[128];
		snprintf(what, sizeof(what), "%s is set twice", key);
		return at_line(r, reload_error_explain(r->why, RELOAD_USAGE, what,
					  "it is set in line %u already", *seen));
	}
	*seen = r->line;
	return RELOAD_OK;
}

static bool is_text(const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)line[i] < 0x20 && line[i] != '\t') || line[i] == 0x7f)
			return false;
	return reload_utf8_valid(span_of(line, len));
}

enum reload_err reload_sim_scenario_read(struct reload_sim_scenario *s, const char *text,
	size_t len, const char *name, struct reload_error_text *why)
{
	struct reload_sim_scenario all = *s;
	struct reading r = { .s = &all, .name = name, .why = why };
	char line[LINE_MAX_LEN + 1];
	if (len > FILE_MAX) {
		r.line = 1;
		return at_line(&r, reload_error_explain(why, RELOAD_LIMIT, "the file is too long",
					   "a scenario has at most %d bytes", FILE_MAX));
	}
	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;
		r.line++;
		size_t next = at + n + 1;
		n -= n && text[at + n - 1] == '\r';
		if (n > LINE_MAX_LEN)
			return at_line(
				&r, reload_error_explain(why, RELOAD_LIMIT, "the line is too long",
					    "a line has at most %d bytes", LINE_MAX_LEN));
		if (!is_text(text + at, n))
			return at_line(
				&r, reload_error_explain(why, RELOAD_USAGE, "the line is no text",
					    "it has control characters, or is not UTF-8"));
		memcpy(line, text + at, n);
		line[n] = 0;
		enum reload_err err = read_line(&r, line);
		if (err)
			return err;
		at = next;
	}
	*s = all;
	return RELOAD_OK;
}

/* --- what goes together -------------------------------------------------------------------------------------- */

/* Whether links can end silently, which is noticed RELOAD_SIM_LOST_MS later. */
static bool silent(const struct reload_sim_scenario *s)
{
	bool crashes = s->crashes || s->wave ||
		       (s->churn != RELOAD_SIM_SESSIONS_NONE && s->graceful < ALL);
	return (crashes && s->machine) || s->partitions || s->cuts || s->moves || s->freezes;
}

enum reload_err reload_sim_scenario_check(
	const struct reload_sim_scenario *s, struct reload_error_text *why)
{
	uint64_t gone = s->mass_leave + (uint64_t)s->crashes * (ALL - s->restarts) / ALL + s->wave;
	char a[RELOAD_TIME_TEXT], b[RELOAD_TIME_TEXT];
	if (s->peers + s->clients > RELOAD_SIM_PEERS_MAX)
		return reload_error_explain(why, RELOAD_USAGE, "too many nodes",
			"peers and clients together are at most %d", RELOAD_SIM_PEERS_MAX);
	if (gone >= ALL)
		return reload_error_explain(why, RELOAD_USAGE, "no peer would be left",
			"crashes without restarts, mass-leave and wave together are %g%% of the "
			"peers",
			(double)gone / PERCENT);
	if (s->peers < 2 && (s->partitions || s->cuts || s->crashes || s->mass_leave || s->wave ||
				    s->crowd || s->churn != RELOAD_SIM_SESSIONS_NONE))
		return reload_error_explain(why, RELOAD_USAGE,
			"one peer alone has no overlay to lose",
			"crashes, churn, partitions, cuts, mass-leave, wave and crowd need two "
			"peers or more");
	if (silent(s) && s->quiet < RELOAD_SIM_LOST_MS)
		return reload_error_explain(why, RELOAD_USAGE, "quiet-time is too short to heal",
			"a neighbour that fell silent is noticed after %s, quiet-time is %s",
			reload_time_text(a, RELOAD_SIM_LOST_MS), reload_time_text(b, s->quiet));
	return RELOAD_OK;
}

reload_ms reload_sim_scenario_growth(const struct reload_sim_scenario *s)
{
	reload_ms t = 20 * (reload_ms)(s->peers + s->clients);
	return s->growth_time ? s->growth_time : t > 10000 ? t : 10000;
}

size_t reload_sim_scenario_crowd(const struct reload_sim_scenario *s)
{
	size_t peers = (size_t)s->peers, crowd = (size_t)(peers * (uint64_t)s->crowd / ALL);
	return crowd < peers ? peers - crowd : peers;
}

size_t reload_sim_scenario_idle(const struct reload_sim_scenario *s, const char **out, size_t max)
{
	struct reload_sim_scenario d;
	reload_sim_scenario_init(&d);
	bool churn = s->churn != RELOAD_SIM_SESSIONS_NONE, crashes = churn || s->crashes || s->wave;
	const struct {
		bool idle;
		const char *words;
	} all[] = {
		{ !churn && (s->session != d.session || s->absence != d.absence ||
				    s->graceful != d.graceful),
			"session, absence and graceful have no effect without churn" },
		{ s->churn != RELOAD_SIM_SESSIONS_WEIBULL && s->shape != d.shape,
			"shape has no effect without churn = weibull" },
		{ s->churn != RELOAD_SIM_SESSIONS_PARETO && s->tail != d.tail,
			"tail has no effect without churn = pareto" },
		{ !churn && s->day, "day has no effect without churn" },
		{ !s->crowd && s->crowd_time != d.crowd_time,
			"crowd-time has no effect without crowd" },
		{ s->crowd && s->crowd_time > s->duration,
			"crowd-time is longer than duration: the crowd starts sooner" },
		{ !crashes && s->machine != d.machine,
			"machine has no effect without crashes, churn or wave" },
		{ !s->crashes && s->restarts != d.restarts,
			"restarts has no effect without crashes" },
		{ !crashes && s->disk != d.disk, "disk has no effect without crashes or churn" },
		{ s->reorder && s->links == RELOAD_SIM_LINKS_TLS,
			"reorder has no effect without links = dtls or ice" },
		{ s->moves && s->links != RELOAD_SIM_LINKS_ICE,
			"moves has no effect without links = ice" },
		{ s->jumps && !s->skew, "jumps have no effect without skew" },
		{ s->slow_by != d.slow_by && !s->slow, "slow-by has no effect without slow" },
		{ s->byzantine && !s->lies, "byzantine has no effect with lies = 0" },
		{ s->growth != RELOAD_SIM_GROW_STEADY && s->growth_time != d.growth_time,
			"growth-time has no effect without growth = steady" },
		{ s->partition_time != d.partition_time && !s->partitions,
			"partition-time has no effect without partitions" },
		{ s->freeze_time != d.freeze_time && !s->freezes,
			"freeze-time has no effect without freezes" },
		{ s->freezes && s->freeze_time > s->duration,
			"freeze-time is longer than duration: stops are shorter" },
		{ s->cut_time != d.cut_time && !s->cuts, "cut-time has no effect without cuts" },
		{ s->partitions && s->partition_time > s->duration / s->partitions,
			"partitions of partition-time do not fit into duration: they are shorter" },
		{ s->disk_error_time != d.disk_error_time && !s->disk_errors,
			"disk-error-time has no effect without disk-errors" },
		{ s->disk_full_time != d.disk_full_time && !s->disk_full,
			"disk-full-time has no effect without disk-full" },
		{ s->cuts && s->cut_time > s->duration,
			"cut-time is longer than duration: cuts are shorter" },
	};
	size_t count = 0;
	for (size_t i = 0; i < COUNT_OF(all) && count < max; i++)
		if (all[i].idle)
			out[count++] = all[i].words;
	return count;
}

/* --- all keys ------------------------------------------------------------------------------------------------ */

void reload_sim_scenario_options(const struct reload_sim_scenario *s, char *out, size_t size)
{
	size_t len = 0;
	*out = 0;
	for (size_t i = 0; i < COUNT_OF(rows) && len < size; i++) {
		char value[RELOAD_SIM_VALUE_TEXT];
		if (get(s, &rows[i]) == rows[i].def)
			continue;
		write_value(value, &rows[i], get(s, &rows[i]));
		len += (size_t)snprintf(
			out + len, size - len, "%s--%s %s", len ? " " : "", rows[i].key, value);
	}
}

size_t reload_sim_keys(struct reload_sim_key out[RELOAD_SIM_KEYS_MAX])
{
	static const char *const types[] = { "COUNT", "TIME", "PCT", "NUMBER" };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const struct row *r = &rows[i];
		out[i].key = r->key;
		out[i].words = r->words;
		out[i].type = r->choices ? r->choices : types[r->type];
		write_bounds(out[i].bounds, sizeof(out[i].bounds), r);
		write_value(out[i].def, r, r->def);
	}
	return COUNT_OF(rows);
}

void reload_sim_scenario_text(
	const struct reload_sim_scenario *s, size_t i, char out[RELOAD_SIM_VALUE_TEXT])
{
	assert(i < COUNT_OF(rows));
	write_value(out, &rows[i], get(s, &rows[i]));
}

bool reload_sim_scenario_number(const struct reload_sim_scenario *s, size_t i, double *out)
{
	assert(i < COUNT_OF(rows));
	if (rows[i].choices)
		return false;
	double unit = rows[i].type == TYPE_TIME    ? RELOAD_SECOND
		      : rows[i].type == TYPE_SHARE ? PERCENT
						   : 1;
	*out = get(s, &rows[i]) / unit;
	return true;
}
