/*
 * reload-diag decode: bytes or hex digits as a sequence of messages and frames.  An item begins with the relo_token (a
 * message) or with a frame type of RFC 6940 s6.6.2, and its header has its length.  An item with invalid contents is
 * reported and skipped; bytes that begin no item end the command.
 */
#include "reload-diag/diag.h"
#include "reload-diag/hex.h"
#include "reload-diag/pcapng.h"

#include "common/files.h"
#include "common/home.h"
#include "common/identity.h"
#include "common/output.h"
#include "util/text.h"
#include "wire/frame.h"
#include "wire/message.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	INPUT_MAX = 64 * 1024 * 1024
};

const struct cli_opt diag_decode_opts[] = {
	{ 0, "config", "FILE", "overlay configuration document: Kinds and length of Node-IDs" },
	{ 0, "overlay", "OVERLAY", "the same, of an overlay that is configured here" },
	{ 0, "binary", NULL, "the input is bytes, also when it looks like hex digits" },
	CLI_END,
};

const char diag_decode_fields[] = "type:string offset:integer size_bytes:integer fault:string? "
				  "fault_offset:integer? "
				  "frame:object? header:object? message:object?";

struct decode {
	struct cli *cli;
	struct wire_ctx ctx;
	struct reload_config *config;
	size_t items, faults;
	struct span capture; /* the whole input, when it is one */
};

/* One message or frame of the input. */
struct item {
	const char *type; /* "message", "fragment", "data", "ack" */
	size_t offset;
	struct span bytes;   /* all of it */
	struct span message; /* empty: the item has no message */
	enum reload_err fault;
	struct reload_break at; /* the first byte of the header that is wrong or missing */
	json_t *header; /* owned: the fields that could be read of a broken header; NULL: none, or the whole message could be read */
};

static enum reload_data_model registered_model(const void *arg, uint32_t kind)
{
	(void)arg;
	const struct reload_kind *k = reload_kind_registered(kind, NULL);
	return k ? k->model : RELOAD_MODEL_UNKNOWN;
}

static enum reload_err load_config(struct decode *d, struct reload_error_text *why)
{
	enum {
		NODE_ID_LEN = 16
	};
	const char *file = cli_value(d->cli, "config", NULL),
		   *overlay = cli_value(d->cli, "overlay", NULL);
	char *path = NULL, rest[300];
	enum reload_err err = RELOAD_OK;
	d->ctx = (struct wire_ctx){ .node_id_len = NODE_ID_LEN, .model = registered_model };
	if (file && overlay)
		return reload_error_explain(
			why, RELOAD_USAGE, "--config and --overlay", "one document at a time");
	if (overlay) {
		snprintf(rest, sizeof(rest), "%.255s/overlay.xml", overlay);
		err = cli_path(&path, CLI_CONFIG, rest, why);
		file = path;
	}
	if (!err && file) /* an expired document still describes its Kinds */
		err = cli_config_load(&d->config, file, NULL, 0, why);
	if (!err && d->config)
		d->ctx = reload_config_wire_ctx(d->config);
	free(path);
	return err;
}

/* -- input --------------------------------------------------------------------------------------------------------- */

static enum reload_err read_input(
	struct cli *cli, uint8_t **bytes, size_t *len, struct reload_error_text *why)
{
	const char *operand = cli->operands_count ? cli->operands[0] : "-";
	bool is_digits = strcmp(operand, "-") != 0 && access(operand, F_OK) &&
			 strspn(operand, "0123456789abcdefABCDEFxX: ,") == strlen(operand);
	enum reload_err err = RELOAD_OK;
	if (is_digits) {
		*len = strlen(operand);
		*bytes = reload_memdup(operand, *len);
	} else {
		err = cli_file_read(bytes, len, operand, INPUT_MAX, cli->deadline, why);
	}
	if (err)
		return err;
	if (!cli_has(cli, "binary") && !pcapng_is(span_of(*bytes, *len)) &&
		diag_is_text(span_of(*bytes, *len)))
		err = diag_unhex(*bytes, len, why);
	if (!err && !*len)
		err = reload_error_explain(
			why, RELOAD_USAGE, "nothing to decode", "the input is empty");
	if (err) {
		free(*bytes);
		*bytes = NULL;
	}
	return err;
}

/* -- items --------------------------------------------------------------------------------------------------------- */

/* Takes the next message or frame of the input, by the length in its header; after a failure item has the bytes that are there. */
static enum reload_err next_item(struct item *item, struct span input, size_t offset)
{
	struct span rest = span_of(input.at + offset, input.len - offset);
	struct reload_frame frame;
	struct reload_header header;
	size_t size;
	enum reload_err err = reload_frame_peek(&frame, &size, rest);
	bool framed = reload_frame_name(frame.type) != NULL;
	*item = (struct item){
		.type = "message", .offset = offset, .bytes = rest, .message = rest
	};
	if (framed) {
		item->type = reload_frame_name(frame.type);
		item->message = frame.message;
	} else {
		err = reload_header_peek(&header, rest);
		size = err ? 0 : header.length;
	}
	if (!err && rest.len < size)
		err = RELOAD_SHORT;
	if (err)
		return err;
	item->bytes.len = size;
	if (!framed)
		item->message = item->bytes;
	return RELOAD_OK;
}

static void put_text(void *arg, const char *text)
{
	fputs(text, arg);
}

/* A frame holds a whole message, or a fragment of which only the header can be decoded. */
static enum reload_err read_header(
	const struct decode *d, const struct item *item, struct reload_header *header)
{
	enum reload_err err = reload_header_read(header, item->message, &d->ctx);
	if (!err && header->length != item->message.len)
		err = header->length > item->message.len ? RELOAD_SHORT : RELOAD_TRAILING;
	return err;
}

static const char *fault_text(const struct item *item)
{
	return item->at.reason[0] ? item->at.reason
	       : item->fault      ? reload_err_text(item->fault)
				  : NULL;
}

/* The offset in the input at which the header is broken. */
static size_t fault_offset(const struct item *item)
{
	return item->offset + (size_t)(item->message.at - item->bytes.at) + item->at.offset;
}

static void print_text(struct decode *d, const struct item *item, struct reload_msg *msg,
	const struct reload_frame *frame)
{
	const char *name = msg ? reload_code_name(msg->code) : NULL;
	if (d->items > 1)
		putchar('\n');
	printf("%s at %zu, %zu byte%s%s%s", item->type, item->offset, item->bytes.len,
		cli_plural(item->bytes.len), name ? ": " : "", name ? name : "");
	if (item->at.reason[0])
		printf(", broken at %zu: %s", fault_offset(item), fault_text(item));
	else if (item->fault)
		printf(", broken: %s", fault_text(item));
	putchar('\n');
	if (frame)
		reload_wire_print(&reload_frame_wire, &d->ctx, frame, 1, put_text, stdout);
	if (msg)
		reload_msg_print(msg, &d->ctx, put_text, stdout);
	else if (item->header)
		reload_json_print(item->header, 1, put_text, stdout);
}

static json_t *or_null(json_t *j)
{
	return j ? j : json_null();
}

static void print_json(struct decode *d, const struct item *item, struct reload_msg *msg,
	const struct reload_frame *frame)
{
	json_t *o = json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o}", "type", item->type,
		"offset", (json_int_t)item->offset, "size_bytes", (json_int_t)item->bytes.len,
		"fault", or_null(item->fault ? json_string(fault_text(item)) : NULL),
		"fault_offset",
		or_null(item->at.reason[0] ? json_integer((json_int_t)fault_offset(item)) : NULL),
		"frame",
		or_null(frame ? reload_wire_json(&reload_frame_wire, &d->ctx, frame) : NULL),
		"header", or_null(msg ? NULL : json_incref(item->header)), "message",
		or_null(msg ? reload_msg_json(msg, &d->ctx) : NULL));
	if (frame) /* the member "message" has the decoded form */
		json_object_del(json_object_get(o, "frame"), "message");
	cli_print(d->cli, o, NULL, NULL);
	json_decref(o);
}

static void print_item(struct decode *d, const struct item *item, struct reload_msg *msg,
	const struct reload_frame *frame)
{
	if (d->cli->format == CLI_TEXT)
		print_text(d, item, msg, frame);
	else
		print_json(d, item, msg, frame);
}

static void decode_item(struct decode *d, struct item *item)
{
	AUTO(reload_msg) msg = NULL;
	struct reload_frame frame;
	struct reload_header header;
	bool framed = item->type[0] != 'm', have_header = false;
	d->items++;
	if (framed)
		item->fault = reload_wire_decode(item->bytes, &reload_frame_wire, &d->ctx, &frame);
	if (!item->fault && item->message.len) {
		item->fault = read_header(d, item, &header);
		have_header = !item->fault;
		item->header = reload_header_part(&item->at, item->message, &d->ctx);
		if (have_header && header.fragment == RELOAD_FRAGMENT_WHOLE) {
			item->fault = reload_msg_decode(&msg, item->message, &d->ctx);
			if (!item->fault)
				item->fault = reload_msg_body(msg, &d->ctx);
			if (item->fault == RELOAD_UNKNOWN_TYPE && msg &&
				!reload_code_name(msg->code))
				item->fault =
					RELOAD_OK; /* an unknown message code: its body is printed as bytes */
		} else if (have_header && !framed) {
			item->type = "fragment";
		}
	}
	d->faults += item->fault != RELOAD_OK;
	print_item(d, item, msg, framed && (!item->fault || have_header) ? &frame : NULL);
	json_decref(item->header);
}

/*
 * Prints item, the rest of the input, of which no more than a part of a header can be read; always: also when not even its first field is that of
 * a message.
 */
static void decode_rest(struct decode *d, struct item *item, enum reload_err err, bool always)
{
	item->fault = err;
	item->header = reload_header_part(&item->at, item->message, &d->ctx);
	d->items++;
	if (always || item->at.offset || !item->at.reason[0])
		print_item(d, item, NULL, NULL);
	json_decref(item->header);
}

static enum reload_err decode_all(
	struct decode *d, struct span input, struct reload_error_text *why)
{
	char what[64];
	for (size_t at = 0; at < input.len;) {
		struct item item;
		enum reload_err err = next_item(&item, input, at);
		if (err) {
			size_t before = d->items;
			decode_rest(d, &item, err, false);
			snprintf(what, sizeof(what), "cannot decode the bytes at %zu", at);
			reload_error_explain(why, err, what,
				"%s; %zu decoded before, %zu byte%s left", reload_err_text(err),
				before, input.len - at, cli_plural(input.len - at));
			reload_error_advise(why,
				"a capture of the whole message: it begins with d2454c4f, "
				"a frame with 80 or 81");
			return err;
		}
		decode_item(d, &item);
		at += item.bytes.len;
	}
	return RELOAD_OK;
}

/* One packet of a capture.  Whatever is in it, the next one is decoded: a peer that sends garbage hides nothing. */
static void decode_packet(void *arg, size_t start, size_t length)
{
	struct decode *d = arg;
	struct span upto = span_of(d->capture.at, start + length);
	for (size_t at = start; at < upto.len || at == start;) {
		struct item item;
		enum reload_err err = next_item(&item, upto, at);
		if (err) {
			decode_rest(d, &item, err, true);
			d->faults++;
			return;
		}
		decode_item(d, &item);
		at += item.bytes.len;
	}
}

static enum reload_err decode_capture(
	struct decode *d, struct span capture, struct reload_error_text *why)
{
	d->capture = capture;
	enum reload_err err = pcapng_each(capture, decode_packet, d, why);
	if (!err && !d->items) {
		err = reload_error_explain(why, RELOAD_USAGE, "nothing to decode",
			"no packet of the capture is a message of RELOAD");
		reload_error_advise(why, "a capture of reload-diag capture -o FILE");
	}
	return err;
}

static enum reload_err decode_input(
	struct decode *d, struct span input, struct reload_error_text *why)
{
	char what[64];
	enum reload_err err =
		pcapng_is(input) ? decode_capture(d, input, why) : decode_all(d, input, why);
	if (err || !d->faults)
		return err;
	snprintf(what, sizeof(what), "%zu of %zu broken", d->faults, d->items);
	reload_error_explain(why, RELOAD_INVALID_MESSAGE, what,
		"their inside is not what their length or type says");
	if (!d->config)
		reload_error_advise(
			why, "--overlay OVERLAY or --config FILE, for the Kinds of its document");
	return RELOAD_INVALID_MESSAGE;
}

int diag_decode(struct cli *cli)
{
	struct decode d = { .cli = cli };
	struct reload_error_text why;
	uint8_t *bytes = NULL;
	size_t len = 0;
	enum reload_err err = load_config(&d, &why);
	if (!err)
		err = read_input(cli, &bytes, &len, &why);
	if (!err)
		err = decode_input(&d, span_of(bytes, len), &why);
	fflush(stdout);
	int status = err ? cli_fail(cli, err, &why) : 0;
	free(bytes);
	reload_config_free(d.config);
	return status;
}
