/* A node that comes with a newer document than those that it joins, which is too large to be sent to them: it is in as soon as they have it. */
#include "engine_expect.h"

enum {
	LONG_MS = 600000,
	SOON_MS = 12000
};

struct newer {
	struct net *net;
	struct node *first, *n;
	struct reload_config *document;
};

static int newer_new(void **state)
{
	struct newer *w = RELOAD_NEW(newer);
	w->net = net_new();
	struct net_document d = net_document(w->net);
	d.draft.max_message_size = 2000; /* CFG-15 */
	net_configure(w->net, &d);
	node_new(w->net, 0xf0)->deaf = true; /* at the configured address nobody is */
	w->first = node_new(w->net, 0x10);
	node_first(w->first);
	d.draft.sequence++;
	net_configure(w->net, &d);
	w->document = document_parse(document_write(w->net, &d));
	w->n = node_new(w->net, 0x40);
	node_start(w->n, RELOAD_ROLE_PEER);
	*state = w;
	return 0;
}

static int newer_free(void **state)
{
	struct newer *w = *state;
	reload_config_free(w->document);
	net_free(w->net);
	free(w);
	return 0;
}

static void joins_once_they_have_it(struct newer *w)
{
	struct reload_status s;
	net_pass(w->net, LONG_MS);
	unsigned before = w->n->events[RELOAD_EV_JOIN_FAILED];
	net_pass(w->net, LONG_MS);
	assert_int_not_equal(w->n->state, RELOAD_STATE_JOINED);
	assert_true(w->n->events[RELOAD_EV_JOIN_FAILED] - before >= LONG_MS / SOON_MS);
	/* the cause, not its symptom */
	reload_peer_status(w->n->peer, &s);
	assert_int_equal(s.last_error, RELOAD_CONFIG_TOO_NEW);
	reload_peer_configure(w->first->peer, w->document);
	net_pass(w->net, SOON_MS);
	assert_int_equal(w->n->state, RELOAD_STATE_JOINED);
}

static void a_bootstrap_node_is_behind(void **state)
{
	struct newer *w = *state;
	struct reload_ip_port at = node_address(w->first);
	assert_int_equal(reload_peer_join(w->n->peer, RELOAD_ROLE_PEER, &at, 1), RELOAD_OK);
	joins_once_they_have_it(w);
}

static void a_remembered_peer_is_behind(void **state)
{
	struct newer *w = *state;
	struct reload_ip_port at = node_address(w->first);
	reload_peer_remember(w->n->peer, &at, 1);
	assert_int_equal(reload_peer_join(w->n->peer, RELOAD_ROLE_PEER, NULL, 0), RELOAD_OK);
	joins_once_they_have_it(w);
}

/* Nobody is there for long; then a person says that it is worth while to try. */
static void a_person_need_not_wait(void **state)
{
	struct newer *w = *state;
	struct reload_ip_port at = node_address(w->first);
	reload_peer_configure(w->first->peer, w->document);
	w->first->deaf = true;
	assert_int_equal(reload_peer_join(w->n->peer, RELOAD_ROLE_PEER, &at, 1), RELOAD_OK);
	net_pass(w->net, LONG_MS);
	w->first->deaf = false;
	assert_int_not_equal(w->n->state, RELOAD_STATE_JOINED);
	reload_peer_hasten(w->n->peer);
	net_pass(w->net, 2000);
	assert_int_equal(w->n->state, RELOAD_STATE_JOINED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_bootstrap_node_is_behind, newer_new, newer_free),
		cmocka_unit_test_setup_teardown(a_remembered_peer_is_behind, newer_new, newer_free),
		cmocka_unit_test_setup_teardown(a_person_need_not_wait, newer_new, newer_free),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
