#include "sim/byzantine.h"

#include "sim/forged.h"
#include "util/owned.h"

/*
 * What a liar does.
 *
 * 	A message of another node that it should forward	drops it, forwards it to a wrong node, or answers it in place of the owner
 * 	A message of its own engine				sends an old answer instead, or changes a value and signs the message again
 * 	Either							damages bytes
 * 	On a timer						sends false Updates, messages seen before, too large ones, floods
 *
 * Whether it lies is drawn for each message, so that a liar still answers most of what keeps its links up, and stays in the ring.  The
 * engine of a liar is never asked from inside a call that it made: what is known of its links is from the last run of the timer.
 *
 * Limits: for each liar CACHED answers, SEEN messages and LINKS links are remembered; the oldest is replaced.  A flood is one message each
 * FLOOD_GAP_MS for FLOOD_MS.
 */

enum {
	CACHED = 32,
	SEEN = 32,
	SEEN_SIZE = 8192,
	LINKS = 128,
	TIMER_MS = 500, /* mean time between two runs of the timer */
	FLOOD_GAP_MS = 5,
	FLOOD_MS = 3000,
	DAMAGE_BYTES = 32,
	PER_CENT = 10000 /* in a chance given per million */
};

/* An answer that was sent once: for which place, and its body. */
struct cached_answer {
	uint8_t about[RELOAD_HASH_SIZE_MAX];
	uint64_t storage_time;
	struct bytes body;
};

struct liar_link {
	uint32_t link;
	struct reload_id node;
};

struct liar {
	struct reload_sim_byzantine *all;
	size_t index;
	struct reload_config *config; /* NULL: its engine has not been running yet */
	bool timed, flooding;
	reload_ms flood_until;
	struct liar_link links[LINKS];
	size_t links_count;
	struct cached_answer cached[CACHED];
	size_t cached_next;
	struct bytes seen[SEEN];
	size_t seen_next;
};

struct reload_sim_byzantine {
	struct reload_sim *sim;
	struct liar **liars; /* by index of the node; NULL: it never lied */
	uint64_t sent[RELOAD_SIM_LIES], refused;
};

struct reload_sim_byzantine *reload_sim_byzantine_new(struct reload_sim *s)
{
	struct reload_sim_byzantine *b = RELOAD_NEW(reload_sim_byzantine);
	b->sim = s;
	b->liars = reload_alloc_array(reload_sim_count(s), sizeof(struct liar *));
	return b;
}

static void liar_free(struct liar *l)
{
	for (size_t i = 0; i < CACHED; i++)
		bytes_free(&l->cached[i].body);
	for (size_t i = 0; i < SEEN; i++)
		bytes_free(&l->seen[i]);
	reload_config_free(l->config);
	free(l);
}

void reload_sim_byzantine_free(struct reload_sim_byzantine *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < reload_sim_count(b->sim); i++)
		if (b->liars[i])
			liar_free(b->liars[i]);
	free(b->liars);
	free(b);
}

/* -- sending ------------------------------------------------------------------------------------------------------------ */

static struct reload_prng *prng_of(const struct liar *l)
{
	return reload_sim_prng(l->all->sim);
}

static struct reload_sim_node *node_of(const struct liar *l)
{
	return reload_sim_node(l->all->sim, l->index);
}

static struct reload_sim_forger forger_of(const struct liar *l)
{
	return (struct reload_sim_forger){
		.credentials = &node_of(l)->credentials, .config = l->config, .prng = prng_of(l)
	};
}

static bool chance(const struct liar *l, uint32_t per_cent)
{
	return reload_prng_chance(prng_of(l), per_cent * PER_CENT);
}

static void send_lie(struct liar *l, uint32_t lie, uint32_t link, struct span message)
{
	for (unsigned i = 0; i < RELOAD_SIM_LIES; i++)
		l->all->sent[i] += lie == 1u << i;
	if (message.len)
		reload_sim_inject(node_of(l), link, message, 0);
	reload_sim_note(l->all->sim, node_of(l), "lies", lie, message.len);
}

uint64_t reload_sim_byzantine_sent_of(const struct reload_sim_byzantine *b, uint32_t lie)
{
	uint64_t sent = 0;
	for (unsigned i = 0; i < RELOAD_SIM_LIES; i++)
		sent += lie & 1u << i ? b->sent[i] : 0;
	return sent;
}

uint64_t reload_sim_byzantine_sent(const struct reload_sim_byzantine *b)
{
	return reload_sim_byzantine_sent_of(b, (1u << RELOAD_SIM_LIES) - 1);
}

/* -- what others make of it -------------------------------------------------------------------------------------------------- */

void reload_sim_byzantine_event(void *arg, struct reload_sim_node *n, const struct reload_event *ev)
{
	struct reload_sim_byzantine *b = arg;
	if (n->byzantine)
		return;
	switch ((int)ev->type) {
	case RELOAD_EV_DROPPED:
	case RELOAD_EV_REQUEST_REFUSED:
	case RELOAD_EV_BAD_SIGNATURE:
	case RELOAD_EV_STORE_REFUSED:
	case RELOAD_EV_ROLLBACK:
		b->refused++;
		break;
	}
}

uint64_t reload_sim_byzantine_refused(const struct reload_sim_byzantine *b)
{
	return b->refused;
}

/* -- answers ------------------------------------------------------------------------------------------------------------------ */

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

/* Remembers the first answer for a place, and sends it again instead of a newer one. */
static bool send_stale(struct liar *l, uint32_t link, const struct reload_msg *m)
{
	uint8_t about[RELOAD_HASH_SIZE_MAX];
	uint64_t time;
	if (!about_of(m, about, &time))
		return false;
	for (size_t i = 0; i < CACHED; i++) {
		struct cached_answer *k = &l->cached[i];
		if (!k->body.at || memcmp(k->about, about, sizeof(about)))
			continue;
		if (k->storage_time >= time || !chance(l, 70))
			return false;
		struct reload_sim_forger forger = forger_of(l);
		struct wr w;
		wr_init(&w);
		reload_sim_forge(&w, &forger,
			&(struct reload_sim_forged){ .code = RELOAD_FETCH_ANS,
				.transaction = m->header.transaction_id,
				.destination_list = m->header.destination_list,
				.bytes = bytes_span(k->body),
				.certificates = m->security.certificates,
				.certificates_count = m->security.certificates_count });
		send_lie(l, RELOAD_SIM_LIE_STALE, link, wr_done(&w));
		wr_clear(&w);
		return true;
	}
	struct cached_answer *k = &l->cached[l->cached_next++ % CACHED];
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
static bool way_back(const struct liar *l, const struct wire_ctx *ctx, const struct reload_msg *m,
	struct wr *list, uint32_t *link)
{
	struct reload_destination via[RELOAD_SIM_LIES], d;
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

/* Answers a Fetch or Store in transit as if this node were responsible. */
static bool answer_instead(struct liar *l, struct reload_msg *m)
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
		struct reload_sim_forger forger = forger_of(l);
		struct reload_arena arena = { 0 };
		stead_body(&body, &arena, &ctx, m);
		reload_sim_forge(&w, &forger,
			&(struct reload_sim_forged){ .code = (uint16_t)(m->code + 1),
				.transaction = m->header.transaction_id,
				.destination_list = wr_done(&list),
				.bytes = wr_done(&body) });
		reload_arena_clear(&arena);
		send_lie(l, RELOAD_SIM_LIE_STALE, link, wr_done(&w));
	}
	wr_clear(&list);
	wr_clear(&body);
	wr_clear(&w);
	return able;
}

/* -- damage ------------------------------------------------------------------------------------------------------------------- */

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

/* Changes a value of another node in a Store or an answer of this node, and signs the message again. */
static bool send_forged(struct liar *l, uint32_t link, struct reload_msg *m)
{
	struct wire_ctx ctx = reload_config_wire_ctx(l->config);
	bool changed = false;
	if ((m->code != RELOAD_STORE_REQ && m->code != RELOAD_FETCH_ANS) || !chance(l, 30) ||
		reload_msg_body(m, &ctx))
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
	struct reload_sim_forger forger = forger_of(l);
	struct wr w;
	wr_init(&w);
	reload_sim_forge(&w, &forger,
		&(struct reload_sim_forged){ .code = m->code,
			.transaction = m->header.transaction_id,
			.destination_list = m->header.destination_list,
			.body = &m->body,
			.certificates = m->security.certificates,
			.certificates_count = m->security.certificates_count });
	send_lie(l, RELOAD_SIM_LIE_MALFORMED, link, wr_done(&w));
	wr_clear(&w);
	return true;
}

static void send_damaged(struct liar *l, uint32_t link, struct span message)
{
	enum {
		LENGTH_AT = 16 /* of the forwarding header */
	};
	struct reload_prng *prng = prng_of(l);
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
	send_lie(l, RELOAD_SIM_LIE_MALFORMED, link, span_of(bytes, len));
	free(bytes);
}

/* -- what leaves the engine --------------------------------------------------------------------------------------------------- */

static void remember(struct liar *l, struct span message)
{
	if (message.len > SEEN_SIZE || !chance(l, 20))
		return;
	struct bytes *oldest = &l->seen[l->seen_next++ % SEEN];
	bytes_free(oldest);
	*oldest = bytes_copy(message);
}

/* A message of another node; true: it is forwarded as it is. */
static bool in_transit(struct liar *l, uint32_t lies, struct reload_msg *m, struct span message)
{
	uint32_t links[LINKS];
	size_t count;
	bool drops = lies & RELOAD_SIM_LIE_DROP, misroutes = lies & RELOAD_SIM_LIE_MISROUTE;
	if (lies & RELOAD_SIM_LIE_STALE && chance(l, 30) && answer_instead(l, m))
		return false;
	if (drops && (!misroutes || chance(l, 50))) {
		send_lie(l, RELOAD_SIM_LIE_DROP, 0, span_of(NULL, 0));
		return false;
	}
	if (!misroutes || !(count = reload_sim_links(node_of(l), links, LINKS)))
		return true;
	send_lie(l, RELOAD_SIM_LIE_MISROUTE, links[reload_prng_below(prng_of(l), count)], message);
	return false;
}

static bool own(struct liar *l, uint32_t lies, uint32_t link, struct reload_msg *m)
{
	struct wire_ctx ctx = reload_config_wire_ctx(l->config);
	if (lies & RELOAD_SIM_LIE_STALE && m->code == RELOAD_FETCH_ANS &&
		!reload_msg_body(m, &ctx) && send_stale(l, link, m))
		return false;
	return !(lies & RELOAD_SIM_LIE_MALFORMED && send_forged(l, link, m));
}

bool reload_sim_byzantine_send(
	void *arg, struct reload_sim_node *n, uint32_t link, struct span message)
{
	struct reload_sim_byzantine *b = arg;
	struct liar *l = b->liars[n->index];
	if (!l || !l->config || !message.len)
		return true;
	if (n->byzantine & RELOAD_SIM_LIE_REPLAYED)
		remember(l, message);
	if (n->byzantine & RELOAD_SIM_LIE_MALFORMED && chance(l, 3)) {
		send_damaged(l, link, message);
		return false;
	}
	struct wire_ctx ctx = reload_config_wire_ctx(l->config);
	struct reload_msg *m;
	if (reload_msg_decode(&m, message, &ctx))
		return true; /* a fragment */
	bool goes = reload_sim_signed_by(m, &n->credentials)
			    ? own(l, n->byzantine, link, m)
			    : in_transit(l, n->byzantine, m, message);
	reload_msg_free(m);
	return goes;
}

/* -- without cause --------------------------------------------------------------------------------------------------------------- */

static void links_look(struct liar *l)
{
	struct reload_peer_link links[LINKS];
	size_t count = reload_peer_links(node_of(l)->peer, links, LINKS);
	l->links_count = 0;
	for (size_t i = 0; i < count && i < LINKS; i++)
		if (links[i].node.len)
			l->links[l->links_count++] =
				(struct liar_link){ .link = links[i].link, .node = links[i].node };
}

static const struct liar_link *somebody(const struct liar *l)
{
	return &l->links[reload_prng_below(prng_of(l), l->links_count)];
}

static void send_update(struct liar *l, uint32_t lie)
{
	struct reload_sim_forger forger = forger_of(l);
	const struct liar_link *to = somebody(l);
	struct reload_id real[LINKS];
	struct wr w;
	wr_init(&w);
	for (size_t i = 0; i < l->links_count; i++)
		real[i] = l->links[i].node;
	reload_sim_forge_update(&w, &forger,
		(enum reload_sim_false_update)reload_prng_below(
			forger.prng, RELOAD_SIM_FALSE_UPDATES),
		&to->node, real, l->links_count);
	send_lie(l, lie, to->link, wr_done(&w));
	wr_clear(&w);
}

/* Sends a Join in the name of another node, or one that does not come over the link of its sender. */
static void send_join(struct liar *l)
{
	struct reload_sim_forger forger = forger_of(l);
	const struct liar_link *to = somebody(l), *other = somebody(l);
	bool detour = chance(l, 50);
	struct wr w;
	wr_init(&w);
	reload_sim_forge_join(
		&w, &forger, &to->node, detour ? &forger.credentials->node : &other->node);
	send_lie(l, RELOAD_SIM_LIE_UPDATES, detour ? other->link : to->link, wr_done(&w));
	wr_clear(&w);
}

static void send_store(struct liar *l)
{
	struct reload_sim_forger forger = forger_of(l);
	const struct liar_link *to = somebody(l);
	const struct reload_sim_node *n = node_of(l);
	enum reload_sim_false_store how = (enum reload_sim_false_store)reload_prng_below(
		forger.prng, RELOAD_SIM_FALSE_STORES);
	struct reload_id resource = to->node; /* in the receiver's range */
	if (how == RELOAD_SIM_STORE_REPLICA)
		reload_prng_bytes(forger.prng, resource.at, resource.len);
	struct wr w;
	wr_init(&w);
	reload_sim_forge_store(&w, &forger, how, &to->node, &resource,
		RELOAD_SIM_EPOCH + reload_sim_now(l->all->sim) + (uint64_t)n->skew_ms);
	send_lie(l, RELOAD_SIM_LIE_FLOODS, to->link, wr_done(&w));
	wr_clear(&w);
}

static void send_large(struct liar *l)
{
	struct reload_sim_forger forger = forger_of(l);
	const struct liar_link *to = somebody(l);
	struct wr w;
	wr_init(&w);
	reload_sim_forge_large(&w, &forger, &to->node);
	send_lie(l, RELOAD_SIM_LIE_OVERSIZED, to->link, wr_done(&w));
	wr_clear(&w);
}

static void send_again(struct liar *l)
{
	struct span s = bytes_span(l->seen[reload_prng_below(prng_of(l), SEEN)]);
	if (s.len)
		send_lie(l, RELOAD_SIM_LIE_REPLAYED, somebody(l)->link, s);
}

static void flood(void *arg, struct reload_sim *s)
{
	struct liar *l = arg;
	struct reload_sim_node *n = node_of(l);
	l->flooding = n->peer && n->byzantine & RELOAD_SIM_LIE_FLOODS && l->links_count &&
		      reload_sim_now(s) < l->flood_until;
	if (!l->flooding)
		return;
	if (chance(l, 50))
		send_update(l, RELOAD_SIM_LIE_FLOODS);
	else
		send_store(l);
	reload_sim_at(s, reload_sim_now(s) + FLOOD_GAP_MS, flood, l);
}

static void act(struct liar *l, uint32_t lies, struct reload_sim *s)
{
	if (lies & RELOAD_SIM_LIE_UPDATES && chance(l, 30))
		send_update(l, RELOAD_SIM_LIE_UPDATES);
	if (lies & RELOAD_SIM_LIE_UPDATES && l->links_count > 1 && chance(l, 10))
		send_join(l);
	if (lies & RELOAD_SIM_LIE_REPLAYED && chance(l, 60))
		send_again(l);
	if (lies & RELOAD_SIM_LIE_OVERSIZED && chance(l, 3))
		send_large(l);
	if (lies & RELOAD_SIM_LIE_FLOODS && !l->flooding && chance(l, 3)) {
		l->flood_until = reload_sim_now(s) + FLOOD_MS;
		flood(l, s);
	}
}

static void on_timer(void *arg, struct reload_sim *s)
{
	struct liar *l = arg;
	struct reload_sim_node *n = node_of(l);
	l->timed = n->byzantine != 0;
	if (!l->timed)
		return;
	reload_sim_at(s, reload_sim_now(s) + TIMER_MS / 2 + reload_prng_below(prng_of(l), TIMER_MS),
		on_timer, l);
	l->links_count = 0;
	if (!n->peer)
		return;
	struct reload_config *config = reload_config_ref(reload_peer_config(n->peer));
	reload_config_free(l->config);
	l->config = config;
	links_look(l);
	if (l->links_count)
		act(l, n->byzantine, s);
}

void reload_sim_byzantine_start(struct reload_sim_byzantine *b, size_t i, uint32_t lies)
{
	struct reload_sim_node *n = reload_sim_node(b->sim, i);
	if (!b->liars[i]) {
		b->liars[i] = RELOAD_NEW(liar);
		b->liars[i]->all = b;
		b->liars[i]->index = i;
	}
	n->byzantine = lies;
	if (!b->liars[i]->timed && lies) {
		b->liars[i]->timed = true;
		reload_sim_at(b->sim, reload_sim_now(b->sim), on_timer, b->liars[i]);
	}
}

void reload_sim_byzantine_stop(struct reload_sim_byzantine *b, size_t i)
{
	reload_sim_node(b->sim, i)->byzantine = 0;
}
