/* A whole RELOAD message: header, contents, security block (RFC 6940 s6.3). */
#pragma once

#include "wire/attach.h"
#include "wire/chord.h"
#include "wire/config_update.h"
#include "wire/diagnostics.h"
#include "wire/error.h"
#include "wire/fetch.h"
#include "wire/find.h"
#include "wire/header.h"
#include "wire/join.h"
#include "wire/ping.h"
#include "wire/probe.h"
#include "wire/security.h"
#include "wire/self_tuning.h"
#include "wire/store.h"

struct reload_extension {
	uint16_t type;
	bool critical;
	struct span contents;
};

union reload_body {
	struct reload_probe_req probe_req;
	struct reload_probe_ans probe_ans;
	struct reload_attach attach;
	struct reload_app_attach app_attach;
	struct reload_store_req store_req;
	struct reload_store_ans store_ans;
	struct reload_fetch_req fetch_req;
	struct reload_fetch_ans fetch_ans;
	struct reload_stat_ans stat_ans;
	struct reload_find_req find_req;
	struct reload_find_ans find_ans;
	struct reload_join_req join_req;
	struct reload_join_ans join_ans;
	struct reload_leave_req leave_req;
	struct reload_chord_update update;
	struct reload_route_query_req route_query_req;
	struct reload_chord_route_query_ans route_query_ans;
	struct reload_ping_req ping_req;
	struct reload_ping_ans ping_ans;
	struct reload_config_update config_update;
	struct reload_path_track_req path_track_req;
	struct reload_path_track_ans path_track_ans;
	struct reload_error_response error;
};

/*
 * A decoded message.  It owns its buffer and its arena; every span points into the buffer, every list into the arena.
 */
struct reload_msg {
	uint8_t *buffer; /* owned */
	size_t buffer_len;
	struct reload_arena arena;
	struct reload_header header;
	uint16_t code;
	struct span body_bytes;
	union reload_body body; /* valid after reload_msg_body() */
	bool body_decoded;
	struct reload_extension *extensions;
	size_t extensions_count;
	struct reload_security_block security;
	struct span contents; /* MessageContents as it came: part of the signature input */
};

/*
 * reload_header_read() decodes and checks the forwarding header of bytes without reading beyond it: the token, the
 * lengths and the lists are valid (R-6.3.2-21), every entry of the lists is whole, a Resource-ID stands only at the end
 * of the Destination List.  RELOAD_NOT_RELOAD for a wrong relo_token.  Neither overlay nor version is judged, nor an
 * empty Destination List (HDR-12), nor whether `length` is the number of bytes.
 */
enum reload_err reload_header_read(
	struct reload_header *out, struct span bytes, const struct wire_ctx *ctx) MUST_CHECK;

/*
 * reload_msg_decode() decodes header, contents frame and security block of a whole message (fragment 0xc0000000), but
 * not yet the body.  It copies bytes.  *out is owned (reload_msg_free).
 */
enum reload_err reload_msg_decode(
	struct reload_msg **out, struct span bytes, const struct wire_ctx *ctx) MUST_CHECK;

/*
 * reload_msg_body() decodes the body by the message code.  RELOAD_UNKNOWN_TYPE for a code without a structure,
 * RELOAD_SHORT or RELOAD_TRAILING for a body that does not fit (MSG-12, with the exceptions MSG-01, MSG-05, MSG-07).
 * ctx->arena is ignored: the message's own is used.
 */
enum reload_err reload_msg_body(struct reload_msg *m, const struct wire_ctx *ctx) MUST_CHECK;

/*
 * reload_msg_extension() returns the first extension of that type in a decoded message, NULL when there is none (borrowed).
 * reload_extension_known() returns whether this program understands extensions of the type: a critical one of another type refuses the message
 * (MSG-15).
 */
const struct reload_extension *reload_msg_extension(const struct reload_msg *m, uint16_t type);
bool reload_extension_known(uint16_t type);

/*
 * reload_msg_diagnostics_request() and reload_msg_diagnostics_response() decode the Diagnostic_Ping extension of a Ping and of its
 * answer (RFC 7851 s4.2.1); lists are in the message's arena.  RELOAD_NO_VALUE: there is none.  In other methods it is not looked at.
 */
enum reload_err reload_msg_diagnostics_request(struct reload_msg *m, const struct wire_ctx *ctx,
	struct reload_diagnostics_request *out) MUST_CHECK;
enum reload_err reload_msg_diagnostics_response(struct reload_msg *m, const struct wire_ctx *ctx,
	struct reload_diagnostics_response *out) MUST_CHECK;

/*
 * reload_msg_self_tuning() reads the self_tuning_data extension of a Probe or its answer (RFC 7363 s6.5); false: there is none, or it is too
 * short.  One that is longer is read as far as it is known.
 */
bool reload_msg_self_tuning(
	struct reload_msg *m, const struct wire_ctx *ctx, struct reload_self_tuning *out);

/* reload_msg_free() frees the message and all it holds; NULL is legal. */
void reload_msg_free(struct reload_msg *m);
AUTO_DEFINE(reload_msg)

/* reload_body_wire() returns the table of the body with that message code, NULL for none (empty or unknown). */
const struct wire_type *reload_body_wire(uint16_t code);

/* reload_body_is_empty() returns whether the message code is known to have an empty body (MSG-05). */
bool reload_body_is_empty(uint16_t code);

/* reload_code_name() returns "ping_req" and the like, NULL for an unknown code. */
const char *reload_code_name(uint16_t code);

/* reload_message_code() returns the code of a message, or of its first fragment, whose header is h; 0: it is not there. */
uint16_t reload_message_code(const struct reload_header *h, struct span message);

/* The frame of MessageContents: nothing of body and extensions is looked at. */
struct reload_contents {
	uint16_t code;
	struct span body, extensions;
	struct span whole;
};

/* reload_contents_read() reads the contents that bytes begin with; more may follow.  RELOAD_SHORT when they end too early. */
enum reload_err reload_contents_read(struct reload_contents *out, struct span bytes) MUST_CHECK;

/* reload_contents_extension() finds the contents of the first extension of that type; false: there is none that can be read. */
bool reload_contents_extension(const struct reload_contents *c, uint16_t type, struct span *out);

/* reload_code_is_request(): odd and below 0x8000 (MSG-13). */
static inline bool reload_code_is_request(uint16_t code)
{
	return code % 2 && code < 0x8000;
}

/*
 * reload_contents_write() appends MessageContents: code, body by the table of the code, and extensions.  body is NULL for
 * the codes with an empty body; a code without a table fails w.
 */
void reload_contents_write(struct wr *w, const struct wire_ctx *ctx, uint16_t code,
	const void *body, const struct reload_extension *extensions, size_t extensions_count);

/* reload_contents_write_bytes() is the same for any code and a body that is encoded already. */
void reload_contents_write_bytes(struct wr *w, const struct wire_ctx *ctx, uint16_t code,
	struct span body, const struct reload_extension *extensions, size_t extensions_count);

/*
 * reload_msg_signature_input() appends what the signature of a message covers (RFC 6940 s6.3.4): overlay,
 * transaction_id, MessageContents and SignerIdentity, the last two as they are on the wire.
 */
void reload_msg_signature_input(struct wr *w, uint32_t overlay, uint64_t transaction_id,
	struct span contents, struct span identity_bytes);

/*
 * reload_msg_write() appends the whole message: header (its length and list lengths are computed), contents as given,
 * security block.
 */
void reload_msg_write(struct wr *w, const struct wire_ctx *ctx, const struct reload_header *header,
	struct span contents, const struct reload_security_block *security);

/* reload_header_write() appends the header as it stands, list lengths computed, length from h->length. */
void reload_header_write(struct wr *w, const struct reload_header *h);

/* reload_msg_json() returns header, contents and security as one JSON object (owned); the body is decoded if it was not. */
json_t *reload_msg_json(struct reload_msg *m, const struct wire_ctx *ctx);

/* reload_msg_print() writes the message as indented text, through the same tables. */
void reload_msg_print(struct reload_msg *m, const struct wire_ctx *ctx,
	void (*put)(void *arg, const char *text), void *arg);
