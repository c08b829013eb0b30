/* Which user has which Node-IDs, and which certificates were issued for them: rules over what accounts.h keeps. */
#include "reload-enroll/accounts.h"
#include "reload-enroll/enroll.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>

json_t *enroll_ledger_new(
	const char *overlay, const char *signer_user, const struct reload_id *signer)
{
	char hex[RELOAD_ID_HEX];
	return json_pack("{s:s, s:{s:{s:[s], s:[], s:b}}}", "overlay", overlay, "users",
		signer_user, "node_ids", reload_id_hex(hex, signer), "certificates", "reserved", 1);
}

char *enroll_ledger_text(const json_t *ledger)
{
	char *text = json_dumps(ledger, JSON_INDENT(1));
	if (!text)
		abort();
	return text;
}

/* Whether a list of Node-IDs has this one. */
static bool holds(const json_t *ids, const char *hex)
{
	const json_t *id;
	size_t i;
	json_array_foreach (ids, i, id) {
		if (!strcmp(json_string_value(id), hex))
			return true;
	}
	return false;
}

static void add_missing(json_t *group, const json_t *ids)
{
	json_t *id;
	size_t i;
	json_array_foreach (ids, i, id) {
		if (!holds(group, json_string_value(id)))
			json_array_append(group, id);
	}
}

/*
 * join_certificates() adds to group the Node-IDs that were certified together with one of it; returns how many Node-IDs
 * the last such certificate had.
 */
static size_t join_certificates(json_t *group, const json_t *certificates)
{
	const json_t *cert, *id;
	size_t i, j, before, last = 0;
	do {
		before = json_array_size(group);
		json_array_foreach (certificates, i, cert) {
			const json_t *ids = json_object_get(cert, "node_ids");
			bool shared = false;
			json_array_foreach (ids, j, id)
				shared = shared || holds(group, json_string_value(id));
			if (!shared)
				continue;
			add_missing(group, ids);
			last = json_array_size(ids);
		}
	} while (json_array_size(group) > before);
	return last;
}

/* Whether one of the device's Node-IDs was revoked: it gets new ones, not those of another device. */
static bool is_revoked(const json_t *entry, const struct enroll_device *device)
{
	char hex[RELOAD_ID_HEX];
	for (size_t i = 0; i < device->own_count; i++)
		if (holds(json_object_get(entry, "revoked"), reload_id_hex(hex, &device->own[i])))
			return true;
	return false;
}

/* device_ids() returns the Node-IDs of a device (owned), eldest first, and how many its last certificate had. */
static json_t *device_ids(const json_t *entry, const struct enroll_device *device, size_t *last)
{
	json_t *known = json_object_get(entry, "node_ids"), *group = json_array(), *id;
	json_t *out = json_array();
	char hex[RELOAD_ID_HEX];
	size_t i;
	for (i = 0; i < device->own_count; i++)
		if (holds(known, reload_id_hex(hex, &device->own[i])))
			json_array_append_new(group, json_string(hex));
	if (!json_array_size(group) && json_array_size(known) && !device->further &&
		!is_revoked(entry, device))
		json_array_append(group, json_array_get(known, 0));
	*last = join_certificates(group, json_object_get(entry, "certificates"));
	json_array_foreach (known, i, id) {
		if (holds(group, json_string_value(id)))
			json_array_append(out, id);
	}
	json_decref(group);
	return out;
}

static enum reload_err may_have_more(const struct enroll_authority *a, const char *user,
	const json_t *entry, struct reload_error_text *why)
{
	if (json_is_true(json_object_get(entry, "reserved"))) {
		reload_error_explain(why, RELOAD_EXISTS, "the user name is taken",
			"username_not_available: %s signs the configuration of the overlay", user);
		reload_error_advise(
			why, "reload-enroll issue NAME@%s, with another name", a->overlay);
		return RELOAD_EXISTS;
	}
	if (json_is_true(json_object_get(entry, "disabled"))) {
		reload_error_explain(why, RELOAD_CERT_REVOKED, "the user is disabled",
			"failed_authentication: %s was revoked or disabled", user);
		reload_error_advise(why, "reload-enroll user enable %s", user);
		return RELOAD_CERT_REVOKED;
	}
	return RELOAD_OK;
}

static enum reload_err other_length(const struct enroll_authority *a, struct reload_error_text *why)
{
	enum reload_err err = reload_error_explain(why, RELOAD_BAD_CONFIG, "the ledger is damaged",
		"a Node-ID of a user has another length than those of %s", a->overlay);
	reload_error_advise(why, "restore it from a backup");
	return err;
}

/* A Node-ID that nobody has or had. */
static void draw(struct reload_id *id, char hex[RELOAD_ID_HEX], const struct enroll_authority *a)
{
	char *owner;
	do {
		enroll_node_id(id, a->config->node_id_len);
		owner = accounts_owner(a->accounts, reload_id_hex(hex, id));
		free(owner);
	} while (owner);
}

enum reload_err enroll_ledger_node_ids(struct enroll_authority *a, const char *user,
	const struct enroll_device *device, size_t *count,
	struct reload_id ids[RELOAD_CERT_NODE_IDS_MAX], struct reload_error_text *why)
{
	json_t *entry = accounts_entry(a->accounts, user);
	char hex[RELOAD_ID_HEX];
	size_t last = 0;
	enum reload_err err = may_have_more(a, user, entry, why);
	json_t *group = device_ids(entry, device, &last);
	if (!*count)
		*count = last ? last : 1;
	if (*count > RELOAD_CERT_NODE_IDS_MAX)
		*count = RELOAD_CERT_NODE_IDS_MAX;
	while (!err && json_array_size(group) < *count) {
		draw(&ids[0], hex, a);
		json_array_append_new(group, json_string(hex));
		err = accounts_add_node(a->accounts, user, hex, why);
	}
	for (size_t i = 0; i < *count && !err; i++)
		if (reload_id_from_hex(&ids[i], json_string_value(json_array_get(group, i))) ||
			ids[i].len != a->config->node_id_len)
			err = other_length(a, why);
	json_decref(group);
	json_decref(entry);
	return err;
}

enum reload_err enroll_ledger_reserve(struct enroll_authority *a, const char *user,
	const struct reload_id *node, struct reload_error_text *why)
{
	char hex[RELOAD_ID_HEX];
	enum reload_err err = accounts_add_node(a->accounts, user, reload_id_hex(hex, node), why);
	return err ? err : accounts_reserve(a->accounts, user, why);
}

/* RFC 3339 in milliseconds, as all times in results. */
static char *time_text(char out[40], reload_utc t)
{
	json_t *text = cli_json_time(t);
	snprintf(out, 40, "%s", json_is_string(text) ? json_string_value(text) : "");
	json_decref(text);
	return out;
}

enum reload_err enroll_ledger_note(struct enroll_authority *a, const struct reload_cert *cert,
	const uint8_t serial[16], struct reload_error_text *why)
{
	char number[33], print[65], issuer[65], hex[RELOAD_ID_HEX], issued[40], expires[40];
	struct wr ids;
	wr_init(&ids);
	for (size_t i = 0; i < cert->node_ids_count; i++) {
		wr_text(&ids, i ? "," : "");
		wr_text(&ids, reload_id_hex(hex, &cert->node_ids[i]));
	}
	wr_u8(&ids, 0);
	const struct accounts_certificate c = { .user = cert->user,
		.serial = reload_hex(number, span_of(serial, 16)),
		.fingerprint = reload_hex(print, span_of(cert->fingerprint, 32)),
		.issuer = reload_hex(issuer, span_of(a->cert->fingerprint, 32)),
		.node_ids = (const char *)ids.at,
		.issued = time_text(issued, cert->not_before),
		.expires = time_text(expires, cert->not_after) };
	enum reload_err err = accounts_certificate(a->accounts, &c, why);
	wr_clear(&ids);
	return err;
}

/* -- who has what ----------------------------------------------------------------------------------------------------------------- */

char *enroll_ledger_owner(const struct enroll_authority *a, const struct reload_id *node)
{
	char hex[RELOAD_ID_HEX];
	return accounts_owner(a->accounts, reload_id_hex(hex, node));
}

bool enroll_ledger_issuer(
	const struct enroll_authority *a, const struct reload_id *node, char out[65])
{
	char *user = enroll_ledger_owner(a, node), hex[RELOAD_ID_HEX];
	json_t *entry = user ? accounts_entry(a->accounts, user) : NULL;
	const char *issuer = "";
	const json_t *cert;
	size_t i;
	reload_id_hex(hex, node);
	json_array_foreach (json_object_get(entry, "certificates"), i, cert) {
		if (holds(json_object_get(cert, "node_ids"), hex))
			issuer = json_string_value(json_object_get(cert, "issuer"));
	}
	snprintf(out, 65, "%.64s", issuer);
	json_decref(entry);
	free(user);
	return *out != 0;
}

enum reload_err enroll_ledger_revoke(struct enroll_authority *a, const char *user,
	const struct reload_id *node, struct reload_error_text *why)
{
	char hex[RELOAD_ID_HEX];
	enum reload_err err = accounts_revoke_node(a->accounts, reload_id_hex(hex, node), why);
	json_t *entry = err ? NULL : accounts_entry(a->accounts, user);
	if (!err && !json_array_size(json_object_get(entry, "node_ids")))
		err = accounts_disable(a->accounts, user, true, why);
	json_decref(entry);
	return err;
}
