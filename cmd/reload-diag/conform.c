/*
 * reload-diag conform: the checks of the tables of conform.h, one after the other, at a node of the overlay.  This program is a client with an
 * identity of its own; it joins nothing, and what it stores it removes.
 */
#include "reload-diag/conform.h"
#include "reload-diag/conform_report.h"
#include "reload-diag/diag.h"

#include "common/call.h"
#include "common/main.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

const struct cli_opt diag_conform_opts[] = {
	{ 'I', "identity", "NAME|DIR",
		"the identity of the checks: that of no agent that runs (default: of --agent)" },
	{ 0, "read-only", NULL, "only checks that store nothing and change nothing" },
	{ 0, "only", "ID,...", "only requirements that begin so, such as R-7.4.1" },
	{ 'W', "wait", "TIME", "for an answer, or for the end of a link (default 8s)" },
	{ 0, "tap", NULL, "results in the form of the Test Anything Protocol" },
	CLI_END,
};

enum {
	WAIT_MS = 8000,
	ALL_MS = 300000 /* without --timeout */
};

static const struct conform_check *const tables[] = { conform_links, conform_headers, conform_ways,
	conform_options, conform_contents, conform_security, conform_fragments, conform_methods,
	conform_rules, conform_reads, conform_stores };

/* -- as whom ------------------------------------------------------------------------------------------------------------- */

/* The node would take the links of two programs with one Node-ID for those of one node. */
static enum reload_err not_in_use(struct conform *c, struct reload_error_text *why)
{
	char *path;
	pid_t pid;
	if (cli_socket_path(&path, c->me.instance, false, why))
		return RELOAD_OK;
	enum reload_err err =
		reload_client_pid(&pid, path, c->me.instance, c->cli->deadline, -1, why);
	free(path);
	if (err)
		return RELOAD_OK;
	reload_error_explain(why, RELOAD_EXISTS, c->me.instance,
		"an agent runs with this identity, and the node would take both for one");
	reload_error_advise(why, "reload-enroll issue USER --identity tester, then -I tester: an "
				 "identity for checks alone");
	return RELOAD_EXISTS;
}

static enum reload_err load_identity(struct conform *c, struct reload_error_text *why)
{
	const char *name = cli_value(c->cli, "identity", cli_value(c->cli, "agent", NULL));
	if (!name)
		name = getenv("RELOAD_AGENT");
	if (!name || !*name) {
		reload_error_explain(
			why, RELOAD_USAGE, "--identity", "it says as whom the node is asked");
		reload_error_advise(why, "-I NAME, an identity that reload-enroll issue has made");
		return RELOAD_USAGE;
	}
	enum reload_err err = cli_identity_load(&c->me, name, NULL, cli_now(), why);
	if (!err && c->me.config->shared_secret) {
		reload_error_explain(why, RELOAD_BAD_CONFIG, c->me.config->instance_name,
			"links of this overlay are made by a shared secret, which is not checked "
			"here");
		reload_error_advise(why, "an overlay whose links are made by certificates");
		err = RELOAD_BAD_CONFIG;
	}
	if (!err && c->me.credentials.cert->node_ids_count > 1) {
		/* before an Attach such a node may send Pings alone (R-6.1.2-13) */
		reload_error_explain(why, RELOAD_BAD_CERT, c->me.instance,
			"its certificate has several Node-IDs, and most of what is asked here "
			"would be refused");
		reload_error_advise(why, "-I NAME, an identity with one Node-ID");
		err = RELOAD_BAD_CERT;
	}
	if (!err)
		err = not_in_use(c, why);
	if (err)
		return err;
	c->ctx = reload_config_wire_ctx(c->me.config);
	reload_cert_identity_write(&c->identity, c->me.credentials.cert, &c->me.credentials.node);
	return RELOAD_OK;
}

/* -- before the checks ----------------------------------------------------------------------------------------------------- */

static enum reload_err cannot_start(struct conform *c, struct reload_error_text *why)
{
	char text[64];
	reload_ip_port_text(text, &c->address);
	if (*c->link.end && !c->answer) {
		bool shut = !c->link.received;
		reload_error_explain(why, RELOAD_UNREACHABLE, text, "%s", c->link.end);
		reload_error_advise(why, "%s",
			shut ? "is a node of this overlay there, over TLS? reload-enroll show of "
			       "the identity says for whom it is good"
			     : "the log of that node");
		return RELOAD_UNREACHABLE;
	}
	if (!c->answer) {
		reload_error_explain(why, RELOAD_TIMEOUT, text, "a Ping to the node: %s", c->fault);
		reload_error_advise(why, "-t TIME, when the node is slow or far");
		return RELOAD_TIMEOUT;
	}
	bool other = conform_error(c) == 15 || conform_error(c) == 16;
	reload_error_explain(why, other ? RELOAD_CONFIG_TOO_OLD : RELOAD_BAD_ANSWER, text,
		"a Ping was answered with %s%s%s", conform_answer_text(c), *c->fault ? ": " : "",
		c->fault);
	reload_error_advise(why, "%s",
		other ? "the configuration that the node has: reload-enroll config fetch"
		      : "reload-diag decode of a capture shows what it said");
	return other ? RELOAD_CONFIG_TOO_OLD : RELOAD_BAD_ANSWER;
}

/* The node is whoever answers a Ping to the wildcard. */
static enum reload_err meet(struct conform *c, struct reload_error_text *why)
{
	struct reload_id any = reload_id_wildcard(c->ctx.node_id_len);
	struct draft d;
	draft_ping(c, &d);
	draft_to_node(&d.to, &any);
	bool answered = conform_ask(c, &d) && c->answer->code == RELOAD_PING_ANS;
	draft_end(&d);
	if (!answered)
		return cannot_start(c, why);
	c->target = c->signer;
	if (!reload_id_eq(&c->target, &c->me.credentials.node))
		return RELOAD_OK;
	reload_error_explain(why, RELOAD_EXISTS, c->me.instance,
		"the node at that address has the same Node-ID");
	reload_error_advise(why, "-I NAME of another identity");
	return RELOAD_EXISTS;
}

/* The next hop that the node names for a point of the ring, when it is another peer that answers. */
static bool other_at(struct conform *c, const struct reload_id *point)
{
	struct draft d;
	struct reload_id next = { 0 };
	draft_begin(c, &d, RELOAD_ROUTE_QUERY_REQ);
	wr_u8(&d.body, 0);
	draft_to_resource(&d.body, point);
	wr_u16(&d.body, 0);
	if (conform_ask(c, &d) && c->answer->code == RELOAD_ROUTE_QUERY_ANS)
		next = c->answer->body.route_query_ans.next_peer;
	draft_end(&d);
	if (!next.len || reload_id_eq(&next, &c->target) ||
		reload_id_eq(&next, &c->me.credentials.node))
		return false;
	draft_ping(c, &d);
	draft_to_node(&d.to, &next);
	bool there = conform_ask(c, &d) && c->answer->code == RELOAD_PING_ANS &&
		     reload_id_eq(&c->signer, &next);
	draft_end(&d);
	if (there)
		c->other = next;
	return there;
}

static void find_other(struct conform *c)
{
	for (unsigned bit = 0; bit < 8u * c->target.len; bit += 8) {
		struct reload_id point = reload_id_add_power(&c->target, bit);
		if (*c->link.end || other_at(c, &point))
			return;
	}
}

/* -- the checks ------------------------------------------------------------------------------------------------------------ */

static bool wanted(const struct conform *c, const struct conform_check *check)
{
	char *list = reload_strdup(cli_value(c->cli, "only", "R-")), *rest = list, *one;
	bool found = false;
	while ((one = strsep(&rest, ",")))
		found |= *one && !strncmp(check->id, one, strlen(one));
	free(list);
	return found;
}

static enum conform_verdict judge(struct conform *c, const struct conform_check *check)
{
	*c->evidence = '\0';
	if (c->cli->dry_run)
		return UNJUDGED(c, "--dry-run");
	if (check->writes && cli_has(c->cli, "read-only"))
		return UNJUDGED(c, "--read-only");
	if (cli_monotonic() >= c->deadline)
		return UNJUDGED(c, "no time was left");
	if (c->failed_dials > 2)
		return UNJUDGED(c, "the node takes no links any more");
	enum conform_verdict v = check->run(c);
	/* what the end of the time leaves open is no fault of the node */
	return v == CONFORM_VIOLATED && cli_monotonic() >= c->deadline
		       ? UNJUDGED(c, "no time was left")
		       : v;
}

static int check_all(struct conform *c)
{
	struct report r = { .cli = c->cli };
	size_t total = 0;
	for (size_t t = 0; t < COUNT_OF(tables); t++)
		for (const struct conform_check *k = tables[t]; k->id; k++)
			total += wanted(c, k);
	if (!total) {
		struct reload_error_text why;
		reload_error_explain(&why, RELOAD_USAGE, cli_value(c->cli, "only", ""),
			"no check has such a requirement");
		reload_error_advise(&why, "reload-diag conform -n lists them all");
		return cli_fail(c->cli, RELOAD_USAGE, &why);
	}
	report_begin(&r, c, total);
	for (size_t t = 0; t < COUNT_OF(tables); t++)
		for (const struct conform_check *k = tables[t]; k->id; k++)
			if (wanted(c, k))
				report_check(&r, k, judge(c, k), c->evidence);
	if (c->stored)
		conform_clean_up(c);
	return report_end(&r, c->failed_dials > 2 || cli_monotonic() >= c->deadline);
}

static int run(struct conform *c)
{
	struct reload_error_text why;
	if (!c->cli->dry_run) {
		enum reload_err err = meet(c, &why);
		if (err)
			return cli_fail(c->cli, err, &why);
		find_other(c);
	}
	return check_all(c);
}

int diag_conform(struct cli *cli)
{
	struct reload_error_text why;
	struct conform c = { .cli = cli, .link = { .fd = -1, .end = "there is no link" } };
	if (cli_has(cli, "tap") && cli->format != CLI_TEXT) {
		cli_refuse(&why, "--tap", "it is a form of its own, beside --json and --flat");
		return cli_fail(cli, RELOAD_USAGE, &why);
	}
	if (!cli_has(cli, "timeout"))
		cli->deadline = cli->started + ALL_MS;
	c.deadline = cli->deadline;
	signal(SIGPIPE, SIG_IGN); /* a link that the node ends */
	wr_init(&c.identity);
	enum reload_err err = cli_time(cli, "wait", WAIT_MS, &c.wait_ms, &why);
	if (!err)
		err = load_identity(&c, &why);
	int status = err ? cli_fail(cli, err, &why) : conform_find(&c);
	if (!status)
		status = run(&c);
	conform_hang_up(&c.link);
	reload_msg_free(c.answer);
	reload_cert_free(c.stranger);
	reload_key_free(c.stranger_key);
	wr_clear(&c.identity);
	cli_identity_clear(&c.me);
	return status;
}
