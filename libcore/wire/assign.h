/* From JSON to structures: the inverse of reload_wire_json() and reload_msg_json(). */
#pragma once

#include "wire/schema.h"

/*
 * reload_wire_assign() fills out (reload_wire_size() bytes, zeroed by the callee) from an object in the form of reload_wire_json(): numbers
 * may be numbers or strings, decimal or 0x..., members that the table does not have are ignored, and what the wire derives from
 * others (lengths) is not read.  Lists and bytes are in ctx->arena.  RELOAD_BAD_VALUE with why naming the member at fault, RELOAD_LIMIT for
 * more than a decoder would take.  Whether the wire can carry the values is for reload_wire_write() to say.
 */
enum reload_err reload_wire_assign(const struct wire_type *type, const struct wire_ctx *ctx,
	const json_t *object, void *out, struct reload_error_text *why) MUST_CHECK;

/*
 * reload_msg_assign() appends the message that an object in the form of reload_msg_json() describes; its length is computed, its body is
 * that of its code, or hex digits.  Nothing is signed: the security block is as given.  Failures are those of reload_wire_assign() and reload_msg_write().
 */
enum reload_err reload_msg_assign(struct wr *w, const struct wire_ctx *ctx, const json_t *object,
	struct reload_error_text *why) MUST_CHECK;
