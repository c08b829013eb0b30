/* Messages: the tables of libcore/wire behind an opaque object. */
#include "libreload/internal.h"

#include "util/alloc.h"
#include "wire/assign.h"
#include "wire/frame.h"
#include "wire/message.h"

#include <stdlib.h>

enum {
	NODE_ID_USUAL = 16
};

struct reload_codec {
	struct wire_ctx ctx;
	struct reload_msg *msg; /* NULL: bytes that are no message */
	char fault[224];        /* "": none */
};

/* The message that bytes are, or that is in the frame that they are. */
static struct span message_in(struct span bytes)
{
	struct reload_frame frame = { 0 };
	size_t size = 0;
	bool framed = !reload_frame_peek(&frame, &size, bytes) && size == bytes.len &&
		      frame.type == RELOAD_FRAME_DATA;
	return framed ? frame.message : bytes;
}

/* Says why no message could be decoded: where the header is broken, when that is it. */
static void explain(struct reload_codec *c, struct span message, enum reload_err err)
{
	struct reload_break at = { 0 };
	json_decref(reload_header_part(&at, message, &c->ctx));
	if (at.reason[0])
		snprintf(c->fault, sizeof(c->fault), "broken at %zu: %s", at.offset, at.reason);
	else
		snprintf(c->fault, sizeof(c->fault), "%s", reload_err_text(err));
}

static const char node_id_fault[] = "Node-IDs have 16 to 20 bytes";

static bool node_id_range(uint8_t *out, unsigned length)
{
	*out = (uint8_t)(length ? length : NODE_ID_USUAL);
	return !length || (length >= NODE_ID_USUAL && length <= RELOAD_ID_MAX);
}

int reload_codec_decode(
	struct reload_codec **codec, const void *bytes, size_t len, unsigned node_id_length)
{
	struct reload_codec *c = *codec = RELOAD_NEW(reload_codec);
	struct span message = message_in(span_of(bytes, len));
	if (!node_id_range(&c->ctx.node_id_len, node_id_length)) {
		snprintf(c->fault, sizeof(c->fault), "%s", node_id_fault);
		return RELOAD_STATUS_USAGE;
	}
	enum reload_err err = reload_msg_decode(&c->msg, message, &c->ctx);
	if (err) {
		explain(c, message, err);
		return RELOAD_STATUS_FAILED;
	}
	err = reload_body_is_empty(c->msg->code) ? RELOAD_OK : reload_msg_body(c->msg, &c->ctx);
	if (err)
		snprintf(c->fault, sizeof(c->fault), "the body: %s", reload_err_text(err));
	return RELOAD_STATUS_OK;
}

void reload_codec_free(struct reload_codec *c)
{
	if (!c)
		return;
	reload_msg_free(c->msg);
	free(c);
}

const char *reload_codec_fault(const struct reload_codec *c)
{
	return c->fault;
}

uint16_t reload_codec_code(const struct reload_codec *c)
{
	return c->msg ? c->msg->code : 0;
}

const char *reload_codec_name(const struct reload_codec *c)
{
	const char *name = c->msg ? reload_code_name(c->msg->code) : NULL;
	return name ? name : "";
}

uint64_t reload_codec_transaction(const struct reload_codec *c)
{
	return c->msg ? c->msg->header.transaction_id : 0;
}

uint32_t reload_codec_overlay(const struct reload_codec *c)
{
	return c->msg ? c->msg->header.overlay : 0;
}

uint8_t reload_codec_ttl(const struct reload_codec *c)
{
	return c->msg ? c->msg->header.ttl : 0;
}

char *reload_codec_json(struct reload_codec *c)
{
	json_t *json = c->msg ? reload_msg_json(c->msg, &c->ctx) : json_object();
	char *text = library_text(json);
	json_decref(json);
	return text;
}

static void put(void *arg, const char *text)
{
	wr_bytes(arg, text, strlen(text));
}

char *reload_codec_text(struct reload_codec *c)
{
	struct wr w;
	wr_init(&w);
	if (c->msg)
		reload_msg_print(c->msg, &c->ctx, put, &w);
	wr_u8(&w, 0);
	return (char *)w.at;
}

int reload_codec_encode(
	const char *json, unsigned node_id_length, void **bytes, size_t *len, char **fault)
{
	struct reload_arena arena = { 0 };
	struct reload_error_text why = { 0 };
	struct wire_ctx ctx = { .arena = &arena };
	struct wr w;
	if (!node_id_range(&ctx.node_id_len, node_id_length)) {
		if (fault)
			*fault = reload_strdup(node_id_fault);
		return RELOAD_STATUS_USAGE;
	}
	json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	wr_init(&w);
	enum reload_err err = object ? reload_msg_assign(&w, &ctx, object, &why)
				     : reload_error_explain(&why, RELOAD_BAD_VALUE, "message",
					       "not a JSON object");
	if (!err) {
		*len = w.len;
		*bytes = reload_memdup(w.at, w.len);
	} else if (fault) {
		size_t size = strlen(why.what) + strlen(why.reason) + sizeof(": ");
		*fault = reload_alloc(size);
		snprintf(*fault, size, "%s: %s", why.what, why.reason);
	}
	json_decref(object);
	reload_arena_clear(&arena);
	wr_clear(&w);
	return reload_err_exit(err);
}

int reload_codec_next_frame(size_t *size, const void *bytes, size_t len)
{
	struct span given = span_of(bytes, len);
	struct reload_frame frame = { 0 };
	struct reload_header header = { 0 };
	*size = 0;
	enum reload_err err = reload_frame_peek(&frame, size, given);
	if (err == RELOAD_UNKNOWN_TYPE) {
		err = reload_header_peek(&header, given);
		*size = err == RELOAD_SHORT ? RELOAD_HEADER_FIXED : header.length;
	}
	if (err && err != RELOAD_SHORT) {
		*size = 0;
		return RELOAD_STATUS_FAILED;
	}
	return err || *size > len ? RELOAD_STATUS_LIMIT : RELOAD_STATUS_OK;
}

uint32_t reload_overlay_number(const char *overlay_name)
{
	return reload_overlay_hash(overlay_name);
}
