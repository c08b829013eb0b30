/* A node keeps its certificate in the overlay, under its user name and its Node-ID, and looks first what is there (RFC 6940 s8, s11.3.1). */
#include "engine_expect.h"

static struct node *node_of_user(struct net *net, uint8_t first, const char *user)
{
	struct reload_id id = id_at(first);
	return node_new_of(net, &(struct reload_sim_cert_form){ .user = user,
					.overlay = RELOAD_SIM_OVERLAY,
					.nodes = &id,
					.nodes_count = 1 });
}

/* The certificates that n finds under name; o->values_count tells how many. */
static struct outcome *certificates_at(struct node *n, uint32_t kind, struct span name)
{
	struct outcome *o = outcome_new(n->net);
	struct reload_id resource;
	struct reload_array_range all = { 0, RELOAD_ARRAY_END };
	struct reload_specifier spec = { .kind = kind, .ranges = &all, .ranges_count = 1 };
	enum reload_err err;
	reload_peer_resource_id(n->peer, &resource, name);
	struct reload_destination to = reload_dest_resource(&resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	if (!reload_peer_fetch(n->peer, &target, &resource, &spec, 1, outcome_fn, o, &err))
		fail_msg("%s", reload_err_text(err));
	net_pass(n->net, 100);
	assert_int_equal(o->calls, 1);
	assert_int_equal(o->err, RELOAD_OK);
	return o;
}

static void what_is_there_is_not_stored_again(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_new(net, 0x80), *v = node_new(net, 0x20);
	node_first(u);
	node_join(v, u, RELOAD_ROLE_PEER);
	assert_int_equal(v->events[RELOAD_EV_CERTIFICATE_STORED], 2);
	/* R-8-01 R-8-02: under each of its names */
	struct span user = span_str(v->credentials.cert->user);
	assert_int_equal(certificates_at(u, RELOAD_KIND_CERT_BY_USER, user)->values_count, 1);
	assert_int_equal(
		certificates_at(u, RELOAD_KIND_CERT_BY_NODE, reload_id_span(&v->id))->values_count,
		1);
	reload_peer_leave(v->peer, false);
	net_pass(net, 5000);
	/* STO-14: the other one has kept it */
	node_join(v, u, RELOAD_ROLE_PEER);
	net_pass(net, 10000);
	assert_int_equal(v->events[RELOAD_EV_CERTIFICATE_STORED], 2);
	assert_int_equal(certificates_at(u, RELOAD_KIND_CERT_BY_USER, user)->values_count, 1);
	net_free(net);
}

static void a_newer_certificate_stands_beside_the_former(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_new(net, 0x80);
	node_first(u);
	const struct reload_cert *old = u->credentials.cert;
	struct reload_credentials newer = u->credentials;
	newer.cert = reload_sim_cert_of(&(struct reload_sim_cert_form){ .user = old->user,
		.overlay = RELOAD_SIM_OVERLAY,
		.nodes = &u->id,
		.nodes_count = 1,
		.not_before = old->not_before,
		.not_after = old->not_after + RELOAD_SECOND });
	newer.key = reload_sim_key(newer.cert);
	assert_false(span_eq(newer.cert->der, old->der));
	reload_peer_credentials(u->peer, &newer);
	net_pass(net, RING_PAUSE_MS);
	assert_int_equal(u->events[RELOAD_EV_CERTIFICATE_STORED], 4);
	struct span user = span_str(old->user);
	assert_int_equal(certificates_at(u, RELOAD_KIND_CERT_BY_USER, user)->values_count, 2);
	/* both are the user's own */
	assert_int_equal(u->events[RELOAD_EV_USER_NAME_CONFLICT], 0);
	reload_peer_free(TAKE(u->peer));
	reload_storage_free(TAKE(u->storage));
	reload_key_free(newer.key);
	reload_cert_free(newer.cert);
	net_free(net);
}

/* Two nodes of one user name; the second has signed its certificate itself, or not. */
static void second_of_a_name(bool self_signed)
{
	struct net *net = net_new();
	struct node *u = node_of_user(net, 0x80, "alice@" RELOAD_SIM_OVERLAY),
		    *v = node_of_user(net, 0x20, "alice@" RELOAD_SIM_OVERLAY);
	node_first(u);
	v->credentials.cert->self_issued = self_signed;
	node_join(v, u, RELOAD_ROLE_PEER);
	net_pass(net, 5000);
	/* R-11.3.1-05: nobody else warns of a name that is taken; with an authority it is for that to say */
	assert_int_equal(v->events[RELOAD_EV_USER_NAME_CONFLICT], self_signed);
	assert_int_equal(u->events[RELOAD_EV_USER_NAME_CONFLICT], 0);
	/* it is a warning: the certificate is stored all the same */
	assert_int_equal(v->events[RELOAD_EV_CERTIFICATE_STORED], 2);
	assert_int_equal(
		certificates_at(u, RELOAD_KIND_CERT_BY_USER, span_str("alice@" RELOAD_SIM_OVERLAY))
			->values_count,
		2);
	net_free(net);
}

static void a_user_name_that_is_taken(void **state)
{
	(void)state;
	second_of_a_name(true);
	second_of_a_name(false);
}

static uint16_t lost; /* requests of this code by the node tap_arg do not arrive */
static unsigned lost_count;

static bool loses_them(struct net *net, struct packet *p)
{
	struct wire_ctx ctx = net_ctx(net);
	struct reload_header h;
	if (p->from != net->tap_arg || reload_header_read(&h, span_of(p->at, p->len), &ctx))
		return true;
	const uint8_t *at = p->at + reload_header_size(&h);
	bool passes = (at[0] << 8 | at[1]) != lost;
	lost_count += !passes;
	return passes;
}

/* A node whose user name is u's to keep; what it sends of that code is lost. */
static struct node *who_is_kept_by(struct node *u, uint16_t code)
{
	struct net *net = u->net;
	struct node *v = NULL;
	for (uint8_t first = 0x20; !v; first++) {
		char user[64];
		struct reload_id resource, id = id_at(first);
		snprintf(user, sizeof(user), "user%02x@" RELOAD_SIM_OVERLAY, first);
		reload_peer_resource_id(u->peer, &resource, span_str(user));
		if (reload_id_between(&id, &resource, &u->id))
			v = node_new(net, first);
	}
	net->tap_arg = v;
	lost = code;
	net->tap = loses_them;
	return v;
}

/* What was lost on the way, the question or the Store, is sent again later. */
static void lost_at_first(uint16_t code)
{
	struct net *net = net_new();
	struct node *u = node_new(net, 0x80), *v;
	node_first(u);
	v = who_is_kept_by(u, code);
	node_join(v, u, RELOAD_ROLE_PEER);
	net_pass(net, 12000);
	assert_int_equal(v->state, RELOAD_STATE_JOINED);
	struct span user = span_str(v->credentials.cert->user);
	assert_int_equal(certificates_at(u, RELOAD_KIND_CERT_BY_USER, user)->values_count, 0);
	net->tap = NULL;
	/* five transmissions of 3 s, then a pause of 10 to 20 s */
	net_pass(net, 60000);
	assert_int_equal(certificates_at(u, RELOAD_KIND_CERT_BY_USER, user)->values_count, 1);
	assert_in_range(v->events[RELOAD_EV_CERTIFICATE_STORED], 2, 3);
	net_free(net);
}

/* R-6.2.1-09: where the way is too slow for a request, the next one does not follow for ever after 10 s; two places, five copies each. */
static void what_is_lost_again_and_again(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_new(net, 0x80), *v;
	node_first(u);
	v = who_is_kept_by(u, RELOAD_FETCH_REQ);
	lost_count = 0;
	node_join(v, u, RELOAD_ROLE_PEER);
	net_pass(net, 3600000);
	assert_in_range(lost_count, 6 * 5, 8 * 2 * 5);
	lost = 0;
	net_pass(net, 1280000 + 15000);
	assert_int_equal(v->events[RELOAD_EV_CERTIFICATE_STORED], 2);
	net_free(net);
}

static void what_is_lost_is_repeated(void **state)
{
	(void)state;
	lost_at_first(RELOAD_FETCH_REQ);
	lost_at_first(RELOAD_STORE_REQ);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_is_not_stored_again),
		cmocka_unit_test(a_newer_certificate_stands_beside_the_former),
		cmocka_unit_test(a_user_name_that_is_taken),
		cmocka_unit_test(what_is_lost_is_repeated),
		cmocka_unit_test(what_is_lost_again_and_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
