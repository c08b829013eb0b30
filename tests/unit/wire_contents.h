/* Whole messages of the wire, of which a test gives the contents. */
#pragma once

#include "wire_hex.h"

#include "wire/message.h"

/* wire_message() is a message with these MessageContents, in hex. */
static inline struct reload_msg *wire_message(struct wire_ctx *ctx, const char *contents)
{
	char hex[2048];
	struct span rest = wire_hex(ctx->arena, contents);
	unsigned length = RELOAD_HEADER_FIXED + 18 + (unsigned)rest.len + 9;
	struct reload_msg *m;
	int n = snprintf(hex, sizeof(hex),
		"d2454c4f 9aa32b8d 0016 0a 64 c0000000 %08x 0123456789abcdef 00000000 0000 0012 "
		"0000 0110101112131415161718191a1b1c1d1e1f%s0000 0000 03 0000 0000",
		length, contents);
	assert_true(n > 0 && (size_t)n < sizeof(hex));
	assert_int_equal(reload_msg_decode(&m, wire_hex(ctx->arena, hex), ctx), RELOAD_OK);
	return m;
}
