#include "link/ice.h"

#include "ident/ops.h"
#include "util/alloc.h"
#include "util/text.h"
#include "wire/codes.h"
#include "wire/ice.h"

#include <assert.h>
#include <stdlib.h>

enum {
	HIDDEN_PORT = 9, /* RFC 8839 s5.1: of a related address that is not to be known */
	HASHED = (RELOAD_ICE_FOUNDATION - 1) /
		 2 /* bytes of a hash, in hex as long as a foundation may be */
};

static const struct {
	enum reload_ice_type ice;
	enum reload_cand_type reload;
} types[] = {
	{ RELOAD_ICE_HOST, RELOAD_CAND_HOST },
	{ RELOAD_ICE_SRFLX, RELOAD_CAND_SRFLX },
	{ RELOAD_ICE_RELAY, RELOAD_CAND_RELAY },
};

/* -- of another node ---------------------------------------------------------------------------- */

/* Foundations are only compared with each other: a longer one than ICE has room for is replaced by its hash. */
static void foundation_copy(char out[RELOAD_ICE_FOUNDATION], struct span foundation)
{
	uint8_t digest[RELOAD_HASH_SIZE_MAX];
	if (foundation.len < RELOAD_ICE_FOUNDATION) {
		memcpy(out, foundation.at, foundation.len);
		out[foundation.len] = 0;
		return;
	}
	reload_hash(digest, RELOAD_HASH_SHA256, &foundation, 1);
	reload_hex(out, span_of(digest, HASHED));
}

static void item_of(struct reload_ice_item *out, const struct reload_ice_candidate *in)
{
	*out = (struct reload_ice_item){ .priority = in->priority, .address = in->addr_port };
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (types[i].reload == in->type)
			out->type = types[i].ice;
	foundation_copy(out->foundation, in->foundation);
	reload_ip_port_unmap(&out->address);
	if (in->type != RELOAD_CAND_HOST && !reload_ip_port_fault(&in->rel_addr_port))
		out->base = in->rel_addr_port;
}

static bool is_twice(const struct reload_ice_item *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (reload_ip_port_eq(&items[i].address, &items[count].address))
			return true;
	return false;
}

size_t reload_ice_remote(struct reload_ice_item out[RELOAD_ICE_CANDIDATES_MAX], const char **why,
	const struct reload_ice_candidate *in, size_t count, bool loopback)
{
	size_t n = 0;
	*why = NULL;
	for (size_t i = 0; i < count && i < RELOAD_ICE_CANDIDATES_MAX; i++) {
		const char *fault = reload_ice_candidate_fault(&in[i], loopback);
		if (!fault) {
			item_of(&out[n], &in[i]);
			fault = is_twice(out, n) ? "at the address of another candidate" : NULL;
			n += !fault;
		}
		*why = *why ? *why : fault;
	}
	return n;
}

/* -- of this node ------------------------------------------------------------------------------- */

void reload_ice_mark_routed(struct reload_ice_local *all, size_t count,
	const struct reload_ip_port *sources, size_t sources_count)
{
	for (size_t i = 0; i < count; i++) {
		const struct reload_ice_item *item = &all[i].item;
		struct reload_ip_port base = item->base.type ? item->base : item->address;
		all[i].routed = false;
		for (size_t k = 0; k < sources_count; k++) {
			base.port = sources[k].port;
			all[i].routed |= reload_ip_port_eq(&base, &sources[k]);
		}
	}
}

static const char *local_fault(const struct reload_ice_local *c, bool loopback, bool relay_only)
{
	if (c->item.type == RELOAD_ICE_PRFLX)
		return "peer-reflexive candidates are not sent";
	if (relay_only && c->item.type != RELOAD_ICE_RELAY)
		return "only relayed candidates are wanted";
	return reload_ip_port_claim_fault(&c->item.address, loopback);
}

/* Best first: of two, what is better to try, and then an order that does not depend on how they were gathered. */
static int by_worth(const struct reload_ice_local *a, const struct reload_ice_local *b)
{
	if (a->item.priority != b->item.priority)
		return a->item.priority > b->item.priority ? -1 : 1;
	int order = memcmp(a->item.address.addr, b->item.address.addr, 16);
	return order ? order : (int)a->item.address.port - (int)b->item.address.port;
}

static int by_kind(const void *one, const void *other)
{
	const struct reload_ice_local *a = one, *b = other;
	if (!a->left_out != !b->left_out)
		return a->left_out ? 1 : -1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->routed != b->routed)
		return a->routed ? -1 : 1;
	return by_worth(a, b);
}

static int by_round(const void *one, const void *other)
{
	const struct reload_ice_local *a = one, *b = other;
	if (!a->left_out != !b->left_out)
		return a->left_out ? 1 : -1;
	if (a->round != b->round)
		return a->round < b->round ? -1 : 1;
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return by_worth(a, b);
}

static int by_priority(const void *one, const void *other)
{
	return by_worth(one, other);
}

/* A server-reflexive address that is a local one tells of no NAT; sorted by kind, host candidates come first. */
static void leave_out_repeats(struct reload_ice_local *all, size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < i && !all[i].left_out; k++)
			if (!all[k].left_out &&
				reload_ip_port_eq(&all[i].item.address, &all[k].item.address))
				all[i].left_out = "at the address of another candidate";
}

static void rounds_of_each_kind(struct reload_ice_local *all, size_t count)
{
	for (size_t i = 0; i < count; i++)
		all[i].round = i && all[i].kind == all[i - 1].kind ? all[i - 1].round + 1 : 0;
}

static void sort(
	struct reload_ice_local *all, size_t count, int (*compare)(const void *, const void *))
{
	if (count)
		qsort(all, count, sizeof(*all), compare);
}

/* 0.0.0.0:9 or [::]:9 */
static void hide_base(struct reload_ice_item *item)
{
	item->base = (struct reload_ip_port){ .type = item->address.type, .port = HIDDEN_PORT };
}

size_t reload_ice_choose(struct reload_ice_local *all, size_t count, bool loopback, bool relay_only)
{
	size_t chosen = 0;
	for (size_t i = 0; i < count; i++) {
		struct reload_ice_local *c = &all[i];
		reload_ip_port_unmap(&c->item.address);
		c->kind = (unsigned)c->item.type * 2 + (c->item.address.type == RELOAD_IPV4);
		c->left_out = local_fault(c, loopback, relay_only);
	}
	sort(all, count, by_kind);
	leave_out_repeats(all, count);
	sort(all, count, by_kind);
	rounds_of_each_kind(all, count);
	sort(all, count, by_round);
	for (size_t i = 0; i < count && !all[i].left_out; i++) {
		if (chosen == RELOAD_ICE_CANDIDATES_MAX) {
			all[i].left_out = "more candidates than are sent";
			continue;
		}
		chosen++;
		if (relay_only)
			hide_base(&all[i].item);
	}
	sort(all, chosen, by_priority);
	return chosen;
}

void reload_ice_offer(struct reload_ice_candidate *out, const struct reload_ice_local *in)
{
	assert(!in->left_out);
	*out = (struct reload_ice_candidate){ .addr_port = in->item.address,
		.overlay_link = RELOAD_DTLS_UDP_SR,
		.foundation = span_str(in->item.foundation),
		.priority = in->item.priority };
	for (size_t i = 0; i < COUNT_OF(types); i++)
		if (types[i].ice == in->item.type)
			out->type = (uint8_t)types[i].reload;
	if (out->type == RELOAD_CAND_HOST)
		return;
	struct reload_ice_item item = in->item;
	if (!item.base.type)
		hide_base(&item);
	out->rel_addr_port = item.base;
}
