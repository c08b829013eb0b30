/* A ring of an overlay with ICE (engine_expect.h), whose hosts gather and check as the test says. */
#pragma once

#include "engine_expect.h"

#include "membership/attempt.h"
#include "peer/internal.h"

enum {
	ICE_LINKS = 128
};

/* A link that a host was asked to gather for; kept after its end. */
struct ice_link {
	struct node *node;
	uint32_t number;
	bool controlling, gathered, checked, closed;
	char ufrag[64], password[64]; /* of the other end, once it is checked */
	struct reload_ice_candidate to[RELOAD_LIMIT_CANDIDATES];
	size_t to_count;
};

static struct ice_link ice_links[ICE_LINKS];
static size_t ice_links_count;

static const struct span ice_ufrag = { (const uint8_t *)"ufr4", 4 };
static const struct span ice_password = { (const uint8_t *)"passwordpasswordpassword", 24 };

static inline struct ice_link *ice_find(const struct node *n, uint32_t number)
{
	for (size_t i = 0; i < ice_links_count; i++)
		if (ice_links[i].node == n && ice_links[i].number == number)
			return &ice_links[i];
	return NULL;
}

static inline void ice_gather(void *host, uint32_t link, bool controlling)
{
	assert(link && !(link & 0x80000000u) && ice_links_count < ICE_LINKS);
	ice_links[ice_links_count++] =
		(struct ice_link){ .node = host, .number = link, .controlling = controlling };
}

static inline void ice_text(char out[64], struct span s)
{
	assert(s.len < 64);
	memcpy(out, s.at, s.len);
	out[s.len] = 0;
}

static inline void ice_check(void *host, uint32_t link, struct span ufrag, struct span password,
	const struct reload_ice_candidate *candidates, size_t count)
{
	struct ice_link *l = ice_find(host, link);
	assert(l && l->gathered && !l->checked && !l->closed && count);
	l->checked = true;
	ice_text(l->ufrag, ufrag);
	ice_text(l->password, password);
	memcpy(l->to, candidates, count * sizeof(*candidates));
	l->to_count = count;
}

static inline void ice_close(void *host, uint32_t link)
{
	struct ice_link *l = ice_find(host, link);
	if (l) {
		assert(!l->closed);
		l->closed = true;
	}
	host_link_close(host, link);
}

/* ice_newest() is the link that n gathers for, or did last. */
static inline struct ice_link *ice_newest(const struct node *n)
{
	for (size_t i = ice_links_count; i-- > 0;)
		if (ice_links[i].node == n)
			return &ice_links[i];
	return NULL;
}

/* ice_open() counts the links of n that were not closed. */
static inline size_t ice_open(const struct node *n)
{
	size_t count = 0;
	for (size_t i = 0; i < ice_links_count; i++)
		count += ice_links[i].node == n && !ice_links[i].closed;
	return count;
}

static inline struct reload_ice_candidate ice_candidate(const struct node *n)
{
	return (struct reload_ice_candidate){ .addr_port = node_address(n),
		.overlay_link = RELOAD_DTLS_UDP_SR,
		.foundation = span_str("1"),
		.priority = 2130706431,
		.type = RELOAD_CAND_HOST };
}

/* ice_gathered() gives the engine what was gathered for l. */
static inline void ice_gathered(struct ice_link *l)
{
	struct reload_ice_candidate own[2] = { ice_candidate(l->node), ice_candidate(l->node) };
	own[1].type = RELOAD_CAND_SRFLX;
	own[1].addr_port.addr[0] = 192;
	own[1].rel_addr_port = own[0].addr_port;
	l->gathered = true;
	reload_peer_gathered(l->node->peer, l->number,
		&(struct reload_ice_gathered){ ice_ufrag, ice_password, own, 2 });
	net_settle(l->node->net);
}

/* ice_up() reports l as up, to a node without engine. */
static inline void ice_up(struct ice_link *l, struct node *to)
{
	struct node *n = l->node;
	struct net_link *slot = link_slot(n->net);
	*slot = (struct net_link){ .state = NET_LINK_UP,
		.ends = { n, to },
		.numbers = { l->number, 0x80000000u | to->next_link++ } };
	link_up(slot, 0);
	net_settle(n->net);
}

static inline void ice_down(struct ice_link *l, enum reload_err err)
{
	l->closed = true; /* the host has */
	reload_peer_link_down(l->node->peer, l->number, err);
	net_settle(l->node->net);
}

static inline struct ring *ice_ring_with(const struct reload_app_ops *app_ops)
{
	static struct reload_host_ops ops;
	ops = net_ops;
	ops.link_gather = ice_gather;
	ops.link_check = ice_check;
	ops.link_close = ice_close;
	ice_links_count = 0;
	struct net *net = net_new();
	struct net_document d = net_document(net);
	d.draft.no_ice = false;
	net_configure(net, &d);
	net->ops = &ops;
	net->app_ops = app_ops;
	return ring_new_in(net, NULL);
}

static inline struct ring *ice_ring(void)
{
	return ice_ring_with(NULL);
}

static inline int ice_setup(void **state)
{
	*state = ice_ring();
	return 0;
}

#define ice_test(f) cmocka_unit_test_setup_teardown(f, ice_setup, ring_teardown)

/* What an Attach of a node without engine says. */
struct ice_form {
	struct reload_ice_candidate candidates[RELOAD_LIMIT_CANDIDATES];
	struct reload_attach body;
};

static inline void ice_form(struct ice_form *f, const struct node *n, const char *role)
{
	*f = (struct ice_form){ .body = { .ufrag = span_str("theirs"),
					.password = span_str("theirpasswordtheirpassword"),
					.role = span_str(role),
					.candidates_count = 1 } };
	f->candidates[0] = ice_candidate(n);
	f->body.candidates = f->candidates;
}

static inline struct craft ice_craft(struct node *from, struct node *to, const struct ice_form *f)
{
	struct reload_destination d = dest(to);
	struct reload_attach body = f->body;
	body.candidates = (struct reload_ice_candidate *)f->candidates;
	return craft(from, RELOAD_ATTACH_REQ, &body, &d);
}

/* ice_asks() sends u a good Attach of `from` through b, and returns its transaction. */
static inline uint64_t ice_asks(struct ring *r, struct node *from)
{
	struct ice_form f;
	ice_form(&f, from, "passive");
	struct craft c = ice_craft(from, r->u, &f);
	c.via[0] = dest(from);
	c.via_count = 1;
	say(r->b, r->u, craft_bytes(&c));
	return c.h.transaction_id;
}

/* An Attach of u that the test began. */
struct ice_attach {
	unsigned ended;
	enum reload_err err;
	struct reload_id node;
};

static inline void ice_ended(struct reload_membership *m, void *arg, uint32_t cookie,
	enum reload_err err, const struct reload_id *node)
{
	struct ice_attach *o = arg;
	(void)m, (void)cookie;
	o->ended++;
	o->err = err;
	o->node = *node;
}

/* ice_starts() begins an Attach of u along list. */
static inline struct ice_link *ice_starts(
	struct node *u, struct ice_attach *o, const struct reload_destination *list, size_t count)
{
	*o = (struct ice_attach){ 0 };
	reload_engine_enter(u->peer->engine);
	reload_attach_start(u->peer->membership, 0, list, count, false, ice_ended, o);
	reload_engine_exit(u->peer->engine);
	net_settle(u->net);
	return ice_newest(u);
}

/* ice_starts_to() begins one to c, through b. */
static inline struct ice_link *ice_starts_to(struct ring *r, struct ice_attach *o, struct node *c)
{
	struct reload_destination list[] = { dest(r->b), dest(c) };
	return ice_starts(r->u, o, list, 2);
}
