/* reload-diag capture: the messages of an agent, as pcapng or as text. */
#include "reload-diag/diag.h"
#include "reload-diag/pcapng.h"
#include "reload-diag/values.h"

#include "common/call.h"
#include "util/id.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const struct cli_opt diag_capture_opts[] = {
	{ 'o', "output", "FILE",
		"as pcapng into this file, - is standard output (default: a line each)" },
	{ 'c', "count", "COUNT", "end after that many messages (default 0: until stopped)" },
	CLI_END,
};

const char diag_capture_fields[] =
	"type:string time:string direction:string link:integer node_id:string? transaction:string? "
	"code:string? message:string | type:string messages:string dropped:string";

struct capture {
	struct cli *cli;
	FILE *file; /* NULL: lines or JSON on standard output */
	uint64_t most, seen;
	int broken; /* errno of the write that failed; 0: none */
};

static void print_message(FILE *out, const json_t *o, void *arg)
{
	char node[CLI_SHORT_ID];
	const char *code = cli_get_text(o, "code"), *id = cli_get_text(o, "node_id");
	(void)arg;
	const char *time = cli_get_text(o, "time"), *clock = strchr(time, 'T');
	fprintf(out, "%.23s  %-3s  %-8s  %-16s  %s  %zu bytes\n", clock ? clock + 1 : time,
		cli_get_text(o, "direction"), *id ? cli_short_id(node, id) : "-",
		*code ? code : "(fragment)", cli_get_text(o, "transaction"),
		strlen(cli_get_text(o, "message")) / 4 * 3);
}

static uint64_t time_ms(const char *rfc3339)
{
	struct tm t = { 0 };
	const char *rest = strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &t);
	return rest ? (uint64_t)timegm(&t) * 1000 + (*rest == '.' ? strtoul(rest + 1, NULL, 10) : 0)
		    : 0;
}

/* Writes w at once and clears it. */
static void write_blocks(struct capture *c, struct wr *w)
{
	errno = 0;
	if (fwrite(w->at, 1, w->len, c->file) != w->len || fflush(c->file))
		c->broken = errno ? errno : EIO;
	wr_clear(w);
}

/* One packet in one write, so that a capture that is cut off has whole blocks. */
static void write_packet(struct capture *c, const json_t *o)
{
	const char *text = cli_get_text(o, "message");
	char comment[160];
	uint8_t *bytes = NULL;
	size_t len = 0;
	struct wr w;
	if (reload_unbase64(&bytes, &len, text, strlen(text)))
		return;
	snprintf(comment, sizeof(comment), "%s %s, link %lld, transaction %s, %s",
		cli_get_text(o, "direction"), cli_get_text(o, "node_id"), cli_get_int(o, "link"),
		cli_get_text(o, "transaction"), cli_get_text(o, "code"));
	wr_init(&w);
	pcapng_packet(&w, time_ms(cli_get_text(o, "time")),
		!strcmp(cli_get_text(o, "direction"), "in"), span_of(bytes, len), comment);
	write_blocks(c, &w);
	free(bytes);
}

static bool on_message(void *arg, json_t *o)
{
	struct capture *c = arg;
	c->seen++;
	if (c->file)
		write_packet(c, o);
	else
		cli_print(c->cli, o, print_message, NULL);
	return !c->broken && (!c->most || c->seen < c->most);
}

static enum reload_err not_written(const char *path, int code, struct reload_error_text *why)
{
	enum reload_err err = reload_error_explain(why, RELOAD_IO, path, "%s", strerror(code));
	reload_error_advise(why, code == ENOSPC ? "-o FILE on a disk with room"
						: "-o FILE in a directory that can be written");
	return err;
}

/*
 * Opens a file that the user named, -1 with errno.  A capture shows what messages say, so it is for its owner alone, also when the file was there
 * before.  A pipe that nobody reads is an error: waiting for its reader could not be interrupted.
 */
static int path_open(const char *path)
{
	struct stat st;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0600);
	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && (!S_ISREG(st.st_mode) || !fchmod(fd, 0600)) &&
		!fcntl(fd, F_SETFL, 0))
		return fd;
	int code = errno;
	close(fd);
	errno = code;
	return -1;
}

static enum reload_err file_open(struct capture *c, struct reload_error_text *why)
{
	const char *path = cli_value(c->cli, "output", NULL);
	struct wr w;
	if (!path)
		return RELOAD_OK;
	int fd = strcmp(path, "-") ? path_open(path) : dup(STDOUT_FILENO);
	c->file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!c->file)
		return not_written(path, errno, why);
	setvbuf(c->file, NULL, _IOFBF, 2 * PCAPNG_SNAPLEN);
	wr_init(&w);
	pcapng_begin(&w, "reload-diag " RELOAD_VERSION);
	write_blocks(c, &w);
	return c->broken ? not_written(path, c->broken, why) : RELOAD_OK;
}

/* FILTER: node:HEX in full, or the name of a message. */
static enum reload_err read_filter(
	const struct cli *cli, json_t *params, struct reload_error_text *why)
{
	const char *text = cli->operands_count ? cli->operands[0] : NULL;
	struct reload_id id;
	if (!text)
		return RELOAD_OK;
	if (strncmp(text, "node:", 5)) {
		json_object_set_new(params, "code", json_string(text));
		return RELOAD_OK;
	}
	if (reload_id_from_hex(&id, text + 5) || id.len < 16)
		return cli_refuse(why, "the Node-ID of FILTER is not whole", text);
	char hex[RELOAD_ID_HEX];
	json_object_set_new(params, "node_id", json_string(reload_id_hex(hex, &id)));
	return RELOAD_OK;
}

static int capture_run(struct capture *c, json_t *params, int stop)
{
	struct cli_link *link;
	struct reload_error_text why;
	struct reload_call_error error;
	json_t *result = NULL;
	enum reload_err err = cli_link_open(&link, c->cli, CLI_LINK_NOW, stop, &why);
	if (err) {
		json_decref(params);
		return cli_fail(c->cli, err, &why);
	}
	err = file_open(c, &why); /* not before: without an agent an older capture stays as it is */
	if (err) {
		json_decref(params);
		cli_link_free(link);
		return cli_fail(c->cli, err, &why);
	}
	int status = 0;
	err = cli_link_call(
		link, "agent.capture", params, c->cli->deadline, on_message, c, &result, &error);
	/* cancelled: enough messages, or a signal; the agent ended: with a summary, or without one when it was killed */
	if (err && err != RELOAD_CANCELLED && err != RELOAD_TIMEOUT)
		status = cli_fail_rpc(c->cli, &error);
	else if (err)
		reload_call_error_clear(&error);
	if (!status && c->broken)
		status = cli_fail(c->cli,
			not_written(cli_value(c->cli, "output", NULL), c->broken, &why), &why);
	if (!status && c->file && !c->cli->quiet)
		fprintf(stderr, "%llu message%s captured\n", (unsigned long long)c->seen,
			cli_plural((long long)c->seen));
	json_decref(result);
	cli_link_free(link);
	return status;
}

int diag_capture(struct cli *cli)
{
	struct capture c = { .cli = cli };
	struct reload_error_text why;
	json_t *params = json_object();
	enum reload_err err = diag_words_check(cli, NULL, &why);
	if (!err)
		err = cli_number(cli, "count", 0, 0, INT64_MAX, &c.most, &why);
	if (!err)
		err = read_filter(cli, params, &why);
	if (err) {
		json_decref(params);
		return cli_fail(cli, err, &why);
	}
	if (!cli_has(cli, "timeout"))
		cli->deadline = RELOAD_NEVER;
	int stop = cli_stop_signals();
	int status = capture_run(&c, params, stop);
	if (c.file)
		fclose(c.file);
	cli_stop_end(stop);
	return status;
}
