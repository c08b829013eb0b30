/* The Connection Table and the names of its slots. */
#include "ident/key.h"
#include "sim/ident.h"

#include "connection/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void fill(void *arg, void *out, size_t len)
{
	memset(out, *(int *)arg, len);
}

static struct reload_id id(uint8_t first)
{
	return (struct reload_id){ .len = 16, .at = { first } };
}

static struct reload_connection *add(struct reload_connections *c, uint32_t link, uint8_t first)
{
	struct reload_id node = id(first);
	AUTO(reload_cert)
	cert = reload_sim_cert("user@" RELOAD_SIM_OVERLAY, RELOAD_SIM_OVERLAY, &node);
	return reload_connection_add(c, link, cert, 5);
}

static void found_again(void **state)
{
	(void)state;
	int seed = 0;
	AUTO(reload_connections) c = reload_connections_new(10, fill, &seed);
	struct reload_id a = id('a'), b = id('b'), none = id('n');
	struct reload_connection *first = add(c, 7, 'a'), *second = add(c, 0x80000001, 'b'),
				 *twin = add(c, 3, 'a');
	assert_ptr_equal(reload_connection_by_link(c, 7), first);
	assert_ptr_equal(reload_connection_by_link(c, 0x80000001), second);
	assert_null(reload_connection_by_link(c, 8));
	/* two links to one node: the oldest is used */
	assert_ptr_equal(reload_connection_by_node(c, &a), first);
	assert_ptr_equal(reload_connection_by_node(c, &b), second);
	assert_null(reload_connection_by_node(c, &none));
	/* in the order of link numbers */
	assert_ptr_equal(reload_connection_next(c, NULL), twin);
	assert_ptr_equal(reload_connection_next(c, twin), first);
	assert_ptr_equal(reload_connection_next(c, first), second);
	assert_null(reload_connection_next(c, second));
	reload_connection_remove(c, first);
	assert_ptr_equal(reload_connection_by_node(c, &a), twin);
	reload_connection_remove(c, twin);
	assert_null(reload_connection_by_node(c, &a));
	assert_int_equal(c->count, 1);
}

static void not_more_than_allowed(void **state)
{
	(void)state;
	int seed = 0;
	AUTO(reload_connections) c = reload_connections_new(2, fill, &seed);
	assert_non_null(add(c, 1, 'a'));
	struct reload_connection *second = add(c, 2, 'b');
	assert_null(add(c, 3, 'c'));
	reload_connection_remove(c, second);
	assert_non_null(add(c, 3, 'c'));
	AUTO(reload_connections) many = reload_connections_new(SIZE_MAX, fill, &seed);
	assert_int_equal(many->max, RELOAD_SLOTS);
}

static void several_node_ids(void **state)
{
	(void)state;
	int seed = 0;
	AUTO(reload_connections) c = reload_connections_new(10, fill, &seed);
	struct reload_id ids[] = { id('a'), id('b') };
	AUTO(reload_cert)
	cert = reload_sim_cert_of(&(struct reload_sim_cert_form){ .user = "u@" RELOAD_SIM_OVERLAY,
		.overlay = RELOAD_SIM_OVERLAY,
		.nodes = ids,
		.nodes_count = 2 });
	struct reload_connection *con = reload_connection_add(c, 1, cert, 0);
	struct reload_id single = id('s');
	/* R-6.1.2-12: a certificate with one Node-ID names the link, one with several does not */
	assert_true(reload_id_eq(&add(c, 2, 's')->node, &single));
	assert_int_equal(con->node.len, 0);
	assert_null(reload_connection_by_node(c, &ids[0]));
	reload_connection_bind(c, con, &ids[1]);
	assert_ptr_equal(reload_connection_by_node(c, &ids[1]), con);
	reload_connection_bind(c, con, &ids[0]);
	assert_ptr_equal(reload_connection_by_node(c, &ids[0]), con);
	assert_null(reload_connection_by_node(c, &ids[1]));
}

static unsigned name_of(struct reload_connections *c, struct reload_connection *con)
{
	uint8_t bytes[2];
	struct reload_destination d = reload_connection_opaque(c, con, bytes);
	assert_int_equal(d.type, RELOAD_DEST_OPAQUE);
	assert_true(d.short_form);
	assert_int_equal(d.opaque.len, 2);
	assert_ptr_equal(reload_connection_by_opaque(c, &d), con);
	return (unsigned)bytes[0] << 8 | bytes[1];
}

static struct reload_connection *by_name(struct reload_connections *c, unsigned name)
{
	uint8_t bytes[] = { (uint8_t)(name >> 8), (uint8_t)name };
	struct reload_destination d = { .type = RELOAD_DEST_OPAQUE, .opaque = span_of(bytes, 2) };
	return reload_connection_by_opaque(c, &d);
}

static void names_of_slots(void **state)
{
	(void)state;
	int seed = 0x55;
	AUTO(reload_connections) c = reload_connections_new(RELOAD_SLOTS, fill, &seed);
	struct reload_connection *first = add(c, 1, 'a');
	unsigned name = name_of(c, first);
	/* R-6.3.2.2-07 R-6.3.2.2-09: top bit, 12 bits of slot, 3 bits of generation */
	assert_int_equal(name >> 15, 1);
	assert_int_equal((name >> 3) & 0xfff, first->slot);
	/* R-6.3.2.2-08: the counter starts at random: 0x55 + 1 for the first use */
	assert_int_equal(name & 7, 0x56 & 7);
	reload_connection_remove(c, first);
	/* R-6.3.2.2-11 R-6.1.3-02 */
	assert_null(by_name(c, name));
	struct reload_connection *next = add(c, 2, 'b');
	/* R-6.3.2.2-10: in rotation; the slot that has just been freed comes last */
	assert_int_not_equal(next->slot, (name >> 3) & 0xfff);
	assert_null(by_name(c, name));
	/* names that cannot be ours */
	assert_null(by_name(c, 0x8000 | 4000 << 3)); /* a slot that was never used */
	assert_null(by_name(c, name_of(c, next) & 0x7fff));
	assert_null(by_name(c, name_of(c, next) ^ 1));
	struct reload_destination odd[] = {
		{ .type = RELOAD_DEST_OPAQUE, .opaque = span_of("\x80", 1) },
		{ .type = RELOAD_DEST_OPAQUE, .opaque = span_of("\x80\0\0", 3) },
		{ .type = RELOAD_DEST_OPAQUE, .opaque = span_of(NULL, 0) },
		{ .type = RELOAD_DEST_NODE, .node = next->node, .opaque = span_of("\x80\0", 2) },
	};
	for (size_t i = 0; i < COUNT_OF(odd); i++)
		assert_null(reload_connection_by_opaque(c, &odd[i]));
}

static void generations_wrap(void **state)
{
	(void)state;
	int seed = 0xff;
	AUTO(reload_connections) c = reload_connections_new(RELOAD_SLOTS, fill, &seed);
	unsigned last = 0;
	uint32_t link = 1;
	/* all slots but one stay in use: the same one is used again and again */
	for (; link < RELOAD_SLOTS; link++)
		assert_non_null(add(c, link, (uint8_t)(link % 200)));
	for (int i = 0; i < 20; i++) {
		struct reload_connection *con = add(c, link++, 'z');
		assert_int_equal(con->slot, RELOAD_SLOTS - 1);
		unsigned name = name_of(c, con);
		if (i) {
			assert_int_equal((last + 1) & 7, name & 7); /* R-6.3.2.2-10: with wrap */
			assert_null(by_name(c, last));
		}
		last = name;
		assert_null(add(c, 0xffff0000, 'y'));
		reload_connection_remove(c, con);
	}
}

/* R-6.2.1-07: a late answer is believed at once, sooner ones by and by; so one fast answer makes no slow node a fast one. */
static void how_late_a_node_answers(void **state)
{
	(void)state;
	struct reload_connection con = { 0 };
	reload_connection_answered(&con, 4100);
	assert_int_equal(con.answers_in, 4100);
	reload_connection_answered(&con, 100);
	assert_int_equal(con.answers_in, 3100);
	reload_connection_answered(&con, 3100);
	reload_connection_answered(&con, 5000);
	assert_int_equal(con.answers_in, 5000);
	for (unsigned i = 0; i < 40; i++)
		reload_connection_answered(&con, 40);
	assert_in_range(con.answers_in, 40, 43);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_again),
		cmocka_unit_test(not_more_than_allowed),
		cmocka_unit_test(several_node_ids),
		cmocka_unit_test(names_of_slots),
		cmocka_unit_test(generations_wrap),
		cmocka_unit_test(how_late_a_node_answers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
