/* Links over DTLS: how they begin, what they carry when datagrams are lost, and how they end. */
#include "dtls_relay.h"
#include "link_cast.h"

#include "link/dtls.h"

enum {
	DTLS_ONLY = RELOAD_LINK_BIT(RELOAD_DTLS_UDP_SR_NO_ICE)
};

static const struct reload_links_setup dtls_only = { .types = DTLS_ONLY, .repeat_ms = 60000 };

/* a and b with a link that is number 1 at a, through a relay when there is one */
static void start_pair(struct node *a, struct node *b, struct relay *r)
{
	node_start(a, loop, &alice, root.trust, dtls_only);
	node_start(b, loop, &bob, root.trust, dtls_only);
	if (r)
		relay_start(r, loop, b->port);
	struct reload_ip_port at = loopback(r ? r->port : b->port);
	node_dial(a->links, 1, &at, 1);
	TURN_UNTIL(loop, a->ups && b->ups);
}

static bool all_acked(const struct node *n, uint32_t link)
{
	struct reload_link_info info;
	return reload_links_info(n->links, link, &info) && !info.unacked && !info.queued;
}

/* -- what a link carries ------------------------------------------------------------------------------------------------------ */

static void both_ends_are_known(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { .echo = true };
	struct reload_link_info info;
	start_pair(&a, &b, NULL);
	assert_true(reload_id_eq(&a.up_node, &bob.node));
	assert_true(reload_id_eq(&b.up_node, &alice.node));
	assert_true(reload_links_info(a.links, 1, &info));
	assert_int_equal(info.type, RELOAD_DTLS_UDP_SR_NO_ICE);
	assert_string_equal(info.version, "DTLSv1.2");
	assert_int_equal(reload_links_counters(a.links)->dtls, 1);
	assert_int_equal(b.up_peer.port, a.port); /* one port for links in both directions */
	assert_true(reload_links_send(a.links, 1, span_str("hello")));
	TURN_UNTIL(loop, a.messages == 1);
	assert_memory_equal(a.last, "hello", 5);
	TURN_UNTIL(loop, all_acked(&a, 1) && all_acked(&b, b.up_link));
	node_stop(&a);
	node_stop(&b);
}

/* what `reload-agent status --links` shows of a link that loses frames */
static void a_link_counts_its_frames(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { .echo = true };
	struct relay r = { 0 };
	struct reload_link_info info;
	start_pair(&a, &b, &r);
	r.lose_to_server = 0x15ull << r.to_server;
	for (char i = 0; i < 10; i++) {
		assert_true(reload_links_send(a.links, 1, span_of(&i, 1)));
		TURN_UNTIL(loop, all_acked(&a, 1));
	}
	assert_true(reload_links_info(a.links, 1, &info));
	assert_true(info.datagrams && info.good && !info.incoming);
	assert_int_equal(info.sent, 10);
	assert_in_range(info.repeated, 1, 20);
	assert_in_range(info.lost, 0, info.repeated);
	assert_in_range(info.window, 1, 32);
	assert_true(info.sampled && info.rto_ms >= RELOAD_DTLS_RTO_FLOOR_MS);
	assert_true(reload_links_info(b.links, b.up_link, &info));
	assert_true(info.incoming);
	node_stop(&a);
	node_stop(&b);
	relay_stop(&r);
}

static void messages_of_all_sizes(void **state)
{
	(void)state;
	static const size_t sizes[] = { 1, 2, 1000, 1163, 1164, 4992, 5000 };
	struct node a = { 0 }, b = { .echo = true };
	uint8_t bytes[20000];
	start_pair(&a, &b, NULL);
	size_t mtu = reload_links_mtu(a.links, 1);
	assert_in_range(mtu, 1100, RELOAD_DTLS_MTU - 13 - RELOAD_FRAME_DATA_HEAD); /* LINK-20 */
	for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
		memset(bytes, (int)i, sizes[i]);
		assert_true(reload_links_send(a.links, 1, span_of(bytes, sizes[i])));
		TURN_UNTIL(loop, a.messages == i + 1);
		assert_int_equal(a.last_len, sizes[i]);
		assert_memory_equal(a.last, bytes, sizes[i]);
	}
	assert_false(reload_links_send(a.links, 1, span_of(bytes, 16384))); /* no record holds it */
	assert_int_equal(a.downs + b.downs, 0);
	node_stop(&a);
	node_stop(&b);
}

static void the_largest_fragment_fits_a_datagram(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	struct relay r = { 0 };
	uint8_t bytes[RELOAD_DTLS_MTU] = { 0 };
	start_pair(&a, &b, &r);
	assert_true(reload_links_send(a.links, 1, span_of(bytes, reload_links_mtu(a.links, 1))));
	TURN_UNTIL(loop, b.messages == 1);
	assert_in_range(r.longest, RELOAD_DTLS_MTU - 20, RELOAD_DTLS_MTU);
	node_stop(&a);
	node_stop(&b);
	relay_stop(&r);
}

/* frames of one pass of the loop, and ACKs with them, are one datagram as far as they fit */
static void a_pass_costs_one_datagram(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { .echo = true };
	struct relay r = { 0 };
	start_pair(&a, &b, &r);
	TURN_UNTIL(loop, all_acked(&a, 1));
	unsigned before = r.to_server;
	for (char i = 0; i < 3; i++)
		assert_true(reload_links_send(a.links, 1, span_of(&i, 1)));
	TURN_UNTIL(loop, a.messages == 3 && all_acked(&b, b.up_link) && all_acked(&a, 1));
	assert_in_range(r.to_server - before, 1, 3); /* the messages, and ACKs of the echoes */
	node_stop(&a);
	node_stop(&b);
	relay_stop(&r);
}

/* R-6.6.3.1-06, -08: each of the first datagrams with a message, or with an ACK, is lost once */
static void lost_frames_are_repeated(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { .echo = true };
	struct relay r = { 0 };
	start_pair(&a, &b, &r);
	r.lose_to_server = 0x155ull << r.to_server;
	r.lose_to_client = 0x2aaull << r.to_client;
	for (char i = 0; i < 10; i++) {
		assert_true(reload_links_send(a.links, 1, span_of(&i, 1)));
		TURN_UNTIL(loop, all_acked(&a, 1));
	}
	TURN_UNTIL(loop, a.messages == 10 && all_acked(&b, b.up_link));
	assert_int_equal(b.messages, 10); /* LINK-05: copies are no messages */
	assert_int_equal(r.others, 0);    /* R-6.6.6-01: no STUN at all */
	node_stop(&a);
	node_stop(&b);
	relay_stop(&r);
}

/* R-6.6.3.1-11, -12 */
static void silence_takes_a_link_out_and_an_ack_brings_it_back(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	struct relay r = { 0 };
	start_pair(&a, &b, &r);
	r.deaf = true;
	assert_true(reload_links_send(a.links, 1, span_str("anybody there?")));
	TURN_UNTIL(loop, a.bads == 1);
	assert_int_equal(a.goods, 0);
	r.deaf = false;
	TURN_UNTIL(loop, a.goods == 1);
	assert_int_equal(b.messages, 1);
	assert_int_equal(a.downs, 0);
	node_stop(&a);
	node_stop(&b);
	relay_stop(&r);
}

/* -- how a link begins -------------------------------------------------------------------------------------------------------- */

/* A04: each datagram of the handshake is lost once; the last flight too, after which one end is done and the other is not */
static void each_flight_may_be_lost(void **state)
{
	(void)state;
	for (unsigned lost = 0; lost < 4; lost++) {
		for (unsigned down = 0; down < 2; down++) {
			struct node a = { 0 }, b = { .echo = true };
			struct relay r = { 0 };
			r.lose_to_server = down ? 0 : 1ull << lost;
			r.lose_to_client = down ? 1ull << lost : 0;
			reload_ms start = reload_poll_now();
			start_pair(&a, &b, &r);
			assert_true(reload_links_send(a.links, 1, span_str("hello")));
			TURN_UNTIL(loop, a.messages == 1);
			assert_true(reload_poll_now() - start < 3000);
			assert_int_equal(a.ups + b.ups, 2);
			node_stop(&a);
			node_stop(&b);
			relay_stop(&r);
		}
	}
}

/* LINK-15: where nobody listens for TLS, DTLS begins at once */
static void dtls_where_there_is_no_tls(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	struct reload_link_info info;
	node_start(&a, loop, &alice, root.trust,
		(struct reload_links_setup){ .types = RELOAD_LINK_NO_ICE });
	node_start(&b, loop, &bob, root.trust, dtls_only);
	struct reload_ip_port at = loopback(b.port);
	node_dial(a.links, 1, &at, 1);
	TURN_UNTIL(loop, a.ups == 1);
	assert_true(reload_links_info(a.links, 1, &info));
	assert_int_equal(info.type, RELOAD_DTLS_UDP_SR_NO_ICE);
	assert_int_equal(reload_links_counters(a.links)->links, 1);
	node_stop(&b);
	TURN_UNTIL(loop, a.downs == 1);
	node_start(&b, loop, &bob, root.trust,
		(struct reload_links_setup){ .types = RELOAD_LINK_NO_ICE });
	at = loopback(b.port);
	node_dial(a.links, 2, &at, 1);
	TURN_UNTIL(loop, a.ups == 2 && b.ups == 1);
	assert_true(reload_links_info(a.links, 2, &info));
	assert_int_equal(info.type, RELOAD_TLS_TCP_FH_NO_ICE);
	turn_for(loop, 400); /* DTLS has no reason to begin any more */
	assert_int_equal(b.ups, 1);
	assert_int_equal(reload_links_counters(b.links)->links, 1);
	node_stop(&a);
	node_stop(&b);
}

/* TLS is under way and silent: DTLS begins after its head start and wins */
static void the_first_handshake_wins(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	struct reload_link_info info;
	node_start(&a, loop, &alice, root.trust,
		(struct reload_links_setup){
			.types = RELOAD_LINK_NO_ICE, .connect_ms = 60000, .handshake_ms = 60000 });
	node_start(&b, loop, &bob, root.trust, dtls_only);
	struct sockaddr_in at = relay_at(b.port);
	int silent = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(silent, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(silent, 1), 0);
	struct reload_ip_port to = loopback(b.port);
	reload_ms start = reload_poll_now();
	node_dial(a.links, 1, &to, 1);
	TURN_UNTIL(loop, a.ups == 1);
	assert_true(reload_poll_now() - start >= 300);
	assert_true(reload_links_info(a.links, 1, &info));
	assert_int_equal(info.type, RELOAD_DTLS_UDP_SR_NO_ICE);
	TURN_UNTIL(loop, reload_links_counters(a.links)->links == 1);
	node_dial(a.links, 2, &to, 1);
	turn_for(loop, 20);
	reload_links_close(a.links, 2); /* while both may be under way */
	turn_for(loop, 400);
	assert_int_equal(reload_links_counters(a.links)->links, 1);
	assert_int_equal(a.ups, 1);
	assert_int_equal(a.downs, 0);
	node_stop(&a);
	node_stop(&b);
	close(silent);
}

/* TCP does not connect: DTLS begins 300 ms later all the same (LINK-15) */
static void tcp_has_a_head_start(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	node_start(&a, loop, &alice, root.trust,
		(struct reload_links_setup){
			.types = RELOAD_LINK_NO_ICE, .connect_ms = 60000, .handshake_ms = 60000 });
	node_start(&b, loop, &bob, root.trust, dtls_only);
	struct sockaddr_in at = relay_at(b.port);
	int full = socket(AF_INET, SOCK_STREAM, 0), fill[4];
	assert_int_equal(bind(full, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(full, 0), 0);
	for (size_t i = 0; i < COUNT_OF(fill); i++) { /* a queue that is full drops every SYN */
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)!connect(fill[i], (struct sockaddr *)&at, sizeof(at));
	}
	struct reload_ip_port to = loopback(b.port);
	reload_ms start = reload_poll_now();
	node_dial(a.links, 1, &to, 1);
	TURN_UNTIL(loop, a.ups == 1);
	assert_true(reload_poll_now() - start >= 300);
	node_stop(&a);
	node_stop(&b);
	for (size_t i = 0; i < COUNT_OF(fill); i++)
		close(fill[i]);
	close(full);
}

/* an address that is offered for DTLS is not dialled with TLS, nor the other way */
static void types_of_an_address(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	struct reload_link_info info;
	node_start(&a, loop, &alice, root.trust,
		(struct reload_links_setup){ .types = RELOAD_LINK_NO_ICE });
	node_start(&b, loop, &bob, root.trust,
		(struct reload_links_setup){ .types = RELOAD_LINK_NO_ICE });
	struct reload_link_target to = { loopback(b.port), DTLS_ONLY };
	reload_links_open(a.links, 1, &to, 1);
	TURN_UNTIL(loop, a.ups == 1 && b.ups == 1);
	assert_true(reload_links_info(a.links, 1, &info));
	assert_int_equal(info.type, RELOAD_DTLS_UDP_SR_NO_ICE);
	to.types = RELOAD_LINK_BIT(RELOAD_TLS_TCP_FH_NO_ICE);
	reload_links_open(a.links, 2, &to, 1);
	TURN_UNTIL(loop, a.ups == 2);
	assert_true(reload_links_info(a.links, 2, &info));
	assert_int_equal(info.type, RELOAD_TLS_TCP_FH_NO_ICE);
	node_stop(&a);
	node_stop(&b);
}

static void nobody_there(void **state)
{
	(void)state;
	struct node a = { 0 };
	uint16_t port = 0;
	int fd = udp_socket(&port);
	struct reload_ip_port silent = loopback(port), closed;
	node_start(&a, loop, &alice, root.trust,
		(struct reload_links_setup){ .types = DTLS_ONLY, .connect_ms = 200 });
	node_dial(a.links, 1, &silent, 1);
	TURN_UNTIL(loop, a.downs == 1);
	assert_int_equal(a.down_err, RELOAD_TIMEOUT);
	assert_non_null(strstr(a.down_why, "DTLS 127.0.0.1:"));
	assert_non_null(strstr(a.down_why, ": no DTLS handshake in time"));
	close(fd);
	closed = silent;
	node_dial(a.links, 2, &closed, 1); /* ICMP says so at once */
	TURN_UNTIL(loop, a.downs == 2);
	assert_int_equal(a.down_err, RELOAD_LINK_DOWN);
	assert_non_null(strstr(a.down_why, ": Connection refused"));
	node_dial(a.links, 3, NULL, 0);
	TURN_UNTIL(loop, a.downs == 3);
	assert_int_equal(a.down_err, RELOAD_UNREACHABLE);
	node_stop(&a);
}

/* who gets no link is told of each address and link type, and why, as far as there is room */
static void all_that_was_tried_is_told(void **state)
{
	(void)state;
	struct node a = { 0 };
	struct reload_ip_port at[16];
	char text[256];
	uint16_t closed = 0;
	close(udp_socket(&closed));
	node_start(&a, loop, &alice, root.trust,
		(struct reload_links_setup){ .types = RELOAD_LINK_NO_ICE });
	for (size_t i = 0; i < COUNT_OF(at); i++)
		at[i] = loopback(closed);
	node_dial(a.links, 1, at, 1);
	TURN_UNTIL(loop, a.downs == 1);
	snprintf(text, sizeof(text),
		"TLS 127.0.0.1:%u: Connection refused; DTLS 127.0.0.1:%u: Connection refused",
		closed, closed);
	assert_string_equal(a.down_why, text);
	assert_int_equal(a.down_err, RELOAD_LINK_DOWN);
	node_dial(a.links, 2, at, 16);
	TURN_UNTIL(loop, a.downs == 2);
	assert_in_range(strlen(a.down_why), 440, 511);
	assert_string_equal(a.down_why + strlen(a.down_why) - 8, "sed; ...");
	node_stop(&a);
}

static void every_address_is_tried(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	uint16_t silent = 0, closed = 0;
	int fd = udp_socket(&silent), other = udp_socket(&closed);
	close(other);
	node_start(&a, loop, &alice, root.trust,
		(struct reload_links_setup){
			.types = DTLS_ONLY, .connect_ms = 1500 }); /* a handshake has as long */
	node_start(&b, loop, &bob, root.trust, dtls_only);
	struct reload_ip_port at[] = { loopback(closed), loopback(silent), loopback(b.port) };
	node_dial(a.links, 1, at, 3);
	TURN_UNTIL(loop, a.ups == 1 && b.ups == 1);
	assert_int_equal(a.downs, 0);
	node_stop(&a);
	node_stop(&b);
	close(fd);
}

static void a_certificate_that_does_not_pass(void **state)
{
	(void)state;
	struct authority other;
	struct identity mallory;
	struct node a = { 0 }, b = { 0 };
	authority_init(&other, "Other");
	identity_init(&mallory, &other, 3, OVERLAY, 3600 * 1000);
	node_start(&a, loop, &mallory, other.trust, dtls_only);
	node_start(&b, loop, &bob, root.trust, dtls_only);
	struct reload_ip_port at = loopback(b.port);
	node_dial(a.links, 1, &at, 1);
	TURN_UNTIL(loop, a.downs == 1 && reload_links_counters(a.links)->links == 0);
	assert_int_equal(a.down_err, RELOAD_CERT_UNTRUSTED);
	assert_int_equal(a.ups + b.ups, 0);
	node_dial(b.links, 2, &(struct reload_ip_port){ RELOAD_IPV4, { 127, 0, 0, 1 }, a.port }, 1);
	TURN_UNTIL(loop, b.downs == 1);
	assert_int_equal(b.down_err, RELOAD_CERT_UNTRUSTED);
	node_stop(&a);
	node_stop(&b);
	identity_clear(&mallory);
	authority_clear(&other);
}

/* two nodes that are each other's bootstrap node: one of the two handshakes gives way */
static void both_begin_at_once(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		struct node a = { 0 }, b = { 0 };
		node_start(&a, loop, &alice, root.trust, dtls_only);
		node_start(&b, loop, &bob, root.trust, dtls_only);
		struct reload_ip_port to_a = loopback(a.port), to_b = loopback(b.port);
		node_dial(a.links, 1, &to_b, 1);
		node_dial(b.links, 1, &to_a, 1);
		TURN_UNTIL(loop, a.ups && b.ups && a.downs + b.downs == 1);
		assert_int_equal(a.ups, 1);
		assert_int_equal(b.ups, 1);
		assert_true(reload_links_send(a.links, a.up_link, span_str("hello")));
		TURN_UNTIL(loop, b.messages == 1);
		node_stop(&a);
		node_stop(&b);
	}
}

/* -- how a link ends ---------------------------------------------------------------------------------------------------------- */

static void close_lets_the_queue_leave(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	start_pair(&a, &b, NULL);
	for (char i = 0; i < 50; i++)
		assert_true(reload_links_send(a.links, 1, span_of(&i, 1)));
	reload_links_close(a.links, 1);
	assert_false(reload_links_send(a.links, 1, span_str("late")));
	TURN_UNTIL(loop, b.downs == 1);
	assert_int_equal(b.messages, 50);
	assert_string_equal(b.down_why, "the other end closed the connection");
	TURN_UNTIL(loop, !reload_links_counters(a.links)->links);
	assert_int_equal(a.downs, 0);
	assert_int_equal(reload_links_counters(b.links)->dtls, 0);
	node_stop(&a);
	node_stop(&b);
}

/* a node that ends tells the others: nothing else would, before they send something */
static void the_end_of_a_node_is_told(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	start_pair(&a, &b, NULL);
	node_stop(&a);
	TURN_UNTIL(loop, b.downs == 1);
	node_stop(&b);
}

/* R-6.6.3.1-09: a port that has closed, while something is unacknowledged */
static void icmp_ends_a_link(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	struct relay r = { 0 };
	start_pair(&a, &b, &r);
	relay_stop(&r);
	assert_true(reload_links_send(a.links, 1, span_str("anybody there?")));
	TURN_UNTIL(loop, a.downs == 1);
	assert_string_equal(a.down_why, "Connection refused");
	node_stop(&a);
	node_stop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_are_known),
		cmocka_unit_test(a_link_counts_its_frames),
		cmocka_unit_test(messages_of_all_sizes),
		cmocka_unit_test(the_largest_fragment_fits_a_datagram),
		cmocka_unit_test(a_pass_costs_one_datagram),
		cmocka_unit_test(lost_frames_are_repeated),
		cmocka_unit_test(silence_takes_a_link_out_and_an_ack_brings_it_back),
		cmocka_unit_test(each_flight_may_be_lost),
		cmocka_unit_test(dtls_where_there_is_no_tls),
		cmocka_unit_test(the_first_handshake_wins),
		cmocka_unit_test(tcp_has_a_head_start),
		cmocka_unit_test(types_of_an_address),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(all_that_was_tried_is_told),
		cmocka_unit_test(every_address_is_tried),
		cmocka_unit_test(a_certificate_that_does_not_pass),
		cmocka_unit_test(both_begin_at_once),
		cmocka_unit_test(close_lets_the_queue_leave),
		cmocka_unit_test(the_end_of_a_node_is_told),
		cmocka_unit_test(icmp_ends_a_link),
	};
	return cmocka_run_group_tests(tests, cast_begin, cast_end);
}
