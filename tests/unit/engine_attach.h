/* Attach requests of nodes without engine, to u of a ring. */
#pragma once

#include "engine_expect.h"

struct attach_form {
	struct reload_ice_candidate candidates[2];
	struct reload_attach body;
};

static inline void attach_of(struct attach_form *f, const struct node *n, const char *role)
{
	*f = (struct attach_form){ .candidates = { { .addr_port = node_address(n),
					   .overlay_link = RELOAD_TLS_TCP_FH_NO_ICE,
					   .foundation = span_str("1"),
					   .priority = 2130706431,
					   .type = RELOAD_CAND_HOST } } };
	f->candidates[1] = f->candidates[0];
	f->body = (struct reload_attach){
		.role = span_str(role), .candidates = f->candidates, .candidates_count = 1
	};
}

static inline struct craft craft_attach(struct node *from, struct node *to)
{
	struct attach_form f;
	struct reload_destination d = dest(to);
	attach_of(&f, from, "passive");
	return craft(from, RELOAD_ATTACH_REQ, &f.body, &d);
}

/* The request of c goes through b to u, as that of a node without a link to u. */
static inline uint64_t through_b(struct ring *r, const struct craft *c)
{
	struct craft with = *c;
	with.via[0] = dest(c->from);
	with.via_count = 1;
	say(r->b, r->u, craft_bytes(&with));
	return c->h.transaction_id;
}
