#include "reload-diag/copies.h"

#include "util/alloc.h"

#include <stdio.h>
#include <string.h>

enum {
	REPLICAS = 2,
	TRIES = 4,      /* replicas are sent after the Store was answered */
	AGAIN_MS = 500, /* between two of them */
	ANSWER_MS = 3000,
	TEXT = 256
};

/* What the responsible peer holds of a Kind at a resource. */
struct original {
	const char *resource, *kind;
	const json_t *values;
};

/* One request at the pace of the audit; true with *result NULL: the overlay answered with an error. */
static bool ask(struct copies *c, const char *method, json_t *params, json_t **result,
	struct reload_call_error *error)
{
	reload_ms gap = c->rate ? RELOAD_SECOND / c->rate : 0, now = cli_monotonic();
	*result = NULL;
	if (c->sent && c->sent + gap > now)
		cli_sleep(-1, c->sent + gap);
	c->sent = cli_monotonic();
	c->requests++;
	json_object_set_new(params, "timeout_ms", json_integer(ANSWER_MS));
	enum reload_err err =
		cli_link_call(c->link, method, params, c->cli->deadline, NULL, NULL, result, error);
	if (!err)
		return true;
	c->lost += err == RELOAD_TIMEOUT;
	c->late |= c->lost >= COPIES_LOST_MAX;
	c->late |= c->cli->deadline != RELOAD_NEVER && cli_monotonic() >= c->cli->deadline;
	if (err == RELOAD_NO_AGENT || err == RELOAD_CANCELLED || err == RELOAD_NOT_JOINED ||
		c->late)
		return false;
	reload_call_error_clear(error);
	return true;
}

static void fault(struct copies *c, const struct original *o, const char *node, const char *text)
{
	json_array_append_new(
		c->faults, json_pack("{s:s, s:s, s:s, s:s}", "node_id", node, "resource_id",
				   o->resource, "kind", o->kind, "text", text));
}

static bool same_place(const json_t *a, const json_t *b)
{
	return json_equal(json_object_get(a, "index"), json_object_get(b, "index")) &&
	       json_equal(json_object_get(a, "key"), json_object_get(b, "key"));
}

/* What is wrong with the copy of a value; NULL: nothing.  A copy may be newer, when the value was just replaced. */
static const char *compare(const json_t *value, const json_t *copies)
{
	const json_t *v;
	size_t i;
	json_array_foreach (copies, i, v) {
		if (!same_place(v, value))
			continue;
		int order = strcmp(
			cli_get_text(v, "storage_time"), cli_get_text(value, "storage_time"));
		if (order > 0 || (order == 0 && json_equal(json_object_get(v, "hash"),
							json_object_get(value, "hash"))))
			return NULL;
		return order ? "holds an older value of" : "holds another value of";
	}
	return "has no copy of";
}

static const char *compare_all(const struct original *o, const json_t *stat)
{
	const json_t *v;
	size_t i;
	json_array_foreach (o->values, i, v) {
		const char *what = cli_get_bool(v, "exists")
					   ? compare(v, json_object_get(stat, "values"))
					   : NULL;
		if (what)
			return what;
	}
	return NULL;
}

static bool stat_at(struct copies *c, const struct original *o, const char *node, json_t **result,
	struct reload_call_error *error)
{
	char target[80], at[80];
	snprintf(target, sizeof(target), "resource:%.40s", o->resource);
	snprintf(at, sizeof(at), "node:%.40s", node);
	json_t *params = json_pack("{s:s, s:s}", "target", target, "kind", o->kind);
	if (*node)
		json_object_set_new(params, "at", json_string(at));
	return ask(c, "store.stat", params, result, error);
}

static bool check_replica(struct copies *c, const struct original *o, const char *node,
	struct reload_call_error *error)
{
	const char *what = NULL;
	for (unsigned i = 0; i < TRIES; i++) {
		json_t *stat;
		if (i && !cli_sleep(-1, cli_monotonic() + AGAIN_MS))
			break;
		if (!stat_at(c, o, node, &stat, error))
			return false;
		what = compare_all(o, stat);
		json_decref(stat);
		if (!what)
			break;
	}
	c->copies++;
	if (what) {
		char text[TEXT];
		snprintf(text, sizeof(text), "replica %.8s %s Kind %.60s at resource:%.8s", node,
			what, o->kind, o->resource);
		fault(c, o, node, text);
	}
	return true;
}

/* The index of the peer that is responsible for a resource: the first at or after it, going round. */
static size_t owner_of(const json_t *ring, const char *resource)
{
	size_t i, n = json_array_size(ring);
	for (i = 0; i < n; i++)
		if (strcmp(json_string_value(json_array_get(ring, i)), resource) >= 0)
			return i;
	return 0;
}

static bool check_resource(struct copies *c, struct original *o, struct reload_call_error *error)
{
	json_t *stat;
	size_t n = json_array_size(c->ring), at = owner_of(c->ring, o->resource);
	const char *owner = json_string_value(json_array_get(c->ring, at));
	if (c->owner && strcmp(owner, c->owner) != 0)
		return true;
	if (!stat_at(c, o, "", &stat, error))
		return false;
	const char *holder = cli_get_text(stat, "responsible");
	bool fine = true;
	if (!stat)
		return true; /* it has expired, or was removed meanwhile */
	o->values = json_object_get(stat, "values");
	c->resources++;
	c->copies++;
	if (strcmp(holder, owner)) {
		char text[TEXT];
		snprintf(text, sizeof(text),
			"%.8s answers for resource:%.8s, which is the place of %.8s", holder,
			o->resource, owner);
		fault(c, o, holder, text);
	} else {
		for (size_t i = 1; fine && i <= REPLICAS && i < n; i++)
			fine = check_replica(c, o,
				json_string_value(json_array_get(c->ring, (at + i) % n)), error);
	}
	json_decref(stat);
	return fine;
}

bool copies_sample(struct copies *c, const json_t *kinds, const char *from, size_t max,
	json_t *seen, struct reload_call_error *error)
{
	const json_t *kind, *list = json_object_get(kinds, "kinds");
	size_t i;
	char target[80], key[128];
	snprintf(target, sizeof(target), "resource:%.40s", from);
	json_array_foreach (list, i, kind) {
		json_t *found;
		const char *name = cli_get_text(kind, "kind");
		if (c->resources >= max || !json_array_size(c->ring))
			return true;
		if (!ask(c, "store.find", json_pack("{s:s, s:s}", "target", target, "kind", name),
			    &found, error))
			return false;
		struct original o = { .resource = cli_get_text(found, "closest"), .kind = name };
		snprintf(key, sizeof(key), "%.40s %.60s", o.resource, name);
		bool fine = true;
		if (*o.resource && !json_object_get(seen, key)) {
			json_object_set_new(seen, key, json_true());
			fine = check_resource(c, &o, error);
		}
		json_decref(found);
		if (!fine)
			return false;
	}
	return true;
}
