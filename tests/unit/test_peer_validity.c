/* A node whose certificate is revoked: out of everybody's tables and links, while its data is served by others. */
#include "engine_expect.h"

enum {
	RING = 20,
	REVOKED = 3, /* whose certificate a newer document makes invalid */
	TOLD = 13,   /* the node that gets that document from its host */
	SOON_MS = 10000
};

static uint16_t sequence_of(const struct node *n)
{
	return reload_peer_config(n->peer)->sequence;
}

static bool lists(const struct reload_id *ids, size_t count, const struct node *n)
{
	return reload_id_listed(ids, count, &n->id);
}

static void ring_of(struct net *net, struct node **all)
{
	for (size_t i = 0; i < RING; i++) {
		all[i] = node_new(net, (uint8_t)(0x08 + 0x0c * i));
		if (i)
			node_join(all[i], all[0], RELOAD_ROLE_PEER);
		else
			node_first(all[i]);
	}
}

static void knows_no_more(struct node *n, struct node *bad)
{
	struct reload_status s;
	reload_peer_status(n->peer, &s);
	assert_int_equal(sequence_of(n), 8);
	assert_null(net_link_between(n, bad));
	assert_false(lists(s.tables.successors, s.tables.successors_count, bad));
	assert_false(lists(s.tables.predecessors, s.tables.predecessors_count, bad));
	assert_false(lists(s.tables.fingers, s.tables.fingers_count, bad));
}

/* R-11.1-33 R-6.5.4-01: one node hears of it, all act, and both ends of each link know why it ended */
static void a_revoked_node_is_out_of_everything(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct net_document d = net_document(net);
	struct node *all[RING], *bad;
	d.draft.no_reactive = true; /* a lost neighbour is no reason for an Update */
	net_configure(net, &d);
	ring_of(net, all);
	bad = all[REVOKED];
	for (size_t i = 0; i < RING; i++) {
		struct outcome *o = store_words(all[i], "before");
		net_pass(net, 2000);
		assert_int_equal(o->err, RELOAD_OK);
	}
	d.draft.sequence = 8;
	d.draft.bad_nodes = &bad->id;
	d.draft.bad_nodes_count = 1;
	AUTO(reload_config) config = document_parse(document_write(net, &d));
	reload_peer_configure(all[TOLD]->peer, config);
	net_pass(net, SOON_MS);
	for (size_t i = 0; i < RING; i++)
		knows_no_more(all[i], bad);
	assert_int_equal(bad->state, RELOAD_STATE_ENROLLED); /* R-11.1-49 */
	for (size_t i = 0; i < RING; i++) {
		if (all[i] == bad)
			continue;
		struct outcome *o = store_words(all[i], "after");
		net_pass(net, 2000);
		assert_int_equal(o->err, RELOAD_OK);
		assert_false(reload_id_eq(&o->result.responder, &bad->id));
	}
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_revoked_node_is_out_of_everything),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
