/*
 * The log of the agent: levels per part, one line each, a ring of the newest.  It never stops the agent: a line that cannot be
 * written at once is dropped and counted, and so are lines of one cause beyond one a minute (below debug level; there,
 * beyond a hundred a second), because anybody who can reach the port can cause lines.
 */
#pragma once

#include "engine/host.h"

#include <jansson.h>
#include <stdio.h>

enum {
	AGENT_LOG_LINES = 10000,
	AGENT_LOG_LINE = 512 /* bytes of a line's text; longer ones are cut */
};

struct agent_log;

/* One line, as followers see it: {time,level,part,text,repeated} (borrowed). */
typedef void (*agent_log_follower)(void *arg, json_t *line);

/*
 * agent_log_new() makes a log (owned).  to: "stderr", "journal" (with fields; where no journald answers, standard error with the priority in front, as it reads
 * that), "auto" (journal under systemd, else stderr) or the path of a file, which is appended to; a FIFO needs no reader yet.
 * RELOAD_IO.
 */
enum reload_err agent_log_new(
	struct agent_log **out, const char *to, struct reload_error_text *why) MUST_CHECK;
void agent_log_free(struct agent_log *log);

/*
 * agent_log_name() says which instance (borrowed) writes the log, agent_log_about() which event (borrowed, NULL: none) the lines to come are about, until the next
 * call: the journal has fields for them.
 */
void agent_log_name(struct agent_log *log, const char *instance);
void agent_log_about(struct agent_log *log, const struct reload_event *event);

/* agent_log_levels() reads "LEVEL" or "PART=LEVEL", separated by commas; RELOAD_USAGE and nothing changed when wrong. */
enum reload_err agent_log_levels(
	struct agent_log *log, const char *text, struct reload_error_text *why) MUST_CHECK;
json_t *agent_log_levels_json(const struct agent_log *log);

/* agent_log_part() returns the name (static) of the part with that index, NULL after the last one. */
const char *agent_log_part(size_t index);

/* agent_log_wants() returns whether a line of that part and level would be logged. */
bool agent_log_wants(const struct agent_log *log, const char *part, enum reload_event_level level);

/*
 * agent_log() adds a line: "what key=value ...".  Never for keys or passwords.  Its cause is fmt; agent_log_cause() names another
 * one, a static text and a number, where one format serves several.
 */
void agent_log(struct agent_log *log, const char *part, enum reload_event_level level,
	const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void agent_log_cause(struct agent_log *log, const char *part, enum reload_event_level level,
	const char *cause, unsigned detail, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

/*
 * agent_log_reopen() opens the file of the log again, as it may have been moved away; without a file it does nothing.  When that
 * fails the old one stays: RELOAD_IO with why.
 */
enum reload_err agent_log_reopen(struct agent_log *log, struct reload_error_text *why) MUST_CHECK;

/* agent_log_event() adds the line of an event. */
void agent_log_event(struct agent_log *log, const struct reload_event *event);

/* agent_level_name() returns "error" and so on. */
const char *agent_level_name(enum reload_event_level level);

/* agent_log_tail() returns the newest lines (owned list), oldest first. */
json_t *agent_log_tail(const struct agent_log *log, size_t lines);

/* agent_log_follow() sets the function that is called with each new line; NULL: none. */
void agent_log_follow(struct agent_log *log, agent_log_follower fn, void *arg);

/* agent_event_json() returns the event as events print it (owned). */
json_t *agent_event_json(const struct reload_event *event);
