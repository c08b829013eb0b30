/* What a certified node could make others do: shout, close good links, sign, dial, keep, without end. */
#include "engine_attach.h"

static struct craft craft_query(struct node *from, struct node *to, bool send_update)
{
	struct reload_destination d = dest(to);
	struct reload_route_query_req query = { .send_update = send_update, .destination = d };
	return craft(from, RELOAD_ROUTE_QUERY_REQ, &query, &d);
}

/* The Update that a asks for leads through the good peer b by an unsigned Via entry and is never answered. */
static void asked_update_tells_nothing_about_links(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_new(net, 0x80), *b = node_new(net, 0xc0), *a = node_new(net, 0x20);
	node_first(u);
	node_join(b, u, RELOAD_ROLE_PEER);
	unsigned down = b->events[RELOAD_EV_LINK_DOWN];
	struct craft c = craft_query(a, u, true);
	c.via[0] = dest(b);
	c.via_count = 1;
	expect_answer(a, tell(&c, u), RELOAD_ROUTE_QUERY_ANS);
	net_pass(net, 20000);
	struct reload_status status;
	reload_peer_status(u->peer, &status);
	assert_int_equal(b->events[RELOAD_EV_LINK_DOWN], down);
	assert_int_equal(status.tables.successors_count, 1);
	assert_non_null(net_link_between(u, b));
	net_free(net);
}

/* R-10.8-02: the Update is for who asked, also over more than one other node */
static void asked_update_goes_all_the_way(void **state)
{
	struct ring *r = *state;
	struct craft c = craft_query(r->c, r->u, true);
	struct reload_id far = id_at(0xf0);
	c.via[0] = dest(r->c);
	c.via[1] = reload_dest_node(&far);
	c.via_count = 2;
	say(r->b, r->u, craft_bytes(&c));
	struct reload_msg *m = heard_code(r->b, RELOAD_UPDATE_REQ);
	assert_non_null(m);
	list_is(m->header.destination_list, LIST(&r->b->id, &far, &r->c->id), r->net);
}

static void asked_updates_are_few(void **state)
{
	struct ring *r = *state;
	for (int i = 0; i < 50; i++) {
		struct craft c = craft_query(r->a, r->u, true);
		tell(&c, r->u);
	}
	assert_in_range(heard_count(r->a, RELOAD_UPDATE_REQ), 1, 4);
	/* they end, and then there may be more */
	net_pass(r->net, 20000);
	forget(r->a);
	struct craft c = craft_query(r->a, r->u, true);
	tell(&c, r->u);
	assert_int_equal(heard_count(r->a, RELOAD_UPDATE_REQ), 1);
}

static void documents_are_few(void **state)
{
	struct ring *r = *state;
	struct reload_destination to = dest(r->u);
	for (int i = 0; i < 50; i++) {
		struct craft c = craft_ping(r->a, &to);
		c.h.configuration_sequence = 1;
		expect_error(r->a, tell(&c, r->u), 15);
	}
	assert_in_range(heard_count(r->a, RELOAD_CONFIG_UPDATE_REQ), 1, 4);
}

/* -- sizes -------------------------------------------------------------------------------------------------------------- */

/* A Ping whose message has just that many bytes. */
static struct craft craft_sized(struct node *from, const struct reload_destination *to, size_t size)
{
	struct reload_ping_req ping = { 0 };
	struct craft c = craft(from, RELOAD_PING_REQ, &ping, to);
	size_t room = size - craft_bytes(&c).len;
	ping.padding = span_of(reload_arena_take(&from->net->arena, room), room);
	struct craft sized = craft(from, RELOAD_PING_REQ, &ping, to);
	assert_int_equal(craft_bytes(&sized).len, size);
	return sized;
}

static void forwarded_within_the_limit(void **state)
{
	struct ring *r = *state;
	size_t max = r->net->config->max_message_size;
	struct reload_destination to = dest(r->b);
	struct craft c = craft_sized(r->a, &to, max - 18);
	uint64_t id = tell(&c, r->u);
	assert_int_equal(heard_bytes(r->b, id).len, max);
	/* R-6.6-01: its Via entry makes it too long for b, who would close the link to u */
	c = craft_sized(r->a, &to, max - 17);
	id = tell(&c, r->u);
	assert_int_equal(heard_bytes(r->b, id).len, 0);
	expect_error(r->a, id, 11);
}

static struct span copied_option(struct net *net, size_t len)
{
	struct wire_ctx ctx = net_ctx(net);
	struct reload_option o = { .type = 200,
		.flags = RELOAD_RESPONSE_COPY,
		.value = span_of(reload_arena_take(&net->arena, len), len) };
	struct wr w;
	wr_init(&w);
	reload_wire_write(&w, &reload_option_wire, &ctx, &o);
	assert(!w.err);
	struct span s = reload_arena_copy(&net->arena, wr_done(&w));
	wr_clear(&w);
	return s;
}

static void copied_options_within_the_limit(void **state)
{
	struct ring *r = *state;
	size_t max = r->net->config->max_message_size;
	struct reload_destination to = dest(r->u);
	struct craft c = craft_ping(r->a, &to);
	c.certificate = NULL;
	size_t room = max - craft_bytes(&c).len - 5;
	c.options = copied_option(r->net, room);
	assert_in_range(craft_bytes(&c).len, max - 5, max);
	uint64_t id = tell(&c, r->u);
	struct span heard = heard_bytes(r->a, id);
	/* HDR-06: the answer with the option is too large, and so is the error with it */
	assert_in_range(heard.len, 1, max);
	struct reload_msg *m = msg_of(r->net, heard);
	assert_int_equal(m->code, RELOAD_ERROR);
	assert_int_equal(m->body.error.error_code, 14);
}

/* -- work --------------------------------------------------------------------------------------------------------------- */

static void few_errors_at_once(struct reload_policy *policy)
{
	policy->max_link_work = 8;
}

static void one_link_takes_its_share_of_work(void **state)
{
	(void)state;
	struct ring *r = ring_new_with(few_errors_at_once);
	struct reload_destination to = dest(r->u);
	struct reload_status s;
	uint64_t dropped = counted(r->u, RELOAD_COUNT_DROP_LIMIT);
	r->net->hold_jobs = true;
	for (int i = 0; i < 20; i++) {
		struct craft c = craft_ping(r->a, &to);
		tell(&c, r->u);
	}
	reload_peer_status(r->u->peer, &s);
	assert_int_equal(s.work, 8);
	assert_int_equal(counted(r->u, RELOAD_COUNT_DROP_LIMIT), dropped + 12);
	struct craft c = craft_ping(r->b, &to);
	tell(&c, r->u);
	r->net->hold_jobs = false;
	net_settle(r->net);
	expect_answer(r->b, c.h.transaction_id, RELOAD_PING_ANS);
	ring_teardown((void **)&r);
}

static void errors_are_signed_one_after_the_other(void **state)
{
	(void)state;
	struct ring *r = ring_new_with(few_errors_at_once);
	struct reload_destination to = dest(r->u);
	r->net->hold_jobs = true;
	for (int i = 0; i < 50; i++) {
		struct craft c = craft_ping(r->a, &to);
		c.h.ttl = 255;
		tell(&c, r->u);
	}
	assert_in_range(r->net->jobs_count, 1, 8);
	r->net->hold_jobs = false;
	net_settle(r->net);
	struct craft c = craft_ping(r->a, &to);
	c.h.ttl = 255;
	expect_error(r->a, tell(&c, r->u), 10);
	ring_teardown((void **)&r);
}

static struct craft craft_numbered(struct ring *r, uint16_t sequence, uint32_t max_message_size)
{
	struct net_document d = net_document(r->net);
	d.draft.sequence = sequence;
	d.draft.max_message_size = max_message_size;
	if (sequence == 10)
		d.draft.kind_elements_count = 0;
	struct reload_config_update u = { .type = RELOAD_CONFIG_UPDATE_CONFIG,
		.config = document_write(r->net, &d) };
	struct reload_destination to = dest(r->u);
	struct craft c = craft(r->b, RELOAD_CONFIG_UPDATE_REQ, &u, &to);
	c.h.configuration_sequence = RELOAD_SEQUENCE_ANY;
	return c;
}

/* A Store is judged by the document that is in force when its signatures are known. */
static void document_changes_under_a_store(void **state)
{
	struct ring *r = *state;
	struct craft c = craft_numbered(r, 9, 20000);
	expect_answer(r->b, tell(&c, r->u), RELOAD_CONFIG_UPDATE_ANS);
	struct node *s = node_storing(r->net, r->u, K_VALUE);
	net_link(s, r->u);
	struct craft store = craft_value(s, r->u, K_VALUE, "value", 0);
	store.h.configuration_sequence = 9;
	uint64_t id = tell(&store, r->u);
	expect_answer(s, id, RELOAD_STORE_ANS);
	r->net->hold_jobs = true;
	r->net->now++;
	store = craft_value(s, r->u, K_VALUE, "other", 0);
	store.h.configuration_sequence = 9;
	id = tell(&store, r->u);
	/* the message is verified, its value waits */
	struct reload_job *job = r->net->jobs[--r->net->jobs_count];
	reload_job_run(job);
	reload_peer_job_done(r->u->peer, job);
	assert_int_equal(r->net->jobs_count, 1);
	struct reload_job *value = r->net->jobs[0];
	r->net->jobs_count = 0;
	r->net->hold_jobs = false;
	c = craft_numbered(r, 10, 20000);
	expect_answer(r->b, tell(&c, r->u), RELOAD_CONFIG_UPDATE_ANS);
	reload_job_run(value);
	reload_peer_job_done(r->u->peer, value);
	net_settle(r->net);
	expect_error(s, id, 12); /* R-7.4.1.1-04: the Kind is gone */
}

static void bad_documents_are_few(void **state)
{
	struct ring *r = *state;
	struct craft good = craft_numbered(r, 9, 20000);
	unsigned refused = r->u->events[RELOAD_EV_CONFIG_REFUSED];
	for (int i = 0; i < 50; i++) {
		struct reload_config_update u = { .type = RELOAD_CONFIG_UPDATE_CONFIG,
			.config = span_str("<overlay/>") };
		struct reload_destination to = dest(r->u);
		struct craft c = craft(r->a, RELOAD_CONFIG_UPDATE_REQ, &u, &to);
		c.h.configuration_sequence = RELOAD_SEQUENCE_ANY;
		tell(&c, r->u);
	}
	assert_int_equal(r->u->events[RELOAD_EV_CONFIG_REFUSED], refused + 16);
	/* others are heard */
	expect_answer(r->b, tell(&good, r->u), RELOAD_CONFIG_UPDATE_ANS);
	assert_int_equal(reload_peer_config(r->u->peer)->sequence, 9);
}

/* R-6.2.1-11: by the timer of the new document a repeat comes later, and is still the same request. */
static void repeats_after_a_slower_document(void **state)
{
	struct ring *r = *state;
	struct net_document d = net_document(r->net);
	d.draft.sequence = 9;
	d.draft.overlay_reliability_timer_ms = 10000;
	struct reload_config_update u = { .type = RELOAD_CONFIG_UPDATE_CONFIG,
		.config = document_write(r->net, &d) };
	struct reload_destination to = dest(r->u);
	struct craft c = craft(r->b, RELOAD_CONFIG_UPDATE_REQ, &u, &to);
	c.h.configuration_sequence = RELOAD_SEQUENCE_ANY;
	expect_answer(r->b, tell(&c, r->u), RELOAD_CONFIG_UPDATE_ANS);
	struct node *s = node_storing(r->net, r->u, K_VALUE);
	net_link(s, r->u);
	struct craft store = craft_value(s, r->u, K_VALUE, "value", 0);
	store.h.configuration_sequence = 9;
	uint64_t id = tell(&store, r->u);
	expect_answer(s, id, RELOAD_STORE_ANS);
	net_pass(r->net, 20000);
	tell(&store, r->u);
	expect_answer(s, id, RELOAD_STORE_ANS);
}

/* -- links ---------------------------------------------------------------------------------------------------------------- */

static void attach_through_b(struct ring *r)
{
	struct craft c = craft_attach(r->c, r->u);
	through_b(r, &c);
}

static void many_attaches_dial_once(void **state)
{
	struct ring *r = *state;
	unsigned opened = r->u->opened;
	r->net->hold_dials = r->net->hold_jobs = true;
	for (int i = 0; i < 20; i++)
		attach_through_b(r);
	r->net->hold_jobs = false;
	net_settle(r->net);
	assert_int_equal(r->u->opened, opened + 1);
}

static size_t dialled(const struct net *net)
{
	size_t count = 0;
	for (size_t i = 0; i < NET_LINKS; i++)
		count += net->links[i].state == NET_LINK_DIALLED;
	return count;
}

static void dial_ends_with_its_attempt(void **state)
{
	struct ring *r = *state;
	r->net->hold_dials = true;
	attach_through_b(r);
	assert_int_equal(dialled(r->net), 1);
	net_pass(r->net, 16000);
	assert_int_equal(dialled(r->net), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asked_update_tells_nothing_about_links),
		ring_test(asked_update_goes_all_the_way),
		ring_test(asked_updates_are_few),
		ring_test(documents_are_few),
		ring_test(forwarded_within_the_limit),
		ring_test(copied_options_within_the_limit),
		cmocka_unit_test(errors_are_signed_one_after_the_other),
		cmocka_unit_test(one_link_takes_its_share_of_work),
		ring_test(document_changes_under_a_store),
		ring_test(bad_documents_are_few),
		ring_test(repeats_after_a_slower_document),
		ring_test(many_attaches_dial_once),
		ring_test(dial_ends_with_its_attempt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
