#include "reload-enroll/plan.h"

#include "util/text.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LEARNED_MAX = RELOAD_CONFIG_KINDS_MAX + 8
};

/* -- the two documents ------------------------------------------------------------------------------------------------------ */

static enum reload_err find_path(struct enroll_plan *p, struct reload_error_text *why)
{
	struct cli *cli = p->cli;
	const char *operand = cli->operands_count ? cli->operands[0] : NULL;
	char *overlay = NULL, *dir = NULL;
	enum reload_err err = RELOAD_OK;
	p->given = operand && strchr(operand, '/');
	if (p->given) {
		p->path = reload_strdup(operand);
		return RELOAD_OK;
	}
	if (!operand)
		err = enroll_overlay(&overlay, cli, NULL, "overlay.xml", why);
	if (!err)
		err = cli_path(&dir, CLI_CONFIG, overlay ? overlay : operand, why);
	if (!err)
		p->path = enroll_join(dir, "overlay.xml");
	free(overlay);
	free(dir);
	return err;
}

/* Reads the document that is to be published; a person should see its faults before peers do. */
static enum reload_err read_document(struct enroll_plan *p, struct reload_error_text *why)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	enum reload_err err = find_path(p, why);
	if (!err)
		err = cli_file_read(
			&bytes, &len, p->path, RELOAD_CONFIG_SIZE_MAX, p->cli->deadline, why);
	if (!err)
		err = cli_config_parse(
			&p->config, span_of(bytes, len), p->path, NULL, enroll_now(), why);
	if (!err)
		p->text = (char *)TAKE(bytes); /* a NUL follows it */
	free(bytes);
	return err;
}

static enum reload_err bad_answer(struct reload_error_text *why)
{
	char cause[sizeof(why->reason)];
	snprintf(cause, sizeof(cause), "%s", why->reason);
	enum reload_err err = reload_error_explain(
		why, RELOAD_BAD_ANSWER, "the agent's document cannot be used", "%s", cause);
	reload_error_advise(why, "reload-agent refresh, or another agent with --agent");
	return err;
}

/* What the agent goes by: its document, and the Kinds that came after it. */
static enum reload_err read_present(
	struct enroll_plan *p, const json_t *answer, struct reload_error_text *why)
{
	AUTO(reload_config) config = NULL;
	const json_t *list = json_object_get(answer, "learned"), *block;
	struct span *blocks = reload_alloc_array(LEARNED_MAX, sizeof(*blocks));
	size_t count = 0, i;
	json_array_foreach (list, i, block)
		if (count < LEARNED_MAX && json_is_string(block))
			blocks[count++] = span_str(json_string_value(block));
	enum reload_err err =
		reload_config_parse(&config, span_str(cli_get_text(answer, "document")),
			p->config->instance_name, &reload_ident_openssl, 0, why);
	if (!err)
		err = reload_config_with_kinds(
			&p->before, config, blocks, count, enroll_now(), why);
	free(blocks);
	return err ? bad_answer(why) : RELOAD_OK;
}

static void note_cost(void *arg, const struct reload_config_cost *cost)
{
	struct enroll_plan *p = arg;
	p->rejoin |= cost->type == RELOAD_COST_REJOIN;
	p->nodes |= cost->type == RELOAD_COST_NODES;
	p->consent |= cost->consent;
	json_array_append_new(p->costs,
		json_pack("{s:s, s:s, s:s, s:b}", "cost", reload_cost_name(cost->type), "what",
			cost->what, "why", cost->why, "consent", (int)cost->consent));
}

void enroll_plan_compare(struct enroll_plan *p)
{
	json_array_clear(p->costs);
	p->rejoin = p->nodes = p->consent = false;
	p->same = span_eq(p->config->document, p->before->document);
	p->update_size = p->config->document.len + ENROLL_UPDATE_OVERHEAD;
	p->too_large = !p->same && p->update_size > p->before->max_message_size;
	if (!p->same)
		reload_config_costs(p->config, p->before, note_cost, p);
}

bool enroll_plan_open(struct enroll_plan *p, struct cli *cli, int *status)
{
	struct reload_error_text why = { 0 };
	struct reload_call_error error = { 0 };
	json_t *answer = NULL;
	*p = (struct enroll_plan){ .cli = cli, .stop_fd = cli_stop_signals() };
	p->costs = json_array();
	enum reload_err err = read_document(p, &why);
	if (!err)
		err = cli_link_open(&p->link, cli, CLI_LINK_NOW, p->stop_fd, &why);
	if (!err && cli_link_call(p->link, "config.document", json_object(), RELOAD_NEVER, NULL,
			    NULL, &answer, &error)) {
		*status = cli_fail_rpc(cli, &error);
		return false;
	}
	if (!err)
		err = read_present(p, answer, &why);
	json_decref(answer);
	*status = err ? cli_fail(cli, err, &why) : 0;
	if (!err)
		enroll_plan_compare(p);
	return !err;
}

void enroll_plan_close(struct enroll_plan *p)
{
	if (!p->cli)
		return;
	cli_link_free(p->link);
	cli_stop_end(p->stop_fd);
	reload_config_free(p->config);
	reload_config_free(p->before);
	json_decref(p->costs);
	free(p->path);
	free(p->text);
	*p = (struct enroll_plan){ 0 };
}

/* -- may it be published ------------------------------------------------------------------------------------------------------ */

enum reload_err enroll_plan_size(const struct enroll_plan *p, struct reload_error_text *why)
{
	if (!p->too_large)
		return RELOAD_OK;
	enum reload_err err = reload_error_explain(why, RELOAD_LIMIT,
		"the document is too large to be published",
		"an update of it takes about %zu bytes, and a message of the overlay has at most "
		"%u",
		p->update_size, p->before->max_message_size);
	reload_error_advise(why,
		"publish first the present document with another limit: reload-enroll config set "
		"max-message-size=%zu",
		enroll_message_size(p->config->document.len));
	return err;
}

static const json_t *first_consent(const struct enroll_plan *p)
{
	const json_t *cost;
	size_t i;
	json_array_foreach (p->costs, i, cost) {
		if (json_is_true(json_object_get(cost, "consent")))
			return cost;
	}
	return NULL;
}

enum reload_err enroll_plan_consent(const struct enroll_plan *p, struct reload_error_text *why)
{
	struct cli *cli = p->cli;
	const json_t *cost = first_consent(p);
	char what[160];
	size_t i;
	if (!cost || cli->yes)
		return RELOAD_OK;
	if (cli->no_input || !isatty(STDIN_FILENO)) {
		snprintf(what, sizeof(what), "sequence %u is not published without --yes",
			p->config->sequence);
		enum reload_err err = reload_error_explain(why, RELOAD_USAGE, what, "%s: %s",
			cli_get_text(cost, "what"), cli_get_text(cost, "why"));
		reload_error_advise(why,
			"reload-enroll config plan, which lists all that it costs; then the same "
			"command with --yes");
		return err;
	}
	json_array_foreach (p->costs, i, cost)
		cli_warn(cli, "%s: %s", cli_get_text(cost, "what"), cli_get_text(cost, "why"));
	snprintf(what, sizeof(what), "publish sequence %u all the same?", p->config->sequence);
	return cli_confirm(cli, what, why);
}
