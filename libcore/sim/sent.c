#include "sim/sent.h"

#include "util/alloc.h"
#include "wire/chord.h"
#include "wire/header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SAID = 8, /* different lists that are remembered of a node */
	BEFORE = 2,
	LISTED_MAX = 8 /* entries of a list; a longer list is not noted */
};

struct update_list {
	size_t count;
	struct reload_id at[LISTED_MAX];
};

struct last_update {
	unsigned life; /* counts how often the node was started; 0: nothing is noted */
	struct update_list predecessors, successors;
};

/* The nearest predecessors that a node named, and when last. */
struct said {
	reload_ms at;
	size_t count;
	struct reload_id before[BEFORE];
};

struct reload_sim_sent {
	struct last_update *nodes;
	struct said (*said)[SAID]; /* of a node, no two alike; the newest first */
};

struct reload_sim_sent *reload_sim_sent_new(size_t count)
{
	struct reload_sim_sent *s = RELOAD_NEW(reload_sim_sent);
	s->nodes = reload_alloc_array(count, sizeof(*s->nodes));
	s->said = reload_alloc_array(count, sizeof(*s->said));
	return s;
}

void reload_sim_sent_free(struct reload_sim_sent *s)
{
	if (!s)
		return;
	free(s->nodes);
	free(s->said);
	free(s);
}

static size_t entries(struct span list, const struct wire_ctx *ctx)
{
	struct rd r = rd_of(list);
	struct reload_destination d;
	size_t count = 0;
	while (reload_dest_next(&r, ctx, &d))
		count++;
	return count;
}

static bool list_read(struct update_list *out, const struct reload_id *list, size_t count)
{
	if (count > LISTED_MAX)
		return false;
	out->count = count;
	if (count)
		memcpy(out->at, list, count * sizeof(*list));
	return true;
}

/*
 * Whether the Update is sent for the first time.  Its uptime, in whole seconds, says when it was made: a repetition is at least one reliability timer
 * old.
 */
static bool is_first(const struct reload_sim_node *n, uint32_t uptime, reload_ms now)
{
	const struct reload_config *config = reload_peer_config(n->peer);
	return now - n->started <
	       uptime * (reload_ms)RELOAD_SECOND + config->overlay_reliability_timer_ms;
}

static bool said_same(const struct said *a, const struct said *b)
{
	bool same = a->count == b->count;
	for (size_t i = 0; same && i < a->count; i++)
		same = reload_id_eq(&a->before[i], &b->before[i]);
	return same;
}

static void said_note(struct said said[SAID], const struct reload_chord_update *u, reload_ms now)
{
	struct said fresh = { .at = now };
	fresh.count = u->predecessors_count < BEFORE ? u->predecessors_count : BEFORE;
	if (fresh.count)
		memcpy(fresh.before, u->predecessors, fresh.count * sizeof(*fresh.before));
	size_t at = 0; /* of the lists that are forgotten: the same ones, or the oldest */
	while (at < SAID - 1 && !said_same(&said[at], &fresh))
		at++;
	memmove(&said[1], &said[0], at * sizeof(*said));
	said[0] = fresh;
}

bool reload_sim_sent_after(const struct reload_sim_sent *s, size_t node,
	const struct reload_id *peer, const struct reload_id *other, reload_ms since)
{
	for (size_t i = 0; i < SAID; i++) {
		const struct said *said = &s->said[node][i];
		if (said->at >= since && reload_id_listed(said->before, said->count, peer) &&
			!(other && reload_id_listed(said->before, said->count, other)))
			return true;
	}
	return false;
}

static void update_note(struct last_update *t, struct said said[SAID],
	const struct reload_sim_node *n, struct span contents, reload_ms now)
{
	struct rd r = rd_of(contents);
	struct reload_arena arena = { 0 };
	struct wire_ctx ctx = { .node_id_len = n->id.len, .arena = &arena };
	struct reload_chord_update u;
	struct last_update fresh = { .life = n->lives };
	rd_u16(&r);
	struct span body = rd_span(&r, rd_u32(&r));
	bool lists = !reload_wire_decode(body, &reload_chord_update_wire, &ctx, &u) &&
		     u.type != RELOAD_CHORD_PEER_READY;
	if (lists)
		said_note(said, &u, now);
	bool good = lists && list_read(&fresh.predecessors, u.predecessors, u.predecessors_count) &&
		    list_read(&fresh.successors, u.successors, u.successors_count);
	if (good && is_first(n, u.uptime, now))
		*t = fresh;
	reload_arena_clear(&arena);
}

bool reload_sim_sent_message(struct reload_sim_sent *s, const struct reload_sim_node *n,
	struct span message, reload_ms now, struct reload_sim_violation *v)
{
	const struct reload_config *config = reload_peer_config(n->peer);
	struct wire_ctx ctx = { .node_id_len = n->id.len };
	struct reload_header h;
	if (reload_header_read(&h, message, &ctx) || h.fragment & RELOAD_FRAGMENT_OFFSET)
		return true;
	size_t head = reload_header_size(&h);
	struct span contents = span_of(message.at + head, message.len - head);
	struct rd r = rd_of(contents);
	uint16_t code = rd_u16(&r);
	if (r.err || !reload_code_is_request(code))
		return true;
	size_t hops = entries(h.via_list, &ctx);
	if (code == RELOAD_UPDATE_REQ && !hops && h.fragment == RELOAD_FRAGMENT_WHOLE)
		update_note(&s->nodes[n->index], s->said[n->index], n, contents, now);
	if (h.ttl + hops == config->initial_ttl)
		return true;
	v->check = RELOAD_SIM_CHECK_TTL;
	v->at = now;
	snprintf(v->words, sizeof(v->words),
		"node %zu sent a request with ttl %u and %zu entries in the Via List; initial-ttl "
		"is %u",
		n->index, h.ttl, hops, config->initial_ttl);
	return false;
}

static bool list_agrees(
	const struct update_list *list_sent, const struct reload_id *list, size_t count)
{
	if (count > LISTED_MAX)
		return true;
	for (size_t i = 0; i < count; i++)
		if (!reload_id_listed(list_sent->at, list_sent->count, &list[i]))
			return false;
	return list_sent->count == count;
}

bool reload_sim_sent_agrees(const struct reload_sim_sent *s, const struct reload_sim_node *n,
	reload_ms now, struct reload_sim_violation *v)
{
	const struct last_update *t = &s->nodes[n->index];
	struct reload_status st;
	if (t->life != n->lives)
		return true;
	reload_peer_status(n->peer, &st);
	const struct reload_topology_tables *is = &st.tables;
	bool before = list_agrees(&t->predecessors, is->predecessors, is->predecessors_count);
	if (before && list_agrees(&t->successors, is->successors, is->successors_count))
		return true;
	v->check = RELOAD_SIM_CHECK_ANNOUNCED;
	v->at = now;
	snprintf(v->words, sizeof(v->words),
		"the newest Update of peer %zu has %zu predecessors and %zu successors, which are "
		"not the %zu and %zu that it has",
		n->index, t->predecessors.count, t->successors.count, is->predecessors_count,
		is->successors_count);
	return false;
}

bool reload_sim_sent_all_agree(
	const struct reload_sim_sent *s, struct reload_sim *sim, struct reload_sim_violation *v)
{
	for (size_t i = 0; i < reload_sim_count(sim); i++) {
		const struct reload_sim_node *n = reload_sim_node(sim, i);
		if (n->peer && n->role == RELOAD_ROLE_PEER && n->state == RELOAD_STATE_JOINED &&
			!n->ended && reload_peer_config(n->peer)->chord_reactive &&
			strcmp(reload_peer_config(n->peer)->topology_plugin,
				RELOAD_CHORD_SELF_TUNING) != 0 &&
			!reload_sim_sent_agrees(s, n, reload_sim_now(sim), v))
			return false;
	}
	return true;
}
