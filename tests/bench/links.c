/*
 * What one link carries on loopback, in one direction, as one JSON object: both ends are in this process and turn one loop, so
 * the figures are of one core that does the work of both.
 *
 *   links [SECONDS [ONLY]]       seconds of each measurement, 2; ONLY: what one of them is called
 *
 * ..._per_s is messages a second, ..._mb_per_s their bytes; ..._cpu_us is processor time of a message, both ends.  Datagrams are lost by a relay in
 * this process, by chance from one seed, in both directions.  Bare: records of the session of a link, written and read by
 * OpenSSL through the same sockets, one in a datagram, without frames, ACKs or a loop.
 */
#include "../unit/dtls_relay.h"
#include "../unit/link_cast.h"

#include "link/dtls.h"
#include "link/udp_socket_io.h"

#include <stdlib.h>
#include <time.h>

enum {
	MESSAGE = 1100,
	AHEAD = 128, /* messages that were sent and did not arrive yet, at most: queues stay short */
	BATCH = 32,  /* bare records */
	LINK = 1
};

enum transport {
	TLS,
	WINDOWED,
	STOP_AND_WAIT
};

static uint8_t message[MESSAGE];
static double seconds = 2;
static const char *only;
static bool first = true;

static double clock_s(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct span_of_time {
	double wall, cpu;
};

static struct span_of_time now(void)
{
	return (struct span_of_time){ clock_s(CLOCK_MONOTONIC), clock_s(CLOCK_PROCESS_CPUTIME_ID) };
}

static void report(const char *name, struct span_of_time from, unsigned messages)
{
	struct span_of_time to = now();
	double wall = to.wall - from.wall, cpu = to.cpu - from.cpu;
	printf("%s\"%s_per_s\": %.0f, \"%s_mb_per_s\": %.2f, \"%s_cpu_us\": %.2f",
		first ? "{" : ", ", name, messages / wall, name, messages / wall * MESSAGE / 1e6,
		name, messages ? cpu / messages * 1e6 : 0);
	first = false;
}

static struct reload_dtls_link *dtls_link(struct node *n, uint32_t number)
{
	return (struct reload_dtls_link *)reload_secure_link_find(n->links, number);
}

/* The baseline sender takes the place of the windowed one, which has sent nothing yet. */
static void stop_and_wait(struct node *n)
{
	struct reload_reliable *r = &dtls_link(n, LINK)->reliable;
	struct reload_reliable_setup setup = r->setup;
	setup.policy = RELOAD_RELIABLE_STOP_AND_WAIT;
	reload_reliable_clear(r);
	reload_reliable_init(r, &setup);
}

static void start(struct node *a, struct node *b, struct relay *relay, bool dtls)
{
	struct reload_links_setup set = { .types = RELOAD_LINK_BIT(dtls ? RELOAD_DTLS_UDP_SR_NO_ICE
									: RELOAD_TLS_TCP_FH_NO_ICE),
		.repeat_ms = 1500 };
	node_start(a, loop, &alice, root.trust, set);
	node_start(b, loop, &bob, root.trust, set);
	if (relay)
		relay_start(relay, loop, b->port);
	struct reload_ip_port at = loopback(relay ? relay->port : b->port);
	node_dial(a->links, LINK, &at, 1);
	TURN_UNTIL(loop, a->ups && b->ups);
}

/* Messages differ, as no two messages of RELOAD are equal: a second one would be taken for a repeated one. */
static void number(unsigned n)
{
	memcpy(message, &n, sizeof(n));
}

static void measure(const char *name, enum transport transport, uint32_t loss)
{
	struct node a = { 0 }, b = { 0 };
	struct relay relay = { 0 };
	if (only && strcmp(only, name) != 0)
		return;
	start(&a, &b, loss ? &relay : NULL, transport != TLS);
	if (transport == STOP_AND_WAIT)
		stop_and_wait(&a);
	relay.loss = loss;
	relay.seed = 1;
	unsigned sent = 0;
	struct span_of_time from = now();
	do {
		while (sent - b.messages < AHEAD) {
			number(sent);
			if (!reload_links_send(a.links, LINK, span_of(message, MESSAGE)))
				break;
			sent++;
		}
		reload_poll_pass(loop, 100);
	} while (clock_s(CLOCK_MONOTONIC) - from.wall < seconds);
	report(name, from, b.messages);
	assert_int_equal(a.downs + b.downs, 0);
	node_stop(&a);
	node_stop(&b);
	if (loss)
		relay_stop(&relay);
}

static void bare(void)
{
	struct node a = { 0 }, b = { 0 };
	if (only && strcmp(only, "bare") != 0)
		return;
	start(&a, &b, NULL, true);
	struct reload_dtls_link *from_link = dtls_link(&a, LINK),
				*to_link = dtls_link(&b, b.up_link);
	uint8_t datagram[2048], record[2048];
	unsigned sent = 0, received = 0;
	struct span_of_time from = now();
	do {
		for (int i = 0; i < BATCH; i++) {
			number(sent++);
			assert_int_equal(SSL_write(from_link->base.ssl, message, MESSAGE), MESSAGE);
			reload_dtls_flush(a.links);
		}
		struct reload_ip_port peer;
		struct reload_udp_local local;
		int n;
		while ((n = reload_udp_receive(((struct reload_udp_link *)to_link)->port->fd,
				datagram, sizeof(datagram), &peer, &local)) > 0) {
			to_link->datagram = span_of(datagram, (size_t)n);
			received += SSL_read(to_link->base.ssl, record, sizeof(record)) == MESSAGE;
		}
	} while (clock_s(CLOCK_MONOTONIC) - from.wall < seconds);
	report("bare", from, received);
	assert_int_equal(sent, received);
	node_stop(&a);
	node_stop(&b);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		seconds = strtod(argv[1], NULL);
	only = argc > 2 ? argv[2] : NULL;
	cast_begin(NULL);
	bare();
	measure("tls", TLS, 0);
	measure("windowed_0", WINDOWED, 0);
	measure("windowed_1", WINDOWED, 10000);
	measure("windowed_5", WINDOWED, 50000);
	measure("stop_and_wait_0", STOP_AND_WAIT, 0);
	measure("stop_and_wait_1", STOP_AND_WAIT, 10000);
	measure("stop_and_wait_5", STOP_AND_WAIT, 50000);
	printf("}\n");
	return cast_end(NULL);
}
