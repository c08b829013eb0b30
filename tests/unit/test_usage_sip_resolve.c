#include "usage/sip_resolve.h"

#include "usage/sip_prefs.h"
#include "util/text.h"

#include "ident_util.h"

#include <stdio.h>

#define NODE_C "56780000000000000000000000000002"
#define NODE_D "12340000000000000000000000000001"

static struct reload_kind kind;
static struct reload_config config = { .node_id_len = 16, .instance_name = (char *)"dht.example" };

static int setup(void **state)
{
	(void)state;
	kind = *reload_kind_registered(RELOAD_KIND_SIP_REGISTRATION, NULL);
	kind.domains_restricted = true;
	kind.domains = span_of("dht\\.example", 13);
	config.kinds.at = &kind;
	config.kinds.count = 1;
	return 0;
}

static struct reload_sip_resolve *begin(const char *text)
{
	struct reload_sip_resolve *r;
	assert_int_equal(reload_sip_resolve_new(&r, &config, text, NULL), RELOAD_OK);
	return r;
}

/* A registration as it is fetched: to a node with preferences, or (prefs NULL) to another AOR. */
struct entry {
	const char *to, *prefs;
};

static void answer(
	struct reload_sip_resolve *r, const char *name, const struct entry *entries, size_t count)
{
	struct wire_ctx ctx = reload_config_wire_ctx(&config);
	struct wr w[40];
	struct span values[40];
	assert_string_equal(reload_sip_resolve_next(r), name);
	for (size_t i = 0; i < count; i++) {
		wr_init(&w[i]);
		if (entries[i].prefs) {
			struct reload_id id = id_of(entries[i].to);
			struct reload_destination to = reload_dest_node(&id);
			reload_sip_route(&w[i], &ctx, &to, 1, span_str(entries[i].prefs));
		} else {
			assert_int_equal(reload_sip_forward(&w[i], entries[i].to), RELOAD_OK);
		}
		values[i] = wr_done(&w[i]);
	}
	reload_sip_resolve_answer(r, values, count);
	for (size_t i = 0; i < count; i++)
		wr_clear(&w[i]);
}

#define ANSWER(r, name, ...)                                                                       \
	answer(r, name, (const struct entry[]){ __VA_ARGS__ },                                     \
		COUNT_OF(((const struct entry[]){ __VA_ARGS__ })))

static const struct reload_sip_target *target(
	const struct reload_sip_resolve *r, size_t i, size_t of)
{
	size_t count;
	const struct reload_sip_target *t = reload_sip_targets(r, &count);
	assert_int_equal(count, of);
	return &t[i];
}

static enum reload_sip_aor_state state_of(const struct reload_sip_resolve *r, size_t i)
{
	size_t count;
	const struct reload_sip_aor *a = reload_sip_aors(r, &count);
	assert_true(i < count);
	return a[i].state;
}

static void several_devices_are_targets(void **state)
{
	(void)state;
	struct reload_sip_resolve *r = begin("SIP:bob@DHT.example");
	ANSWER(r, "bob@dht.example", { NODE_D, "" }, { NODE_C, "(sip.schemes=SIPS)" });
	/* R7904-3, R7904-17 */
	struct reload_id d = id_of(NODE_D), c = id_of(NODE_C);
	assert_true(reload_id_eq(&target(r, 0, 2)->node, &d));
	assert_true(reload_id_eq(&target(r, 1, 2)->node, &c));
	assert_int_equal(target(r, 0, 2)->schemes, RELOAD_SCHEMES_BOTH);
	/* R7904-25 */
	assert_int_equal(target(r, 1, 2)->schemes, RELOAD_SCHEME_SIPS);
	assert_null(reload_sip_resolve_next(r));
	assert_int_equal(state_of(r, 0), RELOAD_SIP_FETCHED);
	reload_sip_resolve_free(r);
}

static void a_gruu_is_taken_without_a_fetch(void **state)
{
	(void)state;
	struct reload_sip_resolve *r = begin("sip:bob@dht.example;gr=ARASNAAAAAAAAAAAAAAAAAAB");
	struct reload_id d = id_of(NODE_D);
	/* R7904-15, R7904-31 */
	assert_null(reload_sip_resolve_next(r));
	assert_true(reload_id_eq(&target(r, 0, 1)->node, &d));
	assert_true(target(r, 0, 1)->gruu);
	reload_sip_resolve_free(r);
	/* of another domain, or of another form: ordinary SIP */
	static const char *const others[] = { "bob@other.example;gr=ARASNAAAAAAAAAAAAAAAAAAB",
		"bob@dht.example;gr=urn:uuid:1" };
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		r = begin(others[i]);
		assert_null(reload_sip_resolve_next(r));
		target(r, 0, 0);
		assert_int_equal(state_of(r, 0), RELOAD_SIP_EXTERNAL);
		reload_sip_resolve_free(r);
	}
}

static void a_domain_that_is_not_hosted_is_external(void **state)
{
	(void)state;
	struct reload_sip_resolve *r = begin("bob@other.example");
	/* R7904-15 */
	assert_null(reload_sip_resolve_next(r));
	assert_int_equal(state_of(r, 0), RELOAD_SIP_EXTERNAL);
	reload_sip_resolve_free(r);
	r = begin("bob@dht.example");
	ANSWER(r, "bob@dht.example", { "carol@other.example", NULL }, { NODE_D, "" });
	assert_null(reload_sip_resolve_next(r));
	assert_int_equal(state_of(r, 1), RELOAD_SIP_EXTERNAL);
	target(r, 0, 1);
	reload_sip_resolve_free(r);
}

static void aors_are_dereferenced(void **state)
{
	(void)state;
	struct reload_sip_resolve *r = begin("a@dht.example");
	ANSWER(r, "a@dht.example", { "b@dht.example", NULL },
		{ "c@dht.example;gr=ARASNAAAAAAAAAAAAAAAAAAB", NULL });
	ANSWER(r, "b@dht.example", { "sips:c@dht.example", NULL });
	/* a circle, and a device that is known as a GRUU already */
	ANSWER(r, "c@dht.example", { "A@dht.example", NULL }, { "a@dht.example", NULL },
		{ NODE_D, "" }, { NODE_C, "" });
	answer(r, "A@dht.example", NULL, 0);
	assert_null(reload_sip_resolve_next(r));
	/* R7904-17: equal lists are one target; SIPS alone wins, also when only the way there said so */
	assert_true(target(r, 0, 2)->gruu);
	assert_int_equal(target(r, 0, 2)->schemes, RELOAD_SCHEME_SIPS);
	assert_int_equal(target(r, 1, 2)->schemes, RELOAD_SCHEME_SIPS);
	assert_int_equal(state_of(r, 4), RELOAD_SIP_ABSENT);
	reload_sip_resolve_free(r);
}

static void what_cannot_be_read_is_skipped(void **state)
{
	(void)state;
	static const uint8_t unknown[] = { 9, 0, 1, 0 }, broken[] = { 2, 0, 1 };
	struct reload_sip_resolve *r = begin("a@dht.example");
	struct span values[] = { span_of(unknown, sizeof(unknown)), span_of(broken, sizeof(broken)),
		span_of(NULL, 0) };
	reload_sip_resolve_answer(r, values, COUNT_OF(values));
	/* R7904-2: other types are for others */
	assert_int_equal(state_of(r, 0), RELOAD_SIP_ABSENT);
	assert_null(reload_sip_resolve_next(r));
	reload_sip_resolve_answer(r, values, COUNT_OF(values)); /* nothing was asked */
	reload_sip_resolve_free(r);
}

static void chains_have_an_end(void **state)
{
	(void)state;
	struct reload_sip_resolve *r = begin("u0@dht.example");
	char name[32], next[32];
	unsigned fetched = 0;
	for (unsigned i = 0; reload_sip_resolve_next(r); i++, fetched++) {
		snprintf(name, sizeof(name), "u%u@dht.example", i);
		snprintf(next, sizeof(next), "u%u@dht.example", i + 1);
		ANSWER(r, name, { next, NULL });
	}
	/* R7904-35 */
	assert_int_equal(fetched, RELOAD_SIP_DEPTH_MAX + 1);
	assert_int_equal(state_of(r, RELOAD_SIP_DEPTH_MAX + 1), RELOAD_SIP_TOO_DEEP);
	reload_sip_resolve_free(r);
}

/* C20 */
static void trees_have_an_end(void **state)
{
	(void)state;
	struct reload_sip_resolve *r = begin("u@dht.example");
	char names[40][32];
	struct entry entries[40];
	for (unsigned i = 0; i < 40; i++) {
		snprintf(names[i], sizeof(names[i]), "u%u@dht.example", i);
		entries[i] = (struct entry){ names[i], NULL };
	}
	answer(r, "u@dht.example", entries, 40);
	unsigned fetched = 1;
	for (const char *name; (name = reload_sip_resolve_next(r)); fetched++)
		answer(r, name, entries, 40);
	assert_int_equal(fetched, RELOAD_SIP_AORS_MAX);
	reload_sip_resolve_free(r);
	r = begin("u@dht.example");
	for (unsigned i = 0; i < 40; i++) {
		snprintf(names[i], sizeof(names[i]), "u%u@other.example", i);
	}
	answer(r, "u@dht.example", entries, 40);
	size_t count;
	reload_sip_aors(r, &count);
	assert_int_equal(count, 1 + RELOAD_SIP_EXTERNAL_MAX);
	reload_sip_resolve_free(r);
	char hex[40][33];
	r = begin("u@dht.example");
	for (unsigned i = 0; i < 40; i++) {
		snprintf(hex[i], sizeof(hex[i]), "12340000000000000000000000000%03u", i);
		entries[i] = (struct entry){ hex[i], "" };
	}
	answer(r, "u@dht.example", entries, 40);
	target(r, 0, RELOAD_SIP_TARGETS_MAX);
	reload_sip_resolve_free(r);
}

static void other_texts_are_refused(void **state)
{
	(void)state;
	static const char *const rows[] = { "bob", "tel:+1", "" };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_sip_resolve *r = NULL;
		struct reload_error_text why = { 0 };
		assert_int_equal(reload_sip_resolve_new(&r, &config, rows[i], &why), RELOAD_USAGE);
		assert_string_equal(why.advice, "alice@dht.example");
	}
	reload_sip_resolve_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_devices_are_targets),
		cmocka_unit_test(a_gruu_is_taken_without_a_fetch),
		cmocka_unit_test(a_domain_that_is_not_hosted_is_external),
		cmocka_unit_test(aors_are_dereferenced),
		cmocka_unit_test(what_cannot_be_read_is_skipped),
		cmocka_unit_test(chains_have_an_end),
		cmocka_unit_test(trees_have_an_end),
		cmocka_unit_test(other_texts_are_refused),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
