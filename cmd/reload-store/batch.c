/*
 * --batch: requests as JSON Lines.  Up to WINDOW of them are under way at a time; their results are printed in the order of
 * the lines.  A line waits for those before it that name the same place, so that the last one of them is what stays.  A
 * line that cannot be read, or is too long, is an error of that line alone.
 */
#include "store.h"

#include "control/fields.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	WINDOW = 64,                    /* lines from the oldest without a result to the newest */
	WINDOW_BYTES = 4 * 1024 * 1024, /* of requests under way */
	LINE_MAX_BYTES = 1000 * 1024,   /* the maximum for one request of the control socket */
	CHUNK = 64 * 1024
};

/* A line that was sent, or whose result waits until those of earlier lines were printed. */
struct slot {
	size_t line, bytes;
	json_int_t id; /* 0: not sent */
	json_t *place; /* target, Kind and place as the line gives them */
	json_t *result, *error;
	enum reload_err err;
};

struct batch {
	struct cli *cli;
	struct cli_link *link;
	int in, stop;   /* descriptors */
	struct wr rest; /* bytes that were read and are not a whole line yet */
	bool at_end, stopped;
	bool skipping;          /* skipping the rest of a line that is too long */
	enum reload_err unread; /* why the input ended early; lines before that are still stored */
	enum reload_err
		broken; /* the connection, or the time: nothing more can be sent or received */
	struct reload_error_text why;
	size_t line;               /* lines read so far */
	struct slot slots[WINDOW]; /* ring in the order of sending; the index is modulo WINDOW */
	size_t first, next, bytes; /* indexes of slots */
	size_t under_way;          /* without a result */
	size_t done, failed, first_failed;
};

static const struct reload_field *const line_fields = FIELDS({ TEXT("target"), OPTIONAL },
	{ KIND("kind"), OPTIONAL }, { INT("index", 0, UINT32_MAX), OPTIONAL },
	{ BOOL("append"), OPTIONAL }, { TEXT("key"), OPTIONAL }, { BOOL("exists"), OPTIONAL },
	{ BASE64("value"), OPTIONAL, ATMOST(LINE_MAX_BYTES) },
	{ TEXT("text"), OPTIONAL, ATMOST(LINE_MAX_BYTES) },
	{ INT("lifetime_s", 1, UINT32_MAX), OPTIONAL }, { U64("generation"), OPTIONAL },
	{ BOOL("keep"), OPTIONAL });

/* -- output, in the order of the lines ------------------------------------------------------------------------------- */

static void print_line(FILE *out, const json_t *result, void *arg)
{
	fprintf(out, "line %lld: ", cli_get_int(result, "line"));
	store_print(out, result, arg);
}

static void print_error(struct cli *cli, const struct slot *s)
{
	if (cli->format != CLI_TEXT) {
		json_t *o = json_pack("{s:I, s:O}", "line", (json_int_t)s->line, "error", s->error);
		cli_print(cli, o, NULL, NULL);
		json_decref(o);
		return;
	}
	struct reload_error_text why;
	char what[256];
	snprintf(what, sizeof(what), "line %zu: %.200s", s->line, cli_get_text(s->error, "what"));
	reload_error_explain(&why, s->err, what, "%s", cli_get_text(s->error, "why"));
	if (*cli_get_text(s->error, "try"))
		reload_error_advise(&why, "%s", cli_get_text(s->error, "try"));
	(void)cli_fail(cli, s->err, &why);
}

static void print_slot(struct batch *b, struct slot *s)
{
	struct cli *cli = b->cli;
	if (s->error) {
		b->failed++;
		if (!b->first_failed)
			b->first_failed = s->line;
		print_error(cli, s);
	} else {
		b->done++;
		json_object_set_new(s->result, "line", json_integer((json_int_t)s->line));
		if (cli->format != CLI_TEXT || !cli->quiet)
			cli_print(cli, s->result, print_line, NULL);
	}
	json_decref(s->result);
	json_decref(s->error);
	json_decref(s->place);
	*s = (struct slot){ 0 };
}

static void print_ready(struct batch *b)
{
	while (b->first < b->next) {
		struct slot *s = &b->slots[b->first % WINDOW];
		if (!s->result && !s->error)
			return;
		print_slot(b, s);
		b->first++;
	}
}

static void slot_fail(struct slot *s, enum reload_err err, const struct reload_error_text *why)
{
	struct reload_failure f = { .err = err, .why = *why };
	s->err = err;
	s->error = reload_failure_json(&f);
}

/* -- requests ---------------------------------------------------------------------------------------------------------- */

static void set_default(json_t *to, const char *key, const char *text)
{
	if (text && !json_object_get(to, key))
		json_object_set_new(to, key, json_string(text));
}

/* Moves the fields that describe the value out of o (result owned). */
static json_t *take_value(json_t *o)
{
	static const char *const names[] = { "index", "append", "key", "exists", "value", "text",
		"lifetime_s", NULL };
	json_t *value = json_object(), *field;
	for (const char *const *n = names; *n; n++)
		if ((field = json_object_get(o, *n))) {
			json_object_set(value, *n, field);
			json_object_del(o, *n);
		}
	return value;
}

static enum reload_err not_object(struct reload_error_text *why, const char *reason)
{
	reload_error_explain(why, RELOAD_USAGE, "it is no JSON object", "%.200s", reason);
	reload_error_advise(why,
		"{\"target\":\"alice@calls.example\",\"kind\":\"0xf0000001\",\"text\":"
		"\"back at noon\"}");
	return RELOAD_USAGE;
}

/* The parameters of store.put (owned) for one line; the command line gives what the line leaves out. */
static enum reload_err read_line(
	json_t **out, struct batch *b, struct span line, struct reload_error_text *why)
{
	struct cli *cli = b->cli;
	json_error_t at;
	reload_ms lifetime;
	json_t *o = json_loadb((const char *)line.at, line.len, JSON_REJECT_DUPLICATES, &at);
	enum reload_err err = RELOAD_OK;
	if (!json_is_object(o))
		err = not_object(why, o ? "a request stands in braces" : at.text);
	if (!err)
		err = reload_fields_check(line_fields, o, why);
	if (!err)
		err = cli_time(cli, "lifetime", 0, &lifetime, why);
	if (!err) {
		set_default(o, "target", cli->operands_count ? cli->operands[0] : NULL);
		set_default(o, "kind", cli_kind(cli));
		if (lifetime && !json_object_get(o, "lifetime_s"))
			json_object_set_new(o, "lifetime_s",
				json_integer((json_int_t)(lifetime / RELOAD_SECOND)));
	}
	if (!err && (!json_object_get(o, "target") || !json_object_get(o, "kind")))
		err = cli_refuse(why, "no target or no kind",
			"neither the line, the command line nor RELOAD_KIND names them");
	if (err) {
		json_decref(o);
		return err;
	}
	json_t *value = take_value(o);
	json_object_set_new(o, "values", json_pack("[o]", value));
	json_object_set_new(o, "dry_run", json_boolean(cli->dry_run));
	if (cli_has(cli, "keep") && !json_object_get(o, "keep"))
		json_object_set_new(o, "keep", json_true());
	*out = o;
	return RELOAD_OK;
}

static void broke(struct batch *b, enum reload_err err, struct reload_call_error *error)
{
	b->broken = err;
	b->stopped |= err == RELOAD_CANCELLED;
	b->why = error->failure.why;
	reload_call_error_clear(error);
}

static bool is_blank(struct span line)
{
	for (size_t i = 0; i < line.len; i++)
		if (!memchr(" \t\r", line.at[i], 3))
			return false;
	return true;
}

/* Waits for the next result, of any line. */
static void receive(struct batch *b)
{
	json_int_t id;
	json_t *result;
	struct reload_call_error error;
	enum reload_err err = cli_link_next(b->link, &id, &result, &error);
	if (err) {
		broke(b, err, &error);
		return;
	}
	for (size_t i = b->first; i < b->next; i++) {
		struct slot *s = &b->slots[i % WINDOW];
		if (s->id != id || s->result || s->error)
			continue;
		s->result = json_incref(result);
		s->error = json_incref(error.data);
		s->err = error.failure.err ? error.failure.err : RELOAD_FAILED;
		b->bytes -= s->bytes;
		b->under_way--;
	}
	json_decref(result);
	reload_call_error_clear(&error);
}

/* Target, Kind and place of a request (owned); a request with a generation is about the whole resource. */
static json_t *place_of(const json_t *params)
{
	const json_t *value = json_array_get(json_object_get(params, "values"), 0);
	json_t *place = json_pack("{s:O, s:O}", "target", json_object_get(params, "target"), "kind",
		json_object_get(params, "kind"));
	json_object_set(place, "index", json_object_get(value, "index"));
	json_object_set(place, "key", json_object_get(value, "key"));
	json_object_set(place, "append", json_object_get(value, "append"));
	json_object_set(place, "generation", json_object_get(params, "generation"));
	return place;
}

/* Whether a line that was sent stores at the same place, or would change the generation that this one asks for. */
static bool waits(const struct batch *b, const struct slot *s)
{
	for (size_t i = b->first; i + 1 < b->next; i++) {
		const struct slot *o = &b->slots[i % WINDOW];
		if (o->result || o->error || !o->place)
			continue;
		bool counted = json_object_get(s->place, "generation") ||
			       json_object_get(o->place, "generation");
		if (json_equal(o->place, s->place) ||
			(counted && json_equal(json_object_get(o->place, "target"),
					    json_object_get(s->place, "target"))))
			return true;
	}
	return false;
}

static void on_line(struct batch *b, struct span line)
{
	struct reload_error_text why;
	struct reload_call_error error;
	json_t *params = NULL;
	b->line++;
	if (is_blank(line))
		return;
	struct slot *s = &b->slots[b->next++ % WINDOW];
	*s = (struct slot){ .line = b->line, .bytes = line.len };
	enum reload_err err = read_line(&params, b, line, &why);
	if (err) {
		slot_fail(s, err, &why);
		return;
	}
	s->place = place_of(params);
	while (waits(b, s) && !b->broken)
		receive(b);
	if (b->broken) {
		json_decref(params);
		return;
	}
	err = cli_link_send(b->link, "store.put", params, &s->id, &error);
	if (err) {
		broke(b, err, &error);
		return;
	}
	b->bytes += s->bytes;
	b->under_way++;
}

/* -- input --------------------------------------------------------------------------------------------------------------- */

/* Waits for input, a signal or the deadline; true: there is something to read. */
static bool wait_input(struct batch *b, bool block)
{
	for (;;) {
		struct pollfd fds[2] = { { .fd = b->in, .events = POLLIN },
			{ .fd = b->stop, .events = POLLIN } };
		reload_ms now = cli_monotonic(), deadline = b->cli->deadline;
		reload_ms left = deadline > now ? deadline - now : 0;
		if (!left) { /* also when the input always has more */
			b->broken = reload_error_explain(&b->why, RELOAD_TIMEOUT,
				"no more lines in time", "--timeout limits the whole batch");
			reload_error_advise(&b->why, "a longer --timeout, 0 for none");
			return false;
		}
		int n = poll(fds, 2,
			!block                     ? 0
			: deadline == RELOAD_NEVER ? -1
			: left < 60000             ? (int)left
						   : 60000);
		if (n > 0 && fds[1].revents) {
			b->stopped = true;
			return false;
		}
		if (n > 0)
			return true;
		if (!block)
			return false;
	}
}

/* Reads more; at the end of the input the rest is the last line. */
static void read_more(struct batch *b)
{
	uint8_t chunk[CHUNK];
	ssize_t n = read(b->in, chunk, sizeof(chunk));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n > 0) {
		wr_bytes(&b->rest, chunk, (size_t)n);
		return;
	}
	b->at_end = true;
	if (n == 0)
		return;
	b->unread = reload_error_explain(
		&b->why, RELOAD_IO, "the batch cannot be read", "%s", strerror(errno));
	reload_error_advise(&b->why, "ls -l %s", cli_value(b->cli, "batch", "-"));
	b->rest.len = 0; /* the beginning of a line that was too long */
}

static void on_long_line(struct batch *b)
{
	struct reload_error_text why;
	struct slot *s = &b->slots[b->next++ % WINDOW];
	*s = (struct slot){ .line = ++b->line };
	reload_error_explain(&why, RELOAD_LIMIT, "the line is too long",
		"it has more than 1000K, which no request can take");
	reload_error_advise(
		&why, "a value of at most 700K in one line, which ends with a line end");
	slot_fail(s, RELOAD_LIMIT, &why);
}

static bool take_line(struct batch *b)
{
	const uint8_t *end = b->rest.len ? memchr(b->rest.at, '\n', b->rest.len) : NULL;
	size_t len = end ? (size_t)(end - b->rest.at) : b->rest.len;
	bool whole = end || b->at_end;
	if ((!end && !len) || (!whole && !b->skipping && len <= LINE_MAX_BYTES))
		return false;
	if (!b->skipping && len <= LINE_MAX_BYTES)
		on_line(b, b->line ? span_of(b->rest.at, len)
				   : reload_text_start(span_of(b->rest.at, len)));
	else if (!b->skipping)
		on_long_line(b);
	b->skipping = !whole;
	size_t used = len + (end != NULL);
	b->rest.len -= used;
	memmove(b->rest.at, b->rest.at + used, b->rest.len);
	return true;
}

static bool has_room(const struct batch *b)
{
	return b->next - b->first < WINDOW && b->bytes < WINDOW_BYTES;
}

/* Sends lines while the window has room; waits for a result when it is full or no line has been read. */
static void work(struct batch *b)
{
	while (!b->broken && !b->stopped && !ferror(stdout)) {
		print_ready(b);
		if (has_room(b) && take_line(b))
			continue;
		if (has_room(b) && !b->at_end && !b->broken && wait_input(b, !b->under_way))
			read_more(b);
		else if (b->under_way && !b->broken && !b->stopped)
			receive(b);
		else if (b->at_end && !b->rest.len && b->first == b->next)
			return;
	}
}

/* -- the command --------------------------------------------------------------------------------------------------------- */

/* Reports lines that were sent and have no result: whether they were stored is not known. */
static void give_up(struct batch *b)
{
	struct reload_error_text why;
	enum reload_err err = b->broken ? b->broken : RELOAD_CANCELLED;
	reload_error_explain(&why, err, "no result", "%s; it may have been stored all the same",
		b->stopped ? "stopped while it was under way" : reload_err_text(err));
	reload_error_advise(&why, "reload-fetch -k KIND TARGET shows whether it was");
	for (size_t i = b->first; i < b->next; i++) {
		struct slot *s = &b->slots[i % WINDOW];
		if (!s->result && !s->error)
			slot_fail(s, err, &why);
	}
	print_ready(b);
}

static int summary(struct batch *b)
{
	struct cli *cli = b->cli;
	struct reload_error_text why;
	char what[160];
	bool given_up = b->broken && !b->stopped;
	if (!b->failed && !b->stopped && !given_up)
		return 0;
	snprintf(what, sizeof(what), "%zu line%s stored, %zu failed%s", b->done,
		cli_plural(b->done), b->failed,
		b->stopped  ? ", stopped before the end"
		: b->broken ? ", given up before the end"
			    : "");
	if (given_up)
		reload_error_explain(
			&why, RELOAD_PARTIAL, what, "%.200s: %.250s", b->why.what, b->why.reason);
	else if (b->failed)
		reload_error_explain(&why, RELOAD_PARTIAL, what,
			"the first that failed is line %zu", b->first_failed);
	else
		reload_error_explain(&why, RELOAD_PARTIAL, what, "a signal came");
	if (*b->why.advice && given_up)
		reload_error_advise(&why, "%s", b->why.advice);
	enum reload_err err = given_up ? b->broken : RELOAD_PARTIAL;
	/* with --json each line has its own failure, but an input that could not be read has no line */
	return cli->format == CLI_TEXT || given_up ? cli_fail(cli, err, &why)
						   : reload_err_exit(err);
}

static enum reload_err open_input(struct batch *b, const char *path, struct reload_error_text *why)
{
	char what[256];
	/* non-blocking: opening a pipe without a writer would ignore --timeout */
	b->in = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
				  : dup(STDIN_FILENO);
	if (b->in >= 0)
		return RELOAD_OK;
	snprintf(what, sizeof(what), "%.200s cannot be read", path);
	reload_error_explain(why, RELOAD_IO, what, "%s", strerror(errno));
	reload_error_advise(why, "ls -l %s", path);
	return RELOAD_IO;
}

int store_batch(struct cli *cli)
{
	struct batch b = { .cli = cli, .in = -1 };
	struct reload_error_text why;
	enum reload_err err = RELOAD_OK;
	wr_init(&b.rest);
	if (cli->operands_count > 1)
		err = cli_refuse(&why, "--batch takes no VALUE", "each line has its own");
	if (!err)
		err = open_input(&b, cli_value(cli, "batch", "-"), &why);
	b.stop = cli_stop_signals();
	if (!err)
		err = cli_link_open(&b.link, cli, CLI_LINK_NOW, b.stop, &why);
	int status = err ? cli_fail(cli, err, &why) : 0;
	if (!err) {
		work(&b);
		if (!b.broken)
			b.broken = b.unread;
		give_up(&b);
		status = summary(&b);
	}
	cli_link_free(b.link);
	wr_clear(&b.rest);
	if (b.in >= 0)
		close(b.in);
	cli_stop_end(b.stop);
	return status;
}
