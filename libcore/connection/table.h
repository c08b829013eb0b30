/*
 * The Connection Table: every link that is up, whoever is at its other end (RFC 6940 s6.1.2, s6.3.2.2).
 *
 * Each connection also has a slot, by which this node can name it in a Via List with two bytes: 12 bits of slot and 3 bits
 * of a counter that grows each time the slot is used again (R-6.3.2.2-07 to -11).  Slots are used in rotation and the
 * counters start at random values.
 */
#pragma once

#include "ident/cert.h"
#include "util/clock.h"
#include "wire/destination.h"

struct reload_engine;
struct reload_link_watch;

enum {
	RELOAD_SLOTS = 4096,
	RELOAD_SLOT_NONE = RELOAD_SLOTS
};

struct reload_connection {
	struct reload_cert *cert;
	reload_ms since;
	/*
	 * used: when a message for this node, or one that is passed on, last went over it; Updates go over every link and do not count.
	 * active: when any message did.
	 */
	reload_ms used, active;
	reload_ms heard;     /* when a message last came over it */
	reload_ms bad_since; /* when it ceased to be good, while it is not */
	/* the longest time that the node at the other end took to answer lately (reload_connection_answered()); 0: nothing was asked yet */
	reload_ms answers_in;
	/* membership/spare.c: when the other end was asked whether it needs the link; 0: not lately */
	reload_ms asked_at;
	uint64_t sent, received;
	size_t mtu;     /* bytes of a message in one piece; 0: any size */
	uint64_t order; /* several links to one node: the oldest good one is used */
	uint32_t link;
	uint32_t work; /* messages of it whose signatures are being verified */
	uint16_t slot;
	bool incoming : 1, good : 1, checking : 1; /* checking: a Ping over it is under way */
	bool ice : 1, replaces : 1; /* made by ICE; and in order to take the place of another one */
	/* membership/heal.c */
	unsigned heals;      /* links that were begun to replace this one */
	reload_ms heal_next; /* when the next one may begin */
	reload_ms succeeds;  /* since when the link was up that this one replaced; 0: none */
	struct reload_id
		node; /* len 0: certificate with several Node-IDs, and no Attach yet (HDR-16) */
};

struct reload_link_entry {
	uint32_t link;
	struct reload_connection *con;
};

struct reload_node_entry {
	uint64_t key; /* the Node-ID's first bytes: most questions end here */
	struct reload_connection *con;
};

struct reload_connections {
	struct reload_link_entry *links; /* ascending */
	size_t count, links_cap, max;
	struct reload_node_entry *nodes; /* ascending by Node-ID, then order */
	size_t nodes_count, nodes_cap;
	struct reload_connection *
		*slots;       /* by slot; NULL while they are few: then they are looked through */
	uint8_t *generations; /* of the first slots, as far as they were used */
	size_t generations_cap;
	void (*random)(void *arg, void *out, size_t len);
	void *random_arg;
	unsigned next_slot;
	uint64_t order;
	struct reload_connection *
		default_connection; /* of a node that has not joined: where all else goes; NULL: none */
	/* connection/link.h alone */
	uint32_t next_link;
	struct reload_engine *engine;
	const struct reload_link_watch *watch;
	void *watch_arg;
};

/*
 * reload_connections_new() makes an empty table (owned) for at most max links; random fills the slots' counters
 * when they are first used.
 */
struct reload_connections *reload_connections_new(
	size_t max, void (*random)(void *arg, void *out, size_t len), void *arg);
void reload_connections_free(struct reload_connections *c);
AUTO_DEFINE(reload_connections)

/*
 * reload_connection_add() enters a link that is up.  The Node-ID is that of a certificate with one, else unknown until
 * reload_connection_bind().  NULL when the table is full.
 */
struct reload_connection *reload_connection_add(
	struct reload_connections *c, uint32_t link, struct reload_cert *cert, reload_ms now);

/* reload_connection_bind() fixes the Node-ID of a link (R-6.1.2-12, -13). */
void reload_connection_bind(
	struct reload_connections *c, struct reload_connection *con, const struct reload_id *node);

/*
 * reload_connection_answered() notes that the node at the other end answered a request over con this long after its first copy.  One that answers
 * later than before is believed at once, one that answers sooner by and by: the time is used to tell a slow node from one that is gone.
 */
void reload_connection_answered(struct reload_connection *con, reload_ms after);

/* reload_connection_remove() takes it out and frees it; the default connection is one no longer. */
void reload_connection_remove(struct reload_connections *c, struct reload_connection *con);

/* reload_connection_by_link() finds a connection by its link's number, NULL: there is none. */
struct reload_connection *reload_connection_by_link(struct reload_connections *c, uint32_t link);

/* reload_connection_by_node() returns the connection to use for node: the oldest good one, else the oldest; NULL: none. */
struct reload_connection *reload_connection_by_node(
	struct reload_connections *c, const struct reload_id *node);

/* reload_connection_work() returns the work of con and of all other links to its node. */
size_t reload_connection_work(
	const struct reload_connections *c, const struct reload_connection *con);

/* reload_connection_next() walks in the order of link numbers, starting with NULL. */
struct reload_connection *reload_connection_next(
	struct reload_connections *c, struct reload_connection *con);

/* reload_connection_opaque() writes the two-byte name of con to bytes and returns the entry that borrows them. */
struct reload_destination reload_connection_opaque(
	const struct reload_connections *c, const struct reload_connection *con, uint8_t bytes[2]);

/*
 * reload_connection_hop() returns the entry by which a list names con: its Node-ID, or while that is not known the two-byte
 * name, which borrows bytes.
 */
struct reload_destination reload_connection_hop(
	const struct reload_connections *c, const struct reload_connection *con, uint8_t bytes[2]);

/* reload_connection_by_opaque() finds the connection again, NULL for a forgotten or foreign name (HDR-20). */
struct reload_connection *reload_connection_by_opaque(
	struct reload_connections *c, const struct reload_destination *d);
