/* Structures of the wire written as hex in a test. */
#pragma once

#include "vectors.h"

/* wire_hex() returns the bytes of hex (spaces allowed), borrowed from the arena. */
static inline struct span wire_hex(struct reload_arena *arena, const char *hex)
{
	char digits[4096];
	size_t n = 0;
	for (; *hex; hex++)
		if (*hex != ' ') {
			assert_true(n < sizeof(digits));
			digits[n++] = *hex;
		}
	uint8_t *at = reload_arena_take(arena, n / 2 + 1);
	assert_int_equal(reload_unhex(at, digits, n), RELOAD_OK);
	return span_of(at, n / 2);
}

/* wire_get() decodes hex, which may fail. */
static inline enum reload_err wire_get(
	const struct wire_type *type, const struct wire_ctx *ctx, const char *hex, void *out)
{
	return reload_wire_decode(wire_hex(ctx->arena, hex), type, ctx, out);
}

/* wire_put() checks that in is encoded as hex. */
static inline void wire_put(
	const struct wire_type *type, const struct wire_ctx *ctx, const void *in, const char *hex)
{
	struct span expected = wire_hex(ctx->arena, hex);
	struct wr w;
	wr_init(&w);
	reload_wire_write(&w, type, ctx, in);
	assert_int_equal(w.err, RELOAD_OK);
	assert_int_equal(w.len, expected.len);
	if (w.len)
		assert_memory_equal(w.at, expected.at, w.len);
	wr_clear(&w);
}

/* wire_both() decodes hex into out and encodes it to the same. */
static inline void wire_both(
	const struct wire_type *type, const struct wire_ctx *ctx, const char *hex, void *out)
{
	assert_int_equal(wire_get(type, ctx, hex, out), RELOAD_OK);
	wire_put(type, ctx, out, hex);
}

/* wire_refused() returns why the encoder refuses in. */
static inline enum reload_err wire_refused(
	const struct wire_type *type, const struct wire_ctx *ctx, const void *in)
{
	struct wr w;
	wr_init(&w);
	reload_wire_write(&w, type, ctx, in);
	enum reload_err err = w.err;
	wr_clear(&w);
	return err;
}

static inline void span_is(struct span s, const char *text)
{
	assert_int_equal(s.len, strlen(text));
	if (s.len)
		assert_memory_equal(s.at, text, s.len);
}

/* Every test gets a context with an arena of its own as *state. */
struct wire_state {
	struct reload_arena arena;
	struct wire_ctx ctx;
};

static inline int wire_setup(void **state)
{
	struct wire_state *s = RELOAD_NEW(wire_state);
	s->ctx = vector_ctx(&s->arena);
	*state = s;
	return 0;
}

static inline int wire_teardown(void **state)
{
	struct wire_state *s = *state;
	reload_arena_clear(&s->arena);
	free(s);
	return 0;
}

static inline struct wire_ctx *ctx_of(void **state)
{
	return &((struct wire_state *)*state)->ctx;
}

#define wire_test(f) cmocka_unit_test_setup_teardown(f, wire_setup, wire_teardown)
