/* The file issued.json: what init writes of a new authority, and the ledger of earlier versions. */
#include "reload-enroll/accounts_internal.h"

#include "common/files.h"
#include "common/options.h"
#include "common/home.h"
#include "reload-enroll/enroll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	FILE_MAX = 64 * 1024 * 1024
};

static enum reload_err damaged(const char *path, const char *cause, struct reload_error_text *why)
{
	char what[256];
	snprintf(what, sizeof(what), "%.200s: the ledger is damaged", cli_path_show(path));
	enum reload_err err = reload_error_explain(why, RELOAD_BAD_CONFIG, what, "%s", cause);
	reload_error_advise(
		why, "restore the file from a backup: it says which user has which Node-IDs");
	return err;
}

static bool ids_valid(const json_t *ids)
{
	struct reload_id id;
	size_t i;
	const json_t *hex;
	json_array_foreach (ids, i, hex) {
		if (!json_is_string(hex) || reload_id_from_hex(&id, json_string_value(hex)))
			return false;
	}
	return json_is_array(ids);
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

static enum reload_err import_ids(struct accounts *a, const char *user, const json_t *ids,
	bool revoked, struct reload_error_text *why)
{
	const json_t *hex;
	size_t i;
	enum reload_err err = RELOAD_OK;
	json_array_foreach (ids, i, hex) {
		char *owner = accounts_owner(a, json_string_value(hex));
		if (!err && !owner)
			err = accounts_add_node(a, user, json_string_value(hex), why);
		if (!err && revoked)
			err = accounts_revoke_node(a, json_string_value(hex), why);
		free(owner);
	}
	return err;
}

static bool note_found(void *arg, const char *const *columns)
{
	(void)columns;
	*(bool *)arg = true;
	return false;
}

/* It was entered, and the process was killed before the file was removed. */
static bool is_known(struct accounts *a, const struct accounts_certificate *c)
{
	bool found = false;
	(void)db_rows(a->db, "SELECT serial FROM certificates WHERE name = $1 AND serial = $2",
		DB(DB_TEXT(c->user), DB_TEXT(c->serial)), note_found, &found);
	return found;
}

static enum reload_err import_certificate(
	struct accounts *a, const char *user, const json_t *cert, struct reload_error_text *why)
{
	const json_t *ids = json_object_get(cert, "node_ids"), *hex;
	struct wr list;
	size_t i;
	wr_init(&list);
	json_array_foreach (ids, i, hex) {
		wr_text(&list, i ? "," : "");
		wr_text(&list, json_string_value(hex));
	}
	wr_u8(&list, 0);
	const struct accounts_certificate c = { .user = user,
		.serial = text_of(cert, "serial"),
		.fingerprint = text_of(cert, "fingerprint"),
		.issuer = text_of(cert, "issuer"),
		.node_ids = (const char *)list.at,
		.issued = text_of(cert, "issued"),
		.expires = text_of(cert, "expires") };
	enum reload_err err = is_known(a, &c) ? RELOAD_OK : accounts_certificate(a, &c, why);
	wr_clear(&list);
	return err;
}

static enum reload_err import_user(struct accounts *a, const char *user, const json_t *entry,
	const char *path, struct reload_error_text *why)
{
	const json_t *ids = json_object_get(entry, "node_ids"),
		     *revoked = json_object_get(entry, "revoked"),
		     *certs = json_object_get(entry, "certificates"), *cert;
	size_t i;
	if (!ids_valid(ids) || (revoked && !ids_valid(revoked)) || !json_is_array(certs))
		return damaged(path, user, why);
	enum reload_err err = import_ids(a, user, ids, false, why);
	if (!err)
		err = import_ids(a, user, revoked, true, why);
	json_array_foreach (certs, i, cert) {
		if (!err && !ids_valid(json_object_get(cert, "node_ids")))
			err = damaged(path, user, why);
		if (!err)
			err = import_certificate(a, user, cert, why);
	}
	if (!err && json_is_true(json_object_get(entry, "reserved")))
		err = accounts_reserve(a, user, why);
	if (!err && json_is_true(json_object_get(entry, "disabled")))
		err = accounts_disable(a, user, true, why);
	return err;
}

static enum reload_err import_all(
	struct accounts *a, const json_t *users, const char *path, struct reload_error_text *why)
{
	const char *user;
	json_t *entry;
	enum reload_err err = accounts_begin(a, "", why);
	json_object_foreach ((json_t *)users, user, entry) {
		if (!err)
			err = import_user(a, user, entry, path, why);
	}
	if (!err)
		err = accounts_keep(a, why);
	if (err)
		accounts_undo(a);
	return err;
}

enum reload_err accounts_import(struct accounts *a, const char *path, struct reload_error_text *why)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	json_error_t fault;
	if (access(path, F_OK))
		return RELOAD_OK;
	enum reload_err err = cli_file_read(
		&bytes, &len, path, FILE_MAX, cli_monotonic() + 5 * RELOAD_SECOND, why);
	if (err)
		return access(path, F_OK) ? RELOAD_OK : err; /* another process was faster */
	json_t *ledger = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, &fault);
	const json_t *users = json_object_get(ledger, "users");
	free(bytes);
	err = !ledger                  ? damaged(path, fault.text, why)
	      : !json_is_object(users) ? damaged(path, "it has no users", why)
				       : import_all(a, users, path, why);
	json_decref(ledger);
	if (!err)
		(void)unlink(path);
	return err;
}
