/*
 * revoke: a user, or one device, is out.  Peers go by Node-IDs (bad-node, RFC 6940 s11.1), whatever certificate holds them; the
 * ledger never gives a revoked one to anybody again.
 */
#include "reload-enroll/accounts.h"
#include "reload-enroll/change.h"

#include <stdlib.h>
#include <string.h>

static enum reload_err unknown(const char *operand, struct reload_error_text *why)
{
	char what[160];
	snprintf(what, sizeof(what), "%.120s cannot be revoked", operand);
	enum reload_err err = reload_error_explain(why, RELOAD_USAGE, what,
		"it is no user of this authority, and no Node-ID of 32 hex digits");
	reload_error_advise(why, "reload-enroll user list");
	return err;
}

static enum reload_err is_signer(const char *user, struct reload_error_text *why)
{
	enum reload_err err =
		reload_error_explain(why, RELOAD_USAGE, "the signer cannot be revoked",
			"%.200s signs the configuration: nobody could change it any more", user);
	reload_error_advise(why, "reload-enroll user list, which names the others");
	return err;
}

/* Revokes one Node-ID of user; user NULL: the authority has not issued it, as where certificates are self-signed. */
static enum reload_err revoke_node(struct enroll_change *c, const char *user, bool reserved,
	const struct reload_id *node, struct reload_error_text *why)
{
	char hex[RELOAD_ID_HEX];
	enum reload_err err = RELOAD_OK;
	if (reserved)
		return is_signer(user, why);
	if (!user)
		cli_warn(c->cli, "this authority has issued no certificate for %s",
			reload_id_hex(hex, node));
	else
		err = enroll_ledger_revoke(&c->authority, user, node, why);
	if (!err && reload_config_edit_add_bad_node(c->edit, node))
		enroll_change_note(c, "bad-node", user ? user : "nobody", reload_id_hex(hex, node));
	return err;
}

/* All Node-IDs of a user, those that were revoked already included, and the user is disabled. */
static enum reload_err revoke_user(struct enroll_change *c, const char *user, const json_t *entry,
	struct reload_error_text *why)
{
	json_t *ids = json_copy(json_object_get(entry, "node_ids"));
	const json_t *hex;
	struct reload_id node;
	size_t i;
	enum reload_err err = RELOAD_OK;
	bool enabled = !json_is_true(json_object_get(entry, "disabled"));
	bool reserved = json_is_true(json_object_get(entry, "reserved"));
	size_t before = json_array_size(c->changes);
	json_array_extend(ids, json_object_get(entry, "revoked"));
	json_array_foreach (ids, i, hex) {
		if (!err && !reload_id_from_hex(&node, json_string_value(hex)))
			err = revoke_node(c, user, reserved, &node, why);
	}
	json_decref(ids);
	if (err || !enabled)
		return err;
	err = accounts_disable(c->authority.accounts, user, true, why);
	if (!err && json_array_size(c->changes) ==
			    before) /* enabled again, without a new certificate */
		enroll_change_note(c, "user", user, "disabled");
	return err;
}

static enum reload_err revoke_id(
	struct enroll_change *c, const struct reload_id *node, struct reload_error_text *why)
{
	char *user = enroll_ledger_owner(&c->authority, node);
	enum reload_err err = user ? accounts_lock(c->authority.accounts, user, why) : RELOAD_OK;
	json_t *entry = user ? accounts_entry(c->authority.accounts, user) : NULL;
	if (!err)
		err = revoke_node(
			c, user, json_is_true(json_object_get(entry, "reserved")), node, why);
	json_decref(entry);
	free(user);
	return err;
}

static enum reload_err revoke_one(
	struct enroll_change *c, const char *operand, struct reload_error_text *why)
{
	struct reload_id node;
	enum reload_err err = accounts_lock(c->authority.accounts, operand, why);
	json_t *entry = accounts_entry(c->authority.accounts, operand);
	if (err)
		;
	else if (entry)
		err = revoke_user(c, operand, entry, why);
	else if (reload_id_from_hex(&node, operand) || node.len != c->authority.config->node_id_len)
		err = unknown(operand, why);
	else
		err = revoke_id(c, &node, why);
	json_decref(entry);
	return err;
}

static enum reload_err revoke_all(struct enroll_change *c, struct reload_error_text *why)
{
	struct cli *cli = c->cli;
	enum reload_err err = accounts_begin(c->authority.accounts, "", why);
	for (size_t i = 0; i < cli->operands_count && !err; i++)
		err = revoke_one(c, cli->operands[i], why);
	if (!err && !json_array_size(c->changes)) {
		err = reload_error_explain(why, RELOAD_EXISTS, "nothing is to be revoked",
			"the configuration lists all of that as bad nodes already");
		reload_error_advise(why, "reload-enroll config publish");
	}
	return err;
}

int enroll_revoke(struct cli *cli)
{
	struct enroll_change c = { 0 };
	struct reload_error_text why = { 0 };
	const char *user = strchr(cli->operands[0], '@') ? cli->operands[0] : NULL;
	enum reload_err err = enroll_change_open(&c, cli, user, &why);
	if (!err)
		err = revoke_all(&c, &why);
	return enroll_change_end(&c, cli, err, &why);
}
