/* What a net of engine_net.h is made of, and the host of its engines: links, jobs and events are kept for the test. */
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
	NET_NODES = 64,
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
	unsigned asked_addresses;
	struct reload_ip_port reached[NET_REACHED]; /* in this order, the rest is not kept */
	size_t reached_count;
	bool deaf;                            /* takes no links */
	size_t storage_bytes;                 /* 0: 1 MiB */
	const struct reload_ip_port *claimed; /* where it says that it listens; NULL: the truth */
	uint8_t types;                        /* of links that it takes there; 0: TLS */
	struct reload_link_target dialled[4]; /* by the newest link_open */
	size_t dialled_count;
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
	const struct reload_app_ops *app_ops; /* of new nodes; NULL: none */
	struct reload_config *config;         /* that new nodes get */
	struct node nodes[NET_NODES];
	size_t nodes_count;
	struct net_link links[NET_LINKS];
	struct packet_list wire;
	struct reload_job *jobs[NET_JOBS]; /* waiting, with their nodes */
	struct node *job_nodes[NET_JOBS];
	size_t jobs_count;
	bool hold_jobs, hold_dials;
	bool black_holes;                  /* nobody says that there is nobody at an address */
	const struct reload_host_ops *ops; /* NULL: net_ops */
	size_t mtu; /* bytes of the largest message of a link in one piece; 0: any size */
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
	void *host, uint32_t link, const struct reload_link_target *to, size_t count)
{
	struct node *n = host;
	assert(count && !(link & 0x80000000u));
	size_t index = to[0].at.addr[3];
	n->opened++;
	n->dialled_count = count < COUNT_OF(n->dialled) ? count : COUNT_OF(n->dialled);
	memcpy(n->dialled, to, n->dialled_count * sizeof(*to));
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

static inline size_t host_addresses(void *host, struct reload_link_target *out, size_t max)
{
	struct node *n = host;
	assert(max);
	n->asked_addresses++;
	out[0] = (struct reload_link_target){ n->claimed ? *n->claimed : node_address(n),
		n->types ? n->types : (uint8_t)RELOAD_LINK_BIT(RELOAD_TLS_TCP_FH_NO_ICE) };
	return 1;
}

static inline size_t host_link_mtu(void *host, uint32_t link)
{
	(void)link;
	return ((struct node *)host)->net->mtu;
}

/* The packets that keep a link alive come, as long as it is up. */
static inline reload_ms host_link_heard(void *host, uint32_t link)
{
	struct node *n = host;
	int end;
	const struct net_link *l = link_of(n, link, &end);
	return l && l->state == NET_LINK_UP ? n->net->now : 0;
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
	.link_mtu = host_link_mtu,
	.link_heard = host_link_heard,
	.link_send = host_link_send,
	.link_close = host_link_close,
	.job = host_job,
	.addresses = host_addresses,
	.reached = host_reached,
	.event = host_event,
	.config_changed = host_config_changed,
};
