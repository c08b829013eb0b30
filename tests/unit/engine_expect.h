/* What tests of the engine expect, and the ring that most of them have: u, a peer, between the nodes a and b. */
#pragma once

#include "engine_craft.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/*
 * u at 80.. is an engine; a at 20.. and b at c0.. are peers that the test speaks for, so that u answers for (a, u].
 * c at e0.. has a certificate and no link.
 */
struct ring {
	struct net *net;
	struct node *u, *a, *b, *c;
};

/* n answers the Updates of u, which has one under way to it at a time, and forgets all else that it heard. */
static inline void updates_answered(struct node *n, struct node *u)
{
	struct reload_msg *m;
	while ((m = heard_code(n, RELOAD_UPDATE_REQ))) {
		struct craft c = reply(n, m, RELOAD_UPDATE_ANS, NULL);
		tell(&c, u);
	}
	forget(n);
}

static inline struct ring *ring_new_in(
	struct net *net, void (*policy)(struct reload_policy *policy))
{
	struct ring *r = RELOAD_NEW(ring);
	r->net = net;
	r->u = node_new(r->net, 0x80);
	r->a = node_new(r->net, 0x20);
	r->b = node_new(r->net, 0xc0);
	r->c = node_new(r->net, 0xe0);
	if (policy)
		policy(&r->u->policy);
	node_first(r->u);
	node_ready(r->a, r->u);
	node_ready(r->b, r->u);
	updates_answered(r->a, r->u);
	updates_answered(r->b, r->u);
	return r;
}

static inline struct ring *ring_new_with(void (*policy)(struct reload_policy *policy))
{
	return ring_new_in(net_new(), policy);
}

static inline int ring_setup(void **state)
{
	*state = ring_new_with(NULL);
	return 0;
}

static inline int ring_teardown(void **state)
{
	struct ring *r = *state;
	net_free(r->net);
	free(r);
	return 0;
}

#define ring_test(f) cmocka_unit_test_setup_teardown(f, ring_setup, ring_teardown)

/* expect_error() returns the ErrorResponse with that code that n heard for the transaction. */
static inline struct reload_msg *expect_error(struct node *n, uint64_t id, uint16_t error_code)
{
	struct reload_msg *m = heard(n, id);
	assert_non_null(m);
	assert_int_equal(m->code, RELOAD_ERROR);
	assert_int_equal(m->body.error.error_code, error_code);
	return m;
}

/* expect_answer() returns the answer with that code. */
static inline struct reload_msg *expect_answer(struct node *n, uint64_t id, uint16_t code)
{
	struct reload_msg *m = heard(n, id);
	assert_non_null(m);
	assert_int_equal(m->code, code);
	return m;
}

static inline void expect_silence(struct node *n, uint64_t id)
{
	assert_null(heard(n, id));
}

/* list_is() checks that a list of wire bytes has these Node-IDs. */
static inline void list_is(
	struct span list, const struct reload_id *const *ids, size_t count, const struct net *net)
{
	struct wire_ctx ctx = reload_config_wire_ctx(net->config);
	struct rd r = rd_of(list);
	struct reload_destination d;
	for (size_t i = 0; i < count; i++) {
		assert_true(reload_dest_next(&r, &ctx, &d));
		assert_int_equal(d.type, RELOAD_DEST_NODE);
		assert_true(reload_id_eq(&d.node, ids[i]));
	}
	assert_false(reload_dest_next(&r, &ctx, &d));
	assert_int_equal(r.err, RELOAD_OK);
}

#define LIST(...)                                                                                  \
	((const struct reload_id *const[]){ __VA_ARGS__ }),                                        \
		sizeof((const struct reload_id *const[]){ __VA_ARGS__ }) /                         \
			sizeof(const struct reload_id *)

/* text_is() checks bytes against text. */
static inline void text_is(struct span s, const char *words)
{
	assert_int_equal(s.len, strlen(words));
	if (s.len)
		assert_memory_equal(s.at, words, s.len);
}

/* counted() is what u counted for a reason. */
static inline uint64_t counted(const struct node *n, enum reload_counter counter)
{
	return reload_peer_counter(n->peer, counter);
}

/* place_of() is the resource of the user name of n's certificate; store_words() stores a single value there. */
static inline struct reload_id place_of(struct node *n)
{
	struct reload_id id;
	reload_chord_topology.resource_id(&id, span_str(n->credentials.cert->user));
	return id;
}

static inline struct outcome *store_words(struct node *n, const char *words)
{
	struct outcome *o = outcome_new(n->net);
	struct reload_id at = place_of(n);
	struct reload_destination to = reload_dest_resource(&at);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_store_item item = { .kind = K_VALUE,
		.lifetime_s = 3600,
		.value = { .exists = true, .value = span_str(words) } };
	enum reload_err err;
	assert_non_null(reload_peer_store(n->peer, &target, &at, &item, 1, outcome_fn, o, &err));
	return o;
}

/* node_storing_in() makes a node whose certificate u knows, and whose place for K_NODE is in (from, to]. */
static inline struct node *node_storing_in(
	struct node *u, const struct reload_id *from, const struct reload_id *to)
{
	for (unsigned first = 0x81; first < 0xc0; first++) {
		struct reload_id id = id_at((uint8_t)first), at;
		reload_chord_topology.resource_id(&at, reload_id_span(&id));
		if (!reload_id_between(from, &at, to))
			continue;
		struct node *s = node_new(u->net, (uint8_t)first);
		struct reload_destination d = dest(u);
		struct craft ping = craft_ping(s, &d);
		expect_answer(s, tell(&ping, u), RELOAD_PING_ANS);
		return s;
	}
	abort();
}

/* craft_document() returns a ConfigUpdate of a to u with that document. */
static inline struct craft craft_document(struct ring *r, struct span document)
{
	struct reload_config_update u = { .type = RELOAD_CONFIG_UPDATE_CONFIG, .config = document };
	struct reload_destination to = dest(r->u);
	struct craft c = craft(r->a, RELOAD_CONFIG_UPDATE_REQ, &u, &to);
	c.h.configuration_sequence = RELOAD_SEQUENCE_ANY;
	return c;
}
