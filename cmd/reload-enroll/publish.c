/*
 * config publish: gives the document of the authority to a running agent, which passes it on, and then goes around the ring: each
 * answer shows one more peer that has it.
 */
#include "reload-enroll/next.h"
#include "reload-enroll/plan.h"

#include <string.h>

const char enroll_publish_fields[] =
	"overlay:string sequence:integer previous_sequence:integer taken:boolean peers:integer "
	"complete:boolean took_ms:number last_error:string? next_in_use:boolean dry_run:boolean";

struct publish {
	struct cli *cli;
	struct ring_walk walk;
	json_t *taken;    /* the result of config.publish */
	bool next_in_use; /* the next authority or signer is so from now on */
};

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
		cli_plural(cli_get_int(o, "peers")),
		cli_get_bool(o, "complete") ? "have" : "are known to have");
	fprintf(out, "%s, after %.2f s\n", cli_get_bool(o, "complete") ? ", the whole ring" : "",
		cli_get_real(o, "took_ms") / 1000);
	if (cli_get_bool(o, "next_in_use"))
		fputs("what config add-root or add-signer has made is in use now\n", out);
}

static void report(struct publish *p, const struct reload_config *config)
{
	const struct ring_walk *w = &p->walk;
	json_t *o = json_pack("{s:s, s:i, s:I, s:b, s:I, s:b, s:f, s:s?, s:b, s:b}", "overlay",
		config->instance_name, "sequence", (int)config->sequence, "previous_sequence",
		(json_int_t)cli_get_int(p->taken, "previous_sequence"), "taken",
		cli_get_bool(p->taken, "taken"), "peers", (json_int_t)w->peers, "complete",
		(int)w->complete, "took_ms", (double)(cli_monotonic() - p->cli->started),
		"last_error", *w->last_error && !w->complete ? w->last_error : NULL, "next_in_use",
		(int)p->next_in_use, "dry_run", p->cli->dry_run);
	cli_print(p->cli, o, print_published, p->cli);
	json_decref(o);
}

static int fail_partly(struct publish *p)
{
	struct reload_error_text why = { 0 };
	(void)reload_error_explain(&why, RELOAD_PARTIAL,
		"not all of the ring is known to have the document",
		"%zu peer%s answered; after that: %s", p->walk.peers, cli_plural(p->walk.peers),
		*p->walk.last_error ? p->walk.last_error : "no answer in time");
	reload_error_advise(&why, "reload-enroll config publish -t 5m, which goes on asking");
	return cli_fail(p->cli, RELOAD_PARTIAL, &why);
}

/* What is next may be used: the whole ring trusts it. */
static int bring_into_use(struct publish *p, const struct enroll_plan *plan)
{
	struct reload_error_text why = { 0 };
	enum reload_err err = enroll_next_take(&p->next_in_use, p->cli, plan->config, &why);
	return err ? cli_fail(p->cli, err, &why) : 0;
}

/* Gives one document to the agent and goes around the ring; returns the exit status. */
static int publish_one(const struct enroll_plan *plan, const char *text,
	const struct reload_config *config, bool is_last)
{
	struct publish p = { .cli = plan->cli,
		.walk = { .cli = plan->cli, .link = plan->link, .stop_fd = plan->stop_fd } };
	struct reload_call_error error = { 0 };
	json_t *params = json_pack("{s:s, s:b}", "document", text, "dry_run", plan->cli->dry_run);
	if (cli_link_call(plan->link, "config.publish", params, RELOAD_NEVER, NULL, NULL, &p.taken,
		    &error))
		return cli_fail_rpc(plan->cli, &error);
	int status = 0;
	enum reload_err err = RELOAD_OK;
	if (reload_id_from_hex(&p.walk.own, cli_get_text(p.taken, "node_id")))
		status = cli_fail(plan->cli, RELOAD_BAD_ANSWER, NULL);
	else if (!plan->cli->dry_run)
		err = ring_walk(&p.walk);
	if (!status && !err && is_last && !plan->cli->dry_run && !plan->given)
		status = bring_into_use(&p, plan);
	if (!status && (plan->cli->format == CLI_TEXT || (!err && is_last)))
		report(&p, config);
	if (err)
		status = fail_partly(&p);
	json_decref(p.taken);
	return status;
}

/* Both documents, the second one when every peer has the first. */
static int publish_two(struct enroll_plan *plan)
{
	struct enroll_raise raise = { 0 };
	struct reload_error_text why = { 0 };
	enum reload_err err = enroll_raise_make(&raise, plan, &why);
	if (!err)
		err = enroll_plan_consent(plan, &why);
	if (!err && !plan->cli->dry_run)
		err = enroll_raise_save(plan, &why);
	enroll_change_release(&raise.change); /* the authority is not needed for the rest */
	int status = err ? cli_fail(plan->cli, err, &why) : 0;
	char *first = err ? NULL : strndup((const char *)raise.first.at, raise.first.len);
	if (!err)
		status = publish_one(plan, first, raise.first_config, plan->cli->dry_run);
	if (!status && !plan->cli->dry_run)
		status = publish_one(plan, plan->text, plan->config, true);
	free(first);
	enroll_raise_clear(&raise);
	return status;
}

static int publish(struct enroll_plan *plan)
{
	struct reload_error_text why = { 0 };
	if (plan->too_large)
		return publish_two(plan);
	enum reload_err err = plan->cli->dry_run ? RELOAD_OK : enroll_plan_consent(plan, &why);
	return err ? cli_fail(plan->cli, err, &why)
		   : publish_one(plan, plan->text, plan->config, true);
}

int enroll_config_publish(struct cli *cli)
{
	struct enroll_plan plan = { 0 };
	int status;
	if (enroll_plan_open(&plan, cli, &status))
		status = publish(&plan);
	enroll_plan_close(&plan);
	return status;
}
