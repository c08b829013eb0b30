/* A fake host for one topology plug-in: what the plug-in asks of it is recorded, and time passes only when the test says so. */
#pragma once

#include "topology/chord_admit.h"
#include "topology/chord_damp.h"
#include "topology/chord_finger.h"
#include "topology/chord_informant.h"
#include "topology/chord_join.h"
#include "topology/chord_partition.h"
#include "topology/chord_past.h"
#include "topology/chord_pending.h"
#include "topology/chord_repair.h"
#include "topology/chord_route.h"
#include "topology/chord_tables.h"
#include "topology/chord_update.h"

#include <stdio.h>

enum {
	FAKE_ROWS = 1024
};

enum fake_what {
	FAKE_ATTACH,
	FAKE_JOIN,
	FAKE_UPDATE,
	FAKE_LEAVE,
	FAKE_STORES,
	FAKE_FORGET,
	FAKE_OWNER_CHECK,
	FAKE_PARTITION,
	FAKE_DISCONNECT,
	FAKE_PING,
	FAKE_PROBE,
	FAKE_RELOCATE,
	FAKE_STATE
};

struct fake_row {
	enum fake_what what;
	struct reload_id node, from,
		to; /* node: of whom, or the last entry of a Destination List; from: its informant */
	uint32_t cookie;
	reload_ms at;
	size_t count; /* entries of the Destination List */
	bool resource, send_update, done;
	uint8_t number, type; /* of an Update or a Leave */
	enum reload_topology_state state;
	uint8_t body[1024];
	size_t body_len;
};

struct fake {
	bool earlier_values;
	bool updates_unanswered; /* until the test ends them */
	struct reload_timers timers;
	reload_ms now;
	uint64_t rng;
	struct reload_config config;
	struct reload_topology *t;
	struct fake_row rows[FAKE_ROWS];
	size_t count;
	unsigned tables_changed;
};

#ifdef FAKE_TUNED /* CHORD-SELF-TUNING instead of CHORD-RELOAD */
static const struct reload_topology_ops *const ops = &reload_chord_tuned_topology;
#else
static const struct reload_topology_ops *const ops = &reload_chord_topology;
#endif

/* a Node-ID whose first byte is b and whose last one is 1 */
static inline struct reload_id fake_id(unsigned b)
{
	struct reload_id id = { .len = 16 };
	id.at[0] = (uint8_t)b;
	id.at[15] = 1;
	return id;
}

/* a point in the middle of the ring's bytes */
static inline struct reload_id fake_point(unsigned b, unsigned last)
{
	struct reload_id id = fake_id(b);
	id.at[15] = (uint8_t)last;
	return id;
}

static inline struct fake_row *fake_row(void *arg, enum fake_what what)
{
	struct fake *f = arg;
	struct fake_row *r = &f->rows[f->count < FAKE_ROWS ? f->count++ : FAKE_ROWS - 1];
	memset(r, 0, offsetof(struct fake_row, body));
	r->what = what;
	r->body_len = 0;
	return r;
}

static inline reload_ms fake_now(void *arg)
{
	return ((struct fake *)arg)->now;
}

static inline void fake_random(void *arg, void *out, size_t len)
{
	struct fake *f = arg;
	for (size_t i = 0; i < len; i++) {
		f->rng = f->rng * 6364136223846793005ull + 1442695040888963407ull;
		((uint8_t *)out)[i] = (uint8_t)(f->rng >> 56);
	}
}

static inline struct fake_row *fake_list(void *arg, enum fake_what what, uint32_t cookie,
	const struct reload_destination *list, size_t count)
{
	struct fake_row *r = fake_row(arg, what);
	const struct reload_destination *last = &list[count - 1];
	r->at = ((struct fake *)arg)->now;
	r->cookie = cookie;
	r->count = count;
	r->resource = last->type == RELOAD_DEST_RESOURCE;
	r->node = last->node;
	if (r->resource && reload_id_from(&r->node, last->resource) != RELOAD_OK)
		abort();
	if (count == 2)
		r->from = list[0].node;
	return r;
}

static inline void fake_attach(void *arg, uint32_t cookie, const struct reload_destination *list,
	size_t count, bool send_update)
{
	fake_list(arg, FAKE_ATTACH, cookie, list, count)->send_update = send_update;
}

static inline void fake_ping(
	void *arg, uint32_t cookie, const struct reload_destination *list, size_t count)
{
	fake_list(arg, FAKE_PING, cookie, list, count);
}

static inline void fake_probe(void *arg, const struct reload_id *node)
{
	struct fake_row *r = fake_row(arg, FAKE_PROBE);
	r->node = *node;
	r->at = ((struct fake *)arg)->now;
}

static inline void fake_relocate(void *arg, uint32_t cookie)
{
	struct fake_row *r = fake_row(arg, FAKE_RELOCATE);
	r->cookie = cookie;
	r->at = ((struct fake *)arg)->now;
}

static inline void fake_join(void *arg, const struct reload_id *ap)
{
	fake_row(arg, FAKE_JOIN)->node = *ap;
}

static inline void fake_message(
	void *arg, enum fake_what what, const struct reload_id *to, struct span body)
{
	struct fake_row *r = fake_row(arg, what);
	r->node = *to;
	r->at = ((struct fake *)arg)->now;
	r->type = body.at[what == FAKE_UPDATE ? 4 : 0];
	r->body_len = body.len < sizeof(r->body) ? body.len : sizeof(r->body);
	memcpy(r->body, body.at, r->body_len);
}

static inline void fake_update(void *arg, const struct reload_id *to, struct span body)
{
	struct fake *f = arg;
	fake_message(f, FAKE_UPDATE, to, body);
	if (!f->updates_unanswered)
		ops->update_ended(f->t, to, RELOAD_OK);
}

static inline void fake_leave(void *arg, const struct reload_id *to, struct span body)
{
	fake_message(arg, FAKE_LEAVE, to, body);
}

static inline void fake_store_range(void *arg, const struct reload_id *from,
	const struct reload_id *to, const struct reload_id *node, uint8_t number, bool done)
{
	struct fake_row *r = fake_row(arg, FAKE_STORES);
	r->from = *from;
	r->to = *to;
	r->node = *node;
	r->number = number;
	r->done = done;
}

static inline void fake_owner_check_range(
	void *arg, const struct reload_id *from, const struct reload_id *to)
{
	struct fake_row *r = fake_row(arg, FAKE_OWNER_CHECK);
	r->from = *from;
	r->to = *to;
}

static inline void fake_partition(void *arg, const struct reload_id *other)
{
	struct fake_row *r = fake_row(arg, FAKE_PARTITION);
	if (other)
		r->node = *other;
}

static inline bool fake_holds_earlier_values(void *arg)
{
	return ((struct fake *)arg)->earlier_values;
}

static inline void fake_forget_range(
	void *arg, const struct reload_id *from, const struct reload_id *to)
{
	struct fake_row *r = fake_row(arg, FAKE_FORGET);
	r->from = *from;
	r->to = *to;
}

static inline void fake_disconnect(void *arg, const struct reload_id *node)
{
	fake_row(arg, FAKE_DISCONNECT)->node = *node;
}

static inline void fake_state(
	void *arg, enum reload_topology_state state, const struct reload_id *other)
{
	struct fake_row *r = fake_row(arg, FAKE_STATE);
	r->state = state;
	if (other)
		r->node = *other;
}

static inline void fake_tables_changed(void *arg)
{
	((struct fake *)arg)->tables_changed++;
}

static inline void fake_start_as(struct fake *f, const struct reload_id *self)
{
	const struct reload_topology_host host = {
		.arg = f,
		.data.arg = f,
		.timers = &f->timers,
		.now = fake_now,
		.random = fake_random,
		.attach = fake_attach,
		.join = fake_join,
		.update = fake_update,
		.leave = fake_leave,
		.data.store_range = fake_store_range,
		.holds_earlier_values = fake_holds_earlier_values,
		.data.owner_check_range = fake_owner_check_range,
		.data.forget_range = fake_forget_range,
		.disconnect = fake_disconnect,
		.ping = fake_ping,
		.probe = fake_probe,
		.relocate = fake_relocate,
		.partition = fake_partition,
		.state = fake_state,
		.tables_changed = fake_tables_changed,
	};
	memset(f, 0, sizeof(*f));
	f->now = 1000;
	f->config = (struct reload_config){ .node_id_len = 16,
		.no_ice = true,
		.chord_reactive = true,
		.chord_update_interval_s = 600,
		.chord_ping_interval_s = 3600,
		.peers_to_probe = RELOAD_PEERS_TO_PROBE };
	f->t = ops->new (&f->config, self, &host);
}

static inline void fake_end(struct fake *f)
{
	ops->free(f->t);
	f->t = NULL;
}

static inline void fake_pass(struct fake *f, reload_ms ms)
{
	reload_ms end = f->now + ms, due;
	while ((due = reload_timers_next(&f->timers)) <= end) {
		f->now = due > f->now ? due : f->now;
		reload_timers_run(&f->timers, f->now);
	}
	f->now = end;
}

static inline size_t fake_body(uint8_t out[1024], uint8_t type, const struct reload_id *preds,
	size_t preds_count, const struct reload_id *succs, size_t succs_count)
{
	struct wr w = wr_fixed(out, 1024);
	const struct wire_ctx ctx = { .node_id_len = 16 };
	const struct reload_chord_update u = {
		.type = type,
		.predecessors = (struct reload_id *)preds,
		.predecessors_count = preds_count,
		.successors = (struct reload_id *)succs,
		.successors_count = succs_count,
	};
	reload_wire_write(&w, &reload_chord_update_wire, &ctx, &u);
	if (w.err)
		abort();
	return w.len;
}

/* an Update from node over its own link, with lists given by first bytes; a list ends at 0 or after 8 */
static inline enum reload_err fake_receive(
	struct fake *f, unsigned node, bool direct, const uint8_t *preds, const uint8_t *succs)
{
	struct reload_id p[8], s[8], from = fake_id(node);
	size_t pn = 0, sn = 0;
	uint8_t body[1024];
	for (; preds && pn < 8 && preds[pn]; pn++)
		p[pn] = fake_id(preds[pn]);
	for (; succs && sn < 8 && succs[sn]; sn++)
		s[sn] = fake_id(succs[sn]);
	size_t len = fake_body(body,
		preds || succs ? RELOAD_CHORD_NEIGHBORS : RELOAD_CHORD_PEER_READY, p, pn, s, sn);
	return ops->update_received(f->t, &from, direct, span_of(body, len));
}

/* an Update with lists from node over its own link */
static inline void fake_lists(
	struct fake *f, unsigned node, const uint8_t *preds, const uint8_t *succs)
{
	if (fake_receive(f, node, true, preds, succs) != RELOAD_OK)
		abort();
}

/* a connected peer: link and peer_ready */
static inline void fake_peer(struct fake *f, unsigned node)
{
	struct reload_id id = fake_id(node);
	ops->connected(f->t, &id);
	if (fake_receive(f, node, true, NULL, NULL) != RELOAD_OK)
		abort();
}

/* self is 10, in the ring of the test vectors: 10 40 70 a0 d0 */
static inline void fake_ring(struct fake *f)
{
	static const uint8_t peers[] = { 0x40, 0x70, 0xa0, 0xd0 };
	struct reload_id self = fake_id(0x10);
	fake_start_as(f, &self);
	ops->first(f->t);
	for (size_t i = 0; i < COUNT_OF(peers); i++)
		fake_peer(f, peers[i]);
}

/* the first row of that kind about node (0: any) from row `start` on; NULL when there is none */
static inline struct fake_row *fake_find(
	struct fake *f, size_t start, enum fake_what what, unsigned node)
{
	struct reload_id id = fake_id(node);
	for (size_t i = start; i < f->count; i++)
		if (f->rows[i].what == what && (!node || reload_id_eq(&f->rows[i].node, &id)))
			return &f->rows[i];
	return NULL;
}

static inline size_t fake_count(struct fake *f, size_t start, enum fake_what what, unsigned node)
{
	struct reload_id id = fake_id(node);
	size_t n = 0;
	for (size_t i = start; i < f->count; i++)
		n += f->rows[i].what == what && (!node || reload_id_eq(&f->rows[i].node, &id));
	return n;
}
