/*
 * Messages that no honest engine would send, well formed and signed with a node's own key.  Each function returns bytes that
 * live in the writer it is given.
 */
#pragma once

#include "sim/world.h"

/* Whose message it is, and what its bytes need. */
struct reload_sim_forger {
	const struct reload_credentials *credentials;
	const struct reload_config *config;
	struct reload_prng *prng;
};

/* One message; lists are wire bytes. */
struct reload_sim_forged {
	uint16_t code;
	uint64_t transaction; /* 0: drawn */
	struct span destination_list;
	const void *body; /* by the table of code; NULL: bytes is the body */
	struct span bytes;
	const struct reload_generic_certificate *certificates; /* beside the signer's own */
	size_t certificates_count;
};

/* reload_sim_forge() appends the message, signed. */
void reload_sim_forge(
	struct wr *w, const struct reload_sim_forger *forger, const struct reload_sim_forged *what);
/* reload_sim_signed_by() returns whether the signer identity of the decoded message is that of signer. */
bool reload_sim_signed_by(const struct reload_msg *m, const struct reload_credentials *signer);

/* False Updates. */
enum reload_sim_false_update {
	RELOAD_SIM_UPDATE_CROWD, /* as many nodes that do not exist as a message holds */
	RELOAD_SIM_UPDATE_NEXT,  /* nodes that do not exist, right beside the receiver */
	RELOAD_SIM_UPDATE_WRONG, /* real peers, in the wrong lists; the receiver's neighbours left out */
	RELOAD_SIM_UPDATE_NOBODY, /* no neighbour but the receiver */
	RELOAD_SIM_FALSE_UPDATES
};

/* reload_sim_forge_update() appends an Update to `to`; real are peers of the ring that may be named. */
void reload_sim_forge_update(struct wr *w, const struct reload_sim_forger *forger,
	enum reload_sim_false_update how, const struct reload_id *to, const struct reload_id *real,
	size_t real_count);

/* reload_sim_forge_join() appends a Join of the node `joining`, whoever that is, to `to`. */
void reload_sim_forge_join(struct wr *w, const struct reload_sim_forger *forger,
	const struct reload_id *to, const struct reload_id *joining);

/* Stores that must be refused. */
enum reload_sim_false_store {
	RELOAD_SIM_STORE_FOREIGN, /* the own name is not what hashes to the Resource-ID */
	RELOAD_SIM_STORE_REPLICA, /* a replica of a range before which the signer does not stand */
	RELOAD_SIM_STORE_FORGED,  /* a value that its signer did not sign, as a replica */
	RELOAD_SIM_FALSE_STORES
};

/* reload_sim_forge_store() appends a Store to `to` at resource. */
void reload_sim_forge_store(struct wr *w, const struct reload_sim_forger *forger,
	enum reload_sim_false_store how, const struct reload_id *to,
	const struct reload_id *resource, uint64_t now);

/* reload_sim_forge_large() appends a Ping to `to` that is larger than max-message-size. */
void reload_sim_forge_large(
	struct wr *w, const struct reload_sim_forger *forger, const struct reload_id *to);
