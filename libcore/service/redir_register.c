/* A provider's round through the tree of its service (RFC 7374 s4.3), and when the next one is due (s4.4). */
#include "service/redir_internal.h"

void reload_redir_register(struct reload_redir_registration *r, const struct reload_id *id,
	uint32_t branching, unsigned start)
{
	*r = (struct reload_redir_registration){ .id = *id, .branching = branching };
	r->start = r->level = reload_redir_start(branching, start);
}

struct reload_redir_step reload_redir_register_next(const struct reload_redir_registration *r)
{
	return (struct reload_redir_step){
		.action = r->ended     ? RELOAD_REDIR_END
			  : r->fetched ? RELOAD_REDIR_STORE
				       : RELOAD_REDIR_FETCH,
		.place = reload_redir_place(&r->id, r->branching, r->level),
	};
}

static void note_failure(struct reload_redir_registration *r, enum reload_err err)
{
	if (!r->incomplete)
		r->err = err;
	r->incomplete = true;
}

/* What is assumed of a tree node that could not be read: the provider stores there and goes on; only a crowded one has providers below it. */
static struct reload_redir_view unread(enum reload_err err)
{
	return (struct reload_redir_view){ .extreme_in_node = true,
		.extreme_in_interval = true,
		.alone = err != RELOAD_RESPONSE_TOO_LARGE };
}

/* Goes down one level, or ends where the provider is alone or the tree is (R7374-11). */
static void go_down(struct reload_redir_registration *r)
{
	const struct reload_redir_view *v = r->level == r->start ? &r->first : &r->view;
	if (v->alone || r->level == reload_redir_deepest(r->branching))
		r->ended = true;
	else
		r->level++;
	r->fetched = false;
}

static void begin_downward(struct reload_redir_registration *r)
{
	r->downward = true;
	r->level = r->start; /* its Fetch and Store were made on the way up */
	go_down(r);
}

/* R7374-10: at the starting level the whole tree node counts, above it the interval. */
static void go_up(struct reload_redir_registration *r)
{
	bool extreme = r->level == r->start ? r->view.extreme_in_node : r->view.extreme_in_interval;
	r->fetched = false;
	if (extreme && r->level > 0)
		r->level--;
	else
		begin_downward(r);
}

void reload_redir_register_fetched(struct reload_redir_registration *r, enum reload_err err,
	const struct reload_redir_entry *entries, size_t count)
{
	r->fetches++;
	bool read = err == RELOAD_OK || err == RELOAD_NOT_FOUND;
	r->view = read ? reload_redir_view_of(
				 &r->id, &r->id, r->branching, r->level, entries, err ? 0 : count)
		       : unread(err);
	if (!read && err != RELOAD_RESPONSE_TOO_LARGE)
		note_failure(r, err);
	if (r->level == r->start && !r->downward)
		r->first = r->view;
	/* R7374-9: on the way up it always stores, on the way down where it is the lowest or highest */
	r->fetched = !r->downward || r->view.extreme_in_interval;
	if (!r->fetched)
		go_down(r);
}

void reload_redir_register_stored(struct reload_redir_registration *r, enum reload_err err)
{
	r->stores++;
	/* a request that was not answered may have been served */
	if (!err || err == RELOAD_TIMEOUT)
		r->stored |= 1u << r->level;
	if (err)
		note_failure(r, err);
	if (r->downward)
		go_down(r);
	else
		go_up(r);
}

void reload_redir_register_cancel(struct reload_redir_registration *r)
{
	if (r->ended)
		return;
	if (r->fetched)
		r->stored |= 1u << r->level;
	note_failure(r, RELOAD_CANCELLED);
	r->ended = true;
}

reload_ms reload_redir_refresh_in(
	uint32_t lifetime_s, bool first, unsigned failures, uint64_t random)
{
	reload_ms lifetime = (reload_ms)lifetime_s * RELOAD_SECOND, usual = lifetime / 10 * 9;
	reload_ms retry =
		reload_doubled(RELOAD_REDIR_RETRY_MS, failures ? failures - 1 : 0, lifetime / 8);
	if (failures)
		return retry + random % (retry / 4 + 1);
	if (first) /* R7374-15: a random first phase */
		return usual / 10 + random % (usual - usual / 10 + 1);
	return usual - lifetime / 20 + random % (lifetime / 10 + 1);
}
