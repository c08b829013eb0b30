/*
 * A few nodes on hand-driven links, for tests of the engine.  A node with an engine behaves as one; the test speaks for a
 * node without.  Every message can be seen, changed, dropped or repeated (net.tap); time stands until net_pass(); jobs
 * run at once unless held.  The cryptography is that of the simulator.
 */
#pragma once

#include "engine_host.h"

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
		reload_peer_link_up(n->peer, l->numbers[end],
			n->net->config->shared_secret ? NULL : l->ends[!end]->credentials.cert);
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
		if (l->state == NET_LINK_DIALLED && !net->hold_dials &&
			(l->ends[1] || !net->black_holes)) {
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
	struct reload_error_text why = { 0 };
	wr_init(&w);
	if (reload_config_write(&w, &d->draft, &d->signer, RELOAD_SIM_EPOCH, &why)) {
		fprintf(stderr, "%s: %s\n", why.what, why.reason);
		abort();
	}
	struct span bytes = reload_arena_copy(&net->arena, wr_done(&w));
	wr_clear(&w);
	return bytes;
}

static inline struct reload_config *document_parse(struct span bytes)
{
	struct reload_config *config;
	struct reload_error_text why = { 0 };
	if (reload_config_parse(&config, bytes, RELOAD_SIM_OVERLAY, &reload_sim_ident,
		    RELOAD_SIM_EPOCH, &why)) {
		fprintf(stderr, "%s: %s\n", why.what, why.reason);
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
	struct reload_error_text why = { 0 };
	n->storage =
		reload_storage_memory_new(n->storage_bytes ? n->storage_bytes : 1024 * 1024, 15000);
	struct reload_peer_setup setup = { .ops = n->net->ops ? n->net->ops : &net_ops,
		.host = n,
		.app_ops = n->net->app_ops,
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
		.numbers = { 0x40000000u | a->next_link++, 0x80000000u | b->next_link++ } };
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

/* has_reached_at() returns whether n told its host that it has reached a peer there, has_reached() at other's address. */
static inline bool has_reached_at(const struct node *n, const struct reload_ip_port *at)
{
	for (size_t i = 0; i < n->reached_count; i++)
		if (!memcmp(n->reached[i].addr, at->addr, sizeof(at->addr)))
			return true;
	return false;
}

static inline bool has_reached(const struct node *n, const struct node *other)
{
	struct reload_ip_port at = node_address(other);
	return has_reached_at(n, &at);
}

/* node_cut() has the links of a node fail; nobody gets through to it or away from it any more. */
static inline void node_cut(struct node *n)
{
	struct net *net = n->net;
	n->deaf = true;
	for (size_t i = 0; i < NET_LINKS; i++) {
		struct net_link was = net->links[i];
		if (was.state != NET_LINK_UP || (was.ends[0] != n && was.ends[1] != n))
			continue;
		net->links[i].state = NET_LINK_NONE;
		for (int end = 0; end < 2; end++)
			if (was.ends[end]->peer)
				reload_peer_link_down(
					was.ends[end]->peer, was.numbers[end], RELOAD_LINK_DOWN);
	}
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
