/*
 * The simulator: many engines in one thread, virtual time, one source of randomness.  The seed is the whole input; equal
 * seeds give equal traces, whose digest is printed.
 */
#pragma once

#include "peer/peer.h"
#include "util/tree.h"

#define SIM_EPOCH   1893456000000ull /* wall clock at virtual time 0: 2030-01-01 */
#define SIM_OVERLAY "sim.example"

extern const struct reload_ident_ops sim_ident;

/* What stands in a certificate of the simulator; times 0: valid around SIM_EPOCH. */
struct sim_cert_form {
	uint8_t flags; /* 1: authority */
	const char *user, *overlay;
	const struct reload_id *nodes;
	size_t nodes_count;
	reload_utc not_before, not_after;
};
enum {
	SIM_CERT_FOREIGN = 2 /* flag: of another authority than those without */
};

struct reload_cert *sim_cert_of(const struct sim_cert_form *form);

/* sim_cert() makes a certificate of the simulator (node NULL: the authority); sim_key() the key that fits. */
struct reload_cert *sim_cert(const char *user, const char *overlay, const struct reload_id *node);
struct reload_key *sim_key(struct reload_cert *cert);

struct sim;
struct sim_node;

/* A happening in virtual time. */
struct sim_event {
	RB_ENTRY(sim_event) entry;
	reload_ms at;
	uint64_t order;
	void (*fn)(struct sim *s, struct sim_event *ev);
	struct sim_node *node;
	unsigned incarnation; /* of node: an event for one that is gone is void */
	uint32_t link;
	struct sim_node *other;
	void *data;
	size_t len;
};

RB_HEAD(sim_event_tree, sim_event);

struct sim_link {
	RB_ENTRY(sim_link) entry;
	uint32_t number;
	struct sim_node *other;
	uint32_t other_number;
	reload_ms last; /* delivery keeps the order */
	bool up;
};

RB_HEAD(sim_link_tree, sim_link);

struct sim_node {
	struct sim *sim;
	size_t index;
	unsigned incarnation;
	struct reload_id id;
	struct reload_credentials credentials;
	struct reload_storage *storage;
	struct reload_peer *peer; /* NULL: not running */
	struct sim_link_tree links;
	uint32_t next_incoming;
	reload_ms wake;
	enum reload_state state;
};

struct sim_setup {
	uint64_t seed;
	size_t nodes;
	reload_ms delay_min, delay_max; /* of a link, one way */
	unsigned loss_per_million;      /* of a message on a link */
	bool trace;
};

struct sim {
	struct sim_setup setup;
	uint64_t prng[4];
	reload_ms now;
	struct sim_event_tree events;
	uint64_t order, events_run, messages, bytes, dropped;
	uint64_t digest;
	struct reload_config *config;
	struct sim_node *nodes;
	size_t nodes_count;
};

struct sim *sim_new(const struct sim_setup *setup);
void sim_free(struct sim *s);

/* sim_random() draws a number; sim_below() one below n. */
uint64_t sim_random(struct sim *s);
uint64_t sim_below(struct sim *s, uint64_t n);

/* sim_start() runs node i: as the first of the ring, or joining through node 0's address. */
void sim_start(struct sim *s, size_t i, bool first, enum reload_role role);
/* sim_crash() ends node i without a word; sim_leave() lets it leave in order, sim_stop() ends it afterwards. */
void sim_crash(struct sim *s, size_t i);
void sim_stop(struct sim *s, size_t i);
void sim_leave(struct sim *s, size_t i);

/* sim_run() runs until the time until, or until done(arg) is true (asked after every event); true when it was. */
bool sim_run(struct sim *s, reload_ms until, bool (*done)(struct sim *s, void *arg), void *arg);

/* sim_note() adds a happening to the digest and, when asked for, to the trace on standard error. */
void sim_note(struct sim *s, const struct sim_node *n, const char *what, uint64_t a, uint64_t b);

/* sim_joined() tells whether all running nodes are joined; sim_ring_agrees() whether every table fits the sorted IDs. */
bool sim_joined(struct sim *s, void *arg);
bool sim_ring_agrees(struct sim *s, char *fault, size_t fault_len);

/* sim_replicated() tells whether the owner of a resource and its two successors hold it. */
bool sim_replicated(struct sim *s, const struct reload_id *resource, uint32_t kind);
