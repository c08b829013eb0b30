/*
 * What the files of the simulated world share: events in the order of time, links with two ends, and what the world keeps
 * of a node beside its public part.
 */
#pragma once

#include "sim/world.h"

enum {
	RELOAD_SIM_WHEEL =
		4096, /* milliseconds ahead that have a list of events each; a power of two */
	RELOAD_SIM_WAIT_MAX =
		256, /* messages of a way that wait for the end of a cut; the newest is dropped */
	RELOAD_SIM_KNOWN_MAX = 32, /* addresses that a node keeps on its disk */
};

struct reload_sim_body;
struct reload_sim_link;

enum reload_sim_event_type {
	RELOAD_SIM_DIAL,    /* a connection attempt arrives at the other node */
	RELOAD_SIM_UP,      /* the handshake is over at this end */
	RELOAD_SIM_DOWN,    /* this end learns of the end of the link */
	RELOAD_SIM_MESSAGE, /* what this end sent arrives at the other */
	RELOAD_SIM_RETRY,   /* this end's transport tries again */
	RELOAD_SIM_HEALTH,  /* this end looks at what is not acknowledged */
	RELOAD_SIM_AGAIN,   /* this end sends a datagram again */
	RELOAD_SIM_SEND,    /* this end sends bytes that come from outside of its engine */
	RELOAD_SIM_DECIDE,  /* the hook decides about a message of this end */
	RELOAD_SIM_CALL,    /* somebody asked to be called */
};

/* A happening to come.  One that concerns a link holds a reference of it. */
struct reload_sim_event {
	struct reload_sim_event *next;
	reload_ms at;
	uint64_t order;
	struct reload_sim_link *link;
	union {
		struct {
			reload_ms sent;    /* message: when; dial: when it began */
			uint64_t sequence; /* message: order of sending */
		};
		struct {
			void (*fn)(void *arg, struct reload_sim *s);
			void *arg;
		};
	};
	uint32_t len; /* of data */
	uint8_t type, end, tries;
	uint8_t err;    /* DOWN: what the engine is told */
	bool remote;    /* DOWN: a packet from the other end, which a cut stops */
	bool delivered; /* datagram: it arrived, its acknowledgement did not */
	uint8_t data[];
};

struct reload_sim_list {
	struct reload_sim_event *first, *last;
};

/* What is late on the way from one end of a link to the other. */
struct reload_sim_wait {
	struct reload_sim_list queue; /* messages in the order of sending */
	uint32_t count;
	reload_ms pause, retry_at; /* of the transport's next attempt; NEVER: none is needed */
	reload_ms since;           /* first message without an ACK; NEVER: none */
	reload_ms ack_at;          /* when its ACK will be here; NEVER: it is not on the way */
	reload_ms health_at;       /* next look; NEVER: none */
	bool bad;
};

enum reload_sim_end_state {
	RELOAD_SIM_END_NONE, /* of a dialled node that does not know of the link yet */
	RELOAD_SIM_END_OPENING,
	RELOAD_SIM_END_UP,
	RELOAD_SIM_END_GONE
};

struct reload_sim_link_end {
	struct reload_sim_body *node;
	struct reload_sim_wait *wait; /* of what this end sends; NULL: all is well */
	reload_ms last;               /* arrival of what this end sent last: the order is kept */
	uint32_t number;
	uint8_t state;
	bool resetting; /* a reset is on the way to this end */
	bool broken;    /* an oversized message came in: nothing comes after it */
};

/* end[0] dialled, its number has a clear top bit; end[1] was dialled. */
struct reload_sim_link {
	struct reload_sim_link_end end[2];
	uint32_t refs; /* ends in use, and events */
	float base;    /* latency of the pair */
};

/* A link of a node, under the number by which its engine knows it. */
struct reload_sim_slot {
	uint32_t number;
	struct reload_sim_link *link;
};

struct reload_sim_body {
	struct reload_sim_node node;
	struct reload_sim_slot *links; /* by number */
	uint32_t links_count;
	size_t links_cap;
	uint32_t next_incoming;
	uint32_t wake_slot; /* one behind its place among the wakes; 0: not there */
	reload_ms wake;     /* what the engine asked for */
	uint32_t *known;    /* indexes of nodes that were reached, newest first */
	uint8_t known_count;
	bool off;      /* its machine is without power */
	bool stopping; /* its engine is being freed: what it orders is void */
};

/* A node's place among the wakes.  The time may be earlier than what the engine asked for last. */
struct reload_sim_wake {
	reload_ms at;
	uint32_t node;
};

struct reload_sim_queue {
	struct reload_sim_list wheel[RELOAD_SIM_WHEEL]; /* events of the next milliseconds */
	uint64_t used[RELOAD_SIM_WHEEL / 64];           /* bit: the list is not empty */
	reload_ms start;               /* the wheel holds [start, start + RELOAD_SIM_WHEEL) */
	struct reload_sim_event **far; /* heap of what comes later */
	size_t far_count, far_cap;
	struct reload_sim_wake *wakes; /* heap */
	size_t wakes_count, wakes_cap;
	uint64_t order;
};

struct reload_sim_job {
	struct reload_sim_body *node;
	struct reload_job *job;
};

struct reload_sim {
	struct reload_sim_setup setup;
	struct reload_sim_hooks hooks;
	struct reload_prng prng;
	reload_ms now;
	uint64_t digest, sequence;
	struct reload_sim_queue queue;
	struct reload_sim_certs certs; /* of all nodes */
	struct reload_config *config;
	struct reload_sim_body *nodes;
	size_t nodes_count;
	uint64_t *cuts; /* from << 32 | to, ascending */
	size_t cuts_count, cuts_cap;
	struct reload_sim_job *jobs; /* [jobs_at, jobs_count) wait */
	size_t jobs_at, jobs_count, jobs_cap;
	struct reload_sim_counts counts;
	size_t held; /* bytes of events and messages */
	bool halted;
};

extern const struct reload_host_ops reload_sim_host_ops;

static inline struct reload_sim_body *reload_sim_body_of(void *host)
{
	return host; /* a node is the first member of its body */
}

/* reload_sim_base() is the one-way latency of a pair, reload_sim_delay() that of one packet with this base. */
double reload_sim_base(const struct reload_sim *s, size_t i, size_t j);
reload_ms reload_sim_delay(struct reload_sim *s, double base);
/* reload_sim_patience() is what an estimator of round trips would settle at: how long an ACK may take. */
reload_ms reload_sim_patience(const struct reload_sim *s, double base);

/* reload_sim_event_new() makes an event for end `end` of link (NULL: none) with a copy of data; it is to be queued. */
struct reload_sim_event *reload_sim_event_new(struct reload_sim *s, enum reload_sim_event_type type,
	struct reload_sim_link *link, unsigned end, struct span data);
/* reload_sim_link_release() drops one reference. */
void reload_sim_link_release(struct reload_sim *s, struct reload_sim_link *l);
/* reload_sim_event_free() frees an event that is not queued. */
void reload_sim_event_free(struct reload_sim *s, struct reload_sim_event *ev);
/* reload_sim_event_queue() lets ev happen at the time at, or at once when that is over. */
void reload_sim_event_queue(struct reload_sim *s, struct reload_sim_event *ev, reload_ms at);
/* reload_sim_event_take() takes the next event out when it is due at until; NULL: none. */
struct reload_sim_event *reload_sim_event_take(struct reload_sim *s, reload_ms until);
/* reload_sim_event_next() returns the time of the next event, RELOAD_NEVER when there is none. */
reload_ms reload_sim_event_next(const struct reload_sim *s);
/* reload_sim_wake_set() moves the node's wake-up (RELOAD_NEVER: none); reload_sim_wake_next() returns the time of the first one. */
void reload_sim_wake_set(struct reload_sim_body *n, reload_ms when);
reload_ms reload_sim_wake_next(const struct reload_sim *s);
/* reload_sim_wake_take() returns the node whose wake-up is due now, NULL when the first one was moved meanwhile. */
struct reload_sim_body *reload_sim_wake_take(struct reload_sim *s);
/* reload_sim_queue_clear() frees all events. */
void reload_sim_queue_clear(struct reload_sim *s);

/* reload_sim_open() tells whether packets pass from a to b. */
bool reload_sim_open(const struct reload_sim *s, const struct reload_sim_body *a,
	const struct reload_sim_body *b);
/* reload_sim_link_find() returns the link of that number, NULL when n has none; the end is the number's top bit. */
struct reload_sim_link *reload_sim_link_find(const struct reload_sim_body *n, uint32_t number);
/* reload_sim_wait_free() forgets what is late on the way from end e, with the messages that wait. */
void reload_sim_wait_free(struct reload_sim *s, struct reload_sim_link *l, unsigned e);
/* reload_sim_link_end_close() takes end e away from its node; nothing is told to anybody. */
void reload_sim_link_end_close(struct reload_sim *s, struct reload_sim_link *l, unsigned e);
/* reload_sim_link_down() lets end e learn at the time `at` that the link is gone; remote: unless a cut stops the packet. */
void reload_sim_link_down(struct reload_sim *s, struct reload_sim_link *l, unsigned e, reload_ms at,
	enum reload_err err, bool remote);
/* reload_sim_links_drop() ends all links of n with its process (told: the system resets them). */
void reload_sim_links_drop(struct reload_sim_body *n, bool told);
/* reload_sim_address() is where node index listens; reload_sim_node_at() is who listens at one of addrs, NULL: nobody. */
struct reload_ip_port reload_sim_address(size_t index);
struct reload_sim_body *reload_sim_node_at(
	struct reload_sim *s, const struct reload_ip_port *addrs, size_t count);
/* reload_sim_dial() opens a link of n to the node at these addresses; reload_sim_close() closes one. */
void reload_sim_dial(struct reload_sim_body *n, uint32_t number, const struct reload_ip_port *addrs,
	size_t count);
void reload_sim_close(struct reload_sim_body *n, uint32_t number);
/* reload_sim_run_dial(), _up() and _down() are what happens; true: an engine was told. */
bool reload_sim_run_dial(struct reload_sim *s, struct reload_sim_event *ev);
bool reload_sim_run_up(struct reload_sim *s, struct reload_sim_event *ev);
bool reload_sim_run_down(struct reload_sim *s, struct reload_sim_event *ev);

/* reload_sim_send() takes a message of an engine. */
void reload_sim_send(struct reload_sim_body *n, uint32_t number, struct span message);
/* reload_sim_transmit() puts a message on the way from its end; it takes m. */
void reload_sim_transmit(struct reload_sim *s, struct reload_sim_event *m);
/* reload_sim_run_send() lets a message of a hook, or one that the hook has to judge, go; true: it took m. */
bool reload_sim_run_send(struct reload_sim *s, struct reload_sim_event *m);
/* reload_sim_run_message(), _retry(), _health() and _again() are what happens; true: an engine was told.  *taken: so was ev. */
bool reload_sim_run_message(struct reload_sim *s, struct reload_sim_event *ev, bool *taken);
bool reload_sim_run_retry(struct reload_sim *s, struct reload_sim_event *ev);
bool reload_sim_run_health(struct reload_sim *s, struct reload_sim_event *ev);
bool reload_sim_run_again(struct reload_sim *s, struct reload_sim_event *ev, bool *taken);
/* reload_sim_digest_add() adds numbers, and the time, to the digest; reload_sim_trace() writes a line of the trace. */
void reload_sim_digest_add(struct reload_sim *s, uint64_t a, uint64_t b);
void reload_sim_trace(const struct reload_sim *s, const struct reload_sim_node *n, const char *what,
	uint64_t a, uint64_t b);
/* reload_sim_traffic_of() tells what a message is for, by its code. */
enum reload_sim_traffic reload_sim_traffic_of(struct span message);
