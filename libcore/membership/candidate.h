/* A node's address, without what struct reload_ip_port holds for unknown types: many of these are remembered. */
#pragma once

#include "membership/internal.h"

struct candidate {
	uint16_t port;
	uint8_t type; /* enum reload_address_type */
	uint8_t addr[16];
	struct reload_id node; /* len 0: not known */
	bool remembered;
};

static inline struct candidate candidate_of(const struct reload_ip_port *addr)
{
	struct candidate c = { .type = addr->type, .port = addr->port };
	memcpy(c.addr, addr->addr, sizeof(c.addr));
	return c;
}

static inline struct reload_ip_port addr_of(const struct candidate *c)
{
	struct reload_ip_port addr = { .type = c->type, .port = c->port };
	memcpy(addr.addr, c->addr, sizeof(addr.addr));
	return addr;
}

static inline bool same_addr(const struct candidate *a, const struct candidate *b)
{
	return a->type == b->type && a->port == b->port &&
	       !memcmp(a->addr, b->addr, a->type == RELOAD_IPV4 ? 4 : 16);
}

static inline bool usable(const struct reload_ip_port *a)
{
	return !reload_ip_port_fault(a);
}

/*
 * reload_candidate_is_own() returns whether c is an address or the Node-ID of this node; reload_candidates_shuffle() puts candidates in a
 * random order.
 */
bool reload_candidate_is_own(struct reload_membership *m, const struct candidate *c);
void reload_candidates_shuffle(struct reload_membership *m, struct candidate *at, size_t count);
