/* Cutting messages and putting them together (RFC 6940 s6.7). */
#include "vectors.h"

#include "exchange/fragments.h"
#include "util/owned.h"

enum {
	MAX_MESSAGE = 20000,
	LIFETIME = 15000
};

struct pieces {
	struct bytes at[64];
	size_t count;
};

static void collect(void *arg, struct span piece)
{
	struct pieces *p = arg;
	assert_true(p->count < COUNT_OF(p->at));
	p->at[p->count++] = bytes_copy(piece);
}

static void pieces_clear(struct pieces *p)
{
	for (size_t i = 0; i < p->count; i++)
		bytes_free(&p->at[i]);
	p->count = 0;
}

static const struct wire_ctx ctx = { .node_id_len = 16 };

static struct reload_header header_of(struct span piece)
{
	struct reload_header h;
	assert_int_equal(reload_header_read(&h, piece, &ctx), RELOAD_OK);
	return h;
}

static void vector_is_cut(void **state)
{
	(void)state;
	struct vector whole, part[2];
	struct pieces p = { .count = 0 };
	vector_load(&whole, "fragment-whole");
	vector_load(&part[0], "fragment-1");
	vector_load(&part[1], "fragment-2");
	/* a PMTU of 941: 32 less for the message */
	reload_fragment_send(vector_span(&whole), &ctx, 941 - 32, collect, &p);
	assert_int_equal(p.count, 2);
	static const size_t payload[] = { 853, 852 };
	for (size_t i = 0; i < 2; i++) {
		struct reload_header h = header_of(bytes_span(p.at[i]));
		/* R-6.7-02 R-6.7-05 R-6.7-06 R-6.7-10: byte for byte the fragments of the vectors */
		assert_int_equal(p.at[i].len, part[i].len);
		assert_memory_equal(p.at[i].at, part[i].at, part[i].len);
		assert_int_equal(p.at[i].len - reload_header_size(&h), payload[i]);
		assert_int_equal(h.length, p.at[i].len);
	}
	pieces_clear(&p);
	for (size_t i = 0; i < 2; i++)
		vector_clear(&part[i]);
	vector_clear(&whole);
}

/* A message (owned) with a header of 38 + 18 bytes and a payload of the given size. */
static struct bytes message(size_t payload, uint64_t id)
{
	struct reload_id node = { .len = 16, .at = { 1 } };
	struct reload_destination d = reload_dest_node(&node);
	struct wr list, w;
	wr_init(&list);
	wr_init(&w);
	reload_list_write(&list, &ctx, &d, 1);
	struct reload_header h = { .relo_token = RELOAD_TOKEN,
		.version = RELOAD_VERSION_BYTE,
		.ttl = 100,
		.fragment = RELOAD_FRAGMENT_WHOLE,
		.transaction_id = id,
		.destination_list = wr_done(&list) };
	h.length = (uint32_t)(reload_header_size(&h) + payload);
	reload_header_write(&w, &h);
	for (size_t i = 0; i < payload; i++)
		wr_u8(&w, (uint8_t)(i * 7 + i / 256 + id));
	wr_clear(&list);
	return (struct bytes){ w.at, w.len };
}

static void sizes(void **state)
{
	(void)state;
	static const struct {
		size_t payload, size, pieces;
	} cases[] = {
		{ 100, 0, 1 },         /* never */
		{ 100, 156, 1 },       /* fits exactly */
		{ 1000, 1056, 1 },     /* fits exactly */
		{ 1000, 1055, 2 },     /* one byte too many */
		{ 1000, 56 + 256, 4 }, /* R-6.7-03: the smallest piece */
		{ 1000, 56 + 255, 1 }, /* R-6.7-04: header and 256 bytes do not fit */
		{ 300, 56 + 256, 2 },  /* 256 and what is left, not 150 and 150 */
		{ 10240, 56 + 256, 40 },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct bytes m = message(cases[i].payload, 5);
		struct pieces p = { .count = 0 };
		reload_fragment_send(bytes_span(m), &ctx, cases[i].size, collect, &p);
		assert_int_equal(p.count, cases[i].pieces);
		size_t at = 0;
		for (size_t k = 0; k < p.count; k++) {
			struct reload_header h = header_of(bytes_span(p.at[k]));
			size_t n = p.at[k].len - reload_header_size(&h);
			bool last = k + 1 == p.count;
			assert_int_equal(h.length, p.at[k].len);
			assert_int_equal(h.fragment & RELOAD_FRAGMENT_OFFSET, at);
			assert_int_equal(!!(h.fragment & RELOAD_FRAGMENT_LAST), last);
			/* R-6.3.2-14: and no other bit */
			assert_int_equal(h.fragment >> 24, last ? 0xc0 : 0x80);
			assert_memory_equal(p.at[k].at + 56, m.at + 56 + at, n);
			if (p.count > 1) {
				assert_true(p.at[k].len <= cases[i].size);
				/* R-6.7-03 */
				assert_true(last || n >= RELOAD_FRAGMENT_MIN);
			}
			at += n;
		}
		assert_int_equal(at, cases[i].payload);
		pieces_clear(&p);
		bytes_free(&m);
	}
}

struct fixture {
	struct reload_timers timers;
	struct reload_reassembly *r;
	uint32_t from;
	struct bytes whole;
};

static enum reload_err add(struct fixture *b, struct span piece, uint32_t link, reload_ms now)
{
	struct reload_header h = header_of(piece);
	return reload_reassembly_add(
		b->r, piece, &h, link, link, MAX_MESSAGE, now, &b->whole, &b->from);
}

static void fixture_init(struct fixture *b, size_t max_bytes)
{
	*b = (struct fixture){ .from = 0 };
	b->r = reload_reassembly_new(&b->timers, max_bytes, LIFETIME);
}

static void fixture_clear(struct fixture *b)
{
	reload_reassembly_free(b->r);
	assert_int_equal(reload_timers_next(&b->timers), RELOAD_NEVER);
}

static void complete(struct fixture *b, struct span expected, uint32_t link)
{
	assert_non_null(b->whole.at);
	assert_int_equal(b->whole.len, expected.len);
	assert_memory_equal(b->whole.at, expected.at, expected.len);
	assert_int_equal(b->from, link);
	assert_int_equal(reload_reassembly_bytes(b->r), 0);
	bytes_free(&b->whole);
}

static void in_any_order(void **state)
{
	(void)state;
	struct bytes m = message(1500, 9);
	struct pieces p = { .count = 0 };
	struct fixture b;
	static const uint8_t orders[][5] = { { 0, 1, 2, 3, 4 }, { 4, 3, 2, 1, 0 },
		{ 2, 4, 0, 3, 1 }, { 1, 0, 4, 2, 3 } };
	fixture_init(&b, 1 << 20);
	reload_fragment_send(bytes_span(m), &ctx, 56 + 300, collect, &p);
	assert_int_equal(p.count, 5);
	for (size_t o = 0; o < COUNT_OF(orders); o++) {
		for (size_t k = 0; k < 5; k++) {
			uint8_t which = orders[o][k];
			assert_int_equal(add(&b, bytes_span(p.at[which]), which, 0), RELOAD_OK);
			if (k < 4)
				assert_null(b.whole.at);
		}
		/* R-6.7-07 R-6.7-11: whole again, from the link of the piece with offset 0 */
		complete(&b, bytes_span(m), 0);
	}
	/* every piece twice, and the whole set again: equal bytes are accepted */
	for (size_t k = 0; k < 4; k++) {
		assert_int_equal(add(&b, bytes_span(p.at[k]), 1, 0), RELOAD_OK);
		assert_int_equal(add(&b, bytes_span(p.at[k]), 2, 0), RELOAD_OK);
		assert_null(b.whole.at);
	}
	assert_int_equal(add(&b, bytes_span(p.at[4]), 3, 0), RELOAD_OK);
	complete(&b, bytes_span(m), 1);
	pieces_clear(&p);
	fixture_clear(&b);
	bytes_free(&m);
}

static void cut_again(void **state)
{
	(void)state;
	struct bytes m = message(3000, 9);
	struct pieces p = { .count = 0 }, small = { .count = 0 };
	struct fixture b;
	fixture_init(&b, 1 << 20);
	reload_fragment_send(bytes_span(m), &ctx, 56 + 1000, collect, &p);
	for (size_t i = 0; i < p.count; i++)
		reload_fragment_send(bytes_span(p.at[i]), &ctx, 56 + 300, collect, &small);
	assert_int_equal(p.count, 3);
	assert_int_equal(small.count, 12);
	for (size_t i = 0; i < small.count; i++) {
		struct reload_header h = header_of(bytes_span(small.at[i]));
		/* R-6.7-10 R-6.7-07: offsets of the whole, one last fragment */
		assert_int_equal(!!(h.fragment & RELOAD_FRAGMENT_LAST), i == 11);
		assert_int_equal(h.fragment & RELOAD_FRAGMENT_OFFSET, i / 4 * 1000 + i % 4 * 256);
	}
	/* half of it large, half of it small */
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(add(&b, bytes_span(small.at[i]), 1, 0), RELOAD_OK);
	assert_int_equal(add(&b, bytes_span(p.at[2]), 1, 0), RELOAD_OK);
	complete(&b, bytes_span(m), 1);
	/* pieces that overlap: 0..1000, 256..512 and so on */
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(add(&b, bytes_span(small.at[1 + i]), 1, 0), RELOAD_OK);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(add(&b, bytes_span(p.at[i]), 4, 0), RELOAD_OK);
	complete(&b, bytes_span(m), 4);
	pieces_clear(&p);
	pieces_clear(&small);
	fixture_clear(&b);
	bytes_free(&m);
}

static void contradictions(void **state)
{
	(void)state;
	struct bytes m = message(1500, 9);
	struct pieces p = { .count = 0 };
	struct fixture b;
	fixture_init(&b, 1 << 20);
	reload_fragment_send(bytes_span(m), &ctx, 56 + 300, collect, &p);
	/* other bytes at the same place: the whole set goes (HDR-13) */
	assert_int_equal(add(&b, bytes_span(p.at[0]), 1, 0), RELOAD_OK);
	uint8_t *changed = reload_memdup(p.at[0].at, p.at[0].len);
	changed[100] ^= 1;
	assert_int_equal(add(&b, span_of(changed, p.at[0].len), 1, 0), RELOAD_BAD_VALUE);
	/* R-6.7-14 */
	assert_int_equal(reload_reassembly_bytes(b.r), 0);
	for (size_t i = 1; i < 5; i++)
		assert_int_equal(add(&b, bytes_span(p.at[i]), 1, 0), RELOAD_OK);
	assert_null(b.whole.at);
	/* behind the last piece */
	memcpy(changed, p.at[1].at, p.at[1].len);
	changed[13] = 0x0f; /* the offset */
	assert_int_equal(add(&b, span_of(changed, p.at[1].len), 1, 0),
		RELOAD_LIMIT); /* above max-message-size */
	changed[13] = 0;
	changed[14] = 0x10;
	assert_int_equal(add(&b, span_of(changed, p.at[1].len), 1, 0), RELOAD_BAD_VALUE);
	assert_int_equal(reload_reassembly_bytes(b.r), 0);
	/* two last pieces of different length */
	assert_int_equal(add(&b, bytes_span(p.at[4]), 1, 0), RELOAD_OK);
	memcpy(changed, p.at[3].at, p.at[3].len);
	changed[12] |= 0x40;
	assert_int_equal(add(&b, span_of(changed, p.at[3].len), 1, 0), RELOAD_BAD_VALUE);
	/* a last piece that ends before what is there */
	assert_int_equal(add(&b, bytes_span(p.at[3]), 1, 0), RELOAD_OK);
	memcpy(changed, p.at[1].at, p.at[1].len);
	changed[12] |= 0x40;
	assert_int_equal(add(&b, span_of(changed, p.at[1].len), 1, 0), RELOAD_BAD_VALUE);
	assert_int_equal(reload_reassembly_bytes(b.r), 0);
	free(changed);
	pieces_clear(&p);
	fixture_clear(&b);
	bytes_free(&m);
}

/* R-6.7-09: a piece of one byte holds more memory than a byte */
static void small_pieces_cost(void **state)
{
	(void)state;
	enum {
		ROOM = 64 * 1024
	};
	struct fixture b;
	size_t taken = 0, heap = 0;
	fixture_init(&b, ROOM);
	for (uint64_t id = 1; id <= 40; id++) {
		struct bytes m = message(600, id);
		uint8_t *piece = reload_memdup(m.at, 57);
		for (uint32_t offset = 0; offset < 400; offset += 2) {
			struct wr w = wr_fixed(piece + 12, 8);
			wr_u32(&w, RELOAD_FRAGMENT_ALWAYS | offset);
			wr_u32(&w, 57);
			taken += add(&b, span_of(piece, 57), (uint32_t)id, 0) == RELOAD_OK;
		}
		free(piece);
		bytes_free(&m);
	}
	/* for each a block of the heap and its place in the list */
	heap = taken * (32 + sizeof(uint32_t) + sizeof(size_t) + sizeof(void *));
	assert_true(taken > 100);
	assert_true(heap <= ROOM);
	assert_true(reload_reassembly_bytes(b.r) <= ROOM);
	fixture_clear(&b);
}

static void time_and_room(void **state)
{
	(void)state;
	struct bytes m = message(1500, 9);
	struct pieces p = { .count = 0 };
	struct fixture b;
	fixture_init(&b, 9600); /* 2400 for one sender */
	reload_fragment_send(bytes_span(m), &ctx, 56 + 300, collect, &p);
	assert_int_equal(add(&b, bytes_span(p.at[0]), 1, 1000), RELOAD_OK);
	reload_timers_run(&b.timers, 1000 + LIFETIME - 1);
	assert_true(reload_reassembly_bytes(b.r) > 0);
	/* R-6.7-08 */
	reload_timers_run(&b.timers, 1000 + LIFETIME);
	assert_int_equal(reload_reassembly_bytes(b.r), 0);
	/* R-6.7-09: what finds no room is dropped, what is there stays within the bound */
	struct bytes other = message(1500, 10);
	struct pieces q = { .count = 0 };
	reload_fragment_send(bytes_span(other), &ctx, 56 + 300, collect, &q);
	size_t dropped = 0;
	for (size_t i = 0; i < 4; i++) {
		dropped += add(&b, bytes_span(p.at[i]), 1, 0) == RELOAD_LIMIT;
		dropped += add(&b, bytes_span(q.at[i]), 1, 0) == RELOAD_LIMIT;
		assert_true(reload_reassembly_bytes(b.r) <= 2400);
	}
	assert_true(dropped > 0);
	/* R-6.7-09: one link has no more than its part; what comes over another is put together */
	size_t first = reload_reassembly_bytes(b.r);
	struct bytes third = message(1500, 11);
	struct pieces t = { .count = 0 };
	reload_fragment_send(bytes_span(third), &ctx, 56 + 800, collect, &t);
	for (size_t i = 0; i < t.count; i++)
		assert_int_equal(add(&b, bytes_span(t.at[i]), 2, 0), RELOAD_OK);
	assert_non_null(b.whole.at);
	assert_memory_equal(b.whole.at, third.at, third.len);
	assert_int_equal(reload_reassembly_bytes(b.r), first);
	bytes_free(&b.whole);
	pieces_clear(&t);
	bytes_free(&third);
	/* empty sets cost as well */
	for (uint64_t id = 100; id < 200; id++) {
		struct bytes one = message(600, id);
		struct pieces s = { .count = 0 };
		reload_fragment_send(bytes_span(one), &ctx, 56 + 300, collect, &s);
		(void)add(&b, bytes_span(s.at[1]), 1, 0);
		pieces_clear(&s);
		bytes_free(&one);
		assert_true(reload_reassembly_bytes(b.r) <= 2400);
	}
	pieces_clear(&p);
	pieces_clear(&q);
	fixture_clear(&b);
	bytes_free(&m);
	bytes_free(&other);
}

static void tiny_pieces(void **state)
{
	(void)state;
	struct bytes m = message(2000, 9);
	struct fixture b;
	fixture_init(&b, 1 << 20);
	enum reload_err err = RELOAD_OK;
	size_t taken = 0;
	/* pieces of one byte with holes between them: no more than RELOAD_FRAGMENTS_MAX are kept */
	for (uint32_t at = 0; at < 2000 && !err; at += 2) {
		uint8_t piece[57];
		memcpy(piece, m.at, 56);
		struct wr w = wr_fixed(piece + 12, 8);
		wr_u32(&w, RELOAD_FRAGMENT_ALWAYS | at);
		wr_u32(&w, 57);
		piece[56] = m.at[56 + at];
		err = add(&b, span_of(piece, 57), 1, 0);
		taken += !err;
	}
	assert_int_equal(err, RELOAD_LIMIT);
	assert_int_equal(taken, RELOAD_FRAGMENTS_MAX);
	fixture_clear(&b);
	bytes_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vector_is_cut),
		cmocka_unit_test(sizes),
		cmocka_unit_test(in_any_order),
		cmocka_unit_test(cut_again),
		cmocka_unit_test(contradictions),
		cmocka_unit_test(small_pieces_cost),
		cmocka_unit_test(time_and_room),
		cmocka_unit_test(tiny_pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
