/* One configuration for all: sequence numbers of requests, ConfigUpdate, what a new document does (RFC 6940 s6.5.4). */
#include "engine_expect.h"

static uint16_t sequence_of(const struct node *n)
{
	return reload_peer_config(n->peer)->sequence;
}

static struct craft with_sequence(struct ring *r, uint16_t sequence)
{
	struct reload_destination to = dest(r->u);
	struct craft c = craft_ping(r->a, &to);
	c.h.configuration_sequence = sequence;
	return c;
}

static void requester_is_behind(void **state)
{
	struct ring *r = *state;
	static const uint16_t behind[] = { 6, 0, 65534, 40000 };
	for (size_t i = 0; i < COUNT_OF(behind); i++) {
		struct craft c = with_sequence(r, behind[i]);
		c.via[0] = dest(r->c);
		c.via_count = 1;
		uint64_t id = tell(&c, r->u);
		/* R-6.3.2.1-04 R-6.3.3.1-17 */
		expect_error(r->a, id, 15);
		struct reload_msg *m = heard_code(r->a, RELOAD_CONFIG_UPDATE_REQ);
		/* R-6.3.2.1-05 R-6.5.4-01: and the document is sent, the way of the error */
		assert_non_null(m);
		assert_int_equal(m->header.configuration_sequence, 65535);
		assert_int_equal(m->body.config_update.type, RELOAD_CONFIG_UPDATE_CONFIG);
		assert_true(span_eq(m->body.config_update.config, r->net->config->document));
		list_is(m->header.destination_list, LIST(&r->a->id, &r->c->id), r->net);
	}
}

static void requester_is_ahead(void **state)
{
	struct ring *r = *state;
	static const uint16_t ahead[] = { 8, 1000, 32774 };
	for (size_t i = 0; i < COUNT_OF(ahead); i++) {
		struct craft c = with_sequence(r, ahead[i]);
		/* R-6.3.2.1-04 R-6.3.3.1-17 */
		expect_error(r->a, tell(&c, r->u), 16);
		assert_null(heard_code(r->a, RELOAD_CONFIG_UPDATE_REQ));
	}
	/* 65535 stands for a ConfigUpdate only */
	struct craft c = with_sequence(r, 65535);
	struct reload_msg *m = heard(r->a, tell(&c, r->u));
	assert_non_null(m);
	assert_int_equal(m->code, RELOAD_ERROR);
}

static void numbers_wrap(void **state)
{
	(void)state;
	/* R-6.3.2.1-02: modulo 65535; 65535 itself is no document's number */
	assert_int_equal(reload_sequence_next(65533), 65534);
	assert_int_equal(reload_sequence_next(65534), 0);
	struct net *net = net_new();
	struct net_document d = net_document(net);
	d.draft.sequence = 65534;
	net_configure(net, &d);
	struct node *u = node_new(net, 0x80), *a = node_new(net, 0x20);
	node_first(u);
	d.draft.sequence = 0;
	struct span next = document_write(net, &d);
	struct reload_config_update update = { .type = RELOAD_CONFIG_UPDATE_CONFIG,
		.config = next };
	struct reload_destination to = dest(u);
	struct craft c = craft(a, RELOAD_CONFIG_UPDATE_REQ, &update, &to);
	c.h.configuration_sequence = RELOAD_SEQUENCE_ANY;
	expect_answer(a, tell(&c, u), RELOAD_CONFIG_UPDATE_ANS);
	assert_int_equal(sequence_of(u), 0);
	net_free(net);
}

/* B24: a running ring goes from the last number to the first. */
static void a_ring_passes_the_wrap_on(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct net_document d = net_document(net);
	d.draft.sequence = 65534;
	net_configure(net, &d);
	struct node *nodes[] = { node_new(net, 0x10), node_new(net, 0x50), node_new(net, 0x90) };
	node_first(nodes[0]);
	node_join(nodes[1], nodes[0], RELOAD_ROLE_PEER);
	node_join(nodes[2], nodes[0], RELOAD_ROLE_PEER);
	d.draft.sequence = 0;
	AUTO(reload_config) next = document_parse(document_write(net, &d));
	reload_peer_configure(nodes[1]->peer, next);
	net_pass(net, 10000);
	for (size_t i = 0; i < COUNT_OF(nodes); i++) {
		assert_int_equal(sequence_of(nodes[i]), 0);
		assert_int_equal(nodes[i]->state, RELOAD_STATE_JOINED);
	}
	net_free(net);
}

/* R-6.3.2.1-06, B24: with 65535 in its header an update is taken by a peer of a low number and by one of a high number. */
static void an_update_of_any_number_is_taken(void **state)
{
	(void)state;
	static const uint16_t numbers[] = { 5, 60000 };
	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		struct net *net = net_new();
		struct net_document d = net_document(net);
		d.draft.sequence = numbers[i];
		net_configure(net, &d);
		struct node *u = node_new(net, 0x80), *a = node_new(net, 0x20);
		node_first(u);
		d.draft.sequence = (uint16_t)(numbers[i] + 1);
		struct reload_config_update update = { .type = RELOAD_CONFIG_UPDATE_CONFIG,
			.config = document_write(net, &d) };
		struct reload_destination to = dest(u);
		struct craft c = craft(a, RELOAD_CONFIG_UPDATE_REQ, &update, &to);
		c.h.configuration_sequence = RELOAD_SEQUENCE_ANY;
		expect_answer(a, tell(&c, u), RELOAD_CONFIG_UPDATE_ANS);
		assert_int_equal(sequence_of(u), numbers[i] + 1);
		net_free(net);
	}
}

/* HDR-08: of 1, 30000 and 60000 each is newer than the one before, and 1 is newer than 60000: it is the oldest all the same */
static void numbers_that_jump(void **state)
{
	(void)state;
	static const uint16_t numbers[] = { 1, 30000, 60000, 1 };
	struct span documents[3];
	struct net *net = net_new();
	struct net_document d = net_document(net);
	for (size_t i = 0; i < COUNT_OF(documents); i++) {
		d.draft.sequence = numbers[i];
		d.draft.expiration += i * 1000;
		documents[i] = document_write(net, &d);
	}
	d.draft.sequence = 1;
	struct span wrapped = document_write(net, &d);
	reload_config_free(net->config);
	net->config = document_parse(documents[0]);
	struct node *u = node_new(net, 0x80), *a = node_new(net, 0x20);
	struct reload_destination to = dest(u);
	node_first(u);
	for (size_t i = 1; i < COUNT_OF(numbers); i++) {
		struct reload_config_update update = { .type = RELOAD_CONFIG_UPDATE_CONFIG,
			.config = documents[i % 3] };
		struct craft c = craft(a, RELOAD_CONFIG_UPDATE_REQ, &update, &to);
		c.h.configuration_sequence = RELOAD_SEQUENCE_ANY;
		uint64_t id = tell(&c, u);
		if (i < 3)
			expect_answer(a, id, RELOAD_CONFIG_UPDATE_ANS);
		else
			expect_error(a, id, 15);
	}
	assert_int_equal(sequence_of(u), 60000);
	/* a number that has really wrapped, in a document that ends no earlier */
	struct reload_config_update update = { .type = RELOAD_CONFIG_UPDATE_CONFIG,
		.config = wrapped };
	struct craft c = craft(a, RELOAD_CONFIG_UPDATE_REQ, &update, &to);
	c.h.configuration_sequence = RELOAD_SEQUENCE_ANY;
	expect_answer(a, tell(&c, u), RELOAD_CONFIG_UPDATE_ANS);
	assert_int_equal(sequence_of(u), 1);
	net_free(net);
}

static void too_large_to_send(void **state)
{
	(void)state;
	struct net *net = net_new();
	struct net_document d = net_document(net);
	d.draft.max_message_size = 2000;
	net_configure(net, &d);
	assert_true(net->config->document.len > 1000);
	struct node *u = node_new(net, 0x80), *a = node_new(net, 0x20);
	node_first(u);
	node_ready(a, u);
	forget(a);
	struct reload_destination to = dest(u);
	struct craft c = craft_ping(a, &to);
	c.h.configuration_sequence = 1;
	expect_error(a, tell(&c, u), 15); /* CFG-15: the error alone */
	assert_null(heard_code(a, RELOAD_CONFIG_UPDATE_REQ));
	net_free(net);
}

/* -- a new document --------------------------------------------------------------------------------------------------- */

static void newer_document(void **state)
{
	struct ring *r = *state;
	struct net_document d = net_document(r->net);
	d.draft.sequence = 9;
	d.draft.initial_ttl = 50;
	d.draft.overlay_reliability_timer_ms = 1000;
	struct reload_kind kind = *reload_config_kind(r->net->config, K_VALUE);
	kind.max_size = 77;
	char *element = reload_kind_element(&kind);
	const char *elements[] = { element };
	d.draft.kind_elements = elements;
	d.draft.kind_elements_count = 1;
	struct craft c = craft_document(r, document_write(r->net, &d));
	free(element);
	struct reload_msg *m = expect_answer(r->a, tell(&c, r->u), RELOAD_CONFIG_UPDATE_ANS);
	/* R-6.3.2.1-06 R-6.3.2.1-01 R-6.5.4-09 R-11.1-48: taken over, answered with the old document's header */
	assert_int_equal(m->header.ttl <= 100, 1);
	assert_int_equal(sequence_of(r->u), 9);
	assert_int_equal(r->u->configured, 1);
	assert_int_equal(r->u->events[RELOAD_EV_CONFIG_CHANGED], 1);
	/* R-11.1-50 */
	assert_int_equal(reload_config_kind(reload_peer_config(r->u->peer), K_VALUE)->max_size, 77);
	struct outcome *o = outcome_new(r->net);
	struct reload_destination to = dest(r->b);
	struct reload_request_target target = { .list = &to, .count = 1 };
	enum reload_err err;
	forget(r->b);
	assert_non_null(reload_peer_ping(r->u->peer, &target, 0, outcome_fn, o, &err));
	net_settle(r->net);
	m = heard_code(r->b, RELOAD_PING_REQ);
	assert_int_equal(m->header.ttl, 50);
	assert_int_equal(m->header.configuration_sequence, 9);
	net_pass(r->net, 4999);
	assert_int_equal(o->calls, 0);
	net_pass(r->net, 1);
	assert_int_equal(o->err, RELOAD_TIMEOUT); /* five times the new timer */
}

static void documents_refused(void **state)
{
	struct ring *r = *state;
	struct net_document d = net_document(r->net);
	/* its own bytes again */
	struct craft c = craft_document(r, r->net->config->document);
	expect_answer(r->a, tell(&c, r->u), RELOAD_CONFIG_UPDATE_ANS);
	assert_int_equal(r->u->configured, 0);
	/* R-6.5.4-04 R-6.5.4-06: not newer */
	d.draft.sequence = 6;
	c = craft_document(r, document_write(r->net, &d));
	expect_error(r->a, tell(&c, r->u), 15);
	/* R-6.5.4-05 R-4.1-02: signed by a signer of its own, to whom no chain of signers leads */
	struct reload_id other = id_at(0xbb);
	AUTO(reload_cert)
	cert = reload_sim_cert("other@" RELOAD_SIM_OVERLAY, RELOAD_SIM_OVERLAY, &other);
	AUTO(reload_key) key = reload_sim_key(cert);
	struct net_document foreign = net_document(r->net);
	foreign.draft.sequence = 9;
	foreign.draft.signers = &other;
	foreign.signer = (struct reload_config_signer){ .key = key, .cert = cert, .node = other };
	c = craft_document(r, document_write(r->net, &foreign));
	expect_error(r->a, tell(&c, r->u), 2);
	/* a byte of the signature's base64, at the end of the document */
	d.draft.sequence = 9;
	struct span good = document_write(r->net, &d);
	uint8_t *bytes = (uint8_t *)reload_arena_copy(&r->net->arena, good).at;
	uint8_t *end = memmem(bytes, good.len, "</signature>", 12);
	if (!end)
		end = memmem(bytes, good.len, "signature>", 10);
	assert_non_null(end);
	end[-8] = end[-8] == 'A' ? 'B' : 'A';
	c = craft_document(r, span_of(bytes, good.len));
	assert_int_equal(heard(r->a, tell(&c, r->u))->code, RELOAD_ERROR);
	c = craft_document(r, span_str("<overlay>this is no document"));
	expect_error(r->a, tell(&c, r->u), 20);
	struct net_document elsewhere = net_document(r->net);
	elsewhere.draft.sequence = 9;
	elsewhere.draft.expiration = RELOAD_SIM_EPOCH + 3000; /* it was good when it was written */
	c = craft_document(r, document_write(r->net, &elsewhere));
	expect_error(r->a, tell(&c, r->u), 20);
	assert_int_equal(sequence_of(r->u), 7);
	assert_int_equal(r->u->configured, 0);
	assert_int_equal(r->u->events[RELOAD_EV_CONFIG_REFUSED], 5);
	/* a ConfigUpdate with another sequence than 65535 is judged like any request */
	c = craft_document(r, good);
	c.h.configuration_sequence = 9;
	expect_error(r->a, tell(&c, r->u), 16);
}

static void from_the_host(void **state)
{
	struct ring *r = *state;
	struct net_document d = net_document(r->net);
	d.draft.sequence = 8;
	AUTO(reload_config) config = document_parse(document_write(r->net, &d));
	reload_peer_configure(r->u->peer, config);
	assert_int_equal(sequence_of(r->u), 8);
	struct craft c = with_sequence(r, 7);
	expect_error(r->a, tell(&c, r->u), 15);
}

/* -- Kinds one by one --------------------------------------------------------------------------------------------------- */

/* The kind-block of K_LATE, signed by the signer of d. */
static struct span late_block(struct net *net, struct net_document d, struct reload_config **keep)
{
	const struct reload_kind kind = { .id = K_LATE,
		.model = RELOAD_MODEL_SINGLE,
		.access = RELOAD_ACCESS_NODE_MATCH,
		.max_count = 1,
		.max_size = 100 };
	char *element = reload_kind_element(&kind);
	const char *elements[] = { element };
	d.draft.kind_elements = elements;
	d.draft.kind_elements_count = 1;
	*keep = document_parse(document_write(net, &d));
	free(element);
	return reload_config_kind(*keep, K_LATE)->block;
}

static struct craft craft_kinds(struct ring *r, struct span block)
{
	struct reload_kind_description kind = { .kind_block = block };
	struct reload_config_update u = {
		.type = RELOAD_CONFIG_UPDATE_KIND, .kinds = &kind, .kinds_count = 1
	};
	struct reload_destination to = dest(r->u);
	struct craft c = craft(r->a, RELOAD_CONFIG_UPDATE_REQ, &u, &to);
	c.h.configuration_sequence = RELOAD_SEQUENCE_ANY;
	return c;
}

/* The next document has another signer alone: what the old one signed goes, and the value that was stored under it. */
static void signer_goes(struct ring *r, size_t values)
{
	struct reload_id id = id_at(0xbb);
	AUTO(reload_cert)
	cert = reload_sim_cert("other@" RELOAD_SIM_OVERLAY, RELOAD_SIM_OVERLAY, &id);
	AUTO(reload_key) key = reload_sim_key(cert);
	struct net_document d = net_document(r->net);
	struct reload_status after;
	d.draft.sequence = 9;
	d.draft.signers = &id;
	d.signer = (struct reload_config_signer){ .key = key, .cert = cert, .node = id };
	struct craft c = craft_document(r, document_write(r->net, &d));
	expect_answer(r->a, tell(&c, r->u), RELOAD_CONFIG_UPDATE_ANS);
	reload_peer_status(r->u->peer, &after);
	/* R-11.1-51 */
	assert_null(reload_config_kind(reload_peer_config(r->u->peer), K_LATE));
	assert_int_equal(after.values, values - 1);
}

static void unknown_two(struct reload_msg *m)
{
	assert_int_equal(m->body.error.error_info.len, 9);
	assert_memory_equal(m->body.error.error_info.at, "\x08\xf0\x00\x00\x04\xf0\x00\x00\x05", 9);
}

static void kinds(void **state)
{
	struct ring *r = *state;
	AUTO(reload_config) other = NULL;
	struct span block = late_block(r->net, net_document(r->net), &other);
	struct node *s = node_storing(r->net, r->u, K_NODE);
	struct crafted_store *store = store_of(s, K_NODE, "late", 0);
	store->kind.kind = K_LATE;
	store_sign(store, s);
	/* the Kind is not known before; the requester's config does not matter for writing a single value */
	struct craft c = craft_store(s, r->u, store);
	struct reload_msg *m = expect_error(s, tell(&c, r->u), 12);
	/* R-7.4.1.2-08 R-6.3.3.1-14: a vector with a length of one byte */
	assert_int_equal(m->body.error.error_info.len, 5);
	assert_memory_equal(m->body.error.error_info.at, "\x04\xf0\x00\x00\x04", 5);
	/* R-7.4.1.2-08: all of them, not the first alone, in Store and Fetch */
	struct reload_store_kind two[] = { store->kind, store->kind };
	two[1].kind = K_ABROAD;
	struct reload_store_req req = {
		.resource = store->req.resource, .kind_data = two, .kind_data_count = 2
	};
	struct reload_destination d_u = dest(r->u);
	c = craft(s, RELOAD_STORE_REQ, &req, &d_u);
	unknown_two(expect_error(s, tell(&c, r->u), 12));
	struct reload_specifier specifiers[] = { { .kind = K_LATE }, { .kind = K_ABROAD } };
	struct reload_fetch_req fetch = {
		.resource = store->req.resource, .specifiers = specifiers, .specifiers_count = 2
	};
	c = craft(s, RELOAD_FETCH_REQ, &fetch, &d_u);
	unknown_two(expect_error(s, tell(&c, r->u), 12));
	c = craft_kinds(r, block);
	expect_answer(r->a, tell(&c, r->u), RELOAD_CONFIG_UPDATE_ANS);
	assert_non_null(reload_config_kind(reload_peer_config(r->u->peer), K_LATE));
	assert_int_equal(sequence_of(r->u), 7);
	c = craft_store(s, r->u, store);
	expect_answer(s, tell(&c, r->u), RELOAD_STORE_ANS);
	struct reload_status before, after;
	reload_peer_status(r->u->peer, &before);
	/* a newer document with one signer more: the Kind stays, and its data */
	struct net_document d = net_document(r->net);
	struct reload_id ids[] = { r->net->signer, id_at(0xbb) };
	d.draft.sequence = 8;
	d.draft.signers = ids;
	d.draft.signers_count = 2;
	c = craft_document(r, document_write(r->net, &d));
	expect_answer(r->a, tell(&c, r->u), RELOAD_CONFIG_UPDATE_ANS);
	assert_non_null(reload_config_kind(reload_peer_config(r->u->peer), K_LATE));
	reload_peer_status(r->u->peer, &after);
	assert_int_equal(after.values, before.values); /* its signer is one of the new document's */
	signer_goes(r, before.values);
	/* R-11.1-51: nobody knows it any more */
	c = craft_store(s, r->u, store);
	c.h.configuration_sequence = 9;
	expect_error(s, tell(&c, r->u), 12);
}

static void with_branching(struct ring *r, uint16_t sequence, uint32_t factor)
{
	struct reload_kind kind = *reload_kind_registered(RELOAD_KIND_REDIR, NULL);
	kind.max_count = 100;
	kind.max_size = 200;
	kind.branching_factor = factor;
	char *element = reload_kind_element(&kind);
	const char *elements[] = { element };
	struct net_document d = net_document(r->net);
	d.draft.sequence = sequence;
	d.draft.kind_elements = elements;
	d.draft.kind_elements_count = 1;
	AUTO(reload_config) config = document_parse(document_write(r->net, &d));
	reload_peer_configure(r->u->peer, config);
	free(element);
}

/* R7374-26: with another branching factor all records are in wrong places, and are dropped */
static void another_branching_factor(void **state)
{
	struct ring *r = *state;
	struct reload_status s;
	struct reload_stored_entry e = { .received = RELOAD_SIM_EPOCH,
		.certificates = span_str("certificate"),
		.data = { .storage_time = RELOAD_SIM_EPOCH,
			.lifetime = 86400,
			.value = { .model = RELOAD_MODEL_DICTIONARY, .exists = true } } };
	e.data.value.key = reload_id_span(&r->a->id);
	struct reload_store_change change = { RELOAD_KIND_REDIR, 1, &e, 1 };
	struct reload_store_batch batch = { r->u->id, &change, 1, e.received };
	with_branching(r, 8, 10);
	reload_peer_status(r->u->peer, &s);
	size_t before = s.values;
	assert_int_equal(r->u->storage->ops->commit(r->u->storage, &batch, NULL, NULL), RELOAD_OK);
	with_branching(r, 9, 10);
	reload_peer_status(r->u->peer, &s);
	assert_int_equal(s.values, before + 1);
	with_branching(r, 10, 4);
	reload_peer_status(r->u->peer, &s);
	assert_int_equal(s.values, before);
}

/* A kind-block that is there already changes nothing; one for a Kind of the document neither, and is not heard for ever. */
static void kinds_again(void **state)
{
	struct ring *r = *state;
	AUTO(reload_config) other = NULL;
	AUTO(reload_config) changed = NULL;
	struct craft c = craft_kinds(r, late_block(r->net, net_document(r->net), &other));
	expect_answer(r->a, tell(&c, r->u), RELOAD_CONFIG_UPDATE_ANS);
	assert_int_equal(r->u->configured, 1);
	for (int i = 0; i < 50; i++) {
		c = craft_kinds(r, reload_config_kind(other, K_LATE)->block);
		expect_answer(r->a, tell(&c, r->u), RELOAD_CONFIG_UPDATE_ANS);
	}
	assert_int_equal(r->u->configured, 1);
	struct net_document d = net_document(r->net);
	struct reload_kind kind = *reload_config_kind(r->net->config, K_VALUE);
	uint32_t size = kind.max_size;
	kind.max_size = 9;
	char *element = reload_kind_element(&kind);
	const char *elements[] = { element };
	d.draft.kind_elements = elements;
	d.draft.kind_elements_count = 1;
	changed = document_parse(document_write(r->net, &d));
	free(element);
	for (int i = 0; i < 50; i++) {
		c = craft_kinds(r, reload_config_kind(changed, K_VALUE)->block);
		uint64_t id = tell(&c, r->u);
		if (i < 16)
			expect_answer(r->a, id, RELOAD_CONFIG_UPDATE_ANS);
		else
			expect_silence(r->a, id);
	}
	assert_int_equal(r->u->configured, 1);
	assert_int_equal(
		reload_config_kind(reload_peer_config(r->u->peer), K_VALUE)->max_size, size);
}

static void kinds_refused(void **state)
{
	struct ring *r = *state;
	struct reload_id other_id = id_at(0xbb);
	AUTO(reload_cert)
	cert = reload_sim_cert("other@" RELOAD_SIM_OVERLAY, RELOAD_SIM_OVERLAY, &other_id);
	AUTO(reload_key) key = reload_sim_key(cert);
	AUTO(reload_config) other = NULL;
	struct net_document foreign = net_document(r->net);
	foreign.draft.signers = &other_id;
	foreign.signer =
		(struct reload_config_signer){ .key = key, .cert = cert, .node = other_id };
	struct span block = late_block(r->net, foreign, &other);
	struct craft c = craft_kinds(r, block);
	/* R-6.5.4-06: not a kind-signer */
	expect_error(r->a, tell(&c, r->u), 2);
	c = craft_kinds(r, span_str("<kind-block>"));
	expect_error(r->a, tell(&c, r->u), 20);
	assert_null(reload_config_kind(reload_peer_config(r->u->peer), K_LATE));
	assert_int_equal(r->u->configured, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(requester_is_behind),
		ring_test(requester_is_ahead),
		cmocka_unit_test(numbers_wrap),
		cmocka_unit_test(a_ring_passes_the_wrap_on),
		cmocka_unit_test(an_update_of_any_number_is_taken),
		cmocka_unit_test(too_large_to_send),
		ring_test(newer_document),
		ring_test(documents_refused),
		ring_test(from_the_host),
		ring_test(kinds),
		ring_test(kinds_again),
		ring_test(another_branching_factor),
		ring_test(kinds_refused),
		cmocka_unit_test(numbers_that_jump),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
