/* The forwarding header, its three lists, and frames. */
#include "wire_hex.h"

#define ID_A     "101112131415161718191a1b1c1d1e1f"
#define ID_B     "404142434445464748494a4b4c4d4e4f"
#define NODE_A   "0110" ID_A
#define NODE_B   "0110" ID_B
#define RESOURCE "021110dee1ebcd105d3d47adf43aba6fd674e8"

/* The fixed part up to the lengths of the lists, with `length` as given. */
#define FIXED(length) "d2454c4f 9aa32b8d 0016 0a 64 c0000000 " length " 0123456789abcdef 00000000 "

static enum reload_err header(struct wire_ctx *ctx, const char *hex, struct reload_header *h)
{
	return reload_header_read(h, wire_hex(ctx->arena, hex), ctx);
}

static void fields_of_the_full_vector(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct vector v;
	struct reload_header h;
	vector_load(&v, "fwd-header-full");
	assert_int_equal(reload_header_read(&h, vector_span(&v), ctx), RELOAD_OK);
	/* R-6.3.2-01 */
	assert_int_equal(h.relo_token, 0xd2454c4f);
	/* R-6.3.2-02 */
	assert_int_equal(h.overlay, reload_overlay_hash("overlay.example.org"));
	assert_int_equal(h.overlay, 0x9aa32b8d);
	assert_int_equal(h.configuration_sequence, 22);
	/* R-6.3.2-04 */
	assert_int_equal(h.version, RELOAD_VERSION_BYTE);
	assert_int_equal(h.version, 0x0a);
	assert_int_equal(h.transaction_id, 0x1122334455667788);

	struct rd via = rd_of(h.via_list);
	struct reload_destination d;
	assert_true(reload_dest_next(&via, ctx, &d));
	assert_int_equal(d.type, RELOAD_DEST_NODE);
	assert_true(reload_dest_next(&via, ctx, &d));
	assert_true(d.short_form && d.type == RELOAD_DEST_OPAQUE && d.opaque.len == 2);
	assert_true(reload_dest_next(&via, ctx, &d));
	assert_true(!d.short_form && d.opaque.len == 5);
	assert_false(reload_dest_next(&via, ctx, &d));
	assert_int_equal(via.err, RELOAD_OK);

	/* R-6.3.2.3-01, R-6.3.2.3-02: type, flags, length, value; the second has no value */
	struct rd options = rd_of(h.options);
	struct reload_option o;
	assert_true(reload_option_next(&options, &o));
	assert_int_equal(o.type, 1);
	assert_int_equal(o.flags, RELOAD_DESTINATION_CRITICAL | RELOAD_RESPONSE_COPY);
	span_is(o.value, "\1\2\3");
	assert_true(reload_option_next(&options, &o));
	assert_int_equal(o.type, 128);
	assert_int_equal(o.value.len, 0);
	assert_false(reload_option_next(&options, &o));
	vector_clear(&v);
}

static void another_token_is_no_reload(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_header h = { .ttl = 77 };
	/* R-6.3.2-01 */
	assert_int_equal(header(ctx,
				 "52454c4f 9aa32b8d 0016 0a 64 c0000000 00000026 0123456789abcdef "
				 "00000000 0000 0000 0000",
				 &h),
		RELOAD_NOT_RELOAD);
	assert_int_equal(h.ttl, 77); /* written only on success */
	/* R-6.3.2-01: each of its 32 bits counts */
	for (unsigned bit = 0; bit < 32; bit++) {
		char text[128];
		snprintf(text, sizeof(text),
			"%08x 9aa32b8d 0016 0a 64 c0000000 00000026 0123456789abcdef "
			"00000000 0000 0000 0000",
			0xd2454c4fu ^ 1u << bit);
		assert_int_equal(header(ctx, text, &h), RELOAD_NOT_RELOAD);
	}
	assert_int_equal(header(ctx, "d2454c", &h), RELOAD_SHORT);
	assert_int_equal(header(ctx, "", &h), RELOAD_SHORT);
}

static void lists_fit_or_the_header_is_refused(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_header h;
	/* what follows the header does not matter to who forwards it */
	assert_int_equal(
		header(ctx, FIXED("0000003c") "0000 0012 0000" NODE_B "7777 ff00", &h), RELOAD_OK);
	assert_int_equal(reload_header_size(&h), 56);
	/* R-6.3.2-21: a list beyond the bytes, beyond `length`, and one that cuts an entry */
	assert_int_equal(header(ctx, FIXED("00000038") "0000 0013 0000" NODE_B, &h), RELOAD_SHORT);
	assert_int_equal(
		header(ctx, FIXED("00000037") "0000 0012 0000" NODE_B, &h), RELOAD_BAD_VALUE);
	assert_int_equal(header(ctx, FIXED("00000038") "0000 0011 0001" NODE_B, &h), RELOAD_SHORT);
	assert_int_equal(
		header(ctx, FIXED("0000003b") "0000 0012 0003" NODE_B "010000", &h), RELOAD_SHORT);
}

static void destinations_have_three_forms(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_destination d, e;
	/* R-6.3.2.2-03: the length counts the inner length byte */
	wire_both(&reload_destination_wire, ctx, NODE_A, &d);
	assert_int_equal(d.type, RELOAD_DEST_NODE);
	wire_both(&reload_destination_wire, ctx, RESOURCE, &d);
	assert_int_equal(d.type, RELOAD_DEST_RESOURCE);
	assert_int_equal(d.resource.len, 16);
	assert_int_equal(wire_get(&reload_destination_wire, ctx, "020410dee1eb", &d), RELOAD_SHORT);
	assert_int_equal(
		wire_get(&reload_destination_wire, ctx, "020402dee1eb", &d), RELOAD_TRAILING);
	assert_int_equal(
		wire_get(&reload_destination_wire, ctx, "0111" ID_A "00", &d), RELOAD_TRAILING);
	assert_int_equal(wire_get(&reload_destination_wire, ctx, "010f" ID_A, &d), RELOAD_SHORT);

	/* R-6.3.2.2-01: both forms mean the same, and each is encoded as it came */
	wire_both(&reload_destination_wire, ctx, "802a", &d);
	wire_both(&reload_destination_wire, ctx, "030302802a", &e);
	assert_true(d.short_form && !e.short_form);
	assert_true(reload_dest_eq(&d, &e));
	/* R-6.3.2.2-02: the top bit decides */
	wire_both(&reload_destination_wire, ctx, "ff01", &d);
	assert_int_equal(d.type, RELOAD_DEST_OPAQUE);
	d = (struct reload_destination){ .type = 0x80 };
	assert_int_equal(wire_refused(&reload_destination_wire, ctx, &d), RELOAD_BAD_VALUE);
	/* an id without the top bit has no short form */
	d = (struct reload_destination){ RELOAD_DEST_OPAQUE, true,
		.opaque = span_of("\x7f\x01", 2) };
	wire_put(&reload_destination_wire, ctx, &d, "0303027f01");
	/* nor has one of another length */
	d.opaque = span_of("\x80\x01\x02", 3);
	wire_put(&reload_destination_wire, ctx, &d, "030403800102");
	assert_int_equal(wire_get(&reload_destination_wire, ctx, "80", &d), RELOAD_SHORT);
}

static void unknown_destinations_are_skipped(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_header h;
	struct reload_destination d;
	/* R-6.3.2.2-04: type 9 in the middle */
	const char *hex = FIXED("00000050") "0000 002a 0000" NODE_A "0904deadbeef" NODE_B;
	assert_int_equal(header(ctx, hex, &h), RELOAD_OK);
	struct rd r = rd_of(h.destination_list);
	assert_true(reload_dest_next(&r, ctx, &d) && reload_dest_next(&r, ctx, &d));
	assert_int_equal(d.type, 9);
	assert_int_equal(d.raw.len, 4);
	wire_put(&reload_destination_wire, ctx, &d, "0904deadbeef");
	assert_true(reload_dest_next(&r, ctx, &d));
	assert_int_equal(d.type, RELOAD_DEST_NODE);
	struct wr w;
	wr_init(&w);
	reload_header_write(&w, &h); /* and it survives forwarding bit by bit */
	assert_true(span_eq(wr_done(&w), wire_hex(ctx->arena, hex)));
	wr_clear(&w);
}

static void resources_stand_at_the_end(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_header h;
	assert_int_equal(
		header(ctx, FIXED("0000004b") "0000 0025 0000" NODE_A RESOURCE, &h), RELOAD_OK);
	/* R-6.3.2.2-05 */
	assert_int_equal(header(ctx, FIXED("0000004b") "0000 0025 0000" RESOURCE NODE_A, &h),
		RELOAD_BAD_VALUE);
	/* R-6.3.2.2-06 */
	assert_int_equal(header(ctx, FIXED("0000004b") "0013 0012 0000" RESOURCE NODE_A, &h),
		RELOAD_BAD_VALUE);
}

static void the_zero_node_does_not_exist(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_destination d = { .type = RELOAD_DEST_NODE, .node = { .len = 16 } };
	struct reload_header h;
	/* R-3-01: decoder and encoder */
	assert_int_equal(
		header(ctx,
			FIXED("00000038") "0000 0012 0000 0110 00000000000000000000000000000000",
			&h),
		RELOAD_BAD_VALUE);
	assert_int_equal(wire_refused(&reload_destination_wire, ctx, &d), RELOAD_BAD_VALUE);
	struct reload_join_req join = { .joining_peer_id = { .len = 16 } };
	assert_int_equal(wire_refused(&reload_join_req_wire, ctx, &join), RELOAD_BAD_VALUE);
	struct reload_id zero = { .len = 16 };
	struct reload_chord_update u = {
		.type = RELOAD_CHORD_NEIGHBORS, .successors = &zero, .successors_count = 1
	};
	assert_int_equal(wire_refused(&reload_chord_update_wire, ctx, &u), RELOAD_BAD_VALUE);
	assert_int_equal(wire_get(&reload_chord_update_wire, ctx,
				 "00000e1002 0000 0010 00000000000000000000000000000000", &u),
		RELOAD_BAD_VALUE);
}

static void node_ids_are_as_long_as_the_overlay_says(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_destination d;
	struct reload_join_req join;
	ctx->node_id_len = 20;
	/* R-6.3.1.1-02 */
	wire_both(&reload_destination_wire, ctx, "0114" ID_A "20212223", &d);
	assert_int_equal(d.node.len, 20);
	assert_int_equal(d.node.at[19], 0x23);
	wire_both(&reload_join_req_wire, ctx, ID_A "20212223 0000", &join);
	assert_int_equal(wire_get(&reload_destination_wire, ctx, NODE_A, &d), RELOAD_SHORT);
	struct reload_id id = { .len = 16, .at = { 1 } };
	d = reload_dest_node(&id);
	assert_int_equal(wire_refused(&reload_destination_wire, ctx, &d), RELOAD_BAD_VALUE);
	ctx->node_id_len = 16;
	wire_put(&reload_destination_wire, ctx, &d, "0110 01000000000000000000000000000000");
}

static void fragments_carry_the_whole_header(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct vector whole, one, two;
	struct reload_header h, first, last;
	vector_load(&whole, "fragment-whole");
	vector_load(&one, "fragment-1");
	vector_load(&two, "fragment-2");
	assert_int_equal(reload_header_read(&h, vector_span(&whole), ctx), RELOAD_OK);
	assert_int_equal(reload_header_read(&first, vector_span(&one), ctx), RELOAD_OK);
	assert_int_equal(reload_header_read(&last, vector_span(&two), ctx), RELOAD_OK);
	/* R-6.3.2-13: last bit and offset */
	assert_int_equal(h.fragment, RELOAD_FRAGMENT_WHOLE);
	assert_int_equal(first.fragment, RELOAD_FRAGMENT_ALWAYS);
	assert_int_equal(last.fragment & RELOAD_FRAGMENT_LAST, RELOAD_FRAGMENT_LAST);
	assert_int_equal(
		last.fragment & RELOAD_FRAGMENT_OFFSET, first.length - reload_header_size(&first));
	/* R-6.3.2-15: length is that of the fragment */
	assert_int_equal(first.length, one.len);
	/* a fragment is no whole message */
	struct reload_msg *m = NULL;
	assert_int_equal(reload_msg_decode(&m, vector_span(&one), ctx), RELOAD_BAD_VALUE);
	/* the reserved bits are ignored by who reads */
	whole.at[12] |= 0x3f;
	assert_int_equal(reload_msg_decode(&m, vector_span(&whole), ctx), RELOAD_OK);
	reload_msg_free(m);
	/* R-6.3.2-12: the top bit is not */
	whole.at[12] = 0x40;
	assert_int_equal(reload_msg_decode(&m, vector_span(&whole), ctx), RELOAD_BAD_VALUE);
	vector_clear(&whole);
	vector_clear(&one);
	vector_clear(&two);
}

/* A header with many equal entries in one list. */
static enum reload_err many(struct wire_ctx *ctx, unsigned destinations, unsigned options)
{
	struct wr list, opts, w;
	wr_init(&list);
	wr_init(&opts);
	wr_init(&w);
	for (unsigned i = 0; i < destinations; i++)
		wr_u16(&list, 0x8001);
	for (unsigned i = 0; i < options; i++)
		wr_u32(&opts, 0x01000000);
	struct reload_header h = { .relo_token = RELOAD_TOKEN, .fragment = RELOAD_FRAGMENT_WHOLE };
	h.destination_list = wr_done(&list);
	h.options = wr_done(&opts);
	h.length = (uint32_t)reload_header_size(&h);
	reload_header_write(&w, &h);
	enum reload_err err = reload_header_read(&h, wr_done(&w), ctx);
	wr_clear(&list);
	wr_clear(&opts);
	wr_clear(&w);
	return err;
}

static void lists_are_bounded(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	assert_int_equal(many(ctx, RELOAD_LIMIT_DESTINATIONS, RELOAD_LIMIT_OPTIONS), RELOAD_OK);
	assert_int_equal(many(ctx, RELOAD_LIMIT_DESTINATIONS + 1, 0), RELOAD_LIMIT);
	assert_int_equal(many(ctx, 1, RELOAD_LIMIT_OPTIONS + 1), RELOAD_LIMIT);
	uint8_t *long_list = reload_alloc(65536);
	struct reload_header h = { .options = span_of(long_list, 65536) };
	struct wr w;
	wr_init(&w);
	reload_header_write(&w, &h); /* a length of 16 bits cannot say it */
	assert_int_equal(w.err, RELOAD_BAD_VALUE);
	wr_clear(&w);
	free(long_list);
}

static void frames_are_data_or_ack(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct reload_frame f;
	/* R-6.6.2-01 */
	wire_both(&reload_frame_wire, ctx, "80 00000007 000003 010203", &f);
	assert_int_equal(f.sequence, 7);
	span_is(f.message, "\1\2\3");
	/* R-6.6.2-02: vector frame-ack-mask */
	wire_both(&reload_frame_wire, ctx, "81 00000028 80000016", &f);
	assert_int_equal(f.ack_sequence, 40);
	assert_int_equal(f.received, 1u << 31 | 1u << 4 | 1u << 2 | 1u << 1);
	/* R-6.6.2-09 */
	assert_int_equal(
		wire_get(&reload_frame_wire, ctx, "82 00000000 00000000", &f), RELOAD_UNKNOWN_TYPE);
	assert_int_equal(
		wire_get(&reload_frame_wire, ctx, "7f 00000000 000000", &f), RELOAD_UNKNOWN_TYPE);
	assert_int_equal(
		wire_get(&reload_frame_wire, ctx, "80 00000000 000004 010203", &f), RELOAD_SHORT);
}

static void the_head_of_a_frame_tells_its_size(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct span data = wire_hex(ctx->arena, "80 00000007 000003 010203 ff"),
		    ack = wire_hex(ctx->arena, "81 00000028 80000016 ff");
	struct reload_frame f;
	size_t size;
	assert_int_equal(reload_frame_peek(&f, &size, span_of(data.at, 0)), RELOAD_SHORT);
	assert_int_equal(size, 1);
	for (size_t len = 1; len <= data.len; len++) {
		enum reload_err err = reload_frame_peek(&f, &size, span_of(data.at, len));
		assert_int_equal(err, len < RELOAD_FRAME_DATA_HEAD ? RELOAD_SHORT : RELOAD_OK);
		assert_int_equal(size, err ? RELOAD_FRAME_DATA_HEAD : 11);
		size_t there = err ? 0 : len - RELOAD_FRAME_DATA_HEAD;
		assert_int_equal(f.message.len, there > 3 ? 3 : there);
	}
	assert_int_equal(f.sequence, 7);
	for (size_t len = 1; len <= ack.len; len++) {
		enum reload_err err = reload_frame_peek(&f, &size, span_of(ack.at, len));
		assert_int_equal(err, len < RELOAD_FRAME_ACK_SIZE ? RELOAD_SHORT : RELOAD_OK);
		assert_int_equal(size, RELOAD_FRAME_ACK_SIZE);
	}
	assert_true(f.ack_sequence == 40 && f.received == 0x80000016);
	for (unsigned type = 0; type < 256; type++) {
		uint8_t bytes[16] = { (uint8_t)type };
		bool known = type == RELOAD_FRAME_DATA || type == RELOAD_FRAME_ACK;
		assert_int_equal(reload_frame_peek(&f, &size, span_of(bytes, sizeof(bytes))),
			known ? RELOAD_OK : RELOAD_UNKNOWN_TYPE);
		assert_int_equal(reload_frame_name((uint8_t)type) != NULL, known);
	}
}

static void the_fixed_part_tells_the_lengths(void **state)
{
	struct wire_ctx *ctx = &((struct wire_state *)*state)->ctx;
	struct vector v;
	struct reload_header whole, h;
	vector_load(&v, "fwd-header-full");
	assert_int_equal(reload_header_read(&whole, vector_span(&v), ctx), RELOAD_OK);
	for (size_t len = 0; len <= v.len; len++)
		assert_int_equal(reload_header_peek(&h, span_of(v.at, len)),
			len < RELOAD_HEADER_FIXED ? RELOAD_SHORT : RELOAD_OK);
	assert_int_equal(h.length, whole.length);
	assert_int_equal(h.fragment, whole.fragment);
	assert_int_equal(reload_header_size(&h), reload_header_size(&whole));
	assert_null(h.via_list.at);
	/* a wrong token is seen as soon as its four bytes are there */
	assert_int_equal(reload_header_peek(&h, span_of("\xd2\x45\x4c", 3)), RELOAD_SHORT);
	assert_int_equal(reload_header_peek(&h, span_of("\xd2\x45\x4c\x50", 4)), RELOAD_NOT_RELOAD);
	assert_int_equal(
		reload_header_peek(&h, wire_hex(ctx->arena, FIXED("00000025") "0000 0000 0000")),
		RELOAD_BAD_VALUE);
	vector_clear(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(fields_of_the_full_vector),
		wire_test(another_token_is_no_reload),
		wire_test(lists_fit_or_the_header_is_refused),
		wire_test(destinations_have_three_forms),
		wire_test(unknown_destinations_are_skipped),
		wire_test(resources_stand_at_the_end),
		wire_test(the_zero_node_does_not_exist),
		wire_test(node_ids_are_as_long_as_the_overlay_says),
		wire_test(fragments_carry_the_whole_header),
		wire_test(lists_are_bounded),
		wire_test(frames_are_data_or_ack),
		wire_test(the_head_of_a_frame_tells_its_size),
		wire_test(the_fixed_part_tells_the_lengths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
