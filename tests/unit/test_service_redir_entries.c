/* Which values of an answer are records of providers: a storing peer may return others (digest of RFC 7374, section 5.3). */
#include "service/redir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define SERVICE span_str("turn-server")

struct value {
	struct reload_fetched f;
	struct reload_stored_data data;
	struct wr record;
	struct reload_redir_place place;
};

static void value_init(struct value *v, struct reload_redir_place named)
{
	*v = (struct value){ .f = { .kind = RELOAD_KIND_REDIR } };
	assert_int_equal(
		reload_id_from_hex(&v->f.signer, "be76331b95dfc399cd776d2fc68021e0"), RELOAD_OK);
	v->place = reload_redir_place(&v->f.signer, 10, 2);
	wr_init(&v->record);
	reload_redir_provider_write(
		&v->record, &v->f.signer, SERVICE, named.level ? named : v->place);
	v->data.lifetime = 1;
	v->data.value = (struct reload_stored_value){ .model = RELOAD_MODEL_DICTIONARY,
		.exists = true,
		.key = reload_id_span(&v->f.signer),
		.value = wr_done(&v->record) };
	v->f.data = &v->data;
}

static bool counts(struct value *v)
{
	struct reload_redir_entry e;
	bool good = reload_redir_entry_read(&e, &v->f, SERVICE, v->place, 10);
	if (good) {
		assert_true(reload_id_eq(&e.node, &v->f.signer));
		assert_int_equal(e.destination_list.len, 18);
	}
	wr_clear(&v->record);
	return good;
}

/* E07, E16: a storing peer that lies is not believed */
static void what_counts(void **state)
{
	static const struct reload_redir_place own = { 0 };
	struct value v;
	(void)state;
	value_init(&v, own);
	assert_true(counts(&v));
	value_init(&v, own);
	v.f.err = RELOAD_BAD_SIGNATURE; /* R7374-28 */
	assert_false(counts(&v));
	value_init(&v, own);
	v.f.synthetic = true;
	assert_false(counts(&v));
	value_init(&v, own);
	v.data.lifetime = 0; /* R7374-12: a storing peer that does not drop what has expired */
	assert_false(counts(&v));
	value_init(&v, own);
	v.data.value.exists = false; /* R7374-29: a removal */
	assert_false(counts(&v));
	value_init(&v, own);
	v.data.value.key.len--;
	assert_false(counts(&v));
	value_init(&v, own);
	v.f.signer.at[15] ^= 1; /* R7374-22: another node's */
	assert_false(counts(&v));
	value_init(&v, own);
	v.record.at[20] ^= 1; /* the route ends at a victim */
	assert_false(counts(&v));
	value_init(&v, own);
	v.record.at[23] = 'T'; /* another service */
	assert_false(counts(&v));
	/* R7374-24: of other tree nodes, as the other one would be at its Resource-ID */
	value_init(&v, (struct reload_redir_place){ 1, 7 });
	assert_false(counts(&v));
	value_init(&v, (struct reload_redir_place){ 2, 75 });
	assert_false(counts(&v));
	/* deeper than the tree is: b = 10 has levels 0 to 4 */
	value_init(&v, (struct reload_redir_place){ 5, 0 });
	v.place = (struct reload_redir_place){ 5, 0 };
	assert_false(counts(&v));
	/* R7374-23: a tree node that does not contain it */
	value_init(&v, (struct reload_redir_place){ 2, 75 });
	v.place.node = 75;
	assert_false(counts(&v));
	value_init(&v, own);
	v.data.value.value.len--;
	assert_false(counts(&v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
