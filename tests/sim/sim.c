#include "sim.h"

#include "config/write.h"
#include "util/text.h"

#include <stdio.h>
#include <stdlib.h>

static int event_cmp(struct sim_event *a, struct sim_event *b)
{
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	return (a->order > b->order) - (a->order < b->order);
}

static int link_cmp(struct sim_link *a, struct sim_link *b)
{
	return (a->number > b->number) - (a->number < b->number);
}

RELOAD_TREE(sim_event_tree, sim_event, entry, event_cmp)
RELOAD_TREE(sim_link_tree, sim_link, entry, link_cmp)

/* -- randomness: xoshiro256** seeded by splitmix64 --------------------------------------------------------------------- */

static uint64_t rotl(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

uint64_t sim_random(struct sim *s)
{
	uint64_t *p = s->prng, result = rotl(p[1] * 5, 7) * 9, t = p[1] << 17;
	p[2] ^= p[0];
	p[3] ^= p[1];
	p[1] ^= p[2];
	p[0] ^= p[3];
	p[2] ^= t;
	p[3] = rotl(p[3], 45);
	return result;
}

uint64_t sim_below(struct sim *s, uint64_t n)
{
	return n ? sim_random(s) % n : 0;
}

static void prng_seed(struct sim *s, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		uint64_t z = seed += 0x9e3779b97f4a7c15u;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
		z = (z ^ z >> 27) * 0x94d049bb133111ebu;
		s->prng[i] = z ^ z >> 31;
	}
}

/* -- trace ----------------------------------------------------------------------------------------------------------------- */

static void digest_add(struct sim *s, uint64_t v)
{
	for (int i = 0; i < 8; i++, v >>= 8)
		s->digest = (s->digest ^ (v & 0xff)) * 0x100000001b3u;
}

void sim_note(struct sim *s, const struct sim_node *n, const char *what, uint64_t a, uint64_t b)
{
	digest_add(s, s->now);
	digest_add(s, n ? n->index : UINT64_MAX);
	for (const char *c = what; *c; c++)
		s->digest = (s->digest ^ (uint8_t)*c) * 0x100000001b3u;
	digest_add(s, a);
	digest_add(s, b);
	if (s->setup.trace)
		fprintf(stderr, "%8llu node %zu %s %llx %llx\n", (unsigned long long)s->now,
			n ? n->index : (size_t)-1, what, (unsigned long long)a,
			(unsigned long long)b);
}

/* -- events ----------------------------------------------------------------------------------------------------------------- */

static struct sim_event *event_add(struct sim *s, reload_ms at, struct sim_node *node,
	void (*fn)(struct sim *, struct sim_event *))
{
	struct sim_event *ev = RELOAD_NEW(sim_event);
	ev->at = at;
	ev->order = s->order++;
	ev->fn = fn;
	ev->node = node;
	ev->incarnation = node->incarnation;
	RB_INSERT(sim_event_tree, &s->events, ev);
	return ev;
}

static reload_ms delay(struct sim *s)
{
	return s->setup.delay_min + sim_below(s, s->setup.delay_max - s->setup.delay_min + 1);
}

static struct sim_link *link_find(struct sim_node *n, uint32_t number)
{
	struct sim_link key = { .number = number };
	return RB_FIND(sim_link_tree, &n->links, &key);
}

static void link_remove(struct sim_node *n, struct sim_link *l)
{
	RB_REMOVE(sim_link_tree, &n->links, l);
	free(l);
}

static struct sim_link *link_add(
	struct sim_node *n, uint32_t number, struct sim_node *other, uint32_t other_number)
{
	struct sim_link *l = RELOAD_NEW(sim_link);
	l->number = number;
	l->other = other;
	l->other_number = other_number;
	if (RB_INSERT(sim_link_tree, &n->links, l))
		abort();
	return l;
}

/* -- the host of each engine --------------------------------------------------------------------------------------------------- */

static reload_ms host_now(void *host)
{
	return ((struct sim_node *)host)->sim->now;
}

static reload_utc host_wall(void *host)
{
	return SIM_EPOCH + ((struct sim_node *)host)->sim->now;
}

static void host_random(void *host, void *out, size_t len)
{
	struct sim_node *n = host;
	uint8_t *to = out;
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(sim_random(n->sim) >> 32);
}

static void run_wake(struct sim *s, struct sim_event *ev)
{
	(void)s;
	if (ev->node->wake != ev->at)
		return; /* another deadline took its place */
	ev->node->wake = RELOAD_NEVER;
	reload_peer_wake(ev->node->peer);
}

static void host_wake_at(void *host, reload_ms when)
{
	struct sim_node *n = host;
	if (when == n->wake)
		return;
	n->wake = when;
	if (when == RELOAD_NEVER)
		return;
	if (when < n->sim->now)
		n->wake = n->sim->now;
	event_add(n->sim, n->wake, n, run_wake);
}

static void run_up(struct sim *s, struct sim_event *ev)
{
	struct sim_link *l = link_find(ev->node, ev->link);
	(void)s;
	if (!l)
		return; /* closed meanwhile */
	l->up = true;
	reload_peer_link_up(ev->node->peer, ev->link, l->other->credentials.cert);
}

static void run_down(struct sim *s, struct sim_event *ev)
{
	struct sim_link *l = link_find(ev->node, ev->link);
	(void)s;
	if (!l && !ev->data)
		return;
	if (l)
		link_remove(ev->node, l);
	reload_peer_link_down(ev->node->peer, ev->link, RELOAD_LINK_DOWN);
}

/* A ClientHello reaches the other end: both ends are up a round trip later. */
static void run_dial(struct sim *s, struct sim_event *ev)
{
	struct sim_node *n = ev->node, *other = ev->other;
	struct sim_link *l = link_find(n, ev->link);
	if (!l)
		return;
	if (!other->peer) {
		event_add(s, s->now + delay(s), n, run_down)->link = ev->link;
		return;
	}
	l->other_number = 0x80000000u | other->next_incoming++;
	struct sim_link *back = link_add(other, l->other_number, n, ev->link);
	reload_ms theirs = s->now + 2 * delay(s), ours = s->now + 3 * delay(s);
	event_add(s, theirs, other, run_up)->link = back->number;
	event_add(s, ours, n, run_up)->link = ev->link;
	l->last = theirs; /* what is sent before the other end is up waits there */
	back->last = ours;
}

static void host_link_open(
	void *host, uint32_t link, const struct reload_ip_port *addrs, size_t count)
{
	struct sim_node *n = host;
	struct sim *s = n->sim;
	size_t index = count ? (size_t)addrs[0].addr[1] << 16 | (size_t)addrs[0].addr[2] << 8 |
				       addrs[0].addr[3]
			     : SIZE_MAX;
	if (index >= s->nodes_count) {
		struct sim_event *ev = event_add(s, s->now + 1, n, run_down);
		ev->link = link;
		ev->data = n;
		return;
	}
	link_add(n, link, &s->nodes[index], 0);
	struct sim_event *ev = event_add(s, s->now + delay(s), n, run_dial);
	ev->link = link;
	ev->other = &s->nodes[index];
}

static void run_message(struct sim *s, struct sim_event *ev)
{
	struct sim_link *l = link_find(ev->node, ev->link);
	if (l && l->up) {
		s->messages++;
		s->bytes += ev->len;
		sim_note(s, ev->node, "message", ev->link, ev->len);
		reload_peer_message(ev->node->peer, ev->link, span_of(ev->data, ev->len));
	}
	free(ev->data);
	ev->data = NULL;
}

static void host_link_send(void *host, uint32_t link, struct span message)
{
	struct sim_node *n = host;
	struct sim *s = n->sim;
	struct sim_link *l = link_find(n, link);
	if (!l || !l->up)
		return;
	if (sim_below(s, 1000000) < s->setup.loss_per_million) {
		s->dropped++;
		return;
	}
	reload_ms at = s->now + delay(s);
	if (at < l->last)
		at = l->last;
	l->last = at;
	struct sim_event *ev = event_add(s, at, l->other, run_message);
	ev->link = l->other_number;
	ev->data = reload_memdup(message.at, message.len);
	ev->len = message.len;
}

static void host_link_close(void *host, uint32_t link)
{
	struct sim_node *n = host;
	struct sim_link *l = link_find(n, link);
	if (!l)
		return;
	reload_ms at = n->sim->now + delay(n->sim);
	if (l->other_number && l->other->peer)
		event_add(n->sim, at < l->last ? l->last : at, l->other, run_down)->link =
			l->other_number;
	link_remove(n, l);
}

static void run_job(struct sim *s, struct sim_event *ev)
{
	(void)s;
	struct reload_job *job = ev->data;
	ev->data = NULL;
	reload_job_run(job);
	reload_peer_job_done(ev->node->peer, job);
}

static void host_job(void *host, struct reload_job *job)
{
	struct sim_node *n = host;
	event_add(n->sim, n->sim->now, n, run_job)->data = job;
}

static size_t host_addresses(void *host, struct reload_ip_port *out, size_t max)
{
	size_t index = ((struct sim_node *)host)->index;
	(void)max;
	out[0] = (struct reload_ip_port){ .type = RELOAD_IPV4,
		.addr = { 10, (uint8_t)(index >> 16), (uint8_t)(index >> 8), (uint8_t)index },
		.port = RELOAD_DEFAULT_PORT };
	return 1;
}

static void host_event(void *host, const struct reload_event *ev)
{
	struct sim_node *n = host;
	if (ev->type == RELOAD_EV_STATE)
		n->state = ev->code;
	if (reload_event_level(ev->type) <= RELOAD_LEVEL_INFO)
		sim_note(n->sim, n, reload_event_name(ev->type), ev->code, ev->err);
	if (n->sim->setup.trace && ev->words)
		fprintf(stderr, "         node %zu   %s: %s\n", n->index,
			reload_event_name(ev->type), ev->words);
}

static void host_config_changed(void *host, const struct reload_config *config)
{
	sim_note(((struct sim_node *)host)->sim, host, "config", config->sequence, 0);
}

static const struct reload_host_ops host_ops = {
	.now = host_now,
	.wall = host_wall,
	.random = host_random,
	.wake_at = host_wake_at,
	.link_open = host_link_open,
	.link_send = host_link_send,
	.link_close = host_link_close,
	.job = host_job,
	.addresses = host_addresses,
	.event = host_event,
	.config_changed = host_config_changed,
};

/* -- the world --------------------------------------------------------------------------------------------------------------------- */

static struct reload_config *config_new(struct reload_cert *root)
{
	struct reload_why why = { 0 };
	struct reload_config *config;
	struct reload_id signer_id = { .len = 16, .at = { 0xaa } };
	AUTO(reload_cert) cert = sim_cert("signer@" SIM_OVERLAY, SIM_OVERLAY, &signer_id);
	AUTO(reload_key) key = sim_key(cert);
	struct reload_ip_port bootstrap = {
		.type = RELOAD_IPV4, .addr = { 10, 0, 0, 0 }, .port = RELOAD_DEFAULT_PORT
	};
	const struct reload_kind kind = { .id = 0xf0000001,
		.model = RELOAD_MODEL_SINGLE,
		.access = RELOAD_ACCESS_USER_MATCH,
		.max_count = 1,
		.max_size = 2000 };
	char *element = reload_kind_element(&kind);
	const char *elements[] = { element };
	struct reload_config_draft draft = { .instance_name = SIM_OVERLAY,
		.sequence = 1,
		.expiration = SIM_EPOCH + 365ull * 86400 * 1000,
		.roots = &root->der,
		.roots_count = 1,
		.bootstrap = &bootstrap,
		.bootstrap_count = 1,
		.no_ice = true,
		.signers = &signer_id,
		.signers_count = 1,
		.kind_elements = elements,
		.kind_elements_count = 1 };
	struct reload_config_signer signer = { .key = key, .cert = cert, .node = signer_id };
	struct wr w;
	wr_init(&w);
	if (reload_config_write(&w, &draft, &signer, SIM_EPOCH, &why) ||
		reload_config_parse(
			&config, wr_done(&w), SIM_OVERLAY, &sim_ident, SIM_EPOCH, &why)) {
		fprintf(stderr, "sim: %s: %s\n", why.what, why.why);
		abort();
	}
	wr_clear(&w);
	free(element);
	return config;
}

struct sim *sim_new(const struct sim_setup *setup)
{
	struct sim *s = RELOAD_NEW(sim);
	s->setup = *setup;
	s->now = 1000;
	s->digest = 0xcbf29ce484222325u;
	prng_seed(s, setup->seed);
	AUTO(reload_cert) root = sim_cert("", SIM_OVERLAY, NULL);
	s->config = config_new(root);
	s->nodes_count = setup->nodes;
	s->nodes = reload_alloc_array(setup->nodes, sizeof(*s->nodes));
	for (size_t i = 0; i < setup->nodes; i++) {
		struct sim_node *n = &s->nodes[i];
		char user[64];
		n->sim = s;
		n->index = i;
		n->id.len = 16;
		host_random(n, n->id.at, 16);
		snprintf(user, sizeof(user), "user%zu@" SIM_OVERLAY, i);
		n->credentials.cert = sim_cert(user, SIM_OVERLAY, &n->id);
		n->credentials.key = sim_key(n->credentials.cert);
		n->credentials.node = n->id;
	}
	return s;
}

static void node_stop(struct sim_node *n)
{
	struct sim_event *ev, *next;
	n->incarnation++;
	/* jobs of the engine go back before it is freed; all other events of it are void */
	for (ev = RB_MIN(sim_event_tree, &n->sim->events); ev; ev = next) {
		next = RB_NEXT(sim_event_tree, &n->sim->events, ev);
		if (ev->node != n)
			continue;
		if (ev->fn == run_job && ev->data)
			reload_peer_job_done(n->peer, TAKE(ev->data));
	}
	for (;;) { /* handing jobs back may have made new ones */
		bool found = false;
		RB_FOREACH (ev, sim_event_tree, &n->sim->events)
			if (ev->node == n && ev->fn == run_job && ev->data) {
				found = true;
				reload_peer_job_done(n->peer, TAKE(ev->data));
				break;
			}
		if (!found)
			break;
	}
	n->incarnation++;
	reload_peer_free(TAKE(n->peer));
	reload_storage_free(TAKE(n->storage));
	struct sim_link *l;
	while ((l = RB_MIN(sim_link_tree, &n->links)))
		link_remove(n, l);
}

void sim_free(struct sim *s)
{
	struct sim_event *ev;
	for (size_t i = 0; i < s->nodes_count; i++)
		if (s->nodes[i].peer)
			node_stop(&s->nodes[i]);
	while ((ev = RB_MIN(sim_event_tree, &s->events))) {
		RB_REMOVE(sim_event_tree, &s->events, ev);
		if (ev->fn == run_message)
			free(ev->data);
		free(ev);
	}
	for (size_t i = 0; i < s->nodes_count; i++) {
		reload_key_free(s->nodes[i].credentials.key);
		reload_cert_free(s->nodes[i].credentials.cert);
	}
	reload_config_free(s->config);
	free(s->nodes);
	free(s);
}

void sim_start(struct sim *s, size_t i, bool first, enum reload_role role)
{
	struct sim_node *n = &s->nodes[i];
	struct reload_why why;
	n->storage = reload_storage_memory_new(64 * 1024 * 1024, 15000);
	n->wake = RELOAD_NEVER;
	n->state = RELOAD_STATE_ENROLLED;
	struct reload_peer_setup setup = { .ops = &host_ops,
		.host = n,
		.config = s->config,
		.credentials = &n->credentials,
		.storage = n->storage,
		.role = role };
	if (reload_peer_new(&n->peer, &setup, &why))
		abort();
	sim_note(s, n, "start", first, role);
	enum reload_err err =
		first ? reload_peer_first(n->peer) : reload_peer_join(n->peer, role, NULL, 0);
	if (err)
		abort();
}

void sim_crash(struct sim *s, size_t i)
{
	struct sim_node *n = &s->nodes[i];
	struct sim_link *l;
	sim_note(s, n, "crash", 0, 0);
	RB_FOREACH (l, sim_link_tree, &n->links)
		if (l->other_number && l->other->peer)
			event_add(s, s->now + delay(s), l->other, run_down)->link = l->other_number;
	node_stop(n);
}

void sim_stop(struct sim *s, size_t i)
{
	sim_note(s, &s->nodes[i], "stop", 0, 0);
	node_stop(&s->nodes[i]);
}

void sim_leave(struct sim *s, size_t i)
{
	sim_note(s, &s->nodes[i], "leave", 0, 0);
	reload_peer_leave(s->nodes[i].peer, false);
}

bool sim_run(struct sim *s, reload_ms until, bool (*done)(struct sim *s, void *arg), void *arg)
{
	struct sim_event *ev;
	if (done && done(s, arg))
		return true;
	while ((ev = RB_MIN(sim_event_tree, &s->events)) && ev->at <= until) {
		RB_REMOVE(sim_event_tree, &s->events, ev);
		s->now = ev->at;
		s->events_run++;
		if (ev->node->peer && ev->node->incarnation == ev->incarnation)
			ev->fn(s, ev);
		else if (ev->fn == run_message)
			free(ev->data);
		free(ev);
		if (done && done(s, arg))
			return true;
	}
	s->now = until;
	return false;
}

/* -- checkers ------------------------------------------------------------------------------------------------------------------------- */

bool sim_joined(struct sim *s, void *arg)
{
	(void)arg;
	for (size_t i = 0; i < s->nodes_count; i++)
		if (s->nodes[i].peer && s->nodes[i].state != RELOAD_STATE_JOINED)
			return false;
	return true;
}

static int node_cmp(const void *a, const void *b)
{
	const struct sim_node *const *x = a, *const *y = b;
	return reload_id_cmp(&(*x)->id, &(*y)->id);
}

static bool is_ring_member(const struct sim_node *n)
{
	struct reload_status st;
	if (!n->peer)
		return false;
	reload_peer_status(n->peer, &st);
	return st.role == RELOAD_ROLE_PEER && st.state == RELOAD_STATE_JOINED;
}

static bool list_agrees(struct sim_node **ring, size_t count, size_t at, int step,
	const struct reload_id *list, size_t listed)
{
	size_t want = count - 1 < 3 ? count - 1 : 3;
	if (count == 2)
		want = 1;
	if (listed < want)
		return false;
	for (size_t i = 0; i < want; i++) {
		size_t other = (at + count + (size_t)(step * (int)(i + 1))) % count;
		if (!reload_id_eq(&list[i], &ring[other]->id))
			return false;
	}
	return true;
}

/* The running members in the order of their Node-IDs (owned array). */
static struct sim_node **ring_sorted(struct sim *s, size_t *count)
{
	struct sim_node **ring = reload_alloc_array(s->nodes_count, sizeof(struct sim_node *));
	*count = 0;
	for (size_t i = 0; i < s->nodes_count; i++)
		if (is_ring_member(&s->nodes[i]))
			ring[(*count)++] = &s->nodes[i];
	qsort(ring, *count, sizeof(struct sim_node *), node_cmp);
	return ring;
}

bool sim_ring_agrees(struct sim *s, char *fault, size_t fault_len)
{
	size_t count;
	struct sim_node **ring = ring_sorted(s, &count);
	bool ok = true;
	for (size_t i = 0; i < count && ok; i++) {
		struct reload_status st;
		reload_peer_status(ring[i]->peer, &st);
		ok = list_agrees(
			     ring, count, i, 1, st.tables.successors, st.tables.successors_count) &&
		     list_agrees(ring, count, i, -1, st.tables.predecessors,
			     st.tables.predecessors_count);
		char id[RELOAD_ID_HEX];
		if (!ok)
			snprintf(fault, fault_len,
				"node %zu (%s) of %zu has other neighbours than the ring",
				ring[i]->index, reload_id_hex(id, &ring[i]->id), count);
	}
	free(ring);
	return ok;
}

bool sim_replicated(struct sim *s, const struct reload_id *resource, uint32_t kind)
{
	size_t count, owner = 0;
	struct sim_node **ring = ring_sorted(s, &count);
	bool ok = count > 0;
	while (owner < count && reload_id_cmp(&ring[owner]->id, resource) < 0)
		owner++;
	for (size_t i = 0; i < 3 && i < count && ok; i++) {
		struct sim_node *n = ring[(owner + i) % count];
		ok = n->storage->ops->generation(n->storage, resource, kind, SIM_EPOCH + s->now) >
		     0;
	}
	free(ring);
	return ok;
}
