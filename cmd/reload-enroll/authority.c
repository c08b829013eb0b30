/* The local authority: its key, its certificate, and the ledger of what it issued. */
#include "reload-enroll/enroll.h"

#include "reload-enroll/keypair.h"

#include "util/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LATEST_MAX = 32 /* certificates of the same Node-IDs in the ledger */
};

static enum reload_err no_authority(
	const char *overlay, const char *dir, struct reload_error_text *why)
{
	char what[256];
	snprintf(what, sizeof(what), "no authority of %.120s is here", overlay);
	enum reload_err err = reload_error_explain(
		why, RELOAD_BAD_CONFIG, what, "there is no directory %s", cli_path_show(dir));
	reload_error_advise(why, "reload-enroll init %s", overlay);
	return err;
}

static enum reload_err bad_ledger(
	const char *path, const char *cause, struct reload_error_text *why)
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

static bool entry_valid(const json_t *entry)
{
	const json_t *ids, *revoked = json_object_get(entry, "revoked");
	size_t i, j;
	const json_t *hex, *cert;
	if (!ids_valid(json_object_get(entry, "node_ids")) || (revoked && !ids_valid(revoked)) ||
		!json_is_array(json_object_get(entry, "certificates")))
		return false;
	json_array_foreach (json_object_get(entry, "certificates"), i, cert) {
		ids = json_object_get(cert, "node_ids");
		if (!json_is_array(ids))
			return false;
		json_array_foreach (ids, j, hex) {
			if (!json_is_string(hex))
				return false;
		}
	}
	return true;
}

static enum reload_err read_ledger(
	struct enroll_authority *a, reload_ms deadline, struct reload_error_text *why)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	json_error_t fault;
	const char *user;
	json_t *entry;
	enum reload_err err =
		cli_file_read(&bytes, &len, a->ledger_path, ENROLL_LEDGER_MAX, deadline, why);
	if (err)
		return err == RELOAD_TIMEOUT ? err : RELOAD_BAD_CONFIG;
	a->ledger = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, &fault);
	free(bytes);
	if (!a->ledger)
		return bad_ledger(a->ledger_path, fault.text, why);
	json_t *users = json_object_get(a->ledger, "users");
	if (!json_is_object(users))
		return bad_ledger(a->ledger_path, "it has no users", why);
	json_object_foreach (users, user, entry) {
		if (!entry_valid(entry))
			return bad_ledger(a->ledger_path, user, why);
	}
	return RELOAD_OK;
}

static enum reload_err read_authority(struct enroll_authority *a, reload_ms deadline,
	reload_utc now, struct reload_error_text *why)
{
	struct reload_cert **others = NULL;
	size_t others_count = 0;
	char *cert = enroll_join(a->dir, "cert.pem"), *lock = enroll_join(a->dir, "lock");
	enum reload_err err = cli_file_lock(&a->lock, lock, deadline, why);
	if (!err)
		err = cli_certs_load(&a->cert, &others, &others_count, cert, why);
	if (!err)
		err = cli_config_load(&a->config, a->config_path, a->overlay, now, why);
	if (!err && now >= a->cert->not_after) {
		err = reload_error_explain(why, RELOAD_CERT_EXPIRED,
			"the authority's certificate has expired",
			"no node would trust certificates that %s signs", cli_path_show(cert));
		reload_error_advise(why,
			"RELOAD_HOME=DIR reload-enroll init %s, a new authority for all nodes",
			a->overlay);
	}
	if (!err)
		err = read_ledger(a, deadline, why);
	cli_certs_free(others, others_count);
	free(cert);
	free(lock);
	return err;
}

enum reload_err enroll_authority_key(struct enroll_authority *a, struct cli *cli, char **passphrase,
	struct reload_error_text *why)
{
	struct enroll_keypair pair = { 0 };
	enum reload_err err = enroll_keypair_load(&pair, a->dir, cli, passphrase, why);
	if (!err)
		a->key = TAKE(pair.key);
	enroll_keypair_clear(&pair);
	return err;
}

enum reload_err enroll_authority_open(struct enroll_authority *out, const char *overlay,
	reload_ms deadline, reload_utc now, struct reload_error_text *why)
{
	struct enroll_authority a = { .lock = -1 };
	struct stat st;
	char *dir = NULL;
	enum reload_err err = cli_path(&dir, CLI_CONFIG, overlay, why);
	if (err)
		return err;
	a.overlay = reload_strdup(overlay);
	a.dir = enroll_join(dir, "ca");
	a.config_path = enroll_join(dir, "overlay.xml");
	a.ledger_path = enroll_join(a.dir, "issued.json");
	free(dir);
	if (stat(a.dir, &st))
		err = no_authority(overlay, a.dir, why);
	else
		err = read_authority(&a, deadline, now, why);
	if (err)
		enroll_authority_close(&a);
	else
		*out = a;
	return err;
}

void enroll_authority_close(struct enroll_authority *a)
{
	reload_cert_free(a->cert);
	reload_key_free(a->key);
	reload_config_free(a->config);
	json_decref(a->ledger);
	free(a->overlay);
	free(a->dir);
	free(a->config_path);
	free(a->ledger_path);
	if (a->dir && a->lock >= 0)
		close(a->lock);
	*a = (struct enroll_authority){ .lock = -1 };
}

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

/* The Node-IDs in the ledger, as read_ledger() found them. */
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

/* taken() returns whether a certificate was issued for that Node-ID. */
static bool taken(const json_t *users, const char *hex)
{
	const char *user;
	json_t *entry;
	json_object_foreach ((json_t *)users, user, entry) {
		if (holds(json_object_get(entry, "node_ids"), hex) ||
			holds(json_object_get(entry, "revoked"), hex))
			return true;
	}
	return false;
}

static json_t *entry_of(struct enroll_authority *a, const char *user)
{
	json_t *users = json_object_get(a->ledger, "users");
	json_t *entry = json_object_get(users, user);
	if (!entry) {
		entry = json_pack("{s:[], s:[]}", "node_ids", "certificates");
		json_object_set_new(users, user, entry);
	}
	return entry;
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

enum reload_err enroll_ledger_node_ids(struct enroll_authority *a, const char *user,
	const struct enroll_device *device, size_t *count,
	struct reload_id ids[RELOAD_CERT_NODE_IDS_MAX], struct reload_error_text *why)
{
	json_t *entry = entry_of(a, user);
	char hex[RELOAD_ID_HEX];
	size_t last = 0;
	enum reload_err err = RELOAD_OK;
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
	json_t *group = device_ids(entry, device, &last);
	if (!*count)
		*count = last ? last : 1;
	if (*count > RELOAD_CERT_NODE_IDS_MAX)
		*count = RELOAD_CERT_NODE_IDS_MAX;
	while (json_array_size(group) < *count) {
		do
			enroll_node_id(&ids[0], a->config->node_id_len);
		while (taken(json_object_get(a->ledger, "users"), reload_id_hex(hex, &ids[0])));
		json_array_append_new(group, json_string(hex));
		json_array_append_new(json_object_get(entry, "node_ids"), json_string(hex));
	}
	for (size_t i = 0; i < *count && !err; i++)
		if (reload_id_from_hex(&ids[i], json_string_value(json_array_get(group, i))) ||
			ids[i].len != a->config->node_id_len)
			err = bad_ledger(a->ledger_path,
				"a Node-ID has another length than the overlay's", why);
	json_decref(group);
	return err;
}

enum reload_err enroll_ledger_put(const struct enroll_authority *a, struct cli_files *files,
	size_t max, struct reload_error_text *why)
{
	char *text = enroll_ledger_text(a->ledger);
	size_t len = strlen(text);
	enum reload_err err = RELOAD_OK;
	if (len <= max) {
		cli_files_put(files, a->ledger_path, 0600, span_of(text, len));
	} else {
		char what[256];
		snprintf(what, sizeof(what), "%.200s is full", cli_path_show(a->ledger_path));
		err = reload_error_explain(
			why, RELOAD_LIMIT, what, "it has %zu MiB at most", max / 1024 / 1024);
		reload_error_advise(why, "reload-enroll init, for a further overlay");
	}
	free(text);
	return err;
}

void enroll_ledger_reserve(
	struct enroll_authority *a, const char *user, const struct reload_id *node)
{
	json_t *entry = entry_of(a, user);
	char hex[RELOAD_ID_HEX];
	json_array_append_new(
		json_object_get(entry, "node_ids"), json_string(reload_id_hex(hex, node)));
	json_object_set_new(entry, "reserved", json_true());
}

static bool all_in(const json_t *ids, const json_t *others)
{
	const json_t *id;
	size_t i;
	json_array_foreach (ids, i, id) {
		if (!holds(others, json_string_value(id)))
			return false;
	}
	return true;
}

/* Of the certificates whose Node-IDs are all in ids, the latest remain: renewals do not fill the ledger. */
static void drop_old(json_t *certs, const json_t *ids)
{
	size_t kept = 0;
	for (size_t i = json_array_size(certs); i-- > 0;)
		if (all_in(json_object_get(json_array_get(certs, i), "node_ids"), ids) &&
			++kept >= LATEST_MAX)
			json_array_remove(certs, i);
}

void enroll_ledger_note(
	struct enroll_authority *a, const struct reload_cert *cert, const uint8_t serial[16])
{
	char number[33], print[65], issuer[65];
	json_t *certs = json_object_get(entry_of(a, cert->user), "certificates");
	json_t *ids = enroll_ids_json(cert->node_ids, cert->node_ids_count);
	drop_old(certs, ids);
	json_array_append_new(
		certs, json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "serial",
			       reload_hex(number, span_of(serial, 16)), "fingerprint",
			       reload_hex(print, span_of(cert->fingerprint, 32)), "issuer",
			       reload_hex(issuer, span_of(a->cert->fingerprint, 32)), "node_ids",
			       ids, "issued", cli_json_time(cert->not_before), "expires",
			       cli_json_time(cert->not_after)));
}

/* -- certificates ---------------------------------------------------------------------------------------------------------- */

enum reload_err enroll_certify(struct reload_cert **out, struct reload_cert_request *req,
	struct enroll_certify *with, struct reload_error_text *why)
{
	const struct enroll_authority *a = with->authority;
	struct wr der;
	enum reload_err err;
	wr_init(&der);
	if (a && req->not_after > a->cert->not_after)
		req->not_after =
			a->cert->not_after; /* a certificate must not outlive its authority */
	if (with->csr.len) {
		err = reload_cert_make_csr(&der, req, with->csr, a->cert, a->key, why);
		with->bad_csr = err != RELOAD_OK;
	} else {
		err = reload_cert_make(&der, req, with->key, a ? a->cert : NULL, a ? a->key : NULL);
		if (err)
			(void)reload_error_explain(
				why, err, "no certificate can be made", "%s", reload_err_text(err));
	}
	if (!err)
		err = reload_cert_parse(out, &reload_ident_openssl, wr_done(&der), why);
	if (!err)
		err = reload_trust_check(with->config->trust, *out, NULL, 0, with->now, why);
	wr_clear(&der);
	return err;
}

/* -- revoking ------------------------------------------------------------------------------------------------------------- */

const char *enroll_ledger_owner(const struct enroll_authority *a, const struct reload_id *node)
{
	const char *user;
	json_t *entry;
	char hex[RELOAD_ID_HEX];
	reload_id_hex(hex, node);
	json_object_foreach (json_object_get(a->ledger, "users"), user, entry) {
		if (holds(json_object_get(entry, "node_ids"), hex) ||
			holds(json_object_get(entry, "revoked"), hex))
			return user;
	}
	return NULL;
}

bool enroll_ledger_issuer(
	const struct enroll_authority *a, const struct reload_id *node, char out[65])
{
	const char *user = enroll_ledger_owner(a, node), *issuer = NULL;
	const json_t *cert;
	char hex[RELOAD_ID_HEX];
	size_t i;
	reload_id_hex(hex, node);
	json_array_foreach (
		json_object_get(user ? enroll_ledger_user(a, user) : NULL, "certificates"), i,
		cert) {
		if (holds(json_object_get(cert, "node_ids"), hex))
			issuer = json_string_value(json_object_get(cert, "issuer"));
	}
	snprintf(out, 65, "%.64s", issuer ? issuer : "");
	return issuer != NULL;
}

const json_t *enroll_ledger_user(const struct enroll_authority *a, const char *user)
{
	return json_object_get(json_object_get(a->ledger, "users"), user);
}

void enroll_ledger_disable(struct enroll_authority *a, const char *user, bool disabled)
{
	json_object_set_new(entry_of(a, user), "disabled", json_boolean(disabled));
}

void enroll_ledger_revoke(
	struct enroll_authority *a, const char *user, const struct reload_id *node)
{
	json_t *entry = entry_of(a, user), *ids = json_object_get(entry, "node_ids");
	json_t *revoked = json_object_get(entry, "revoked");
	char hex[RELOAD_ID_HEX];
	reload_id_hex(hex, node);
	if (!revoked) {
		revoked = json_array();
		json_object_set_new(entry, "revoked", revoked);
	}
	for (size_t i = json_array_size(ids); i-- > 0;) {
		if (strcmp(json_string_value(json_array_get(ids, i)), hex) != 0)
			continue;
		json_array_append(revoked, json_array_get(ids, i));
		json_array_remove(ids, i);
	}
	if (!json_array_size(ids))
		enroll_ledger_disable(a, user, true);
}
