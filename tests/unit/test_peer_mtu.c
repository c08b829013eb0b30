/* Links of several types: fragments for those over UDP, and which types an Attach offers and dials (RFC 6940 s6.7, s6.5.1). */
#include "engine_attach.h"

enum {
	MTU = 1164,
	MARGIN = 32, /* for what the next links add */
	TLS = RELOAD_LINK_BIT(RELOAD_TLS_TCP_FH_NO_ICE),
	DTLS = RELOAD_LINK_BIT(RELOAD_DTLS_UDP_SR_NO_ICE)
};

/* -- fragments ------------------------------------------------------------------------------------------------------ */

/* sent() has u ping b with that much padding, and counts the packets that b gets and their bytes, of the largest too. */
static size_t sent(struct ring *r, size_t padding, size_t *largest)
{
	struct reload_destination to = dest(r->b);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct outcome *o = outcome_new(r->net);
	struct packet *p;
	enum reload_err err;
	size_t count = 0;
	forget(r->b);
	struct reload_request *request =
		reload_peer_ping(r->u->peer, &target, padding, outcome_fn, o, &err);
	assert_non_null(request);
	net_settle(r->net);
	*largest = 0;
	TAILQ_FOREACH (p, &r->b->inbox, entry) {
		*largest = p->len > *largest ? p->len : *largest;
		count++;
	}
	reload_request_cancel(r->u->peer, request);
	return count;
}

/* R-6.7-06: a message that fits travels whole; of one that does not, no fragment fills the datagram */
static void messages_above_the_mtu_are_cut(void **state)
{
	(void)state;
	struct net *net = net_new();
	net->mtu = MTU;
	struct ring *r = ring_new_in(net, NULL);
	size_t largest, whole;
	assert_int_equal(sent(r, 0, &whole), 1);
	assert_in_range(whole, 1, MTU - 100);
	assert_int_equal(sent(r, MTU - MARGIN + 1 - whole, &largest), 1);
	assert_int_equal(largest, MTU - MARGIN + 1);
	assert_int_equal(sent(r, MTU - whole, &largest), 1);
	assert_int_equal(largest, MTU);
	assert_int_equal(sent(r, MTU + 1 - whole, &largest), 2);
	assert_in_range(largest, 1, MTU - MARGIN);
	size_t most = 0;
	for (size_t size = MTU + 1; size < 3 * MTU; size += 16) {
		assert_in_range(sent(r, size - whole, &largest), 2, 4);
		assert_in_range(largest, 1, MTU - MARGIN);
		most = largest > most ? largest : most;
	}
	assert_in_range(
		most, MTU - MARGIN - 16, MTU - MARGIN); /* and none is smaller for nothing */
	void *end = r;
	ring_teardown(&end);
}

static void links_without_mtu_carry_all(void **state)
{
	struct ring *r = *state;
	size_t largest;
	assert_int_equal(sent(r, 4000, &largest), 1);
	assert_true(largest > 4000);
}

/* -- Attach ----------------------------------------------------------------------------------------------------------- */

/* dialled() returns how many targets u dialled when c offered these link types for its one address. */
static size_t dialled(struct ring *r, enum reload_link_type first, enum reload_link_type second)
{
	struct attach_form f;
	struct reload_destination to = dest(r->u);
	r->u->types = TLS | DTLS;
	attach_of(&f, r->c, "passive");
	f.candidates[0].overlay_link = (uint8_t)first;
	f.candidates[1].overlay_link = (uint8_t)second;
	f.body.candidates_count = 2;
	struct craft c = craft(r->c, RELOAD_ATTACH_REQ, &f.body, &to);
	expect_answer(r->b, through_b(r, &c), RELOAD_ATTACH_ANS);
	return r->u->dialled_count;
}

/* LINK-15: two candidates of one address are one target, for whichever type comes up first */
static void an_address_of_both_types_is_one_target(void **state)
{
	struct ring *r = *state;
	assert_int_equal(dialled(r, RELOAD_DTLS_UDP_SR_NO_ICE, RELOAD_TLS_TCP_FH_NO_ICE), 1);
	assert_int_equal(r->u->dialled[0].types, TLS | DTLS);
	assert_int_equal(r->u->dialled[0].at.addr[3], r->c->index);
}

/* what is offered for DTLS only is dialled with DTLS only */
static void an_address_of_one_type_is_dialled_with_it(void **state)
{
	struct ring *r = *state;
	assert_int_equal(dialled(r, RELOAD_DTLS_UDP_SR_NO_ICE, RELOAD_DTLS_UDP_SR_NO_ICE), 1);
	assert_int_equal(r->u->dialled[0].types, DTLS);
}

/* who takes links of another type only is told so */
static void no_type_in_common(void **state)
{
	struct ring *r = *state;
	struct attach_form f;
	struct reload_destination to = dest(r->u);
	r->u->types = TLS;
	attach_of(&f, r->c, "passive");
	f.candidates[0].overlay_link = RELOAD_DTLS_UDP_SR_NO_ICE;
	f.body.candidates_count = 1;
	struct craft c = craft(r->c, RELOAD_ATTACH_REQ, &f.body, &to);
	struct reload_msg *m = expect_error(r->b, through_b(r, &c), 20);
	text_is(m->body.error.error_info, "no link type in common");
	assert_int_equal(r->u->dialled_count, 0);
}

/* R-6.5.1.1-04: a candidate for each type in which it listens, that of TLS first */
static void each_type_is_offered(void **state)
{
	struct ring *r = *state;
	r->u->types = TLS | DTLS;
	struct craft c = craft_attach(r->c, r->u);
	struct reload_msg *m = expect_answer(r->b, through_b(r, &c), RELOAD_ATTACH_ANS);
	assert_int_equal(m->body.attach.candidates_count, 2);
	const struct reload_ice_candidate *own = m->body.attach.candidates;
	assert_int_equal(own[0].overlay_link, RELOAD_TLS_TCP_FH_NO_ICE);
	assert_int_equal(own[1].overlay_link, RELOAD_DTLS_UDP_SR_NO_ICE);
	assert_int_equal(own[1].addr_port.addr[3], r->u->index);
	assert_int_equal(own[1].type, RELOAD_CAND_HOST);
}

static void dtls_alone_is_offered(void **state)
{
	struct ring *r = *state;
	struct attach_form f;
	struct reload_destination to = dest(r->u);
	r->u->types = DTLS;
	attach_of(&f, r->c, "passive");
	f.candidates[0].overlay_link = RELOAD_DTLS_UDP_SR_NO_ICE;
	struct craft c = craft(r->c, RELOAD_ATTACH_REQ, &f.body, &to);
	struct reload_msg *m = expect_answer(r->b, through_b(r, &c), RELOAD_ATTACH_ANS);
	assert_int_equal(m->body.attach.candidates_count, 1);
	assert_int_equal(m->body.attach.candidates[0].overlay_link, RELOAD_DTLS_UDP_SR_NO_ICE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_above_the_mtu_are_cut),
		ring_test(links_without_mtu_carry_all),
		ring_test(an_address_of_both_types_is_one_target),
		ring_test(an_address_of_one_type_is_dialled_with_it),
		ring_test(no_type_in_common),
		ring_test(each_type_is_offered),
		ring_test(dtls_alone_is_offered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
