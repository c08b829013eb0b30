#include "sim/forged.h"

#include "sim/ident.h"
#include "wire/limits.h"

/* -- a message ------------------------------------------------------------------------------------------------------- */

static void tail_write(struct wr *w, const struct reload_sim_forger *forger,
	const struct reload_sim_forged *what, uint64_t transaction)
{
	struct wire_ctx ctx = reload_config_wire_ctx(forger->config);
	const struct reload_cert *cert = forger->credentials->cert;
	struct wr contents, identity, input, signature;
	wr_init(&contents);
	wr_init(&identity);
	wr_init(&input);
	wr_init(&signature);
	reload_cert_identity_write(&identity, cert, &forger->credentials->node);
	if (what->body)
		reload_contents_write(&contents, &ctx, what->code, what->body, what->extensions,
			what->extensions_count);
	else
		reload_contents_write_bytes(&contents, &ctx, what->code, what->bytes,
			what->extensions, what->extensions_count);
	reload_msg_signature_input(&input, forger->config->overlay_hash, transaction,
		wr_done(&contents), wr_done(&identity));
	struct reload_generic_certificate certificates[RELOAD_LIMIT_CERTIFICATES] = {
		{ .type = RELOAD_X509, .certificate = cert->der }
	};
	struct reload_security_block block = { .certificates = certificates,
		.certificates_count = 1 };
	for (size_t i = 0; i < what->certificates_count && i + 1 < COUNT_OF(certificates); i++)
		if (!span_eq(what->certificates[i].certificate, cert->der))
			certificates[block.certificates_count++] = what->certificates[i];
	if (reload_sim_ident.sign(forger->credentials->key, wr_done(&input),
		    &block.signature.hash_alg, &block.signature.sig_alg, &signature))
		wr_fail(w, RELOAD_BUG);
	block.signature.value = wr_done(&signature);
	struct rd r = rd_of(wr_done(&identity));
	reload_wire_read(&r, &reload_signer_identity_wire, &ctx, &block.signature.identity);
	wr_span(w, wr_done(&contents));
	reload_wire_write(w, &reload_security_block_wire, &ctx, &block);
	wr_clear(&contents);
	wr_clear(&identity);
	wr_clear(&input);
	wr_clear(&signature);
}

void reload_sim_forge(
	struct wr *w, const struct reload_sim_forger *forger, const struct reload_sim_forged *what)
{
	struct reload_header h = { .relo_token = RELOAD_TOKEN,
		.overlay = forger->config->overlay_hash,
		.configuration_sequence = forger->config->sequence,
		.version = RELOAD_VERSION_BYTE,
		.ttl = forger->config->initial_ttl,
		.fragment = RELOAD_FRAGMENT_WHOLE,
		.transaction_id =
			what->transaction ? what->transaction : reload_prng_next(forger->prng),
		.destination_list = what->destination_list };
	struct wr tail;
	wr_init(&tail);
	tail_write(&tail, forger, what, h.transaction_id);
	h.length = (uint32_t)(reload_header_size(&h) + tail.len);
	reload_header_write(w, &h);
	wr_span(w, wr_done(&tail));
	wr_clear(&tail);
}

bool reload_sim_signed_by(const struct reload_msg *m, const struct reload_credentials *signer)
{
	struct reload_id node;
	return reload_cert_denotes(signer->cert, &m->security.signature.identity, &node);
}

static void forge_to_node(struct wr *w, const struct reload_sim_forger *forger, uint16_t code,
	const void *body, const struct reload_id *to)
{
	struct wire_ctx ctx = reload_config_wire_ctx(forger->config);
	struct reload_destination d = reload_dest_node(to);
	struct wr list;
	wr_init(&list);
	reload_wire_write(&list, &reload_destination_wire, &ctx, &d);
	reload_sim_forge(w, forger,
		&(struct reload_sim_forged){
			.code = code, .destination_list = wr_done(&list), .body = body });
	wr_clear(&list);
}

/* -- Updates ---------------------------------------------------------------------------------------------------------- */

enum {
	CROWD_MAX = 4000,
	NEXT = 8,
	ROOM = 700 /* bytes of a message beside the lists */
};

static struct reload_id invented(struct reload_prng *prng, uint8_t len)
{
	struct reload_id id = { .len = len };
	reload_prng_bytes(prng, id.at, len);
	return id;
}

/* `to` plus or minus 2^bit: next to it when bit is small. */
static struct reload_id beside(const struct reload_id *to, bool after, unsigned bit)
{
	const struct reload_id zero = { .len = to->len };
	struct reload_id power = reload_id_add_power(&zero, bit);
	return after ? reload_id_add_power(to, bit) : reload_id_distance(&power, to);
}

void reload_sim_forge_update(struct wr *w, const struct reload_sim_forger *forger,
	enum reload_sim_false_update how, const struct reload_id *to, const struct reload_id *real,
	size_t real_count)
{
	struct reload_arena arena = { 0 };
	struct reload_chord_update u = { .uptime = 1, .type = RELOAD_CHORD_NEIGHBORS };
	size_t room = forger->config->max_message_size > ROOM
			      ? (forger->config->max_message_size - ROOM) / to->len
			      : 0;
	room = room < CROWD_MAX ? room : CROWD_MAX;
	u.predecessors = reload_arena_take(&arena, (room + NEXT + real_count + 1) * sizeof(*to));
	u.successors = reload_arena_take(&arena, (room + NEXT + real_count + 1) * sizeof(*to));
	switch (how) {
	case RELOAD_SIM_UPDATE_CROWD:
		for (size_t i = 0; i < room; i++)
			if (i % 2)
				u.predecessors[u.predecessors_count++] =
					invented(forger->prng, to->len);
			else
				u.successors[u.successors_count++] =
					invented(forger->prng, to->len);
		break;
	case RELOAD_SIM_UPDATE_NEXT:
		for (unsigned i = 0; i < NEXT; i++) {
			unsigned bit = (unsigned)reload_prng_below(forger->prng, 100);
			u.predecessors[u.predecessors_count++] = beside(to, false, bit);
			u.successors[u.successors_count++] = beside(to, true, bit);
		}
		break;
	case RELOAD_SIM_UPDATE_WRONG:
		for (size_t i = 0; i < real_count && i < room / 2; i++) {
			size_t other = (size_t)reload_prng_below(forger->prng, real_count);
			u.predecessors[u.predecessors_count++] = real[other];
			u.successors[u.successors_count++] = real[real_count - 1 - other];
		}
		break;
	case RELOAD_SIM_UPDATE_NOBODY:
	case RELOAD_SIM_FALSE_UPDATES:
		u.predecessors[u.predecessors_count++] = *to;
		u.successors[u.successors_count++] = *to;
		break;
	}
	forge_to_node(w, forger, RELOAD_UPDATE_REQ, &u, to);
	reload_arena_clear(&arena);
}

void reload_sim_forge_join(struct wr *w, const struct reload_sim_forger *forger,
	const struct reload_id *to, const struct reload_id *joining)
{
	struct reload_join_req join = { .joining_peer_id = *joining };
	forge_to_node(w, forger, RELOAD_JOIN_REQ, &join, to);
}

/* -- Stores ------------------------------------------------------------------------------------------------------------ */

/* Appends the signature of the forger over the bytes of a value. */
static void value_sign(struct wr *signature, const struct reload_sim_forger *forger,
	const struct reload_id *resource, uint32_t kind, struct reload_stored_data *d,
	struct span identity)
{
	struct wire_ctx ctx = reload_config_wire_ctx(forger->config);
	struct wr input;
	wr_init(&input);
	struct rd r = rd_of(identity);
	reload_wire_read(&r, &reload_signer_identity_wire, &ctx, &d->signature.identity);
	reload_stored_signature_input(&input, reload_id_span(resource), kind, d, identity);
	if (reload_sim_ident.sign(forger->credentials->key, wr_done(&input), &d->signature.hash_alg,
		    &d->signature.sig_alg, signature))
		wr_fail(signature, RELOAD_BUG);
	d->signature.value = wr_done(signature);
	wr_clear(&input);
}

void reload_sim_forge_store(struct wr *w, const struct reload_sim_forger *forger,
	enum reload_sim_false_store how, const struct reload_id *to,
	const struct reload_id *resource, uint64_t now)
{
	struct reload_stored_data d = { .storage_time = now,
		.lifetime = 3600,
		.value = { .model = RELOAD_MODEL_SINGLE,
			.exists = true,
			.value = span_str("a value that must not be here") } };
	struct reload_store_kind kind = { .kind = RELOAD_SIM_KIND,
		.generation_counter = how == RELOAD_SIM_STORE_FOREIGN ? 0 : 1000,
		.values = &d,
		.values_count = 1 };
	struct reload_store_req req = { .resource = reload_id_span(resource),
		.replica_number = how != RELOAD_SIM_STORE_FOREIGN,
		.kind_data = &kind,
		.kind_data_count = 1 };
	struct wr identity, signature;
	wr_init(&identity);
	wr_init(&signature);
	reload_cert_identity_write(
		&identity, forger->credentials->cert, &forger->credentials->node);
	value_sign(&signature, forger, resource, kind.kind, &d, wr_done(&identity));
	if (how == RELOAD_SIM_STORE_FORGED)
		d.value.value = span_str("a value that nobody signed...");
	forge_to_node(w, forger, RELOAD_STORE_REQ, &req, to);
	wr_clear(&identity);
	wr_clear(&signature);
}

void reload_sim_forge_large(
	struct wr *w, const struct reload_sim_forger *forger, const struct reload_id *to)
{
	size_t len =
		forger->config->max_message_size < 60000 ? forger->config->max_message_size : 60000;
	uint8_t *padding = reload_alloc(len + 1);
	struct reload_ping_req ping = { .padding = span_of(padding, len) };
	forge_to_node(w, forger, RELOAD_PING_REQ, &ping, to);
	free(padding);
}
