#include "membership/internal.h"

#include <limits.h>

/*
 * Senders of Attaches that named addresses where nothing answered.  An Attach makes its answerer dial what the sender names, and anybody's address
 * can be named.  Each certificate has two dials free; after every further one that failed there is a pause, which doubles.
 *
 * A certificate with several Node-IDs counts once.  A success ends it, and so does time without further failures.  Beyond
 * SIGNERS_MAX the one that failed longest ago makes room.
 */

enum {
	SIGNERS_MAX = 64,
	FREE_DIALS = 2,
	DIAL_PAUSE_MS = 2000,
	DIAL_PAUSE_MAX_MS = 120000,
	FORGET_AFTER_MS = 600000
};

struct dial_limits {
	struct {
		uint8_t signer[32]; /* fingerprint */
		unsigned failures;  /* 0: free */
		reload_ms since;    /* the last one */
	} at[SIGNERS_MAX];
};

/* The place of a signer; SIGNERS_MAX: it has not failed lately. */
static size_t index_of(const struct reload_membership *m, const uint8_t signer[32])
{
	for (size_t i = 0; m->dial_limits && i < SIGNERS_MAX; i++)
		if (m->dial_limits->at[i].failures &&
			m->engine->now - m->dial_limits->at[i].since < FORGET_AFTER_MS &&
			!memcmp(m->dial_limits->at[i].signer, signer, 32))
			return i;
	return SIGNERS_MAX;
}

static reload_ms pause_after(unsigned failures)
{
	if (failures <= FREE_DIALS)
		return 0;
	return reload_doubled(DIAL_PAUSE_MS, failures - FREE_DIALS - 1, DIAL_PAUSE_MAX_MS);
}

bool reload_dial_allowed(
	const struct reload_membership *m, const uint8_t signer[32], size_t under_way)
{
	size_t i = index_of(m, signer);
	unsigned failures = i < SIGNERS_MAX ? m->dial_limits->at[i].failures : 0;
	if (under_way)
		return failures + under_way < FREE_DIALS;
	return !failures || m->engine->now - m->dial_limits->at[i].since >= pause_after(failures);
}

void reload_dial_failed(struct reload_membership *m, const uint8_t signer[32])
{
	if (!m->dial_limits)
		m->dial_limits = RELOAD_NEW(dial_limits);
	size_t at = index_of(m, signer);
	if (at == SIGNERS_MAX) {
		at = 0;
		for (size_t i = 0; i < SIGNERS_MAX && m->dial_limits->at[at].failures; i++)
			if (!m->dial_limits->at[i].failures ||
				m->dial_limits->at[i].since < m->dial_limits->at[at].since)
				at = i;
		memcpy(m->dial_limits->at[at].signer, signer, 32);
		m->dial_limits->at[at].failures = 0;
	}
	if (m->dial_limits->at[at].failures < UINT_MAX)
		m->dial_limits->at[at].failures++;
	m->dial_limits->at[at].since = m->engine->now;
}

void reload_dial_succeeded(struct reload_membership *m, const uint8_t signer[32])
{
	size_t i = index_of(m, signer);
	if (i < SIGNERS_MAX)
		m->dial_limits->at[i].failures = 0;
}

void reload_dial_limits_clear(struct reload_membership *m)
{
	free(TAKE(m->dial_limits));
}
