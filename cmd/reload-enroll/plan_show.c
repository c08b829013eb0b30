/* config plan: what publishing a document would cost, and whom it concerns. */
#include "reload-enroll/plan.h"

#include "util/text.h"

#include <stdlib.h>
#include <string.h>

const char enroll_plan_fields[] =
	"overlay:string path:string previous_sequence:integer sequence:integer size_bytes:integer "
	"update_bytes:integer max_message_size:integer steps:integer "
	"costs:{cost:string what:string why:string consent:boolean}[] consent:boolean "
	"peers:{node_id:string user:string?}[] complete:boolean";

/* The peers that would have to join again, or are out. */
struct concerned {
	const struct enroll_plan *plan;
	const struct enroll_authority *authority; /* NULL: none is here, and users are not known */
	json_t *peers;
};

/* Whether the newest certificate of node is by an authority that config does not list any more. */
static bool loses_root(const struct concerned *c, const struct reload_id *node)
{
	const struct reload_config *before = c->plan->before;
	char issuer[65], print[65];
	if (!c->authority || !enroll_ledger_issuer(c->authority, node, issuer))
		return false;
	for (size_t i = 0; i < before->roots_count; i++) {
		AUTO(reload_cert) root = NULL;
		if (!reload_cert_parse(&root, &reload_ident_openssl, before->roots[i], NULL) &&
			!strcmp(reload_hex(print, span_of(root->fingerprint, 32)), issuer))
			return !reload_trust_is_root(c->plan->config->trust, root->der);
	}
	return false;
}

static void note_peer(void *arg, const struct reload_id *node)
{
	struct concerned *c = arg;
	const struct reload_config *config = c->plan->config;
	char hex[RELOAD_ID_HEX];
	if (!c->plan->rejoin &&
		!reload_id_listed(config->bad_nodes.at, config->bad_nodes.count, node) &&
		!loses_root(c, node))
		return;
	char *user = c->authority ? enroll_ledger_owner(c->authority, node) : NULL;
	json_array_append_new(c->peers,
		json_pack("{s:s, s:s?}", "node_id", reload_id_hex(hex, node), "user", user));
	free(user);
}

static enum reload_err cannot_find(
	enum reload_err err, const char *cause, struct reload_error_text *why)
{
	(void)reload_error_explain(
		why, err, "the peers that it concerns cannot be found", "%s", cause);
	reload_error_advise(why, "reload-agent status, and another agent with --agent");
	return err;
}

/* Meets all peers; they have the agent's document as yet, and so they answer. */
static enum reload_err meet(
	struct ring_walk *walk, struct concerned *c, struct reload_error_text *why)
{
	struct reload_call_error error = { 0 };
	json_t *status = NULL;
	enum reload_err err = cli_link_call(walk->link, "agent.status", json_object(), RELOAD_NEVER,
		NULL, NULL, &status, &error);
	if (!err && reload_id_from_hex(&walk->own, cli_get_text(status, "node_id")))
		err = RELOAD_BAD_ANSWER;
	json_decref(status);
	if (err)
		*why = error.failure.why;
	reload_call_error_clear(&error);
	if (err)
		return err;
	note_peer(c, &walk->own);
	err = ring_walk(walk);
	if (err == RELOAD_PARTIAL || err == RELOAD_CANCELLED) {
		cli_warn(walk->cli, "not all peers could be asked: %s",
			*walk->last_error ? walk->last_error : "the time is over");
		return RELOAD_OK;
	}
	if (err)
		return cannot_find(err, walk->last_error, why);
	return RELOAD_OK;
}

static void print_plan(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	const json_t *item;
	size_t i;
	if (cli->quiet)
		return;
	fprintf(out,
		"%s: sequence %lld to %lld, %lld bytes; an update takes %lld of %lld bytes%s\n",
		cli_get_text(o, "overlay"), cli_get_int(o, "previous_sequence"),
		cli_get_int(o, "sequence"), cli_get_int(o, "size_bytes"),
		cli_get_int(o, "update_bytes"), cli_get_int(o, "max_message_size"),
		cli_get_int(o, "steps") == 2
			? ": two documents, of which the first raises the limit"
		: cli_get_int(o, "steps") == 0 ? ": the agent has it already"
					       : "");
	json_array_foreach (json_object_get(o, "costs"), i, item) {
		fprintf(out, "  %-8s", cli_get_text(item, "cost"));
		cli_put_safe(out, cli_get_text(item, "what"));
		fprintf(out, "%s\n          ",
			cli_get_bool(item, "consent") ? "  (needs --yes)" : "");
		cli_put_safe(out, cli_get_text(item, "why"));
		fputc('\n', out);
	}
	json_array_foreach (json_object_get(o, "peers"), i, item) {
		fprintf(out, "  %-8s%s  ", i ? "" : "peers", cli_get_text(item, "node_id"));
		cli_put_safe(out, cli_get_text(item, "user"));
		fputc('\n', out);
	}
	if (cli_get_int(o, "steps") && !json_array_size(json_object_get(o, "costs")))
		fputs("  every peer takes it in place, and no value is lost\n", out);
}

static void report(const struct enroll_plan *p, json_t *peers, bool complete)
{
	json_t *o = json_pack("{s:s, s:s, s:i, s:i, s:I, s:I, s:I, s:i, s:O, s:b, s:O, s:b}",
		"overlay", p->config->instance_name, "path", p->path, "previous_sequence",
		(int)p->before->sequence, "sequence", (int)p->config->sequence, "size_bytes",
		(json_int_t)p->config->document.len, "update_bytes", (json_int_t)p->update_size,
		"max_message_size", (json_int_t)p->before->max_message_size, "steps",
		p->same        ? 0
		: p->too_large ? 2
			       : 1,
		"costs", p->costs, "consent", (int)p->consent, "peers", peers, "complete",
		(int)complete);
	cli_print(p->cli, o, print_plan, p->cli);
	json_decref(o);
}

static enum reload_err plan(struct enroll_plan *p, struct reload_error_text *why)
{
	struct enroll_authority a = { .lock = -1 };
	struct reload_error_text ignored = { 0 };
	struct concerned c = { .plan = p, .peers = json_array() };
	struct ring_walk walk = { .cli = p->cli,
		.link = p->link,
		.stop_fd = p->stop_fd,
		.met = note_peer,
		.arg = &c,
		.complete = !p->rejoin && !p->nodes };
	if (!walk.complete &&
		!enroll_authority_open(&a, p->config->instance_name, p->cli->deadline, 0, &ignored))
		c.authority = &a;
	enum reload_err err = walk.complete ? RELOAD_OK : meet(&walk, &c, why);
	if (!err)
		report(p, c.peers, walk.complete);
	json_decref(c.peers);
	enroll_authority_close(&a);
	return err;
}

/* A document that no peer would take has no cost to be told of. */
static enum reload_err may_follow(const struct enroll_plan *p, struct reload_error_text *why)
{
	if (p->same)
		return RELOAD_OK;
	if (!reload_config_newer(p->config, p->before)) {
		enum reload_err err = reload_error_explain(why, RELOAD_CONFIG_TOO_OLD,
			"an older document", "sequence %u does not follow %u, which the agent has",
			p->config->sequence, p->before->sequence);
		reload_error_advise(why, "reload-enroll config set, which makes the next document");
		return err;
	}
	return reload_config_verify(p->config, p->before, enroll_now(), why);
}

int enroll_config_plan(struct cli *cli)
{
	struct enroll_plan p = { 0 };
	struct enroll_raise raise = { 0 };
	struct reload_error_text why = { 0 };
	int status;
	enum reload_err err = RELOAD_OK;
	cli->dry_run = true;
	if (enroll_plan_open(&p, cli, &status)) {
		err = may_follow(&p, &why);
		if (!err && p.too_large)
			err = enroll_raise_make(&raise, &p, &why);
		if (!err)
			err = plan(&p, &why);
		status = err ? cli_fail(cli, err, &why) : 0;
	}
	enroll_raise_clear(&raise);
	enroll_plan_close(&p);
	return status;
}
