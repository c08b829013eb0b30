/* init: the Kinds by which services are found.  --services: REDIR (RFC 7374), with a branching factor and limits for an expected number of providers. */
#include "reload-enroll/enroll.h"

#include "wire/limits.h"
#include "wire/redir.h"

enum {
	RECORD_MAX =
		384, /* bytes of a value: a namespace of 255, and a Destination List of a few entries */
	ENTRY_BYTES =
		1000, /* of an answer for each provider: stored value with signature, and certificate */
	MESSAGE_BYTES = 2000, /* around them */
	ANSWER_MAX =
		64, /* providers in an answer: their certificates have 64 KiB together (RFC 6940 s6.3.4) */
	FACTOR_MAX =
		4, /* a root has 2 * 4^2 = 32 records at most, as many as a message has certificates of signers */
	MARGIN = 4 /* records that wait for their end after a mass registration, and removals */
};

const struct reload_kind enroll_turn_kind = {
	.id = RELOAD_KIND_TURN_SERVICE,
	.name = "TURN-SERVICE",
	.model = RELOAD_MODEL_SINGLE,
	.access = RELOAD_ACCESS_NODE_MULTIPLE,
	.max_count = 1,
	.max_size = 64,
	.max_node_multiple = 20,
};

/* The most records of a tree node at rest: of the root, or of one at the level where walks begin (digest of RFC 7374, section 14). */
static uint64_t crowd(uint64_t providers, uint64_t factor)
{
	uint64_t root = 2 * factor * factor, start = providers / (factor * factor) + 1;
	return root > start ? root : start;
}

_Static_assert(2 * FACTOR_MAX * FACTOR_MAX <= RELOAD_LIMIT_CERTIFICATES,
	"a searcher verifies no record whose certificate was left out");

enum reload_err enroll_services_read(
	struct enroll_services *s, const struct cli *cli, struct reload_error_text *why)
{
	uint64_t providers = 0;
	enum reload_err err = cli_number(cli, "services", 0, 1, 1000000, &providers, why);
	if (err || !providers)
		return err;
	uint32_t factor = RELOAD_REDIR_BRANCHING_MIN;
	for (uint32_t f = factor; f <= FACTOR_MAX; f++)
		if (crowd(providers, f) < crowd(providers, factor))
			factor = f;
	uint64_t records = crowd(providers, factor), most = MARGIN * records;
	uint64_t answer = 2 * records < ANSWER_MAX ? 2 * records : ANSWER_MAX;
	*s = (struct enroll_services){ .providers = (uint32_t)providers,
		.records = (uint32_t)records,
		.message_size = (uint32_t)(answer * ENTRY_BYTES + MESSAGE_BYTES) };
	s->kind = *reload_kind_registered(RELOAD_KIND_REDIR, NULL);
	s->kind.branching_factor = factor;
	s->kind.max_count = (uint32_t)(most < RELOAD_LIMIT_VALUES ? most : RELOAD_LIMIT_VALUES);
	s->kind.max_size = RECORD_MAX;
	return RELOAD_OK;
}

json_t *enroll_services_json(const struct enroll_services *s)
{
	if (!s->providers)
		return json_null();
	return json_pack("{s:I, s:I, s:I, s:I}", "providers", (json_int_t)s->providers,
		"branching_factor", (json_int_t)s->kind.branching_factor, "records",
		(json_int_t)s->records, "max_count", (json_int_t)s->kind.max_count);
}

static long long number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

void enroll_services_print(FILE *out, const json_t *result)
{
	const json_t *s = json_object_get(result, "services");
	if (!json_is_null(s))
		fprintf(out,
			"  services       %lld branches, %lld provider%s in the fullest node of "
			"the tree, messages of %lld bytes\n",
			number(s, "branching_factor"), number(s, "records"),
			cli_plural(number(s, "records")), number(result, "max_message_size"));
}
