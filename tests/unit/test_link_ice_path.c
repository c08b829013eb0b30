/*
 * The ICE plug-in and what is between two of its ends: a path of the test, which passes datagrams on, drops some, and changes its ports as a NAT
 * does that was started anew.
 */
#include "link_ice_ends.h"

#include "link/stun.h"
#include "link/stun_servers.h"
#include "link/udp_socket_io.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

enum {
	MANY = 80, /* addresses; more than the plug-in takes */
	DATAGRAM_MAX = 2000,
	LIMIT_MS = 40000, /* of a test */
	STUN_HEADER = 20,
	INTEGRITY = 20,
	BINDING_REQUEST = 0x0001,
	BINDING_SUCCESS = 0x0101
};

/* Each end has the socket of the other side for the other end: a sends to side[1], and is sent to from there. */
struct path {
	struct {
		int fd;
		struct reload_ip_port at, end;
	} side[2];
	bool no_success_to_a; /* its checks go unanswered */
	unsigned to_a;        /* datagrams other than STUN */
	unsigned a_answered;  /* checks of b */
	uint8_t check[DATAGRAM_MAX];
	size_t check_len; /* of b, the last one */
	reload_ms limit;
};

static int socket_open(struct reload_ip_port *at)
{
	*at = loopback(0);
	int fd = reload_udp_open(at);
	assert_true(fd >= 0);
	return fd;
}

static void path_open(struct path *p)
{
	p->limit = reload_poll_now() + LIMIT_MS;
	for (size_t i = 0; i < 2; i++)
		p->side[i].fd = socket_open(&p->side[i].at);
}

static void path_close(struct path *p)
{
	for (size_t i = 0; i < 2; i++)
		close(p->side[i].fd);
}

/* puts the path between two ends that have gathered */
static void path_between(struct path *p, struct end e[2])
{
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(e[i].count, 1);
		p->side[i].end = e[i].candidates[0].address;
		e[i].candidates[0].address = p->side[i].at;
	}
}

static void send_from(int fd, const struct reload_ip_port *to, struct span bytes)
{
	struct reload_udp_local any = { 0 };
	assert_true(reload_udp_send(fd, bytes, to, &any));
}

/* what came to side i is for the end there, from the side of the other one */
static void pass_on(struct path *p, size_t i, struct span bytes)
{
	unsigned type = bytes.len >= 20 ? (unsigned)(bytes.at[0] << 8 | bytes.at[1]) : 0xffff;
	if (i == 0 && type == BINDING_SUCCESS && p->no_success_to_a)
		return;
	if (i == 0 && type == BINDING_REQUEST) {
		memcpy(p->check, bytes.at, bytes.len);
		p->check_len = bytes.len;
	}
	p->to_a += i == 0 && bytes.at[0] > 3;
	p->a_answered += i == 1 && type == BINDING_SUCCESS;
	send_from(p->side[!i].fd, &p->side[i].end, bytes);
}

static void path_take(struct path *p, size_t i)
{
	uint8_t bytes[DATAGRAM_MAX];
	struct reload_ip_port from;
	struct reload_udp_local local;
	int len;
	while ((len = reload_udp_receive(p->side[i].fd, bytes, sizeof(bytes), &from, &local)) >= 0)
		if (len)
			pass_on(p, i, span_of(bytes, (size_t)len));
}

/* one pass: what has come to the path, and what both ends were told */
static void pass(struct path *p, struct end e[2])
{
	struct pollfd fds[4] = { { p->side[0].fd, POLLIN, 0 }, { p->side[1].fd, POLLIN, 0 },
		{ e[0].inbox.fd, POLLIN, 0 }, { e[1].inbox.fd, POLLIN, 0 } };
	assert_true(poll(fds, 4, LIMIT_MS) > 0);
	assert_true(reload_poll_now() < p->limit);
	for (size_t i = 0; i < 2; i++) {
		if (fds[i].revents)
			path_take(p, i);
		if (fds[2 + i].revents)
			take_all(&e[i]);
	}
}

/* Record of DTLS that is no record, of len bytes. */
static struct span record(size_t len)
{
	static uint8_t bytes[DATAGRAM_MAX] = { 22, 0xfe, 0xfd };
	return span_of(bytes, len);
}

/* b has a pair, a has none yet, and b begins to send: what came first is kept, and delivered when a has its pair. */
static void sent_early(size_t len, unsigned kept)
{
	enum {
		SENT = 12
	};
	struct end e[2] = { 0 };
	struct path p = { .no_success_to_a = true };
	path_open(&p);
	gather_ends(e, 0);
	path_between(&p, e);
	start_ends(e);
	while (!e[1].connected)
		pass(&p, e);
	for (unsigned i = 0; i < SENT; i++)
		assert_true(plugin->send(e[1].ice, 1, record(len)));
	while (p.to_a < SENT)
		pass(&p, e);
	assert_int_equal(e[0].connected + e[0].datagrams, 0);
	p.no_success_to_a = false;
	while (!e[0].connected)
		pass(&p, e);
	assert_true(plugin->send(e[1].ice, 1, record(99)));
	while (e[0].datagrams < kept + 1)
		pass(&p, e);
	assert_int_equal(e[0].bytes, kept * len + 99);
	end_ends(e);
	path_close(&p);
}

/* A05, R-6.5.1.14-01: a ClientHello that comes before this end has its pair is no lost one */
static void datagrams_before_the_pair_are_kept(void **state)
{
	(void)state;
	sent_early(100, 8);
	sent_early(1500, 5); /* 8 kB */
}

/* A05, R-6.5.1.14-01: b has the offer of a and begins, and what it sends is there before its answer, which makes a begin */
static void datagrams_before_the_answer_are_kept(void **state)
{
	(void)state;
	enum {
		SENT = 12,
		KEPT = 8
	};
	struct end e[2] = { 0 };
	struct path p = { 0 };
	path_open(&p);
	gather_ends(e, 0);
	path_between(&p, e);
	start_end(e, 1);
	while (!p.a_answered)
		pass(&p, e);
	for (unsigned i = 0; i < SENT; i++)
		send_from(p.side[1].fd, &p.side[0].end, record(100));
	/* behind them comes a check, and with its answer they have been read */
	for (unsigned before = p.a_answered; p.a_answered == before;) {
		send_from(p.side[1].fd, &p.side[0].end, span_of(p.check, p.check_len));
		pass(&p, e);
	}
	assert_int_equal(e[0].connected + e[0].datagrams, 0);
	start_end(e, 0);
	while (!e[0].connected || !e[1].connected)
		pass(&p, e);
	assert_true(plugin->send(e[1].ice, 1, record(99)));
	while (e[0].bytes % 100 != 99)
		pass(&p, e);
	assert_int_equal(e[0].datagrams, KEPT + 1);
	end_ends(e);
	path_close(&p);
}

/* the path has another port, from which the other end checks: the chosen pair is changed for one that leads there */
static void a_path_with_another_port_is_found(void **state)
{
	(void)state;
	struct end e[2] = { 0 };
	struct path p = { 0 };
	path_open(&p);
	gather_ends(e, 0);
	path_between(&p, e);
	start_ends(e);
	while (!e[0].connected || !e[1].connected)
		pass(&p, e);
	close(p.side[1].fd);
	p.side[1].fd = socket_open(&p.side[1].at);
	while (e[0].pair.remote.port != p.side[1].at.port)
		pass(&p, e);
	assert_true(plugin->send(e[0].ice, 1, record(100)));
	while (!e[1].datagrams)
		pass(&p, e);
	assert_int_equal(e[0].failed + e[1].failed, 0);
	end_ends(e);
	path_close(&p);
}

/* a check that is sent again from many addresses, which anybody on the way can do, costs the link, and not the memory of all of them */
static void checks_from_many_addresses_end_it(void **state)
{
	(void)state;
	struct end e[2] = { 0 };
	struct path p = { 0 };
	path_open(&p);
	gather_ends(e, 0);
	path_between(&p, e);
	start_ends(e);
	while (!e[0].connected || !e[1].connected || !p.check_len)
		pass(&p, e);
	int fds[MANY];
	for (unsigned i = 0; i < MANY; i++) {
		struct reload_ip_port at;
		fds[i] = socket_open(&at);
		send_from(fds[i], &p.side[0].end, span_of(p.check, p.check_len));
	}
	while (!e[0].failed)
		pass(&p, e);
	assert_string_equal(e[0].why, "the other end sends checks from too many addresses");
	for (unsigned i = 0; i < MANY; i++)
		close(fds[i]);
	end_ends(e);
	path_close(&p);
}

/* A NAT before the first address, and nothing that leads to the server from the others; returns how many requests came. */
static unsigned serve(int fd, struct reload_admission *a, const struct reload_ip_port *answered)
{
	uint8_t bytes[RELOAD_STUN_REQUEST_MAX], out[RELOAD_STUN_ANSWER_MAX];
	struct reload_ip_port from,
		outside = { .type = RELOAD_IPV4, .addr = { 203, 0, 113, 9 }, .port = 4000 };
	struct reload_udp_local local;
	int len;
	unsigned count = 0;
	size_t out_len;
	while ((len = reload_udp_receive(fd, bytes, sizeof(bytes), &from, &local)) >= 0) {
		count += len > 0;
		if (len && reload_ip_port_same_host(&from, answered) &&
			!reload_stun_serve(out, &out_len, a, span_of(bytes, (size_t)len), &outside,
				reload_poll_now()))
			send_from(fd, &from, span_of(out, out_len));
	}
	return count;
}

static unsigned gather_at_two(
	struct end *e, const struct reload_ip_port *answered, reload_ms wait_ms)
{
	unsigned requests = 0;
	struct reload_ip_port at[2] = { loopback(0), loopback(0) };
	struct reload_ip_port server;
	struct reload_admission a;
	int fd = socket_open(&server);
	at[1].addr[3] = 2;
	reload_admission_init(&a, RELOAD_STUN_RATE, RELOAD_STUN_RATE_ALL, reload_poll_now());
	assert_int_equal(reload_ice_inbox_init(&e->inbox), 0);
	e->ice = plugin->begin(reload_ice_inbox_put, &e->inbox);
	plugin->gather(e->ice, 1,
		&(struct reload_ice_gather){ .addresses = at,
			.addresses_count = 2,
			.server = { .type = RELOAD_ICE_STUN, .at = server },
			.wait_ms = wait_ms });
	while (!e->gathered) {
		struct pollfd fds[2] = { { fd, POLLIN, 0 }, { e->inbox.fd, POLLIN, 0 } };
		assert_true(poll(fds, 2, 10000) > 0);
		requests += serve(fd, &a, answered);
		if (fds[1].revents)
			take_all(e);
	}
	plugin->end(e->ice);
	reload_ice_inbox_clear(&e->inbox);
	close(fd);
	return requests;
}

/* A19: an address from which no way leads to the server is not waited for until the server is given up */
static void a_server_that_answers_at_one_address(void **state)
{
	(void)state;
	struct end e = { 0 }, other = { 0 };
	struct reload_ip_port first = loopback(0), nobody = { .type = RELOAD_IPV4 };
	(void)gather_at_two(&e, &first, 0);
	assert_int_equal(e.count, 3);
	assert_string_equal(e.why, "");
	(void)gather_at_two(&other, &nobody, 0);
	assert_int_equal(other.count, 2);
	assert_string_equal(other.why, "the STUN server does not answer");
}

/* The answer to an Allocate: an error code, and what goes with it. */
static size_t refusal(uint8_t out[DATAGRAM_MAX], const uint8_t *request, unsigned code)
{
	static const uint8_t asks[] = { 0, 0x14, 0, 4, 'r', 'e', 'a', 'l', 0, 0x15, 0, 4, 'o', 'n',
		'c', 'e' };
	uint8_t error[] = { 0, 9, 0, 4, 0, 0, (uint8_t)(code / 100), (uint8_t)(code % 100) },
		integrity[] = { 0, 8, 0, INTEGRITY }, key[16];
	size_t len = STUN_HEADER + sizeof(error);
	memcpy(out, request, STUN_HEADER);
	memcpy(out + STUN_HEADER, error, sizeof(error));
	out[0] = 1, out[1] = 0x13, out[2] = 0;
	if (code == 401) {
		memcpy(out + len, asks, sizeof(asks));
		out[3] = sizeof(error) + sizeof(asks);
		return len + sizeof(asks);
	}
	out[3] = sizeof(error) + sizeof(integrity) + INTEGRITY;
	assert_true(EVP_Digest("user:real:password", 18, key, NULL, EVP_md5(), NULL));
	memcpy(out + len, integrity, sizeof(integrity));
	assert_non_null(
		HMAC(EVP_sha1(), key, sizeof(key), out, len, out + len + sizeof(integrity), NULL));
	return len + sizeof(integrity) + INTEGRITY;
}

/* A TURN server that has an allocation wherever it is asked from; counts these addresses. */
static void refuse(int fd, struct reload_ip_port *last, unsigned *ports)
{
	uint8_t bytes[DATAGRAM_MAX], out[DATAGRAM_MAX];
	struct reload_ip_port from;
	struct reload_udp_local local;
	int len;
	while ((len = reload_udp_receive(fd, bytes, sizeof(bytes), &from, &local)) >= 0) {
		if (len < STUN_HEADER)
			continue;
		assert_int_equal(bytes[1], 3); /* Allocate */
		bool named = memmem(bytes, (size_t)len, "user", 4) != NULL;
		send_from(fd, &from, span_of(out, refusal(out, bytes, named ? 437 : 401)));
		*ports += !reload_ip_port_eq(&from, last);
		*last = from;
	}
}

/* A11: 437, as an earlier run of this program has left an allocation there: once more from another port, and no more often */
static void an_allocation_that_is_there_already(void **state)
{
	(void)state;
	struct end e = { 0 };
	struct reload_ip_port at = loopback(0), server, last = { 0 };
	unsigned ports = 0;
	int fd = socket_open(&server);
	assert_int_equal(reload_ice_inbox_init(&e.inbox), 0);
	e.ice = plugin->begin(reload_ice_inbox_put, &e.inbox);
	plugin->gather(e.ice, 1,
		&(struct reload_ice_gather){ .addresses = &at,
			.addresses_count = 1,
			.server = { RELOAD_ICE_TURN_UDP, server, "user", "password" } });
	while (!e.gathered) {
		struct pollfd fds[2] = { { fd, POLLIN, 0 }, { e.inbox.fd, POLLIN, 0 } };
		assert_true(poll(fds, 2, 10000) > 0);
		refuse(fd, &last, &ports);
		if (fds[1].revents)
			take_all(&e);
	}
	assert_int_equal(ports, 2);
	assert_int_equal(e.count, 1);
	assert_string_equal(e.why, "the TURN server gives no relay");
	plugin->end(e.ice);
	reload_ice_inbox_clear(&e.inbox);
	close(fd);
}

/* A16: what this host has is offered without the server, which is asked three times all the same */
static void a_server_that_is_silent(void **state)
{
	(void)state;
	enum {
		WAIT_MS = 1400 /* a third request after 1,500 would be too late */
	};
	struct end e = { 0 }, other = { 0 };
	struct reload_ip_port nobody = { .type = RELOAD_IPV4 };
	reload_ms begun = reload_poll_now();
	(void)gather_at_two(&e, &nobody, RELOAD_STUN_WAIT_MS);
	assert_in_range(reload_poll_now() - begun, RELOAD_STUN_WAIT_MS, RELOAD_ICE_GATHER_MS - 1);
	assert_int_equal(e.count, 2);
	assert_string_equal(e.why, "the STUN server does not answer");
	assert_int_equal(gather_at_two(&other, &nobody, WAIT_MS), 2 * 3);
}

static int setup(void **state)
{
	(void)state;
	plugin_load();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(datagrams_before_the_pair_are_kept),
		cmocka_unit_test(datagrams_before_the_answer_are_kept),
		cmocka_unit_test(a_path_with_another_port_is_found),
		cmocka_unit_test(checks_from_many_addresses_end_it),
		cmocka_unit_test(a_server_that_answers_at_one_address),
		cmocka_unit_test(a_server_that_is_silent),
		cmocka_unit_test(an_allocation_that_is_there_already),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
