/* The table of renewals in memory: what is in it, and whether there is room for more. */
#include "renewals_internal.h"

#include "common/output.h"

#include <stdlib.h>
#include <string.h>

static size_t size_of(const struct reload_stored_value *v, const char *name)
{
	return v->value.len + v->key.len + (name ? strlen(name) : 0);
}

void renewal_free(struct renewal *v)
{
	bytes_free(&v->key_bytes);
	bytes_free(&v->value_bytes);
	free(v->name);
	free(v);
}

void renewal_add(struct agent_renewals *k, struct renewal *v)
{
	v->all = k;
	TAILQ_INSERT_TAIL(&k->values, v, entry);
	k->count++;
	k->bytes += size_of(&v->value, v->name);
}

void renewal_cancel(struct renewal *v)
{
	struct agent_renewals *k = v->all;
	reload_timer_cancel(reload_poll_timers(k->agent->poll), &v->timer);
	v->next = 0;
	if (!v->request)
		return;
	reload_request_cancel(k->agent->peer, v->request);
	v->request = NULL;
	k->running--;
}

void renewal_remove(struct renewal *v)
{
	struct agent_renewals *k = v->all;
	renewal_cancel(v);
	TAILQ_REMOVE(&k->values, v, entry);
	k->count--;
	k->bytes -= size_of(&v->value, v->name);
	renewal_free(v);
}

bool renewal_is_at(const struct renewal *v, const struct agent_renewal_place *place)
{
	if (!reload_id_eq(&v->resource, &place->resource) || v->kind != place->kind)
		return false;
	return !place->value ||
	       (v->value.index == place->value->index && span_eq(v->value.key, place->value->key));
}

static struct renewal *find(const struct agent_renewals *k, const struct agent_renewal_place *place)
{
	struct renewal *v;
	TAILQ_FOREACH (v, &k->values, entry)
		if (renewal_is_at(v, place))
			return v;
	return NULL;
}

enum reload_err agent_renewals_room(const struct agent_renewals *k,
	const struct agent_renewal_place *place, const char *name, struct reload_error_text *why)
{
	const struct renewal *old = find(k, place);
	size_t count = k->count + !old, bytes = k->bytes -
						(old ? size_of(&old->value, old->name) : 0) +
						size_of(place->value, name);
	if (count <= AGENT_RENEWALS_MAX && bytes <= AGENT_RENEWALS_BYTES_MAX)
		return RELOAD_OK;
	reload_error_explain(why, RELOAD_LIMIT, "no room to keep another value",
		"an agent keeps %d values of %d bytes together", AGENT_RENEWALS_MAX,
		AGENT_RENEWALS_BYTES_MAX);
	reload_error_advise(
		why, "drop some of them: reload-store -a %s --list-kept", k->agent->instance);
	return RELOAD_LIMIT;
}

size_t agent_renewals_drop(struct agent_renewals *k, const struct agent_renewal_place *place)
{
	size_t count = 0;
	for (struct renewal *v = TAILQ_FIRST(&k->values), *next; v; v = next) {
		next = TAILQ_NEXT(v, entry);
		if (!renewal_is_at(v, place))
			continue;
		renewal_remove(v);
		count++;
	}
	k->dirty |= count > 0;
	return count;
}
