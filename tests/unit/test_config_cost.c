/* What a newer document costs: who has to agree, and what is lost. */
#include "config_fixture.h"

#include "config/cost.h"

#define KIND(id, model, count, size)                                                               \
	"<kind id=\"" id "\"><data-model>" model                                                   \
	"</data-model><access-control>USER-MATCH</access-control><max-count>" count                \
	"</max-count><max-size>" size "</max-size></kind>"
#define NEXT "instance-name=\"" OVERLAY "\" sequence=\"23\" expiration=\"2044-01-01T00:00:00Z\""

/* All costs as lines "type what!" with the ! where consent is needed. */
static void collect(void *arg, const struct reload_config_cost *cost)
{
	char *all = arg;
	size_t used = strlen(all);
	assert_true(cost->why[0] && cost->what[0]);
	snprintf(all + used, 2048 - used, "%s %s%s\n", reload_cost_name(cost->type), cost->what,
		cost->consent ? "!" : "");
}

static struct reload_config *document(
	const char *attributes, const char *inner, const char *element, const struct party *signer)
{
	char *block = element ? kind_block(element, signer) : NULL;
	char *all = text_of("%s%s", SIGNERS, inner);
	struct reload_config *c = parsed(document_of(attributes, all, block, &one));
	free(all);
	free(block);
	return c;
}

static void costs(const char *expected, struct reload_config *before, struct reload_config *after)
{
	char all[2048] = "";
	reload_config_costs(after, before, collect, all);
	assert_string_equal(all, expected);
	reload_config_free(before);
	reload_config_free(after);
}

static void parameters(void **state)
{
	(void)state;
	static const struct {
		const char *before, *after, *costs;
	} rows[] = {
		{ "<initial-ttl>30</initial-ttl>",
			"<initial-ttl>40</initial-ttl><chord:chord-update-interval>9</"
			"chord:chord-update-interval>",
			"" },
		{ "", "<no-ice>true</no-ice>", "rejoin no-ice false to true!\n" },
		{ "", "<max-message-size>8000</max-message-size>",
			"service max-message-size 5000 to 8000!\n" },
		{ "", "<max-message-size>4000</max-message-size>",
			"data max-message-size 5000 to 4000!\n" },
		{ "", "<chord:chord-reactive>false</chord:chord-reactive>",
			"service chord-reactive true to false!\n" },
		{ "<clients-permitted>true</clients-permitted>",
			"<clients-permitted>false</clients-permitted>",
			"nodes clients-permitted true to false\n" },
		{ "<self-signed-permitted digest=\"sha1\">true</self-signed-permitted>", "",
			"nodes self-signed-permitted is removed!\n" },
		/* R-11.1-33: that was asked for by name */
		{ "<bad-node>" NODE_2 "</bad-node>",
			"<bad-node>" NODE_2 "</bad-node><bad-node>" NODE_3 "</bad-node>",
			"nodes bad-node " NODE_3 "\n" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		costs(rows[i].costs, document(ATTRIBUTES, rows[i].before, NULL, NULL),
			document(NEXT, rows[i].after, NULL, NULL));
}

static void kinds(void **state)
{
	(void)state;
	static const struct {
		const char *before, *after, *costs;
	} rows[] = {
		{ NULL, KIND("4026531841", "SINGLE", "1", "100"), "" },
		{ KIND("4026531841", "SINGLE", "1", "100"), NULL,
			"data Kind 0xf0000001 is removed!\n" },
		{ KIND("4026531841", "ARRAY", "9", "100"), KIND("4026531841", "ARRAY", "10", "200"),
			"" },
		{ KIND("4026531841", "ARRAY", "9", "100"), KIND("4026531841", "ARRAY", "8", "99"),
			"data Kind 0xf0000001: max-size 100 to 99!\n"
			"data Kind 0xf0000001: max-count 9 to 8!\n" },
		{ KIND("4026531841", "SINGLE", "1", "100"), KIND("4026531841", "ARRAY", "1", "100"),
			"data Kind 0xf0000001: SINGLE USER-MATCH to ARRAY USER-MATCH!\n" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		costs(rows[i].costs, document(ATTRIBUTES, "", rows[i].before, &one),
			document(NEXT, "", rows[i].after, &one));
}

/* R-11.1-51: a Kind that came by ConfigUpdate goes with its signer, and one whose signer stays does not. */
static void learned_kinds(void **state)
{
	(void)state;
	static const char signer_two[] = "<kind-signer>" NODE_2 "</kind-signer>";
	char *block = kind_block(KIND("4026531850", "SINGLE", "1", "9"), &two);
	struct span blocks[] = { span_str(block) };
	for (size_t i = 0; i < 2; i++) {
		AUTO(reload_config) plain = document(ATTRIBUTES, signer_two, NULL, NULL);
		struct reload_config *before = NULL;
		assert_int_equal(
			reload_config_with_kinds(&before, plain, blocks, 1, NOW, NULL), RELOAD_OK);
		costs(i ? "data Kind 0xf000000a is removed!\n" : "", before,
			document(NEXT, i ? "" : signer_two, NULL, NULL));
	}
	free(block);
}

/* B14 */
static void a_root_that_goes(void **state)
{
	(void)state;
	char *second = root_cert(&other_authority), expected[256];
	snprintf(expected, sizeof(expected),
		"nodes root-cert \"CN = Root 2\" %02x%02x%02x%02x%02x%02x%02x%02x is removed!\n",
		other_authority.cert->fingerprint[0], other_authority.cert->fingerprint[1],
		other_authority.cert->fingerprint[2], other_authority.cert->fingerprint[3],
		other_authority.cert->fingerprint[4], other_authority.cert->fingerprint[5],
		other_authority.cert->fingerprint[6], other_authority.cert->fingerprint[7]);
	costs(expected, document(ATTRIBUTES, second, NULL, NULL), document(NEXT, "", NULL, NULL));
	costs("", document(ATTRIBUTES, "", NULL, NULL), document(NEXT, second, NULL, NULL));
	free(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters),
		cmocka_unit_test(kinds),
		cmocka_unit_test(learned_kinds),
		cmocka_unit_test(a_root_that_goes),
	};
	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
