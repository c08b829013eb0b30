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
const struct wire_type reload_extension_wire =
	WIRE_TYPE(struct reload_extension, "MessageExtension", extension_fields);

static const struct wire_field contents_fields[] = {
	{ WIRE_INT(struct contents, code) },
	{ WIRE_BYTES(struct contents, body, 4) },
	{ WIRE_VEC(struct contents, extensions, 4, reload_extension_wire), WIRE_LIMIT(RELOAD_LIMIT_EXTENSIONS) },
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

bool reload_contents_extension(const struct reload_contents *c, uint16_t type, struct span *out)
{
	struct rd r = rd_of(c->extensions);
	struct reload_extension e;
	for (int n = 0; rd_more(&r) && n < RELOAD_LIMIT_EXTENSIONS; n++) {
		reload_wire_read(&r, &reload_extension_wire, &(struct wire_ctx){ 0 }, &e);
		if (!r.err && e.type == type) {
			*out = e.contents;
			return true;
		}
	}
	return false;
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
	const struct wire_type *type = reload_body_wire(m->code);
	if (m->body_decoded)
		return RELOAD_OK;
	if (!type && !reload_body_is_empty(m->code))
		return RELOAD_UNKNOWN_TYPE;
	if (type) { /* extra bytes in an empty answer are ignored (interop MSG-05) */
		struct wire_ctx in = *ctx;
		in.arena = &m->arena;
		assert(type->size <= sizeof(m->body));
		enum reload_err err = reload_wire_decode(m->body_bytes, type, &in, &m->body);
		if (err)
			return err;
	}
	m->body_decoded = true;
	return RELOAD_OK;
}

/* -- extensions ------------------------------------------------------------------------------------ */

/* Message extensions that this program understands: in which messages, and what they hold there. */
static const struct known_extension {
	uint16_t type, code;
	const char *name;
	const struct wire_type *wire;
} known_extensions[] = {
	{ RELOAD_EXTENSION_DIAGNOSTIC_PING, RELOAD_PING_REQ, "Diagnostic_Ping",
		&reload_diagnostics_request_wire },
	{ RELOAD_EXTENSION_DIAGNOSTIC_PING, RELOAD_PING_ANS, "Diagnostic_Ping",
		&reload_diagnostics_response_wire },
	{ RELOAD_EXTENSION_SELF_TUNING, RELOAD_PROBE_REQ, "self_tuning_data",
		&reload_self_tuning_wire },
	{ RELOAD_EXTENSION_SELF_TUNING, RELOAD_PROBE_ANS, "self_tuning_data",
		&reload_self_tuning_wire },
};

bool reload_extension_known(uint16_t type)
{
	for (size_t i = 0; i < COUNT_OF(known_extensions); i++)
		if (known_extensions[i].type == type)
			return true;
	return false;
}

static const struct known_extension *known_extension(uint16_t type, uint16_t code)
{
	for (size_t i = 0; i < COUNT_OF(known_extensions); i++)
		if (known_extensions[i].type == type && known_extensions[i].code == code)
			return &known_extensions[i];
	return NULL;
}

const struct reload_extension *reload_msg_extension(const struct reload_msg *m, uint16_t type)
{
	for (size_t i = 0; i < m->extensions_count; i++)
		if (m->extensions[i].type == type)
			return &m->extensions[i];
	return NULL;
}

/* What is read of an extension: of SelfTuningData what this program knows, later versions may have more behind it. */
static struct span contents_read(const struct reload_extension *e)
{
	struct span s = e->contents;
	if (e->type == RELOAD_EXTENSION_SELF_TUNING && s.len > RELOAD_SELF_TUNING_LEN)
		s.len = RELOAD_SELF_TUNING_LEN;
	return s;
}

static enum reload_err extension_decode(
	struct reload_msg *m, const struct wire_ctx *ctx, uint16_t type, uint16_t code, void *out)
{
	const struct known_extension *known = known_extension(type, code);
	const struct reload_extension *e = reload_msg_extension(m, type);
	if (!e || !known || m->code != code)
		return RELOAD_NO_VALUE;
	struct wire_ctx in = *ctx;
	in.arena = &m->arena;
	return reload_wire_decode(contents_read(e), known->wire, &in, out);
}

enum reload_err reload_msg_diagnostics_request(
	struct reload_msg *m, const struct wire_ctx *ctx, struct reload_diagnostics_request *out)
{
	return extension_decode(m, ctx, RELOAD_EXTENSION_DIAGNOSTIC_PING, RELOAD_PING_REQ, out);
}

enum reload_err reload_msg_diagnostics_response(
	struct reload_msg *m, const struct wire_ctx *ctx, struct reload_diagnostics_response *out)
{
	return extension_decode(m, ctx, RELOAD_EXTENSION_DIAGNOSTIC_PING, RELOAD_PING_ANS, out);
}

bool reload_msg_self_tuning(
	struct reload_msg *m, const struct wire_ctx *ctx, struct reload_self_tuning *out)
{
	struct reload_self_tuning read;
	if (extension_decode(m, ctx, RELOAD_EXTENSION_SELF_TUNING, m->code, &read))
		return false;
	*out = read;
	return true;
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
		if (m->code == RELOAD_PATH_TRACK_ANS)
			reload_diagnostics_json(json_object_get(body, "response"),
				&m->body.path_track_ans.response);
		return body;
	}
	if (!m->body_bytes.len)
		return json_object();
	char *digits = reload_alloc(2 * m->body_bytes.len + 1);
	json_t *j = json_string(reload_hex(digits, m->body_bytes));
	free(digits);
	return j;
}

/* A known extension shows what it holds, as the member of that name. */
static json_t *extension_json(
	struct reload_msg *m, const struct wire_ctx *ctx, const struct reload_extension *e)
{
	json_t *o = reload_wire_json(&reload_extension_wire, ctx, e);
	const struct known_extension *known = known_extension(e->type, m->code);
	union {
		struct reload_diagnostics_request request;
		struct reload_diagnostics_response response;
		struct reload_self_tuning self_tuning;
	} contents;
	struct wire_ctx in = *ctx;
	in.arena = &m->arena;
	if (!known || reload_wire_decode(contents_read(e), known->wire, &in, &contents))
		return o;
	json_t *j = reload_wire_json(known->wire, ctx, &contents);
	if (known->wire == &reload_diagnostics_response_wire)
		reload_diagnostics_json(j, &contents.response);
	json_object_set_new(o, known->name, j);
	return o;
}

json_t *reload_msg_json(struct reload_msg *m, const struct wire_ctx *ctx)
{
	const char *name = reload_code_name(m->code);
	json_t *extensions = json_array();
	for (size_t i = 0; i < m->extensions_count; i++)
		json_array_append_new(extensions, extension_json(m, ctx, &m->extensions[i]));
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
