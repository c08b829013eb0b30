#include "exchange/internal.h"

/*
 * Requests that go in a circle.
 *
 * While the ring changes, two nodes may for some milliseconds each take the other for the next hop to a point: one has handed
 * the range over, the other is still verifying the Update that says so.  A request between them would run to and fro,
 * faster than the signature is checked, until its lists are too long, and would be repeated only seconds later.  So a
 * request that would go back over the link it came from, or that has been here before, waits, the longer the more often it
 * has been here, and is then routed by the tables of that time.
 *
 * While rings are apart or merge a circle may stand for seconds, and hold many peers: a request would pass ttl of them and grow
 * with each, again with each repetition.  The node that it visits for the VISITS_MAX-th time drops it (s13.6.5 wants amplification limited); its
 * repetition, seconds later, may find other tables.
 *
 * Limits: DELAYED_MAX messages and DELAYED_BYTES; at the maximum a request is forwarded at once.
 */

enum {
	DELAYED_MAX = 256,
	DELAYED_BYTES = 1024 * 1024,
	DELAY_MS = 2,
	DELAY_SHIFT = 3, /* eight times as long with each visit */
	VISITS_MAX = 4
};

struct delayed {
	TAILQ_ENTRY(delayed) entry;
	struct reload_exchange *exchange;
	struct reload_timer timer;
	void (*route)(
		struct reload_exchange *x, struct reload_connection *con, struct span message);
	uint32_t link;
	uint8_t *at;
	size_t len;
};

static void delayed_free(struct delayed *d)
{
	struct reload_exchange *x = d->exchange;
	TAILQ_REMOVE(&x->delayed, d, entry);
	x->delayed_count--;
	x->delayed_bytes -= d->len;
	reload_timer_cancel(&x->engine->timers, &d->timer);
	free(d->at);
	free(d);
}

static void delayed_due(void *arg)
{
	struct delayed *d = arg;
	struct reload_connection *con =
		reload_connection_by_link(d->exchange->connections, d->link);
	if (con)
		d->route(d->exchange, con, span_of(d->at, d->len));
	delayed_free(d);
}

static unsigned visits_before(const struct reload_exchange *x, struct span via)
{
	struct reload_destination hop;
	unsigned visits = 0;
	while (reload_list_first(&hop, &via, via, &x->engine->ctx))
		visits += hop.type == RELOAD_DEST_NODE && reload_id_eq(&hop.node, &x->engine->self);
	return visits;
}

bool reload_loop_delay(struct reload_exchange *x, const struct reload_connection *from,
	const struct reload_connection *to, const struct reload_header *header, struct span message,
	void (*route)(
		struct reload_exchange *x, struct reload_connection *con, struct span message))
{
	unsigned visits = visits_before(x, header->via_list);
	if (visits >= VISITS_MAX) {
		reload_engine_drop(x->engine, RELOAD_COUNT_DROP_NO_ROUTE, from->link,
			header->transaction_id, "goes in a circle");
		return true;
	}
	if ((from != to && !visits) || x->delayed_count >= DELAYED_MAX ||
		x->delayed_bytes + message.len > DELAYED_BYTES)
		return false;
	struct delayed *d = RELOAD_NEW(delayed);
	d->exchange = x;
	d->route = route;
	d->link = from->link;
	d->at = reload_memdup(message.at, message.len);
	d->len = message.len;
	TAILQ_INSERT_TAIL(&x->delayed, d, entry);
	x->delayed_count++;
	x->delayed_bytes += d->len;
	reload_timer_arm(&x->engine->timers, &d->timer,
		x->engine->now + ((reload_ms)DELAY_MS << (DELAY_SHIFT * visits)), delayed_due, d);
	return true;
}

void reload_loop_clear(struct reload_exchange *x)
{
	while (!TAILQ_EMPTY(&x->delayed))
		delayed_free(TAILQ_FIRST(&x->delayed));
}
