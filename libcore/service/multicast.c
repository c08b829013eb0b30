#include "service/multicast.h"

#include "config/config.h"
#include "ident/job.h"
#include "wire/limits.h"
#include "wire/message.h"

enum {
	CERTIFICATES = 8, /* of a message that are looked at */
	ADDRESSES =
		0xf084, /* diagnostic Kind for local use (RFC 7851 s9.2): where the node listens */
	EXPIRES_MS = 10000
};

/* -- writing ------------------------------------------------------------------------------------------------------------------ */

/* A message in the making. */
struct letter {
	const struct reload_multicast_node *by;
	uint64_t transaction;
	struct reload_id to;
	uint32_t answer_max;
	struct wr contents;
};

static void certificates_put(struct reload_generic_certificate out[CERTIFICATES], size_t *count,
	const struct reload_multicast_node *by)
{
	const struct reload_credentials *c = by->credentials;
	out[(*count)++] = (struct reload_generic_certificate){ RELOAD_X509, c->cert->der };
	for (size_t i = 0; i < c->others_count && *count < CERTIFICATES; i++)
		if (!reload_trust_is_root(by->config->trust, c->others[i]->der))
			out[(*count)++] = (struct reload_generic_certificate){ RELOAD_X509,
				c->others[i]->der };
}

static void put(struct wr *out, const struct letter *l, const struct wire_ctx *ctx,
	const struct reload_security_block *block)
{
	struct wr list;
	wr_init(&list);
	struct reload_destination to = reload_dest_node(&l->to);
	reload_wire_write(&list, &reload_destination_wire, ctx, &to);
	struct reload_header h = { .relo_token = RELOAD_TOKEN,
		.overlay = l->by->config->overlay_hash,
		.configuration_sequence = RELOAD_SEQUENCE_ANY,
		.version = RELOAD_VERSION_BYTE,
		.ttl = 1,
		.fragment = RELOAD_FRAGMENT_WHOLE,
		.transaction_id = l->transaction,
		.max_response_length = l->answer_max,
		.destination_list = wr_done(&list) };
	reload_msg_write(out, ctx, &h, wr_done(&l->contents), block);
	wr_clear(&list);
}

/* Signs the contents and appends the whole message. */
static enum reload_err finish(struct wr *out, const struct letter *l)
{
	const struct reload_credentials *c = l->by->credentials;
	struct wire_ctx ctx = reload_config_wire_ctx(l->by->config);
	struct reload_generic_certificate certificates[CERTIFICATES];
	struct reload_security_block block = { .certificates = certificates };
	struct wr identity;
	wr_init(&identity);
	reload_cert_identity_write(&identity, c->cert, &c->node);
	AUTO(reload_job) job = reload_job_sign(c->key);
	reload_msg_signature_input(&job->input, l->by->config->overlay_hash, l->transaction,
		wr_done(&l->contents), wr_done(&identity));
	reload_job_run(job);
	if (!job->err) {
		certificates_put(certificates, &block.certificates_count, l->by);
		block.signature.hash_alg = job->hash_alg;
		block.signature.sig_alg = job->sig_alg;
		block.signature.value = wr_done(&job->signature);
		struct rd r = rd_of(wr_done(&identity));
		reload_wire_read(&r, &reload_signer_identity_wire, &ctx, &block.signature.identity);
		put(out, l, &ctx, &block);
	}
	wr_clear(&identity);
	return job->err ? job->err : out->err;
}

/* With that many bytes of padding. */
static enum reload_err ask(struct wr *out, const struct reload_multicast_node *by,
	uint64_t transaction, size_t padding, uint32_t answer_max)
{
	static const uint8_t zeroes[RELOAD_MULTICAST_MAX];
	struct letter l = { .by = by, .transaction = transaction, .answer_max = answer_max };
	struct wire_ctx ctx = reload_config_wire_ctx(by->config);
	struct reload_ping_req body = { .padding = span_of(zeroes, padding) };
	struct reload_diagnostic_extension wanted = { .kind = ADDRESSES };
	struct reload_diagnostics_request about = { .expiration = by->wall + EXPIRES_MS,
		.timestamp_initiated = by->wall,
		.extensions = &wanted,
		.extensions_count = 1 };
	struct wr text;
	l.to = reload_id_wildcard(by->config->node_id_len);
	wr_init(&text);
	wr_init(&l.contents);
	reload_wire_write(&text, &reload_diagnostics_request_wire, &ctx, &about);
	struct reload_extension extension = { .type = RELOAD_EXTENSION_DIAGNOSTIC_PING,
		.contents = wr_done(&text) };
	reload_contents_write(&l.contents, &ctx, RELOAD_PING_REQ, &body, &extension, 1);
	enum reload_err err = finish(out, &l);
	wr_clear(&l.contents);
	wr_clear(&text);
	return err;
}

enum {
	BEYOND = 200, /* bytes that an answer has more than a request without padding, at most */
	SLACK = 16    /* by which two signatures of one key may differ */
};

enum reload_err reload_multicast_ask(
	struct wr *out, const struct reload_multicast_node *by, uint64_t transaction)
{
	struct wr bare;
	wr_init(&bare);
	enum reload_err err = ask(&bare, by, transaction, 0, 0);
	size_t unpadded = bare.len, len = unpadded + BEYOND;
	wr_clear(&bare);
	if (err)
		return err;
	if (len < RELOAD_MULTICAST_LEN)
		len = RELOAD_MULTICAST_LEN;
	if (len + SLACK > RELOAD_MULTICAST_MAX)
		return RELOAD_LIMIT;
	return ask(out, by, transaction, len - unpadded, (uint32_t)len);
}

/* -- reading ------------------------------------------------------------------------------------------------------------------ */

/* The certificates of a message, parsed. */
struct bundle {
	struct reload_cert *at[CERTIFICATES];
	size_t count;
};

static void bundle_read(
	struct bundle *b, const struct reload_multicast_node *by, const struct reload_msg *m)
{
	const struct reload_security_block *s = &m->security;
	const struct reload_ident_ops *ops = reload_trust_ops(by->config->trust);
	for (size_t i = 0; i < s->certificates_count && i < CERTIFICATES; i++)
		if (s->certificates[i].type == RELOAD_X509 &&
			!reload_cert_parse(
				&b->at[b->count], ops, s->certificates[i].certificate, NULL))
			b->count++;
}

static enum reload_err bundle_check(struct reload_id *node, const struct bundle *b,
	const struct reload_multicast_node *by, const struct reload_msg *m)
{
	const struct reload_signature *sig = &m->security.signature;
	for (size_t i = 0; i < b->count; i++) {
		if (!reload_cert_denotes(b->at[i], &sig->identity, node))
			continue;
		if (!reload_trust_may_lead(by->config->trust, b->at[i], b->at, b->count))
			return RELOAD_CERT_UNTRUSTED;
		AUTO(reload_job) job = reload_job_verify(b->at[i], sig);
		reload_msg_signature_input(&job->input, by->config->overlay_hash,
			m->header.transaction_id, m->contents, sig->identity_bytes);
		reload_job_check_cert(job, by->config->trust, b->at, b->count, by->wall);
		reload_job_run(job);
		return job->err;
	}
	return RELOAD_NO_SIGNER;
}

/* Whether a node of the overlay has signed it. */
static enum reload_err signer_of(
	struct reload_id *node, const struct reload_multicast_node *by, const struct reload_msg *m)
{
	struct bundle b = { .count = 0 };
	bundle_read(&b, by, m);
	enum reload_err err = bundle_check(node, &b, by, m);
	for (size_t i = 0; i < b.count; i++)
		reload_cert_free(b.at[i]);
	return err;
}

/* What costs least comes first: the header says whether a datagram is for this node at all. */
static enum reload_err header_check(struct reload_destination *to, struct span datagram,
	const struct reload_multicast_node *by, const struct wire_ctx *ctx)
{
	struct reload_header h;
	if (datagram.len > RELOAD_MULTICAST_MAX)
		return RELOAD_LIMIT;
	enum reload_err err = reload_header_read(&h, datagram, ctx);
	if (err)
		return err;
	if (h.overlay != by->config->overlay_hash || h.version != RELOAD_VERSION_BYTE)
		return RELOAD_INCOMPATIBLE;
	struct rd r = rd_of(h.destination_list);
	if (h.fragment != RELOAD_FRAGMENT_WHOLE || h.via_list.len || h.options.len ||
		!reload_dest_next(&r, ctx, to) || rd_more(&r) || to->type != RELOAD_DEST_NODE)
		return RELOAD_BAD_VALUE;
	return RELOAD_OK;
}

/* A message with that code, sent to that node. */
static enum reload_err read_message(struct reload_msg **out, const struct reload_multicast_node *by,
	struct span datagram, uint16_t code, const struct reload_id *to)
{
	struct wire_ctx ctx = reload_config_wire_ctx(by->config);
	struct reload_destination at;
	AUTO(reload_msg) m = NULL;
	enum reload_err err = header_check(&at, datagram, by, &ctx);
	if (!err)
		err = reload_msg_decode(&m, datagram, &ctx);
	if (!err && (m->code != code || !reload_id_eq(&at.node, to)))
		err = RELOAD_UNKNOWN_TYPE;
	if (!err)
		err = reload_msg_body(m, &ctx);
	if (!err)
		*out = TAKE(m);
	return err;
}

enum reload_err reload_multicast_asked(struct reload_multicast_request *out,
	const struct reload_multicast_node *by, struct span datagram)
{
	AUTO(reload_msg) m = NULL;
	struct wire_ctx ctx = reload_config_wire_ctx(by->config);
	struct reload_id everybody = reload_id_wildcard(by->config->node_id_len), node;
	struct reload_diagnostics_request about;
	enum reload_err err = read_message(&m, by, datagram, RELOAD_PING_REQ, &everybody);
	if (!err)
		err = reload_msg_diagnostics_request(m, &ctx, &about);
	if (!err)
		err = signer_of(&node, by, m);
	if (!err && reload_id_eq(&node, &by->credentials->node))
		err = RELOAD_EXISTS;
	if (!err)
		*out = (struct reload_multicast_request){ node, m->header.transaction_id,
			about.timestamp_initiated,
			m->header.max_response_length &&
					m->header.max_response_length < datagram.len
				? m->header.max_response_length
				: datagram.len };
	return err;
}

/* -- answers ------------------------------------------------------------------------------------------------------------------ */

enum reload_err reload_multicast_answer(struct wr *out, const struct reload_multicast_node *by,
	const struct reload_multicast_request *request, const struct reload_ip_port *at,
	size_t count, uint64_t response_id)
{
	struct letter l = { .by = by, .transaction = request->transaction, .to = request->node };
	struct wire_ctx ctx = reload_config_wire_ctx(by->config);
	struct reload_ping_ans body = { .response_id = response_id, .time = by->wall };
	struct wr list, text, message;
	wr_init(&list);
	wr_init(&text);
	wr_init(&message);
	wr_init(&l.contents);
	for (size_t i = 0; i < count && i < RELOAD_MULTICAST_ADDRESSES; i++)
		reload_wire_write(&list, &reload_ip_port_wire, &ctx, &at[i]);
	struct reload_diagnostic_info addresses = { ADDRESSES, wr_done(&list) };
	struct reload_diagnostics_response about = { .expiration = by->wall + EXPIRES_MS,
		.timestamp_initiated = request->initiated,
		.timestamp_received = by->wall,
		.hop_counter = 1,
		.info = &addresses,
		.info_count = 1 };
	reload_wire_write(&text, &reload_diagnostics_response_wire, &ctx, &about);
	struct reload_extension extension = { .type = RELOAD_EXTENSION_DIAGNOSTIC_PING,
		.contents = wr_done(&text) };
	reload_contents_write(&l.contents, &ctx, RELOAD_PING_ANS, &body, &extension, 1);
	enum reload_err err = finish(&message, &l);
	if (!err && message.len > request->len)
		err = RELOAD_LIMIT;
	if (!err)
		wr_span(out, wr_done(&message));
	wr_clear(&l.contents);
	wr_clear(&message);
	wr_clear(&text);
	wr_clear(&list);
	return err;
}

static size_t addresses_read(
	struct reload_ip_port *at, struct reload_msg *m, const struct wire_ctx *ctx)
{
	struct reload_diagnostics_response about;
	struct span list = { 0 };
	size_t count = 0;
	if (reload_msg_diagnostics_response(m, ctx, &about))
		return 0;
	for (size_t i = 0; i < about.info_count && !list.len; i++)
		if (about.info[i].kind == ADDRESSES)
			list = about.info[i].contents;
	struct rd r = rd_of(list);
	for (size_t i = 0; i < RELOAD_MULTICAST_ADDRESSES && rd_more(&r); i++) {
		struct reload_ip_port a;
		reload_wire_read(&r, &reload_ip_port_wire, ctx, &a);
		if (r.err)
			break;
		if (!reload_ip_port_claim_fault(&a, false))
			at[count++] = a;
	}
	return count;
}

enum reload_err reload_multicast_answered(struct reload_ip_port *at, size_t *count,
	const struct reload_multicast_node *by, uint64_t transaction, struct span datagram)
{
	AUTO(reload_msg) m = NULL;
	struct wire_ctx ctx = reload_config_wire_ctx(by->config);
	struct reload_id node;
	enum reload_err err =
		read_message(&m, by, datagram, RELOAD_PING_ANS, &by->credentials->node);
	if (!err && m->header.transaction_id != transaction)
		err = RELOAD_BAD_ANSWER;
	if (!err)
		err = signer_of(&node, by, m);
	if (!err)
		*count = addresses_read(at, m, &ctx);
	return err;
}

/* -- how many are looked at ------------------------------------------------------------------------------------------------------ */

static struct reload_multicast_source *source_of(
	struct reload_multicast_limit *limit, const struct reload_ip_port *from)
{
	struct reload_multicast_source *oldest = limit->sources;
	for (size_t i = 0; i < RELOAD_MULTICAST_SOURCES; i++) {
		struct reload_multicast_source *s = &limit->sources[i];
		if (s->at.type && reload_ip_port_same_host(&s->at, from))
			return s;
		if (oldest->at.type && (!s->at.type || s->busy_until < oldest->busy_until))
			oldest = s;
	}
	*oldest = (struct reload_multicast_source){ .at = *from };
	return oldest;
}

/* One more, of those that come each ms apart on the average and burst at once. */
static bool within(reload_ms *busy_until, reload_ms now, reload_ms each, unsigned burst)
{
	reload_ms begin = *busy_until > now ? *busy_until : now;
	if (begin - now > each * (burst - 1))
		return false;
	*busy_until = begin + each;
	return true;
}

bool reload_multicast_within(
	struct reload_multicast_limit *limit, const struct reload_ip_port *from, reload_ms now)
{
	struct reload_multicast_source *s = source_of(limit, from);
	return within(&s->busy_until, now, RELOAD_MULTICAST_EACH_MS, RELOAD_MULTICAST_EACH_BURST) &&
	       within(&limit->busy_until, now, RELOAD_MULTICAST_ALL_MS, RELOAD_MULTICAST_ALL_BURST);
}
