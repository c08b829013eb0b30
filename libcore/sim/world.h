/*
 * The world of the simulator: many engines in one thread, virtual time, one source of random numbers, and links between them that behave like
 * RELOAD's.  The seed is the whole input: equal seeds give equal traces, whose digest is printed.
 *
 * The world knows no scenario.  What happens to nodes (joins, crashes, cuts) is ordered from outside, by sim/run_state.c.  Byzantine nodes are
 * engines like all others; their outgoing messages pass through a hook.
 *
 * A link carries messages in order, like TLS over TCP.  `loss`: the link layer sends a lost packet again, which delays those after it.  What is sent
 * into a cut waits for its end, and both sides notice as the link layer of libcore/link does: a link is bad after RELOAD_SIM_DOUBT_MS and lost
 * RELOAD_LINK_LOST_MS after the first message without an ACK.  Or it carries datagrams, like DTLS over UDP: each end is the Simple
 * Reliability of libcore/link/reliable.h, of which the simulator is the network and the clock.  Nothing tells of a dead peer then but its
 * silence.  In an overlay with ICE the links are such, and their hosts gather and check before (sim/ice.c).  `drop` loses a message for good on either kind of link.
 *
 * What a node sends leaves one after the other at its bandwidth, whichever link it is for.  A link has room for some bytes that have not arrived at
 * the other end; a message for which there is none is dropped, as libcore/link does.
 */
#pragma once

#include "peer/peer.h"
#include "sim/ident.h"
#include "sim/random.h"
#include "util/tree.h"

#include <stdio.h>

#define RELOAD_SIM_KIND  0xf0000001u /* SINGLE, USER-MATCH */
#define RELOAD_SIM_ARRAY 0xf0000002u /* ARRAY, USER-MATCH, max-count 40 */
#define RELOAD_SIM_DICT  0xf0000003u /* DICTIONARY, USER-NODE-MATCH */

enum {
	RELOAD_SIM_DOUBT_MS = 250,
	RELOAD_SIM_LOST_MS = 30000,   /* as RELOAD_LINK_LOST_MS of link/rto.h */
	RELOAD_SIM_CONNECT_MS = 3000, /* for the answer to a dial, as in libcore/link */
	RELOAD_SIM_PEERS_MAX = 1000000,
	RELOAD_SIM_CONFIGURED = 3
};

struct reload_sim;
struct reload_sim_node;

/* Latency of a pair of nodes: a base for the pair, and jitter for each message. */
struct reload_sim_latency {
	const char *name; /* lan, wan, mobile */
	double base_median_ms, base_spread, jitter_mean_ms;
};

/* reload_sim_latency_find() returns the preset of that name, NULL when there is none. */
const struct reload_sim_latency *reload_sim_latency_find(const char *name);

enum reload_sim_links {
	RELOAD_SIM_LINKS_TLS,
	RELOAD_SIM_LINKS_DTLS,
	RELOAD_SIM_LINKS_ICE /* as DTLS; but for those to bootstrap nodes they are made by ICE */
};

struct reload_sim_setup {
	uint64_t seed;
	size_t nodes; /* at most RELOAD_SIM_PEERS_MAX; none is started yet */
	size_t bootstraps; /* the first ones are in the configuration, RELOAD_SIM_CONFIGURED at most; 0: one is */
	const struct reload_sim_latency *latency;
	uint32_t loss, drop, duplicate,
		reorder; /* per million messages of a link, or datagrams; reorder: only of these */
	enum reload_sim_links links;
	bool configures;               /* newer documents will come: see reload_sim_configure() */
	bool self_tuning, no_reactive; /* CHORD-SELF-TUNING; chord-reactive false */
	uint32_t update_interval_s, ping_interval_s; /* of the configuration; 0: the defaults */
	size_t store_limit;                          /* bytes per node */
	reload_ms jobs; /* mean time until a signature job ends; 0: all end at once */
	bool disks;     /* storage as in a file, which commits late and may fail: sim/disk.h */
	reload_ms commit_time; /* with disks: mean time of a write */
	uint32_t devices;      /* per million users that have two nodes: 2k and 2k + 1 */
	/* the Node-ID of node i (borrowed); NULL, or when it returns NULL: it is drawn */
	const struct reload_id *(*id)(const void *arg, size_t i);
	const void *id_arg;
	uint64_t
		bandwidth; /* bytes a second that a node sends over all of its links; 0: no limit */
	/* the most bytes on their way from one end of a link, at least two messages; 0: 1 MiB, as in libcore/link */
	size_t send_queue;
	FILE *trace; /* gets a line for each event; NULL: none */
};

/* Classes of messages, by the method of the request or the answer. */
enum reload_sim_traffic {
	RELOAD_SIM_TRAFFIC_UPDATE,
	RELOAD_SIM_TRAFFIC_ATTACH,
	RELOAD_SIM_TRAFFIC_JOIN, /* Join, Leave */
	RELOAD_SIM_TRAFFIC_PING, /* Ping, Probe, RouteQuery */
	RELOAD_SIM_TRAFFIC_STORE,
	RELOAD_SIM_TRAFFIC_FETCH, /* Fetch, Stat, Find */
	RELOAD_SIM_TRAFFIC_OTHER,
	RELOAD_SIM_TRAFFICS
};

struct reload_sim_counts {
	uint64_t events, messages, bytes, lost, dropped, duplicated;
	uint64_t traffic_messages[RELOAD_SIM_TRAFFICS], traffic_bytes[RELOAD_SIM_TRAFFICS];
};

/* Called from the world's loop, never from inside an engine.  They may call the functions below, unless it says otherwise. */
struct reload_sim_hooks {
	void *arg;
	/* after each event that an engine handled; n is that engine's node */
	void (*after)(void *arg, struct reload_sim *s, struct reload_sim_node *n);
	/* an event of n's engine (reload_host_ops.event), at once: must call none of the functions below that change the world */
	void (*event)(void *arg, struct reload_sim_node *n, const struct reload_event *ev);
	/*
	 * n, which is marked `byzantine`, sends message over link.  true: the message goes out as it is.  false: the hook has dealt with
	 * it, for instance by reload_sim_inject().
	 */
	bool (*send)(void *arg, struct reload_sim_node *n, uint32_t link, struct span message);
	/* n, any node, has sent message over one of its links, also when that will be lost: must call none of the functions below that change the world */
	void (*sent)(void *arg, const struct reload_sim_node *n, struct span message);
};

/* The public part of a node; sim/internal.h has the private one. */
struct reload_sim_node {
	struct reload_sim *sim;
	size_t index;
	struct reload_id id;
	struct reload_credentials
		credentials; /* the newest on its disk; a process that is stopped has older ones */
	struct reload_peer *peer;       /* NULL: not running */
	struct reload_storage *storage; /* NULL: neither running nor with a disk */
	enum reload_state state;
	enum reload_role role; /* in the overlay: client while it is aside */
	bool aside;      /* a peer that takes part as a client, as its storage cannot be written */
	bool crashing;   /* its process has ended: what the engine still reports reaches nobody */
	unsigned lives;  /* how often it was started */
	unsigned side;   /* nodes of different sides cannot exchange packets */
	int64_t skew_ms; /* of its wall clock */
	reload_ms slow_ms;  /* added to each message it sends */
	uint32_t byzantine; /* bits for the send hook; 0: honest */
	bool careless;      /* it does not look at the end of its own certificate */
	bool ended; /* set from outside: its certificate has ended, and it is out of the ring for good */
	reload_ms ended_at; /* by all clocks */
	bool silent; /* it once stopped, and its system did not reset its links, or these resets were stopped */
	reload_ms
		frozen_until; /* its process is stopped, or was, until then; 0: never in this life */
	reload_ms started, joined_at, stopped_at; /* RELOAD_NEVER: not yet */
	uint64_t sent_messages, sent_bytes;
};

/* reload_sim_new() makes a world (owned); hooks NULL: none, else borrowed. */
struct reload_sim *reload_sim_new(
	const struct reload_sim_setup *setup, const struct reload_sim_hooks *hooks);
void reload_sim_free(struct reload_sim *s);
AUTO_DEFINE(reload_sim)

/* reload_sim_now() is the virtual time. */
reload_ms reload_sim_now(const struct reload_sim *s);
/* reload_sim_prng() is the source of all random numbers of the world (borrowed). */
struct reload_prng *reload_sim_prng(struct reload_sim *s);
/* reload_sim_count() is the number of nodes, reload_sim_node() one of them (borrowed). */
size_t reload_sim_count(const struct reload_sim *s);
struct reload_sim_node *reload_sim_node(struct reload_sim *s, size_t i);
/* reload_sim_config() is the configuration document with which nodes start (borrowed). */
struct reload_config *reload_sim_config(struct reload_sim *s);
/* reload_sim_counts() is what was counted so far (borrowed). */
const struct reload_sim_counts *reload_sim_counts(const struct reload_sim *s);
/* reload_sim_digest() is the digest of all that happened so far. */
uint64_t reload_sim_digest(const struct reload_sim *s);
/* reload_sim_note() adds an event to the digest and, if there is one, to the trace. */
void reload_sim_note(struct reload_sim *s, const struct reload_sim_node *n, const char *what,
	uint64_t a, uint64_t b);

/*
 * reload_sim_start() starts node i.  first: it is the first of the ring; else it joins through the nodes whose indexes are given, as bootstrap
 * addresses (count 0: those in the configuration).  It uses the storage that survived its last crash.
 */
void reload_sim_start(struct reload_sim *s, size_t i, bool first, enum reload_role role,
	const size_t *bootstrap, size_t count);
/* How a node ends without leaving. */
enum reload_sim_end {
	RELOAD_SIM_PROCESS, /* kill -9: the system resets its connections at once */
	RELOAD_SIM_MACHINE  /* power cut: neighbours notice that nothing is acknowledged */
};
/* reload_sim_crash() ends node i; keep_disk: its storage is there when it starts again. */
void reload_sim_crash(struct reload_sim *s, size_t i, enum reload_sim_end how, bool keep_disk);
/*
 * reload_sim_configure() gives node i, which runs, a newer document of the configuration: the others learn it from there, and keep it when they end.
 * reload_sim_newest() is the sequence of the newest document.
 */
void reload_sim_configure(struct reload_sim *s, size_t i);
uint16_t reload_sim_newest(const struct reload_sim *s);
/*
 * reload_sim_certify() gives node i, running or not, a newer certificate of its Node-ID, user and key, which ends at the virtual time `until` (RELOAD_NEVER:
 * long after the run), and credentials with it, as an agent takes those that reload-enroll renewed.  One that ends is as if it had had no other before: nodes that have links to it know it.  When a certificate ends by the wall clock of a node
 * that has a link to the holder, this node ends the link, unless it has seen a newer one by then.  The holder leaves the ring by its own clock, unless it
 * is `careless`.
 */
void reload_sim_certify(struct reload_sim *s, size_t i, reload_ms until);
/*
 * reload_sim_freeze() stops the process of node i until then, as SIGSTOP does: its system goes on, but what comes waits for the process, its
 * timers are late, and nothing else may be asked of its engine.
 */
void reload_sim_freeze(struct reload_sim *s, size_t i, reload_ms until);
/* reload_sim_frozen() returns whether n's process is stopped; reload_sim_awake() for how long it has run since that time without a stop. */
bool reload_sim_frozen(const struct reload_sim_node *n);
reload_ms reload_sim_awake(const struct reload_sim_node *n, reload_ms since);
/* reload_sim_leave() makes node i leave in order; reload_sim_stop() stops it afterwards, and its storage is gone. */
void reload_sim_leave(struct reload_sim *s, size_t i);
void reload_sim_stop(struct reload_sim *s, size_t i);

/* reload_sim_side() moves node i to a side: packets pass only between nodes of one side. */
void reload_sim_side(struct reload_sim *s, size_t i, unsigned side);
/* reload_sim_move() gives the host of node i other addresses: nothing passes over the links that it has; notices: its engine is told. */
void reload_sim_move(struct reload_sim *s, size_t i, bool notices);
/* reload_sim_cut() stops packets from one node to another, in this direction only, or lets them pass again. */
void reload_sim_cut(struct reload_sim *s, size_t from, size_t to, bool cut);

/* What is wrong with a disk. */
enum reload_sim_disk_fault {
	RELOAD_SIM_DISK_ERRORS, /* writes fail, one in two */
	RELOAD_SIM_DISK_FULL    /* all fail */
};
/* reload_sim_disk_break() begins or ends a fault of the disk of node i, running or not; faults may overlap.  Only a world with disks. */
void reload_sim_disk_break(
	struct reload_sim *s, size_t i, enum reload_sim_disk_fault fault, bool begins);
/*
 * reload_sim_disk_has() returns whether a version of a value with this storage_time or a later one is on the disk of n, where a crash leaves it; also true
 * when the world has no disks.
 */
bool reload_sim_disk_has(const struct reload_sim_node *n, const struct reload_id *resource,
	uint32_t kind, const struct reload_stored_value *place, uint64_t storage_time);
/* reload_sim_disk_failing_since() is since when the disk of n has refused all that was written; NEVER: it does not. */
reload_ms reload_sim_disk_failing_since(const struct reload_sim_node *n);
/* reload_sim_job_longest() is the longest time that a signature job takes in this world. */
reload_ms reload_sim_job_longest(const struct reload_sim *s);

/* reload_sim_inject() sends bytes over n's link as if n's engine had sent them; the send hook uses it. */
void reload_sim_inject(
	struct reload_sim_node *n, uint32_t link, struct span message, reload_ms later);
/* reload_sim_links() fills out with the numbers of n's links that are up, at most max; returns how many. */
size_t reload_sim_links(struct reload_sim_node *n, uint32_t *out, size_t max);

/* reload_sim_at() calls fn(arg, s) from the loop at the virtual time `when`, or at once when that is over; it cannot be cancelled. */
void reload_sim_at(struct reload_sim *s, reload_ms when,
	void (*fn)(void *arg, struct reload_sim *s), void *arg);

/*
 * reload_sim_run() runs until the time until, or until reload_sim_halt() is called by a hook; returns false when halted.
 * The clock stands at until afterwards, or at the event that halted.
 */
bool reload_sim_run(struct reload_sim *s, reload_ms until);
void reload_sim_halt(struct reload_sim *s);

/* reload_sim_memory() is the memory of the world in bytes without that of the engines. */
size_t reload_sim_memory(const struct reload_sim *s);
