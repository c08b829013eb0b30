#include "host.h"

#include "commands.h"
#include "complete.h"
#include "common/call.h"
#include "common/main.h"

#include <stdio.h>

/*~ 1. The guided tour begins here.  One agent is one node of one overlay.  This file is its command line; host.c is its
 * loop (2); libcore/peer/peer.h is the engine that the loop drives; cmd/reload-agent/rpc*.c are what the other programs
 * ask of it.
 */

static void print_settings(FILE *out, const json_t *object, void *arg)
{
	(void)arg;
	size_t i;
	json_t *one;
	json_array_foreach (json_object_get(object, "settings"), i, one) {
		const char *value = json_string_value(json_object_get(one, "value"));
		fprintf(out, "%-14s %-30s %s\n", json_string_value(json_object_get(one, "key")),
			value ? value : "-", json_string_value(json_object_get(one, "origin")));
	}
}

static void print_checked(FILE *out, const json_t *object, void *arg)
{
	(void)arg;
	fprintf(out, "%s  %s of %s  Node-ID %s\nlisten  ",
		json_string_value(json_object_get(object, "instance")),
		json_string_value(json_object_get(object, "user")),
		json_string_value(json_object_get(object, "overlay")),
		json_string_value(json_object_get(object, "node_id")));
	size_t i;
	json_t *one;
	json_array_foreach (json_object_get(object, "listen"), i, one)
		fprintf(out, "%s%s", i ? ", " : "", json_string_value(one));
	fprintf(out, "\nuntil   certificate %.10s, configuration sequence %lld\n",
		json_string_value(json_object_get(object, "certificate_until")),
		(long long)json_integer_value(json_object_get(object, "configuration_sequence")));
	if (json_is_true(json_object_get(object, "running")))
		fprintf(out,
			"runs    already: run would end with exit 7; reload-agent refresh -a %s "
			"takes "
			"what is new\n",
			json_string_value(json_object_get(object, "instance")));
}

/* is_running() returns whether an agent of that name serves its control socket. */
static bool is_running(const char *instance)
{
	size_t count = 0;
	char **names = cli_instances(&count);
	bool found = false;
	for (size_t i = 0; i < count; i++)
		found |= !strcmp(names[i], instance);
	cli_names_free(names, count);
	return found;
}

/* The result of `check` and `run --dry-run`: everything was read and is usable. */
static int report_checked(struct cli *cli, const struct host *h)
{
	const struct reload_credentials *c = &h->identity.credentials;
	char hex[RELOAD_ID_HEX], text[64];
	json_t *listen = json_array();
	for (size_t i = 0; i < h->listen_count; i++)
		json_array_append_new(
			listen, json_string(reload_ip_port_text(text, &h->listen[i])));
	json_t *result = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:i, s:b}", "instance",
		h->agent.instance, "overlay", h->identity.config->instance_name, "node_id",
		reload_id_hex(hex, &c->node), "user", c->cert->user, "listen", listen,
		"certificate_until", cli_json_time(c->cert->not_after), "configuration_sequence",
		(int)h->identity.config->sequence, "running", is_running(h->agent.instance));
	cli_print(cli, result, print_checked, NULL);
	json_decref(result);
	return 0;
}

static int run(struct cli *cli, bool only_check)
{
	struct reload_error_text why = { 0 };
	struct host h = { .ready_fd = -1 };
	AUTO(agent_settings) settings = NULL;
	enum reload_err err = agent_settings_new(&settings, cli, &why);
	if (err)
		return cli_fail(cli, err, &why);
	h.agent.settings = agent_settings_json(settings);
	int status = 0;
	if (cli_has(cli, "print-config")) {
		json_t *result = json_pack("{s:O}", "settings", h.agent.settings);
		cli_print(cli, result, print_settings, NULL);
		json_decref(result);
	} else if ((err = host_prepare(&h, settings, &why))) {
		status = cli_fail(cli, err, &why);
	} else {
		if (h.identity.key_readable_by_others)
			cli_warn(
				cli, "the private key in %s can be read by others", h.identity.dir);
		if (only_check || cli->dry_run)
			status = report_checked(cli, &h);
		else if ((err = host_run(&h, settings, &why)))
			status = cli_fail(cli, err, &why);
	}
	json_decref(h.agent.settings);
	host_clear(&h);
	return status;
}

static int run_agent(struct cli *cli)
{
	return run(cli, false);
}

static int run_check(struct cli *cli)
{
	return run(cli, true);
}

static const struct cli_opt common_opts[] = { CLI_COMMON, CLI_END };

static const struct cli_command commands[] = {
	{ .name = "run",
		.summary = "be a node of an overlay until stopped",
		.opts = agent_run_opts,
		.run = run_agent,
		.result = "settings:{key:string value:string? origin:string}[]" },
	{ .name = "check",
		.summary = "check what run needs and start nothing",
		.opts = agent_run_opts,
		.run = run_check,
		.result = "instance:string overlay:string node_id:string user:string "
			  "listen:string[] certificate_until:string "
			  "configuration_sequence:integer running:boolean" },
	{ .name = "status",
		.summary = "state, neighbours, links, store, dates",
		.opts = agent_status_opts,
		.result = "@agent.status",
		.run = agent_run_status },
	{ .name = "stop",
		.summary = "leave the overlay and end",
		.opts = agent_stop_opts,
		.result = "@agent.stop",
		.run = agent_run_stop },
	{ .name = "refresh",
		.summary = "read certificate, key and configuration again, open the log again",
		.opts = agent_refresh_opts,
		.result = "@agent.refresh",
		.run = agent_run_refresh },
	{ .name = "log",
		.operands = "[LEVEL[,PART=LEVEL]]",
		.max = 1,
		.summary = "show or set what is logged, and read the log",
		.opts = agent_log_opts,
		.result = "@agent.log_level --tail:log.tail",
		.run = agent_run_log },
	{ .name = "events",
		.summary = "print what happens as it happens",
		.opts = agent_events_opts,
		.result = agent_event_fields,
		.run = agent_run_events },
	{ 0 },
};

static const char *const examples[] = { "reload-agent -I alice -l 127.0.0.1:7001 --first",
	"reload-agent check -I alice", NULL };

static const struct cli_program program = {
	.name = "reload-agent",
	.summary = "Run one node of a RELOAD overlay, and ask a running one",
	.manual = "reload-agent(8)",
	.commands = commands,
	.fallback = "run",
	.opts = common_opts,
	.examples = examples,
	.complete = agent_complete,
	.exits = CLI_EXIT(3) | CLI_EXIT(4) | CLI_EXIT(7) | CLI_EXIT(9) | CLI_EXIT(10),
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
