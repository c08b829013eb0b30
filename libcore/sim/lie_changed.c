/* Lies about a message that passes: an old or false answer in its place, or the message itself with other contents. */
#include "sim/liar.h"

enum {
	DAMAGE_BYTES = 32,
	VIA_MAX = 8 /* entries of the way back that a false answer takes */
};

/* -- answers --------------------------------------------------------------------------------------------------------- */

/* The place of the first signed value in an answer; false: there is none. */
static bool about_of(
	const struct reload_msg *m, uint8_t about[RELOAD_HASH_SIZE_MAX], uint64_t *time)
{
	const struct reload_fetch_ans *ans = &m->body.fetch_ans;
	if (!ans->kind_responses_count || !ans->kind_responses[0].values_count)
		return false;
	const struct reload_stored_data *d = &ans->kind_responses[0].values[0];
	if (d->signature.identity.type == RELOAD_IDENTITY_NONE)
		return false;
	uint8_t numbers[8];
	struct wr w = wr_fixed(numbers, sizeof(numbers));
	wr_u32(&w, ans->kind_responses[0].kind);
	wr_u32(&w, d->value.index);
	const struct span parts[] = { span_of(numbers, sizeof(numbers)), d->value.key,
		d->signature.identity.hash };
	memset(about, 0, RELOAD_HASH_SIZE_MAX);
	reload_hash(about, RELOAD_HASH_SHA256, parts, COUNT_OF(parts));
	*time = d->storage_time;
	return true;
}

bool reload_sim_lie_stale(struct reload_sim_liar *l, uint32_t link, const struct reload_msg *m)
{
	uint8_t about[RELOAD_HASH_SIZE_MAX];
	uint64_t time;
	if (!about_of(m, about, &time))
		return false;
	for (size_t i = 0; i < RELOAD_SIM_LIAR_CACHED; i++) {
		struct reload_sim_cached_answer *k = &l->cached[i];
		if (!k->body.at || memcmp(k->about, about, sizeof(about)))
			continue;
		if (k->storage_time >= time || !reload_sim_liar_chance(l, 70))
			return false;
		struct reload_sim_forger forger = reload_sim_liar_forger(l);
		struct wr w;
		wr_init(&w);
		reload_sim_forge(&w, &forger,
			&(struct reload_sim_forged){ .code = RELOAD_FETCH_ANS,
				.transaction = m->header.transaction_id,
				.destination_list = m->header.destination_list,
				.bytes = bytes_span(k->body),
				.certificates = m->security.certificates,
				.certificates_count = m->security.certificates_count });
		reload_sim_liar_send(l, RELOAD_SIM_LIE_STALE, link, wr_done(&w));
		wr_clear(&w);
		return true;
	}
	struct reload_sim_cached_answer *k = &l->cached[l->cached_next++ % RELOAD_SIM_LIAR_CACHED];
	bytes_free(&k->body);
	memcpy(k->about, about, sizeof(about));
	k->storage_time = time;
	k->body = bytes_copy(m->body_bytes);
	return false;
}

/* The body of a false answer: to a Fetch that nothing is stored there (s7.4.2.2), to a Store that it was stored. */
static void stead_body(struct wr *w, struct reload_arena *arena, const struct wire_ctx *ctx,
	const struct reload_msg *m)
{
	if (m->code == RELOAD_STORE_REQ) {
		const struct reload_store_req *req = &m->body.store_req;
		struct reload_store_ans ans = { .kind_responses_count = req->kind_data_count };
		ans.kind_responses = reload_arena_take(
			arena, (req->kind_data_count + 1) * sizeof(*ans.kind_responses));
		for (size_t i = 0; i < req->kind_data_count; i++) {
			ans.kind_responses[i].kind = req->kind_data[i].kind;
			ans.kind_responses[i].generation_counter =
				req->kind_data[i].generation_counter + 1;
		}
		reload_wire_write(w, &reload_store_ans_wire, ctx, &ans);
		return;
	}
	const struct reload_fetch_req *req = &m->body.fetch_req;
	struct reload_stored_data nothing = { .value = { .model = RELOAD_MODEL_SINGLE },
		.signature = { .identity = { .type = RELOAD_IDENTITY_NONE } } };
	struct reload_fetch_ans ans = { .kind_responses_count = req->specifiers_count };
	ans.kind_responses =
		reload_arena_take(arena, (req->specifiers_count + 1) * sizeof(*ans.kind_responses));
	for (size_t i = 0; i < req->specifiers_count; i++) {
		struct reload_fetch_kind_response *k = &ans.kind_responses[i];
		k->kind = req->specifiers[i].kind;
		k->values = &nothing;
		k->values_count = req->specifiers[i].model == RELOAD_MODEL_SINGLE;
	}
	reload_wire_write(w, &reload_fetch_ans_wire, ctx, &ans);
}

/* The Destination List for an answer to a request in transit: its Via List backwards.  link is the one to the last node of that list. */
static bool way_back(const struct reload_sim_liar *l, const struct wire_ctx *ctx,
	const struct reload_msg *m, struct wr *list, uint32_t *link)
{
	struct reload_destination via[VIA_MAX], d;
	size_t count = 0;
	struct rd r = rd_of(m->header.via_list);
	while (count < COUNT_OF(via) && reload_dest_next(&r, ctx, &d))
		via[count++] = d;
	if (!count || r.err || rd_more(&r) || via[count - 1].type != RELOAD_DEST_NODE)
		return false;
	for (size_t i = count; i--;)
		reload_wire_write(list, &reload_destination_wire, ctx, &via[i]);
	for (size_t i = 0; i < l->links_count; i++)
		if (reload_id_eq(&l->links[i].node, &via[count - 1].node)) {
			*link = l->links[i].link;
			return true;
		}
	return false;
}

bool reload_sim_lie_instead(struct reload_sim_liar *l, struct reload_msg *m)
{
	struct wire_ctx ctx = reload_config_wire_ctx(l->config);
	uint32_t link;
	struct wr list, body, w;
	if ((m->code != RELOAD_FETCH_REQ && m->code != RELOAD_STORE_REQ) ||
		reload_msg_body(m, &ctx))
		return false;
	wr_init(&list);
	wr_init(&body);
	wr_init(&w);
	bool able = way_back(l, &ctx, m, &list, &link);
	if (able) {
		struct reload_sim_forger forger = reload_sim_liar_forger(l);
		struct reload_arena arena = { 0 };
		stead_body(&body, &arena, &ctx, m);
		reload_sim_forge(&w, &forger,
			&(struct reload_sim_forged){ .code = (uint16_t)(m->code + 1),
				.transaction = m->header.transaction_id,
				.destination_list = wr_done(&list),
				.bytes = wr_done(&body) });
		reload_arena_clear(&arena);
		reload_sim_liar_send(l, RELOAD_SIM_LIE_STALE, link, wr_done(&w));
	}
	wr_clear(&list);
	wr_clear(&body);
	wr_clear(&w);
	return able;
}

/* -- damage ---------------------------------------------------------------------------------------------------------- */

/* Changes the bytes and the time of the first signed value and leaves its signature. */
static bool value_change(struct reload_stored_data *values, size_t count)
{
	static const char words[] = "a value that nobody signed";
	for (size_t i = 0; i < count; i++)
		if (values[i].value.exists && values[i].value.model != RELOAD_MODEL_UNKNOWN) {
			values[i].value.value = span_str(words);
			values[i].storage_time++;
			return true;
		}
	return false;
}

bool reload_sim_lie_forged(struct reload_sim_liar *l, uint32_t link, struct reload_msg *m)
{
	struct wire_ctx ctx = reload_config_wire_ctx(l->config);
	bool changed = false;
	if ((m->code != RELOAD_STORE_REQ && m->code != RELOAD_FETCH_ANS) ||
		!reload_sim_liar_chance(l, 30) || reload_msg_body(m, &ctx))
		return false;
	if (m->code == RELOAD_STORE_REQ)
		for (size_t i = 0; i < m->body.store_req.kind_data_count && !changed; i++)
			changed = value_change(m->body.store_req.kind_data[i].values,
				m->body.store_req.kind_data[i].values_count);
	else
		for (size_t i = 0; i < m->body.fetch_ans.kind_responses_count && !changed; i++)
			changed = value_change(m->body.fetch_ans.kind_responses[i].values,
				m->body.fetch_ans.kind_responses[i].values_count);
	if (!changed)
		return false;
	struct reload_sim_forger forger = reload_sim_liar_forger(l);
	struct wr w;
	wr_init(&w);
	reload_sim_forge(&w, &forger,
		&(struct reload_sim_forged){ .code = m->code,
			.transaction = m->header.transaction_id,
			.destination_list = m->header.destination_list,
			.body = &m->body,
			.certificates = m->security.certificates,
			.certificates_count = m->security.certificates_count });
	reload_sim_liar_send(l, RELOAD_SIM_LIE_MALFORMED, link, wr_done(&w));
	wr_clear(&w);
	return true;
}

bool reload_sim_lie_estimates(struct reload_sim_liar *l, uint32_t link, const struct reload_msg *m)
{
	struct wire_ctx ctx = reload_config_wire_ctx(l->config);
	const struct reload_self_tuning largest = { UINT32_C(1) << 31, UINT32_MAX, 86400 };
	if ((m->code != RELOAD_PROBE_REQ && m->code != RELOAD_PROBE_ANS) || !m->extensions_count)
		return false;
	struct reload_sim_forger forger = reload_sim_liar_forger(l);
	struct wr data, w;
	wr_init(&data);
	wr_init(&w);
	reload_wire_write(&data, &reload_self_tuning_wire, &ctx, &largest);
	const struct reload_extension e = { .type = RELOAD_EXTENSION_SELF_TUNING,
		.contents = wr_done(&data) };
	reload_sim_forge(&w, &forger,
		&(struct reload_sim_forged){ .code = m->code,
			.transaction = m->header.transaction_id,
			.destination_list = m->header.destination_list,
			.bytes = m->body_bytes,
			.extensions = &e,
			.extensions_count = 1 });
	reload_sim_liar_send(l, RELOAD_SIM_LIE_ESTIMATES, link, wr_done(&w));
	wr_clear(&data);
	wr_clear(&w);
	return true;
}

void reload_sim_lie_damaged(struct reload_sim_liar *l, uint32_t link, struct span message)
{
	enum {
		LENGTH_AT = 16 /* of the forwarding header */
	};
	struct reload_prng *prng = reload_sim_liar_prng(l);
	size_t more = (size_t)reload_prng_below(prng, DAMAGE_BYTES), len = message.len;
	uint8_t *bytes = reload_alloc(message.len + more + 1);
	memcpy(bytes, message.at, message.len);
	switch (reload_prng_below(prng, 4)) {
	case 0: /* flips bits */
		for (size_t i = 0; i <= more; i++)
			bytes[reload_prng_below(prng, len)] ^= (uint8_t)(1u << (i % 8));
		break;
	case 1: /* cuts it */
		len = (size_t)reload_prng_below(prng, len) + 1;
		break;
	case 2: /* adds bytes */
		reload_prng_bytes(prng, bytes + len, more);
		len += more;
		break;
	case 3: /* cuts it and corrects its length */
		len = (size_t)reload_prng_below(prng, len) + 1;
		if (len >= LENGTH_AT + 4) {
			struct wr w = wr_fixed(bytes + LENGTH_AT, 4);
			wr_u32(&w, (uint32_t)len);
		}
		break;
	}
	reload_sim_liar_send(l, RELOAD_SIM_LIE_MALFORMED, link, span_of(bytes, len));
	free(bytes);
}
