/*
 * The authorities above verified certificates.  Each authority is stored once, however many certificates it has issued
 * and however many copies of it arrived.
 */
#pragma once

#include "ident/trust.h"

#include "util/tree.h"

struct reload_authority;
struct reload_above;

RB_HEAD(reload_authorities, reload_authority);
RB_HEAD(reload_aboves, reload_above);

/* For one thread; zero it before use. */
struct reload_chains {
	struct reload_authorities authorities; /* by fingerprint */
	struct reload_aboves aboves;           /* by certificate */
};

/*
 * reload_chains_put() stores chain (copied, with references of its own) for cert, which is borrowed until
 * reload_chains_drop(); an empty chain costs nothing.  reload_chains_find() fills in the authorities above cert
 * (borrowed until the next put or drop).
 */
void reload_chains_put(struct reload_chains *chains, const struct reload_cert *cert,
	const struct reload_chain *chain);
void reload_chains_find(
	struct reload_chains *chains, const struct reload_cert *cert, struct reload_chain *out);
void reload_chains_drop(struct reload_chains *chains, const struct reload_cert *cert);

/* reload_chains_clear() removes everything. */
void reload_chains_clear(struct reload_chains *chains);
