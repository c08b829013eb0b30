/*
 * Identities of the simulator: certificates are short plain records, signatures a keyed hash.  They are repeatable and cheap,
 * and any change of a byte breaks them; they protect nothing outside of a simulation.
 */
#pragma once

#include "ident/ops.h"
#include "util/clock.h"
#include "util/id.h"

#define RELOAD_SIM_EPOCH   1893456000000ull /* wall clock at virtual time 0: 2030-01-01 */
#define RELOAD_SIM_OVERLAY "sim.example"

struct reload_cert;
struct reload_key;

extern const struct reload_ident_ops reload_sim_ident;

/*
 * Certificates that all engines of a world share: whoever meets one of these bytes gets a reference to the one that is here.
 * Its `ops` are reload_sim_ident that knows them; they last as long as the table.
 */
struct reload_sim_certs {
	struct reload_ident_ops ops; /* first: the table is found by it */
	struct reload_cert **at;     /* by a hash of their bytes; borrowed */
	size_t cap;                  /* a power of two, twice the most there will be */
};

/* reload_sim_certs_init() makes room for at most max of them. */
void reload_sim_certs_init(struct reload_sim_certs *certs, size_t max);
/* reload_sim_certs_add() enters cert, which is borrowed until reload_sim_certs_clear(). */
void reload_sim_certs_add(struct reload_sim_certs *certs, struct reload_cert *cert);
void reload_sim_certs_clear(struct reload_sim_certs *certs);

/* What stands in a certificate of the simulator; times 0: valid around RELOAD_SIM_EPOCH. */
struct reload_sim_cert_form {
	uint8_t flags; /* 1: authority */
	const char *user, *overlay;
	const struct reload_id *nodes;
	size_t nodes_count;
	reload_utc not_before, not_after;
};

enum {
	RELOAD_SIM_CERT_FOREIGN = 2 /* flag: of another authority than those without */
};

/* reload_sim_cert_of() makes a certificate of that form (owned). */
struct reload_cert *reload_sim_cert_of(const struct reload_sim_cert_form *form);
/* reload_sim_cert() makes a certificate for node (NULL: the authority); reload_sim_key() the key that fits (both owned). */
struct reload_cert *reload_sim_cert(
	const char *user, const char *overlay, const struct reload_id *node);
struct reload_key *reload_sim_key(struct reload_cert *cert);
