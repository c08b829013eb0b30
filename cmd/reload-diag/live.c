#include "reload-diag/live.h"

#include "reload-diag/diag.h"
#include "reload-diag/values.h"

#include "common/samples.h"
#include "util/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/*
 * A row is a node at a place of the path.  Another node at that place begins a new row, behind the old one, which stays.  A hop that refuses
 * values, limits questions, or answers to RouteQuery alone is none that is lost.
 */

enum {
	ROWS_MAX = 512, /* further ones are not counted */
	NODE = 41,
	SPARK = 16,
	LINE = 512,
	WIDTH_DEFAULT = 80,
	WIDTH_MIN = 10,
	LINES_DEFAULT = 24,
	LINES_MIN = 2
};

struct row {
	long long hop;
	char node[NODE];
	unsigned sent, answered, refused, limited, silent, lost;
	struct samples rtt; /* owned */
	double last, recent[SPARK];
	unsigned measured; /* round trips; the newest are in recent */
	long long load;    /* STATUS_INFO; -1: not known */
	unsigned round;    /* the last one in which it was a hop */
};

struct live {
	struct cli *cli;
	struct row *rows; /* by hop, then by age; owned */
	size_t count, cap,
		drawn; /* drawn: lines on the terminal that the next picture takes the place of */
	unsigned rounds, dropped,
		changes; /* changes: rounds whose path was not that of the one before */
	json_t *nodes;   /* of the last path; NULL: there was none; owned */
	json_t *end;     /* of the last round; NULL: none had an end */
	bool terminal, utf8;
};

struct live *live_new(struct cli *cli)
{
	struct live *l = RELOAD_NEW(live);
	const char *term = getenv("TERM");
	l->cli = cli;
	l->terminal = cli->format == CLI_TEXT && !cli->quiet && isatty(STDOUT_FILENO) && term &&
		      strcmp(term, "dumb") != 0;
	l->utf8 = diag_utf8();
	return l;
}

void live_free(struct live *l)
{
	for (size_t i = 0; i < l->count; i++)
		samples_clear(&l->rows[i].rtt);
	free(l->rows);
	json_decref(l->nodes);
	json_decref(l->end);
	free(l);
}

/* The row of a node at a hop; NULL: there are too many. */
static struct row *row_of(struct live *l, long long hop, const char *node)
{
	size_t at = 0;
	for (; at < l->count && l->rows[at].hop <= hop; at++)
		if (l->rows[at].hop == hop && !strcmp(l->rows[at].node, node))
			return &l->rows[at];
	if (l->count == ROWS_MAX) {
		l->dropped++;
		return NULL;
	}
	reload_grow(&l->rows, &l->cap, l->count, sizeof(*l->rows));
	memmove(l->rows + at + 1, l->rows + at, (l->count++ - at) * sizeof(*l->rows));
	l->rows[at] = (struct row){ .hop = hop, .load = -1 };
	snprintf(l->rows[at].node, NODE, "%s", node);
	return &l->rows[at];
}

static void count_state(struct row *r, const char *state)
{
	if (!strcmp(state, "limited"))
		r->limited++;
	else if (!strcmp(state, "silent"))
		r->silent++;
	else if (!strcmp(state, "lost"))
		r->lost++;
	else
		r->answered++; /* an error is an answer, too */
	if (!strcmp(state, "refused"))
		r->refused++;
}

void live_hop(struct live *l, const json_t *hop)
{
	struct row *r = row_of(l, cli_get_int(hop, "hop"), cli_get_text(hop, "node_id"));
	const json_t *load = json_object_get(json_object_get(hop, "values"), "STATUS_INFO");
	if (!r)
		return;
	r->sent++;
	r->round = l->rounds;
	count_state(r, cli_get_text(hop, "state"));
	if (json_is_integer(load))
		r->load = json_integer_value(load);
	if (!json_is_number(json_object_get(hop, "rtt_ms")))
		return;
	r->last = cli_get_real(hop, "rtt_ms");
	r->recent[r->measured++ % SPARK] = r->last;
	samples_add(&r->rtt, r->last);
}

/* -- the picture ------------------------------------------------------------------------------------------------------------ */

static void put_spark(char *out, size_t size, const struct live *l, const struct row *r)
{
	static const char *const blocks[] = { "\u2581", "\u2582", "\u2583", "\u2584", "\u2585",
		"\u2586", "\u2587", "\u2588" };
	static const char *const plain[] = { "_", ".", "-", ":", "=", "+", "*", "#" };
	unsigned n = r->measured < SPARK ? r->measured : SPARK;
	double most = 0;
	size_t len = 0;
	out[0] = 0;
	for (unsigned i = 0; i < n; i++)
		most = r->recent[i] > most ? r->recent[i] : most;
	for (unsigned i = 0; i < n; i++) {
		double v = r->recent[(r->measured - n + i) % SPARK];
		int level = most > 0 ? (int)(v / most * 7.99) : 0;
		len += (size_t)snprintf(
			out + len, size - len, "%s", (l->utf8 ? blocks : plain)[level]);
	}
}

static void times_text(char out[64], struct row *r)
{
	samples_sort(&r->rtt);
	if (r->rtt.count)
		snprintf(out, 64, "%8.2f %8.2f %8.2f %8.2f", r->last, samples_at(&r->rtt, 0.5),
			samples_at(&r->rtt, 0.9), samples_at(&r->rtt, 1));
	else
		snprintf(out, 64, "%8s %8s %8s %8s", "-", "-", "-", "-");
}

static void row_text(char out[LINE], const struct live *l, struct row *r)
{
	char load[24] = "-", spark[4 * SPARK + 1], times[64];
	times_text(times, r);
	put_spark(spark, sizeof(spark), l, r);
	if (r->load >= 0)
		snprintf(load, sizeof(load), "%lld", r->load);
	snprintf(out, LINE, "%3lld  %.8s  %5u %5u %5u %5u  %s  %4s  %s%s%s%s", r->hop, r->node,
		r->sent, r->answered, r->limited, r->lost, times, load, spark,
		r->refused ? "  refuses values" : "", r->silent ? "  silent" : "",
		r->round + 1 < l->rounds ? "  path changed: not on it any more" : "");
}

static const char head[] = "hop  node       sent  answ limit  lost      last      p50      p90     "
			   "worst  load";

/* Puts a line that does not wrap: at most `width` characters of it. */
static void put_line(const char *text, size_t width)
{
	size_t bytes = 0;
	for (size_t chars = 0; text[bytes] && chars < width; chars++)
		do
			bytes++;
		while ((text[bytes] & 0xc0) == 0x80);
	printf("%.*s\n", (int)bytes, text);
}

/* The characters of a line, and the lines of a picture, that the terminal has room for. */
static void terminal_size(size_t *width, size_t *lines)
{
	struct winsize w = { 0 };
	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &w);
	*width = !w.ws_col ? WIDTH_DEFAULT : w.ws_col > WIDTH_MIN ? w.ws_col - 1u : WIDTH_MIN;
	*lines = !w.ws_row ? LINES_DEFAULT : w.ws_row > LINES_MIN ? w.ws_row - 1u : LINES_MIN;
}

/* Draws rows, and their number when not all of them fit into `lines`; returns how many lines it printed. */
static size_t draw(struct live *l, size_t width, size_t lines)
{
	char line[LINE];
	size_t shown = l->count < lines ? l->count : lines - 2;
	put_line(head, width);
	for (size_t i = 0; i < shown; i++) {
		row_text(line, l, &l->rows[i]);
		put_line(line, width);
	}
	if (shown < l->count) {
		snprintf(line, sizeof(line), "%zu more rows", l->count - shown);
		put_line(line, width);
	}
	fflush(stdout);
	return 1 + shown + (shown < l->count);
}

static json_t *nodes_of(const json_t *path)
{
	const json_t *hop;
	size_t i;
	json_t *nodes = json_array();
	json_array_foreach (path, i, hop)
		json_array_append(nodes, json_object_get(hop, "node_id"));
	return nodes;
}

void live_round(struct live *l, const json_t *result)
{
	json_t *nodes = nodes_of(json_object_get(result, "path"));
	l->changes += l->nodes && !json_equal(l->nodes, nodes);
	json_decref(l->nodes);
	l->nodes = nodes;
	json_decref(l->end);
	l->end = json_deep_copy(result);
	json_object_del(l->end, "path");
	l->rounds++;
	if (l->terminal) {
		size_t width, lines;
		terminal_size(&width, &lines);
		if (l->drawn)
			printf("\033[%zuA\033[J", l->drawn);
		l->drawn = draw(l, width, lines);
	}
}

/* -- the end ---------------------------------------------------------------------------------------------------------------- */

static json_t *row_json(struct row *r, bool on_path)
{
	samples_sort(&r->rtt);
	bool some = r->rtt.count > 0;
	json_t *o = json_pack("{s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "hop",
		(json_int_t)r->hop, "node_id", r->node, "sent", (json_int_t)r->sent, "answered",
		(json_int_t)r->answered, "refused", (json_int_t)r->refused, "limited",
		(json_int_t)r->limited, "silent", (json_int_t)r->silent, "lost",
		(json_int_t)r->lost, "on_path", (int)on_path);
	static const struct {
		const char *key;
		double part;
	} parts[] = { { "min_ms", 0 }, { "p50_ms", 0.5 }, { "p90_ms", 0.9 }, { "max_ms", 1 } };
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		json_object_set_new(o, parts[i].key,
			some ? json_real(samples_at(&r->rtt, parts[i].part)) : json_null());
	json_object_set_new(o, "load", r->load >= 0 ? json_integer(r->load) : json_null());
	return o;
}

static void print_summary(FILE *out, const json_t *o, void *arg)
{
	struct live *l = arg;
	(void)o;
	/* what no picture had room for is printed now */
	if (!l->terminal || (l->drawn && l->drawn <= l->count))
		(void)draw(l, LINE, ROWS_MAX + 1);
	fprintf(out, "%u round%s", l->rounds, cli_plural(l->rounds));
	if (l->changes)
		fprintf(out, ", path changed %u time%s", l->changes, cli_plural(l->changes));
	if (l->dropped)
		fprintf(out, ", %u hop%s not counted: more than %d rows", l->dropped,
			cli_plural(l->dropped), ROWS_MAX);
	fputs(l->end ? "; the last one: " : "\n", out);
	if (l->end)
		diag_put_end(out, l->end);
}

int live_end(struct live *l)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < l->count; i++)
		json_array_append_new(
			rows, row_json(&l->rows[i], l->rows[i].round + 1 >= l->rounds));
	json_t *o = json_pack("{s:s, s:O?, s:O?, s:b, s:I, s:I, s:I, s:o}", "type", "summary",
		"target", json_object_get(l->end, "target"), "outcome",
		json_object_get(l->end, "outcome"), "reached", (int)cli_get_bool(l->end, "reached"),
		"hops", (json_int_t)cli_get_int(l->end, "hops"), "rounds", (json_int_t)l->rounds,
		"path_changes", (json_int_t)l->changes, "rows", rows);
	cli_print(l->cli, o, print_summary, l);
	json_decref(o);
	return l->end ? diag_end_status(l->end) : reload_err_exit(RELOAD_TIMEOUT);
}
