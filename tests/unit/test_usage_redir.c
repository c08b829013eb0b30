/* What a REDIR value means: its check before a Store, and how it is shown. */
#include "usage/usage.h"

#include "wire/redir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct reload_kind kind = { .id = RELOAD_KIND_REDIR, .branching_factor = 10 };
static const struct reload_config config = { .node_id_len = 16,
	.kinds = { .at = &kind, .count = 1 } };

static enum reload_err check(struct wr *w, const char *word)
{
	struct reload_error_text why = { 0 };
	enum reload_err err =
		reload_usage_find(RELOAD_KIND_REDIR)->check(wr_done(w), &config, &why);
	if (word)
		assert_non_null(strstr(why.reason, word));
	return err;
}

static void a_record_names_where_it_belongs(void **state)
{
	(void)state;
	struct reload_id id;
	struct wr w;
	assert_int_equal(reload_id_from_hex(&id, "be76331b95dfc399cd776d2fc68021e0"), RELOAD_OK);
	wr_init(&w);
	reload_redir_provider_write(
		&w, &id, span_str("turn-server"), reload_redir_place(&id, 10, 2));
	assert_int_equal(check(&w, NULL), RELOAD_OK);
	json_t *o = reload_usage_find(RELOAD_KIND_REDIR)->json(wr_done(&w), &config);
	assert_string_equal(json_string_value(json_object_get(o, "namespace")), "turn-server");
	json_decref(o);
	w.at[3] = 2; /* the route ends at a resource: at no provider */
	w.at[4] = 16;
	w.at[5] = 15;
	assert_int_equal(check(&w, "the last entry"), RELOAD_BAD_VALUE);
	w.len = 3;
	assert_int_equal(check(&w, "no RedirServiceProvider"), RELOAD_BAD_VALUE);
	assert_null(reload_usage_find(RELOAD_KIND_REDIR)->json(wr_done(&w), &config));
	w.len = 0;
	/* R7374-23 */
	reload_redir_provider_write(
		&w, &id, span_str("turn-server"), (struct reload_redir_place){ 2, 75 });
	assert_int_equal(check(&w, "does not contain"), RELOAD_BAD_VALUE);
	wr_clear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_names_where_it_belongs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
