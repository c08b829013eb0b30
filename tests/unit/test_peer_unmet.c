/* Documents that a node cannot meet: it leaves the overlay and says why (RFC 6940 s11.1). */
#include "engine_expect.h"

#include "config/internal.h"

static void a_document_that_cannot_be_met(void **state)
{
	struct ring *r = *state;
	struct net_document d = net_document(r->net);
	d.draft.sequence = 8;
	d.draft.no_ice = false;
	struct craft c = craft_document(r, document_write(r->net, &d));
	expect_answer(r->a, tell(&c, r->u), RELOAD_CONFIG_UPDATE_ANS);
	/* R-11.1-49 */
	assert_int_equal(r->u->state, RELOAD_STATE_LEAVING);
	assert_int_equal(r->u->events[RELOAD_EV_CONFIG_UNMET], 1);
	net_pass(r->net, 20000);
	assert_int_equal(r->u->state, RELOAD_STATE_ENROLLED);
}

static void leaves_because(struct ring *r, struct span document, const char *reason)
{
	struct craft c = craft_document(r, document);
	expect_error(r->a, tell(&c, r->u), 2);
	assert_int_equal(reload_peer_config(r->u->peer)->sequence, 7);
	/* R-11.1-49 R-6.5.4-09: it leaves, and says why */
	assert_int_equal(r->u->events[RELOAD_EV_CONFIG_UNMET], 1);
	assert_non_null(strstr(r->u->last[RELOAD_EV_CONFIG_UNMET].reason, reason));
	assert_int_equal(r->u->state, RELOAD_STATE_LEAVING);
}

/* R-11.1-27: a secret that is longer than what TLS-PSK takes here */
static void a_setting_that_would_not_be_kept(void **state)
{
	struct ring *r = *state;
	struct net_document d = net_document(r->net);
	d.draft.sequence = 8;
	char secret[RELOAD_SECRET_MAX + 2];
	memset(secret, 'x', sizeof(secret) - 1);
	secret[sizeof(secret) - 1] = 0;
	d.draft.shared_secret = secret;
	leaves_because(r, document_write(r->net, &d), "shared-secret");
}

/* The document of draft d after one element more was put in, signed as it is then. */
static struct span document_with(struct ring *r, const char *element, bool sign)
{
	struct net_document d = net_document(r->net);
	d.draft.sequence = 8;
	d.draft.kind_elements_count = 0;
	struct span plain = document_write(r->net, &d);
	const char *end = memmem(plain.at, plain.len, "<max-message-size>", 18);
	const char *close = memmem(plain.at, plain.len, "\n  <signature>", 14);
	const char *start = memmem(plain.at, plain.len, "<configuration ", 15);
	assert_true(end && close && start);
	struct wr w;
	wr_init(&w);
	wr_bytes(&w, plain.at, (size_t)(end - (const char *)plain.at));
	wr_span(&w, span_str(element));
	wr_bytes(&w, end, (size_t)(close - end));
	size_t from = (size_t)(start - (const char *)plain.at);
	struct bytes signed_bytes = bytes_copy(span_of(w.at + from, w.len - from));
	wr_span(&w, span_str("<signature>"));
	assert_int_equal(
		reload_config_sign(&w, &d.signer, bytes_span(signed_bytes), NULL), RELOAD_OK);
	wr_span(&w, span_str("</signature></overlay>"));
	if (!sign)
		w.at[from + 15]++;
	struct span out = reload_arena_copy(&r->net->arena, wr_done(&w));
	bytes_free(&signed_bytes);
	wr_clear(&w);
	return out;
}

static void an_extension_that_nobody_here_knows(void **state)
{
	struct ring *r = *state;
	static const char element[] = "<mandatory-extension>urn:example:new</mandatory-extension>";
	/* nobody else can make it leave */
	struct craft c = craft_document(r, document_with(r, element, false));
	assert_int_equal(heard(r->a, tell(&c, r->u))->code, RELOAD_ERROR);
	assert_int_equal(r->u->events[RELOAD_EV_CONFIG_UNMET], 0);
	assert_int_not_equal(r->u->state, RELOAD_STATE_LEAVING);
	/* R-11.1-34 */
	leaves_because(r, document_with(r, element, true), "urn:example:new");
}

static void a_kind_that_nobody_here_knows(void **state)
{
	struct ring *r = *state;
	/* R-11.1-37 */
	leaves_because(r,
		document_with(r,
			"<required-kinds><kind-block><kind name=\"NEWER\">"
			"<data-model>SINGLE</data-model><access-control>USER-MATCH"
			"</access-control><max-count>1</max-count><max-size>10</max-size></kind>"
			"<kind-signature>AAAA</kind-signature></kind-block></required-kinds>",
			true),
		"NEWER");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ring_test(a_document_that_cannot_be_met),
		ring_test(a_setting_that_would_not_be_kept),
		ring_test(an_extension_that_nobody_here_knows),
		ring_test(a_kind_that_nobody_here_knows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
