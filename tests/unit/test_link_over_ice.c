/* DTLS links over ICE, with a plug-in of the test in place of one that uses the network. */
#include "link_cast.h"

#include "link/ice_link_io.h"

enum {
	FAKES = 8
};

/* A link of the fake plug-in; its user fragment is "fake" and its number. */
struct fake {
	struct reload_ice *ice;
	uint64_t key;
	bool started, connected, closed;
	struct fake *other;
};

struct reload_ice {
	reload_ice_notify_fn notify;
	void *arg;
};

static struct {
	struct fake links[FAKES];
	size_t count;
	bool silent;   /* answers nothing to gather() */
	bool no_path;  /* no pair works */
	bool dead;     /* nothing arrives */
	uint64_t lose; /* bit n: datagram n of all is lost */
	unsigned sent, closes, ends;
	const struct fake *first; /* that has sent a datagram */
	size_t longest;
} net;

static int clear_net(void **state)
{
	(void)state;
	memset(&net, 0, sizeof(net));
	return 0;
}

/* -- the fake plug-in --------------------------------------------------------------------------------------------------------- */

static void say(struct fake *f, struct reload_ice_notice notice)
{
	notice.key = f->key;
	f->ice->notify(f->ice->arg, &notice);
}

static struct fake *fake_of(struct reload_ice *ice, uint64_t key)
{
	for (size_t i = 0; i < net.count; i++)
		if (net.links[i].ice == ice && net.links[i].key == key)
			return &net.links[i];
	return NULL;
}

static struct reload_ice *fake_begin(reload_ice_notify_fn notify, void *arg)
{
	struct reload_ice *ice = RELOAD_NEW(reload_ice);
	*ice = (struct reload_ice){ notify, arg };
	return ice;
}

static struct reload_ip_port at(uint8_t host, uint16_t port)
{
	return (struct reload_ip_port){
		.type = RELOAD_IPV4, .addr = { 192, 0, 2, host }, .port = port
	};
}

static void say_gathered(struct fake *f)
{
	char ufrag[16], password[] = "0123456789012345678901";
	unsigned n = (unsigned)(f - net.links);
	struct reload_ice_local all[] = {
		{ .item = { RELOAD_ICE_HOST, "1", 2000, at((uint8_t)(n + 1), 1000) } },
		{ .item = { RELOAD_ICE_RELAY, "2", 1000, at((uint8_t)(n + 101), 2000) } },
	};
	snprintf(ufrag, sizeof(ufrag), "fake%u", n);
	say(f, (struct reload_ice_notice){ .type = RELOAD_ICE_WAS_GATHERED,
		       .gathered = { ufrag, password, all, COUNT_OF(all), NULL } });
}

static void fake_gather(struct reload_ice *ice, uint64_t key, const struct reload_ice_gather *how)
{
	(void)how;
	assert_true(net.count < FAKES);
	struct fake *f = &net.links[net.count++];
	*f = (struct fake){ .ice = ice, .key = key };
	if (!net.silent)
		say_gathered(f);
}

static void say_pair(struct fake *f, enum reload_ice_type local, enum reload_ice_type remote)
{
	struct reload_ice_pair pair = { .local_type = local,
		.remote_type = remote,
		.local = at(1, 1000),
		.remote = at(2, 1000) };
	f->connected = true;
	say(f, (struct reload_ice_notice){
		       .type = RELOAD_ICE_CONNECTED, .pairs = &pair, .pairs_count = 1 });
}

static void say_failed(struct fake *f)
{
	struct reload_ice_pair pairs[3] = { 0 };
	say(f, (struct reload_ice_notice){ .type = RELOAD_ICE_FAILED,
		       .pairs = pairs,
		       .pairs_count = COUNT_OF(pairs),
		       .why = "no pair works" });
}

static void fake_start(struct reload_ice *ice, uint64_t key, const struct reload_ice_remote *to)
{
	struct fake *f = fake_of(ice, key);
	assert_int_equal(to->count, 2);
	f->other = &net.links[to->ufrag[4] - '0'];
	f->started = true;
	if (net.no_path)
		say_failed(f);
	else if (f->other->started) {
		say_pair(f, RELOAD_ICE_HOST, RELOAD_ICE_SRFLX);
		say_pair(f->other, RELOAD_ICE_SRFLX, RELOAD_ICE_HOST);
	}
}

static bool fake_send(struct reload_ice *ice, uint64_t key, struct span datagram)
{
	struct fake *f = fake_of(ice, key);
	unsigned number = net.sent++;
	net.first = net.first ? net.first : f;
	net.longest = datagram.len > net.longest ? datagram.len : net.longest;
	if (f->connected && f->other->connected && !f->other->closed && !net.dead &&
		!(number < 64 && net.lose >> number & 1))
		say(f->other, (struct reload_ice_notice){
				      .type = RELOAD_ICE_DATAGRAM, .datagram = datagram });
	return true;
}

static void fake_close(struct reload_ice *ice, uint64_t key)
{
	struct fake *f = fake_of(ice, key);
	assert_false(f->closed);
	f->closed = true;
	net.closes++;
	say(f, (struct reload_ice_notice){ .type = RELOAD_ICE_CLOSED });
}

static void fake_end(struct reload_ice *ice)
{
	net.ends++;
	free(ice);
}

static const struct reload_ice_plugin fake_plugin = { RELOAD_ICE_PLUGIN_VERSION,
	sizeof(struct reload_ice_plugin), fake_begin, fake_gather, fake_start, fake_send,
	fake_close, fake_end };

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
	tune.idle_ms = 20;
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
