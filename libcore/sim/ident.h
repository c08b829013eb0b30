/*
 * Identities of the simulator: certificates are plain records, and signatures are a keyed hash, both as long as real ones.  They are repeatable
 * and cheap, and any changed byte breaks them.  They protect nothing outside of a simulation.
 */
#pragma once

#include "ident/ops.h"
#include "util/clock.h"
#include "util/id.h"

#define RELOAD_SIM_EPOCH    1893456000000ull /* wall clock at virtual time 0: 2030-01-01 */
#define RELOAD_SIM_CERT_END (RELOAD_SIM_EPOCH + 365ull * 86400 * 1000) /* when the others end */
#define RELOAD_SIM_OVERLAY  "sim.example"

struct reload_cert;
struct reload_key;

extern const struct reload_ident_ops reload_sim_ident;

/*
 * The certificates that all engines of a world share: parsing the bytes of one of them gives a reference to it.  `ops` are those of
 * reload_sim_ident with this table; they are valid as long as the table.
 */
struct reload_sim_certs {
	struct reload_ident_ops
		ops;             /* the first member, since the table is found by a pointer to it */
	struct reload_cert **at; /* by a hash of their bytes; borrowed */
	size_t cap;              /* a power of two, at least twice the count */
	size_t count;
};

/* reload_sim_certs_init() makes room for count certificates; more room is made when it is needed. */
void reload_sim_certs_init(struct reload_sim_certs *certs, size_t count);
/* reload_sim_certs_add() adds cert, which is borrowed until reload_sim_certs_clear(). */
void reload_sim_certs_add(struct reload_sim_certs *certs, struct reload_cert *cert);
void reload_sim_certs_clear(struct reload_sim_certs *certs);

/* The contents of a certificate of the simulator; times 0: valid around RELOAD_SIM_EPOCH. */
struct reload_sim_cert_form {
	uint8_t flags; /* 1: authority */
	const char *user, *overlay;
	const struct reload_id *nodes;
	size_t nodes_count;
	reload_utc not_before, not_after;
};

enum {
	RELOAD_SIM_CERT_FOREIGN = 2 /* flag: of another authority */
};

/* reload_sim_cert_of() makes a certificate of that form (owned). */
struct reload_cert *reload_sim_cert_of(const struct reload_sim_cert_form *form);
/* reload_sim_cert() makes a certificate for node (NULL: the authority), reload_sim_key() the key for it (both owned). */
struct reload_cert *reload_sim_cert(
	const char *user, const char *overlay, const struct reload_id *node);
struct reload_key *reload_sim_key(struct reload_cert *cert);
