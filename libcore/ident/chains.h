/*
 * Which authorities stand above certificates that were verified.  An authority is kept once, however many it has issued and in however
 * many copies it came.
 */
#pragma once

#include "ident/trust.h"

#include "util/tree.h"

struct reload_authority;
struct reload_above;

RB_HEAD(reload_authorities, reload_authority);
RB_HEAD(reload_aboves, reload_above);

/* Belongs to one thread; to be zeroed. */
struct reload_chains {
	struct reload_authorities authorities; /* by fingerprint */
	struct reload_aboves aboves;           /* by certificate */
};

/*
 * reload_chains_put() remembers chain (copied, references of its own) for cert, which is borrowed until reload_chains_drop();
 * an empty one costs nothing.  reload_chains_find() fills in what stands above cert (borrowed until the next put or drop).
 */
void reload_chains_put(struct reload_chains *chains, const struct reload_cert *cert,
	const struct reload_chain *chain);
void reload_chains_find(
	struct reload_chains *chains, const struct reload_cert *cert, struct reload_chain *out);
void reload_chains_drop(struct reload_chains *chains, const struct reload_cert *cert);

/* reload_chains_clear() drops all. */
void reload_chains_clear(struct reload_chains *chains);
