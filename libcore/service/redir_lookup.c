/* The search for the provider that follows a key (RFC 7374 s4.5). */
#include "service/redir_internal.h"

void reload_redir_lookup(struct reload_redir_lookup *l, const struct reload_id *key,
	const struct reload_id *self, uint32_t branching, unsigned start, uint64_t random)
{
	*l = (struct reload_redir_lookup){ .key = *key, .branching = branching, .random = random };
	if (self)
		l->self = *self;
	l->level = reload_redir_start(branching, start);
}

bool reload_redir_lookup_next(const struct reload_redir_lookup *l, struct reload_redir_place *place)
{
	if (!l->ended)
		*place = reload_redir_place(&l->key, l->branching, l->level);
	return !l->ended;
}

static bool takes(const struct reload_redir_lookup *l, const struct reload_redir_entry *e)
{
	return reload_redir_entry_counts(e, &l->key, &l->self, l->branching, l->level);
}

static void take(struct reload_redir_lookup *l, const struct reload_redir_entry *e)
{
	l->provider = e->node;
	l->lifetime_s = e->lifetime_s;
	l->route_len = e->destination_list.len;
	if (l->route_len)
		memcpy(l->route, e->destination_list.at, l->route_len);
}

/* Remembers the closest follower of the key among all that was fetched (R7374-20). */
static void remember(
	struct reload_redir_lookup *l, const struct reload_redir_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (takes(l, &entries[i]) && reload_id_cmp(&entries[i].node, &l->key) >= 0 &&
			(!l->provider.len || reload_id_cmp(&entries[i].node, &l->provider) < 0))
			take(l, &entries[i]);
}

static void end(struct reload_redir_lookup *l, enum reload_err err)
{
	l->ended = true;
	l->err = err;
}

/* The walk came back to where it was: what it saw on the way decides, else the lookup is to be repeated later. */
static void end_with_seen(struct reload_redir_lookup *l, enum reload_err err)
{
	end(l, l->provider.len ? RELOAD_OK : err);
}

/* R7374-17 at the root: no provider follows the key, so that any of the first ones will do. */
static void end_at_root(
	struct reload_redir_lookup *l, const struct reload_redir_entry *entries, size_t count)
{
	size_t among = 0;
	for (size_t i = 0; i < count; i++)
		among += takes(l, &entries[i]);
	if (!among) {
		end_with_seen(l, RELOAD_NOT_FOUND);
		return;
	}
	uint64_t nth = l->random % among;
	for (size_t i = 0; i < count; i++)
		if (takes(l, &entries[i]) && nth-- == 0) {
			take(l, &entries[i]);
			break;
		}
	l->wrapped = true;
	end(l, RELOAD_OK);
}

/* Goes there, unless it came from there: two tree nodes that contradict each other would send it to and fro for ever. */
static void go_to(struct reload_redir_lookup *l, unsigned level)
{
	if (l->visited & 1u << level)
		end_with_seen(l, l->failed ? l->failed : RELOAD_BAD_ANSWER);
	else
		l->level = level;
}

/* One lookup more from the root on when a Fetch failed; a tree node that is too large for an answer has its providers below it, too. */
static void fetch_failed(struct reload_redir_lookup *l, enum reload_err err)
{
	l->failed = err;
	if (err == RELOAD_RESPONSE_TOO_LARGE && l->level < reload_redir_deepest(l->branching)) {
		go_to(l, l->level + 1);
	} else if (err == RELOAD_RESPONSE_TOO_LARGE || l->retried) {
		end_with_seen(l, err);
	} else {
		l->retried = true;
		l->visited = 0;
		l->level = 0;
	}
}

void reload_redir_lookup_fetched(struct reload_redir_lookup *l, enum reload_err err,
	const struct reload_redir_entry *entries, size_t count)
{
	bool read = err == RELOAD_OK || err == RELOAD_NOT_FOUND;
	if (err)
		count = 0;
	l->visited |= 1u << l->level;
	l->levels[l->fetches++] = (uint8_t)l->level;
	if (!read) {
		fetch_failed(l, err);
		return;
	}
	struct reload_redir_view v =
		reload_redir_view_of(&l->key, &l->self, l->branching, l->level, entries, count);
	bool known = l->provider.len > 0;
	remember(l, entries, count);
	if (!v.follower && !l->level && !known)
		end_at_root(l, entries, count);
	else if (!v.follower && !l->level)
		end_with_seen(l, RELOAD_NOT_FOUND);
	else if (!v.follower)
		go_to(l, l->level - 1);
	else if (!v.extreme_in_interval && l->level < reload_redir_deepest(l->branching))
		go_to(l, l->level + 1);
	else
		end_with_seen(l, RELOAD_BAD_ANSWER);
}

void reload_redir_history_add(struct reload_redir_history *h, unsigned level)
{
	h->levels[h->next] = (uint8_t)level;
	h->next = (h->next + 1) % RELOAD_REDIR_HISTORY;
	if (h->count < RELOAD_REDIR_HISTORY)
		h->count++;
}

unsigned reload_redir_history_start(const struct reload_redir_history *h)
{
	unsigned often[RELOAD_REDIR_LEVELS] = { 0 }, best = 0;
	if (!h->count)
		return RELOAD_REDIR_START;
	for (unsigned i = 0; i < h->count; i++)
		often[h->levels[i] % RELOAD_REDIR_LEVELS]++;
	for (unsigned level = 1; level < RELOAD_REDIR_LEVELS; level++)
		if (often[level] > often[best])
			best = level;
	return best;
}
