/* Work is shared by certificate: by who signs and by whose links it comes over, and certificates that name nobody cost nothing. */
#include "engine_expect.h"

#include "route/lists.h"

static void little_work(struct reload_policy *policy)
{
	policy->max_link_work = 16;
}

/* Of what a link may have in work, one signer has a part: others who come by the same way are served. */
static void signers_of_one_link(void **state)
{
	(void)state;
	struct ring *r = ring_new_with(little_work);
	struct node *d = node_new(r->net, 0xd0);
	struct reload_destination to = dest(r->u);
	struct node *const signers[] = { r->c, d };
	size_t served[2] = { 0 };
	r->net->hold_jobs = true;
	/* c asks twenty times, then d once, both through b */
	for (size_t i = 0; i < 21; i++) {
		struct craft c = craft_ping(signers[i == 20], &to);
		c.via[0] = dest(signers[i == 20]);
		c.via_count = 1;
		say(r->b, r->u, craft_bytes(&c));
	}
	r->net->hold_jobs = false;
	net_settle(r->net);
	struct reload_msg *m;
	while ((m = heard_code(r->b, RELOAD_PING_ANS)))
		for (size_t i = 0; i < 2; i++) {
			struct wire_ctx ctx = net_ctx(r->net);
			struct span list = m->header.destination_list, rest;
			struct reload_destination hop = { 0 };
			while (reload_list_first(&hop, &rest, list, &ctx))
				list = rest;
			served[i] += reload_id_eq(&hop.node, &signers[i]->id);
		}
	assert_in_range(served[0], 4, 5);
	assert_int_equal(served[1], 1);
	ring_teardown((void **)&r);
}

/* More links do not make more work. */
static void links_of_one_node(void **state)
{
	(void)state;
	struct ring *r = ring_new_with(little_work);
	struct reload_destination to = dest(r->u);
	struct node *const signers[] = { r->a, r->b, r->c, node_new(r->net, 0xd0) };
	net_link(r->a, r->u);
	net_link(r->a, r->u);
	net_settle(r->net);
	uint64_t dropped = counted(r->u, RELOAD_COUNT_DROP_LIMIT);
	r->net->hold_jobs = true;
	size_t sent = 0;
	for (size_t i = 0; i < NET_LINKS; i++) {
		struct net_link *l = &r->net->links[i];
		if (l->state != NET_LINK_UP || l->ends[0] != r->a)
			continue;
		for (uint8_t k = 0; k < 16; k++, sent++) {
			struct craft c = craft_ping(signers[k % 4], &to);
			packet_add(r->a, r->u, l->numbers[1], craft_bytes(&c));
		}
	}
	net_settle(r->net);
	assert_true(sent >= 32);
	/* at most 16 of all links together are in work */
	assert_in_range(r->net->jobs_count, 1, 16);
	assert_true(counted(r->u, RELOAD_COUNT_DROP_LIMIT) - dropped >= sent - 16);
	r->net->hold_jobs = false;
	net_settle(r->net);
	ring_teardown((void **)&r);
}

/* -- certificates that come with a message -------------------------------------------------------------------------------- */

static size_t parsed;

static enum reload_err counting_read(struct reload_cert *cert, struct reload_error_text *why)
{
	parsed++;
	return reload_sim_ident.cert_read(cert, why);
}

static struct reload_ident_ops counting;

/* SEC-06: of many certificates only that one is parsed that the identity names */
static void certificates_of_others(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct reload_config *config;
	struct net_document d = net_document(net);
	counting = reload_sim_ident;
	counting.cert_read = counting_read;
	assert_int_equal(reload_config_parse(&config, document_write(net, &d), RELOAD_SIM_OVERLAY,
				 &counting, RELOAD_SIM_EPOCH, NULL),
		RELOAD_OK);
	reload_config_free(net->config);
	net->config = config;
	struct node *u = node_new(net, 0x80), *a = node_new(net, 0x20);
	node_first(u);
	net_link(a, u);
	net_settle(net);
	/* a's certificate is known from the link: nothing of the message is parsed */
	struct reload_destination to = dest(u);
	struct craft c = craft_ping(a, &to);
	parsed = 0;
	expect_answer(a, tell(&c, u), RELOAD_PING_ANS);
	assert_int_equal(parsed, 0);
	/* a message whose signer has no certificate in it */
	struct node *b = node_new(net, 0x30);
	c = craft_ping(b, &to);
	c.certificate = a->credentials.cert;
	say(a, u, craft_bytes(&c));
	assert_int_equal(parsed, 0);
	expect_silence(a, c.h.transaction_id);
	c = craft_ping(b, &to);
	c.via[0] = dest(b);
	c.via_count = 1;
	say(a, u, craft_bytes(&c));
	assert_int_equal(parsed, 1);
	expect_answer(a, c.h.transaction_id, RELOAD_PING_ANS);
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signers_of_one_link),
		cmocka_unit_test(links_of_one_node),
		cmocka_unit_test(certificates_of_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
