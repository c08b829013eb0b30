#include "replica/internal.h"

#include "storage/answer_fit.h"

/*
 * Whether an answer fits its request.  What was asked is read again from the request, which is kept until its end, so that no
 * consumer of answers has to remember it.
 */

/* Reads what was asked, with its lists in arena; false: this is no request for Kinds, or they have changed meanwhile. */
static bool request_body_read(
	union reload_body *out, const struct reload_request *r, struct reload_arena *arena)
{
	const struct reload_replica *rep = r->method->arg;
	struct wire_ctx ctx = rep->engine->ctx;
	struct reload_contents contents;
	ctx.arena = arena;
	return !reload_contents_read(&contents, wr_done((struct wr *)&r->contents)) &&
	       !reload_wire_decode(contents.body, reload_body_wire(r->code), &ctx, out);
}

static bool asks_for_kinds(const struct reload_request *r)
{
	return r->code == RELOAD_FETCH_REQ || r->code == RELOAD_STAT_REQ ||
	       r->code == RELOAD_FIND_REQ || r->code == RELOAD_STORE_REQ;
}

static bool fits(uint16_t code, const union reload_body *asked, const union reload_body *answer,
	struct reload_arena *arena)
{
	switch (code) {
	case RELOAD_FETCH_REQ:
		return reload_fetch_fits(&asked->fetch_req, &answer->fetch_ans, arena);
	case RELOAD_STAT_REQ:
		return reload_stat_fits(&asked->fetch_req, &answer->stat_ans, arena);
	case RELOAD_FIND_REQ:
		return reload_find_fits(&asked->find_req, &answer->find_ans);
	default:
		return reload_store_fits(&asked->store_req, &answer->store_ans);
	}
}

bool reload_answer_fits(const struct reload_request *r, const struct reload_msg *answer)
{
	struct reload_arena notes = { 0 };
	union reload_body asked;
	bool good = request_body_read(&asked, r, &notes) &&
		    fits(r->code, &asked, &answer->body, &notes);
	reload_arena_clear(&notes);
	return good;
}

static struct reload_kind_list kinds_of(uint16_t code, const union reload_body *asked)
{
	switch (code) {
	case RELOAD_FETCH_REQ:
	case RELOAD_STAT_REQ:
		return RELOAD_KINDS(asked->fetch_req.specifiers, asked->fetch_req.specifiers_count);
	case RELOAD_FIND_REQ:
		return (struct reload_kind_list){ asked->find_req.kinds,
			sizeof(*asked->find_req.kinds), asked->find_req.kinds_count };
	default:
		return RELOAD_KINDS(asked->store_req.kind_data, asked->store_req.kind_data_count);
	}
}

size_t reload_request_named(const struct reload_request *r, uint32_t *kinds, size_t count)
{
	struct reload_arena notes = { 0 };
	union reload_body asked;
	size_t kept = 0;
	if (!asks_for_kinds(r) || !request_body_read(&asked, r, &notes))
		count = 0;
	for (size_t i = 0; i < count; i++) {
		kinds[kept] = kinds[i];
		kept += reload_kinds_within(
			(struct reload_kind_list){ kinds, sizeof(*kinds), kept + 1 },
			kinds_of(r->code, &asked));
	}
	reload_arena_clear(&notes);
	return kept;
}
