/* What a link carries: frames in order, large ones, acknowledgements, health, and how it ends. */
#include "link/tls.h"
#include "link_cast.h"
#include "link_raw.h"

static const struct reload_links_setup defaults;

/* a and b with a link that is number 1 at a */
static void start_pair(struct node *a, struct node *b, struct reload_links_setup tune)
{
	node_start(a, loop, &alice, root.trust, tune);
	node_start(b, loop, &bob, root.trust, tune);
	struct reload_ip_port at = loopback(b->port);
	node_dial(a->links, 1, &at, 1);
	TURN_UNTIL(loop, a->ups && b->ups);
}

static void messages_of_all_sizes(void **state)
{
	(void)state;
	static const size_t sizes[] = { 0, 1, 8, 9, 5000, 16375, 16376, 16377, 65536, 1000000 };
	struct node a = { 0 }, b = { .echo = true };
	start_pair(&a, &b, (struct reload_links_setup){ .max_message = 1000000 });
	for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
		uint8_t *bytes = reload_alloc(sizes[i] + 1);
		for (size_t k = 0; k < sizes[i]; k++)
			bytes[k] = (uint8_t)(k * 7 + k / 251);
		assert_true(reload_links_send(a.links, 1, span_of(bytes, sizes[i])));
		TURN_UNTIL(loop, a.messages == i + 1);
		assert_int_equal(a.last_len, sizes[i]);
		assert_memory_equal(a.last, bytes, sizes[i]);
		free(bytes);
	}
	assert_int_equal(a.downs + b.downs, 0);
	struct reload_link_info info;
	TURN_UNTIL(loop, reload_links_info(a.links, 1, &info) && !info.unacked && !info.queued);
	node_stop(&a);
	node_stop(&b);
}

static void a_turn_costs_one_write(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	start_pair(&a, &b, defaults);
	uint64_t before = reload_links_counters(a.links)->writes;
	for (int i = 0; i < 20; i++)
		assert_true(reload_links_send(a.links, 1, span_str("a message of some bytes")));
	TURN_UNTIL(loop, b.messages == 20);
	assert_int_equal(reload_links_counters(a.links)->writes - before, 1);
	struct reload_link_info info;
	TURN_UNTIL(loop, reload_links_info(a.links, 1, &info) && !info.unacked);
	assert_int_equal(reload_links_counters(b.links)->writes, 1); /* 20 ACKs */
	node_stop(&a);
	node_stop(&b);
}

static void an_ack_comes_before_what_a_message_causes(void **state)
{
	(void)state;
	static const char data[] = "\x80\0\0\0\0\0\0\2hi";
	struct node b = { .echo = true };
	struct raw r;
	node_start(&b, loop, &bob, root.trust, defaults);
	raw_init(&r, b.port, &alice);
	assert_int_equal(raw_handshake(&r, loop), SSL_ERROR_NONE);
	raw_write(&r, span_of(data, 10));
	uint8_t got[19];
	assert_true(raw_read(&r, loop, got, sizeof(got)));
	/* R-6.6.2-04, R-6.6.3-01: the ACK first; R-6.6.2-03: our numbers begin with zero as well */
	assert_memory_equal(got, "\x81\0\0\0\0\0\0\0\0\x80\0\0\0\0\0\0\2hi", 19);
	/* R-6.6.2-08: the same message under a new number is one more, acknowledged once more */
	raw_write(&r, span_of("\x80\0\0\0\1\0\0\2hi", 10));
	assert_true(raw_read(&r, loop, got, sizeof(got)));
	assert_memory_equal(got, "\x81\0\0\0\1\0\0\0\2\x80\0\0\0\1", 14);
	assert_int_equal(b.messages, 2);
	/* a frame may come in any number of records */
	raw_write(&r, span_of("\x80\0\0", 3));
	turn_for(loop, 5);
	raw_write(&r, span_of("\0\2\0\0\2h", 6));
	turn_for(loop, 5);
	assert_int_equal(b.messages, 2);
	raw_write(&r, span_of("i", 1));
	TURN_UNTIL(loop, b.messages == 3);
	raw_clear(&r);
	TURN_UNTIL(loop, b.downs == 1);
	assert_int_equal(b.down_err, RELOAD_LINK_DOWN);
	node_stop(&b);
}

/* An idle connection is kept alive, and both ends hear that (R7363-20: any packet counts). */
static void an_idle_link_is_heard(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	start_pair(&a, &b, (struct reload_links_setup){ .keepalive_ms = 1000 });
	assert_int_equal(reload_links_heard(a.links, 7), 0);
	reload_ms last = reload_links_heard(a.links, 1),
		  other = reload_links_heard(b.links, b.up_link);
	assert_true(last && other);
	uint64_t before = reload_links_counters(a.links)->writes;
	TURN_UNTIL(loop, reload_links_heard(a.links, 1) > last + 800 &&
				 reload_links_heard(b.links, b.up_link) > other + 800);
	assert_int_equal(reload_links_counters(a.links)->writes, before);
	node_stop(&a);
	node_stop(&b);
}

static bool all_acked(const struct node *n, uint32_t link)
{
	struct reload_link_info info;
	return reload_links_info(n->links, link, &info) && !info.unacked;
}

static uint64_t writes(const struct node *n)
{
	return reload_links_counters(n->links)->writes;
}

static void an_ack_travels_with_the_response(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { .echo = true };
	start_pair(&a, &b, defaults);
	for (unsigned i = 1; i <= 3; i++) {
		assert_true(reload_links_send(a.links, 1, span_str("request")));
		TURN_UNTIL(loop, a.messages == i && all_acked(&a, 1));
		/* R-6.6.2-04, R-6.6.3-01: the response's ACK has nothing to wait for */
		TURN_UNTIL(loop, all_acked(&b, b.up_link));
		assert_int_equal(writes(&b), i);
		assert_int_equal(writes(&a), 2 * i);
	}
	assert_int_equal(a.bads + b.bads, 0);
	node_stop(&a);
	node_stop(&b);
}

static void an_ack_that_nothing_travels_with_leaves_in_time(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	start_pair(&a, &b, defaults);
	assert_true(reload_links_send(a.links, 1, span_str("request")));
	reload_ms before = reload_poll_now();
	while (!b.messages)
		reload_poll_pass(loop, 0);
	reload_ms now = reload_poll_now();
	/* R-6.6.2-04: the loop wakes up for it within 5 ms, far below the lowest RTO */
	if (now < before + 4) /* else the processor was busy elsewhere for as long as it waits */
		assert_int_equal(writes(&b), 0);
	assert_true(reload_timers_next(reload_poll_timers(loop)) < now + 5);
	TURN_UNTIL(loop, all_acked(&a, 1));
	assert_int_equal(writes(&b), 1);
	assert_int_equal(reload_links_counters(b.links)->bytes_out, 9);
	/* eight of them do not wait */
	for (int i = 0; i < 8; i++)
		assert_true(reload_links_send(a.links, 1, span_str("request")));
	while (b.messages < 9)
		reload_poll_pass(loop, 0);
	assert_int_equal(writes(&b), 2);
	/* a link that closes leaves none behind, nor one that dies a timer */
	assert_true(reload_links_send(a.links, 1, span_str("request")));
	while (b.messages < 10)
		reload_poll_pass(loop, 0);
	reload_links_close(b.links, b.up_link);
	TURN_UNTIL(loop, a.downs == 1);
	assert_int_equal(reload_links_counters(a.links)->bytes_in, 10 * 9);
	node_stop(&a);
	node_stop(&b);
	assert_true(reload_timers_next(reload_poll_timers(loop)) == RELOAD_NEVER);
}

static void acks_of_several_links_leave_in_time(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	start_pair(&a, &b, defaults);
	struct reload_ip_port at = loopback(b.port);
	uint32_t first = b.up_link;
	node_dial(a.links, 2, &at, 1);
	TURN_UNTIL(loop, a.ups == 2 && b.ups == 2);
	assert_true(reload_links_send(a.links, 1, span_str("one")));
	while (b.messages < 1)
		reload_poll_pass(loop, 0);
	assert_true(reload_links_send(a.links, 2, span_str("two")));
	while (b.messages < 2)
		reload_poll_pass(loop, 0);
	/* the first one goes with a message; the second one waits for its own time, not for that of another message */
	assert_true(reload_links_send(b.links, first, span_str("answer")));
	TURN_UNTIL(loop, all_acked(&a, 1) && all_acked(&a, 2) && all_acked(&b, first));
	assert_int_equal(a.bads + b.bads, 0);
	node_stop(&a);
	node_stop(&b);
}

static void silence_takes_a_link_out_and_an_ack_brings_it_back(void **state)
{
	(void)state;
	struct node b = { 0 };
	struct raw r;
	node_start(&b, loop, &bob, root.trust, defaults);
	raw_init(&r, b.port, &alice);
	assert_int_equal(raw_handshake(&r, loop), SSL_ERROR_NONE);
	TURN_UNTIL(loop, b.ups);
	reload_ms start = reload_poll_now();
	assert_true(reload_links_send(b.links, b.up_link, span_str("hi")));
	/* R-6.6-04, R-6.6.5-03: told after one RTO, 500 ms without a sample (LINK-06) */
	TURN_UNTIL(loop, b.bads == 1);
	reload_ms waited = reload_poll_now() - start;
	assert_true(waited >= 500 && waited < 1500);
	/* nothing is sent again: one frame of ten bytes */
	uint8_t got[10];
	assert_true(raw_read(&r, loop, got, 10));
	turn_for(loop, 50);
	assert_int_equal(SSL_read(r.ssl, got, 1), -1);
	/* R-6.6.5-04: the ACK restores it */
	raw_write(&r, span_of("\x81\0\0\0\0\0\0\0\0", 9));
	TURN_UNTIL(loop, b.goods == 1);
	struct reload_link_info info;
	assert_true(reload_links_info(b.links, b.up_link, &info));
	/* R-6.6.5-02: the round trip was measured */
	assert_true(info.good && info.srtt_us >= 500000 && info.rto_ms * 1000 > info.srtt_us);
	assert_int_equal(b.downs, 0);
	raw_clear(&r);
	node_stop(&b);
}

/* sends a message to r, which reads it and, when ack is not NULL, acknowledges it in a record of its own */
static void send_to_raw(struct node *b, struct raw *r, const char *ack)
{
	uint8_t got[10];
	assert_true(reload_links_send(b->links, b->up_link, span_str("hi")));
	assert_true(raw_read(r, loop, got, sizeof(got)));
	if (ack)
		raw_write(r, span_of(ack, 9));
}

static void an_ack_alone_wakes_nobody(void **state)
{
	(void)state;
	struct node b = { 0 };
	struct raw r;
	struct reload_link_info before, after;
	node_start(&b, loop, &bob, root.trust, (struct reload_links_setup){ .rto_floor_ms = 1000 });
	raw_init(&r, b.port, &alice);
	assert_int_equal(raw_handshake(&r, loop), SSL_ERROR_NONE);
	TURN_UNTIL(loop, b.ups);
	send_to_raw(&b, &r, "\x81\0\0\0\0\0\0\0\0"); /* measures the round trip (R-6.6.5-02) */
	TURN_UNTIL(loop, all_acked(&b, b.up_link));
	send_to_raw(&b, &r, "\x81\0\0\0\1\0\0\0\2");
	turn_for(loop, 100);
	assert_int_equal(reload_links_counters(b.links)->bytes_in, 9);
	assert_true(reload_links_info(b.links, b.up_link, &before));
	assert_int_equal(before.unacked, 1);
	/* the next message brings it in, which tells nothing of the round trip */
	raw_write(&r, span_of("\x80\0\0\0\0\0\0\2hi", 10));
	TURN_UNTIL(loop, b.messages == 1);
	assert_true(reload_links_info(b.links, b.up_link, &after));
	assert_int_equal(after.unacked, 0);
	assert_int_equal(after.srtt_us, before.srtt_us);
	/* R-6.6.5-03: without one it is looked for before the link is called bad */
	send_to_raw(&b, &r, "\x81\0\0\0\2\0\0\0\6");
	TURN_UNTIL(loop, all_acked(&b, b.up_link));
	assert_int_equal(b.bads, 0);
	/* nor does the end of a frame wait, however short the record is that it comes in */
	raw_write(&r, span_of("\x80\0\0\0\1\0\0\3hi", 10));
	turn_for(loop, 5);
	raw_write(&r, span_of("!", 1));
	TURN_UNTIL(loop, b.messages == 2);
	/* R-6.6.5-04: a link that is bad does not miss the ACK that ends it */
	send_to_raw(&b, &r, NULL);
	TURN_UNTIL(loop, b.bads == 1);
	raw_write(&r, span_of("\x81\0\0\0\3\0\0\0\xe", 9));
	TURN_UNTIL(loop, b.goods == 1);
	raw_clear(&r);
	TURN_UNTIL(loop, b.downs == 1); /* the end is told in any case */
	node_stop(&b);
}

static void a_slow_ack_wakes_and_is_measured(void **state)
{
	(void)state;
	struct node b = { 0 };
	struct raw r;
	struct reload_link_info before, after;
	node_start(&b, loop, &bob, root.trust, (struct reload_links_setup){ .rto_floor_ms = 2000 });
	raw_init(&r, b.port, &alice);
	assert_int_equal(raw_handshake(&r, loop), SSL_ERROR_NONE);
	TURN_UNTIL(loop, b.ups);
	const struct reload_tls_link *l =
		(const struct reload_tls_link *)reload_secure_link_find(b.links, b.up_link);
	send_to_raw(&b, &r, "\x81\0\0\0\0\0\0\0\0");
	TURN_UNTIL(loop, all_acked(&b, b.up_link) && l->quiet);
	assert_true(reload_links_info(b.links, b.up_link, &before));
	reload_ms start = reload_poll_now();
	send_to_raw(&b, &r, NULL);
	TURN_UNTIL(loop, !l->quiet);
	assert_true(reload_poll_now() >= start + 1500);
	raw_write(&r, span_of("\x81\0\0\0\1\0\0\0\2", 9));
	TURN_UNTIL(loop, all_acked(&b, b.up_link) && l->quiet);
	/* R-6.6.5-02: else the RTO would not grow with the round trip */
	assert_true(reload_links_info(b.links, b.up_link, &after));
	assert_true(after.srtt_us > before.srtt_us + 100000);
	raw_clear(&r);
	node_stop(&b);
}

static struct late {
	struct node b;
	uint32_t link;
	struct raw silent, other;
} late;

/* b is busy with a message of one link while the ACK of the other one arrives and its RTO goes by */
static void acknowledge_and_be_busy(void)
{
	const struct reload_tls_link *l =
		(const struct reload_tls_link *)reload_secure_link_find(late.b.links, late.link);
	uint8_t got[10];
	assert_int_equal(SSL_read(late.silent.ssl, got, sizeof(got)), sizeof(got));
	raw_write(&late.silent, span_of("\x81\0\0\0\1\0\0\0\2", 9));
	while (reload_poll_now() < l->health.since + reload_rto_ms(&l->rto))
		;
}

static void a_delay_of_this_end_is_not_one_of_the_other(void **state)
{
	(void)state;
	late = (struct late){ 0 };
	/* without quiet links */
	node_start(&late.b, loop, &bob, root.trust,
		(struct reload_links_setup){
			.rto_floor_ms = 100, .tls_version_max = TLS1_2_VERSION });
	raw_init(&late.silent, late.b.port, &alice);
	assert_int_equal(raw_handshake(&late.silent, loop), SSL_ERROR_NONE);
	TURN_UNTIL(loop, late.b.ups == 1);
	late.link = late.b.up_link;
	send_to_raw(&late.b, &late.silent, "\x81\0\0\0\0\0\0\0\0");
	TURN_UNTIL(loop, all_acked(&late.b, late.link));
	raw_init(&late.other, late.b.port, &alice);
	assert_int_equal(raw_handshake(&late.other, loop), SSL_ERROR_NONE);
	TURN_UNTIL(loop, late.b.ups == 2);
	unsigned bads = late.b.bads; /* of a machine that was busy */
	late.b.on_message = acknowledge_and_be_busy;
	raw_write(&late.other, span_of("\x80\0\0\0\0\0\0\2hi", 10));
	assert_true(reload_links_send(late.b.links, late.link, span_str("hi")));
	TURN_UNTIL(loop, late.b.messages == 1);
	TURN_UNTIL(loop, all_acked(&late.b, late.link));
	assert_int_equal(late.b.bads, bads); /* R-6.6.5-03 */
	raw_clear(&late.silent);
	raw_clear(&late.other);
	node_stop(&late.b);
}

static void oversized_is_answered_then_closed(void **state)
{
	(void)state;
	struct node b = { 0 };
	struct raw r;
	node_start(&b, loop, &bob, root.trust, defaults);
	raw_init(&r, b.port, &alice);
	assert_int_equal(raw_handshake(&r, loop), SSL_ERROR_NONE);
	uint8_t frame[8 + 38] = { 0x80, 0, 0, 0, 0, 0, 0x13, 0x89, 0xd2 };
	raw_write(&r, span_of(frame, sizeof(frame)));
	uint8_t got[8 + 9];
	/* R-6.6-03: 5001 announced with a limit of 5000; the answer leaves before the link is closed */
	assert_true(raw_read(&r, loop, got, sizeof(got)));
	assert_memory_equal(got + 8, "too large", 9);
	assert_int_equal(b.oversized, 1);
	assert_int_equal(b.head_len, 38);
	assert_int_equal(b.head[0], 0xd2);
	assert_false(raw_read(&r, loop, got, 1));
	assert_int_equal(SSL_get_shutdown(r.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
	raw_clear(&r);
	TURN_UNTIL(loop, !reload_links_counters(b.links)->links);
	assert_int_equal(b.downs, 0); /* the owner closed it */
	assert_int_equal(b.messages, 0);
	node_stop(&b);
}

static void close_lets_the_queue_leave(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	start_pair(&a, &b, (struct reload_links_setup){ .max_message = 300000 });
	uint8_t *bytes = reload_alloc(300000);
	for (int i = 0; i < 3; i++)
		assert_true(reload_links_send(a.links, 1, span_of(bytes, 300000)));
	free(bytes);
	reload_links_close(a.links, 1);
	assert_false(reload_links_send(a.links, 1, span_str("late")));
	TURN_UNTIL(loop, b.downs == 1);
	assert_int_equal(b.bytes, 900000);
	TURN_UNTIL(loop, !reload_links_counters(a.links)->links);
	assert_int_equal(a.downs, 0);
	reload_links_close(a.links, 1); /* gone: legal */
	node_stop(&a);
	node_stop(&b);
}

static void a_callback_may_close_its_link(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { .close_on_message = true };
	start_pair(&a, &b, defaults);
	for (int i = 0; i < 5; i++)
		assert_true(reload_links_send(a.links, 1, span_str("x")));
	TURN_UNTIL(loop, a.downs == 1);
	assert_int_equal(b.messages, 1);
	assert_int_equal(b.downs, 0);
	node_stop(&a);
	node_stop(&b);
}

static void every_address_is_tried(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	node_start(&a, loop, &alice, root.trust,
		(struct reload_links_setup){ .connect_ms = 1500 }); /* a handshake has as long */
	node_start(&b, loop, &bob, root.trust, defaults);
	int silent = raw_socket(b.port); /* a bound port on which nobody listens */
	struct sockaddr_in bound;
	socklen_t len = sizeof(bound);
	assert_int_equal(getsockname(silent, (struct sockaddr *)&bound, &len), 0);
	struct reload_ip_port at[3] = { { .type = 77 }, loopback(ntohs(bound.sin_port)),
		loopback(b.port) };
	node_dial(a.links, 1, at, 3);
	TURN_UNTIL(loop, a.ups || a.downs);
	assert_int_equal(a.ups, 1);
	assert_int_equal(a.up_peer.port, b.port);
	node_dial(a.links, 2, at, 2);
	assert_int_equal(a.downs, 0); /* orders never call back */
	TURN_UNTIL(loop, a.downs == 1);
	assert_int_equal(a.down_err, RELOAD_LINK_DOWN);
	assert_non_null(strstr(a.down_why, "; TLS 127.0.0.1:"));
	assert_non_null(strstr(a.down_why, ": Connection refused"));
	node_dial(a.links, 3, NULL, 0);
	TURN_UNTIL(loop, a.downs == 2);
	assert_int_equal(a.down_err, RELOAD_UNREACHABLE);
	node_dial(a.links, 4, at + 2, 1);
	reload_links_close(a.links, 4);
	turn_for(loop, 50);
	assert_int_equal(a.downs, 2);
	assert_int_equal(a.ups, 1);
	close(silent);
	node_stop(&a);
	node_stop(&b);
}

static void several_addresses_are_listened_on(void **state)
{
	(void)state;
	struct node a = { 0 }, b = { 0 };
	struct reload_error_text why;
	node_start(&a, loop, &alice, root.trust, defaults);
	node_start(&b, loop, &bob, root.trust, defaults);
	struct reload_ip_port other = {
		.type = RELOAD_IPV4, .addr = { 127, 0, 0, 2 }, .port = b.port
	};
	struct reload_ip_port six = { .type = RELOAD_IPV6, .port = b.port };
	struct reload_ip_port unknown = { .type = 9 };
	uint16_t port;
	assert_int_equal(reload_links_listen(b.links, &other, &port, &why), RELOAD_OK);
	assert_int_equal(port, b.port);
	assert_int_equal(reload_links_listen(b.links, &other, &port, &why), RELOAD_IO);
	assert_int_equal(reload_links_listen(b.links, &unknown, &port, &why), RELOAD_IO);
	node_dial(a.links, 1, &other, 1);
	TURN_UNTIL(loop, a.ups == 1);
	six.addr[15] = 1;
	if (!reload_links_listen(b.links, &six, &port, &why)) { /* a machine may have no IPv6 */
		node_dial(a.links, 2, &six, 1);
		TURN_UNTIL(loop, a.ups == 2);
		assert_int_equal(a.up_peer.type, RELOAD_IPV6);
	}
	node_stop(&a);
	node_stop(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_of_all_sizes),
		cmocka_unit_test(a_turn_costs_one_write),
		cmocka_unit_test(an_ack_comes_before_what_a_message_causes),
		cmocka_unit_test(an_idle_link_is_heard),
		cmocka_unit_test(an_ack_travels_with_the_response),
		cmocka_unit_test(an_ack_that_nothing_travels_with_leaves_in_time),
		cmocka_unit_test(acks_of_several_links_leave_in_time),
		cmocka_unit_test(silence_takes_a_link_out_and_an_ack_brings_it_back),
		cmocka_unit_test(an_ack_alone_wakes_nobody),
		cmocka_unit_test(a_slow_ack_wakes_and_is_measured),
		cmocka_unit_test(a_delay_of_this_end_is_not_one_of_the_other),
		cmocka_unit_test(oversized_is_answered_then_closed),
		cmocka_unit_test(close_lets_the_queue_leave),
		cmocka_unit_test(a_callback_may_close_its_link),
		cmocka_unit_test(every_address_is_tried),
		cmocka_unit_test(several_addresses_are_listened_on),
	};
	return cmocka_run_group_tests(tests, cast_begin, cast_end);
}
