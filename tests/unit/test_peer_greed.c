/* What a certified node could make others do: shout, close good links, sign, dial, keep, without end. */
#include "engine_expect.h"

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

static size_t heard_count(struct node *n, uint16_t code)
{
	size_t count = 0;
	while (heard_code(n, code))
		count++;
	return count;
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

static struct craft craft_document(struct ring *r, uint16_t sequence, uint32_t max_message_size)
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
	struct craft c = craft_document(r, 9, 20000);
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
	c = craft_document(r, 10, 20000);
	expect_answer(r->b, tell(&c, r->u), RELOAD_CONFIG_UPDATE_ANS);
	reload_job_run(value);
	reload_peer_job_done(r->u->peer, value);
	net_settle(r->net);
	expect_error(s, id, 12); /* R-7.4.1.1-04: the Kind is gone */
}

static void bad_documents_are_few(void **state)
{
	struct ring *r = *state;
	struct craft good = craft_document(r, 9, 20000);
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

/* -- hand-overs ----------------------------------------------------------------------------------------------------------- */

struct handing {
	struct net *net;
	struct node *u, *n, *s;
};

static struct craft craft_join(struct node *from, struct node *to)
{
	struct reload_join_req req = { .joining_peer_id = from->id };
	struct reload_destination d = dest(to);
	return craft(from, RELOAD_JOIN_REQ, &req, &d);
}

/* u is alone and holds a value of s; n will own it. */
static struct handing handing_new(void)
{
	struct handing h = { .net = net_new() };
	h.u = node_new(h.net, 0x80);
	node_first(h.u);
	h.n = node_new(h.net, 0x70);
	h.s = node_storing(h.net, h.u, K_NODE);
	struct crafted_store *store = store_of(h.s, K_NODE, "value", 0);
	assert_true(reload_id_between(&h.u->id, &store->resource, &h.n->id));
	struct craft c = craft_store(h.s, h.u, store);
	net_link(h.s, h.u);
	expect_answer(h.s, tell(&c, h.u), RELOAD_STORE_ANS);
	net_link(h.n, h.u);
	forget(h.n);
	return h;
}

static bool brings(const struct reload_msg *m, const char *words)
{
	const struct reload_store_req *req = &m->body.store_req;
	for (size_t k = 0; k < req->kind_data_count; k++)
		for (size_t v = 0; v < req->kind_data[k].values_count; v++)
			if (span_eq(req->kind_data[k].values[v].value.value, span_str(words)))
				return true;
	return false;
}

/* CHORD-11: what is stored at the Admitting Peer after the walk has passed goes to the Joining Node as well */
static void stored_while_handing_over(void **state)
{
	(void)state;
	struct handing h = handing_new();
	struct craft c = craft_join(h.n, h.u);
	expect_answer(h.n, tell(&c, h.u), RELOAD_JOIN_ANS);
	assert_non_null(heard_code(h.n, RELOAD_STORE_REQ));
	h.net->now++;
	c = craft_value(h.s, h.u, K_NODE, "newer", 0);
	expect_answer(h.s, tell(&c, h.u), RELOAD_STORE_ANS);
	struct reload_msg *m;
	bool found = false;
	while ((m = heard_code(h.n, RELOAD_STORE_REQ)))
		found |= brings(m, "newer");
	assert_true(found);
	assert_null(
		heard_code(h.n, RELOAD_UPDATE_REQ)); /* n is not admitted before it has the data */
	net_free(h.net);
}

static void hand_over_to_who_is_gone(void **state)
{
	(void)state;
	struct handing h = handing_new();
	struct craft c = craft_join(h.n, h.u);
	expect_answer(h.n, tell(&c, h.u), RELOAD_JOIN_ANS);
	net_link_between(h.n, h.u)->state = NET_LINK_NONE;
	reload_peer_link_down(h.u->peer, 0x80000001u, RELOAD_LINK_DOWN);
	net_pass(h.net, 120000);
	/* what was under way fails once and is not repeated */
	assert_in_range(h.u->events[RELOAD_EV_REPLICA_FAILED], 1, 3);
	net_free(h.net);
}

/* -- links ---------------------------------------------------------------------------------------------------------------- */

static struct craft craft_attach(struct node *from, struct node *to)
{
	struct reload_ice_candidate candidate = { .addr_port = node_address(from),
		.overlay_link = RELOAD_TLS_TCP_FH_NO_ICE,
		.foundation = span_str("1"),
		.priority = 2130706431,
		.type = RELOAD_CAND_HOST };
	struct reload_attach body = {
		.role = span_str("passive"), .candidates = &candidate, .candidates_count = 1
	};
	struct reload_destination d = dest(to);
	return craft(from, RELOAD_ATTACH_REQ, &body, &d);
}

static void attach_through_b(struct ring *r)
{
	struct craft c = craft_attach(r->c, r->u);
	c.via[0] = dest(r->c);
	c.via_count = 1;
	say(r->b, r->u, craft_bytes(&c));
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

/* -- coming and going -------------------------------------------------------------------------------------------------------- */

static void leaves_while_it_asks_who_is_there(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct reload_id two[] = { id_at(0x20), id_at(0x21) };
	struct node *b =
		node_new_of(net, &(struct reload_sim_cert_form){ .user = "two@" RELOAD_SIM_OVERLAY,
					 .overlay = RELOAD_SIM_OVERLAY,
					 .nodes = two,
					 .nodes_count = 2 });
	struct node *u = node_new(net, 0x80);
	node_join(u, b, RELOAD_ROLE_PEER);
	assert_non_null(heard_code(b, RELOAD_PING_REQ));
	reload_peer_leave(u->peer, true);
	net_pass(net, 20000);
	assert_int_equal(u->state, RELOAD_STATE_ENROLLED);
	struct reload_ip_port address = node_address(b);
	assert_int_equal(reload_peer_join(u->peer, RELOAD_ROLE_PEER, &address, 1), RELOAD_OK);
	net_free(net);
}

/* The links of before are forgotten with it: nothing is sent to a node that is no more. */
static void comes_back(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_new(net, 0x80), *b = node_new(net, 0xc0), *c = node_new(net, 0x20);
	node_first(u);
	node_join(b, u, RELOAD_ROLE_PEER);
	node_join(c, u, RELOAD_ROLE_PEER);
	reload_peer_leave(c->peer, true);
	net_pass(net, 4000);
	assert_int_equal(c->state, RELOAD_STATE_ENROLLED);
	reload_peer_leave(b->peer, false);
	net_pass(net, 20000);
	unsigned timeouts = c->events[RELOAD_EV_REQUEST_TIMEOUT];
	node_join(c, u, RELOAD_ROLE_PEER);
	assert_int_equal(c->state, RELOAD_STATE_JOINED);
	net_pass(net, 20000);
	/* but one Ping to b, which it may remember and which takes links still */
	assert_in_range(c->events[RELOAD_EV_REQUEST_TIMEOUT], timeouts, timeouts + 1);
	net_free(net);
}

static struct node *node_of_two(struct net *net, uint8_t own, uint8_t other)
{
	struct reload_id two[] = { id_at(own), id_at(other) };
	return node_new_of(net, &(struct reload_sim_cert_form){ .user = "two@" RELOAD_SIM_OVERLAY,
					.overlay = RELOAD_SIM_OVERLAY,
					.nodes = two,
					.nodes_count = 2 });
}

/* Two nodes of one user, each with one of the Node-IDs that stand in the certificates of both, are neighbours. */
static void neighbours_of_one_certificate(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_of_two(net, 0x80, 0x20), *v = node_of_two(net, 0x20, 0x80);
	node_first(u);
	node_join(v, u, RELOAD_ROLE_PEER);
	/* R-4.2.1-05 */
	assert_int_equal(v->state, RELOAD_STATE_JOINED);
	struct reload_status status;
	reload_peer_status(u->peer, &status);
	assert_int_equal(status.tables.successors_count, 1);
	assert_true(reload_id_eq(&status.tables.successors[0], &v->id));
	net_free(net);
}

struct shout {
	struct node *by;
	unsigned stores, updates;
	size_t bytes;      /* of Stores, each transaction once */
	uint64_t seen[64]; /* their transactions */
	size_t seen_count;
};

static bool is_repeated(struct shout *s, uint64_t transaction)
{
	for (size_t i = 0; i < s->seen_count; i++)
		if (s->seen[i] == transaction)
			return true;
	assert_true(s->seen_count < COUNT_OF(s->seen));
	s->seen[s->seen_count++] = transaction;
	return false;
}

static bool shout_tap(struct net *net, struct packet *p)
{
	struct shout *s = net->tap_arg;
	const struct reload_msg *m = msg_of(net, span_of(p->at, p->len));
	s->stores += p->from == s->by && m->code == RELOAD_STORE_REQ;
	if (p->from == s->by && m->code == RELOAD_STORE_REQ &&
		!is_repeated(s, m->header.transaction_id))
		s->bytes += p->len;
	s->updates += p->from == s->by && m->code == RELOAD_UPDATE_REQ;
	return true;
}

/* Two nodes of a ring between which another one joins. */
struct between {
	struct node *before, *joins;
};

static bool no_stores_from_before(struct net *net, struct packet *p)
{
	const struct between *b = net->tap_arg;
	return p->from != b->before || p->to != b->joins ||
	       msg_of(net, span_of(p->at, p->len))->code != RELOAD_STORE_REQ;
}

/*
 * Who joins is the first replica of its predecessor, which may fail before it sent anything; the Admitting Peer has all that as
 * well.
 */
static void replicas_come_from_the_admitting_peer(void **state)
{
	(void)state;
	static const uint8_t others[] = { 0xc0, 0xe0, 0x10 };
	struct net *net = net_new();
	struct node *u = node_new(net, 0x80), *ring[COUNT_OF(others)];
	node_first(u);
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		ring[i] = node_new(net, others[i]);
		node_join(ring[i], u, RELOAD_ROLE_PEER);
	}
	struct node *s = node_storing(net, u, K_NODE);
	struct crafted_store *store = store_of(s, K_NODE, "value", 0);
	assert_true(reload_id_between(&ring[2]->id, &store->resource, &u->id));
	struct craft c = craft_store(s, u, store);
	net_link(s, u);
	expect_answer(s, tell(&c, u), RELOAD_STORE_ANS);
	net_pass(net, 1000);
	struct node *n = node_new(net, 0xa0);
	struct between b = { .before = u, .joins = n };
	net->tap = no_stores_from_before;
	net->tap_arg = &b;
	node_join(n, u, RELOAD_ROLE_PEER);
	net_pass(net, 1000);
	net->tap = NULL;
	assert_int_equal(n->state, RELOAD_STATE_JOINED);
	struct reload_stored_value place = { .model = RELOAD_MODEL_SINGLE };
	assert_non_null(
		n->storage->ops->find(n->storage, &store->resource, K_NODE, &place, host_wall(n)));
	net_free(net);
}

/* The predecessor says again and again that it would join: it was given its range, and is told that it is in. */
static void joins_again_and_again(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_new(net, 0x80), *n = node_new(net, 0x70);
	node_first(u);
	struct node *s = node_storing(net, u, K_NODE);
	struct crafted_store *store = store_of(s, K_NODE, "value", 0);
	assert_true(reload_id_between(&u->id, &store->resource, &n->id));
	struct craft c = craft_store(s, u, store);
	net_link(s, u);
	expect_answer(s, tell(&c, u), RELOAD_STORE_ANS);
	node_join(n, u, RELOAD_ROLE_PEER);
	net_pass(net, 1000);
	assert_int_equal(n->state, RELOAD_STATE_JOINED);
	struct shout heard = { .by = u };
	unsigned tables = u->events[RELOAD_EV_ROUTING_CHANGED];
	net->tap = shout_tap;
	net->tap_arg = &heard;
	for (unsigned i = 1; i <= 5; i++) {
		c = craft_join(n, u);
		tell(&c, u);
		net_pass(net, 100);
		assert_int_equal(heard.updates, i);
	}
	assert_int_equal(heard.stores, 0);
	assert_int_equal(u->events[RELOAD_EV_ROUTING_CHANGED], tables);
	/* much later it may have forgotten all */
	net_pass(net, 15000);
	c = craft_join(n, u);
	tell(&c, u);
	net_pass(net, 1000);
	assert_true(heard.stores > 0);
	net->tap = NULL;
	net_free(net);
}

/* A node connects, asks to be admitted, goes and comes again: it is sent its range eight times, and then ever more seldom. */
static void comes_and_goes(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_new(net, 0x80), *n = node_new(net, 0x70);
	node_first(u);
	struct node *s = node_storing(net, u, K_NODE);
	struct crafted_store *store = store_of(s, K_NODE, "value", 0);
	struct craft c = craft_store(s, u, store);
	net_link(s, u);
	expect_answer(s, tell(&c, u), RELOAD_STORE_ANS);
	struct shout heard = { .by = u };
	net->tap = shout_tap;
	net->tap_arg = &heard;
	size_t once = 0, stays = 0;
	for (int i = 0; i < 20; i++) {
		size_t before = heard.bytes;
		c = craft_join(n, u);
		tell(&c, u);
		net_pass(net, 2000);
		stays += heard.bytes > before;
		once = once ? once : heard.bytes;
		struct net_link *l = net_link_between(n, u);
		uint32_t number = number_at(u, n);
		l->state = NET_LINK_NONE;
		reload_peer_link_down(u->peer, number, RELOAD_LINK_DOWN);
		net_pass(net, 1000);
		forget(n);
	}
	/* a minute: at once eight times, then after 4, 8, 16 and 32 s */
	assert_in_range(stays, 8, 12);
	assert_in_range(heard.bytes, 8 * once, 12 * (once + 64));
	net->tap = NULL;
	net_free(net);
}

/* Its own address among the bootstrap nodes: it finds itself there and does not stay. */
static void bootstrap_is_itself(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *u = node_of_two(net, 0x80, 0x20);
	node_join(u, u, RELOAD_ROLE_PEER);
	net_pass(net, 1000);
	struct reload_peer_link links[8];
	assert_int_not_equal(u->state, RELOAD_STATE_JOINED);
	assert_int_not_equal(u->state, RELOAD_STATE_ATTACHING);
	net->hold_dials = true;
	net_pass(net, 100);
	assert_int_equal(reload_peer_links(u->peer, links, 8), 0);
	net_free(net);
}

static void updates_to_a_client(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct node *a = node_new(net, 0x20), *k = node_new(net, 0x80);
	node_join(k, a, RELOAD_ROLE_CLIENT);
	struct reload_msg *m = heard_code(a, RELOAD_ATTACH_REQ);
	assert_non_null(m);
	struct reload_ice_candidate candidate = { .addr_port = node_address(a),
		.overlay_link = RELOAD_TLS_TCP_FH_NO_ICE,
		.foundation = span_str("1"),
		.priority = 2130706431,
		.type = RELOAD_CAND_HOST };
	struct reload_attach body = {
		.role = span_str("active"), .candidates = &candidate, .candidates_count = 1
	};
	struct craft c = reply(a, m, RELOAD_ATTACH_ANS, &body);
	tell(&c, k);
	assert_int_equal(k->state, RELOAD_STATE_JOINED);
	forget(a);
	for (int i = 0; i < 30; i++)
		node_ready(a, k);
	assert_int_equal(heard_count(a, RELOAD_ATTACH_REQ), 1);
	net_free(net);
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
		cmocka_unit_test(stored_while_handing_over),
		cmocka_unit_test(hand_over_to_who_is_gone),
		ring_test(many_attaches_dial_once),
		ring_test(dial_ends_with_its_attempt),
		cmocka_unit_test(leaves_while_it_asks_who_is_there),
		cmocka_unit_test(comes_back),
		cmocka_unit_test(updates_to_a_client),
		cmocka_unit_test(neighbours_of_one_certificate),
		cmocka_unit_test(replicas_come_from_the_admitting_peer),
		cmocka_unit_test(joins_again_and_again),
		cmocka_unit_test(comes_and_goes),
		cmocka_unit_test(bootstrap_is_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
