/* The four access control policies for each signer, each place and each key, against the words of RFC 6940 s7.3. */
#include "storage_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum user {
	NO_USER,
	ALICE,
	BOB
};

/* The nodes of the fixture by number, for tables; multi is alice's too. */
enum node {
	NO_NODE,
	A,
	B,
	M1,
	M2
};

static const struct reload_id *id_of_node(const struct fixture *x, enum node n)
{
	static const struct reload_id none = { 0 };
	switch (n) {
	case A:
		return &x->node_a;
	case B:
		return &x->node_b;
	case M1:
		return &x->node_m[0];
	case M2:
		return &x->node_m[1];
	case NO_NODE:
		break;
	}
	return &none;
}

/* Who signs: a certificate of user with these nodes, in the name of node. */
struct signer_row {
	enum user user;
	enum node has[2], node;
};

static const struct signer_row signers[] = {
	{ ALICE, { A }, A }, { BOB, { B }, B }, { ALICE, { M1, M2 }, M1 },
	{ ALICE, { M1, M2 }, M2 },
	{ ALICE, { A }, B }, /* in the name of a node that the certificate does not have */
	{ BOB, { B }, A }, { NO_USER, { A }, A }, /* an authority has no user name */
	{ NO_USER, { NO_NODE }, A }               /* nobody: the certificate is not at hand */
};

/* A place: the Resource-ID of a user name, or of a Node-ID with i behind it (0: without). */
struct place_row {
	enum user user;
	enum node node;
	unsigned i;
};

static const struct place_row places[] = { { .user = ALICE }, { .user = BOB }, { .node = A },
	{ .node = B }, { .node = M1 }, { .node = M2 }, { .node = A, .i = 1 }, { .node = A, .i = 2 },
	{ .node = A, .i = 3 }, { .node = A, .i = 4 }, { .node = A, .i = 255 },
	{ .node = B, .i = 1 }, { .node = M2, .i = 3 }, { .node = M2, .i = 4 } };

static const enum node keys[] = { NO_NODE, A, B, M1, M2 };

static bool has(const struct signer_row *s, enum node n)
{
	return n != NO_NODE && (s->has[0] == n || s->has[1] == n);
}

/* What RFC 6940 s7.3.1 to s7.3.4 say. */
static bool permitted(
	uint32_t kind, const struct signer_row *s, const struct place_row *p, enum node key)
{
	bool known = s->has[0] != NO_NODE, own = has(s, s->node);
	bool user = known && s->user != NO_USER && p->user == s->user;
	switch (kind) {
	case K_SINGLE: /* R-7.3.1-01 */
		return user;
	case K_NODE: /* R-7.3.2-01 */
		return own && p->node == s->node && !p->i;
	case K_USER_NODE: /* R-7.3.3-01 R-7.3.3-02 */
		return user && own && key == s->node;
	default: /* R-7.3.4-01: K_MULTIPLE, up to 3 */
		return own && p->node == s->node && p->i >= 1 && p->i <= 3;
	}
}

static bool allowed(struct fixture *x, uint32_t kind, const struct signer_row *s,
	const struct place_row *p, enum node key)
{
	struct reload_id ids[2] = { *id_of_node(x, s->has[0]), *id_of_node(x, s->has[1]) };
	struct reload_cert cert = { .node_ids = ids,
		.node_ids_count = s->has[1] ? 2u : 1u,
		.user = s->user == ALICE ? x->alice.user
			: s->user == BOB ? x->bob.user
					 : NULL };
	struct reload_id at = p->user == ALICE ? x->at_alice
			      : p->user == BOB ? x->at_bob
					       : resource_of_node(id_of_node(x, p->node), p->i);
	struct reload_stored_value value = { .model = RELOAD_MODEL_DICTIONARY,
		.key = reload_id_span(id_of_node(x, key)) };
	struct reload_access a = { .kind = reload_config_kind(&x->config, kind),
		.resource = &at,
		.value = &value,
		.cert = s->has[0] ? &cert : NULL,
		.node = id_of_node(x, s->node),
		.resource_id = fixture_resource_id };
	return reload_access_allowed(&a);
}

static void every_combination(void **state)
{
	(void)state;
	static const uint32_t kinds[] = { K_SINGLE, K_NODE, K_USER_NODE, K_MULTIPLE };
	struct fixture x;
	size_t granted = 0;
	fixture_new(&x);
	for (size_t k = 0; k < COUNT_OF(kinds); k++)
		for (size_t s = 0; s < COUNT_OF(signers); s++)
			for (size_t p = 0; p < COUNT_OF(places); p++)
				for (size_t key = 0; key < COUNT_OF(keys); key++) {
					bool want = permitted(
						kinds[k], &signers[s], &places[p], keys[key]);
					granted += want;
					if (allowed(&x, kinds[k], &signers[s], &places[p],
						    keys[key]) != want)
						fail_msg("Kind %08x, signer %zu, place %zu, key %u",
							kinds[k], s, p, keys[key]);
				}
	/* few of them: each policy lets somebody in */
	assert_in_range(granted, 40, 120);
	fixture_clear(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_combination),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
