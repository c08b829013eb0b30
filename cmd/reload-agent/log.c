/* The log of the agent. */
#include "log.h"

#include "common/output.h"
#include "util/alloc.h"
#include "wire/message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LEVELS = 5,
	REPEATS_SHOWN_MS = 10000
};

static const char *const level_names[LEVELS] = { "error", "warn", "info", "debug", "trace" };
static const char *const parts[] = { "agent", "config", "control", "ident", "link", "peer", "route",
	"storage", "topology" };

struct line {
	reload_utc time;
	enum reload_event_level level;
	const char *part;
	uint64_t repeated;
	char text[AGENT_LOG_LINE];
};

struct agent_log {
	FILE *out;
	bool owns_out, journal;
	enum reload_event_level levels[COUNT_OF(parts)], general;
	struct line *ring;
	size_t first, count;
	uint64_t repeats_untold; /* of the newest line */
	reload_utc repeats_since;
	agent_log_follower follower;
	void *follower_arg;
};

const char *agent_level_name(enum reload_event_level level)
{
	return level_names[level];
}

/* An unknown part is one of our own words that is missing in the list: it counts as the agent's. */
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

enum reload_err agent_log_new(struct agent_log **out, const char *to, struct reload_why *why)
{
	struct agent_log *log = RELOAD_NEW(agent_log);
	bool under_systemd = getenv("JOURNAL_STREAM") != NULL;
	log->journal = strcmp(to, "journal") == 0 || (strcmp(to, "auto") == 0 && under_systemd);
	log->out = stderr;
	if (!log->journal && strcmp(to, "auto") != 0 && strcmp(to, "stderr") != 0) {
		log->out = fopen(to, "ae");
		log->owns_out = true;
	}
	if (!log->out) {
		int e = errno;
		char what[256];
		snprintf(what, sizeof(what), "cannot write the log to %.200s", to);
		free(log);
		return reload_why_set(why, RELOAD_IO, what, "%s", strerror(e));
	}
	log->general = RELOAD_LEVEL_INFO;
	for (size_t i = 0; i < COUNT_OF(parts); i++)
		log->levels[i] = RELOAD_LEVEL_INFO;
	*out = log;
	return RELOAD_OK;
}

static void tell_repeats(struct agent_log *log);

void agent_log_free(struct agent_log *log)
{
	if (!log)
		return;
	tell_repeats(log);
	if (log->owns_out)
		fclose(log->out);
	free(log->ring);
	free(log);
}

static enum reload_err bad_level(struct reload_why *why, const char *text, size_t len)
{
	char what[128];
	snprintf(what, sizeof(what), "no such log level: %.*s", (int)(len < 80 ? len : 80), text);
	reload_why_set(why, RELOAD_USAGE, what,
		"levels are error, warn, info, debug, trace; parts are agent, config, control, "
		"ident, link, "
		"peer, route, storage, topology");
	reload_why_hint(why, "info,link=debug");
	return RELOAD_USAGE;
}

enum reload_err agent_log_levels(struct agent_log *log, const char *text, struct reload_why *why)
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
	return level <= (i < COUNT_OF(parts) ? log->levels[i] : log->general);
}

/* Timestamps only where nobody else adds them; the journal takes the priority from <N>. */
static void write_line(struct agent_log *log, const struct line *l, const char *text)
{
	static const int priority[LEVELS] = { 3, 4, 6, 7, 7 };
	char when[RELOAD_UTC_TEXT];
	if (log->journal)
		fprintf(log->out, "<%d>%s: %s\n", priority[l->level], l->part, text);
	else
		fprintf(log->out, "%s %-5s %s: %s\n", reload_utc_text(when, l->time),
			level_names[l->level], l->part, text);
	fflush(log->out); /* a full disk or a closed pipe costs the line, not the agent */
}

static struct line *newest(const struct agent_log *log)
{
	return log->count ? &log->ring[(log->first + log->count - 1) % AGENT_LOG_LINES] : NULL;
}

static void tell_repeats(struct agent_log *log)
{
	char text[64];
	if (!log->repeats_untold)
		return;
	snprintf(text, sizeof(text), "the line above came %" PRIu64 " more times",
		log->repeats_untold);
	write_line(log, newest(log), text);
	log->repeats_untold = 0;
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
		log->first = (log->first + 1) % AGENT_LOG_LINES; /* the oldest goes */
	else
		log->count++;
	return newest(log);
}

static void add(
	struct agent_log *log, const char *part, enum reload_event_level level, const char *text)
{
	reload_utc now = cli_now();
	struct line *last = newest(log);
	if (last && last->level == level && strcmp(last->part, part) == 0 &&
		strcmp(last->text, text) == 0) {
		if (!log->repeats_untold++)
			log->repeats_since = now;
		last->repeated++;
		if (now - log->repeats_since > REPEATS_SHOWN_MS)
			tell_repeats(log);
		return;
	}
	tell_repeats(log);
	struct line *l = ring_add(log);
	*l = (struct line){ .time = now, .level = level, .part = part };
	snprintf(l->text, sizeof(l->text), "%s", text);
	write_line(log, l, l->text);
	if (!log->follower)
		return;
	json_t *line = line_json(l);
	log->follower(log->follower_arg, line);
	json_decref(line);
}

void agent_log(struct agent_log *log, const char *part, enum reload_event_level level,
	const char *fmt, ...)
{
	char text[AGENT_LOG_LINE];
	if (!agent_log_wants(log, part, level))
		return;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?'; /* words of other nodes do not steer a terminal */
	size_t i = part_index(part, strlen(part));
	add(log, i < COUNT_OF(parts) ? parts[i] : "agent", level, text);
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
