#include "link/admission.h"

#include <string.h>

enum {
	ONE = 1000, /* one admission, in tokens */
	BURST_SECONDS = 2
};

/* A host has a whole /64 of IPv6 to itself, so one address of it says nothing. */
static size_t counted_bytes(const struct reload_ip_port *a)
{
	return a->type == RELOAD_IPV4 ? 4 : 8;
}

bool reload_admission_same(const struct reload_ip_port *a, const struct reload_ip_port *b)
{
	return a->type == b->type && !memcmp(a->addr, b->addr, counted_bytes(a));
}

void reload_admission_init(
	struct reload_admission *a, unsigned rate, unsigned rate_all, reload_ms now)
{
	*a = (struct reload_admission){ .rate = rate, .rate_all = rate_all };
	a->all.tokens = (uint64_t)rate_all * BURST_SECONDS * ONE;
	a->all.since = now;
}

static void refill(struct reload_admission_bucket *b, uint64_t rate, reload_ms now)
{
	uint64_t full = rate * BURST_SECONDS * ONE, passed = now - b->since;
	if (passed > BURST_SECONDS * RELOAD_SECOND)
		passed = BURST_SECONDS * RELOAD_SECOND;
	b->tokens += passed * rate; /* rate a second is rate thousandths a millisecond */
	b->tokens = b->tokens < full ? b->tokens : full;
	b->since = now;
}

static struct reload_admission_bucket *bucket_of(
	struct reload_admission *a, const struct reload_ip_port *peer, reload_ms now)
{
	struct reload_admission_bucket *oldest = &a->at[0];
	size_t len = counted_bytes(peer);
	for (size_t i = 0; i < RELOAD_ADMISSION_ADDRESSES; i++) {
		struct reload_admission_bucket *b = &a->at[i];
		if (b->type == peer->type && !memcmp(b->address, peer->addr, len))
			return b;
		if (!b->type || (oldest->type && b->since < oldest->since))
			oldest = b;
		if (!b->type)
			break; /* those behind it are free as well */
	}
	*oldest = (struct reload_admission_bucket){ .type = (uint8_t)peer->type,
		.tokens = (uint64_t)a->rate * BURST_SECONDS * ONE,
		.since = now };
	memcpy(oldest->address, peer->addr, len);
	return oldest;
}

bool reload_admission_take(
	struct reload_admission *a, const struct reload_ip_port *peer, reload_ms now)
{
	struct reload_admission_bucket *one = bucket_of(a, peer, now);
	refill(one, a->rate, now);
	refill(&a->all, a->rate_all, now);
	if (one->tokens < ONE || a->all.tokens < ONE)
		return false;
	one->tokens -= ONE;
	a->all.tokens -= ONE;
	return true;
}
