/* Resources whose values have more signers than a message has certificates (RFC 6940 s6.3.4). */
#include "engine_expect.h"

#include "peer/internal.h"
#include "wire/limits.h"

enum {
	DEVICES = RELOAD_LIMIT_CERTIFICATES + 8,
	ERROR_RESPONSE_TOO_LARGE = 14,
	ROOM = 100000 /* bytes of a message: what is looked at here is not their number */
};

struct crowd {
	struct net *net;
	struct node *u;
	struct node *device[DEVICES];
	struct reload_id resource;
};

/* Devices of one user, each of which has stored an entry of its own at u, the only peer. */
static struct crowd *crowd_new(void)
{
	struct net *net = net_new();
	struct crowd *c = reload_arena_take(&net->arena, sizeof(*c));
	net->config->max_message_size = ROOM;
	c->net = net;
	c->u = node_new(net, 0x80);
	node_first(c->u);
	for (unsigned i = 0; i < DEVICES; i++) {
		struct reload_id id = id_at((uint8_t)(0x10 + i));
		struct node *n = c->device[i] = node_new_of(
			net, &(struct reload_sim_cert_form){ .user = "crowd@" RELOAD_SIM_OVERLAY,
				     .overlay = RELOAD_SIM_OVERLAY,
				     .nodes = &id,
				     .nodes_count = 1 });
		struct crafted_store *s = store_of(n, K_DICT, "mine", 0);
		s->kind.kind = K_MANY;
		s->data.value.key = reload_id_span(&n->id);
		store_sign(s, n);
		struct craft m = craft_store(n, c->u, s);
		net_link(n, c->u);
		expect_answer(n, tell(&m, c->u), RELOAD_STORE_ANS);
		c->resource = s->resource;
	}
	return c;
}

static size_t held(struct node *n, const struct reload_id *resource)
{
	return n->storage->ops->extent(n->storage, resource, K_MANY, host_wall(n), NULL);
}

/* R-6.3.4-03, CHORD-11: who takes a range over gets each value with the certificate of its signer, in as many messages as that takes */
static void all_are_handed_over(void **state)
{
	(void)state;
	struct crowd *c = crowd_new();
	struct node *next = node_new(c->net, 0xf0);
	assert_int_equal(held(c->u, &c->resource), DEVICES);
	node_join(next, c->u, RELOAD_ROLE_PEER);
	net_pass(c->net, 60000);
	assert_int_equal(held(next, &c->resource), DEVICES);
	net_free(c->net);
}

/* R-6.3.4-03, HDR-06: an answer has all of its signers' certificates, or it says that it would be too large */
static void an_answer_that_lacks_certificates_is_none(void **state)
{
	(void)state;
	struct crowd *c = crowd_new();
	struct reload_specifier all = { .kind = K_MANY, .model = RELOAD_MODEL_DICTIONARY };
	struct reload_fetch_req req = {
		.resource = reload_id_span(&c->resource), .specifiers = &all, .specifiers_count = 1
	};
	struct reload_destination to = dest(c->u);
	struct craft m = craft(c->device[0], RELOAD_FETCH_REQ, &req, &to);
	expect_error(c->device[0], tell(&m, c->u), ERROR_RESPONSE_TOO_LARGE);
	struct reload_vec16_bytes keys[RELOAD_LIMIT_CERTIFICATES - 1];
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		keys[i].bytes = reload_id_span(&c->device[i]->id);
	all.keys = keys;
	all.keys_count = COUNT_OF(keys);
	m = craft(c->device[0], RELOAD_FETCH_REQ, &req, &to);
	const struct reload_msg *answer =
		expect_answer(c->device[0], tell(&m, c->u), RELOAD_FETCH_ANS);
	/* with its own */
	assert_int_equal(answer->security.certificates_count, RELOAD_LIMIT_CERTIFICATES);
	net_free(c->net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_handed_over),
		cmocka_unit_test(an_answer_that_lacks_certificates_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
