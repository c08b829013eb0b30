/* What the test says and hears for nodes without engine: messages put together, signed, taken apart. */
#pragma once

#include "engine_net.h"

/* -- messages of the test ----------------------------------------------------------------------------------------------- */

static inline struct wire_ctx net_ctx(struct net *net)
{
	return reload_config_wire_ctx(net->config);
}

/* A message as the test wants it; craft() gives a good one that is changed before craft_bytes(). */
struct craft {
	struct node *from; /* who signs */
	struct reload_header h;
	uint16_t code;
	struct span body;
	struct reload_destination to[NET_LISTS], via[NET_LISTS];
	size_t to_count, via_count;
	struct span options; /* wire form */
	struct reload_extension *extensions;
	size_t extensions_count;
	struct reload_cert *certificate; /* in the security block; NULL: none */
	struct reload_cert **others;     /* behind it there */
	size_t others_count;
	bool nobody; /* SignerIdentity none */
	bool bad_signature;
};

static inline struct craft craft_raw(
	struct node *from, uint16_t code, struct span body, const struct reload_destination *to)
{
	struct net *net = from->net;
	return (struct craft){ .from = from,
		.h = { .relo_token = RELOAD_TOKEN,
			.overlay = net->config->overlay_hash,
			.configuration_sequence = net->config->sequence,
			.version = RELOAD_VERSION_BYTE,
			.ttl = net->config->initial_ttl,
			.fragment = RELOAD_FRAGMENT_WHOLE,
			.transaction_id = net->next_id++ },
		.code = code,
		.body = body,
		.to = { *to },
		.to_count = 1,
		.certificate = from->credentials.cert };
}

static inline struct craft craft(
	struct node *from, uint16_t code, const void *body, const struct reload_destination *to)
{
	struct net *net = from->net;
	struct wire_ctx ctx = net_ctx(net);
	struct wr w;
	wr_init(&w);
	if (body)
		reload_wire_write(&w, reload_body_wire(code), &ctx, body);
	assert(!w.err);
	struct span bytes = reload_arena_copy(&net->arena, wr_done(&w));
	wr_clear(&w);
	return craft_raw(from, code, bytes, to);
}

static inline struct span craft_identity(struct net *net, struct node *from, bool nobody)
{
	struct wr w;
	wr_init(&w);
	if (nobody) {
		wr_u8(&w, RELOAD_IDENTITY_NONE);
		wr_u16(&w, 0);
	} else {
		reload_cert_identity_write(&w, from->credentials.cert, &from->id);
	}
	struct span s = reload_arena_copy(&net->arena, wr_done(&w));
	wr_clear(&w);
	return s;
}

/* craft_tail() appends contents and security block, signed. */
static inline void craft_tail(struct wr *w, const struct craft *c)
{
	struct net *net = c->from->net;
	struct wire_ctx ctx = net_ctx(net);
	struct wr contents, input, signature;
	wr_init(&contents);
	wr_init(&input);
	wr_init(&signature);
	struct span identity = craft_identity(net, c->from, c->nobody);
	reload_contents_write_bytes(
		&contents, &ctx, c->code, c->body, c->extensions, c->extensions_count);
	reload_msg_signature_input(
		&input, c->h.overlay, c->h.transaction_id, wr_done(&contents), identity);
	struct reload_generic_certificate certificates[RELOAD_LIMIT_CERTIFICATES];
	struct reload_security_block block = { .certificates = certificates };
	for (size_t i = 0; i <= c->others_count; i++) {
		const struct reload_cert *cert = i ? c->others[i - 1] : c->certificate;
		assert(block.certificates_count < COUNT_OF(certificates));
		if (cert)
			certificates[block.certificates_count++] =
				(struct reload_generic_certificate){ .type = RELOAD_X509,
					.certificate = cert->der };
	}
	if (!c->nobody && reload_sim_ident.sign(c->from->credentials.key, wr_done(&input),
				  &block.signature.hash_alg, &block.signature.sig_alg, &signature))
		abort();
	if (c->bad_signature)
		signature.at[0] ^= 1;
	block.signature.value = wr_done(&signature);
	struct rd r = rd_of(identity);
	reload_wire_read(&r, &reload_signer_identity_wire, &ctx, &block.signature.identity);
	wr_span(w, wr_done(&contents));
	reload_wire_write(w, &reload_security_block_wire, &ctx, &block);
	assert(!w->err);
	wr_clear(&contents);
	wr_clear(&input);
	wr_clear(&signature);
}

/* craft_bytes() returns the message (owned by the net). */
static inline struct span craft_bytes(const struct craft *c)
{
	struct net *net = c->from->net;
	struct wire_ctx ctx = net_ctx(net);
	struct wr to, via, tail, whole;
	wr_init(&to);
	wr_init(&via);
	wr_init(&tail);
	wr_init(&whole);
	struct reload_header h = c->h;
	for (size_t i = 0; i < c->to_count; i++)
		reload_wire_write(&to, &reload_destination_wire, &ctx, &c->to[i]);
	for (size_t i = 0; i < c->via_count; i++)
		reload_wire_write(&via, &reload_destination_wire, &ctx, &c->via[i]);
	craft_tail(&tail, c);
	h.destination_list = wr_done(&to);
	h.via_list = wr_done(&via);
	h.options = c->options;
	h.length = (uint32_t)(reload_header_size(&h) + tail.len);
	reload_header_write(&whole, &h);
	wr_span(&whole, wr_done(&tail));
	struct span bytes = reload_arena_copy(&net->arena, wr_done(&whole));
	assert(bytes.len);
	wr_clear(&to);
	wr_clear(&via);
	wr_clear(&tail);
	wr_clear(&whole);
	return bytes;
}

/* tell() sends a crafted message from its signer to `to` and returns its transaction id. */
static inline uint64_t tell(const struct craft *c, struct node *to)
{
	say(c->from, to, craft_bytes(c));
	return c->h.transaction_id;
}

/* -- what a node without engine was told --------------------------------------------------------------------------------- */

static inline struct span span_copy_of(struct net *net, const struct packet *p)
{
	return reload_arena_copy(&net->arena, span_of(p->at, p->len));
}

/* heard_bytes() takes the oldest message with that transaction id (0: any) from the inbox; len 0: none. */
static inline struct span heard_bytes(struct node *n, uint64_t id)
{
	struct packet *p;
	struct wire_ctx ctx = net_ctx(n->net);
	TAILQ_FOREACH (p, &n->inbox, entry) {
		struct reload_header h;
		if (reload_header_read(&h, span_of(p->at, p->len), &ctx))
			abort();
		if (id && h.transaction_id != id)
			continue;
		struct span bytes = span_copy_of(n->net, p);
		TAILQ_REMOVE(&n->inbox, p, entry);
		packet_free(p);
		return bytes;
	}
	return span_of(NULL, 0);
}

static inline struct reload_msg *msg_of(struct net *net, struct span bytes)
{
	struct reload_msg *m;
	struct wire_ctx ctx = net_ctx(net);
	if (reload_msg_decode(&m, bytes, &ctx))
		abort();
	assert(net->messages_count < NET_MESSAGES);
	net->messages[net->messages_count++] = m;
	if (reload_code_name(m->code) && reload_msg_body(m, &ctx))
		abort();
	return m;
}

/* heard() is the same, decoded with its body (owned by the net); NULL: none. */
static inline struct reload_msg *heard(struct node *n, uint64_t id)
{
	struct span bytes = heard_bytes(n, id);
	return bytes.len ? msg_of(n->net, bytes) : NULL;
}

/* heard_code() takes the oldest message with that code. */
static inline struct reload_msg *heard_code(struct node *n, uint16_t code)
{
	struct packet *p;
	struct wire_ctx ctx = net_ctx(n->net);
	TAILQ_FOREACH (p, &n->inbox, entry) {
		struct reload_header h;
		if (reload_header_read(&h, span_of(p->at, p->len), &ctx))
			abort();
		const uint8_t *at = p->at + reload_header_size(&h);
		if ((at[0] << 8 | at[1]) != code)
			continue;
		struct reload_msg *m = msg_of(n->net, span_copy_of(n->net, p));
		TAILQ_REMOVE(&n->inbox, p, entry);
		packet_free(p);
		return m;
	}
	return NULL;
}

/* heard_count() takes all messages with that code from the inbox of n and returns how many there were. */
static inline size_t heard_count(struct node *n, uint16_t code)
{
	size_t count = 0;
	while (heard_code(n, code))
		count++;
	return count;
}

/* forget() empties the inbox. */
static inline void forget(struct node *n)
{
	while (heard_bytes(n, 0).len)
		;
}

static inline size_t inbox_count(struct node *n)
{
	size_t count = 0;
	struct packet *p;
	TAILQ_FOREACH (p, &n->inbox, entry)
		count++;
	return count;
}

/* reply() crafts the answer of from to a request that it was told. */
static inline struct craft reply(
	struct node *from, const struct reload_msg *request, uint16_t code, const void *body)
{
	struct reload_id wildcard = reload_id_wildcard(16);
	struct reload_destination to = reload_dest_node(&wildcard);
	struct craft c = craft(from, code, body, &to);
	c.h.transaction_id = request->header.transaction_id;
	return c;
}

/* -- small bodies ------------------------------------------------------------------------------------------------------------ */

static inline struct craft craft_ping(struct node *from, const struct reload_destination *to)
{
	struct reload_ping_req ping = { 0 };
	return craft(from, RELOAD_PING_REQ, &ping, to);
}

static inline struct reload_destination dest(const struct node *n)
{
	return reload_dest_node(&n->id);
}

static inline struct craft craft_join(
	struct node *from, const struct reload_id *who, struct node *to)
{
	struct reload_join_req req = { .joining_peer_id = *who };
	struct reload_destination d = dest(to);
	return craft(from, RELOAD_JOIN_REQ, &req, &d);
}

static inline struct craft craft_error(
	struct node *from, const struct reload_msg *request, uint16_t code)
{
	struct reload_error_response e = { .error_code = code, .error_info = span_str("words") };
	return reply(from, request, RELOAD_ERROR, &e);
}

/* A StoreReq with one value of the signer; craft_store() makes the message. */
struct crafted_store {
	struct reload_id resource;
	struct reload_stored_data data;
	struct reload_store_kind kind;
	struct reload_store_req req;
};

/* store_sign() signs the value again, after a change. */
static inline void store_sign(struct crafted_store *s, struct node *from)
{
	struct net *net = from->net;
	struct wire_ctx ctx = net_ctx(net);
	struct span identity = craft_identity(net, from, false);
	struct wr input, signature;
	wr_init(&input);
	wr_init(&signature);
	struct rd r = rd_of(identity);
	reload_wire_read(&r, &reload_signer_identity_wire, &ctx, &s->data.signature.identity);
	reload_stored_signature_input(
		&input, reload_id_span(&s->resource), s->kind.kind, &s->data, identity);
	if (reload_sim_ident.sign(from->credentials.key, wr_done(&input),
		    &s->data.signature.hash_alg, &s->data.signature.sig_alg, &signature))
		abort();
	s->data.signature.value = reload_arena_copy(&net->arena, wr_done(&signature));
	wr_clear(&input);
	wr_clear(&signature);
}

/* store_of() fills a Store of a value of Kind K_VALUE, K_DICT or K_NODE at its place; generation 0: not checked. */
static inline struct crafted_store *store_of(
	struct node *from, uint32_t kind, const char *words, uint64_t generation)
{
	struct crafted_store *s = reload_arena_take(&from->net->arena, sizeof(*s));
	struct span name =
		kind == K_NODE ? reload_id_span(&from->id) : span_str(from->credentials.cert->user);
	reload_chord_topology.resource_id(&s->resource, name);
	s->data = (struct reload_stored_data){ .storage_time = RELOAD_SIM_EPOCH + from->net->now,
		.lifetime = 3600,
		.value = { .model = kind == K_DICT ? RELOAD_MODEL_DICTIONARY : RELOAD_MODEL_SINGLE,
			.exists = true,
			.value = span_str(words) } };
	s->kind = (struct reload_store_kind){ .kind = kind,
		.generation_counter = generation,
		.values = &s->data,
		.values_count = 1 };
	s->req = (struct reload_store_req){ .resource = reload_id_span(&s->resource),
		.kind_data = &s->kind,
		.kind_data_count = 1 };
	store_sign(s, from);
	return s;
}

static inline struct craft craft_store(
	struct node *from, struct node *to, const struct crafted_store *s)
{
	struct reload_destination d = dest(to);
	return craft(from, RELOAD_STORE_REQ, &s->req, &d);
}

static inline struct craft craft_value(
	struct node *from, struct node *to, uint32_t kind, const char *words, uint64_t generation)
{
	return craft_store(from, to, store_of(from, kind, words, generation));
}

/* node_storing() makes a node whose place for a Kind is in the range of u. */
static inline struct node *node_storing(struct net *net, struct node *u, uint32_t kind)
{
	struct reload_status status;
	reload_peer_status(u->peer, &status);
	for (unsigned first = 1; first < 255; first++) {
		char user[64];
		struct reload_id id = id_at((uint8_t)first), resource;
		bool used = false;
		snprintf(user, sizeof(user), "user%02x@" RELOAD_SIM_OVERLAY, first);
		for (size_t i = 0; i < net->nodes_count; i++)
			used |= reload_id_eq(&net->nodes[i].id, &id);
		reload_chord_topology.resource_id(
			&resource, kind == K_NODE ? reload_id_span(&id) : span_str(user));
		if (!used && reload_id_between(&status.range_from, &resource, &status.range_to))
			return node_new(net, (uint8_t)first);
	}
	abort();
}

/* node_ready() makes a node without engine a peer in the eyes of u: link and Update. */
static inline void node_ready(struct node *n, struct node *u)
{
	struct reload_id list[NET_NODES];
	size_t count = 0;
	list[count++] = u->id;
	struct reload_chord_update update = { .uptime = 1,
		.type = RELOAD_CHORD_NEIGHBORS,
		.predecessors = list,
		.predecessors_count = count,
		.successors = list,
		.successors_count = count };
	struct reload_destination to = dest(u);
	if (!net_link_between(n, u))
		net_link(n, u);
	struct craft c = craft(n, RELOAD_UPDATE_REQ, &update, &to);
	tell(&c, u);
	net_settle(n->net);
}

/* -- results of requests ----------------------------------------------------------------------------------------------------------- */

struct outcome {
	unsigned calls;
	enum reload_err err;
	struct reload_result result; /* its pointers are void, but for words */
	struct reload_id value_signer;
	enum reload_err value_errs[8];
	bool rolled_back, synthetic[8];
	char value[64];
	size_t values_count;
	uint64_t generation, storage_time;
	uint8_t way_here[64];
	size_t way_here_len;
};

/* outcome_new() lives as long as the net: what is under way at its end is told then. */
static inline struct outcome *outcome_new(struct net *net)
{
	return reload_arena_take(&net->arena, sizeof(struct outcome));
}

static inline void outcome_fn(void *arg, const struct reload_result *r)
{
	struct outcome *o = arg;
	o->calls++;
	o->err = r->err;
	o->result = *r;
	o->values_count = r->values_count;
	o->way_here_len = r->way_here.len;
	if (r->way_here.len && r->way_here.len <= sizeof(o->way_here))
		memcpy(o->way_here, r->way_here.at, r->way_here.len);
	for (size_t i = 0; i < r->values_count && i < COUNT_OF(o->value_errs); i++) {
		const struct reload_fetched *f = &r->values[i];
		o->value_errs[i] = f->err;
		o->synthetic[i] = f->synthetic;
		o->rolled_back |= f->rolled_back;
		if (i || f->err)
			continue;
		o->value_signer = f->signer;
		o->storage_time = f->data->storage_time;
		snprintf(o->value, sizeof(o->value), "%.*s", (int)f->data->value.value.len,
			(const char *)f->data->value.value.at);
	}
	if (r->answer && r->answer->code == RELOAD_STORE_ANS)
		o->generation = r->answer->body.store_ans.kind_responses[0].generation_counter;
	if (r->answer && r->answer->code == RELOAD_FETCH_ANS)
		o->generation = r->answer->body.fetch_ans.kind_responses[0].generation;
}
