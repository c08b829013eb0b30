#include "reload-diag/copies.h"

#include "util/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	REPLICAS = 2,
	TRIES = 4,      /* replicas are sent after the Store was answered */
	AGAIN_MS = 500, /* between two of them */
	ANSWER_MS = 3000,
	ID_TEXT = 41,
	TEXT = 256
};

/* What the responsible peer holds of a Kind at a resource. */
struct original {
	const char *resource, *kind;
	const json_t *values;
};

/* One request at the pace of the audit; true with *result NULL: the overlay answered with an error, or nothing came in time. */
static bool ask(struct copies *c, const char *method, json_t *params, json_t **result,
	struct reload_call_error *error)
{
	reload_ms gap = c->rate ? RELOAD_SECOND / c->rate : 0, now = cli_monotonic();
	*result = NULL;
	c->unanswered = false;
	if (c->sent && c->sent + gap > now)
		cli_sleep(-1, c->sent + gap);
	c->sent = cli_monotonic();
	c->requests++;
	json_object_set_new(params, "timeout_ms", json_integer(ANSWER_MS));
	enum reload_err err =
		cli_link_call(c->link, method, params, c->cli->deadline, NULL, NULL, result, error);
	if (!err)
		return true;
	c->unanswered = err == RELOAD_TIMEOUT || err == RELOAD_REQUEST_TIMEOUT;
	c->lost += c->unanswered;
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
		if (c->unanswered)
			return true; /* which says nothing about its copy */
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

static const char *ring_at(const struct copies *c, size_t at)
{
	return json_string_value(json_array_get(c->ring, at % json_array_size(c->ring)));
}

/* Checks a resource of the peer at place `at` of the ring. */
static bool check_resource(
	struct copies *c, struct original *o, size_t at, struct reload_call_error *error)
{
	json_t *stat;
	size_t n = json_array_size(c->ring);
	const char *owner = ring_at(c, at);
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
			fine = check_replica(c, o, ring_at(c, at + i), error);
	}
	json_decref(stat);
	return fine;
}

/* -- which resources ---------------------------------------------------------------------------------------------------------- */

/*
 * Find names the first resource of a Kind at or behind a place, in the range of the peer that is responsible for that place.  So each range is walked from
 * its beginning, from one resource to the place behind it.  A walk is one Kind in one range; all walks take a step in turn, so that the limit
 * on resources cuts them all alike, and everything is looked at when there is less than that.
 */
struct walk {
	size_t peer;      /* its place in the ring */
	const char *kind; /* borrowed */
	char at[ID_TEXT]; /* where the next Find begins */
	bool done;
};

/* The place behind one, in hex digits of any length. */
static void step_behind(char id[ID_TEXT])
{
	for (size_t i = strlen(id); i-- > 0;) {
		id[i] = id[i] == '9' ? 'a' : id[i] == 'f' ? '0' : (char)(id[i] + 1);
		if (id[i] != '0')
			return;
	}
}

/* Whether x is reached before the place behind `end`, going round from `from`; all are texts of one length. */
static bool is_within(const char *from, const char *x, const char *end)
{
	bool x_around = strcmp(x, from) < 0, end_around = strcmp(end, from) < 0;
	return x_around == end_around ? strcmp(x, end) <= 0 : end_around;
}

/* One step of a walk: finds its next resource and checks it.  False: the agent does not answer any more, with error. */
static bool walk_step(struct copies *c, struct walk *w, struct reload_call_error *error)
{
	char target[sizeof("resource:") + ID_TEXT];
	json_t *found;
	snprintf(target, sizeof(target), "resource:%s", w->at);
	cli_progress(c->cli, "%zu resource%s, %zu cop%s", c->resources, cli_plural(c->resources),
		c->copies, c->copies == 1 ? "y" : "ies");
	if (!ask(c, "store.find", json_pack("{s:s, s:s}", "target", target, "kind", w->kind),
		    &found, error))
		return false;
	struct original o = { .resource = cli_get_text(found, "closest"), .kind = w->kind };
	const char *owner = ring_at(c, w->peer);
	bool fine = true;
	/* a resource of another peer is looked at in the range of that one */
	w->done = strlen(o.resource) != strlen(owner) || !is_within(w->at, o.resource, owner);
	if (!w->done) {
		fine = check_resource(c, &o, w->peer, error);
		w->done = !strcmp(o.resource, owner);
		snprintf(w->at, sizeof(w->at), "%s", o.resource);
		step_behind(w->at);
	}
	json_decref(found);
	return fine;
}

bool copies_check(struct copies *c, const json_t *kinds, const struct copies_range *ranges,
	size_t count, size_t max, struct reload_call_error *error)
{
	const json_t *kind, *list = json_object_get(kinds, "kinds");
	size_t walks_count = 0, left = 1, i;
	struct walk *walks = reload_alloc_array(count * json_array_size(list) + 1, sizeof(*walks));
	bool fine = true;
	for (size_t k = 0; k < count; k++)
		json_array_foreach (list, i, kind) {
			struct walk *w = &walks[walks_count++];
			*w = (struct walk){ .peer = ranges[k].peer,
				.kind = cli_get_text(kind, "kind") };
			snprintf(w->at, sizeof(w->at), "%s", ranges[k].from);
			step_behind(w->at);
		}
	while (fine && left) {
		left = 0;
		for (i = 0; fine && i < walks_count && c->resources < max; i++)
			if (!walks[i].done) {
				fine = walk_step(c, &walks[i], error);
				left += !walks[i].done;
			}
	}
	free(walks);
	return fine;
}
