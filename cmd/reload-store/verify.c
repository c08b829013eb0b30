/*
 * --verify: what was stored is read back from the responsible peer and from each replica.  Replicas are sent after the
 * answer (RFC 6940 s7.4.1.2), so each is asked by Stat until it has a value that is not older, then once by Fetch, which
 * brings the value and its signature.
 */
#include "store.h"

#include "common/json.h"
#include "wire/codes.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	PEER_ANSWER_MS = 5000, /* limit for each peer, for all requests to it */
	RETRY_PAUSE_MS = 50,
	MIN_QUERY_MS = 300,   /* no request is sent with less time left */
	AGENT_MARGIN_MS = 300 /* the agent's limits end this long before that of the program */
};

struct verifier {
	struct cli *cli;
	struct cli_link *link;
	const json_t *params; /* the request of the Store */
	bool gone;            /* the agent */
};

struct wanted {
	const char *storage_time; /* RFC 3339; texts in this form sort like the times */
	const char *value;        /* base64 */
	bool exists;
};

/* The parameters (owned) that ask one node for the value that a Store with params wrote. */
static json_t *fetch_params(const json_t *params, const char *node)
{
	const json_t *value = json_array_get(json_object_get(params, "values"), 0),
		     *index = json_object_get(value, "index");
	char at[64];
	snprintf(at, sizeof(at), "node:%s", node);
	json_t *q = json_pack("{s:O, s:O, s:s}", "target", json_object_get(params, "target"),
		"kind", json_object_get(params, "kind"), "at", at);
	if (json_is_integer(index))
		json_object_set_new(q, "index",
			json_pack("{s:I, s:I}", "first", json_integer_value(index), "last",
				json_integer_value(index)));
	if (json_object_get(value, "key"))
		json_object_set_new(q, "keys", json_pack("[O]", json_object_get(value, "key")));
	return q;
}

static bool fits_stat(const struct wanted *w, const json_t *v)
{
	return cli_get_bool(v, "exists") &&
	       strcmp(cli_get_text(v, "storage_time"), w->storage_time) >= 0;
}

static bool fits_fetch(const struct wanted *w, const json_t *v)
{
	return cli_get_bool(v, "exists") && cli_get_bool(v, "valid") &&
	       strcmp(cli_get_text(v, "value"), w->value) == 0 &&
	       strcmp(cli_get_text(v, "storage_time"), w->storage_time) >= 0;
}

/* The time by which the peer that is asked now must have answered. */
static reload_ms limit_of(const struct cli *cli)
{
	reload_ms own = cli_monotonic() + PEER_ANSWER_MS;
	if (cli->deadline == RELOAD_NEVER)
		return own;
	reload_ms all = cli->deadline > AGENT_MARGIN_MS ? cli->deadline - AGENT_MARGIN_MS : 0;
	return own < all ? own : all;
}

/* Asks once whether the node holds what is wanted; else reason says why not.  The agent ends the request at `until`. */
static bool ask(struct verifier *v, const char *method, const char *node, const struct wanted *w,
	bool (*fits)(const struct wanted *w, const json_t *value), reload_ms until,
	char reason[160])
{
	struct reload_call_error error;
	json_t *result = NULL, *value, *params;
	size_t i;
	bool held = false;
	reload_ms now = cli_monotonic();
	if (v->gone || now + MIN_QUERY_MS > until) {
		snprintf(reason, 160, "%s",
			v->gone ? "the agent is gone" : "no time was left to ask it");
		return false;
	}
	params = fetch_params(v->params, node);
	json_object_set_new(params, "timeout_ms", json_integer((json_int_t)(until - now)));
	enum reload_err err =
		cli_link_call(v->link, method, params, RELOAD_NEVER, NULL, NULL, &result, &error);
	if (err) {
		held = !w->exists && (err == RELOAD_NO_VALUE || err == RELOAD_NOT_FOUND);
		v->gone = err == RELOAD_NO_AGENT;
		snprintf(reason, 160, "%.159s", error.failure.why.reason);
		reload_call_error_clear(&error);
		return held;
	}
	json_array_foreach (json_object_get(result, "values"), i, value)
		held |= w->exists && fits(w, value);
	if (!held)
		snprintf(reason, 160, "%s",
			w->exists ? "it holds another value, or an older one" : "it holds a value");
	json_decref(result);
	return held;
}

static json_t *verify_node(
	struct verifier *v, const struct wanted *w, const char *node, const char *role)
{
	char reason[160] = "";
	reload_ms until = limit_of(v->cli);
	bool held;
	cli_progress(v->cli, "reading back from %.8s", node);
	while (!(held = ask(v, "store.stat", node, w, fits_stat, until, reason)) && !v->gone &&
		cli_monotonic() + RETRY_PAUSE_MS + MIN_QUERY_MS < until)
		nanosleep(&(struct timespec){ 0, RETRY_PAUSE_MS * 1000000L }, NULL);
	if (held && w->exists)
		held = ask(v, "store.fetch", node, w, fits_fetch, limit_of(v->cli), reason);
	return json_pack("{s:s, s:s, s:b, s:o}", "node_id", node, "role", role, "held", (int)held,
		"why", held ? json_null() : json_of_text(reason));
}

size_t store_verify(struct cli *cli, struct cli_link *link, const json_t *params, json_t *result)
{
	const json_t *value = json_array_get(json_object_get(params, "values"), 0);
	struct verifier v = { .cli = cli, .link = link, .params = params };
	struct wanted w = { .storage_time = cli_get_text(result, "storage_time"),
		.value = cli_get_text(value, "value"),
		.exists = cli_get_bool(result, "exists") };
	json_t *list = json_array(), *node;
	size_t i, missing = 0;
	json_array_append_new(
		list, verify_node(&v, &w, cli_get_text(result, "responsible"), "responsible"));
	json_array_foreach (json_object_get(result, "replicas"), i, node)
		json_array_append_new(
			list, verify_node(&v, &w, json_string_value(node), "replica"));
	json_array_foreach (list, i, node)
		missing += !cli_get_bool(node, "held");
	json_object_set_new(result, "verified", list);
	return missing;
}
