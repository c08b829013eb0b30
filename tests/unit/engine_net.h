/*
 * A few nodes on hand-driven links, for tests of the engine.  A node with an engine behaves as one; the test speaks for a
 * node without.  Every message can be seen, changed, dropped or repeated (net.tap); time stands until net_pass(); jobs
 * run at once unless held.  The cryptography is that of the simulator.
 */
#pragma once

#include "peer/peer.h"
#include "sim/ident.h"
#include "util/tree.h"

#include "config/write.h"
#include "wire/chord.h"
#include "wire/limits.h"

#include <bsd/sys/queue.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	NET_NODES = 20,
	NET_LINKS = 256,
	NET_JOBS = 4096,
	NET_MESSAGES = 512, /* crafted or decoded by the test, freed with the net */
	NET_EVENTS = 64,    /* types of events */
	NET_LISTS = 6,
	NET_REACHED = 32,
	K_VALUE = 0xf0000001,  /* single value, USER-MATCH */
	K_DICT = 0xf0000002,   /* dictionary, USER-MATCH */
	K_MANY = 0xf0000006,   /* dictionary, USER-MATCH, 500 values */
	K_NODE = 0xf0000003,   /* single value, NODE-MATCH */
	K_LATE = 0xf0000004,   /* not of the document */
	K_ABROAD = 0xf0000005, /* nobody knows it */
	NET_NOW = 1000,
	RING_PAUSE_MS = 4000, /* own certificates are stored by then */
};

struct net;
struct node;

struct packet {
	TAILQ_ENTRY(packet) entry;
	struct node *from, *to;
	uint32_t link; /* at to */
	uint8_t *at;   /* a block of exactly len bytes */
	size_t len;
};

TAILQ_HEAD(packet_list, packet);

struct node {
	struct net *net;
	size_t index;
	struct reload_id id;
	struct reload_credentials credentials;
	struct reload_policy policy;
	struct reload_storage *storage;
	struct reload_peer *peer; /* NULL: the test speaks for it */
	struct packet_list inbox; /* of a node without engine */
	reload_ms wake;
	uint32_t next_link;
	enum reload_state state;
	unsigned events[NET_EVENTS];
	struct reload_event last[NET_EVENTS]; /* newest of each type; its pointers are void */
	unsigned opened, configured;
	struct reload_ip_port reached[NET_REACHED]; /* in this order, the rest is not kept */
	size_t reached_count;
	bool deaf;                            /* takes no links */
	size_t storage_bytes;                 /* 0: 1 MiB */
	const struct reload_ip_port *claimed; /* where it says that it listens; NULL: the truth */
};

enum net_link_state {
	NET_LINK_NONE,
	NET_LINK_DIALLED,
	NET_LINK_UP,
	NET_LINK_CLOSED /* by ends[by] */
};

struct net_link {
	enum net_link_state state;
	struct node *ends[2];
	uint32_t numbers[2];
	int by;
};

struct net {
	reload_ms now;
	uint64_t prng;
	struct reload_cert *root, *signer_cert;
	struct reload_key *signer_key;
	struct reload_id signer;
	struct reload_config *config; /* that new nodes get */
	struct node nodes[NET_NODES];
	size_t nodes_count;
	struct net_link links[NET_LINKS];
	struct packet_list wire;
	struct reload_job *jobs[NET_JOBS]; /* waiting, with their nodes */
	struct node *job_nodes[NET_JOBS];
	size_t jobs_count;
	bool hold_jobs, hold_dials;
	bool (*tap)(struct net *net, struct packet *p); /* false: the packet is lost */
	void *tap_arg;
	struct reload_arena arena;
	struct reload_msg *messages[NET_MESSAGES];
	size_t messages_count;
	uint64_t next_id;
};

/* -- the host -------------------------------------------------------------------------------------------------------- */

static inline uint64_t net_random(struct net *net)
{
	net->prng ^= net->prng << 13;
	net->prng ^= net->prng >> 7;
	net->prng ^= net->prng << 17;
	return net->prng * 0x2545f4914f6cdd1dull;
}

static inline reload_ms host_now(void *host)
{
	return ((struct node *)host)->net->now;
}

static inline reload_utc host_wall(void *host)
{
	return RELOAD_SIM_EPOCH + ((struct node *)host)->net->now;
}

static inline void host_random(void *host, void *out, size_t len)
{
	uint8_t *to = out;
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(net_random(((struct node *)host)->net) >> 32);
}

static inline void host_wake_at(void *host, reload_ms when)
{
	((struct node *)host)->wake = when;
}

/* link_free() returns NULL when all are in use. */
static inline struct net_link *link_free(struct net *net)
{
	for (size_t i = 0; i < NET_LINKS; i++)
		if (net->links[i].state == NET_LINK_NONE)
			return &net->links[i];
	return NULL;
}

static inline struct net_link *link_slot(struct net *net)
{
	struct net_link *l = link_free(net);
	return l ? l : (abort(), NULL);
}

static inline struct net_link *link_of(struct node *n, uint32_t number, int *end)
{
	for (size_t i = 0; i < NET_LINKS; i++) {
		struct net_link *l = &n->net->links[i];
		for (*end = 0; l->state != NET_LINK_NONE && *end < 2; ++*end)
			if (l->ends[*end] == n && l->numbers[*end] == number)
				return l;
	}
	return NULL;
}

static inline void host_link_open(
	void *host, uint32_t link, const struct reload_ip_port *addrs, size_t count)
{
	struct node *n = host;
	assert(count && !(link & 0x80000000u));
	size_t index = addrs[0].addr[3];
	n->opened++;
	struct net_link *l = link_free(n->net);
	if (!l)
		return; /* nobody answers it, in either way */
	*l = (struct net_link){ .state = NET_LINK_DIALLED,
		.ends = { n, index < n->net->nodes_count ? &n->net->nodes[index] : NULL },
		.numbers = { link } };
}

static inline void packet_add(
	struct node *from, struct node *to, uint32_t link, struct span message)
{
	struct packet *p = RELOAD_NEW(packet);
	*p = (struct packet){ .from = from,
		.to = to,
		.link = link,
		.at = reload_memdup(message.at, message.len),
		.len = message.len };
	TAILQ_INSERT_TAIL(&from->net->wire, p, entry);
}

static inline void packet_free(struct packet *p)
{
	free(p->at);
	free(p);
}

static inline void host_link_send(void *host, uint32_t link, struct span message)
{
	struct node *n = host;
	int end;
	struct net_link *l = link_of(n, link, &end);
	if (l && l->state == NET_LINK_UP)
		packet_add(n, l->ends[!end], l->numbers[!end], message);
}

static inline void host_link_close(void *host, uint32_t link)
{
	int end;
	struct net_link *l = link_of(host, link, &end);
	if (!l)
		return;
	l->state = l->state == NET_LINK_UP ? NET_LINK_CLOSED : NET_LINK_NONE;
	l->by = end;
}

static inline void host_job(void *host, struct reload_job *job)
{
	struct net *net = ((struct node *)host)->net;
	assert(net->jobs_count < NET_JOBS);
	net->job_nodes[net->jobs_count] = host;
	net->jobs[net->jobs_count++] = job;
}

static inline struct reload_ip_port node_address(const struct node *n)
{
	return (struct reload_ip_port){ .type = RELOAD_IPV4,
		.addr = { 10, 0, 0, (uint8_t)n->index },
		.port = RELOAD_DEFAULT_PORT };
}

static inline size_t host_addresses(void *host, struct reload_ip_port *out, size_t max)
{
	const struct node *n = host;
	assert(max);
	out[0] = n->claimed ? *n->claimed : node_address(n);
	return 1;
}

static inline void host_event(void *host, const struct reload_event *ev)
{
	struct node *n = host;
	assert((unsigned)ev->type < (unsigned)NET_EVENTS);
	n->events[ev->type]++;
	n->last[ev->type] = *ev;
	if (ev->type == RELOAD_EV_STATE)
		n->state = ev->code;
}

static inline void host_config_changed(void *host, const struct reload_config *config)
{
	(void)config;
	((struct node *)host)->configured++;
}

static inline void host_reached(
	void *host, const struct reload_id *node, const struct reload_ip_port *addrs, size_t count)
{
	struct node *n = host;
	assert(node->len);
	for (size_t i = 0; i < count && n->reached_count < NET_REACHED; i++)
		n->reached[n->reached_count++] = addrs[i];
}

static const struct reload_host_ops net_ops = {
	.now = host_now,
	.wall = host_wall,
	.random = host_random,
	.wake_at = host_wake_at,
	.link_open = host_link_open,
	.link_send = host_link_send,
	.link_close = host_link_close,
	.job = host_job,
	.addresses = host_addresses,
	.reached = host_reached,
	.event = host_event,
	.config_changed = host_config_changed,
};

/* -- running --------------------------------------------------------------------------------------------------------- */

static inline bool run_job(struct net *net)
{
	if (!net->jobs_count || net->hold_jobs)
		return false;
	struct reload_job *job = net->jobs[0];
	struct node *n = net->job_nodes[0];
	net->jobs_count--;
	memmove(net->jobs, net->jobs + 1, net->jobs_count * sizeof(struct reload_job *));
	memmove(net->job_nodes, net->job_nodes + 1, net->jobs_count * sizeof(struct node *));
	reload_job_run(job);
	reload_peer_job_done(n->peer, job);
	return true;
}

static inline void link_up(struct net_link *l, int end)
{
	struct node *n = l->ends[end];
	if (n->peer)
		reload_peer_link_up(n->peer, l->numbers[end], l->ends[!end]->credentials.cert);
}

static inline void link_answer(struct net_link *l)
{
	struct node *to = l->ends[1];
	if (!to || to->deaf) {
		struct net_link was = *l;
		l->state = NET_LINK_NONE;
		reload_peer_link_down(was.ends[0]->peer, was.numbers[0], RELOAD_LINK_DOWN);
		return;
	}
	l->state = NET_LINK_UP;
	l->numbers[1] = 0x80000000u | to->next_link++;
	link_up(l, 1);
	if (l->state == NET_LINK_UP)
		link_up(l, 0);
}

static inline bool run_link(struct net *net)
{
	for (size_t i = 0; i < NET_LINKS; i++) {
		struct net_link *l = &net->links[i];
		if (l->state == NET_LINK_DIALLED && !net->hold_dials) {
			link_answer(l);
			return true;
		}
		if (l->state == NET_LINK_CLOSED) {
			struct net_link was = *l;
			struct node *other = was.ends[!was.by];
			l->state = NET_LINK_NONE;
			if (other->peer)
				reload_peer_link_down(
					other->peer, was.numbers[!was.by], RELOAD_LINK_DOWN);
			return true;
		}
	}
	return false;
}

static inline void packet_deliver(struct packet *p)
{
	int end;
	if (!link_of(p->to, p->link, &end)) {
		packet_free(p);
	} else if (p->to->peer) {
		reload_peer_message(p->to->peer, p->link, span_of(p->at, p->len));
		packet_free(p);
	} else {
		TAILQ_INSERT_TAIL(&p->to->inbox, p, entry);
	}
}

static inline bool run_packet(struct net *net)
{
	struct packet *p = TAILQ_FIRST(&net->wire);
	if (!p)
		return false;
	TAILQ_REMOVE(&net->wire, p, entry);
	if (net->tap && !net->tap(net, p))
		packet_free(p);
	else
		packet_deliver(p);
	return true;
}

static inline bool run_wake(struct net *net)
{
	for (size_t i = 0; i < net->nodes_count; i++) {
		struct node *n = &net->nodes[i];
		if (n->peer && n->wake <= net->now) {
			n->wake = RELOAD_NEVER;
			reload_peer_wake(n->peer);
			return true;
		}
	}
	return false;
}

/* net_settle() runs all that happens without time passing. */
static inline void net_settle(struct net *net)
{
	for (unsigned steps = 0; run_job(net) || run_packet(net) || run_link(net) || run_wake(net);
		steps++)
		assert(steps < 1000000);
}

/* net_pass() lets ms go by, deadline after deadline. */
static inline void net_pass(struct net *net, reload_ms ms)
{
	reload_ms until = net->now + ms;
	for (;;) {
		net_settle(net);
		reload_ms next = RELOAD_NEVER;
		for (size_t i = 0; i < net->nodes_count; i++)
			if (net->nodes[i].peer && net->nodes[i].wake < next)
				next = net->nodes[i].wake;
		if (next > until)
			break;
		net->now = next;
	}
	net->now = until;
	net_settle(net);
}

/* -- configuration, nodes --------------------------------------------------------------------------------------------- */

struct net_document {
	struct reload_config_draft draft;
	struct reload_config_signer signer;
};

/* net_document() fills what net_config() starts with; write_document() makes its bytes (owned by the net). */
static inline struct net_document net_document(struct net *net)
{
	static const struct reload_kind kinds[] = {
		{ .id = K_VALUE,
			.model = RELOAD_MODEL_SINGLE,
			.access = RELOAD_ACCESS_USER_MATCH,
			.max_count = 1,
			.max_size = 2000 },
		{ .id = K_DICT,
			.model = RELOAD_MODEL_DICTIONARY,
			.access = RELOAD_ACCESS_USER_MATCH,
			.max_count = 10,
			.max_size = 2000 },
		{ .id = K_NODE,
			.model = RELOAD_MODEL_SINGLE,
			.access = RELOAD_ACCESS_NODE_MATCH,
			.max_count = 1,
			.max_size = 2000 },
		{ .id = K_MANY,
			.model = RELOAD_MODEL_DICTIONARY,
			.access = RELOAD_ACCESS_USER_MATCH,
			.max_count = 500,
			.max_size = 2000 },
	};
	struct reload_ip_port *bootstrap = reload_arena_take(&net->arena, sizeof(*bootstrap));
	const char **elements = reload_arena_take(&net->arena, COUNT_OF(kinds) * sizeof(*elements));
	*bootstrap = (struct reload_ip_port){
		.type = RELOAD_IPV4, .addr = { 10, 0, 0, 0 }, .port = RELOAD_DEFAULT_PORT
	};
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		char *e = reload_kind_element(&kinds[i]);
		elements[i] =
			(const char *)reload_arena_copy(&net->arena, span_of(e, strlen(e) + 1)).at;
		free(e);
	}
	return (struct net_document){
		.draft = { .instance_name = RELOAD_SIM_OVERLAY,
			.sequence = 7,
			.expiration = RELOAD_SIM_EPOCH + 365ull * 86400 * 1000,
			.roots = &net->root->der,
			.roots_count = 1,
			.bootstrap = bootstrap,
			.bootstrap_count = 1,
			.no_ice = true,
			.max_message_size = 20000,
			.signers = &net->signer,
			.signers_count = 1,
			.kind_elements = elements,
			.kind_elements_count = COUNT_OF(kinds) },
		.signer = { .key = net->signer_key, .cert = net->signer_cert, .node = net->signer },
	};
}

static inline struct span document_write(struct net *net, const struct net_document *d)
{
	struct wr w;
	struct reload_why why = { 0 };
	wr_init(&w);
	if (reload_config_write(&w, &d->draft, &d->signer, RELOAD_SIM_EPOCH, &why)) {
		fprintf(stderr, "%s: %s\n", why.what, why.why);
		abort();
	}
	struct span bytes = reload_arena_copy(&net->arena, wr_done(&w));
	wr_clear(&w);
	return bytes;
}

static inline struct reload_config *document_parse(struct span bytes)
{
	struct reload_config *config;
	struct reload_why why = { 0 };
	if (reload_config_parse(&config, bytes, RELOAD_SIM_OVERLAY, &reload_sim_ident,
		    RELOAD_SIM_EPOCH, &why)) {
		fprintf(stderr, "%s: %s\n", why.what, why.why);
		abort();
	}
	return config;
}

/* net_configure() makes the document d that of all nodes that start later. */
static inline void net_configure(struct net *net, const struct net_document *d)
{
	reload_config_free(net->config);
	net->config = document_parse(document_write(net, d));
}

/* net_new_of() makes a net whose nodes get config; NULL: that of net_document(). */
static inline struct net *net_new_of(const struct reload_config *config)
{
	struct net *net = RELOAD_NEW(net);
	net->now = NET_NOW;
	net->prng = 0x9e3779b97f4a7c15u;
	net->next_id = 0x1000;
	TAILQ_INIT(&net->wire);
	net->signer = (struct reload_id){ .len = 16, .at = { 0xaa, 0xaa } };
	net->root = reload_sim_cert("", RELOAD_SIM_OVERLAY, NULL);
	net->signer_cert =
		reload_sim_cert("signer@" RELOAD_SIM_OVERLAY, RELOAD_SIM_OVERLAY, &net->signer);
	net->signer_key = reload_sim_key(net->signer_cert);
	if (config) {
		net->config = reload_config_ref(config);
	} else {
		struct net_document d = net_document(net);
		net_configure(net, &d);
	}
	return net;
}

static inline struct net *net_new(void)
{
	return net_new_of(NULL);
}

/* id_at() is the Node-ID that begins with byte first and has zeroes behind it, but for a last 1. */
static inline struct reload_id id_at(uint8_t first)
{
	return (struct reload_id){ .len = 16, .at = { first, [15] = 1 } };
}

/* node_new_of() makes a node with the certificate form (its first Node-ID is used); it has no engine yet. */
static inline struct node *node_new_of(struct net *net, const struct reload_sim_cert_form *form)
{
	assert(net->nodes_count < NET_NODES);
	struct node *n = &net->nodes[net->nodes_count];
	n->net = net;
	n->index = net->nodes_count++;
	n->id = form->nodes[0];
	n->wake = RELOAD_NEVER;
	n->credentials.cert = reload_sim_cert_of(form);
	n->credentials.key = reload_sim_key(n->credentials.cert);
	n->credentials.node = n->id;
	n->state = RELOAD_STATE_ENROLLED;
	TAILQ_INIT(&n->inbox);
	return n;
}

static inline struct node *node_new(struct net *net, uint8_t first)
{
	char user[64];
	struct reload_id id = id_at(first);
	snprintf(user, sizeof(user), "user%02x@" RELOAD_SIM_OVERLAY, first);
	return node_new_of(net, &(struct reload_sim_cert_form){ .user = user,
					.overlay = RELOAD_SIM_OVERLAY,
					.nodes = &id,
					.nodes_count = 1 });
}

/* node_start() gives a node an engine, detached. */
static inline void node_start(struct node *n, enum reload_role role)
{
	struct reload_why why = { 0 };
	n->storage =
		reload_storage_memory_new(n->storage_bytes ? n->storage_bytes : 1024 * 1024, 15000);
	struct reload_peer_setup setup = { .ops = &net_ops,
		.host = n,
		.config = n->net->config,
		.credentials = &n->credentials,
		.storage = n->storage,
		.role = role,
		.policy = n->policy };
	if (reload_peer_new(&n->peer, &setup, &why))
		abort();
}

/* node_first() makes a node the whole ring. */
static inline void node_first(struct node *n)
{
	node_start(n, RELOAD_ROLE_PEER);
	if (reload_peer_first(n->peer))
		abort();
	net_pass(n->net, RING_PAUSE_MS);
}

/* node_join() lets a node join through `through` and waits. */
static inline void node_join(struct node *n, struct node *through, enum reload_role role)
{
	struct reload_ip_port address = node_address(through);
	if (!n->peer)
		node_start(n, role);
	if (reload_peer_join(n->peer, role, &address, 1))
		abort();
	net_pass(n->net, RING_PAUSE_MS);
}

static inline void node_stop(struct node *n)
{
	struct net *net = n->net;
	if (!n->peer)
		return;
	for (size_t i = 0; i < net->jobs_count;) {
		if (net->job_nodes[i] != n) {
			i++;
			continue;
		}
		struct reload_job *job = net->jobs[i];
		net->jobs_count--;
		memmove(net->jobs + i, net->jobs + i + 1,
			(net->jobs_count - i) * sizeof(struct reload_job *));
		memmove(net->job_nodes + i, net->job_nodes + i + 1,
			(net->jobs_count - i) * sizeof(struct node *));
		reload_peer_job_done(n->peer, job);
		i = 0;
	}
	reload_peer_free(TAKE(n->peer));
	reload_storage_free(TAKE(n->storage));
}

static inline void net_free(struct net *net)
{
	struct packet *p;
	for (size_t i = 0; i < net->nodes_count; i++) {
		struct node *n = &net->nodes[i];
		node_stop(n);
		while ((p = TAILQ_FIRST(&n->inbox))) {
			TAILQ_REMOVE(&n->inbox, p, entry);
			packet_free(p);
		}
	}
	while ((p = TAILQ_FIRST(&net->wire))) {
		TAILQ_REMOVE(&net->wire, p, entry);
		packet_free(p);
	}
	for (size_t i = 0; i < net->nodes_count; i++) {
		reload_key_free(net->nodes[i].credentials.key);
		reload_cert_free(net->nodes[i].credentials.cert);
	}
	for (size_t i = 0; i < net->messages_count; i++)
		reload_msg_free(net->messages[i]);
	reload_config_free(net->config);
	reload_key_free(net->signer_key);
	reload_cert_free(net->signer_cert);
	reload_cert_free(net->root);
	reload_arena_clear(&net->arena);
	free(net);
}

/* -- links ------------------------------------------------------------------------------------------------------------ */

/* net_link() puts a link between two nodes, without asking either; a dials. */
static inline struct net_link *net_link(struct node *a, struct node *b)
{
	struct net_link *l = link_slot(a->net);
	*l = (struct net_link){ .state = NET_LINK_UP,
		.ends = { a, b },
		.numbers = { 0x80000000u | a->next_link++, 0x80000000u | b->next_link++ } };
	link_up(l, 1);
	if (l->state == NET_LINK_UP)
		link_up(l, 0);
	net_settle(a->net);
	return l;
}

static inline struct net_link *net_link_between(struct node *a, struct node *b)
{
	for (size_t i = 0; i < NET_LINKS; i++) {
		struct net_link *l = &a->net->links[i];
		if (l->state == NET_LINK_UP && ((l->ends[0] == a && l->ends[1] == b) ||
						       (l->ends[0] == b && l->ends[1] == a)))
			return l;
	}
	return NULL;
}

/* number_at() is the number by which n knows its link to other. */
static inline uint32_t number_at(struct node *n, struct node *other)
{
	struct net_link *l = net_link_between(n, other);
	assert(l);
	return l->numbers[l->ends[0] == n ? 0 : 1];
}

/* say() puts message on the link from a to b, makes one if there is none, and settles. */
static inline void say(struct node *a, struct node *b, struct span message)
{
	if (!net_link_between(a, b))
		net_link(a, b);
	packet_add(a, b, number_at(b, a), message);
	net_settle(a->net);
}
