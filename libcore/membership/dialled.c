#include "membership/internal.h"

#include <limits.h>

/*
 * Who named addresses where nobody was found.  An Attach makes its answerer dial what the sender names, and anybody's address
 * can be named.  Each certificate has two dials free; after every further one that failed there is a pause, which doubles.
 *
 * A certificate with several Node-IDs counts once.  A success ends it, and so does time without further failures.  Beyond
 * SIGNERS_MAX the one that failed longest ago makes room.
 */

enum {
	SIGNERS_MAX = 64,
	FREE = 2,
	PAUSE_MS = 2000,
	PAUSE_MAX_MS = 120000,
	FORGOTTEN_MS = 600000
};

struct dialled {
	struct {
		uint8_t signer[32]; /* fingerprint */
		unsigned failures;  /* 0: free */
		reload_ms since;    /* the last one */
	} at[SIGNERS_MAX];
};

/* The place of a signer; SIGNERS_MAX: it has not failed lately. */
static size_t place_of(const struct reload_membership *m, const uint8_t signer[32])
{
	for (size_t i = 0; m->dialled && i < SIGNERS_MAX; i++)
		if (m->dialled->at[i].failures &&
			m->engine->now - m->dialled->at[i].since < FORGOTTEN_MS &&
			!memcmp(m->dialled->at[i].signer, signer, 32))
			return i;
	return SIGNERS_MAX;
}

static reload_ms pause_after(unsigned failures)
{
	if (failures <= FREE)
		return 0;
	return reload_doubled(PAUSE_MS, failures - FREE - 1, PAUSE_MAX_MS);
}

bool reload_dialled_may(
	const struct reload_membership *m, const uint8_t signer[32], size_t under_way)
{
	size_t i = place_of(m, signer);
	unsigned failures = i < SIGNERS_MAX ? m->dialled->at[i].failures : 0;
	if (under_way)
		return failures + under_way < FREE;
	return !failures || m->engine->now - m->dialled->at[i].since >= pause_after(failures);
}

void reload_dialled_failed(struct reload_membership *m, const uint8_t signer[32])
{
	if (!m->dialled)
		m->dialled = RELOAD_NEW(dialled);
	size_t at = place_of(m, signer);
	if (at == SIGNERS_MAX) {
		at = 0;
		for (size_t i = 0; i < SIGNERS_MAX && m->dialled->at[at].failures; i++)
			if (!m->dialled->at[i].failures ||
				m->dialled->at[i].since < m->dialled->at[at].since)
				at = i;
		memcpy(m->dialled->at[at].signer, signer, 32);
		m->dialled->at[at].failures = 0;
	}
	if (m->dialled->at[at].failures < UINT_MAX)
		m->dialled->at[at].failures++;
	m->dialled->at[at].since = m->engine->now;
}

void reload_dialled_reached(struct reload_membership *m, const uint8_t signer[32])
{
	size_t i = place_of(m, signer);
	if (i < SIGNERS_MAX)
		m->dialled->at[i].failures = 0;
}

void reload_dialled_clear(struct reload_membership *m)
{
	free(TAKE(m->dialled));
}
