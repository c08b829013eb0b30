/* Bytes of whole messages: each field of the header, of the contents and of the extensions at and beyond its bounds (RFC 6940 s6.3). */
#include "wire_hex.h"

#define NODE     "0110101112131415161718191a1b1c1d1e1f"
#define ZERO     "011000000000000000000000000000000000"
#define RESOURCE "021110dee1ebcd105d3d47adf43aba6fd674e8"
/* A Ping without padding and without extensions, and a security block of nobody. */
#define PING     "0017 00000002 0000 00000000"
#define SECURITY "0000 0000 03 0000 0000"

/* The fields of a header as hex digits; what is empty is as in a good message. */
struct fields {
	const char *token, *overlay, *sequence, *version, *ttl, *fragment, *id, *max, *via, *to,
		*options;
	int length; /* added to the right one */
};

static const char *either(const char *given, const char *usual)
{
	return given ? given : usual;
}

/* The bytes of a message with these fields and with tail behind its header. */
static struct span message(struct wire_ctx *ctx, const struct fields *f, const char *tail)
{
	struct span via = wire_hex(ctx->arena, either(f->via, "")),
		    to = wire_hex(ctx->arena, either(f->to, NODE)),
		    options = wire_hex(ctx->arena, either(f->options, "")),
		    rest = wire_hex(ctx->arena, tail);
	size_t length = RELOAD_HEADER_FIXED + via.len + to.len + options.len + rest.len;
	char head[256];
	snprintf(head, sizeof(head), "%s%s%s%s%s%s%08x%s%s%04x%04x%04x",
		either(f->token, "d2454c4f"), either(f->overlay, "9aa32b8d"),
		either(f->sequence, "0016"), either(f->version, "0a"), either(f->ttl, "64"),
		either(f->fragment, "c0000000"), (unsigned)(length + (size_t)f->length),
		either(f->id, "0123456789abcdef"), either(f->max, "00000000"), (unsigned)via.len,
		(unsigned)to.len, (unsigned)options.len);
	struct span fixed = wire_hex(ctx->arena, head);
	struct wr w;
	wr_init(&w);
	wr_span(&w, fixed);
	wr_span(&w, via);
	wr_span(&w, to);
	wr_span(&w, options);
	wr_span(&w, rest);
	struct span all = reload_arena_copy(ctx->arena, wr_done(&w));
	wr_clear(&w);
	return all;
}

static enum reload_err decoded(struct wire_ctx *ctx, struct span bytes)
{
	AUTO(reload_msg) m = NULL;
	enum reload_err err = reload_msg_decode(&m, bytes, ctx);
	assert_int_equal(!m, !!err);
	return err ? err : reload_msg_body(m, ctx);
}

static void header_fields(void **state)
{
	static const struct {
		struct fields fields;
		enum reload_err err;
	} rows[] = {
		{ { 0 }, RELOAD_OK },
		{ { .token = "52454c4f" }, RELOAD_NOT_RELOAD },
		{ { .token = "00000000" }, RELOAD_NOT_RELOAD },
		/* these are judged by who routes, not by the reader of bytes */
		{ { .overlay = "00000000" }, RELOAD_OK },
		{ { .overlay = "ffffffff" }, RELOAD_OK },
		{ { .sequence = "0000" }, RELOAD_OK },
		{ { .sequence = "ffff" }, RELOAD_OK },
		{ { .version = "00" }, RELOAD_OK },
		{ { .version = "ff" }, RELOAD_OK },
		{ { .ttl = "00" }, RELOAD_OK },
		{ { .ttl = "ff" }, RELOAD_OK },
		{ { .id = "0000000000000000" }, RELOAD_OK },
		{ { .id = "ffffffffffffffff" }, RELOAD_OK },
		{ { .max = "ffffffff" }, RELOAD_OK },
		/* R-6.3.2-12 R-6.3.2-13: whole messages alone; reserved bits do not count */
		{ { .fragment = "ff000000" }, RELOAD_OK },
		{ { .fragment = "80000000" }, RELOAD_BAD_VALUE },
		{ { .fragment = "40000000" }, RELOAD_BAD_VALUE },
		{ { .fragment = "00000000" }, RELOAD_BAD_VALUE },
		{ { .fragment = "c0000001" }, RELOAD_BAD_VALUE },
		{ { .fragment = "c0ffffff" }, RELOAD_BAD_VALUE },
		/* R-6.3.2-15 */
		{ { .length = -1 }, RELOAD_TRAILING },
		{ { .length = 1 }, RELOAD_SHORT },
		{ { .length = 0x7fffff00 }, RELOAD_SHORT },
	};
	struct wire_ctx *ctx = ctx_of(state);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		enum reload_err err = decoded(ctx, message(ctx, &rows[i].fields, PING SECURITY));
		if (err != rows[i].err)
			fail_msg("row %zu: %s", i, reload_err_text(err));
	}
}

static void header_lists(void **state)
{
	static const struct {
		const char *via, *to, *options;
		enum reload_err err;
	} rows[] = {
		{ "", "", "",
			RELOAD_OK }, /* HDR-12: who routes refuses an empty Destination List */
		{ NODE, NODE, "", RELOAD_OK },
		{ NODE NODE "8001", NODE RESOURCE, "01000000 80040001ff", RELOAD_OK },
		{ "8000", "ffff", "", RELOAD_OK },
		{ "0000", "7f00", "", RELOAD_OK }, /* unknown types are skipped */
		{ "", RESOURCE, "", RELOAD_OK },
		{ "", "020100", "", RELOAD_OK },
		/* R-6.3.2.2-05 R-6.3.2.2-06 */
		{ "", RESOURCE NODE, "", RELOAD_BAD_VALUE },
		{ "", RESOURCE RESOURCE, "", RELOAD_BAD_VALUE },
		{ "", RESOURCE "8001", "", RELOAD_BAD_VALUE },
		{ RESOURCE, NODE, "", RELOAD_BAD_VALUE },
		{ NODE RESOURCE, NODE, "", RELOAD_BAD_VALUE },
		/* R-3-01 */
		{ ZERO, NODE, "", RELOAD_BAD_VALUE },
		{ "", NODE ZERO, "", RELOAD_BAD_VALUE },
		/* R-6.3.2-21: entries that are cut, by their list or by themselves */
		{ "80", NODE, "", RELOAD_SHORT },
		{ "", "01", "", RELOAD_SHORT },
		{ "", "0110", "", RELOAD_SHORT },
		{ "", NODE "011010", "", RELOAD_SHORT },
		{ "", "020210", "", RELOAD_SHORT },
		{ "", "0304030102", "", RELOAD_SHORT },
		{ "", "03040201020304", "", RELOAD_TRAILING },
		{ "", "0112101112131415161718191a1b1c1d1e1f0000", "", RELOAD_TRAILING },
		{ "", NODE, "01", RELOAD_SHORT },
		{ "", NODE, "010000", RELOAD_SHORT },
		{ "", NODE, "01000001", RELOAD_SHORT },
		{ "", NODE, "01000000 020000", RELOAD_SHORT },
	};
	struct wire_ctx *ctx = ctx_of(state);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct fields f = {
			.via = rows[i].via, .to = rows[i].to, .options = rows[i].options
		};
		enum reload_err err = decoded(ctx, message(ctx, &f, PING SECURITY));
		if (err != rows[i].err)
			fail_msg("row %zu: %s", i, reload_err_text(err));
	}
}

static void contents_and_extensions(void **state)
{
	static const struct {
		const char *tail;
		enum reload_err err;
	} rows[] = {
		{ "0017 00000000 00000000" SECURITY, RELOAD_OK }, /* MSG-01 */
		{ "0017 00000002 0000 00000000" SECURITY, RELOAD_OK },
		{ "0017 00000001 00 00000000" SECURITY, RELOAD_SHORT },
		{ "0017 00000003 0000 00 00000000" SECURITY, RELOAD_TRAILING },
		{ "0017 00000003 0000 00000000" SECURITY, RELOAD_SHORT },
		{ "0017 ffffffff 0000 00000000" SECURITY, RELOAD_SHORT },
		/* answers with an empty body: what is in it is ignored (MSG-05) */
		{ "0012 00000000 00000000" SECURITY, RELOAD_OK },
		{ "0012 00000002 abcd 00000000" SECURITY, RELOAD_OK },
		{ "0014 00000001 ff 00000000" SECURITY, RELOAD_OK },
		{ "0022 00000000 00000000" SECURITY, RELOAD_OK },
		/* codes without a structure */
		{ "0000 00000000 00000000" SECURITY, RELOAD_UNKNOWN_TYPE },
		{ "0005 00000000 00000000" SECURITY, RELOAD_UNKNOWN_TYPE },
		{ "0006 00000000 00000000" SECURITY, RELOAD_UNKNOWN_TYPE },
		{ "000b 00000000 00000000" SECURITY, RELOAD_UNKNOWN_TYPE },
		{ "001b 00000000 00000000" SECURITY, RELOAD_UNKNOWN_TYPE },
		{ "001f 00000000 00000000" SECURITY, RELOAD_UNKNOWN_TYPE },
		{ "0023 00000000 00000000" SECURITY, RELOAD_UNKNOWN_TYPE },
		{ "7fff 00000000 00000000" SECURITY, RELOAD_UNKNOWN_TYPE },
		{ "8000 00000000 00000000" SECURITY, RELOAD_UNKNOWN_TYPE },
		{ "ffff 00000004 0002 0000 00000000" SECURITY, RELOAD_OK },
		{ "ffff 00000003 0002 00 00000000" SECURITY, RELOAD_SHORT },
		/* R-6.3.3-03: type, critical, contents */
		{ "0017 00000000 00000007 0001 00 00000000" SECURITY, RELOAD_OK },
		{ "0017 00000000 00000009 ffff 01 00000002 abcd" SECURITY, RELOAD_OK },
		{ "0017 00000000 0000000e 0001 00 00000000 0001 01 00000000" SECURITY, RELOAD_OK },
		{ "0017 00000000 00000007 0001 02 00000000" SECURITY, RELOAD_BAD_VALUE },
		{ "0017 00000000 00000007 0001 ff 00000000" SECURITY, RELOAD_BAD_VALUE },
		{ "0017 00000000 00000006 0001 00 00000000" SECURITY, RELOAD_SHORT },
		{ "0017 00000000 00000008 0001 00 00000002 ab" SECURITY, RELOAD_SHORT },
		{ "0017 00000000 00000008 0001 00 00000000 00" SECURITY, RELOAD_SHORT },
		{ "0017 00000000 00ffffff" SECURITY, RELOAD_SHORT },
		/* the security block is there, once, and the last */
		{ PING, RELOAD_SHORT },
		{ PING "0000 0000 03 0000 00", RELOAD_SHORT },
		{ PING SECURITY "00", RELOAD_TRAILING },
		{ PING SECURITY SECURITY, RELOAD_TRAILING },
		{ "", RELOAD_SHORT },
		{ "00", RELOAD_SHORT },
	};
	struct wire_ctx *ctx = ctx_of(state);
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		enum reload_err err =
			decoded(ctx, message(ctx, &(struct fields){ 0 }, rows[i].tail));
		if (err != rows[i].err)
			fail_msg("%s: %s", rows[i].tail, reload_err_text(err));
	}
}

/* count extensions of 7 bytes */
static enum reload_err with_extensions(struct wire_ctx *ctx, unsigned count)
{
	char tail[2048] = "0017 00000000 ";
	size_t n = strlen(tail);
	n += (size_t)snprintf(tail + n, sizeof(tail) - n, "%08x", 7 * count);
	for (unsigned i = 0; i < count; i++)
		n += (size_t)snprintf(tail + n, sizeof(tail) - n, "00010000000000");
	snprintf(tail + n, sizeof(tail) - n, SECURITY);
	return decoded(ctx, message(ctx, &(struct fields){ 0 }, tail));
}

static void extensions_are_few(void **state)
{
	struct wire_ctx *ctx = ctx_of(state);
	assert_int_equal(with_extensions(ctx, RELOAD_LIMIT_EXTENSIONS), RELOAD_OK);
	assert_int_equal(with_extensions(ctx, RELOAD_LIMIT_EXTENSIONS + 1), RELOAD_LIMIT);
}

/* Every byte of a message with all parts is needed, and one more is too many. */
static void nothing_can_be_left_out(void **state)
{
	struct wire_ctx *ctx = ctx_of(state);
	struct fields f = { .via = NODE "8001", .to = NODE RESOURCE, .options = "80040001ff" };
	struct span whole = message(ctx, &f,
		"0017 00000005 0003 010203 00000009 0001 00 00000002 abcd"
		"0007 00 0004 30000000 0403 01 0004 0402aabb 0001cc");
	assert_int_equal(decoded(ctx, whole), RELOAD_OK);
	uint8_t *copy = reload_alloc(whole.len + 1);
	for (size_t n = 0; n < whole.len; n++) {
		memcpy(copy, whole.at, n);
		assert_int_equal(decoded(ctx, span_of(copy, n)), RELOAD_SHORT);
		/* also when `length` agrees with the bytes that are there */
		if (n <= RELOAD_HEADER_FIXED)
			continue;
		struct wr w = wr_fixed(copy + 16, 4);
		wr_u32(&w, (uint32_t)n);
		assert_int_not_equal(decoded(ctx, span_of(copy, n)), RELOAD_OK);
	}
	memcpy(copy, whole.at, whole.len);
	copy[whole.len] = 0;
	assert_int_equal(decoded(ctx, span_of(copy, whole.len + 1)), RELOAD_TRAILING);
	free(copy);
}

/* What the writers of messages refuse, and that they leave the writer failed. */
static void writers_refuse(void **state)
{
	struct wire_ctx *ctx = ctx_of(state);
	static const uint16_t no_structure[] = { 0, 5, 6, 11, 12, 27, 28, 31, 32, 35, 0x7fff,
		0x8000, 0xfffe };
	struct reload_ping_req ping = { 0 };
	struct wr w;
	for (size_t i = 0; i < COUNT_OF(no_structure); i++) {
		wr_init(&w);
		reload_contents_write(&w, ctx, no_structure[i], &ping, NULL, 0);
		assert_int_equal(w.err, RELOAD_UNKNOWN_TYPE);
		wr_clear(&w);
		assert_null(reload_body_wire(no_structure[i]));
		assert_null(reload_code_name(no_structure[i]));
		assert_false(reload_body_is_empty(no_structure[i]));
	}
	/* a body that is not there, for a code that has one */
	wr_init(&w);
	reload_contents_write(&w, ctx, RELOAD_PING_ANS, NULL, NULL, 0);
	assert_int_equal(w.err, RELOAD_UNKNOWN_TYPE);
	wr_clear(&w);
	/* one extension too many */
	struct reload_extension many[RELOAD_LIMIT_EXTENSIONS + 1] = { { .type = 1 } };
	wr_init(&w);
	reload_contents_write(&w, ctx, RELOAD_PING_REQ, &ping, many, RELOAD_LIMIT_EXTENSIONS);
	assert_int_equal(w.err, RELOAD_OK);
	wr_clear(&w);
	wr_init(&w);
	reload_contents_write(&w, ctx, RELOAD_PING_REQ, &ping, many, COUNT_OF(many));
	assert_int_equal(w.err, RELOAD_LIMIT);
	wr_clear(&w);
	/* any code with bytes that are encoded already */
	wr_init(&w);
	reload_contents_write_bytes(&w, ctx, 0x7fff, span_str("x"), NULL, 0);
	assert_true(span_eq(wr_done(&w), wire_hex(ctx->arena, "7fff 00000001 78 00000000")));
	wr_clear(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(header_fields),
		wire_test(header_lists),
		wire_test(contents_and_extensions),
		wire_test(extensions_are_few),
		wire_test(nothing_can_be_left_out),
		wire_test(writers_refuse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
