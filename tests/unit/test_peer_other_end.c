/* Who is at the other end of a link: its certificate and Node-IDs (RFC 6940 s6.1.2, s6.5.1). */
#include "engine_attach.h"

#include "peer/internal.h"

static void wrong_certificate(void **state)
{
	struct ring *r = *state;
	struct node *other = node_new(r->net, 0xf8);
	struct craft c = craft_attach(r->c, r->u);
	r->net->hold_dials = true;
	through_b(r, &c);
	/* another node answers at c's address */
	for (size_t i = 0; i < NET_LINKS; i++)
		if (r->net->links[i].state == NET_LINK_DIALLED)
			r->net->links[i].ends[1] = other;
	r->net->hold_dials = false;
	net_settle(r->net);
	/* R-6.5.1.11-02 R-6.5.1.13-03: the connection is closed */
	assert_null(net_link_between(r->u, other));
	assert_int_equal(r->u->events[RELOAD_EV_LINK_REFUSED], 1);
	assert_int_equal(r->u->events[RELOAD_EV_ATTACH_FAILED], 1);
}

static void own_id_at_the_other_end(void **state)
{
	struct ring *r = *state;
	struct node *twin = node_new(r->net, 0x80);
	struct net_link *l = net_link(twin, r->u);
	assert_int_equal(l->state, NET_LINK_NONE);
	assert_int_equal(r->u->events[RELOAD_EV_LINK_REFUSED], 1);
}

static struct node *several(struct net *net, uint8_t first, uint8_t second)
{
	struct reload_id ids[] = { id_at(first), id_at(second) };
	return node_new_of(
		net, &(struct reload_sim_cert_form){ .user = "several@" RELOAD_SIM_OVERLAY,
			     .overlay = RELOAD_SIM_OVERLAY,
			     .nodes = ids,
			     .nodes_count = 2 });
}

static void several_node_ids(void **state)
{
	struct ring *r = *state;
	struct node *n = several(r->net, 0x51, 0x52);
	struct reload_destination to = dest(r->u), beyond = dest(r->b);
	struct reload_probe_req probe = { .requested_info = span_str("\1") };
	net_link(n, r->u);
	struct craft c = craft(n, RELOAD_PROBE_REQ, &probe, &to);
	/* R-6.1.2-13: Attach first */
	expect_error(n, tell(&c, r->u), 2);
	c = craft(n, RELOAD_PROBE_REQ, &probe, &beyond);
	expect_error(n, tell(&c, r->u), 2); /* also when it is to be forwarded */
	assert_int_equal(counted(r->u, RELOAD_COUNT_DROP_NO_NODE_ID), 2);
	assert_int_equal(counted(r->u, RELOAD_COUNT_ERRORS_FORBIDDEN), 0);
	assert_int_equal(inbox_count(r->b), 0);
	c = craft_ping(n, &to);
	/* R-4.2.1-05: a Ping is taken, and answered over the link */
	expect_answer(n, tell(&c, r->u), RELOAD_PING_ANS);
	c = craft_ping(n, &beyond);
	tell(&c, r->u);
	struct reload_msg *m = heard(r->b, c.h.transaction_id);
	assert_non_null(
		m); /* forwarded, with a name of the link as Via entry, as there is no Node-ID for it */
	assert_int_equal(m->header.via_list.len, 2);
	struct craft other = craft_ping(r->b, &(struct reload_destination){ 0 });
	other.to[0] = dest(n);
	expect_silence(r->b, tell(&other, r->u)); /* not known to be here */
	c = craft_attach(n, r->u);
	expect_answer(n, tell(&c, r->u), RELOAD_ATTACH_ANS);
	c = craft(n, RELOAD_PROBE_REQ, &probe, &to);
	/* R-6.1.2-13: the link stands for the signer of the Attach now */
	expect_answer(n, tell(&c, r->u), RELOAD_PROBE_ANS);
	other = craft_ping(r->b, &(struct reload_destination){ 0 });
	other.to[0] = dest(n);
	tell(&other, r->u);
	assert_non_null(heard(n, other.h.transaction_id));
	/* every answer to a forwarded Ping of a node without a name finds the link again */
	uint8_t bytes[2] = { m->header.via_list.at[0], m->header.via_list.at[1] };
	struct reload_destination name = {
		.type = RELOAD_DEST_OPAQUE, .short_form = true, .opaque = span_of(bytes, 2)
	};
	struct reload_ping_ans body = { 0 };
	struct craft ans = craft(r->b, RELOAD_PING_ANS, &body, &name);
	tell(&ans, r->u);
	assert_non_null(heard(n, ans.h.transaction_id));
}

/* The Node-IDs of one certificate have their dials together. */
static void many_names_are_one_signer(void **state)
{
	struct ring *r = *state;
	struct reload_id ids[8];
	for (uint8_t i = 0; i < COUNT_OF(ids); i++)
		ids[i] = id_at((uint8_t)(0x51 + i));
	struct node *n = node_new_of(
		r->net, &(struct reload_sim_cert_form){ .user = "several@" RELOAD_SIM_OVERLAY,
				.overlay = RELOAD_SIM_OVERLAY,
				.nodes = ids,
				.nodes_count = COUNT_OF(ids) });
	struct reload_destination to = dest(r->u);
	unsigned opened = r->u->opened;
	r->net->hold_dials = true;
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		struct attach_form f;
		n->id = ids[i];
		attach_of(&f, n, "passive");
		f.candidates[0].addr_port.addr[3] = 200;
		struct craft c = craft(n, RELOAD_ATTACH_REQ, &f.body, &to);
		through_b(r, &c);
	}
	assert_int_equal(r->u->opened, opened + 2);
}

static void no_way_around_by_fragments(void **state)
{
	struct ring *r = *state;
	struct node *n = several(r->net, 0x51, 0x52);
	struct reload_destination to = dest(r->u);
	struct reload_probe_req probe = { .requested_info = span_str("\1") };
	net_link(n, r->u);
	struct craft c = craft(n, RELOAD_PROBE_REQ, &probe, &to);
	struct span whole = craft_bytes(&c);
	struct wire_ctx ctx = net_ctx(r->net);
	struct reload_header h;
	assert_int_equal(reload_header_read(&h, whole, &ctx), RELOAD_OK);
	size_t head = reload_header_size(&h), cuts[] = { 0, 1, whole.len - head };
	for (int i = 0; i < 2; i++) {
		/* the first one ends within the message code */
		struct wr w;
		struct reload_header f = h;
		size_t len = cuts[i + 1] - cuts[i];
		wr_init(&w);
		f.fragment =
			RELOAD_FRAGMENT_ALWAYS | (uint32_t)cuts[i] | (i ? RELOAD_FRAGMENT_LAST : 0);
		f.length = (uint32_t)(head + len);
		reload_header_write(&w, &f);
		wr_bytes(&w, whole.at + head + cuts[i], len);
		say(n, r->u, wr_done(&w));
		wr_clear(&w);
	}
	/* R-6.1.2-13 */
	expect_error(n, c.h.transaction_id, 2);
}

static void a_link_has_one_name(void **state)
{
	struct ring *r = *state;
	struct node *n = several(r->net, 0x51, 0x52);
	struct reload_peer_link links[8];
	net_link(n, r->u);
	struct craft c = craft_attach(n, r->u);
	expect_answer(n, tell(&c, r->u), RELOAD_ATTACH_ANS);
	/* another Attach over it, as the other node of the certificate, does not rename the link */
	struct reload_id first = n->id;
	n->id = id_at(0x52);
	n->deaf = true;
	c = craft_attach(n, r->u);
	tell(&c, r->u);
	size_t count = reload_peer_links(r->u->peer, links, 8);
	assert_int_equal(count, 3);
	bool there = false;
	for (size_t i = 0; i < count; i++)
		there |= reload_id_eq(&links[i].node, &first);
	assert_true(there);
}

/* How long u keeps the link to c, which answers no Ping, once c asks for another one; 0: longer than 15 s. */
static reload_ms kept_for(struct ring *r, reload_ms answers_in)
{
	struct craft c = craft_attach(r->c, r->u);
	expect_answer(r->b, through_b(r, &c), RELOAD_ATTACH_ANS);
	struct reload_connection *con =
		reload_connection_by_node(r->u->peer->connections, &r->c->id);
	uint32_t link = con->link;
	con->answers_in = answers_in;
	c = craft_attach(r->c, r->u);
	expect_answer(r->b, through_b(r, &c), RELOAD_ATTACH_ANS);
	for (reload_ms kept = 500; kept <= 15000; kept += 500) {
		net_pass(r->net, 500);
		if (!reload_connection_by_link(r->u->peer->connections, link))
			return kept;
	}
	return 0;
}

/* A link is silent when its node takes longer than it did before: a new one, over which nothing was answered yet, may lead to a slow node. */
static void a_new_link_is_given_time(void **state)
{
	assert_in_range(kept_for(*state, 0), 11500, 12500);
}

static void a_link_to_a_fast_node_is_not(void **state)
{
	assert_in_range(kept_for(*state, 200), 2500, 3500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(a_new_link_is_given_time),
		ring_test(a_link_to_a_fast_node_is_not),
		ring_test(wrong_certificate),
		ring_test(own_id_at_the_other_end),
		ring_test(many_names_are_one_signer),
		ring_test(several_node_ids),
		ring_test(no_way_around_by_fragments),
		ring_test(a_link_has_one_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
