/*
 * config publish: gives the document of the authority to a running agent, which passes it on, and then goes around the ring.  A
 * peer answers a Ping only when it has the same document as the agent (RFC 6940 s6.3.2.1), so that each answer shows one more
 * peer that has the new one; the next one is whoever is responsible for the place behind it.
 */
#include "common/call.h"
#include "reload-enroll/change.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>

const char enroll_publish_fields[] =
	"overlay:string sequence:integer previous_sequence:integer taken:boolean peers:integer "
	"complete:boolean took_ms:number last_error:string? dry_run:boolean";

enum {
	PAUSE_MS = 100 /* between two Pings of the same place, while the document is on its way */
};

struct publish {
	struct cli *cli;
	struct cli_link *link;
	int stop_fd;
	json_t *taken; /* the result of config.publish */
	struct reload_id own;
	size_t peers; /* which answered, without this agent */
	bool complete;
	char last_error[160];
};

/* Reads the document that is to be published; a person should see its faults before peers do. */
static enum reload_err read_document(struct publish *p, char **text, struct reload_config **config,
	struct reload_error_text *why)
{
	struct cli *cli = p->cli;
	char *overlay = NULL, *dir = NULL, *path = NULL;
	uint8_t *bytes = NULL;
	size_t len = 0;
	enum reload_err err = RELOAD_OK;
	if (cli->operands_count && strchr(cli->operands[0], '/')) {
		path = reload_strdup(cli->operands[0]);
	} else {
		err = cli->operands_count ? RELOAD_OK
					  : enroll_overlay(&overlay, cli, NULL, "overlay.xml", why);
		if (!err)
			err = cli_path(&dir, CLI_CONFIG, overlay ? overlay : cli->operands[0], why);
		if (!err)
			path = enroll_join(dir, "overlay.xml");
	}
	if (!err)
		err = cli_file_read(&bytes, &len, path, RELOAD_CONFIG_SIZE_MAX, cli->deadline, why);
	if (!err)
		err = cli_config_parse(config, span_of(bytes, len), path, NULL, enroll_now(), why);
	if (!err)
		*text = (char *)TAKE(bytes); /* a NUL follows it */
	free(bytes);
	free(path);
	free(overlay);
	free(dir);
	return err;
}

/* The place behind a node: its successor is responsible for it. */
static void place_after(struct reload_id *id)
{
	for (size_t i = id->len; i-- > 0 && !++id->at[i];)
		;
}

/* Whether the Ping may succeed later: the document is still on its way, or the ring is changing because of it. */
static bool is_passing(enum reload_err err)
{
	return err == RELOAD_CONFIG_TOO_OLD || err == RELOAD_CONFIG_TOO_NEW ||
	       err == RELOAD_TIMEOUT || err == RELOAD_LINK_DOWN || err == RELOAD_REQUEST_TIMEOUT;
}

/* One Ping to the place behind *at: *at becomes the peer that answered; false: it has to be tried again, or err is set. */
static bool ping_next(struct publish *p, struct reload_id *at, enum reload_err *err)
{
	char hex[RELOAD_ID_HEX], target[RELOAD_ID_HEX + 16];
	struct reload_id place = *at;
	struct reload_call_error error = { 0 };
	json_t *answer = NULL;
	place_after(&place);
	snprintf(target, sizeof(target), "resource:%s", reload_id_hex(hex, &place));
	reload_ms limit = cli_monotonic() + 5 * RELOAD_SECOND;
	*err = cli_link_call(p->link, "overlay.ping", json_pack("{s:s}", "target", target),
		limit < p->cli->deadline ? limit : p->cli->deadline, NULL, NULL, &answer, &error);
	bool ok = !*err && !reload_id_from_hex(at, cli_get_text(answer, "node_id"));
	if (*err)
		snprintf(p->last_error, sizeof(p->last_error), "%.150s", error.failure.why.reason);
	reload_call_error_clear(&error);
	json_decref(answer);
	return ok;
}

/* Goes around the ring until it is back at this agent, or the time is over. */
static enum reload_err walk(struct publish *p)
{
	struct reload_id at = p->own;
	enum reload_err err = RELOAD_OK;
	while (!p->complete) {
		if (!ping_next(p, &at, &err)) {
			if (!is_passing(err))
				return err;
			if (cli_monotonic() + PAUSE_MS >= p->cli->deadline)
				return RELOAD_PARTIAL;
			if (!cli_sleep(p->stop_fd, cli_monotonic() + PAUSE_MS))
				return RELOAD_CANCELLED;
			continue;
		}
		p->complete = reload_id_eq(&at, &p->own);
		p->peers += !p->complete;
		cli_progress(p->cli, "%zu peers have it", p->peers);
	}
	return RELOAD_OK;
}

static void print_published(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	if (cli->quiet)
		return;
	if (json_is_true(json_object_get(o, "dry_run"))) {
		fprintf(out, "would publish sequence %lld of %s; the agent has %lld\n",
			cli_get_int(o, "sequence"), cli_get_text(o, "overlay"),
			cli_get_int(o, "previous_sequence"));
		return;
	}
	fprintf(out, "%s sequence %lld of %s: this agent and %lld other peer%s %s it",
		cli_get_bool(o, "taken") ? "published" : "confirmed", cli_get_int(o, "sequence"),
		cli_get_text(o, "overlay"), cli_get_int(o, "peers"),
		cli_get_int(o, "peers") == 1 ? "" : "s",
		cli_get_bool(o, "complete") ? "have" : "are known to have");
	fprintf(out, "%s, after %.2f s\n", cli_get_bool(o, "complete") ? ", the whole ring" : "",
		cli_get_real(o, "took_ms") / 1000);
}

static void report(struct publish *p, const struct reload_config *config)
{
	json_t *o = json_pack("{s:s, s:i, s:I, s:b, s:I, s:b, s:f, s:s?, s:b}", "overlay",
		config->instance_name, "sequence", (int)config->sequence, "previous_sequence",
		(json_int_t)cli_get_int(p->taken, "previous_sequence"), "taken",
		cli_get_bool(p->taken, "taken"), "peers", (json_int_t)p->peers, "complete",
		p->complete, "took_ms", (double)(cli_monotonic() - p->cli->started), "last_error",
		*p->last_error && !p->complete ? p->last_error : NULL, "dry_run", p->cli->dry_run);
	cli_print(p->cli, o, print_published, p->cli);
	json_decref(o);
}

static int fail_partly(struct publish *p, enum reload_err err)
{
	struct reload_error_text why = { 0 };
	(void)reload_error_explain(&why, err, "not all of the ring is known to have the document",
		"%zu peers answered; behind them: %s", p->peers,
		*p->last_error ? p->last_error : "no answer in time");
	reload_error_advise(&why, "reload-enroll config publish -t 5m, which goes on asking");
	return cli_fail(p->cli, err, &why);
}

/* The walk, and what it found. */
static int follow(struct publish *p, const struct reload_config *config)
{
	enum reload_err err = walk(p);
	if (err == RELOAD_CANCELLED)
		err = RELOAD_PARTIAL;
	if (!err || p->cli->format == CLI_TEXT)
		report(p, config);
	return err ? fail_partly(p, RELOAD_PARTIAL) : 0;
}

static int publish(struct publish *p, const char *text, const struct reload_config *config)
{
	struct reload_call_error error = { 0 };
	struct reload_error_text why = { 0 };
	enum reload_err err = cli_link_open(&p->link, p->cli, CLI_LINK_NOW, p->stop_fd, &why);
	if (err)
		return cli_fail(p->cli, err, &why);
	json_t *params = json_pack("{s:s, s:b}", "document", text, "dry_run", p->cli->dry_run);
	err = cli_link_call(
		p->link, "config.publish", params, RELOAD_NEVER, NULL, NULL, &p->taken, &error);
	if (err)
		return cli_fail_rpc(p->cli, &error);
	if (reload_id_from_hex(&p->own, cli_get_text(p->taken, "node_id")))
		return cli_fail(p->cli, RELOAD_BAD_ANSWER, NULL);
	if (!p->cli->dry_run)
		return follow(p, config);
	report(p, config);
	return 0;
}

int enroll_config_publish(struct cli *cli)
{
	struct publish p = { .cli = cli, .stop_fd = -1 };
	struct reload_error_text why = { 0 };
	AUTO(reload_config) config = NULL;
	char *text = NULL;
	int status;
	enum reload_err err = read_document(&p, &text, &config, &why);
	if (err) {
		status = cli_fail(cli, err, &why);
	} else {
		p.stop_fd = cli_stop_signals();
		status = publish(&p, text, config);
		cli_stop_end(p.stop_fd);
	}
	cli_link_free(p.link);
	json_decref(p.taken);
	free(text);
	return status;
}
