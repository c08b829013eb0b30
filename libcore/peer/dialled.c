#include "peer/internal.h"

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
static size_t place_of(const struct reload_peer *p, const uint8_t signer[32])
{
	for (size_t i = 0; p->dialled && i < SIGNERS_MAX; i++)
		if (p->dialled->at[i].failures &&
			p->engine->now - p->dialled->at[i].since < FORGOTTEN_MS &&
			!memcmp(p->dialled->at[i].signer, signer, 32))
			return i;
	return SIGNERS_MAX;
}

static reload_ms pause_after(unsigned failures)
{
	if (failures <= FREE)
		return 0;
	return reload_doubled(PAUSE_MS, failures - FREE - 1, PAUSE_MAX_MS);
}

bool reload_dialled_may(const struct reload_peer *p, const uint8_t signer[32], size_t under_way)
{
	size_t i = place_of(p, signer);
	unsigned failures = i < SIGNERS_MAX ? p->dialled->at[i].failures : 0;
	if (under_way)
		return failures + under_way < FREE;
	return !failures || p->engine->now - p->dialled->at[i].since >= pause_after(failures);
}

void reload_dialled_failed(struct reload_peer *p, const uint8_t signer[32])
{
	if (!p->dialled)
		p->dialled = RELOAD_NEW(dialled);
	size_t at = place_of(p, signer);
	if (at == SIGNERS_MAX) {
		at = 0;
		for (size_t i = 0; i < SIGNERS_MAX && p->dialled->at[at].failures; i++)
			if (!p->dialled->at[i].failures ||
				p->dialled->at[i].since < p->dialled->at[at].since)
				at = i;
		memcpy(p->dialled->at[at].signer, signer, 32);
		p->dialled->at[at].failures = 0;
	}
	if (p->dialled->at[at].failures < UINT_MAX)
		p->dialled->at[at].failures++;
	p->dialled->at[at].since = p->engine->now;
}

void reload_dialled_reached(struct reload_peer *p, const uint8_t signer[32])
{
	size_t i = place_of(p, signer);
	if (i < SIGNERS_MAX)
		p->dialled->at[i].failures = 0;
}

void reload_dialled_clear(struct reload_peer *p)
{
	free(TAKE(p->dialled));
}
