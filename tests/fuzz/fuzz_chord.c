/*
 * CHORD-RELOAD behind a host that does what the input says.  The input is a sequence of steps: a byte that selects the
 * event, a byte that selects the node (the event of an answer takes the oldest question instead), and for Updates and
 * Leaves a length of two bytes and that many bytes of body as they would come off the wire.
 *
 * Always true: the tables are bounded, ordered and without ourselves; a next hop is a connected node; a node that has not
 * joined answers for nothing; one event asks a bounded number of things of the host; after the end no timer is left.
 */
#include "tests/unit/chord_fake.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum step {
	STEP_UPDATE,
	STEP_UPDATE_INDIRECT,
	STEP_LEAVE,
	STEP_CONNECTED,
	STEP_DISCONNECTED,
	STEP_ATTACHED,
	STEP_ATTACH_FAILED,
	STEP_JOIN_ANSWERED,
	STEP_JOIN_REFUSED,
	STEP_JOIN_RECEIVED,
	STEP_HANDED_OVER,
	STEP_UPDATE_FAILED,
	STEP_HEALTH,
	STEP_TIME,
	STEP_JOIN,
	STEP_FIRST,
	STEP_OWN_LEAVE,
	STEP_PEER_READY,
	STEP_PINGED,
	STEP_PING_FAILED,
	STEP_RELOCATED,
	STEP_RELOCATE_FAILED,
	STEPS
};

enum {
	STEPS_MAX = 400,
	ROWS_PER_STEP = 3 * CHORD_PENDING_MAX + 600
};

static struct fake f;
static bool up[256];
static uint32_t asked
	[64]; /* cookies of Attaches, Pings and searches that were not answered yet, oldest first */
static size_t asked_count;

static void check_list(const struct reload_id *list, size_t count, bool clockwise)
{
	assert(count <= CHORD_NEIGHBOURS_MAX);
	for (size_t i = 0; i < count; i++) {
		assert(!reload_id_eq(&list[i], &f.t->self));
		assert(i == 0 ||
			reload_chord_nearer(&f.t->self, clockwise, &list[i - 1], &list[i]));
	}
}

static void check(void)
{
	struct reload_topology_tables tb;
	struct reload_id next, from, to, out[2];
	bool joined = ops->get_state(f.t) == RELOAD_TOPOLOGY_JOINED;
	ops->tables(f.t, &tb);
	check_list(tb.predecessors, tb.predecessors_count, false);
	check_list(tb.successors, tb.successors_count, true);
	assert(tb.fingers_count <= CHORD_FINGERS_MAX);
	for (size_t i = 1; i < tb.fingers_count; i++)
		assert(reload_id_cmp(&tb.fingers[i - 1], &tb.fingers[i]) < 0);
	size_t links = reload_chord_link_count(f.t);
	assert(reload_chord_pending_count(f.t) <= CHORD_PENDING_MAX && links <= CHORD_LINKS_MAX);
	assert(f.t->tables->peers.count <= links);
	assert(f.t->tables->route.count <= f.t->tables->peers.count);
	assert(reload_chord_admit_count(f.t) <= CHORD_JOINS_MAX);
	for (unsigned b = 3; b < 256; b += 36) {
		struct reload_id k = fake_point(b, 0);
		bool mine = ops->responsible(f.t, &k);
		assert(joined || !mine);
		if (ops->next_hop(f.t, &k, &next) == RELOAD_OK)
			assert(up[next.at[0]] && !reload_id_eq(&next, &f.t->self));
		else
			assert(!f.t->tables->route.count);
		assert(!mine || ops->holds(f.t, &k));
	}
	assert(ops->replicas(f.t, out) <= 2);
	assert(ops->range(f.t, &from, &to) == joined);
	assert(ops->responsible_ppb(f.t) <= 1000000000);
}

/* The host's side of what was asked since `start`. */
static void answer_rows(size_t start)
{
	assert(f.count - start < ROWS_PER_STEP && f.count < FAKE_ROWS);
	for (size_t i = start; i < f.count; i++) {
		const struct fake_row *r = &f.rows[i];
		if ((r->what == FAKE_ATTACH || r->what == FAKE_PING || r->what == FAKE_RELOCATE) &&
			asked_count < COUNT_OF(asked))
			asked[asked_count++] = r->cookie;
		if (r->what == FAKE_UPDATE || r->what == FAKE_LEAVE || r->what == FAKE_JOIN)
			assert(up[r->node.at[0]]);
		if (r->what == FAKE_DISCONNECT)
			up[r->node.at[0]] = false;
	}
	f.count = 0;
}

static uint32_t oldest_question(void)
{
	uint32_t cookie = asked_count ? asked[0] : 77;
	if (asked_count)
		memmove(asked, asked + 1, --asked_count * sizeof(*asked));
	return cookie;
}

static struct span body_of(struct rd *r)
{
	size_t len = rd_u16(r);
	return rd_span(r, len < rd_left(r) ? len : rd_left(r));
}

/* What the host was asked for ended, well or not. */
static void outcome(enum step what, unsigned which, const struct reload_id *node)
{
	if (what == STEP_ATTACHED || what == STEP_RELOCATED)
		up[which] = true;
	if (what == STEP_RELOCATED)
		ops->connected(f.t, node);
	uint32_t cookie = oldest_question();
	if (what == STEP_ATTACHED)
		ops->attached(f.t, cookie, RELOAD_OK, node);
	else if (what == STEP_ATTACH_FAILED)
		ops->attached(f.t, cookie, RELOAD_TIMEOUT, NULL);
	else if (what == STEP_PINGED)
		ops->pinged(f.t, cookie, RELOAD_OK, node);
	else if (what == STEP_PING_FAILED)
		ops->pinged(f.t, cookie, RELOAD_TIMEOUT, NULL);
	else if (what == STEP_RELOCATED)
		ops->relocated(f.t, cookie, RELOAD_OK, node);
	else
		ops->relocated(f.t, cookie, RELOAD_NO_NODE, NULL);
}

/* An Update, over the link of its sender or from afar. */
static void update(enum step what, unsigned which, const struct reload_id *node, struct rd *r)
{
	static const uint8_t ready[] = { 0, 0, 0, 1, RELOAD_CHORD_PEER_READY };
	if (!up[which] && what != STEP_UPDATE_INDIRECT)
		return;
	struct span body = what == STEP_PEER_READY ? span_of(ready, sizeof(ready)) : body_of(r);
	(void)!ops->update_received(f.t, node, what != STEP_UPDATE_INDIRECT, body);
}

static void step(struct rd *r)
{
	enum step what = rd_u8(r) % STEPS;
	unsigned which = rd_u8(r);
	struct reload_id node = fake_id(which);
	if (which == 0x10 && what != STEP_TIME)
		return; /* no link leads to ourselves */
	switch (what) {
	case STEP_UPDATE:
	case STEP_UPDATE_INDIRECT:
	case STEP_PEER_READY:
		update(what, which, &node, r);
		break;
	case STEP_LEAVE:
		if (up[which])
			ops->leave_received(f.t, &node, body_of(r));
		break;
	case STEP_CONNECTED:
		up[which] = true;
		ops->connected(f.t, &node);
		break;
	case STEP_DISCONNECTED:
		up[which] = false;
		ops->disconnected(f.t, &node);
		break;
	case STEP_ATTACHED:
	case STEP_ATTACH_FAILED:
	case STEP_PINGED:
	case STEP_PING_FAILED:
	case STEP_RELOCATED:
	case STEP_RELOCATE_FAILED:
		outcome(what, which, &node);
		break;
	case STEP_JOIN_ANSWERED:
		ops->join_answered(f.t, &node, RELOAD_OK);
		break;
	case STEP_JOIN_REFUSED:
		ops->join_answered(f.t, &node, which % 2 ? RELOAD_FORBIDDEN : RELOAD_TIMEOUT);
		break;
	case STEP_JOIN_RECEIVED:
		ops->join_received(f.t, &node);
		break;
	case STEP_HANDED_OVER:
		ops->handed_over(f.t, &node);
		break;
	case STEP_UPDATE_FAILED:
		ops->update_ended(f.t, &node, which % 2 ? RELOAD_TIMEOUT : RELOAD_INVALID_MESSAGE);
		break;
	case STEP_HEALTH:
		ops->link_health(f.t, &node, which % 2);
		break;
	case STEP_TIME:
		fake_pass(&f, (reload_ms)which * which);
		break;
	case STEP_JOIN:
		if (up[which] && ops->get_state(f.t) != RELOAD_TOPOLOGY_JOINED)
			ops->join(f.t, &node);
		break;
	case STEP_FIRST:
		if (ops->get_state(f.t) == RELOAD_TOPOLOGY_DETACHED)
			ops->first(f.t);
		break;
	case STEP_OWN_LEAVE:
		ops->leave(f.t);
		break;
	case STEPS:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(span_of(data, size));
	struct reload_id self = fake_id(0x10);
	fake_start_as(&f, &self);
	memset(up, 0, sizeof(up));
	asked_count = 0;
	if (rd_u8(&r) % 2)
		ops->first(f.t);
	for (int i = 0; i < STEPS_MAX && rd_more(&r); i++) {
		step(&r);
		answer_rows(0);
		check();
	}
	fake_pass(&f, 500000);
	fake_end(&f);
	assert(reload_timers_next(&f.timers) == RELOAD_NEVER);
	return 0;
}
