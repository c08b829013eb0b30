/*
 * The table of renewals on disk: one JSON object that is replaced as a whole.  It is checked when it is read, like any
 * input.
 */
#include "renewals_internal.h"

#include "common/files.h"
#include "common/home.h"
#include "common/json.h"
#include "control/fields.h"
#include "log.h"
#include "services.h"
#include "util/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	VERSION = 1,
	SAVE_MS = 1000, /* changes within that time are written together */
	FILE_MAX = 2 * AGENT_RENEWALS_BYTES_MAX + AGENT_RENEWALS_MAX * 1024,
	READ_MS = 10000
};

static const struct reload_field *const file_fields = FIELDS({ INT("version", VERSION, VERSION) },
	{ TEXT("overlay") },
	{ LIST("kept",
		  OBJECT("", { HEX("resource_id") }, { TEXT("name"), OPTIONAL },
			  { INT("kind_id", 1, UINT32_MAX) },
			  { INT("data_model", RELOAD_MODEL_SINGLE, RELOAD_MODEL_DICTIONARY) },
			  { INT("index", 0, UINT32_MAX) }, { HEX("key"), ATMOST(131070) },
			  { BASE64("value"), ATMOST(2 * AGENT_RENEWALS_BYTES_MAX) },
			  { INT("lifetime_s", 1, UINT32_MAX) }, { INT("stored_ms", 0, INT64_MAX) },
			  { U64("generation") }, { BOOL("superseded") })),
		ATMOST(AGENT_RENEWALS_MAX) },
	{ LIST("services", OBJECT("", { TEXT("service"), ATMOST(RELOAD_REDIR_NAMESPACE_MAX) },
				   { INT("lifetime_s", 1, UINT32_MAX) })),
		OPTIONAL, ATMOST(AGENT_SERVICES_MAX) });

static json_t *value_json(const struct renewal *v)
{
	char *base64 = reload_base64(v->value.value);
	json_t *o = json_pack("{s:o, s:o, s:I, s:i, s:I, s:o, s:s, s:I, s:I, s:o, s:b}",
		"resource_id", json_of_id(&v->resource), "name", json_of_text(v->name), "kind_id",
		(json_int_t)v->kind, "data_model", (int)v->value.model, "index",
		(json_int_t)v->value.index, "key", json_of_hex(v->value.key), "value", base64,
		"lifetime_s", (json_int_t)v->lifetime_s, "stored_ms", (json_int_t)v->stored,
		"generation", json_of_u64(v->generation), "superseded", (int)v->superseded);
	free(base64);
	return o;
}

enum reload_err agent_renewals_writable(
	const struct agent_renewals *k, struct reload_error_text *why)
{
	if (k->path)
		return RELOAD_OK;
	reload_error_explain(why, RELOAD_IO, "values cannot be kept", "%s%s",
		k->unread ? k->unread : "no place for state is known",
		k->unread ? " could not be read and is not written over" : "");
	if (k->unread)
		reload_error_advise(why, "move that file away and start the agent again");
	return RELOAD_IO;
}

static enum reload_err write_file(const char *path, const char *text, struct reload_error_text *why)
{
	AUTO(cli_files) files = cli_files_new();
	char *dir = reload_strdup(path);
	*strrchr(dir, '/') = 0;
	enum reload_err err = cli_files_mkdir(files, dir, 0700, why);
	free(dir);
	if (err)
		return err;
	cli_files_put(files, path, 0600, span_str(text));
	return cli_files_commit(files, why);
}

enum reload_err agent_renewals_save(struct agent_renewals *k, struct reload_error_text *why)
{
	enum reload_err err = agent_renewals_writable(k, why);
	if (err)
		return err;
	const struct reload_config *config = reload_peer_config(k->agent->peer);
	const struct renewal *v;
	json_t *list = json_array();
	TAILQ_FOREACH (v, &k->values, entry)
		json_array_append_new(list, value_json(v));
	json_t *root = json_pack("{s:i, s:s, s:o, s:o}", "version", VERSION, "overlay",
		config->instance_name, "kept", list, "services", agent_services_saved(k->services));
	char *text = json_dumps(root, JSON_INDENT(1));
	json_decref(root);
	err = write_file(k->path, text, why);
	free(text);
	k->dirty = err != RELOAD_OK;
	return err;
}

void renewals_flush(struct agent_renewals *k)
{
	struct reload_error_text why;
	if (k->dirty && agent_renewals_save(k, &why))
		agent_log(k->agent->log, "storage", RELOAD_LEVEL_ERROR, "%s reason=\"%s\"",
			why.what, why.reason);
}

static void save(void *arg)
{
	renewals_flush(arg);
}

void renewals_dirty(struct agent_renewals *k)
{
	k->dirty = true;
	if (!k->save.armed)
		reload_timer_arm(reload_poll_timers(k->agent->poll), &k->save,
			reload_poll_now() + SAVE_MS, save, k);
}

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static uint64_t number_of(const json_t *o, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(o, key));
}

/* Takes an entry, whose fields were checked. */
static enum reload_err read_value(struct agent_renewals *k, const json_t *o)
{
	const char *key = text_of(o, "key"), *base64 = text_of(o, "value"),
		   *name = text_of(o, "name");
	struct renewal *v = RELOAD_NEW(renewal);
	v->value.model = (uint8_t)number_of(o, "data_model");
	v->value.index = (uint32_t)number_of(o, "index");
	v->value.exists = true;
	v->kind = (uint32_t)number_of(o, "kind_id");
	v->name = name ? reload_strdup(name) : NULL;
	v->lifetime_s = (uint32_t)number_of(o, "lifetime_s");
	v->stored = number_of(o, "stored_ms");
	v->generation = strtoull(text_of(o, "generation"), NULL, 10);
	v->superseded = json_is_true(json_object_get(o, "superseded"));
	v->key_bytes.len = strlen(key) / 2;
	v->key_bytes.at = reload_alloc(v->key_bytes.len + 1);
	v->value.key = bytes_span(v->key_bytes);
	enum reload_err err = reload_id_from_hex(&v->resource, text_of(o, "resource_id"));
	if (!err)
		err = reload_unhex(v->key_bytes.at, key, 2 * v->key_bytes.len);
	if (!err)
		err = reload_unbase64(
			&v->value_bytes.at, &v->value_bytes.len, base64, strlen(base64));
	v->value.value = bytes_span(v->value_bytes);
	struct agent_renewal_place place = { v->resource, v->kind, &v->value };
	struct reload_error_text why;
	if (!err)
		err = agent_renewals_room(k, &place, v->name, &why);
	if (err) {
		renewal_free(v);
		return err;
	}
	(void)agent_renewals_drop(k, &place);
	renewal_add(k, v);
	return RELOAD_OK;
}

static enum reload_err read_all(
	struct agent_renewals *k, const json_t *root, struct reload_error_text *why)
{
	size_t i;
	json_t *o;
	enum reload_err err = reload_fields_check(file_fields, root, why);
	if (err)
		return err;
	const char *overlay = reload_peer_config(k->agent->peer)->instance_name;
	if (strcmp(text_of(root, "overlay"), overlay) != 0)
		return reload_error_explain(why, RELOAD_BAD_VALUE, "kept values of another overlay",
			"they belong to %.200s", text_of(root, "overlay"));
	json_array_foreach (json_object_get(root, "kept"), i, o)
		if ((err = read_value(k, o)))
			return reload_error_explain(why, err, "a kept value cannot be read",
				"entry %zu: %s", i + 1, reload_err_text(err));
	err = agent_services_restore(k->services, json_object_get(root, "services"));
	return err ? reload_error_explain(why, err, "a service cannot be read",
			     "its namespace is not 1 to 255 bytes of UTF-8")
		   : RELOAD_OK;
}

static void put_aside(struct agent_renewals *k, const struct reload_error_text *why)
{
	size_t size = strlen(k->path) + sizeof(".damaged");
	char *aside = reload_alloc(size);
	snprintf(aside, size, "%s.damaged", k->path);
	bool moved = !rename(k->path, aside);
	agent_log(k->agent->log, "storage", RELOAD_LEVEL_ERROR,
		"kept values cannot be read reason=\"%s: %s\" %s%s", why->what, why->reason,
		moved ? "put aside as " : "left in place", moved ? aside : "");
	free(aside);
	if (!moved)
		k->unread = TAKE(k->path);
}

void renewals_load(struct agent_renewals *k)
{
	uint8_t *bytes;
	size_t len;
	struct reload_error_text why = { 0 };
	if (access(k->path, F_OK))
		return;
	if (cli_file_read(&bytes, &len, k->path, FILE_MAX, cli_monotonic() + READ_MS, &why)) {
		agent_log(k->agent->log, "storage", RELOAD_LEVEL_ERROR,
			"kept values cannot be read reason=\"%s: %s\"", why.what, why.reason);
		k->unread = TAKE(k->path);
		return;
	}
	json_t *root = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
	free(bytes);
	if (!root)
		(void)reload_error_explain(
			&why, RELOAD_BAD_JSON, "not a JSON text", "it was cut or changed");
	if (!root || read_all(k, root, &why)) {
		struct renewal *v;
		while ((v = TAILQ_FIRST(&k->values)))
			renewal_remove(v);
		put_aside(k, &why);
	}
	json_decref(root);
	k->dirty = false;
}
