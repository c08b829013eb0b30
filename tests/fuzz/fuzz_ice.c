/*
 * Candidates of an Attach on their way to an ICE library, and back.  The first byte has two flags: an overlay on loopback, and
 * only relayed candidates wanted; the rest is an AttachReqAns.  What ICE is given can be sent to and has a foundation of plain
 * text; what is chosen to be sent is taken by the other end.
 */
#include "link/ice.h"
#include "wire/codes.h"
#include "wire/ice.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void item_check(const struct reload_ice_item *item, bool loopback)
{
	size_t len = strnlen(item->foundation, sizeof(item->foundation));
	assert(len && len < sizeof(item->foundation));
	for (size_t i = 0; i < len; i++)
		assert(item->foundation[i] > ' ' && item->foundation[i] <= '~');
	assert(item->priority && item->priority <= INT32_MAX);
	assert(!reload_ip_port_claim_fault(&item->address, loopback));
	assert(item->type == RELOAD_ICE_HOST || item->type == RELOAD_ICE_SRFLX ||
		item->type == RELOAD_ICE_RELAY);
}

/* The candidates of the other node as if they had been gathered here. */
static void choose(const struct reload_attach *a, bool loopback, bool relay_only)
{
	struct reload_ice_local *all = reload_alloc_array(a->candidates_count + 1, sizeof(*all));
	struct reload_ice_candidate sent[RELOAD_ICE_CANDIDATES_MAX];
	struct reload_ice_item taken[RELOAD_ICE_CANDIDATES_MAX];
	const char *why;
	for (size_t i = 0; i < a->candidates_count; i++) {
		const struct reload_ice_candidate *c = &a->candidates[i];
		all[i] = (struct reload_ice_local){ .item = { .type = c->type % 4,
							    .foundation = "1",
							    .priority = c->priority >> 1 | 1,
							    .address = c->addr_port,
							    .base = c->rel_addr_port },
			.routed = c->foundation.len & 1 };
	}
	size_t n = reload_ice_choose(all, a->candidates_count, loopback, relay_only);
	assert(n <= RELOAD_ICE_CANDIDATES_MAX && n <= a->candidates_count);
	for (size_t i = 0; i < a->candidates_count; i++)
		assert(!all[i].left_out == (i < n));
	for (size_t i = 0; i < n; i++) {
		item_check(&all[i].item, loopback);
		assert(!i || all[i].item.priority <= all[i - 1].item.priority);
		assert(!relay_only || all[i].item.type == RELOAD_ICE_RELAY);
		reload_ice_offer(&sent[i], &all[i]);
	}
	assert(reload_ice_remote(taken, &why, sent, n, loopback) == n && !why);
	free(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	struct reload_arena arena = { 0 };
	struct wire_ctx ctx = { .node_id_len = 16, .arena = &arena };
	struct reload_attach a;
	struct reload_ice_item out[RELOAD_ICE_CANDIDATES_MAX];
	const char *why;
	bool loopback = data[0] & 1;
	uint8_t *copy = reload_memdup(data + 1, size - 1); /* one byte too far is seen */
	if (!reload_wire_decode(span_of(copy, size - 1), &reload_attach_wire, &ctx, &a)) {
		size_t n = reload_ice_remote(out, &why, a.candidates, a.candidates_count, loopback);
		assert(n <= a.candidates_count && n <= RELOAD_ICE_CANDIDATES_MAX);
		assert(n == a.candidates_count || why || n == RELOAD_ICE_CANDIDATES_MAX);
		for (size_t i = 0; i < n; i++)
			item_check(&out[i], loopback);
		if (!reload_ice_credentials_fault(a.ufrag, a.password))
			assert(a.ufrag.len >= 4 && !memchr(a.ufrag.at, ':', a.ufrag.len));
		choose(&a, loopback, data[0] & 2);
	}
	reload_arena_clear(&arena);
	free(copy);
	return 0;
}
