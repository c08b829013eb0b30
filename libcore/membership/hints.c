#include "membership/hints.h"

/*
 * Hints (concepts document s2.5, s5.4).  Whoever is on the local network can announce any address for any overlay, as often as it
 * likes.  So a hint is only an address to dial: the certificate at its other end decides, and then its route into the overlay is asked for, as
 * that of a remembered peer is.
 *
 *	hint --a search for a join, RELOAD_HINTS_DIALLED at a time--> dialled --certificate--> up --the search takes it--> (verified)
 *	  ^                                                              |                      |
 *	  +----------------- nothing within the limit, refused ----------+      another led into the overlay: closed
 *
 * What is on the local network answers in milliseconds: the limit of a dial is short, and doubles with each search that leads nowhere, up
 * to DIAL_MAX_MS, for a node that is busy.  Each search dials them in another order.
 *
 * News end the pause before the next search, or a node that comes first would be noticed late.  Whoever announces a new address every second would
 * have each node of the network dial all of them as often, whoever is there; so between two such searches is a time that doubles.
 */

enum {
	DIAL_MS = 400,
	DIAL_MAX_MS = 5000,
	NEWS_MS = 2000,
	NEWS_MAX_MS = 60000
};

struct dial {
	struct reload_membership *membership;
	uint32_t link; /* 0: none */
	bool up;
	struct candidate to;
	struct reload_timer timer;
};

struct hints {
	struct candidate at[RELOAD_HINTS_MAX];
	size_t count, oldest;
	size_t next; /* of the search under way: these were dialled, the others not yet */
	bool searching;
	unsigned hastened; /* searches, one soon after the other */
	reload_ms hastened_at;
	reload_hints_fn changed;
	struct dial dials[RELOAD_HINTS_DIALLED];
};

static void dial_end(struct reload_membership *m, struct dial *d)
{
	reload_timer_cancel(&m->engine->timers, &d->timer);
	d->link = 0;
	d->up = false;
}

static void dial_more(struct reload_membership *m);

static void timed_out(void *arg)
{
	struct dial *d = arg;
	struct reload_membership *m = d->membership;
	uint32_t link = d->link;
	dial_end(m, d);
	reload_link_give_up(m->connections, link);
	dial_more(m);
	m->hints->changed(m);
}

static void dial(struct reload_membership *m, struct dial *d, const struct candidate *to)
{
	const struct reload_link_target target = { addr_of(to), RELOAD_LINK_NO_ICE };
	d->membership = m;
	d->to = *to;
	reload_timer_arm(&m->engine->timers, &d->timer,
		m->engine->now + reload_doubled(DIAL_MS, m->tries, DIAL_MAX_MS), timed_out, d);
	d->link = reload_link_open(m->connections, &target, 1);
}

static void dial_more(struct reload_membership *m)
{
	struct hints *h = m->hints;
	for (size_t i = 0; i < RELOAD_HINTS_DIALLED; i++)
		while (h->searching && !h->dials[i].link && h->next < h->count) {
			const struct candidate *to = &h->at[h->next++];
			if (!reload_candidate_is_own(m, to))
				dial(m, &h->dials[i], to);
		}
}

void reload_hints_begin(struct reload_membership *m, reload_hints_fn changed)
{
	struct hints *h = m->hints;
	if (!h)
		return;
	h->searching = true;
	h->changed = changed;
	h->next = h->oldest = 0;
	reload_candidates_shuffle(m, h->at, h->count);
	dial_more(m);
}

void reload_hints_end(struct reload_membership *m)
{
	struct hints *h = m->hints;
	if (!h)
		return;
	h->searching = false;
	for (size_t i = 0; i < RELOAD_HINTS_DIALLED; i++) {
		struct dial d = h->dials[i];
		dial_end(m, &h->dials[i]);
		struct reload_connection *con =
			d.up ? reload_connection_by_link(m->connections, d.link) : NULL;
		if (con)
			reload_link_drop(m->connections, con, RELOAD_OK);
		else if (d.link && !d.up)
			reload_link_give_up(m->connections, d.link);
	}
}

bool reload_hints_any(const struct reload_membership *m)
{
	return m->hints && m->hints->count;
}

bool reload_hints_pending(const struct reload_membership *m)
{
	const struct hints *h = m->hints;
	if (!h || !h->searching)
		return false;
	for (size_t i = 0; i < RELOAD_HINTS_DIALLED; i++)
		if (h->dials[i].link)
			return true;
	return h->next < h->count;
}

struct reload_connection *reload_hints_take(struct reload_membership *m, struct candidate *at)
{
	struct reload_connection *con = NULL;
	for (size_t i = 0; m->hints && !con && i < RELOAD_HINTS_DIALLED; i++) {
		struct dial *d = &m->hints->dials[i];
		if (!d->up)
			continue;
		con = reload_connection_by_link(m->connections, d->link);
		*at = d->to;
		at->remembered = true;
		dial_end(m, d);
	}
	if (con)
		dial_more(m);
	return con;
}

static struct dial *dial_of(struct reload_membership *m, uint32_t link)
{
	for (size_t i = 0; m->hints && i < RELOAD_HINTS_DIALLED; i++)
		if (m->hints->dials[i].link == link)
			return &m->hints->dials[i];
	return NULL;
}

bool reload_hints_link_up(struct reload_membership *m, struct reload_connection *con)
{
	struct dial *d = dial_of(m, con->link);
	if (!d)
		return false;
	reload_timer_cancel(&m->engine->timers, &d->timer);
	d->up = true;
	return true;
}

bool reload_hints_link_down(struct reload_membership *m, uint32_t link)
{
	struct dial *d = dial_of(m, link);
	if (!d)
		return false;
	dial_end(m, d);
	dial_more(m);
	return true;
}

bool reload_hints_add(struct reload_membership *m, const struct reload_ip_port *addrs, size_t count)
{
	if (!m->hints)
		m->hints = RELOAD_NEW(hints);
	struct hints *h = m->hints;
	bool news = false;
	for (size_t i = 0; i < count; i++) {
		struct candidate c = candidate_of(&addrs[i]);
		bool known = false;
		for (size_t k = 0; k < h->count && !known; k++)
			known = same_addr(&h->at[k], &c);
		if (known || !usable(&addrs[i]))
			continue;
		news = true;
		if (h->count < RELOAD_HINTS_MAX) {
			h->at[h->count++] = c;
			continue;
		}
		h->at[h->oldest] = c; /* it may be dialled in the next search only */
		h->oldest = (h->oldest + 1) % RELOAD_HINTS_MAX;
	}
	dial_more(m);
	return news;
}

bool reload_hints_hasten(struct reload_membership *m)
{
	struct hints *h = m->hints;
	reload_ms now = m->engine->now;
	if (!h || !m->retry.armed)
		return false;
	if (now - h->hastened_at >= 2 * NEWS_MAX_MS)
		h->hastened = 0;
	if (h->hastened && now - h->hastened_at < reload_doubled(NEWS_MS, h->hastened, NEWS_MAX_MS))
		return false;
	h->hastened++;
	h->hastened_at = now;
	return true;
}

void reload_hints_clear(struct reload_membership *m)
{
	for (size_t i = 0; m->hints && i < RELOAD_HINTS_DIALLED; i++)
		reload_timer_cancel(&m->engine->timers, &m->hints->dials[i].timer);
	free(TAKE(m->hints));
}
