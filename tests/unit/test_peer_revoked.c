/* Bad nodes: what a document that lists them does to their links and values (RFC 6940 s11.1). */
#include "engine_expect.h"

static void bad_nodes_lose_their_links(void **state)
{
	struct ring *r = *state;
	struct net_document d = net_document(r->net);
	d.draft.sequence = 8;
	d.draft.bad_nodes = &r->b->id;
	d.draft.bad_nodes_count = 1;
	struct craft c = craft_document(r, document_write(r->net, &d));
	expect_answer(r->a, tell(&c, r->u), RELOAD_CONFIG_UPDATE_ANS);
	/* it is told first: then it leaves and knows why */
	struct reload_msg *m = heard_code(r->b, RELOAD_CONFIG_UPDATE_REQ);
	assert_non_null(m);
	assert_true(
		span_eq(m->body.config_update.config, reload_peer_config(r->u->peer)->document));
	net_pass(r->net, 1000);
	/* R-11.1-33 */
	assert_null(net_link_between(r->u, r->b));
	assert_non_null(net_link_between(r->u, r->a));
	assert_int_equal(r->u->last[RELOAD_EV_LINK_DOWN].err, RELOAD_CERT_REVOKED);
	/* and is believed no more, although its certificate was known */
	struct reload_destination to = dest(r->u);
	struct craft ping = craft_ping(r->b, &to);
	ping.h.configuration_sequence = 8;
	ping.certificate = NULL;
	say(r->a, r->u, craft_bytes(&ping));
	expect_silence(r->a, ping.h.transaction_id);
}

/* Stores a value of a Kind by a node of its own, which is listed as a bad node or not. */
static struct node *stored_by(struct ring *r, uint32_t kind)
{
	struct node *s = node_storing(r->net, r->u, kind);
	struct crafted_store *store = store_of(s, kind, "text", 0);
	struct craft c = craft_store(s, r->u, store);
	expect_answer(s, tell(&c, r->u), RELOAD_STORE_ANS);
	return s;
}

static void bad_nodes_lose_their_values(void **state)
{
	struct ring *r = *state;
	struct reload_status before, after;
	struct node *bad = stored_by(r, K_NODE);
	reload_peer_status(r->u->peer, &before);
	struct net_document d = net_document(r->net);
	d.draft.sequence = 8;
	d.draft.bad_nodes = &r->b->id;
	d.draft.bad_nodes_count = 1;
	struct craft c = craft_document(r, document_write(r->net, &d));
	expect_answer(r->a, tell(&c, r->u), RELOAD_CONFIG_UPDATE_ANS);
	reload_peer_status(r->u->peer, &after);
	assert_int_equal(after.values, before.values); /* it is another node */
	struct reload_id both[] = { r->b->id, bad->id };
	d.draft.sequence = 9;
	d.draft.bad_nodes = both;
	d.draft.bad_nodes_count = 2;
	c = craft_document(r, document_write(r->net, &d));
	expect_answer(r->a, tell(&c, r->u), RELOAD_CONFIG_UPDATE_ANS);
	reload_peer_status(r->u->peer, &after);
	/* R-11.1-33 */
	assert_int_equal(after.values, before.values - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(bad_nodes_lose_their_links),
		ring_test(bad_nodes_lose_their_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
