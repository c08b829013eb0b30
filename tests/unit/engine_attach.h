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

/* Makes u send an Attach to other, of which b's Update told. */
static inline struct reload_msg *u_attaches(struct ring *r, struct node *other)
{
	struct reload_id list[] = { r->u->id, other->id };
	struct reload_chord_update update = { .uptime = 2,
		.type = RELOAD_CHORD_NEIGHBORS,
		.predecessors = list,
		.predecessors_count = 2,
		.successors = list,
		.successors_count = 2 };
	struct reload_destination to = dest(r->u);
	struct craft c = craft(r->b, RELOAD_UPDATE_REQ, &update, &to);
	tell(&c, r->u);
	for (int i = 0; i < 40; i++) {
		struct reload_msg *m = heard_code(r->b, RELOAD_ATTACH_REQ);
		struct wire_ctx ctx = net_ctx(r->net);
		struct reload_destination d = { 0 };
		if (!m) {
			net_pass(r->net, 250);
			continue;
		}
		struct rd rd = rd_of(m->header.destination_list);
		while (reload_dest_next(&rd, &ctx, &d))
			;
		if (d.type == RELOAD_DEST_NODE && reload_id_eq(&d.node, &other->id))
			return m;
	}
	fail_msg("u sent no Attach");
	return NULL;
}
