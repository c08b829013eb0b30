#include "dns/dead_servers.h"

static bool same(const struct reload_locate_server *a, const struct reload_locate_server *b)
{
	return a->transport == b->transport && reload_ip_port_eq(&a->at, &b->at);
}

static struct reload_dead_server *find(
	struct reload_dead_servers *d, const struct reload_locate_server *server)
{
	for (size_t i = 0; i < d->count; i++)
		if (same(&d->at[i].server, server))
			return &d->at[i];
	return NULL;
}

/* A place for another server. */
static struct reload_dead_server *place(struct reload_dead_servers *d)
{
	struct reload_dead_server *first = &d->at[0];
	if (d->count < RELOAD_DEAD_MAX)
		return &d->at[d->count++];
	for (size_t i = 1; i < d->count; i++)
		if (d->at[i].until < first->until)
			first = &d->at[i];
	return first;
}

void reload_dead_failed(struct reload_dead_servers *d, const struct reload_locate_server *server,
	reload_ms now, reload_ms at_least)
{
	struct reload_dead_server *s = find(d, server);
	if (!s) {
		s = place(d);
		*s = (struct reload_dead_server){ .server = *server };
	}
	reload_ms penalty = reload_doubled(RELOAD_DEAD_FIRST_MS, s->failures, RELOAD_DEAD_MOST_MS);
	if (at_least > penalty)
		penalty = at_least < RELOAD_DEAD_MOST_MS ? at_least : RELOAD_DEAD_MOST_MS;
	s->failures++;
	s->until = now + penalty;
}

void reload_dead_answered(struct reload_dead_servers *d, const struct reload_locate_server *server)
{
	struct reload_dead_server *s = find(d, server);
	if (s)
		*s = d->at[--d->count];
}

/* When the penalty of a server ends, 0: it has none. */
static reload_ms until(const struct reload_dead_servers *d,
	const struct reload_locate_server *server, reload_ms now)
{
	for (size_t i = 0; i < d->count; i++)
		if (same(&d->at[i].server, server))
			return d->at[i].until > now ? d->at[i].until : 0;
	return 0;
}

void reload_dead_order(const struct reload_dead_servers *d, struct reload_locate_server *servers,
	size_t count, reload_ms now)
{
	for (size_t i = 1; i < count; i++)
		for (size_t k = i;
			k > 0 && until(d, &servers[k], now) < until(d, &servers[k - 1], now); k--) {
			struct reload_locate_server swap = servers[k];
			servers[k] = servers[k - 1];
			servers[k - 1] = swap;
		}
}
