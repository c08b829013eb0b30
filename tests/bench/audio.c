/*
 * Audio of calls, as both of their ends send and hear it: audio SECONDS, with a line "OWN_PORT OTHER_PORT" on standard input for each end, all on 127.0.0.1.  Each
 * sends a packet of PCMU every 20 ms; what is lost, the jitter (RFC 3550 s6.4.1) and the delay are printed as JSON.
 */
#include "media/rtp.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

enum {
	ENDS = 512,
	FRAME_US = 20000,
	SETTLE_US = 500000, /* for what is under way at the end */
	PACKET = 172,
	DELAYS = 4 * 1024 * 1024
};

struct end {
	int fd;
	struct sockaddr_in to;
	uint64_t due;
	uint32_t sent;
	struct reload_rtp_stats stats;
};

static struct end ends[ENDS];
static struct pollfd fds[ENDS];
static uint32_t *delays; /* us */
static size_t count, delays_count;

static uint64_t now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static struct sockaddr_in at(unsigned port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void read_ends(uint64_t begin)
{
	unsigned own, other;
	while (count < ENDS && scanf("%u %u", &own, &other) == 2) {
		struct end *e = &ends[count];
		struct sockaddr_in here = at(own);
		e->fd = socket(AF_INET, SOCK_DGRAM, 0);
		e->to = at(other);
		if (e->fd < 0 || bind(e->fd, (struct sockaddr *)&here, sizeof(here))) {
			perror("audio");
			exit(1);
		}
		fds[count++] = (struct pollfd){ .fd = e->fd, .events = POLLIN };
	}
	for (size_t i = 0; i < count; i++) /* not all at the same moment */
		ends[i].due = begin + i * FRAME_US / count;
}

static void send_due(struct end *e, uint64_t now)
{
	uint8_t packet[PACKET] = { 0 };
	struct wr w = wr_fixed(packet, sizeof(packet));
	struct reload_rtp p = { .sequence = (uint16_t)e->sent,
		.timestamp = e->sent * RELOAD_RTP_FRAME,
		.ssrc = (uint32_t)(e - ends) + 1 };
	reload_rtp_write(&w, &p);
	wr_u64(&w, now);
	sendto(e->fd, packet, sizeof(packet), 0, (struct sockaddr *)&e->to, sizeof(e->to));
	e->sent++;
	e->due += FRAME_US;
}

static void receive(struct end *e)
{
	uint8_t packet[PACKET];
	struct reload_rtp p;
	ssize_t n;
	while ((n = recv(e->fd, packet, sizeof(packet), MSG_DONTWAIT)) > 0) {
		uint64_t now = now_us();
		if (reload_rtp_read(&p, span_of(packet, (size_t)n)) ||
			!reload_rtp_count(&e->stats, &p, now * 8 / 1000))
			continue;
		struct rd r = rd_of(p.payload);
		if (delays_count < DELAYS)
			delays[delays_count++] = (uint32_t)(now - rd_u64(&r));
	}
}

static int by_size(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

static void print(void)
{
	uint64_t sent = 0, received = 0;
	double jitter = 0, most = 0;
	for (size_t i = 0; i < count; i++) {
		sent += ends[i].sent;
		received += ends[i].stats.received;
		jitter += ends[i].stats.jitter / 8;
		most = ends[i].stats.jitter / 8 > most ? ends[i].stats.jitter / 8 : most;
	}
	qsort(delays, delays_count, sizeof(*delays), by_size);
	uint32_t p50 = delays_count ? delays[delays_count / 2] : 0,
		 p99 = delays_count ? delays[delays_count * 99 / 100] : 0;
	printf("{\"sent\": %llu, \"lost_percent\": %.4f, \"jitter_ms\": %.3f, \"jitter_max_ms\": "
	       "%.3f, "
	       "\"delay_p50_ms\": %.3f, \"delay_p99_ms\": %.3f}\n",
		(unsigned long long)sent, 100 * (double)(sent - received) / (double)(sent + !sent),
		count ? jitter / (double)count : 0, most, p50 / 1000.0, p99 / 1000.0);
}

int main(int argc, char **argv)
{
	uint64_t begin = now_us(),
		 end = begin + strtoull(argc > 1 ? argv[1] : "1", NULL, 10) * 1000000;
	delays = reload_alloc(DELAYS * sizeof(*delays));
	read_ends(begin);
	for (uint64_t now = now_us(); now < end + SETTLE_US; now = now_us()) {
		uint64_t next = now + 1000;
		for (size_t i = 0; i < count && now < end; i++) {
			if (now >= ends[i].due)
				send_due(&ends[i], now);
			next = ends[i].due < next ? ends[i].due : next;
		}
		struct timespec wait = { .tv_nsec = next > now ? (long)(next - now) * 1000 : 0 };
		if (ppoll(fds, count, &wait, NULL) > 0)
			for (size_t i = 0; i < count; i++)
				if (fds[i].revents)
					receive(&ends[i]);
	}
	print();
	return 0;
}
