/*
 * A document whose update is larger than any message of the overlay is published in two steps: first the document that the ring has,
 * with a larger max-message-size, and then, when every peer has that, the large one (interop CFG-15).
 */
#include "reload-enroll/plan.h"

#include "wire/limits.h"

#include <stdlib.h>
#include <string.h>

/* Writes document with another max-message-size and the sequence after its own, and reads it as the ring would. */
static enum reload_err write_with(struct wr *out, struct reload_config **config,
	const struct reload_config *document, const struct enroll_change *c, size_t limit,
	struct reload_error_text *why)
{
	AUTO(reload_config_edit) edit = NULL;
	char number[24];
	snprintf(number, sizeof(number), "%zu", limit);
	enum reload_err err = reload_config_edit_new(&edit, document, why);
	if (!err)
		err = reload_config_edit_set(edit, "max-message-size", number, why);
	if (!err)
		err = reload_config_edit_write(out, edit, &c->signer, c->now, why);
	if (!err)
		err = reload_config_parse(config, wr_done(out), document->instance_name,
			&reload_ident_openssl, c->now, why);
	return err;
}

/* The limit that both documents have; RELOAD_LIMIT: the largest message is too small. */
static enum reload_err choose_limit(
	size_t *limit, const struct enroll_plan *p, struct reload_error_text *why)
{
	*limit = enroll_message_size(p->config->document.len);
	if (*limit < p->config->max_message_size)
		*limit = p->config->max_message_size;
	if (*limit > RELOAD_LIMIT_MESSAGE)
		*limit = RELOAD_LIMIT_MESSAGE;
	return *limit > p->update_size ? RELOAD_OK : enroll_plan_size(p, why);
}

static enum reload_err make(struct enroll_raise *r, struct enroll_plan *p,
	const struct enroll_change *c, struct reload_error_text *why)
{
	const struct reload_config *document = p->before->base ? p->before->base : p->before;
	size_t limit = 0;
	enum reload_err err = choose_limit(&limit, p, why);
	if (!err)
		err = write_with(&r->first, &r->first_config, document, c, limit, why);
	if (!err &&
		r->first_config->document.len + ENROLL_UPDATE_OVERHEAD > document->max_message_size)
		err = enroll_plan_size(p, why); /* it would have to be raised in more steps */
	if (!err)
		err = write_with(&r->last, &r->last_config, p->config, c, limit, why);
	if (!err)
		err = reload_config_verify(r->last_config, r->first_config, c->now, why);
	if (!err && !reload_config_newer(r->last_config, r->first_config)) {
		err = reload_error_explain(why, RELOAD_CONFIG_TOO_OLD,
			"the document cannot follow one that raises the limit",
			"sequence %u does not follow %u", r->last_config->sequence,
			r->first_config->sequence);
		reload_error_advise(why, "reload-enroll config set, which makes the next document");
	}
	return err;
}

/* The plan goes on with the document that takes the place of the large one. */
static void take_over(struct enroll_raise *r, struct enroll_plan *p)
{
	reload_config_free(p->config);
	free(p->text);
	p->config = reload_config_ref(r->last_config);
	p->text = strndup((const char *)r->last.at, r->last.len);
	enroll_plan_compare(p);
}

enum reload_err enroll_raise_make(
	struct enroll_raise *r, struct enroll_plan *p, struct reload_error_text *why)
{
	wr_init(&r->first);
	wr_init(&r->last);
	if (p->given) /* it was signed elsewhere */
		return enroll_plan_size(p, why);
	enum reload_err err =
		enroll_change_open_overlay(&r->change, p->cli, p->config->instance_name, why);
	if (err == RELOAD_BAD_CONFIG) /* no authority is here */
		return enroll_plan_size(p, why);
	if (!err)
		err = make(r, p, &r->change, why);
	if (!err)
		take_over(r, p);
	return err;
}

enum reload_err enroll_raise_save(const struct enroll_plan *p, struct reload_error_text *why)
{
	AUTO(cli_files) files = cli_files_new();
	cli_files_put(files, p->path, cli_document_mode(p->config), span_str(p->text));
	return cli_files_commit(files, why);
}

void enroll_raise_clear(struct enroll_raise *r)
{
	enroll_change_release(&r->change);
	reload_config_free(r->first_config);
	reload_config_free(r->last_config);
	wr_clear(&r->first);
	wr_clear(&r->last);
	*r = (struct enroll_raise){ 0 };
}
