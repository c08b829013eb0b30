#include "sim/reliable.h"

/*
 * The events to come, ordered by time, and by the order of queueing within a millisecond.  A wheel has a list for each of the next RELOAD_SIM_WHEEL
 * milliseconds, where nearly all events go; a heap has the later ones until the wheel gets there.  Wake-ups have a heap of their own with one
 * entry for each node; those of a millisecond come after its events, by index of the node.
 */

enum {
	ARITY = 4,
	BITS = 64
};

/* -- events -------------------------------------------------------------------------------------------------------------- */

struct reload_sim_event *reload_sim_event_new(struct reload_sim *s, enum reload_sim_event_type type,
	struct reload_sim_link *link, unsigned end, struct span data)
{
	struct reload_sim_event *ev = reload_realloc(NULL, sizeof(*ev) + data.len);
	*ev = (struct reload_sim_event){
		.link = link, .type = (uint8_t)type, .end = (uint8_t)end, .len = (uint32_t)data.len
	};
	if (data.len)
		memcpy(ev->data, data.at, data.len);
	if (link)
		link->refs++;
	s->memory += sizeof(*ev) + data.len;
	return ev;
}

void reload_sim_link_release(struct reload_sim *s, struct reload_sim_link *l)
{
	if (--l->refs)
		return;
	for (unsigned e = 0; e < 2; e++)
		reload_sim_reliable_free(s, &l->end[e]);
	for (unsigned e = 0; e < 2; e++)
		free(l->end[e].rto);
	s->memory -= sizeof(*l);
	free(l);
}

void reload_sim_event_free(struct reload_sim *s, struct reload_sim_event *ev)
{
	s->memory -= sizeof(*ev) + ev->len;
	if (ev->counted)
		ev->link->end[ev->end].queued -= ev->len;
	if (ev->link)
		reload_sim_link_release(s, ev->link);
	free(ev);
}

static void wheel_add(struct reload_sim_queue *q, struct reload_sim_event *ev)
{
	size_t i = ev->at % RELOAD_SIM_WHEEL;
	struct reload_sim_list *l = &q->wheel[i];
	ev->next = NULL;
	if (l->last)
		l->last->next = ev;
	else
		l->first = ev;
	l->last = ev;
	q->used[i / BITS] |= UINT64_C(1) << i % BITS;
}

static bool event_before(const struct reload_sim_event *a, const struct reload_sim_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void far_add(struct reload_sim_queue *q, struct reload_sim_event *ev)
{
	reload_grow(&q->far, &q->far_cap, q->far_count, sizeof(struct reload_sim_event *));
	size_t i = q->far_count++;
	for (; i && event_before(ev, q->far[(i - 1) / ARITY]); i = (i - 1) / ARITY)
		q->far[i] = q->far[(i - 1) / ARITY];
	q->far[i] = ev;
}

static struct reload_sim_event *far_take(struct reload_sim_queue *q)
{
	struct reload_sim_event *top = q->far[0], *moved = q->far[--q->far_count];
	size_t i = 0;
	for (;;) {
		size_t best = ARITY * i + 1, end = best + ARITY;
		if (best >= q->far_count)
			break;
		for (size_t c = best + 1; c < end && c < q->far_count; c++)
			if (event_before(q->far[c], q->far[best]))
				best = c;
		if (!event_before(q->far[best], moved))
			break;
		q->far[i] = q->far[best];
		i = best;
	}
	q->far[i] = moved;
	return top;
}

void reload_sim_event_queue(struct reload_sim *s, struct reload_sim_event *ev, reload_ms at)
{
	struct reload_sim_queue *q = &s->queue;
	ev->at = at < s->now ? s->now : at;
	ev->order = q->order++;
	if (ev->at - q->start < RELOAD_SIM_WHEEL)
		wheel_add(q, ev);
	else
		far_add(q, ev);
}

/* The first list of the wheel with an event; SIZE_MAX: there is none. */
static size_t wheel_first(const struct reload_sim_queue *q)
{
	size_t from = q->start % RELOAD_SIM_WHEEL, words = RELOAD_SIM_WHEEL / BITS;
	uint64_t mask = UINT64_MAX << from % BITS;
	for (size_t i = 0; i <= words; i++) {
		size_t w = (from / BITS + i) % words;
		uint64_t bits = q->used[w] & (i == 0 ? mask : i == words ? ~mask : UINT64_MAX);
		if (bits)
			return w * BITS + (size_t)__builtin_ctzll(bits);
	}
	return SIZE_MAX;
}

reload_ms reload_sim_event_next(const struct reload_sim *s)
{
	const struct reload_sim_queue *q = &s->queue;
	size_t i = wheel_first(q);
	if (i != SIZE_MAX)
		return q->wheel[i].first->at;
	return q->far_count ? q->far[0]->at : RELOAD_NEVER;
}

struct reload_sim_event *reload_sim_event_take(struct reload_sim *s, reload_ms until)
{
	struct reload_sim_queue *q = &s->queue;
	reload_ms at = reload_sim_event_next(s);
	if (at == RELOAD_NEVER || at > until)
		return NULL;
	q->start = at;
	while (q->far_count && q->far[0]->at - at < RELOAD_SIM_WHEEL)
		wheel_add(q, far_take(q));
	size_t i = at % RELOAD_SIM_WHEEL;
	struct reload_sim_list *l = &q->wheel[i];
	struct reload_sim_event *ev = l->first;
	l->first = ev->next;
	if (!l->first) {
		l->last = NULL;
		q->used[i / BITS] &= ~(UINT64_C(1) << i % BITS);
	}
	return ev;
}

/* -- wake-ups ------------------------------------------------------------------------------------------------------------ */

static bool wake_before(struct reload_sim_wake a, struct reload_sim_wake b)
{
	return a.at != b.at ? a.at < b.at : a.node < b.node;
}

static void wake_place(struct reload_sim *s, size_t i, struct reload_sim_wake w)
{
	s->queue.wakes[i] = w;
	s->nodes[w.node].wake_slot = (uint32_t)i + 1;
}

/* Puts w at index i of the heap, or moves it up or down from there. */
static void wake_sift(struct reload_sim *s, size_t i, struct reload_sim_wake w)
{
	struct reload_sim_queue *q = &s->queue;
	for (; i && wake_before(w, q->wakes[(i - 1) / ARITY]); i = (i - 1) / ARITY)
		wake_place(s, i, q->wakes[(i - 1) / ARITY]);
	for (;;) {
		size_t best = ARITY * i + 1, end = best + ARITY;
		if (best >= q->wakes_count)
			break;
		for (size_t c = best + 1; c < end && c < q->wakes_count; c++)
			if (wake_before(q->wakes[c], q->wakes[best]))
				best = c;
		if (!wake_before(q->wakes[best], w))
			break;
		wake_place(s, i, q->wakes[best]);
		i = best;
	}
	wake_place(s, i, w);
}

static void wake_remove(struct reload_sim_body *n)
{
	struct reload_sim *s = n->node.sim;
	struct reload_sim_queue *q = &s->queue;
	size_t i = n->wake_slot - 1;
	struct reload_sim_wake moved = q->wakes[--q->wakes_count];
	n->wake_slot = 0;
	if (i < q->wakes_count)
		wake_sift(s, i, moved);
}

void reload_sim_wake_set(struct reload_sim_body *n, reload_ms when)
{
	struct reload_sim *s = n->node.sim;
	struct reload_sim_queue *q = &s->queue;
	struct reload_sim_wake w = { when < s->now ? s->now : when, (uint32_t)n->node.index };
	n->wake = when == RELOAD_NEVER ? when : w.at;
	if (when == RELOAD_NEVER) {
		if (n->wake_slot)
			wake_remove(n);
	} else if (!n->wake_slot) {
		reload_grow(&q->wakes, &q->wakes_cap, q->wakes_count, sizeof(*q->wakes));
		wake_sift(s, q->wakes_count++, w);
	} else if (w.at < q->wakes[n->wake_slot - 1].at) {
		wake_sift(s, n->wake_slot - 1, w);
	} /* a later time is put right when the entry is reached: most change again before */
}

reload_ms reload_sim_wake_next(const struct reload_sim *s)
{
	return s->queue.wakes_count ? s->queue.wakes[0].at : RELOAD_NEVER;
}

struct reload_sim_body *reload_sim_wake_take(struct reload_sim *s)
{
	struct reload_sim_wake w = s->queue.wakes[0];
	struct reload_sim_body *n = &s->nodes[w.node];
	if (n->wake > w.at) {
		wake_sift(s, 0, (struct reload_sim_wake){ n->wake, w.node });
		return NULL;
	}
	wake_remove(n);
	n->wake = RELOAD_NEVER;
	return n;
}

void reload_sim_queue_clear(struct reload_sim *s)
{
	struct reload_sim_event *ev;
	while ((ev = reload_sim_event_take(s, RELOAD_NEVER - 1)))
		reload_sim_event_free(s, ev);
	free(s->queue.far);
	free(s->queue.wakes);
}
