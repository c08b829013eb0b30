/*
 * Shared by the files of the simulated world: events ordered by time, links with two ends, and the private part of a node.
 */
#pragma once

#include "sim/world.h"

enum {
	RELOAD_SIM_WHEEL = 4096,    /* milliseconds, a power of two */
	RELOAD_SIM_CACHED_MAX = 32, /* addresses on the disk of a node */
};

struct reload_sim_body;
struct reload_sim_link;
struct reload_sim_reliable;
struct reload_sim_packed;

enum reload_sim_event_type {
	RELOAD_SIM_DIAL,     /* a connection attempt arrives at the other node */
	RELOAD_SIM_UP,       /* the handshake is over at this end */
	RELOAD_SIM_DOWN,     /* this end learns that the link is gone */
	RELOAD_SIM_MESSAGE,  /* what this end sent arrives at the other */
	RELOAD_SIM_RETRY,    /* this end's transport tries again */
	RELOAD_SIM_HEALTH,   /* this end checks what is not acknowledged */
	RELOAD_SIM_DATAGRAM, /* a datagram of this end arrives at the other */
	RELOAD_SIM_DUE,      /* this end's reliability has something to do */
	RELOAD_SIM_LATE,     /* a slow node gives its message to the reliability */
	RELOAD_SIM_SEND,     /* this end sends bytes that do not come from its engine */
	RELOAD_SIM_DECIDE,   /* the send hook decides about a message of this end */
	RELOAD_SIM_CALL,     /* a function that was ordered is called */
	RELOAD_SIM_GATHERED, /* a host has gathered candidates: sim/ice.c */
	RELOAD_SIM_UNPAIRED, /* a host gives up the checks of a link */
	RELOAD_SIM_JOB,      /* a late job of a node ends: sim/job.c */
	RELOAD_SIM_VALIDITY, /* this end looks whether the certificate of the other one has ended: sim/validity.c */
	RELOAD_SIM_DISK, /* a write to the disk of a node ends: sim/disk.c */
};

/* An event to come.  One about a link holds a reference to the link. */
struct reload_sim_event {
	struct reload_sim_event *next;
	reload_ms at;
	uint64_t order;
	struct reload_sim_link *link;
	union {
		struct {
			reload_ms sent;    /* time of sending; of a dial: when it began */
			uint64_t sequence; /* order of sending */
		};
		struct {
			void (*fn)(void *arg, struct reload_sim *s);
			void *arg;
		};
	};
	uint32_t len; /* of data */
	uint8_t type, end,
		tries; /* MESSAGE: tries is 1 when it waited for a process that was stopped */
	uint8_t err;   /* DOWN: the reason for the engine */
	bool remote;   /* DOWN: comes as a packet from the other end, which a cut stops */
	bool counted;  /* MESSAGE: takes room in the queue of its end */
	uint8_t data[];
};

struct reload_sim_list {
	struct reload_sim_event *first, *last;
};

/* What is delayed on the way from one end of a link to the other. */
struct reload_sim_wait {
	struct reload_sim_list queue; /* messages in the order of sending */
	uint32_t count;
	reload_ms pause,
		retry_at; /* pause before and time of the transport's next attempt; NEVER: none */
	reload_ms since;  /* sending time of the first message without an ACK; NEVER: none */
	reload_ms ack_at; /* when its ACK arrives; NEVER: it is not on the way */
	reload_ms health_at; /* next check; NEVER: none */
	bool bad;
};

enum reload_sim_end_state {
	RELOAD_SIM_END_NONE, /* the dialled node does not know of the link yet */
	RELOAD_SIM_END_OPENING,
	RELOAD_SIM_END_UP,
	RELOAD_SIM_END_CLOSING, /* over datagrams: its node does not know it any more, the queue is sent */
	RELOAD_SIM_END_GONE
};

struct reload_sim_link_end {
	struct reload_sim_body *node;
	struct reload_sim_wait *wait; /* for what this end sends; NULL: nothing is delayed */
	struct reload_sim_reliable *
		reliable; /* over datagrams; NULL: nothing was sent or received yet, or not for a while */
	struct reload_sim_packed *packed; /* in the latter case; both are NULL over streams */
	struct reload_rto *
		rto; /* of round trips over a stream; NULL: bandwidth has no limit, and they are those of the pair */
	reload_ms last;  /* arrival time of the last message from this end: order is kept */
	reload_ms heard; /* when this end was last asked whether packets come, and they did */
	reload_utc
		until; /* end of the newest certificate of the other end's node that this end knows */
	uint32_t number;
	uint32_t queued; /* bytes of messages that have not arrived at the other end */
	uint8_t state;
	bool watched;   /* a look at the certificate is to come */
	bool resetting; /* a reset is on the way to this end */
	bool broken;    /* an oversized message came in: no other one does */
};

/* end[0] dialled: the top bit of its number is 0; end[1] was dialled.  By ICE end[0] is the client of DTLS. */
struct reload_sim_link {
	struct reload_sim_link_end end[2];
	uint32_t refs; /* ends in use, and events */
	bool ice;      /* each engine chose the number of its end */
	bool silent;   /* one of the ends has other addresses by now */
	float base;    /* latency of the pair */
};

/* Credentials that a node was given; older ones may be in use by what its engine has under way. */
struct reload_sim_given {
	struct reload_credentials credentials;
	struct reload_sim_given *next; /* older */
};

/* A link of a node and the number by which its engine knows it. */
struct reload_sim_slot {
	uint32_t number;
	uint8_t end;
	struct reload_sim_link *link;
};

struct reload_sim_gather;

/* A job that ends late; the event that ends it has the same number. */
struct reload_sim_late_job {
	struct reload_job *job;
	uint64_t number;
};

struct reload_sim_body {
	struct reload_sim_node node;
	struct reload_sim_slot *links; /* by number */
	uint32_t links_count;
	size_t links_cap;
	uint32_t next_incoming;
	struct reload_sim_given *given;    /* newest first */
	bool watched;                      /* sim/validity.c looks at its certificate each second */
	struct reload_sim_gather *gathers; /* links by ICE that are not connected yet */
	size_t gathers_count, gathers_cap;
	uint32_t wake_slot; /* 1 + index in the heap of wakes; 0: not in it */
	reload_ms wake;     /* the time that the engine asked for */
	struct reload_config
		*config;  /* the newest document on its disk; NULL: the one with which all start */
	uint64_t busy_us; /* when what it has sent so far has left, in microseconds */
	uint32_t *cached; /* indexes of nodes that were reached, newest first */
	uint8_t cached_count;
	uint32_t crashes;                 /* of its lives */
	struct reload_sim_late_job *late; /* jobs that have not ended yet */
	uint32_t late_count;
	size_t late_cap;
	unsigned disk_full, disk_errors; /* faults of its disk that are at work */
	bool has_disk;                   /* its storage is that of sim/disk.c */
	bool leaving;                    /* it was ordered to leave */
	bool off;                        /* its machine is without power */
	bool stopping;                   /* its engine is being freed: its orders are ignored */
};

/* An entry of the heap of wakes.  The time may be earlier than the one that the engine asked for last. */
struct reload_sim_wake {
	reload_ms at;
	uint32_t node;
};

struct reload_sim_queue {
	struct reload_sim_list wheel[RELOAD_SIM_WHEEL]; /* events of the next milliseconds */
	uint64_t used[RELOAD_SIM_WHEEL / 64];           /* bit: the list is not empty */
	reload_ms start;               /* the wheel holds [start, start + RELOAD_SIM_WHEEL) */
	struct reload_sim_event **far; /* heap of later events */
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
	uint16_t newest; /* sequence of the newest document */
	struct reload_sim_body *nodes;
	size_t nodes_count;
	uint64_t *cuts; /* from << 32 | to, ascending */
	size_t cuts_count, cuts_cap;
	struct reload_sim_job *jobs; /* those in [jobs_at, jobs_count) wait */
	size_t jobs_at, jobs_count, jobs_cap;
	uint64_t late_jobs, disk_events; /* numbers given so far */
	struct reload_sim_counts counts;
	size_t memory; /* bytes in use for events, links and messages */
	bool halted;
};

extern const struct reload_host_ops reload_sim_host_ops;

/* The wall clock of n. */
static inline reload_utc reload_sim_wall(const struct reload_sim_node *n)
{
	return RELOAD_SIM_EPOCH + n->sim->now + (uint64_t)n->skew_ms;
}

static inline bool reload_sim_by_datagrams(const struct reload_sim *s)
{
	return s->setup.links != RELOAD_SIM_LINKS_TLS;
}

static inline struct reload_sim_body *reload_sim_body_of(void *host)
{
	return host; /* a node is the first member of its body */
}

/* reload_sim_base() is the one-way latency of a pair of nodes, reload_sim_delay() that of one packet: base with jitter. */
double reload_sim_base(const struct reload_sim *s, size_t i, size_t j);
reload_ms reload_sim_delay(struct reload_sim *s, double base);
/* reload_sim_patience() is how long an ACK may take: the value that an estimator of round trips would reach. */
reload_ms reload_sim_patience(const struct reload_sim *s, double base);

/* reload_sim_event_new() makes an event for end `end` of link (NULL: none) with a copy of data; the caller queues it. */
struct reload_sim_event *reload_sim_event_new(struct reload_sim *s, enum reload_sim_event_type type,
	struct reload_sim_link *link, unsigned end, struct span data);
/* reload_sim_link_release() drops one reference. */
void reload_sim_link_release(struct reload_sim *s, struct reload_sim_link *l);
/* reload_sim_event_free() frees an event that is not queued. */
void reload_sim_event_free(struct reload_sim *s, struct reload_sim_event *ev);
/* reload_sim_event_queue() makes ev happen at the time `at`, or at once when that is over. */
void reload_sim_event_queue(struct reload_sim *s, struct reload_sim_event *ev, reload_ms at);
/* reload_sim_event_take() removes the next event when it is due by until and returns it; NULL: none is. */
struct reload_sim_event *reload_sim_event_take(struct reload_sim *s, reload_ms until);
/* reload_sim_event_next() returns the time of the next event, RELOAD_NEVER when there is none. */
reload_ms reload_sim_event_next(const struct reload_sim *s);
/* reload_sim_wake_set() moves the node's wake-up (RELOAD_NEVER: none); reload_sim_wake_next() is the time of the first one of all. */
void reload_sim_wake_set(struct reload_sim_body *n, reload_ms when);
reload_ms reload_sim_wake_next(const struct reload_sim *s);
/* reload_sim_wake_take() returns the node whose wake-up is due now; NULL when the first one was moved. */
struct reload_sim_body *reload_sim_wake_take(struct reload_sim *s);
/* reload_sim_queue_clear() frees all events. */
void reload_sim_queue_clear(struct reload_sim *s);

/* reload_sim_open() returns whether packets pass from a to b. */
bool reload_sim_open(const struct reload_sim *s, const struct reload_sim_body *a,
	const struct reload_sim_body *b);
/* reload_sim_packet_lost() returns whether a packet that end e sends now is lost, by chance or a cut. */
bool reload_sim_packet_lost(struct reload_sim *s, const struct reload_sim_link *l, unsigned e);
/* reload_sim_link_find() returns the link of that number and which end of it is n's, NULL when n has none. */
struct reload_sim_link *reload_sim_link_find(
	const struct reload_sim_body *n, uint32_t number, unsigned *end);
/*
 * reload_sim_link_heard() is when a packet that keeps the link alive last came to end e: now; when the other end stopped; or, while something
 * stops the packets on their way, when this was last called before that; 0: not known.
 */
reload_ms reload_sim_link_heard(const struct reload_sim *s, struct reload_sim_link *l, unsigned e);
/* reload_sim_link_connect() makes a link by ICE between client and server, by those numbers: its handshake begins now. */
void reload_sim_link_connect(struct reload_sim_body *client, uint32_t client_number,
	struct reload_sim_body *server, uint32_t server_number);
/* reload_sim_wait_free() drops what is delayed on the way from end e, with the messages that wait. */
void reload_sim_wait_free(struct reload_sim *s, struct reload_sim_link *l, unsigned e);
/* reload_sim_link_end_close() removes end e from its node; no engine is called.  _closing() leaves what it has queued to be sent. */
void reload_sim_link_end_closing(struct reload_sim *s, struct reload_sim_link *l, unsigned e);
void reload_sim_link_end_close(struct reload_sim *s, struct reload_sim_link *l, unsigned e);
/* reload_sim_link_down() makes end e learn at the time `at` that the link is gone; remote: by a packet that a cut stops. */
void reload_sim_link_down(struct reload_sim *s, struct reload_sim_link *l, unsigned e, reload_ms at,
	enum reload_err err, bool remote);
/* reload_sim_farewell() tells the other end that e is gone, by a last packet behind all that it sent; again: until it arrives. */
void reload_sim_farewell(struct reload_sim *s, struct reload_sim_link *l, unsigned e, bool again);
/* reload_sim_links_drop() ends all links of n together with its process; reset: its system resets them. */
void reload_sim_links_drop(struct reload_sim_body *n, bool reset);
/* reload_sim_address() is where node `index` listens; reload_sim_node_at() is the node that listens at one of addrs, NULL: none does. */
struct reload_ip_port reload_sim_address(size_t index);
struct reload_sim_body *reload_sim_node_at(
	struct reload_sim *s, const struct reload_ip_port *addrs, size_t count);
/* reload_sim_dial() opens a link of n to the node at these addresses; reload_sim_close() closes one. */
void reload_sim_dial(struct reload_sim_body *n, uint32_t number, const struct reload_ip_port *addrs,
	size_t count);
void reload_sim_close(struct reload_sim_body *n, uint32_t number);
/* reload_sim_run_dial(), _up() and _down() carry an event out; true: an engine was called. */
bool reload_sim_run_dial(struct reload_sim *s, struct reload_sim_event *ev);
bool reload_sim_run_up(struct reload_sim *s, struct reload_sim_event *ev);
bool reload_sim_run_down(struct reload_sim *s, struct reload_sim_event *ev);
/* reload_sim_run_validity() has an end look at the certificate of the other one: it ends the link when that has ended, and else looks again later. */
void reload_sim_run_validity(struct reload_sim *s, const struct reload_sim_event *ev);

/* reload_sim_send() sends a message of an engine. */
void reload_sim_send(struct reload_sim_body *n, uint32_t number, struct span message);
/* reload_sim_leaves() is when a message or datagram of that length, which n sends at the time from, has left; it takes its share of the bandwidth. */
reload_ms reload_sim_leaves(struct reload_sim_body *n, size_t len, reload_ms from);
/* reload_sim_room() is how many bytes may be on their way from one end of a link. */
size_t reload_sim_room(const struct reload_sim *s);
/* reload_sim_transmit() sends m from its end; m is its own from then on. */
void reload_sim_transmit(struct reload_sim *s, struct reload_sim_event *m);
/* reload_sim_run_send() sends a message of the hook, or one about which the hook has to decide; true: m was sent and is not the caller's any more. */
bool reload_sim_run_send(struct reload_sim *s, struct reload_sim_event *m);
/* reload_sim_arrive() gives a message to the engine of an end that is up. */
void reload_sim_arrive(struct reload_sim *s, struct reload_sim_link_end *to, struct span message);
/* reload_sim_run_message(), _retry() and _health() carry an event out; true: an engine was called.  *taken: ev is not the caller's any more. */
bool reload_sim_run_message(struct reload_sim *s, struct reload_sim_event *ev, bool *taken);
bool reload_sim_run_retry(struct reload_sim *s, struct reload_sim_event *ev);
bool reload_sim_run_health(struct reload_sim *s, struct reload_sim_event *ev);
/* reload_sim_put_off() returns whether ev is for a process that is stopped: then it happens when that one runs again, and is not the caller's any more. */
bool reload_sim_put_off(struct reload_sim *s, struct reload_sim_event *ev);
/* reload_sim_digest_add() adds numbers, and the time, to the digest; reload_sim_trace() writes a line of the trace. */
void reload_sim_digest_add(struct reload_sim *s, uint64_t a, uint64_t b);
void reload_sim_trace(const struct reload_sim *s, const struct reload_sim_node *n, const char *what,
	uint64_t a, uint64_t b);
/* reload_sim_traffic_of() is what a message is for, by its code. */
enum reload_sim_traffic reload_sim_traffic_of(struct span message);
