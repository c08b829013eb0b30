/* A newer document of the configuration in the simulator: who learns it, and who keeps it. */
#include "sim_net.h"

static unsigned sequence_of(struct net *r, size_t i)
{
	return reload_peer_config(reload_sim_node(r->s, i)->peer)->sequence;
}

/* RFC 6940 s6.5.4: the node that is behind is sent the document. */
static void a_neighbour_learns_it(void **state)
{
	struct net r;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ .configures = true });
	assert_int_equal(reload_sim_newest(r.s), 1);
	reload_sim_configure(r.s, A);
	assert_int_equal(reload_sim_newest(r.s), 2);
	assert_int_equal(sequence_of(&r, A), 2);
	assert_int_equal(sequence_of(&r, B), 1);
	later(&r, 2000);
	assert_int_equal(sequence_of(&r, B), 2);
	reload_sim_configure(r.s, B);
	later(&r, 2000);
	assert_int_equal(sequence_of(&r, A), 3);
	net_end(&r);
}

static void it_is_kept_and_caught_up(void **state)
{
	struct net r;
	(void)state;
	net_start(&r, (struct reload_sim_setup){ .configures = true });
	reload_sim_configure(r.s, A);
	later(&r, 2000);
	reload_sim_crash(r.s, B, RELOAD_SIM_PROCESS, false);
	reload_sim_configure(r.s, A);
	later(&r, 2000);
	reload_sim_start(r.s, B, false, RELOAD_ROLE_PEER, NULL, 0);
	assert_int_equal(sequence_of(&r, B), 2); /* what it had before it ended */
	later(&r, 60000);
	assert_int_equal(reload_sim_node(r.s, B)->state, RELOAD_STATE_JOINED);
	assert_int_equal(sequence_of(&r, B), 3);
	net_end(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_neighbour_learns_it),
		cmocka_unit_test(it_is_kept_and_caught_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
