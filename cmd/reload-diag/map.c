/* reload-diag map: the ring as text, sentences, SVG, DOT or a page (overlay.map). */
#include "reload-diag/map.h"

#include "reload-diag/diag.h"
#include "reload-diag/values.h"

#include "common/call.h"
#include "common/files.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

const struct cli_opt diag_map_opts[] = {
	{ 0, "depth", "N", "fingers of each peer that are looked up, 0 to 16 (default 4)" },
	{ 0, "max", "N", "peers at most, 1 to 10000 (default 1000)" },
	{ 0, "rate", "N", "requests in a second, 1 to 1000 (default 100)" },
	{ 0, "from", "TARGET", "the node to begin with (default self)" },
	{ 0, "format", "text|svg|dot|html", "how it is drawn (default text)" },
	{ 0, "describe", NULL, "in sentences" },
	{ 'o', "output", "FILE", "where it goes (default: standard output)" },
	CLI_END,
};

enum {
	WIDTH_DEFAULT = 80,
	WIDTH_MIN = 30
};

static const char *const formats[] = { "text", "svg", "dot", "html" };

enum format {
	TEXT,
	SVG,
	DOT,
	HTML,
	FORMATS
};

struct map_job {
	struct cli *cli;
	enum format format;
	const char *path; /* NULL: standard output */
};

static size_t width_of(FILE *out)
{
	struct winsize w = { 0 };
	const char *columns = getenv("COLUMNS");
	unsigned long n = columns ? strtoul(columns, NULL, 10) : 0;
	if (!n && isatty(fileno(out)) && !ioctl(fileno(out), TIOCGWINSZ, &w))
		n = w.ws_col;
	return !n ? WIDTH_DEFAULT : n < WIDTH_MIN ? WIDTH_MIN : n;
}

static void draw(FILE *out, const json_t *o, void *arg)
{
	const struct map_job *job = arg;
	if (cli_has(job->cli, "describe")) {
		map_describe(out, o);
		return;
	}
	switch (job->format) {
	case SVG:
		map_svg(out, o);
		break;
	case DOT:
		map_dot(out, o);
		break;
	case HTML:
		map_html(out, o);
		break;
	case TEXT:
	case FORMATS:
		map_text(out, o, width_of(stdout), diag_utf8());
	}
}

/* Draws into memory and writes the file. */
static enum reload_err draw_file(
	struct map_job *job, const json_t *o, struct reload_error_text *why)
{
	char *bytes = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&bytes, &len);
	assert(out); /* memory that is not there ends the program, as everywhere */
	draw(out, o, job);
	fclose(out);
	enum reload_err err =
		cli_file_write(job->path, span_of(bytes, len), job->cli->deadline, why);
	free(bytes);
	return err;
}

/* Whether it is null, or has nothing but hex digits. */
static bool is_hex(const json_t *v)
{
	const char *text = json_string_value(v);
	return json_is_null(v) || (text && !text[strspn(text, "0123456789abcdef")]);
}

/* Whether all Node-IDs are digits.  They are drawn as they are, and what is none could be markup in a picture, or steer a terminal. */
static bool ids_valid(const json_t *map)
{
	const json_t *p, *v;
	size_t i, k;
	json_array_foreach (json_object_get(map, "peers"), i, p) {
		if (!is_hex(json_object_get(p, "node_id")) ||
			!is_hex(json_object_get(p, "successor")))
			return false;
		json_array_foreach (json_object_get(p, "fingers"), k, v)
			if (!is_hex(v))
				return false;
		json_array_foreach (json_object_get(p, "faults"), k, v)
			if (!is_hex(json_object_get(v, "node_id")))
				return false;
	}
	return true;
}

static int map_status(const json_t *o)
{
	return reload_err_exit(cli_get_bool(o, "complete") ? RELOAD_OK : RELOAD_PARTIAL);
}

/* Prints what the agent answered; returns the exit status. */
static int map_show(struct map_job *job, const json_t *o)
{
	struct reload_error_text why;
	enum reload_err err = RELOAD_OK;
	bool drawn = job->path || job->cli->format == CLI_TEXT;
	if (drawn && !ids_valid(o)) {
		err = reload_error_explain(&why, RELOAD_BAD_ANSWER, "the ring cannot be drawn",
			"the agent named a peer by something that is not a Node-ID");
		reload_error_advise(&why, "reload-diag map --json shows what it answered");
	} else if (job->path) {
		err = draw_file(job, o, &why);
	} else {
		cli_print_own(job->cli, o, draw, job);
	}
	return err ? cli_fail(job->cli, err, &why) : map_status(o);
}

static bool on_progress(void *arg, json_t *o)
{
	cli_progress(arg, "%lld of %lld known peer%s asked", cli_get_int(o, "asked"),
		cli_get_int(o, "known"), cli_plural(cli_get_int(o, "known")));
	return true;
}

static enum reload_err read_options(
	struct map_job *job, json_t *params, struct reload_error_text *why)
{
	static const struct {
		const char *option, *name;
		uint64_t otherwise, min, max;
	} numbers[] = { { "depth", "fingers", 4, 0, 16 }, { "max", "max_peers", 1000, 1, 10000 },
		{ "rate", "rate", 100, 1, 1000 } };
	const char *format = cli_value(job->cli, "format", formats[TEXT]);
	enum reload_err err = RELOAD_OK;
	for (size_t i = 0; !err && i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint64_t v;
		err = cli_number(job->cli, numbers[i].option, numbers[i].otherwise, numbers[i].min,
			numbers[i].max, &v, why);
		if (!err)
			json_object_set_new(params, numbers[i].name, json_integer((json_int_t)v));
	}
	while (!err && job->format < FORMATS && strcmp(formats[job->format], format))
		job->format++;
	if (!err && job->format == FORMATS)
		err = cli_refuse(why, "--format is text, svg, dot or html", format);
	job->path = cli_value(job->cli, "output", NULL);
	if (job->path && !strcmp(job->path, "-"))
		job->path = NULL;
	/* without --timeout a map may take as long as its requests do */
	if (!err && !cli_has(job->cli, "timeout"))
		job->cli->deadline = RELOAD_NEVER;
	return err;
}

static int map_run(struct map_job *job, json_t *params, int stop)
{
	struct cli_link *link;
	struct reload_error_text why;
	struct reload_call_error error;
	json_t *o = NULL;
	enum reload_err err = cli_link_open(&link, job->cli, CLI_LINK_NOW, stop, &why);
	if (err) {
		json_decref(params);
		return cli_fail(job->cli, err, &why);
	}
	int status;
	if (cli_link_call(link, "overlay.map", params, job->cli->deadline, on_progress, job->cli,
		    &o, &error))
		status = cli_fail_rpc(job->cli, &error);
	else
		status = map_show(job, o);
	json_decref(o);
	cli_link_free(link);
	return status;
}

int diag_map(struct cli *cli)
{
	struct map_job job = { .cli = cli };
	struct reload_error_text why;
	enum reload_err err = diag_words_check(cli, "from", &why);
	if (err)
		return cli_fail(cli, err, &why);
	json_t *params = json_pack("{s:s}", "target", cli_value(cli, "from", "self"));
	err = read_options(&job, params, &why);
	if (err) {
		json_decref(params);
		return cli_fail(cli, err, &why);
	}
	int stop = cli_stop_signals();
	int status = map_run(&job, params, stop);
	cli_stop_end(stop);
	return status;
}
