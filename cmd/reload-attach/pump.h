/* Bytes between a stream that the agent handed over and the program's own end: standard input and output, or a local socket. */
#pragma once

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PUMP_BUFFER = 32768,
	PUMP_FDS = 4 /* descriptors that one waits for */
};

/* One direction. */
struct pump_flow {
	int from, to;
	uint8_t *at;             /* PUMP_BUFFER bytes, owned */
	size_t start, len, most; /* most: bytes of one read */
	bool ended;              /* nothing more comes from there */
	bool closed;             /* and the other side knows, or is gone */
};

struct pump {
	int stream;                /* owned */
	int in, out;               /* owned; the same one for a socket */
	struct pump_flow up, down; /* to the stream, from it */
	bool stream_gone;          /* the agent has closed it, for both directions */
	bool out_gone;             /* nobody reads the output any more */
};

/*
 * pump_init() takes the three descriptors; pump_clear() closes them.  packet_bytes is how long a packet may be, 0 for a stream; of an input that keeps no
 * packets apart each read is one.
 */
void pump_init(struct pump *p, int stream, int in, int out, size_t packet_bytes);
void pump_clear(struct pump *p);

/* pump_poll() fills in what p waits for and returns how many of PUMP_FDS that are; pump_run() copies what can be copied now, given what poll() returned in them. */
size_t pump_poll(const struct pump *p, struct pollfd *fds);
void pump_run(struct pump *p, const struct pollfd *fds, size_t count);

/* pump_end_input() takes what has been read for all there is. */
void pump_end_input(struct pump *p);

/* pump_done() returns whether all that came has been written, and nothing more comes. */
bool pump_done(const struct pump *p);
