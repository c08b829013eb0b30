/* config set: other parameters.  config add-kind: further Kinds, or other limits of a Kind. */
#include "reload-enroll/change.h"

#include <stdlib.h>
#include <string.h>

enum {
	KIND_FILE_MAX = 65536
};

static enum reload_err unknown_key(
	const char *key, const char *cause, struct reload_error_text *why)
{
	char names[400] = "";
	const char *name;
	for (size_t i = 0; (name = reload_config_edit_key(i)); i++) {
		size_t used = strlen(names);
		snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "", name);
	}
	char what[160];
	snprintf(what, sizeof(what), "%.100s %s", key, cause);
	enum reload_err err =
		reload_error_explain(why, RELOAD_USAGE, what, "KEY=VALUE sets one of %s", names);
	reload_error_advise(why, "reload-enroll config set chord-update-interval=300");
	return err;
}

static bool is_key(const char *name)
{
	const char *key;
	for (size_t i = 0; (key = reload_config_edit_key(i)); i++)
		if (!strcmp(key, name))
			return true;
	return false;
}

/* One operand KEY=VALUE. */
static enum reload_err set_one(
	struct enroll_change *c, const char *operand, struct reload_error_text *why)
{
	const char *equals = strchr(operand, '=');
	if (!equals)
		return unknown_key(operand, "is no KEY=VALUE", why);
	char *key = strndup(operand, (size_t)(equals - operand));
	for (size_t i = 0; i < c->cli->operands_count; i++) {
		const char *other = c->cli->operands[i];
		if (other != operand && !strncmp(other, operand, (size_t)(equals - operand) + 1)) {
			free(key);
			return cli_refuse(why, "a parameter is given twice", operand);
		}
	}
	enum reload_err err =
		is_key(key) ? RELOAD_OK : unknown_key(key, "is no parameter of this command", why);
	if (!err) {
		char *before = reload_config_edit_value(c->edit, key);
		err = reload_config_edit_set(c->edit, key, equals + 1, why);
		enroll_change_note(c, key, before, equals[1] ? equals + 1 : NULL);
		free(before);
	}
	free(key);
	return err;
}

/* --validity: the new document expires that long from now. */
static enum reload_err extend(struct enroll_change *c, struct reload_error_text *why)
{
	reload_ms validity = 0;
	char before[RELOAD_UTC_TEXT], after[RELOAD_UTC_TEXT];
	if (!cli_has(c->cli, "validity"))
		return RELOAD_OK;
	enum reload_err err = enroll_validity(c->cli, ENROLL_CONFIG_VALIDITY, &validity, why);
	if (err)
		return err;
	reload_config_edit_expires(c->edit, c->now + validity);
	reload_utc old = c->authority.config->expiration;
	enroll_change_note(c, "expiration",
		old == RELOAD_NEVER ? "never" : reload_utc_text(before, old),
		reload_utc_text(after, c->now + validity));
	return RELOAD_OK;
}

int enroll_config_set(struct cli *cli)
{
	struct enroll_change c = { 0 };
	struct reload_error_text why = { 0 };
	enum reload_err err = RELOAD_OK;
	if (!cli->operands_count && !cli_has(cli, "validity"))
		err = unknown_key("nothing", "is to be changed", &why);
	if (!err)
		err = enroll_change_open(&c, cli, NULL, &why);
	for (size_t i = 0; i < cli->operands_count && !err; i++)
		err = set_one(&c, cli->operands[i], &why);
	if (!err)
		err = extend(&c, &why);
	return enroll_change_end(&c, cli, err, &why);
}

static void kind_words(char out[160], const struct reload_kind *kind)
{
	snprintf(out, 160, "%s %s max-count %u max-size %u", reload_data_model_name(kind->model),
		reload_access_policy_name(kind->access), kind->max_count, kind->max_size);
}

/* Stored values were made for one data model and policy: a Kind keeps both, or gets another number. */
static enum reload_err check_same(const struct reload_kind *old, const struct reload_kind *kind,
	struct reload_error_text *why)
{
	if (!old || !old->block.len || (old->model == kind->model && old->access == kind->access))
		return RELOAD_OK;
	char what[160];
	snprintf(what, sizeof(what), "the Kind 0x%x is there with another meaning", kind->id);
	enum reload_err err = reload_error_explain(why, RELOAD_EXISTS, what,
		"it is %s and %s; values that are stored would not fit any more",
		reload_data_model_name(old->model), reload_access_policy_name(old->access));
	reload_error_advise(why, "reload-enroll kind NAME --id N, with another number");
	return err;
}

static enum reload_err add_kind(
	struct enroll_change *c, const char *path, struct reload_error_text *why)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	struct reload_kind kind;
	char what[64], before[160], after[160];
	enum reload_err err =
		cli_file_read(&bytes, &len, path, KIND_FILE_MAX, c->cli->deadline, why);
	if (!err && reload_kind_file_read(&kind, span_of(bytes, len), why)) {
		err = RELOAD_BAD_CONFIG;
		snprintf(why->what, sizeof(why->what), "the Kind file %.150s cannot be used",
			cli_path_show(path));
	}
	if (!err) {
		const struct reload_kind *old = reload_config_kind(c->authority.config, kind.id);
		char *element = strndup((const char *)kind.block.at, kind.block.len);
		err = check_same(old, &kind, why);
		if (!err)
			err = reload_config_edit_add_kind(c->edit, element, &c->signer, why);
		free(element);
		kind_words(after, &kind);
		if (old)
			kind_words(before, old);
		snprintf(what, sizeof(what), "Kind 0x%x", kind.id);
		enroll_change_note(c, what, old ? before : "none", after);
	}
	free(bytes);
	return err;
}

int enroll_config_add_kind(struct cli *cli)
{
	struct enroll_change c = { 0 };
	struct reload_error_text why = { 0 };
	enum reload_err err = enroll_change_open(&c, cli, NULL, &why);
	for (size_t i = 0; i < cli->operands_count && !err; i++)
		err = add_kind(&c, cli->operands[i], &why);
	return enroll_change_end(&c, cli, err, &why);
}
