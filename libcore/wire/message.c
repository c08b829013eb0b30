#include "wire/message.h"

#include "util/text.h"
#include "wire/internal.h"

/* MessageContents between header and security block, the body still as bytes. */
struct contents {
	uint16_t code;
	struct span body;
	struct reload_extension *extensions;
	size_t extensions_count;
	struct span raw;
};

/* clang-format off */
static const struct wire_field extension_fields[] = {
	{ WIRE_INT(struct reload_extension, type) },
	{ WIRE_BOOL(struct reload_extension, critical) },
	{ WIRE_BYTES(struct reload_extension, contents, 4) },
};
static const struct wire_type extension_wire =
	WIRE_TYPE(struct reload_extension, "MessageExtension", extension_fields);

static const struct wire_field contents_fields[] = {
	{ WIRE_INT(struct contents, code) },
	{ WIRE_BYTES(struct contents, body, 4) },
	{ WIRE_VEC(struct contents, extensions, 4, extension_wire), WIRE_LIMIT(RELOAD_LIMIT_EXTENSIONS) },
	{ WIRE_SINCE(struct contents, raw) },
};
static const struct wire_type contents_wire =
	WIRE_TYPE(struct contents, "MessageContents", contents_fields);

static const struct wire_field frame_fields[] = {
	{ WIRE_INT(struct reload_contents, code) },
	{ WIRE_BYTES(struct reload_contents, body, 4) },
	{ WIRE_BYTES(struct reload_contents, extensions, 4) },
	{ WIRE_SINCE(struct reload_contents, whole) },
};
static const struct wire_type frame_wire =
	WIRE_TYPE(struct reload_contents, "MessageContents", frame_fields);
/* clang-format on */

/* Message codes (RFC 6940 s14.8); no table: the body is empty. */
static const struct {
	uint16_t code;
	const char *name;
	const struct wire_type *wire;
} codes[] = {
	{ RELOAD_PROBE_REQ, "probe_req", &reload_probe_req_wire },
	{ RELOAD_PROBE_ANS, "probe_ans", &reload_probe_ans_wire },
	{ RELOAD_ATTACH_REQ, "attach_req", &reload_attach_wire },
	{ RELOAD_ATTACH_ANS, "attach_ans", &reload_attach_wire },
	{ RELOAD_STORE_REQ, "store_req", &reload_store_req_wire },
	{ RELOAD_STORE_ANS, "store_ans", &reload_store_ans_wire },
	{ RELOAD_FETCH_REQ, "fetch_req", &reload_fetch_req_wire },
	{ RELOAD_FETCH_ANS, "fetch_ans", &reload_fetch_ans_wire },
	{ RELOAD_FIND_REQ, "find_req", &reload_find_req_wire },
	{ RELOAD_FIND_ANS, "find_ans", &reload_find_ans_wire },
	{ RELOAD_JOIN_REQ, "join_req", &reload_join_req_wire },
	{ RELOAD_JOIN_ANS, "join_ans", &reload_join_ans_wire },
	{ RELOAD_LEAVE_REQ, "leave_req", &reload_leave_req_wire },
	{ RELOAD_LEAVE_ANS, "leave_ans", NULL },
	{ RELOAD_UPDATE_REQ, "update_req", &reload_chord_update_wire },
	{ RELOAD_UPDATE_ANS, "update_ans", NULL },
	{ RELOAD_ROUTE_QUERY_REQ, "route_query_req", &reload_route_query_req_wire },
	{ RELOAD_ROUTE_QUERY_ANS, "route_query_ans", &reload_chord_route_query_ans_wire },
	{ RELOAD_PING_REQ, "ping_req", &reload_ping_req_wire },
	{ RELOAD_PING_ANS, "ping_ans", &reload_ping_ans_wire },
	{ RELOAD_STAT_REQ, "stat_req", &reload_stat_req_wire },
	{ RELOAD_STAT_ANS, "stat_ans", &reload_stat_ans_wire },
	{ RELOAD_APP_ATTACH_REQ, "app_attach_req", &reload_app_attach_wire },
	{ RELOAD_APP_ATTACH_ANS, "app_attach_ans", &reload_app_attach_wire },
	{ RELOAD_CONFIG_UPDATE_REQ, "config_update_req", &reload_config_update_wire },
	{ RELOAD_CONFIG_UPDATE_ANS, "config_update_ans", NULL },
	{ RELOAD_ERROR, "error", &reload_error_response_wire },
};
enum {
	RESERVED_FRAGMENT_BITS = 0x3f000000
};

uint16_t reload_message_code(const struct reload_header *h, struct span message)
{
	struct rd r = rd_of(message);
	if (h->fragment & RELOAD_FRAGMENT_OFFSET)
		return 0;
	rd_take(&r, reload_header_size(h));
	return rd_u16(&r);
}

enum reload_err reload_contents_read(struct reload_contents *out, struct span bytes)
{
	struct rd r = rd_of(bytes);
	reload_wire_read(&r, &frame_wire, &(struct wire_ctx){ 0 }, out);
	return r.err;
}

static int find_code(uint16_t code)
{
	for (int i = 0; i < (int)COUNT_OF(codes); i++)
		if (codes[i].code == code)
			return i;
	return -1;
}

const struct wire_type *reload_body_wire(uint16_t code)
{
	int i = find_code(code);
	return i < 0 ? NULL : codes[i].wire;
}

bool reload_body_is_empty(uint16_t code)
{
	int i = find_code(code);
	return i >= 0 && !codes[i].wire;
}

const char *reload_code_name(uint16_t code)
{
	int i = find_code(code);
	return i < 0 ? NULL : codes[i].name;
}

/* The bytes of a whole message behind its header. */
static enum reload_err decode_parts(struct reload_msg *m, struct rd *r, const struct wire_ctx *ctx)
{
	struct wire_ctx in = *ctx;
	struct contents c;
	in.arena = &m->arena;
	reload_wire_read(r, &contents_wire, &in, &c);
	m->code = c.code;
	m->body_bytes = c.body;
	m->extensions = c.extensions;
	m->extensions_count = c.extensions_count;
	m->contents = c.raw;
	reload_wire_read(r, &reload_security_block_wire, &in, &m->security);
	if (rd_more(r))
		rd_fail(r, RELOAD_TRAILING);
	return r->err;
}

enum reload_err reload_msg_decode(
	struct reload_msg **out, struct span bytes, const struct wire_ctx *ctx)
{
	struct reload_header h;
	enum reload_err err = reload_header_read(&h, bytes, ctx);
	if (err)
		return err;
	if (h.length != bytes.len)
		return h.length > bytes.len ? RELOAD_SHORT : RELOAD_TRAILING;
	if (bytes.len > RELOAD_LIMIT_MESSAGE)
		return RELOAD_LIMIT;
	if ((h.fragment & ~(uint32_t)RESERVED_FRAGMENT_BITS) != RELOAD_FRAGMENT_WHOLE)
		return RELOAD_BAD_VALUE;
	AUTO(reload_msg) m = RELOAD_NEW(reload_msg);
	m->buffer = reload_memdup(bytes.at, bytes.len);
	m->buffer_len = bytes.len;
	struct span own = span_of(m->buffer, m->buffer_len);
	err = reload_header_read(&m->header, own, ctx);
	struct rd r = rd_of(own);
	rd_take(&r, err ? 0 : reload_header_size(&m->header));
	if (!err)
		err = decode_parts(m, &r, ctx);
	if (!err)
		*out = TAKE(m);
	return err;
}

enum reload_err reload_msg_body(struct reload_msg *m, const struct wire_ctx *ctx)
{
	if (m->body_decoded)
		return RELOAD_OK;
	int i = find_code(m->code);
	if (i < 0)
		return RELOAD_UNKNOWN_TYPE;
	if (codes[i].wire) { /* extra bytes in an empty answer are ignored (interop MSG-05) */
		struct wire_ctx in = *ctx;
		in.arena = &m->arena;
		assert(codes[i].wire->size <= sizeof(m->body));
		enum reload_err err =
			reload_wire_decode(m->body_bytes, codes[i].wire, &in, &m->body);
		if (err)
			return err;
	}
	m->body_decoded = true;
	return RELOAD_OK;
}

void reload_msg_free(struct reload_msg *m)
{
	if (!m)
		return;
	reload_arena_clear(&m->arena);
	free(m->buffer);
	free(m);
}

void reload_contents_write_bytes(struct wr *w, const struct wire_ctx *ctx, uint16_t code,
	struct span body, const struct reload_extension *extensions, size_t extensions_count)
{
	struct contents c = { .code = code, .body = body, .extensions_count = extensions_count };
	c.extensions = (struct reload_extension *)extensions; /* the table only reads it */
	reload_wire_write(w, &contents_wire, ctx, &c);
}

void reload_contents_write(struct wr *w, const struct wire_ctx *ctx, uint16_t code,
	const void *body, const struct reload_extension *extensions, size_t extensions_count)
{
	const struct wire_type *type = reload_body_wire(code);
	struct wr b;
	wr_init(&b);
	if (body && type)
		reload_wire_write(&b, type, ctx, body);
	else if (!reload_body_is_empty(code))
		wr_fail(&b, RELOAD_UNKNOWN_TYPE);
	if (b.err)
		wr_fail(w, b.err);
	reload_contents_write_bytes(w, ctx, code, wr_done(&b), extensions, extensions_count);
	wr_clear(&b);
}

void reload_msg_write(struct wr *w, const struct wire_ctx *ctx, const struct reload_header *header,
	struct span contents, const struct reload_security_block *security)
{
	struct wr s;
	wr_init(&s);
	reload_wire_write(&s, &reload_security_block_wire, ctx, security);
	size_t length = reload_header_size(header) + contents.len + s.len;
	if (s.err || length > RELOAD_LIMIT_MESSAGE)
		wr_fail(w, s.err ? s.err : RELOAD_LIMIT);
	struct reload_header h = *header;
	h.length = (uint32_t)length;
	reload_header_write(w, &h);
	wr_span(w, contents);
	wr_span(w, wr_done(&s));
	wr_clear(&s);
}

void reload_msg_signature_input(struct wr *w, uint32_t overlay, uint64_t transaction_id,
	struct span contents, struct span identity_bytes)
{
	wr_u32(w, overlay);
	wr_u64(w, transaction_id);
	wr_span(w, contents);
	wr_span(w, identity_bytes);
}

/* --- JSON and text ---------------------------------------------------------------------------- */

static json_t *body_json(struct reload_msg *m, const struct wire_ctx *ctx)
{
	const struct wire_type *type = reload_body_wire(m->code);
	if (type && !reload_msg_body(m, ctx)) {
		json_t *body = reload_wire_json(type, ctx, &m->body);
		json_t *info = m->code == RELOAD_ERROR ? reload_error_info_json(&m->body.error, ctx)
						       : NULL;
		if (info)
			json_object_set_new(body, "error_info", info);
		return body;
	}
	if (!m->body_bytes.len)
		return json_object();
	char *digits = reload_alloc(2 * m->body_bytes.len + 1);
	json_t *j = json_string(reload_hex(digits, m->body_bytes));
	free(digits);
	return j;
}

json_t *reload_msg_json(struct reload_msg *m, const struct wire_ctx *ctx)
{
	const char *name = reload_code_name(m->code);
	json_t *extensions = json_array();
	for (size_t i = 0; i < m->extensions_count; i++)
		json_array_append_new(
			extensions, reload_wire_json(&extension_wire, ctx, &m->extensions[i]));
	json_t *o = json_object();
	json_object_set_new(o, "header", reload_wire_json(&reload_header_wire, ctx, &m->header));
	json_object_set_new(o, "message_code", name ? json_string(name) : json_integer(m->code));
	json_object_set_new(o, "body", body_json(m, ctx));
	json_object_set_new(o, "extensions", extensions);
	json_object_set_new(
		o, "security", reload_wire_json(&reload_security_block_wire, ctx, &m->security));
	return o;
}

void reload_msg_print(struct reload_msg *m, const struct wire_ctx *ctx,
	void (*put)(void *arg, const char *text), void *arg)
{
	json_t *j = reload_msg_json(m, ctx);
	reload_json_print(j, 0, put, arg);
	json_decref(j);
}
