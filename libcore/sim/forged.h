/*
 * Messages that no honest engine would send, but well formed and signed with a node's own key.  Each function appends to the writer that it is
 * given.
 */
#pragma once

#include "sim/world.h"

/* The node that signs, and what is needed to make the message. */
struct reload_sim_forger {
	const struct reload_credentials *credentials;
	const struct reload_config *config;
	struct reload_prng *prng;
};

/* One message to be made. */
struct reload_sim_forged {
	uint16_t code;
	uint64_t transaction; /* 0: a random one */
	struct span destination_list;
	const void
		*body; /* the decoded body, written by the table of code; NULL: bytes is the body */
	struct span bytes;
	const struct reload_extension *extensions;
	size_t extensions_count;
	const struct reload_generic_certificate *certificates; /* in addition to the signer's */
	size_t certificates_count;
};

/* reload_sim_forge() appends the signed message. */
void reload_sim_forge(
	struct wr *w, const struct reload_sim_forger *forger, const struct reload_sim_forged *what);
/* reload_sim_signed_by() returns whether the signer identity of the decoded message is that of signer. */
bool reload_sim_signed_by(const struct reload_msg *m, const struct reload_credentials *signer);

/* False Updates. */
enum reload_sim_false_update {
	RELOAD_SIM_UPDATE_CROWD,  /* as many nodes that do not exist as fit in a message */
	RELOAD_SIM_UPDATE_NEXT,   /* nodes that do not exist, next to the receiver */
	RELOAD_SIM_UPDATE_WRONG,  /* real peers in wrong lists, without the receiver's neighbours */
	RELOAD_SIM_UPDATE_NOBODY, /* no neighbour but the receiver */
	RELOAD_SIM_FALSE_UPDATES
};

/* reload_sim_forge_update() appends an Update to `to`.  real: peers of the ring that it may name. */
void reload_sim_forge_update(struct wr *w, const struct reload_sim_forger *forger,
	enum reload_sim_false_update how, const struct reload_id *to, const struct reload_id *real,
	size_t real_count);

/* reload_sim_forge_join() appends a Join to `to` in the name of the node `joining`. */
void reload_sim_forge_join(struct wr *w, const struct reload_sim_forger *forger,
	const struct reload_id *to, const struct reload_id *joining);

/* Stores that must be refused. */
enum reload_sim_false_store {
	RELOAD_SIM_STORE_FOREIGN, /* the user name does not hash to the Resource-ID */
	RELOAD_SIM_STORE_REPLICA, /* a replica for a range of which the signer is not the owner */
	RELOAD_SIM_STORE_FORGED,  /* as a replica, a value with a wrong signature */
	RELOAD_SIM_FALSE_STORES
};

/* reload_sim_forge_store() appends a Store to `to` at resource. */
void reload_sim_forge_store(struct wr *w, const struct reload_sim_forger *forger,
	enum reload_sim_false_store how, const struct reload_id *to,
	const struct reload_id *resource, uint64_t now);

/* reload_sim_forge_large() appends a Ping to `to` that is larger than max-message-size. */
void reload_sim_forge_large(
	struct wr *w, const struct reload_sim_forger *forger, const struct reload_id *to);
