/* Where a check may store, and the requests that store, fetch and clean up. */
#include "reload-diag/conform.h"

#include "ident/job.h"
#include "topology/chord_route.h"
#include "wire/stored.h"

enum {
	LIFETIME_S = 120,
	PLACES_MAX = 64
};

/* The Resource-ID number i (from 1) at which this identity may write values of that Kind; false: there is none. */
static bool place_of(
	struct conform *c, const struct reload_kind *kind, unsigned i, struct reload_id *out)
{
	uint8_t name[RELOAD_ID_MAX + 1];
	const struct reload_id *node = &c->me.credentials.node;
	switch (kind->access) {
	case RELOAD_ACCESS_USER_MATCH:
		if (i > 1)
			return false;
		reload_chord_resource_id(out, span_str(c->me.credentials.cert->user));
		return true;
	case RELOAD_ACCESS_NODE_MATCH:
		if (i > 1)
			return false;
		reload_chord_resource_id(out, reload_id_span(node));
		return true;
	case RELOAD_ACCESS_NODE_MULTIPLE:
		if (i > kind->max_node_multiple || i > PLACES_MAX)
			return false;
		memcpy(name, node->at, node->len);
		name[node->len] = (uint8_t)i;
		reload_chord_resource_id(out, span_of(name, node->len + 1u));
		return true;
	case RELOAD_ACCESS_USER_NODE_MATCH:
	case RELOAD_ACCESS_NODE_ID_MATCH:
		break;
	}
	return false;
}

/* Whether the node itself is responsible for a Resource-ID. */
static bool responsible(struct conform *c, const struct reload_id *resource)
{
	struct draft d;
	draft_ping(c, &d);
	draft_to_resource(&d.to, resource);
	bool answered = conform_ask(c, &d) && c->answer->code == RELOAD_PING_ANS;
	draft_end(&d);
	return answered && reload_id_eq(&c->signer, &c->target);
}

/* Whether nothing is stored there; what somebody has stored is not overwritten. */
static bool vacant(struct conform *c, const struct reload_kind *kind, const struct reload_id *at)
{
	struct draft d;
	bool free = true;
	conform_fetch(c, &d, RELOAD_FETCH_REQ, at, &kind->id, 1, 0);
	bool answered = conform_ask(c, &d) && c->answer->code == RELOAD_FETCH_ANS;
	draft_end(&d);
	if (!answered)
		return false;
	const struct reload_fetch_ans *a = &c->answer->body.fetch_ans;
	for (size_t i = 0; i < a->kind_responses_count; i++)
		for (size_t k = 0; k < a->kind_responses[i].values_count; k++) {
			const struct reload_stored_data *v = &a->kind_responses[i].values[k];
			free &= !v->value.exists;
			if (v->storage_time > c->storage_time)
				c->storage_time = v->storage_time;
		}
	return free;
}

/* Notes what the place is good for; *taken: a value of somebody is there. */
static void look_at(
	struct conform *c, const struct reload_kind *kind, const struct reload_id *at, bool *taken)
{
	if (!responsible(c, at)) {
		if (!c->far_kind) {
			c->far_kind = kind;
			c->far = *at;
		}
	} else if (!c->kind && vacant(c, kind, at)) {
		c->kind = kind;
		c->place = *at;
	} else if (!c->kind) {
		*taken = true;
	}
}

static void find_place(struct conform *c)
{
	const struct reload_config_kind_list *kinds = &c->me.config->kinds;
	bool any = false, taken = false;
	for (size_t k = 0; k < kinds->count; k++) {
		const struct reload_kind *kind = &kinds->at[k];
		struct reload_id at;
		if (kind->model != RELOAD_MODEL_SINGLE || kind->id < CONFORM_PRIVATE_KIND)
			continue;
		for (unsigned i = 1;
			(!c->kind || (!c->far_kind && c->other.len)) && place_of(c, kind, i, &at);
			i++) {
			any = true;
			look_at(c, kind, &at, &taken);
		}
	}
	if (!c->kind)
		snprintf(c->no_place, sizeof(c->no_place), "%s",
			!any    ? "the overlay has no Kind of single values of the private range"
			: taken ? "a value is stored already where this identity may store"
				: "the node is responsible for no place where this identity may "
				  "store; another identity may have one");
}

static bool looked(struct conform *c)
{
	if (!c->place_tried && conform_up(c)) {
		c->place_tried = true;
		find_place(c);
	}
	return c->place_tried;
}

bool conform_place(struct conform *c, enum conform_verdict *v)
{
	bool known = looked(c);
	if (!c->kind)
		*v = UNJUDGED(c, "%s", known ? c->no_place : c->fault);
	return c->kind;
}

bool conform_far_place(struct conform *c, enum conform_verdict *v)
{
	bool known = looked(c);
	if (!c->far_kind)
		*v = UNJUDGED(c, "%s",
			known ? "no other node is responsible for a place where this identity may "
				"store"
			      : c->fault);
	return c->far_kind;
}

/* -- requests ---------------------------------------------------------------------------------------------------------------- */

static void sign_value(struct conform *c, const struct conform_value *v, uint32_t kind,
	const struct reload_id *at, struct reload_stored_data *d, struct reload_job **job)
{
	struct rd r = rd_of(wr_done(&c->identity));
	reload_wire_read(&r, &reload_signer_identity_wire, &c->ctx, &d->signature.identity);
	*job = reload_job_sign(c->me.credentials.key);
	reload_stored_signature_input(
		&(*job)->input, reload_id_span(at), kind, d, wr_done(&c->identity));
	reload_job_run(*job);
	d->signature.hash_alg = (*job)->hash_alg;
	d->signature.sig_alg = (*job)->sig_alg;
	d->signature.value = wr_done(&(*job)->signature);
	if (v->signing == CONFORM_SIGN_FLIPPED && (*job)->signature.len)
		(*job)->signature.at[(*job)->signature.len - 1] ^= 1;
	if (v->signing == CONFORM_SIGN_NOT)
		d->signature =
			(struct reload_signature){ .identity = { .type = RELOAD_IDENTITY_NONE } };
}

void conform_store(struct conform *c, struct draft *d, const struct conform_value *v)
{
	const struct reload_id *at = v->at ? v->at : &c->place;
	uint32_t kind = v->kind ? v->kind : c->kind->id;
	uint64_t now = cli_now();
	struct reload_stored_data data = { .lifetime = LIFETIME_S,
		.value = { .model = RELOAD_MODEL_SINGLE, .exists = v->exists, .value = v->text } };
	struct reload_job *job;
	if (now <= c->storage_time)
		now = c->storage_time + 1;
	data.storage_time = v->storage_time ? v->storage_time : now;
	if (!v->storage_time)
		c->storage_time = now;
	sign_value(c, v, kind, at, &data, &job);
	draft_begin(c, d, RELOAD_STORE_REQ);
	wr_u8(&d->body, at->len);
	wr_span(&d->body, reload_id_span(at));
	wr_u8(&d->body, (uint8_t)v->replica);
	size_t mark = wr_open(&d->body, 4);
	for (unsigned i = 0; i < (v->times ? v->times : 1); i++) {
		wr_u32(&d->body, kind);
		wr_u64(&d->body, v->generation);
		size_t values = wr_open(&d->body, 4);
		reload_stored_write(&d->body, &c->ctx, &data);
		wr_close(&d->body, values, 4);
	}
	wr_close(&d->body, mark, 4);
	reload_job_free(job);
}

void conform_fetch(struct conform *c, struct draft *d, uint16_t code, const struct reload_id *at,
	const uint32_t *kinds, size_t count, uint64_t generation)
{
	draft_begin(c, d, code);
	wr_u8(&d->body, at->len);
	wr_span(&d->body, reload_id_span(at));
	size_t mark = wr_open(&d->body, 2);
	for (size_t i = 0; i < count; i++) {
		wr_u32(&d->body, kinds[i]);
		wr_u64(&d->body, generation);
		wr_u16(&d->body, 0); /* a single value has no specifier */
	}
	wr_close(&d->body, mark, 2);
}

void conform_clean_up(struct conform *c)
{
	struct draft d;
	conform_store(c, &d, &(struct conform_value){ .exists = false });
	(void)conform_ask(c, &d);
	draft_end(&d);
}
