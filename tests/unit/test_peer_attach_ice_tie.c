/* Attaches by ICE in both directions at once (RFC 6940 s6.5.1.2). */
#include "engine_ice.h"

static void the_unsent_one_yields(void **state)
{
	struct ring *r = *state;
	struct node *small = node_new(r->net, 0x10);
	struct ice_attach o;
	struct ice_link *own = ice_starts_to(r, &o, small);
	/* R-6.5.1.2-01: nobody knows of an Attach that was not sent, however the Node-IDs compare */
	uint64_t id = ice_asks(r, small);
	struct ice_link *l = ice_newest(r->u);
	assert_ptr_not_equal(l, own);
	assert_true(own->closed);
	ice_gathered(l);
	expect_answer(r->b, id, RELOAD_ATTACH_ANS);
	assert_int_equal(o.ended, 0);
	ice_up(l, small);
	/* LINK-11: completed by the other direction */
	assert_int_equal(o.ended, 1);
	assert_int_equal(o.err, RELOAD_OK);
	assert_int_equal(ice_open(r->u), 1);
}

static void tie_the_larger_goes_on(void **state)
{
	struct ring *r = *state;
	struct node *small = node_new(r->net, 0x10);
	struct ice_attach o;
	struct ice_link *own = ice_starts_to(r, &o, small);
	ice_gathered(own);
	size_t before = ice_links_count;
	/* R-6.5.1.2-05 R-6.5.1.2-03 R-6.3.3.1-18 */
	expect_error(r->b, ice_asks(r, small), 17);
	assert_int_equal(ice_links_count, before);
	assert_false(own->closed);
}

static void tie_the_smaller_yields(void **state)
{
	struct ring *r = *state;
	struct ice_attach o;
	struct ice_link *own = ice_starts_to(r, &o, r->c);
	ice_gathered(own);
	uint64_t sent = heard_code(r->b, RELOAD_ATTACH_REQ)->header.transaction_id;
	/* R-6.5.1.2-04 */
	uint64_t id = ice_asks(r, r->c);
	assert_true(own->closed);
	ice_gathered(ice_newest(r->u));
	expect_answer(r->b, id, RELOAD_ATTACH_ANS);
	net_pass(r->net, 4000);
	expect_silence(r->b, sent);
	ice_up(ice_newest(r->u), r->c);
	assert_int_equal(o.err, RELOAD_OK);
	assert_int_equal(o.ended, 1);
}

/* The own Attach was sent while the other's waited for candidates: what holds then counts. */
static void tie_after_the_gathering(void **state)
{
	struct ring *r = *state;
	struct node *small = node_new(r->net, 0x10);
	uint64_t id = ice_asks(r, small);
	struct ice_link *theirs = ice_newest(r->u);
	struct ice_attach o;
	struct ice_link *own = ice_starts_to(r, &o, small);
	ice_gathered(own);
	ice_gathered(theirs);
	/* R-6.5.1.2-05 */
	expect_error(r->b, id, 17);
	assert_true(theirs->closed);
	/* R-6.5.1.2-02: answered, checks are under way */
	struct ice_form f;
	ice_form(&f, small, "active");
	struct craft c =
		reply(small, heard_code(r->b, RELOAD_ATTACH_REQ), RELOAD_ATTACH_ANS, &f.body);
	say(r->b, r->u, craft_bytes(&c));
	assert_true(own->checked);
	expect_error(r->b, ice_asks(r, small), 17);
}

static void the_other_one_goes_on(void **state)
{
	struct ring *r = *state;
	struct ice_attach o;
	struct ice_link *own = ice_starts_to(r, &o, r->c);
	ice_gathered(own);
	struct reload_error_response e = { .error_code = 17 };
	struct craft c = reply(r->c, heard_code(r->b, RELOAD_ATTACH_REQ), RELOAD_ERROR, &e);
	say(r->b, r->u, craft_bytes(&c));
	/* LINK-11: it waits for the other's, and needs no candidates for that */
	assert_int_equal(o.ended, 0);
	assert_true(own->closed);
	ice_asks(r, r->c);
	ice_gathered(ice_newest(r->u));
	ice_up(ice_newest(r->u), r->c);
	assert_int_equal(o.ended, 1);
	assert_int_equal(o.err, RELOAD_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ice_test(the_unsent_one_yields),
		ice_test(tie_the_larger_goes_on),
		ice_test(tie_the_smaller_yields),
		ice_test(tie_after_the_gathering),
		ice_test(the_other_one_goes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
