#include "sim/reliable.h"
#include "sim/validity.h"

/*
 * Links, from the first packet to the last.
 *
 * A dial stands for a TCP connection and a TLS handshake.  The first packet arrives a delay later and is sent a second time if it does not arrive.
 * The dialling end is up after two round trips, the other end half a round trip later.  A machine without the process refuses at
 * once; one that is off or cut off does not answer.
 */

enum {
	SYN_AGAIN_MS = 1000,
	FLIGHT_AGAIN_MS = 200, /* of a DTLS handshake; doubles */
	FLIGHTS_MAX = 4,       /* how often one is sent: the time of a dial is over then */
	HANDSHAKE_MS = 10000,  /* the time that libcore/link waits for one */
	FIN_TRIES = 8,         /* how often the last packet of a link is sent at most */
	FIN_AGAIN_MS = 200
};

/* -- which packets pass ------------------------------------------------------------------------------------------------------- */

static uint64_t cut_key(size_t from, size_t to)
{
	return (uint64_t)from << 32 | to;
}

/* The index of key among the cuts, or where it would be. */
static size_t cut_place(const struct reload_sim *s, uint64_t key)
{
	size_t low = 0, high = s->cuts_count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (s->cuts[mid] < key)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool is_cut(const struct reload_sim *s, uint64_t key)
{
	size_t i = cut_place(s, key);
	return i < s->cuts_count && s->cuts[i] == key;
}

void reload_sim_cut(struct reload_sim *s, size_t from, size_t to, bool cut)
{
	uint64_t key = cut_key(from, to);
	size_t i = cut_place(s, key);
	bool there = i < s->cuts_count && s->cuts[i] == key;
	reload_sim_note(s, reload_sim_node(s, from), cut ? "cut" : "uncut", to, 0);
	if (cut && !there) {
		reload_grow(&s->cuts, &s->cuts_cap, s->cuts_count, sizeof(*s->cuts));
		memmove(&s->cuts[i + 1], &s->cuts[i], (s->cuts_count - i) * sizeof(*s->cuts));
		s->cuts[i] = key;
		s->cuts_count++;
	} else if (!cut && there) {
		s->cuts_count--;
		memmove(&s->cuts[i], &s->cuts[i + 1], (s->cuts_count - i) * sizeof(*s->cuts));
	}
}

void reload_sim_side(struct reload_sim *s, size_t i, unsigned side)
{
	reload_sim_note(s, reload_sim_node(s, i), "side", side, 0);
	s->nodes[i].node.side = side;
}

void reload_sim_move(struct reload_sim *s, size_t i, bool notices)
{
	struct reload_sim_body *n = &s->nodes[i];
	reload_sim_note(s, &n->node, "move", notices, 0);
	for (size_t k = 0; k < n->links_count; k++)
		n->links[k].link->silent = true;
	if (notices && n->node.peer && !reload_sim_frozen(&n->node))
		reload_peer_addresses_changed(n->node.peer);
}

bool reload_sim_open(const struct reload_sim *s, const struct reload_sim_body *a,
	const struct reload_sim_body *b)
{
	return a->node.side == b->node.side && !a->off && !b->off &&
	       !(s->cuts_count && is_cut(s, cut_key(a->node.index, b->node.index)));
}

bool reload_sim_packet_lost(struct reload_sim *s, const struct reload_sim_link *l, unsigned e)
{
	bool lost = s->setup.loss && reload_prng_chance(&s->prng, s->setup.loss);
	s->counts.lost += lost;
	return lost || l->silent || !reload_sim_open(s, l->end[e].node, l->end[!e].node);
}

reload_ms reload_sim_link_heard(const struct reload_sim *s, struct reload_sim_link *l, unsigned e)
{
	const struct reload_sim_link_end *other = &l->end[!e];
	reload_ms *heard = &l->end[e].heard, stopped = other->node->node.stopped_at;
	/* over a stream the system sends them, over datagrams the process */
	bool mute = reload_sim_by_datagrams(s) && reload_sim_frozen(&other->node->node);
	if (!mute && other->state == RELOAD_SIM_END_UP && other->node->node.peer && !l->silent &&
		reload_sim_open(s, other->node, l->end[e].node))
		*heard = s->now;
	else if (!other->node->node.peer && stopped != RELOAD_NEVER)
		*heard = stopped;
	return *heard;
}

/* -- the links of a node ------------------------------------------------------------------------------------------------------ */

/* The index of number among the links of n, or where it would be. */
static size_t link_place(const struct reload_sim_body *n, uint32_t number)
{
	size_t low = 0, high = n->links_count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (n->links[mid].number < number)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct reload_sim_link *reload_sim_link_find(
	const struct reload_sim_body *n, uint32_t number, unsigned *end)
{
	size_t i = link_place(n, number);
	if (i == n->links_count || n->links[i].number != number)
		return NULL;
	*end = n->links[i].end;
	return n->links[i].link;
}

static void end_open(struct reload_sim_link *l, unsigned e, uint32_t number)
{
	struct reload_sim_body *n = l->end[e].node;
	size_t i = link_place(n, number);
	l->end[e].number = number;
	l->end[e].state = RELOAD_SIM_END_OPENING;
	l->refs++;
	reload_grow(&n->links, &n->links_cap, n->links_count, sizeof(*n->links));
	memmove(&n->links[i + 1], &n->links[i], (n->links_count - i) * sizeof(n->links[0]));
	n->links[i] = (struct reload_sim_slot){ number, (uint8_t)e, l };
	n->links_count++;
}

void reload_sim_wait_free(struct reload_sim *s, struct reload_sim_link *l, unsigned e)
{
	struct reload_sim_wait *w = TAKE(l->end[e].wait);
	struct reload_sim_event *m;
	if (!w)
		return;
	while ((m = w->queue.first)) {
		w->queue.first = m->next;
		reload_sim_event_free(
			s, m); /* not the last reference to the link: the end has one too */
	}
	s->memory -= sizeof(*w);
	free(w);
}

/* The node of end e does not know the link any more. */
static void end_leave(struct reload_sim *s, struct reload_sim_link *l, unsigned e,
	enum reload_sim_end_state state)
{
	struct reload_sim_link_end *end = &l->end[e];
	struct reload_sim_body *n = end->node;
	size_t i = link_place(n, end->number);
	n->links_count--;
	memmove(&n->links[i], &n->links[i + 1], (n->links_count - i) * sizeof(n->links[0]));
	end->state = (uint8_t)state;
	reload_sim_wait_free(s, l, e);
	reload_sim_link_release(s, l);
}

void reload_sim_link_end_close(struct reload_sim *s, struct reload_sim_link *l, unsigned e)
{
	reload_sim_reliable_free(s, &l->end[e]);
	end_leave(s, l, e, RELOAD_SIM_END_GONE);
}

void reload_sim_link_end_closing(struct reload_sim *s, struct reload_sim_link *l, unsigned e)
{
	end_leave(s, l, e, RELOAD_SIM_END_CLOSING);
}

void reload_sim_link_down(struct reload_sim *s, struct reload_sim_link *l, unsigned e, reload_ms at,
	enum reload_err err, bool remote)
{
	struct reload_sim_event *ev =
		reload_sim_event_new(s, RELOAD_SIM_DOWN, l, e, span_of(NULL, 0));
	ev->err = (uint8_t)err;
	ev->remote = remote;
	reload_sim_event_queue(s, ev, at);
}

void reload_sim_farewell(struct reload_sim *s, struct reload_sim_link *l, unsigned e, bool again)
{
	reload_ms at = s->now + reload_sim_delay(s, l->base);
	struct reload_sim_event *ev;
	if (l->end[!e].state != RELOAD_SIM_END_OPENING && l->end[!e].state != RELOAD_SIM_END_UP)
		return;
	if (reload_sim_by_datagrams(s)) {
		if (reload_sim_packet_lost(s, l, e))
			return; /* a closing alert is sent once */
		again = false;
	}
	ev = reload_sim_event_new(s, RELOAD_SIM_DOWN, l, !e, span_of(NULL, 0));
	ev->err = RELOAD_LINK_DOWN;
	ev->remote = true;
	ev->tries = again ? 0 : FIN_TRIES;
	reload_sim_event_queue(s, ev, at < l->end[e].last ? l->end[e].last : at);
}

void reload_sim_links_drop(struct reload_sim_body *n, bool reset)
{
	struct reload_sim *s = n->node.sim;
	while (n->links_count) {
		struct reload_sim_link *l = n->links[n->links_count - 1].link;
		unsigned e = n->links[n->links_count - 1].end;
		if (reset)
			reload_sim_farewell(s, l, e,
				false); /* an end that is cut off learns it when it sends */
		reload_sim_link_end_close(s, l, e);
	}
}

size_t reload_sim_links(struct reload_sim_node *node, uint32_t *out, size_t max)
{
	const struct reload_sim_body *n = reload_sim_body_of(node);
	size_t count = 0;
	for (size_t i = 0; i < n->links_count && count < max; i++) {
		uint32_t number = n->links[i].number;
		if (n->links[i].link->end[n->links[i].end].state == RELOAD_SIM_END_UP)
			out[count++] = number;
	}
	return count;
}

/* -- dialling ------------------------------------------------------------------------------------------------------------------ */

struct reload_sim_body *reload_sim_node_at(
	struct reload_sim *s, const struct reload_ip_port *addrs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const uint8_t *a = addrs[i].addr;
		size_t index = (size_t)a[1] << 16 | (size_t)a[2] << 8 | a[3];
		if (addrs[i].type == RELOAD_IPV4 && a[0] == 10 && index < s->nodes_count)
			return &s->nodes[index];
	}
	return NULL;
}

void reload_sim_dial(struct reload_sim_body *n, uint32_t number, const struct reload_ip_port *addrs,
	size_t count)
{
	struct reload_sim *s = n->node.sim;
	struct reload_sim_body *to = reload_sim_node_at(s, addrs, count);
	struct reload_sim_link *l = RELOAD_NEW(reload_sim_link);
	s->memory += sizeof(*l);
	l->end[0].node = n;
	l->end[1].node = to;
	end_open(l, 0, number);
	if (!to || to == n) {
		reload_sim_link_down(s, l, 0, s->now + 1, RELOAD_LINK_DOWN, false);
		return;
	}
	l->base = (float)reload_sim_base(s, n->node.index, to->node.index);
	struct reload_sim_event *ev =
		reload_sim_event_new(s, RELOAD_SIM_DIAL, l, 0, span_of(NULL, 0));
	ev->sent = s->now;
	reload_sim_event_queue(s, ev, s->now + reload_sim_delay(s, l->base));
}

static bool both_ways(const struct reload_sim *s, const struct reload_sim_link *l)
{
	return !l->silent && reload_sim_open(s, l->end[0].node, l->end[1].node) &&
	       reload_sim_open(s, l->end[1].node, l->end[0].node);
}

/* When the first packet leaves again, after the dial; RELOAD_NEVER: never. */
static reload_ms dial_again(const struct reload_sim *s, unsigned tries)
{
	if (reload_sim_by_datagrams(s))
		return tries + 1 < FLIGHTS_MAX
			       ? ((reload_ms)FLIGHT_AGAIN_MS << (tries + 1)) - FLIGHT_AGAIN_MS
			       : RELOAD_NEVER;
	return tries ? RELOAD_NEVER : SYN_AGAIN_MS;
}

/* The first packet did not arrive: it is sent again, then the dialling end gives up. */
static void unheard(struct reload_sim *s, const struct reload_sim_event *dial)
{
	struct reload_sim_link *l = dial->link;
	reload_ms again = dial_again(s, dial->tries);
	if (again == RELOAD_NEVER) {
		reload_sim_link_down(
			s, l, 0, dial->sent + RELOAD_SIM_CONNECT_MS, RELOAD_TIMEOUT, false);
		return;
	}
	struct reload_sim_event *ev =
		reload_sim_event_new(s, RELOAD_SIM_DIAL, l, 0, span_of(NULL, 0));
	ev->sent = dial->sent;
	ev->tries = (uint8_t)(dial->tries + 1);
	reload_sim_event_queue(s, ev, dial->sent + again + reload_sim_delay(s, l->base));
}

/* How long a flight of a DTLS handshake is under way; a connection of TLS hides what is lost. */
static reload_ms flight(struct reload_sim *s, const struct reload_sim_link *l)
{
	reload_ms ms = 0;
	if (reload_sim_by_datagrams(s) && s->setup.loss)
		for (unsigned i = 1; i < FLIGHTS_MAX; i++) {
			if (!reload_prng_chance(&s->prng, s->setup.loss))
				break;
			s->counts.lost++;
			ms += (reload_ms)FLIGHT_AGAIN_MS << (i - 1);
		}
	return ms + reload_sim_delay(s, l->base);
}

/* Both ends know of the link; it may be up once the handshake is over. */
static void handshake(struct reload_sim *s, struct reload_sim_link *l)
{
	reload_ms ours = s->now;
	for (int i = 0; i < 3; i++)
		ours += flight(s, l);
	reload_ms theirs = ours + flight(s, l);
	struct span nothing = span_of(NULL, 0);
	reload_sim_event_queue(s, reload_sim_event_new(s, RELOAD_SIM_UP, l, 0, nothing), ours);
	reload_sim_event_queue(s, reload_sim_event_new(s, RELOAD_SIM_UP, l, 1, nothing), theirs);
	l->end[0].last = theirs; /* what is sent before the other end is up arrives after that */
}

bool reload_sim_run_dial(struct reload_sim *s, struct reload_sim_event *ev)
{
	struct reload_sim_link *l = ev->link;
	struct reload_sim_body *to = l->end[1].node;
	if (l->end[0].state != RELOAD_SIM_END_OPENING)
		return false;
	bool lost = s->setup.loss && reload_prng_chance(&s->prng, s->setup.loss);
	s->counts.lost += lost;
	bool silent = !to->node.peer && reload_sim_by_datagrams(s);
	if (lost || silent || !both_ways(s, l)) {
		unheard(s, ev);
		return false;
	}
	if (!to->node.peer) {
		reload_sim_link_down(
			s, l, 0, s->now + reload_sim_delay(s, l->base), RELOAD_LINK_DOWN, true);
		return false;
	}
	end_open(l, 1, UINT32_C(1) << 31 | to->next_incoming++);
	handshake(s, l);
	return false;
}

void reload_sim_link_connect(struct reload_sim_body *client, uint32_t client_number,
	struct reload_sim_body *server, uint32_t server_number)
{
	struct reload_sim *s = client->node.sim;
	struct reload_sim_link *l = RELOAD_NEW(reload_sim_link);
	s->memory += sizeof(*l);
	l->ice = true;
	l->end[0].node = client;
	l->end[1].node = server;
	l->base = (float)reload_sim_base(s, client->node.index, server->node.index);
	end_open(l, 0, client_number);
	end_open(l, 1, server_number);
	handshake(s, l);
}

bool reload_sim_run_up(struct reload_sim *s, struct reload_sim_event *ev)
{
	struct reload_sim_link *l = ev->link;
	struct reload_sim_link_end *end = &l->end[ev->end], *other = &l->end[!ev->end];
	if (end->state != RELOAD_SIM_END_OPENING)
		return false;
	if (!both_ways(s, l) || other->state == RELOAD_SIM_END_GONE) {
		reload_sim_link_down(s, l, ev->end, s->now + HANDSHAKE_MS, RELOAD_TIMEOUT, false);
		return false;
	}
	if (!reload_sim_link_valid(s, l, ev->end)) {
		reload_sim_link_down(s, l, ev->end, s->now + 1, RELOAD_CERT_EXPIRED, false);
		return false;
	}
	end->state = RELOAD_SIM_END_UP;
	reload_sim_note(s, &end->node->node, "up", end->number, other->node->node.index);
	reload_peer_link_up(end->node->node.peer, end->number, other->node->node.credentials.cert);
	return true;
}

/* A cut stops the last packet of a link: it is sent again, FIN_TRIES times at most. */
static void down_again(struct reload_sim *s, const struct reload_sim_event *down)
{
	if (down->tries >= FIN_TRIES)
		return;
	struct reload_sim_event *ev =
		reload_sim_event_new(s, RELOAD_SIM_DOWN, down->link, down->end, span_of(NULL, 0));
	ev->err = down->err;
	ev->remote = true;
	ev->tries = (uint8_t)(down->tries + 1);
	reload_sim_event_queue(s, ev, s->now + ((reload_ms)FIN_AGAIN_MS << down->tries));
}

bool reload_sim_run_down(struct reload_sim *s, struct reload_sim_event *ev)
{
	struct reload_sim_link *l = ev->link;
	struct reload_sim_link_end *end = &l->end[ev->end];
	if (end->state == RELOAD_SIM_END_CLOSING) {
		reload_sim_reliable_free(s, end); /* nobody is there to take the rest */
		end->state = RELOAD_SIM_END_GONE;
		return false;
	}
	if (end->state != RELOAD_SIM_END_OPENING && end->state != RELOAD_SIM_END_UP)
		return false;
	if (ev->remote && !reload_sim_open(s, l->end[!ev->end].node, end->node)) {
		down_again(s, ev);
		return false;
	}
	bool is_up = end->state == RELOAD_SIM_END_UP || ev->end == 0 || l->ice;
	struct reload_sim_body *n = end->node;
	if (l->end[!ev->end].node && l->end[!ev->end].state != RELOAD_SIM_END_NONE && !ev->remote)
		reload_sim_farewell(
			s, l, ev->end, false); /* this end gives up: the other end may learn it */
	reload_sim_link_end_close(s, l, ev->end);
	if (!is_up)
		return false;
	reload_sim_note(s, &n->node, "down", end->number, ev->err);
	reload_peer_link_down(n->node.peer, end->number, ev->err);
	return true;
}

void reload_sim_run_validity(struct reload_sim *s, const struct reload_sim_event *ev)
{
	struct reload_sim_link_end *end = &ev->link->end[ev->end];
	end->watched = false;
	if (end->state != RELOAD_SIM_END_UP)
		return;
	if (reload_sim_wall(&end->node->node) > end->until)
		reload_sim_link_down(s, ev->link, ev->end, s->now, RELOAD_CERT_EXPIRED, false);
	else
		reload_sim_link_certificate(s, ev->link, ev->end, end->until);
}
