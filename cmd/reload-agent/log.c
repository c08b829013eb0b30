/* The log of the agent. */
#include "log.h"

#include "common/output.h"
#include "util/alloc.h"
#include "util/plain.h"
#include "wire/message.h"

#include "log_file.h"
#include "log_journal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum {
	LEVELS = 5,
	CAUSES_MAX = 128,   /* the one without a line for the longest time is replaced */
	CAUSE_MS = 60000,   /* one line of a cause in this time */
	DETAILED_MS = 1000, /* of debug and trace: as many as DETAILED in this time */
	DETAILED = 100
};

static const char *const level_names[LEVELS] = { "error", "warn", "info", "debug", "trace" };
static const char *const parts[] = { "agent", "config", "control", "ident", "link", "peer", "route",
	"storage", "topology" };

/* A cause of lines, and how many of its lines were not written since the last written one. */
struct cause {
	const char *format; /* static; NULL: free */
	unsigned detail;
	const char *part;
	enum reload_event_level level;
	reload_utc since; /* the beginning of the time in which its lines are counted */
	unsigned lines;
	uint64_t unreported, place; /* place: of its newest line in the ring */
};

struct line {
	reload_utc time;
	enum reload_event_level level;
	const char *part;
	uint64_t repeated;
	char text[AGENT_LOG_LINE];
};

struct agent_log {
	struct agent_log_file file;
	bool journal;
	struct agent_log_journal fields;  /* of the journal */
	const struct reload_event *event; /* that is being logged; NULL: none */
	enum reload_event_level levels[COUNT_OF(parts)], general;
	struct line *ring;
	size_t first, count;
	uint64_t added; /* lines since the start */
	struct cause causes[CAUSES_MAX];
	reload_utc checked; /* when quiet causes were last searched for */
	agent_log_follower follower;
	void *follower_arg;
};

const char *agent_log_part(size_t index)
{
	return index < COUNT_OF(parts) ? parts[index] : NULL;
}

const char *agent_level_name(enum reload_event_level level)
{
	return level_names[level];
}

/* The index in parts; COUNT_OF(parts) when there is no part of that name. */
static size_t part_index(const char *part, size_t len)
{
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		if (strlen(parts[i]) == len && memcmp(parts[i], part, len) == 0)
			return i;
	return COUNT_OF(parts);
}

static bool level_parse(enum reload_event_level *out, const char *text, size_t len)
{
	for (size_t i = 0; i < LEVELS; i++)
		if (strlen(level_names[i]) == len && memcmp(level_names[i], text, len) == 0) {
			*out = (enum reload_event_level)i;
			return true;
		}
	return false;
}

enum reload_err agent_log_new(struct agent_log **out, const char *to, struct reload_error_text *why)
{
	struct agent_log *log = RELOAD_NEW(agent_log);
	log->journal =
		strcmp(to, "journal") == 0 || (strcmp(to, "auto") == 0 && agent_log_journal_here());
	bool to_file = !log->journal && strcmp(to, "auto") != 0 && strcmp(to, "stderr") != 0;
	enum reload_err err = agent_log_file_open(&log->file, to_file ? to : NULL, why);
	if (err) {
		free(log);
		return err;
	}
	log->fields.fd = -1;
	if (log->journal)
		agent_log_journal_open(&log->fields);
	log->general = RELOAD_LEVEL_INFO;
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		log->levels[i] = RELOAD_LEVEL_INFO;
	*out = log;
	return RELOAD_OK;
}

enum reload_err agent_log_reopen(struct agent_log *log, struct reload_error_text *why)
{
	return agent_log_file_reopen(&log->file, why);
}

static void causes_report(struct agent_log *log, reload_utc now, bool all);

void agent_log_name(struct agent_log *log, const char *instance)
{
	log->fields.instance = instance;
}

void agent_log_about(struct agent_log *log, const struct reload_event *event)
{
	log->event = event;
}

void agent_log_free(struct agent_log *log)
{
	if (!log)
		return;
	causes_report(log, cli_now(), true);
	agent_log_file_close(&log->file);
	agent_log_journal_close(&log->fields);
	free(log->ring);
	free(log);
}

static enum reload_err bad_level(struct reload_error_text *why, const char *text, size_t len)
{
	char what[128];
	snprintf(what, sizeof(what), "no such log level: %.*s", (int)(len < 80 ? len : 80), text);
	reload_error_explain(why, RELOAD_USAGE, what,
		"levels are error, warn, info, debug, trace; parts are agent, config, control, "
		"ident, link, "
		"peer, route, storage, topology");
	reload_error_advise(why, "info,link=debug");
	return RELOAD_USAGE;
}

enum reload_err agent_log_levels(
	struct agent_log *log, const char *text, struct reload_error_text *why)
{
	enum reload_event_level levels[COUNT_OF(parts)], general = log->general;
	memcpy(levels, log->levels, sizeof(levels));
	for (const char *at = text;; at++) {
		size_t len = strcspn(at, ","), name = strcspn(at, "=,");
		enum reload_event_level level;
		if (name < len) {
			size_t part = part_index(at, name);
			if (part == COUNT_OF(parts) ||
				!level_parse(&level, at + name + 1, len - name - 1))
				return bad_level(why, at, len);
			levels[part] = level;
		} else {
			if (!level_parse(&level, at, len))
				return bad_level(why, at, len);
			general = level;
			for (size_t i = 0; i < COUNT_OF(parts); i++)
				levels[i] = level;
		}
		at += len;
		if (!*at)
			break;
	}
	memcpy(log->levels, levels, sizeof(levels));
	log->general = general;
	return RELOAD_OK;
}

json_t *agent_log_levels_json(const struct agent_log *log)
{
	json_t *list = json_array();
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "part", parts[i], "level",
						    level_names[log->levels[i]]));
	return json_pack("{s:s, s:o}", "level", level_names[log->general], "parts", list);
}

bool agent_log_wants(const struct agent_log *log, const char *part, enum reload_event_level level)
{
	size_t i = part_index(part, strlen(part));
	assert(i < COUNT_OF(parts));
	return level <= log->levels[i];
}

/* Timestamps only where nobody else adds them; the journal takes the priority from <N>. */
static void write_line(struct agent_log *log, reload_utc time, enum reload_event_level level,
	const char *part, const char *text)
{
	static const int priority[LEVELS] = { 3, 4, 6, 7, 7 };
	char when[RELOAD_UTC_TEXT], line[AGENT_LOG_LINE + 128];
	if (agent_log_journal_write(&log->fields, priority[level], part, text, log->event))
		return;
	int len =
		log->journal
			? snprintf(line, sizeof(line), "<%d>%s: %s\n", priority[level], part, text)
			: snprintf(line, sizeof(line), "%s %-5s %s: %s\n",
				  reload_utc_text(when, time), level_names[level], part, text);
	agent_log_file_write(&log->file, line, (size_t)len);
}

static struct line *newest(const struct agent_log *log)
{
	return log->count ? &log->ring[(log->first + log->count - 1) % AGENT_LOG_LINES] : NULL;
}

static json_t *line_json(const struct line *l)
{
	json_t *text = json_string(l->text); /* NULL when cut inside a UTF-8 sequence */
	return json_pack("{s:o, s:s, s:s, s:o, s:I}", "time", cli_json_time(l->time), "level",
		level_names[l->level], "part", l->part, "text",
		text ? text : json_string("(not UTF-8)"), "repeated", (json_int_t)l->repeated);
}

static struct line *ring_add(struct agent_log *log)
{
	if (!log->ring)
		log->ring = reload_alloc_array(AGENT_LOG_LINES, sizeof(*log->ring));
	if (log->count == AGENT_LOG_LINES)
		log->first = (log->first + 1) % AGENT_LOG_LINES; /* the oldest line is removed */
	else
		log->count++;
	return newest(log);
}

/* -- causes ------------------------------------------------------------------------------------------------------------- */

static struct cause *cause_find(struct agent_log *log, const char *format, unsigned detail)
{
	struct cause *oldest = &log->causes[0];
	for (size_t i = 0; i < CAUSES_MAX; i++) {
		struct cause *c = &log->causes[i];
		if (c->format && c->detail == detail && strcmp(c->format, format) == 0)
			return c;
		if (!c->format || (oldest->format && c->since < oldest->since))
			oldest = c;
		if (!c->format)
			break; /* all entries after it are free as well */
	}
	*oldest = (struct cause){ .format = format, .detail = detail };
	return oldest;
}

/* Adds a line to the ring and to the file, and gives it to the follower. */
static void add(struct agent_log *log, struct cause *c, reload_utc now, const char *text)
{
	struct line *l = ring_add(log);
	*l = (struct line){ .time = now, .level = c->level, .part = c->part };
	snprintf(l->text, sizeof(l->text), "%s", text);
	c->place = ++log->added;
	write_line(log, now, l->level, l->part, l->text);
	if (!log->follower)
		return;
	json_t *line = line_json(l);
	log->follower(log->follower_arg, line);
	json_decref(line);
}

/* Counts a line that is not written; the last written line of the cause shows the number. */
static void count_unreported(struct agent_log *log, struct cause *c)
{
	uint64_t behind = log->added - c->place;
	c->unreported++;
	if (c->place && behind < log->count)
		log->ring[(log->first + log->count - 1 - behind) % AGENT_LOG_LINES].repeated++;
}

/* Logs how many lines were not written, for each cause that had none for a minute (all: for every cause). */
static void causes_report(struct agent_log *log, reload_utc now, bool all)
{
	char text[AGENT_LOG_LINE], when[RELOAD_UTC_TEXT];
	for (size_t i = 0; i < CAUSES_MAX && log->causes[i].format; i++) {
		struct cause *c = &log->causes[i];
		if (!c->unreported || (!all && now - c->since < CAUSE_MS && now >= c->since))
			continue;
		uint64_t behind = log->added - c->place;
		const char *first = behind < log->count
					    ? log->ring[(log->first + log->count - 1 - behind) %
							 AGENT_LOG_LINES]
						      .text
					    : c->format;
		snprintf(text, sizeof(text), "%" PRIu64 " more since %s like: %.300s",
			c->unreported, reload_utc_text(when, c->since), first);
		c->unreported = 0;
		c->since = now;
		c->lines = 1;
		add(log, c, now, text);
	}
	log->checked = now;
}

/* Whether a line of c is to be written now. */
static bool is_due(struct cause *c, enum reload_event_level level, reload_utc now)
{
	bool detailed = level >= RELOAD_LEVEL_DEBUG;
	reload_utc period = detailed ? DETAILED_MS : CAUSE_MS;
	if (!c->lines || now - c->since >= period || now < c->since) {
		c->since = now;
		c->lines = 0;
	}
	return ++c->lines <= (detailed ? DETAILED : 1);
}

static void line_vadd(struct agent_log *log, const char *part, enum reload_event_level level,
	const char *format, unsigned detail, const char *fmt, va_list ap)
{
	char text[AGENT_LOG_LINE];
	reload_utc now = cli_now();
	size_t i = part_index(part, strlen(part));
	if (now - log->checked >= CAUSE_MS / 6 || now < log->checked)
		causes_report(log, now, false);
	struct cause *c = cause_find(log, format, detail);
	c->level = level;
	assert(i < COUNT_OF(parts));
	c->part = parts[i];
	if (!is_due(c, level, now)) {
		count_unreported(log, c);
		return;
	}
	int len = vsnprintf(text, sizeof(text), fmt, ap);
	if (c->unreported && len > 0 && (size_t)len < sizeof(text))
		snprintf(text + len, sizeof(text) - (size_t)len, " (%" PRIu64 " more before)",
			c->unreported);
	c->unreported = 0;
	char plain[AGENT_LOG_LINE]; /* text of other nodes must not control a terminal */
	add(log, c, now, reload_plain(plain, sizeof(plain), text));
}

void agent_log(struct agent_log *log, const char *part, enum reload_event_level level,
	const char *fmt, ...)
{
	va_list ap;
	if (!agent_log_wants(log, part, level))
		return;
	va_start(ap, fmt);
	line_vadd(log, part, level, fmt, 0, fmt, ap);
	va_end(ap);
}

void agent_log_cause(struct agent_log *log, const char *part, enum reload_event_level level,
	const char *cause, unsigned detail, const char *fmt, ...)
{
	va_list ap;
	if (!agent_log_wants(log, part, level))
		return;
	va_start(ap, fmt);
	line_vadd(log, part, level, cause, detail, fmt, ap);
	va_end(ap);
}

json_t *agent_log_tail(const struct agent_log *log, size_t lines)
{
	json_t *list = json_array();
	size_t n = lines < log->count ? lines : log->count;
	for (size_t i = log->count - n; i < log->count; i++)
		json_array_append_new(
			list, line_json(&log->ring[(log->first + i) % AGENT_LOG_LINES]));
	return list;
}

void agent_log_follow(struct agent_log *log, agent_log_follower fn, void *arg)
{
	log->follower = fn;
	log->follower_arg = arg;
}
