/* DTLS links over ICE, with a plug-in of the test in place of one that uses the network. */
#include "link_cast.h"
#include "link_fake_ice.h"

#include "link/ice_link_io.h"

static int clear_net(void **state)
{
	(void)state;
	memset(&net, 0, sizeof(net));
	return 0;
}

/* -- two nodes ------------------------------------------------------------------------------------------------------------------ */

static struct reload_links_setup tune = { .repeat_ms = 60000 };

static void start_node(struct node *n, const struct identity *who)
{
	struct reload_error_text why;
	node_start(n, loop, who, root.trust, tune);
	assert_int_equal(reload_links_use_ice(n->links, &fake_plugin, &why), RELOAD_OK);
}

/* a sends the request of the Attach: link 1 at a, link 2 at b */
static void gather_both(struct node *a, struct node *b)
{
	start_node(a, &alice);
	start_node(b, &bob);
	reload_links_gather(a->links, 1, &(struct reload_ice_gather){ .controlling = true });
	reload_links_gather(b->links, 2, &(struct reload_ice_gather){ 0 });
	TURN_UNTIL(loop, a->gathers && b->gathers);
}

static void check_from(struct node *from, uint32_t link, const struct node *to)
{
	reload_links_check(from->links, link,
		&(struct reload_ice_remote){
			to->ufrag, to->password, to->candidates, to->candidates_count });
}

static void start_pair(struct node *a, struct node *b)
{
	gather_both(a, b);
	check_from(b, 2, a);
	check_from(a, 1, b);
	TURN_UNTIL(loop, a->ups && b->ups);
}

static void stop_both(struct node *a, struct node *b)
{
	unsigned links = (unsigned)net.count;
	node_stop(a);
	node_stop(b);
	assert_int_equal(net.closes, links);
	assert_int_equal(net.ends, 2);
}

static bool all_acked(const struct node *n, uint32_t link)
{
	struct reload_link_info info;
	return reload_links_info(n->links, link, &info) && !info.unacked && !info.queued;
}

/* -- tests ------------------------------------------------------------------------------------------------------------------------ */

static void both_ends_are_known_and_the_path(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { .echo = true };
	struct reload_link_info info;
	start_pair(&a, &b);
	assert_true(reload_id_eq(&a.up_node, &bob.node));
	assert_true(reload_id_eq(&b.up_node, &alice.node));
	assert_int_equal(a.up_link, 1);
	assert_int_equal(b.up_link, 2);
	assert_true(reload_links_info(a.links, 1, &info));
	assert_int_equal(info.type, RELOAD_DTLS_UDP_SR);
	assert_string_equal(info.version, "DTLSv1.2");
	assert_int_equal(info.pair->local_type, RELOAD_ICE_HOST);
	assert_int_equal(info.pair->remote_type, RELOAD_ICE_SRFLX);
	assert_true(reload_links_send(a.links, 1, span_str("hello")));
	TURN_UNTIL(loop, a.messages == 1);
	assert_memory_equal(a.last, "hello", 5);
	assert_int_equal(a.downs + b.downs, 0);
	stop_both(&a, &b);
}

/* LINK-08: the end that answered the Attach is the client and begins the handshake, without a cookie exchange */
static void the_answering_end_connects(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	start_pair(&a, &b);
	assert_ptr_equal(net.first, &net.links[1]);
	TURN_UNTIL(loop, all_acked(&a, 1) && all_acked(&b, 2));
	assert_int_equal(net.sent, 4); /* a ClientHello that is answered by a cookie would make 6 */
	stop_both(&a, &b);
}

/* R-6.6.3.1-06: each of the first datagrams is lost once, those of the handshake too */
static void lost_datagrams_are_repeated(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { .echo = true };
	uint8_t bytes[3000] = { 1, 2, 3 };
	net.lose = 0x1249; /* every third */
	start_pair(&a, &b);
	for (unsigned i = 0; i < 5; i++)
		assert_true(reload_links_send(a.links, 1, span_of(bytes, sizeof(bytes) - i)));
	TURN_UNTIL(loop, a.messages == 5 && all_acked(&a, 1) && all_acked(&b, 2));
	assert_int_equal(b.messages, 5);
	stop_both(&a, &b);
}

/* A04: the fourth is the last flight of the end that asked, after which it is done and the other end is not */
static void each_flight_may_be_lost(void **state)
{
	(void)state;
	for (unsigned lost = 0; lost < 4; lost++) {
		struct node a = { 0 }, b = { .echo = true };
		memset(&net, 0, sizeof(net));
		net.lose = 1ull << lost;
		reload_ms start = reload_poll_now();
		start_pair(&a, &b);
		assert_true(reload_links_send(a.links, 1, span_str("hello")));
		TURN_UNTIL(loop, a.messages == 1);
		assert_true(reload_poll_now() - start < 3000);
		assert_int_equal(a.ups + b.ups, 2);
		stop_both(&a, &b);
	}
}

static void the_largest_fragment_fits_a_datagram(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	uint8_t bytes[RELOAD_DTLS_MTU] = { 0 };
	start_pair(&a, &b);
	net.longest = 0;
	assert_true(reload_links_send(a.links, 1, span_of(bytes, reload_links_mtu(a.links, 1))));
	TURN_UNTIL(loop, b.messages == 1);
	assert_in_range(net.longest, RELOAD_DTLS_MTU - 20, RELOAD_DTLS_MTU);
	stop_both(&a, &b);
}

static void another_pair_keeps_the_session(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { .echo = true };
	struct reload_link_info info = { 0 };
	start_pair(&a, &b);
	say_pair(&net.links[0], RELOAD_ICE_RELAY, RELOAD_ICE_RELAY);
	TURN_UNTIL(loop,
		reload_links_info(a.links, 1, &info) && info.pair->local_type == RELOAD_ICE_RELAY);
	assert_true(reload_links_send(a.links, 1, span_str("hello")));
	TURN_UNTIL(loop, a.messages == 1);
	assert_int_equal(a.ups + b.ups, 2);
	stop_both(&a, &b);
}

static void the_end_of_one_is_the_end_of_the_other(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	start_pair(&a, &b);
	reload_links_close(a.links, 1);
	TURN_UNTIL(loop, b.downs == 1);
	assert_int_equal(a.downs, 0);
	TURN_UNTIL(loop, net.closes == 2); /* and what the plug-in holds is given back */
	stop_both(&a, &b);
}

static void a_lost_path_is_the_end(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	start_pair(&a, &b);
	say_failed(&net.links[0]);
	TURN_UNTIL(loop, a.downs == 1);
	assert_string_equal(a.down_why, "no pair works");
	stop_both(&a, &b);
}

/* R-6.6-05: it is told while the plug-in still takes the path for good, and that it is good again */
static void a_silent_path_is_bad(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	start_pair(&a, &b);
	TURN_UNTIL(loop, all_acked(&a, 1));
	net.dead = true;
	assert_true(reload_links_send(a.links, 1, span_str("hello")));
	TURN_UNTIL(loop, a.bads == 1);
	assert_int_equal(a.goods + a.downs, 0);
	net.dead = false;
	TURN_UNTIL(loop, a.goods == 1 && b.messages == 1);
	assert_int_equal(a.downs, 0);
	stop_both(&a, &b);
}

/* nobody sends a message: both ends find out, and the frames that they ask with are no messages */
static void a_silent_path_of_an_idle_link_is_bad(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	tune.idle_ms = 100;
	start_pair(&a, &b);
	tune.idle_ms = 0;
	unsigned sent = net.sent;
	TURN_UNTIL(loop, net.sent >= sent + 12); /* three times: two frames, two ACKs */
	assert_int_equal(a.bads + b.bads + a.messages + b.messages, 0);
	net.dead = true;
	TURN_UNTIL(loop, a.bads == 1 && b.bads == 1);
	net.dead = false;
	TURN_UNTIL(loop, a.goods == 1 && b.goods == 1);
	assert_int_equal(a.messages + b.messages + a.downs + b.downs, 0);
	stop_both(&a, &b);
}

static void pairs_that_failed_are_told(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	net.no_path = true;
	gather_both(&a, &b);
	check_from(&a, 1, &b);
	TURN_UNTIL(loop, a.downs == 1);
	assert_int_equal(a.down_err, RELOAD_UNREACHABLE);
	assert_int_equal(a.failed_pairs, 3);
	assert_string_equal(a.down_why, "no pair works");
	assert_int_equal(net.closes, 1);
	stop_both(&a, &b);
}

/* what the plug-in says of a link that has been closed is not for another one */
static void closed_while_it_gathers(void **state)
{
	(void)state;
	struct node a = { 0 };
	start_node(&a, &alice);
	net.silent = true;
	reload_links_gather(a.links, 1, &(struct reload_ice_gather){ 0 });
	reload_links_close(a.links, 1);
	say_gathered(&net.links[0]);
	reload_poll_pass(loop, 0);
	reload_poll_pass(loop, 0);
	assert_int_equal(a.gathers + a.downs, 0);
	assert_int_equal(reload_links_counters(a.links)->links, 0);
	reload_links_gather(a.links, 1, &(struct reload_ice_gather){ 0 });
	say_gathered(&net.links[0]);
	reload_poll_pass(loop, 0);
	assert_int_equal(a.gathers, 0);
	say_gathered(&net.links[1]);
	TURN_UNTIL(loop, a.gathers == 1);
	node_stop(&a);
	assert_int_equal(net.closes, 2);
}

static void without_a_plug_in(void **state)
{
	(void)state;
	struct node a = { 0 };
	node_start(&a, loop, &alice, root.trust, tune);
	reload_links_gather(a.links, 1, &(struct reload_ice_gather){ 0 });
	TURN_UNTIL(loop, a.downs == 1);
	assert_int_equal(a.down_err, RELOAD_UNREACHABLE);
	node_stop(&a);
}

/* -- the inbox -------------------------------------------------------------------------------------------------------------------- */

static void *many(void *inbox)
{
	for (uint64_t i = 0; i < 2 * RELOAD_ICE_INBOX; i++)
		reload_ice_inbox_put(
			inbox, &(struct reload_ice_notice){ .type = RELOAD_ICE_DATAGRAM,
				       .key = i,
				       .datagram = span_of(&i, sizeof(i)) });
	reload_ice_inbox_put(
		inbox, &(struct reload_ice_notice){ .type = RELOAD_ICE_FAILED, .why = "the end" });
	return NULL;
}

static size_t take_all(struct reload_ice_inbox *inbox, uint64_t *next, bool *end)
{
	struct reload_ice_letters all = STAILQ_HEAD_INITIALIZER(all);
	struct reload_ice_letter *letter;
	size_t count = 0;
	reload_ice_inbox_take(inbox, &all);
	while ((letter = STAILQ_FIRST(&all))) {
		uint64_t bytes;
		STAILQ_REMOVE_HEAD(&all, entry);
		count++;
		*end = letter->notice.type == RELOAD_ICE_FAILED;
		if (!*end) {
			memcpy(&bytes, letter->notice.datagram.at, sizeof(bytes));
			assert_int_equal(bytes, letter->notice.key);
			assert_true(bytes >= *next);
			*next = bytes + 1;
		} else {
			assert_string_equal(letter->notice.why, "the end");
		}
		reload_ice_letter_free(letter);
	}
	return count;
}

static void datagrams_beyond_the_limit_are_lost(void **state)
{
	(void)state;
	struct reload_ice_inbox inbox;
	uint64_t next = 0;
	bool end = false;
	assert_int_equal(reload_ice_inbox_init(&inbox), 0);
	many(&inbox);
	assert_int_equal(take_all(&inbox, &next, &end), RELOAD_ICE_INBOX + 1);
	assert_true(end);
	many(&inbox);
	reload_ice_inbox_clear(&inbox);
}

/* as many as fit the bytes; afterwards there is room again */
static void large_datagrams_beyond_the_limit_are_lost(void **state)
{
	(void)state;
	static uint8_t large[RELOAD_ICE_INBOX_BYTES / 4];
	const struct reload_ice_notice n = { .type = RELOAD_ICE_DATAGRAM,
		.datagram = span_of(large, sizeof(large)) };
	struct reload_ice_inbox inbox;
	assert_int_equal(reload_ice_inbox_init(&inbox), 0);
	for (unsigned round = 0; round < 2; round++) {
		struct reload_ice_letters all = STAILQ_HEAD_INITIALIZER(all);
		struct reload_ice_letter *letter;
		size_t count = 0;
		for (unsigned i = 0; i < 6; i++)
			reload_ice_inbox_put(&inbox, &n);
		reload_ice_inbox_take(&inbox, &all);
		for (; (letter = STAILQ_FIRST(&all)); count++) {
			STAILQ_REMOVE_HEAD(&all, entry);
			reload_ice_letter_free(letter);
		}
		assert_int_equal(count, 4);
	}
	reload_ice_inbox_clear(&inbox);
}

static void on_readable(void *arg, unsigned events)
{
	(void)events;
	bool *end = arg;
	*end = true;
}

static void the_loop_wakes_for_another_thread(void **state)
{
	(void)state;
	struct reload_ice_inbox inbox;
	pthread_t thread;
	uint64_t next = 0, watch;
	bool end = false, readable = false;
	assert_int_equal(reload_ice_inbox_init(&inbox), 0);
	watch = reload_poll_add(loop, inbox.fd, RELOAD_POLL_IN, on_readable, &readable);
	assert_int_equal(pthread_create(&thread, NULL, many, &inbox), 0);
	while (!end) {
		TURN_UNTIL(loop, readable);
		readable = false;
		take_all(&inbox, &next, &end);
	}
	pthread_join(thread, NULL);
	reload_poll_remove(loop, watch);
	reload_ice_inbox_clear(&inbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(both_ends_are_known_and_the_path, clear_net),
		cmocka_unit_test_setup(the_answering_end_connects, clear_net),
		cmocka_unit_test_setup(lost_datagrams_are_repeated, clear_net),
		cmocka_unit_test_setup(each_flight_may_be_lost, clear_net),
		cmocka_unit_test_setup(the_largest_fragment_fits_a_datagram, clear_net),
		cmocka_unit_test_setup(another_pair_keeps_the_session, clear_net),
		cmocka_unit_test_setup(the_end_of_one_is_the_end_of_the_other, clear_net),
		cmocka_unit_test_setup(a_lost_path_is_the_end, clear_net),
		cmocka_unit_test_setup(a_silent_path_is_bad, clear_net),
		cmocka_unit_test_setup(a_silent_path_of_an_idle_link_is_bad, clear_net),
		cmocka_unit_test_setup(pairs_that_failed_are_told, clear_net),
		cmocka_unit_test_setup(closed_while_it_gathers, clear_net),
		cmocka_unit_test_setup(without_a_plug_in, clear_net),
		cmocka_unit_test_setup(datagrams_beyond_the_limit_are_lost, clear_net),
		cmocka_unit_test_setup(large_datagrams_beyond_the_limit_are_lost, clear_net),
		cmocka_unit_test_setup(the_loop_wakes_for_another_thread, clear_net),
	};
	return cmocka_run_group_tests(tests, cast_begin, cast_end);
}
