/*
 * The wire room on hostile bytes.  The first byte of the input selects what is read: bits 0 to 5 the structure, bit 6 a
 * Node-ID length of 20 instead of 16, bit 7 no known Kinds.  What decodes is encoded, decoded and encoded again: the two
 * encodings are equal.  It is also shown as JSON and text.
 */
#include "wire/frame.h"
#include "wire/limits.h"
#include "wire/message.h"

#include <assert.h>

enum {
	SELECT_TYPE = 0x3f,
	SELECT_LONG_IDS = 0x40,
	SELECT_NO_KINDS = 0x80,
	MESSAGE = 0,
	HEADER = 1,
	TABLES = 2
};

static const struct wire_type *const tables[] = {
	&reload_frame_wire,
	&reload_security_block_wire,
	&reload_stored_data_wire,
	&reload_stored_value_wire,
	&reload_specifier_wire,
	&reload_destination_wire,
	&reload_option_wire,
	&reload_ip_port_wire,
	&reload_ice_candidate_wire,
	&reload_attach_wire,
	&reload_app_attach_wire,
	&reload_probe_req_wire,
	&reload_probe_ans_wire,
	&reload_store_req_wire,
	&reload_store_ans_wire,
	&reload_fetch_req_wire,
	&reload_fetch_ans_wire,
	&reload_stat_ans_wire,
	&reload_find_req_wire,
	&reload_find_ans_wire,
	&reload_join_req_wire,
	&reload_join_ans_wire,
	&reload_leave_req_wire,
	&reload_chord_update_wire,
	&reload_chord_leave_wire,
	&reload_chord_route_query_ans_wire,
	&reload_route_query_req_wire,
	&reload_ping_req_wire,
	&reload_ping_ans_wire,
	&reload_config_update_wire,
	&reload_error_response_wire,
	&reload_signer_identity_wire,
	&reload_signature_wire,
	&reload_generic_certificate_wire,
	&reload_header_wire,
	&reload_diagnostics_request_wire,
	&reload_diagnostics_response_wire,
	&reload_path_track_req_wire,
	&reload_path_track_ans_wire,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum reload_data_model model(const void *arg, uint32_t kind)
{
	(void)arg;
	return (enum reload_data_model)(kind % 4); /* all of them are tried */
}

static void count(void *arg, const char *text)
{
	*(size_t *)arg += strlen(text);
}

/* What a structure says after one trip is what it says after two. */
static void trip(struct span bytes, const struct wire_type *type, struct wire_ctx *ctx)
{
	struct reload_arena arena = { 0 };
	struct wr one, two;
	size_t printed = 0;
	ctx->arena = &arena;
	wr_init(&one);
	wr_init(&two);
	void *s = reload_alloc(reload_wire_size(type));
	enum reload_err err = reload_wire_decode(bytes, type, ctx, s);
	assert(arena.total <= RELOAD_LIMIT_ARENA);
	if (!err) {
		reload_wire_write(&one, type, ctx, s);
		assert(!one.err);
		json_decref(reload_wire_json(type, ctx, s));
		reload_wire_print(type, ctx, s, 0, count, &printed);
		err = reload_wire_decode(wr_done(&one), type, ctx, s);
		assert(!err);
		reload_wire_write(&two, type, ctx, s);
		assert(!two.err && span_eq(wr_done(&one), wr_done(&two)));
	}
	free(s);
	wr_clear(&one);
	wr_clear(&two);
	reload_arena_clear(&arena);
}

static void trip_header(struct span bytes, const struct wire_ctx *ctx)
{
	struct reload_header h;
	struct reload_break at;
	json_decref(reload_header_part(&at, bytes, ctx));
	enum reload_err err = reload_header_read(&h, bytes, ctx);
	assert(!err == !at.reason[0] && at.offset <= bytes.len);
	if (err)
		return;
	struct wr w;
	wr_init(&w);
	reload_header_write(&w, &h);
	assert(span_eq(wr_done(&w), span_of(bytes.at, reload_header_size(&h))));
	wr_clear(&w);
}

static void write_message(struct wr *w, struct reload_msg *m, const struct wire_ctx *ctx)
{
	struct wr contents;
	wr_init(&contents);
	if (m->body_decoded && !reload_body_is_empty(m->code))
		reload_contents_write(
			&contents, ctx, m->code, &m->body, m->extensions, m->extensions_count);
	else
		reload_contents_write_bytes(
			&contents, ctx, m->code, m->body_bytes, m->extensions, m->extensions_count);
	assert(!contents.err);
	reload_msg_write(w, ctx, &m->header, wr_done(&contents), &m->security);
	assert(!w->err);
	wr_clear(&contents);
}

static void trip_message(struct span bytes, const struct wire_ctx *ctx)
{
	AUTO(reload_msg) m = NULL;
	AUTO(reload_msg) again = NULL;
	size_t printed = 0;
	if (reload_msg_decode(&m, bytes, ctx))
		return;
	enum reload_err body = reload_msg_body(m, ctx);
	reload_msg_print(m, ctx, count, &printed);
	assert(m->arena.total <= RELOAD_LIMIT_ARENA);
	struct wr one, two;
	wr_init(&one);
	wr_init(&two);
	write_message(&one, m, ctx);
	enum reload_err err = reload_msg_decode(&again, wr_done(&one), ctx);
	assert(!err && reload_msg_body(again, ctx) == body);
	write_message(&two, again, ctx);
	assert(span_eq(wr_done(&one), wr_done(&two)));
	wr_clear(&one);
	wr_clear(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	uint8_t *copy = reload_memdup(data + 1, size - 1); /* a byte too far is seen */
	struct span bytes = span_of(copy, size - 1);
	struct wire_ctx ctx = { .node_id_len = data[0] & SELECT_LONG_IDS ? 20 : 16 };
	ctx.model = data[0] & SELECT_NO_KINDS ? NULL : model;
	unsigned type = data[0] & SELECT_TYPE;
	if (type == MESSAGE)
		trip_message(bytes, &ctx);
	else if (type == HEADER)
		trip_header(bytes, &ctx);
	else
		trip(bytes, tables[(type - TABLES) % COUNT_OF(tables)], &ctx);
	free(copy);
	return 0;
}
