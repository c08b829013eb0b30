/*
 * The life of a link: dialled or taken, up, bound to a Node-ID, doubted, lost or closed.  It calls the host and the Connection
 * Table; it sends no request and asks no topology.  What a link means for the overlay is for whoever watches.
 *
 *	dialled ----> up --> (bound) <--> doubted --> lost
 *	   |           |                     |
 *	   +-> lost    +-------- closed -----+
 *
 * A link is bound when its Node-ID is known: at once when its certificate has one, else by the first Attach over it (HDR-16).  One
 * certificate may have LINKS_OF_ONE links; then its oldest makes room.
 */
#pragma once

#include "connection/table.h"
#include "engine/engine.h"
#include "ident/trust.h"

/* A link that is in the table no longer, or that never was. */
struct reload_lost_link {
	uint32_t link;
	struct reload_id node; /* len 0: it was not bound */
	reload_ms since;       /* it stood from then on */
	enum reload_err err;
};

/* Who is notified of links; all functions are called from inside an input, in this order. */
struct reload_link_watch {
	/*
	 * Whether the link was only dialled to see who is there; it is not entered then.  cert NULL: it did not come up.
	 */
	bool (*probed)(void *arg, uint32_t link, const struct reload_cert *cert);
	/* whether links that others make are taken; else they are closed */
	bool (*welcomes)(void *arg);
	/* candidates of this node for a link by ICE; false: nobody waits for them any more */
	bool (*gathered)(void *arg, uint32_t link, const struct reload_ice_gathered *found);
	/* which Node-ID an outgoing link must have; false: any */
	bool (*expects)(void *arg, uint32_t link, struct reload_id *node);
	/*
	 * it is in the table, and its handshake has not said who is there (RFC 6940 s13.4): reload_link_identify() is to be called when
	 * that is known
	 */
	void (*unidentified)(void *arg, struct reload_connection *con);
	/* it is in the table */
	void (*made)(void *arg, struct reload_connection *con);
	/* its Node-ID is known */
	void (*bound)(void *arg, struct reload_connection *con);
	/* it is up, with or without a Node-ID */
	void (*up)(void *arg, struct reload_connection *con);
	/* it began or ceased to acknowledge: con->good */
	void (*health)(void *arg, struct reload_connection *con);
	/* it is gone, or was never made */
	void (*lost)(void *arg, const struct reload_lost_link *lost);
};

/* reload_links_watch() makes c a table of links of engine's host; watch(arg) is notified of them. */
void reload_links_watch(struct reload_connections *c, struct reload_engine *engine,
	const struct reload_link_watch *watch, void *arg);

/*
 * reload_link_open() connects to one of the targets and returns the link's number, reload_link_gather() begins one by ICE (engine/host.h), which
 * must be there.  reload_link_give_up() ends one that is not up yet,
 * without a word.
 */
uint32_t reload_link_open(
	struct reload_connections *c, const struct reload_link_target *to, size_t count);
uint32_t reload_link_gather(struct reload_connections *c, bool controlling);
void reload_link_give_up(struct reload_connections *c, uint32_t link);

/* reload_link_gathered(), reload_link_up(), reload_link_down() and reload_link_health() are called when the host reports (peer/peer.h). */
void reload_link_gathered(
	struct reload_connections *c, uint32_t link, const struct reload_ice_gathered *found);
void reload_link_up(struct reload_connections *c, uint32_t link, struct reload_cert *cert);
void reload_link_down(struct reload_connections *c, uint32_t link, enum reload_err err);
void reload_link_health(struct reload_connections *c, uint32_t link, bool good);

/* reload_link_bind() sets the Node-ID of a link that had none, and notifies the watch. */
void reload_link_bind(
	struct reload_connections *c, struct reload_connection *con, const struct reload_id *node);

/*
 * reload_link_identify() sets who is at the other end of a link that came up without a certificate: node, a Node-ID of cert, which was
 * verified.  It is closed when another one was expected there.
 */
void reload_link_identify(struct reload_connections *c, struct reload_connection *con,
	struct reload_cert *cert, const struct reload_chain *chain, const struct reload_id *node);

/*
 * reload_link_renew() lets a link go by cert when that is a newer certificate of the node at its other end: of the same key, so that the
 * handshake has proved that the node has it, for the same Node-IDs and user.  chain has the authorities above it (NULL: none are known).  Without
 * it a link would end with the certificate, or the root-cert, of its handshake.
 */
void reload_link_renew(struct reload_connections *c, struct reload_connection *con,
	struct reload_cert *cert, const struct reload_chain *chain);

/* reload_link_send() sends one message or fragment. */
void reload_link_send(
	struct reload_connections *c, struct reload_connection *con, struct span message);

/*
 * reload_link_close() closes a link without notifying the watch.  reload_link_drop() closes it of this node's own accord, as one that is lost for
 * the reason err.
 */
void reload_link_close(struct reload_connections *c, struct reload_connection *con);
void reload_link_drop(
	struct reload_connections *c, struct reload_connection *con, enum reload_err err);
