/* Two nodes with streams of applications, a and b, and what their programs do. */
#pragma once

#include "link_cast.h"

#include "link/app_streams_io.h"

#include <sys/socket.h>
#include <unistd.h>

enum {
	APP = 5,
	MEGABYTE = 1024 * 1024
};

static struct authority other_root;
static struct identity mallory; /* of that one */

static inline int app_cast_begin(void **state)
{
	(void)cast_begin(state);
	authority_init(&other_root, "other root");
	identity_init(&mallory, &other_root, 3, OVERLAY, 3600 * 1000);
	return 0;
}

static inline int app_cast_end(void **state)
{
	identity_clear(&mallory);
	authority_clear(&other_root);
	return cast_end(state);
}

/* One node with its streams, and what it was told last. */
struct end {
	struct node node;
	struct reload_app_streams *streams;
	unsigned ups, downs, ends;
	uint32_t stream, ended_stream;
	enum reload_err down_err, ended_err;
	uint64_t sent, received;
	char why[512];
	int program; /* the other end of the local socket; -1: none */
};

static struct end a, b;

static inline void on_up(void *arg, uint32_t app, uint32_t stream, struct reload_cert *cert,
	const struct reload_ip_port *peer)
{
	struct end *e = arg;
	assert_int_equal(app, APP);
	assert_non_null(cert->user);
	assert_int_equal(peer->type, RELOAD_IPV4);
	e->ups++;
	e->stream = stream;
}

static inline void on_down(
	void *arg, uint32_t app, enum reload_err err, const struct reload_error_text *why)
{
	struct end *e = arg;
	assert_int_equal(app, APP);
	e->downs++;
	e->down_err = err;
	snprintf(e->why, sizeof(e->why), "%s", why->reason);
}

static inline void on_ended(void *arg, uint32_t stream, const struct reload_app_stream_end *end)
{
	struct end *e = arg;
	e->ends++;
	e->ended_stream = stream;
	e->ended_err = end->err;
	e->sent = end->sent;
	e->received = end->received;
	snprintf(e->why, sizeof(e->why), "%s", end->err ? end->why->reason : "");
}

static inline void on_gathered(void *arg, uint32_t app, const struct reload_ice_found *found)
{
	struct end *e = arg;
	assert_int_equal(app, APP);
	node_gathered(&e->node, 0, found);
}

static inline void on_pairs_failed(
	void *arg, uint32_t app, const struct reload_ice_pair *pairs, size_t count)
{
	struct end *e = arg;
	assert_int_equal(app, APP);
	assert_non_null(pairs);
	e->node.failed_pairs += count;
}

static const struct reload_app_streams_ops ops = { .up = on_up,
	.down = on_down,
	.ended = on_ended,
	.gathered = on_gathered,
	.pairs_failed = on_pairs_failed };

static inline void end_start(
	struct end *e, const struct identity *who, struct reload_trust *trust, size_t max_streams)
{
	memset(e, 0, sizeof(*e));
	e->program = -1;
	node_start(&e->node, loop, who, trust, (struct reload_links_setup){ .handshake_ms = 400 });
	e->streams = reload_app_streams_new(&(struct reload_app_streams_setup){
		.links = e->node.links, .ops = &ops, .arg = e, .max_streams = max_streams });
}

static inline void end_stop(struct end *e)
{
	reload_app_streams_free(e->streams);
	node_stop(&e->node);
	if (e->program >= 0)
		close(e->program);
}

static inline void take(struct end *e)
{
	struct reload_ip_port peer;
	assert_true(reload_app_streams_take(e->streams, e->stream, &peer));
}

static inline void join(struct end *e)
{
	int fds[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
	e->program = fds[0];
	reload_app_streams_join(e->streams, e->stream, fds[1]);
}

/* -- what the programs do --------------------------------------------------------------------------------------------------- */

/* The byte at a place of what e's program writes. */
static inline uint8_t byte_at(const struct end *e, size_t i)
{
	return (uint8_t)(i * 7 + i / 251 + (e == &a ? 1 : 100));
}

/* Writes up to `total` bytes from *at on, as far as the socket takes them. */
static inline void writes(struct end *e, size_t *at, size_t total)
{
	uint8_t chunk[8192];
	while (*at < total) {
		size_t len = total - *at < sizeof(chunk) ? total - *at : sizeof(chunk);
		for (size_t i = 0; i < len; i++)
			chunk[i] = byte_at(e, *at + i);
		ssize_t n = send(e->program, chunk, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		*at += (size_t)n;
	}
}

/* Reads what there is and compares it with what the other's program wrote; true: the end. */
static inline bool reads(struct end *e, size_t *at)
{
	uint8_t chunk[8192];
	ssize_t n;
	while ((n = recv(e->program, chunk, sizeof(chunk), 0)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(chunk[i], byte_at(e == &a ? &b : &a, *at + (size_t)i));
		*at += (size_t)n;
	}
	return n == 0;
}

static inline void both_ended_well(uint64_t a_sent, uint64_t b_sent)
{
	TURN_UNTIL(loop, a.ends == 1 && b.ends == 1);
	assert_int_equal(a.ended_err, RELOAD_OK);
	assert_int_equal(b.ended_err, RELOAD_OK);
	assert_int_equal(a.sent, a_sent);
	assert_int_equal(b.received, a_sent);
	assert_int_equal(b.sent, b_sent);
	assert_int_equal(a.received, b_sent);
}
