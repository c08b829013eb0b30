#include "replica/internal.h"

/* Making and ending the room, and its small questions. */

enum {
	AGAIN = RELOAD_METHOD_REPEATABLE,
	READS = AGAIN | RELOAD_METHOD_BY_REPLICA
};

static const struct reload_method_row methods[] = {
	{ RELOAD_STORE_REQ, .moved = RELOAD_FORBIDDEN, .serve = reload_serve_store,
		.fits = reload_answer_fits },
	{ RELOAD_FETCH_REQ, .flags = READS, .moved = RELOAD_NOT_FOUND, .serve = reload_serve_fetch,
		.fits = reload_answer_fits, .values = reload_fetch_values,
		.answered = reload_fetch_answered },
	{ RELOAD_STAT_REQ, .flags = READS, .moved = RELOAD_NOT_FOUND, .serve = reload_serve_stat,
		.fits = reload_answer_fits },
	{ RELOAD_FIND_REQ, .flags = AGAIN, .moved = RELOAD_NOT_FOUND, .serve = reload_serve_find,
		.fits = reload_answer_fits },
};

struct reload_replica *reload_replica_new(const struct reload_replica_setup *setup)
{
	struct reload_replica *rep = RELOAD_NEW(reload_replica);
	rep->engine = setup->engine;
	rep->connections = setup->connections;
	rep->route = setup->route;
	rep->exchange = setup->exchange;
	rep->storage = setup->storage;
	rep->watch = setup->watch;
	rep->watch_arg = setup->watch_arg;
	TAILQ_INIT(&rep->handovers);
	TAILQ_INIT(&rep->owner_checks);
	TAILQ_INIT(&rep->commits);
	rep->push_watch = (struct reload_push_watch){ .no_room = reload_transfer_replica_range,
		.outdated = reload_pull };
	reload_exchange_methods(rep->exchange, methods, COUNT_OF(methods), rep);
	reload_expiry_look(rep);
	return rep;
}

void reload_replica_flush(struct reload_replica *rep)
{
	reload_commits_clear(rep);
}

void reload_replica_free(struct reload_replica *rep)
{
	if (!rep)
		return;
	reload_transfer_clear(rep);
	reload_owner_check_clear(rep);
	reload_pull_clear(rep);
	reload_values_forget(rep);
	reload_timer_cancel(&rep->engine->timers, &rep->expiry);
	free(rep);
}

static void store_range(void *arg, const struct reload_id *from, const struct reload_id *to,
	const struct reload_id *node, uint8_t replica_number, bool done)
{
	reload_transfer_range(arg, from, to, node, replica_number, done);
}

static void owner_check_range(void *arg, const struct reload_id *from, const struct reload_id *to)
{
	reload_owner_check_range(arg, from, to, false);
}

/* Nothing is forgotten before its owner is known to have it. */
static void forget_range(void *arg, const struct reload_id *from, const struct reload_id *to)
{
	reload_owner_check_range(arg, from, to, true);
}

struct reload_topology_data reload_replica_data(struct reload_replica *rep)
{
	return (struct reload_topology_data){ .arg = rep,
		.store_range = store_range,
		.owner_check_range = owner_check_range,
		.forget_range = forget_range };
}

void reload_replica_set_mode(struct reload_replica *rep, enum reload_replica_mode mode)
{
	rep->mode = mode;
}

void reload_replica_leave(struct reload_replica *rep)
{
	reload_transfer_own_range(rep);
}

bool reload_replica_moving(const struct reload_replica *rep)
{
	return reload_transfer_moving(rep);
}

void reload_replica_configured(struct reload_replica *rep, const struct reload_config *before)
{
	for (size_t i = 0; i < before->kinds.count; i++) {
		const struct reload_kind *old = &before->kinds.at[i];
		const struct reload_kind *kind = reload_config_kind(rep->engine->config, old->id);
		/* RFC 7374 s8: with another branching factor the places of all records are others */
		if (!kind || kind->branching_factor != old->branching_factor)
			rep->storage->ops->drop_kind(rep->storage, old->id);
	}
	reload_revoked_drop(rep, before);
}

bool reload_replica_storage_fails(const struct reload_replica *rep)
{
	return rep->storage->ops->failing && rep->storage->ops->failing(rep->storage);
}

size_t reload_replica_counts(
	const struct reload_replica *rep, reload_utc now, size_t *values, size_t *bytes)
{
	return rep->storage->ops->count(rep->storage, now, values, bytes);
}

void reload_replica_expire(struct reload_replica *rep)
{
	reload_expiry_look(rep);
}

size_t reload_replica_totals(struct reload_replica *rep, struct reload_kind_total *out, size_t max)
{
	reload_replica_expire(rep);
	return rep->storage->ops->totals(rep->storage, out, max);
}

size_t reload_replica_owner_checks(const struct reload_replica *rep)
{
	return rep->owner_checks_count;
}
