/*
 * What all files of the world need: the digest and the trace of what happens, the addresses of nodes, what a message is for, and plain
 * questions to the world.
 */
#include "sim/internal.h"

#include "wire/codes.h"

enum {
	BELOW = 150,   /* bytes that a message costs below RELOAD */
	ROOM = 1 << 20 /* of a link, as in libcore/link */
};

/* -- digest and trace ------------------------------------------------------------------------------------------------------ */

static uint64_t digest_step(uint64_t digest, uint64_t v)
{
	digest = (digest ^ v) * 0x9e3779b97f4a7c15u;
	return digest ^ digest >> 29;
}

void reload_sim_digest_add(struct reload_sim *s, uint64_t a, uint64_t b)
{
	s->digest = digest_step(digest_step(digest_step(s->digest, s->now), a), b);
}

void reload_sim_trace(const struct reload_sim *s, const struct reload_sim_node *n, const char *what,
	uint64_t a, uint64_t b)
{
	fprintf(s->setup.trace, "%8llu node %lld %s %llx %llx\n", (unsigned long long)s->now,
		n ? (long long)n->index : -1LL, what, (unsigned long long)a, (unsigned long long)b);
}

void reload_sim_note(struct reload_sim *s, const struct reload_sim_node *n, const char *what,
	uint64_t a, uint64_t b)
{
	uint64_t word = n ? n->index : UINT64_MAX;
	for (const char *c = what; *c; c++)
		word = digest_step(word, (uint8_t)*c);
	reload_sim_digest_add(s, word, digest_step(a, b));
	if (s->setup.trace)
		reload_sim_trace(s, n, what, a, b);
}

/* -- addresses and messages ------------------------------------------------------------------------------------------------- */

struct reload_ip_port reload_sim_address(size_t index)
{
	return (struct reload_ip_port){ .type = RELOAD_IPV4,
		.addr = { 10, (uint8_t)(index >> 16), (uint8_t)(index >> 8), (uint8_t)index },
		.port = RELOAD_DEFAULT_PORT };
}

static enum reload_sim_traffic traffic_of_code(uint16_t code)
{
	switch (code) {
	case RELOAD_UPDATE_REQ:
	case RELOAD_UPDATE_ANS:
		return RELOAD_SIM_TRAFFIC_UPDATE;
	case RELOAD_ATTACH_REQ:
	case RELOAD_ATTACH_ANS:
		return RELOAD_SIM_TRAFFIC_ATTACH;
	case RELOAD_JOIN_REQ:
	case RELOAD_JOIN_ANS:
	case RELOAD_LEAVE_REQ:
	case RELOAD_LEAVE_ANS:
		return RELOAD_SIM_TRAFFIC_JOIN;
	case RELOAD_PING_REQ:
	case RELOAD_PING_ANS:
	case RELOAD_PROBE_REQ:
	case RELOAD_PROBE_ANS:
	case RELOAD_ROUTE_QUERY_REQ:
	case RELOAD_ROUTE_QUERY_ANS:
	case RELOAD_PATH_TRACK_REQ:
	case RELOAD_PATH_TRACK_ANS:
		return RELOAD_SIM_TRAFFIC_PING;
	case RELOAD_STORE_REQ:
	case RELOAD_STORE_ANS:
		return RELOAD_SIM_TRAFFIC_STORE;
	case RELOAD_FETCH_REQ:
	case RELOAD_FETCH_ANS:
	case RELOAD_STAT_REQ:
	case RELOAD_STAT_ANS:
	case RELOAD_FIND_REQ:
	case RELOAD_FIND_ANS:
		return RELOAD_SIM_TRAFFIC_FETCH;
	}
	return RELOAD_SIM_TRAFFIC_OTHER;
}

enum reload_sim_traffic reload_sim_traffic_of(struct span message)
{
	enum {
		FRAGMENT_AT = 12,
		LISTS_AT = RELOAD_HEADER_FIXED - 6
	};
	struct rd r = rd_of(message);
	rd_take(&r, FRAGMENT_AT);
	uint32_t fragment = rd_u32(&r);
	rd_take(&r, LISTS_AT - FRAGMENT_AT - 4);
	size_t lists = rd_u16(&r);
	lists += rd_u16(&r);
	lists += rd_u16(&r);
	rd_take(&r, lists);
	uint16_t code = rd_u16(&r);
	return r.err || fragment != RELOAD_FRAGMENT_WHOLE ? RELOAD_SIM_TRAFFIC_OTHER
							  : traffic_of_code(code);
}

/* -- a process that is stopped -------------------------------------------------------------------------------------------- */

bool reload_sim_frozen(const struct reload_sim_node *n)
{
	return n->frozen_until > n->sim->now;
}

reload_ms reload_sim_awake(const struct reload_sim_node *n, reload_ms since)
{
	reload_ms from = n->frozen_until > since ? n->frozen_until : since;
	return n->sim->now > from ? n->sim->now - from : 0;
}

void reload_sim_freeze(struct reload_sim *s, size_t i, reload_ms until)
{
	struct reload_sim_body *b = &s->nodes[i];
	reload_sim_note(s, &b->node, "freeze", until, 0);
	if (b->node.peer && until > b->node.frozen_until)
		b->node.frozen_until = until;
}

/* -- how much at a time ------------------------------------------------------------------------------------------------------ */

reload_ms reload_sim_leaves(struct reload_sim_body *n, size_t len, reload_ms from)
{
	uint64_t rate = n->node.sim->setup.bandwidth, us = from * 1000;
	if (!rate)
		return from;
	us = n->busy_us > us ? n->busy_us : us;
	n->busy_us = us + (len + BELOW) * UINT64_C(1000000) / rate;
	return (n->busy_us + 999) / 1000;
}

size_t reload_sim_room(const struct reload_sim *s)
{
	size_t room = s->setup.send_queue ? s->setup.send_queue : ROOM,
	       two = 2 * (size_t)s->config->max_message_size;
	return room > two ? room : two;
}

/* -- questions -------------------------------------------------------------------------------------------------------------- */

reload_ms reload_sim_now(const struct reload_sim *s)
{
	return s->now;
}

struct reload_prng *reload_sim_prng(struct reload_sim *s)
{
	return &s->prng;
}

size_t reload_sim_count(const struct reload_sim *s)
{
	return s->nodes_count;
}

struct reload_sim_node *reload_sim_node(struct reload_sim *s, size_t i)
{
	return &s->nodes[i].node;
}

struct reload_config *reload_sim_config(struct reload_sim *s)
{
	return s->config;
}

const struct reload_sim_counts *reload_sim_counts(const struct reload_sim *s)
{
	return &s->counts;
}

uint64_t reload_sim_digest(const struct reload_sim *s)
{
	return s->digest;
}

void reload_sim_arrive(struct reload_sim *s, struct reload_sim_link_end *to, struct span message)
{
	struct reload_peer *peer = to->node->node.peer;
	size_t most = reload_peer_config(peer)->max_message_size;
	reload_sim_digest_add(s, message.len << 32 | to->number, to->node->node.index);
	if (s->setup.trace)
		reload_sim_trace(s, &to->node->node, "message", to->number, message.len);
	if (message.len <= most) {
		reload_peer_message(peer, to->number, message);
		return;
	}
	to->broken = true;
	reload_peer_oversized(peer, to->number, span_of(message.at, most));
}

size_t reload_sim_memory(const struct reload_sim *s)
{
	size_t links = 0;
	for (size_t i = 0; i < s->nodes_count; i++)
		links += s->nodes[i].links_cap * sizeof(struct reload_sim_slot);
	return sizeof(*s) + s->memory + links + s->nodes_count * sizeof(*s->nodes) +
	       s->queue.far_cap * sizeof(struct reload_sim_event *) +
	       s->queue.wakes_cap * sizeof(*s->queue.wakes) + s->jobs_cap * sizeof(*s->jobs) +
	       s->cuts_cap * sizeof(*s->cuts) + s->certs.cap * sizeof(struct reload_cert *);
}
