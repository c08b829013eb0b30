/*
 * Simple Reliability links over a network that loses, duplicates, reorders and delays datagrams: flows of messages, each from a
 * sending end to a receiving one, over a path each way.  Virtual time; all chance comes from one seed.
 */
#pragma once

#include "link/reliable.h"
#include "sim/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	FLOWS = 2,
	OVERHEAD = 28 + 37, /* bytes around a frame: IP and UDP, the DTLS record of AES-GCM */
	CHANNEL_QUEUE = 64, /* messages */
	CHANNEL_QUEUE_BYTES = 64 * 1200,
	MS_IN_US = 1000,
	MILLION = 1000000
};

/* one direction; several flows may share it */
struct path {
	uint32_t loss, duplicates;    /* in a million */
	reload_ms delay, jitter;      /* a datagram takes delay to delay + jitter */
	uint64_t bits_s;              /* 0: no bottleneck */
	size_t queue_bytes;           /* what waits before the bottleneck, at most */
	uint64_t free_us;             /* when the bottleneck has sent all that waits */
	reload_ms down_from, down_to; /* everything is lost in between */
	uint64_t carried, dropped;    /* datagrams */
};

/* a datagram under way */
struct flying {
	uint64_t at_us, order;
	unsigned flow;
	bool back; /* to the sending end */
	size_t len;
	uint8_t *bytes; /* owned */
};

struct flow {
	struct reload_reliable ends[2]; /* that sends, that receives */
	struct path *forth, *back;
	size_t size;               /* of each message, at least 4 bytes */
	uint32_t messages, queued; /* to be sent in all, given to the sending end yet */
	reload_ms start;
	uint8_t *arrived; /* a bit for each message; owned */
	uint32_t delivered, again;
	reload_ms bad_from; /* the link was bad first; 0: never */
};

struct channel {
	struct reload_prng chance;
	reload_ms now;
	struct flow flows[FLOWS];
	unsigned flow_count;
	struct flying *heap; /* owned; earliest first */
	size_t flying, room, flying_most;
	uint64_t order;
};

static inline bool earlier(const struct flying *a, const struct flying *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static inline void heap_push(struct channel *c, struct flying f)
{
	reload_grow(&c->heap, &c->room, c->flying, sizeof(f));
	size_t at = c->flying++;
	if (c->flying > c->flying_most)
		c->flying_most = c->flying;
	for (; at && earlier(&f, &c->heap[(at - 1) / 2]); at = (at - 1) / 2)
		c->heap[at] = c->heap[(at - 1) / 2];
	c->heap[at] = f;
}

static inline struct flying heap_pop(struct channel *c)
{
	struct flying first = c->heap[0], last = c->heap[--c->flying];
	size_t at = 0;
	for (size_t child; (child = 2 * at + 1) < c->flying; at = child) {
		if (child + 1 < c->flying && earlier(&c->heap[child + 1], &c->heap[child]))
			child++;
		if (!earlier(&c->heap[child], &last))
			break;
		c->heap[at] = c->heap[child];
	}
	if (c->flying)
		c->heap[at] = last;
	return first;
}

static inline void carry(struct channel *c, unsigned flow, bool back, struct span datagram)
{
	struct path *p = back ? c->flows[flow].back : c->flows[flow].forth;
	uint64_t now_us = c->now * MS_IN_US, leaves_us = now_us;
	if (p->bits_s) {
		uint64_t wait_us = p->free_us > now_us ? p->free_us - now_us : 0;
		uint64_t bits = (datagram.len + OVERHEAD) * 8;
		if (wait_us * p->bits_s / MILLION + bits > p->queue_bytes * 8) {
			p->dropped++;
			return;
		}
		leaves_us = now_us + wait_us + bits * MILLION / p->bits_s;
		p->free_us = leaves_us;
	}
	if ((c->now >= p->down_from && c->now < p->down_to) ||
		reload_prng_chance(&c->chance, p->loss)) {
		p->dropped++;
		return;
	}
	unsigned copies = 1 + reload_prng_chance(&c->chance, p->duplicates);
	for (unsigned i = 0; i < copies; i++) {
		uint64_t late = reload_prng_below(&c->chance, p->jitter * MS_IN_US + 1);
		heap_push(c, (struct flying){ .at_us = leaves_us + p->delay * MS_IN_US + late,
				     .order = c->order++,
				     .flow = flow,
				     .back = back,
				     .len = datagram.len,
				     .bytes = reload_memdup(datagram.at, datagram.len) });
		p->carried++;
	}
}

static inline void give_out(struct channel *c, unsigned flow, unsigned end)
{
	struct span datagram;
	while (reload_reliable_next(&c->flows[flow].ends[end], c->now, &datagram))
		carry(c, flow, end == 1, datagram);
}

static inline void deliver(struct flow *f, struct span message)
{
	struct rd r = rd_of(message);
	uint32_t id = rd_u32(&r);
	assert_true(id < f->messages && message.len == f->size);
	f->again += f->arrived[id / 8] >> (id % 8) & 1;
	f->delivered += !(f->arrived[id / 8] >> (id % 8) & 1);
	f->arrived[id / 8] |= (uint8_t)(1 << (id % 8));
}

static inline void arrive(struct channel *c, const struct flying *d)
{
	struct flow *f = &c->flows[d->flow];
	struct reload_reliable *end = &f->ends[!d->back];
	struct span in = span_of(d->bytes, d->len);
	struct reload_framing_item item;
	enum reload_framing_step step;
	while ((step = reload_reliable_input(end, &in, c->now, &item)) == RELOAD_FRAMING_DATA)
		deliver(f, item.message);
	assert_int_equal(step, RELOAD_FRAMING_MORE);
	give_out(c, d->flow, !d->back);
	free(d->bytes);
}

/* the program behind a sending end: queues as much as it can */
static inline void offer(struct channel *c, unsigned flow)
{
	struct flow *f = &c->flows[flow];
	uint8_t message[2000] = { 0 };
	for (; c->now >= f->start && f->queued < f->messages; f->queued++) {
		struct wr w = wr_fixed(message, sizeof(message));
		wr_u32(&w, f->queued);
		if (!reload_reliable_queue(&f->ends[0], span_of(message, f->size)))
			break;
	}
	give_out(c, flow, 0);
	enum reload_health health = reload_reliable_health(&f->ends[0]);
	if (health == RELOAD_HEALTH_BAD && !f->bad_from)
		f->bad_from = c->now;
	assert_true(f->ends[0].queued_bytes <= CHANNEL_QUEUE_BYTES);
	assert_true(f->ends[0].queued <= CHANNEL_QUEUE && f->ends[0].unacked_count <= 32);
}

static inline reload_ms channel_next(struct channel *c)
{
	reload_ms next = RELOAD_NEVER;
	if (c->flying)
		next = (c->heap[0].at_us + MS_IN_US - 1) / MS_IN_US;
	for (unsigned i = 0; i < c->flow_count; i++) {
		reload_ms due = reload_reliable_due(&c->flows[i].ends[0], c->now);
		if (c->flows[i].start > c->now && c->flows[i].start < due)
			due = c->flows[i].start;
		next = due < next ? due : next;
	}
	return next;
}

/* until all is acknowledged, a link is lost, or the time `until` has come */
static inline void channel_run(struct channel *c, reload_ms until)
{
	for (unsigned i = 0; i < c->flow_count; i++)
		offer(c, i);
	for (reload_ms next; (next = channel_next(c)) != RELOAD_NEVER && next <= until;) {
		assert_true(next > c->now); /* what is due is never due again at once */
		c->now = next;
		while (c->flying && c->heap[0].at_us <= c->now * MS_IN_US) {
			struct flying d = heap_pop(c);
			arrive(c, &d);
		}
		for (unsigned i = 0; i < c->flow_count; i++)
			offer(c, i);
	}
}

static inline struct flow *channel_flow(struct channel *c, struct path *forth, struct path *back,
	enum reload_reliable_policy policy, size_t size, uint32_t messages)
{
	struct flow *f = &c->flows[c->flow_count++];
	struct reload_reliable_setup setup = { .policy = policy,
		.max_message = 2000,
		.max_queue_bytes = CHANNEL_QUEUE_BYTES,
		.max_queue = CHANNEL_QUEUE,
		.repeat_ms = 1500,
		.repeat_key = { 1, 2 } };
	*f = (struct flow){ .forth = forth, .back = back, .size = size, .messages = messages };
	f->arrived = reload_alloc(messages / 8 + 1);
	for (int i = 0; i < 2; i++)
		reload_reliable_init(&f->ends[i], &setup);
	return f;
}

static inline void channel_start(struct channel *c, uint64_t seed)
{
	*c = (struct channel){ .now = 0 };
	reload_prng_seed(&c->chance, seed);
}

static inline void channel_end(struct channel *c)
{
	while (c->flying)
		free(heap_pop(c).bytes);
	free(c->heap);
	for (unsigned i = 0; i < c->flow_count; i++) {
		reload_reliable_clear(&c->flows[i].ends[0]);
		reload_reliable_clear(&c->flows[i].ends[1]);
		free(c->flows[i].arrived);
	}
}
