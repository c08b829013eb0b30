#include "reload-diag/pcapng.h"

#include <stdio.h>
#include <string.h>

enum {
	SECTION = 0x0a0d0d0a,
	INTERFACE = 1,
	ENHANCED_PACKET = 6,
	ORDER_MAGIC = 0x1a2b3c4d,
	UPPER_PDU = 252,
	BLOCK_MIN = 12,
	INTERFACES_MAX = 64,
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	OPTION_FLAGS = 2,       /* of a packet */
	OPTION_APPLICATION = 4, /* of a section */
	OPTION_TSRESOL = 9,     /* of an interface */
	MILLISECONDS = 3,
	PDU_DISSECTOR = 12,
	PDU_END = 0
};

static const char dissector[] = "reload";

/* Numbers of the file are big-endian, as those of the section's byte-order magic say. */
static void pad(struct wr *w)
{
	while (w->len % 4)
		wr_u8(w, 0);
}

static void option(struct wr *w, uint16_t code, const void *value, size_t len)
{
	wr_u16(w, code);
	wr_u16(w, (uint16_t)len);
	wr_bytes(w, value, len);
	pad(w);
}

static size_t block_open(struct wr *w, uint32_t type)
{
	wr_u32(w, type);
	return wr_open(w, 4);
}

/* Both lengths of a block count all of it. */
static void block_close(struct wr *w, size_t mark)
{
	uint32_t length = (uint32_t)(w->len - mark + 8);
	wr_u32(w, length);
	for (size_t i = 0; i < 4 && !w->err; i++)
		w->at[mark + i] = (uint8_t)(length >> (8 * (3 - i)));
}

void pcapng_begin(struct wr *w, const char *program)
{
	static const uint8_t resolution = MILLISECONDS;
	size_t mark = block_open(w, SECTION);
	wr_u32(w, ORDER_MAGIC);
	wr_u32(w, 0x00010000); /* version 1.0 */
	wr_u64(w, UINT64_MAX); /* of any length */
	option(w, OPTION_APPLICATION, program, strlen(program));
	option(w, OPTION_END, NULL, 0);
	block_close(w, mark);
	mark = block_open(w, INTERFACE);
	wr_u16(w, UPPER_PDU);
	wr_u16(w, 0);
	wr_u32(w, PCAPNG_SNAPLEN);
	option(w, OPTION_TSRESOL, &resolution, sizeof(resolution));
	option(w, OPTION_END, NULL, 0);
	block_close(w, mark);
}

/* What stands before an exported PDU: for which dissector it is. */
static void pdu_head(struct wr *w)
{
	wr_u16(w, PDU_DISSECTOR);
	wr_u16(w, 8); /* with padding, which is part of the tag */
	wr_bytes(w, dissector, sizeof(dissector));
	wr_u8(w, 0);
	wr_u32(w, PDU_END);
}

void pcapng_packet(
	struct wr *w, uint64_t time_ms, bool incoming, struct span message, const char *comment)
{
	const uint8_t flags[4] = { 0, 0, 0, incoming ? 1 : 2 };
	struct wr head;
	wr_init(&head);
	pdu_head(&head);
	size_t room = PCAPNG_SNAPLEN - head.len, kept = message.len < room ? message.len : room;
	size_t mark = block_open(w, ENHANCED_PACKET);
	wr_u32(w, 0);
	wr_u64(w, time_ms); /* the upper half first */
	wr_u32(w, (uint32_t)(head.len + kept));
	wr_u32(w, (uint32_t)(head.len + message.len));
	wr_span(w, wr_done(&head));
	wr_bytes(w, message.at, kept);
	pad(w);
	option(w, OPTION_FLAGS, flags, sizeof(flags));
	option(w, OPTION_COMMENT, comment, strlen(comment));
	option(w, OPTION_END, NULL, 0);
	block_close(w, mark);
	wr_clear(&head);
}

/* -- reading -------------------------------------------------------------------------------------------------------------------- */

bool pcapng_is(struct span bytes)
{
	static const uint8_t magic[] = { 0x0a, 0x0d, 0x0d, 0x0a };
	return bytes.len >= sizeof(magic) && !memcmp(bytes.at, magic, sizeof(magic));
}

struct reading {
	struct span all;
	size_t at;
	bool little;                    /* the byte order of the section */
	uint16_t types[INTERFACES_MAX]; /* link types of its interfaces */
	size_t interfaces;
	pcapng_fn fn;
	void *arg;
};

static uint32_t number(const struct reading *g, const uint8_t *p, unsigned width)
{
	uint32_t v = 0;
	for (unsigned i = 0; i < width; i++)
		v |= (uint32_t)p[i] << (8 * (g->little ? i : width - 1 - i));
	return v;
}

/* Reads the tags before an exported PDU, which are always big-endian; *ours: it is for our dissector.  false: they do not end. */
static bool pdu_head_read(struct rd *r, bool *ours)
{
	*ours = false;
	for (;;) {
		uint16_t tag = rd_u16(r), len = rd_u16(r);
		struct span value = rd_span(r, len);
		if (r->err || tag == PDU_END)
			return !r->err;
		if (tag == PDU_DISSECTOR)
			*ours = value.len >= sizeof(dissector) &&
				!memcmp(value.at, dissector, sizeof(dissector));
	}
}

static bool packet_read(const struct reading *g, struct span body)
{
	enum {
		FIXED = 20
	};
	bool ours;
	if (body.len < FIXED)
		return false;
	uint32_t interface = number(g, body.at, 4), kept = number(g, body.at + 12, 4);
	if (kept > body.len - FIXED || interface >= g->interfaces)
		return false;
	struct rd r = rd_of(span_of(body.at + FIXED, kept));
	if (g->types[interface] != UPPER_PDU)
		return true;
	if (!pdu_head_read(&r, &ours))
		return false;
	struct span message = rd_rest(&r);
	if (ours)
		g->fn(g->arg, (size_t)(message.at - g->all.at), message.len);
	return true;
}

/* The head of a section: its byte order, which the length of its block depends on, too.  false: it has none, or another version than 1. */
static bool section_begin(struct reading *g, const uint8_t *p, size_t left)
{
	enum {
		HEAD = 16 /* up to its version */
	};
	if (left < HEAD)
		return false;
	g->little = p[8] == 0x4d;
	g->interfaces = 0;
	return number(g, p + 8, 4) == ORDER_MAGIC && number(g, p + 12, 2) == 1;
}

static bool body_read(struct reading *g, uint32_t type, struct span body)
{
	enum {
		SECTION_FIXED = 16,
		INTERFACE_FIXED = 8
	};
	if (type == SECTION)
		return body.len >= SECTION_FIXED;
	if (type == INTERFACE) {
		if (body.len < INTERFACE_FIXED || g->interfaces == INTERFACES_MAX)
			return false;
		g->types[g->interfaces++] = (uint16_t)number(g, body.at, 2);
	}
	return type != ENHANCED_PACKET || packet_read(g, body);
}

/* Reads the block at g->at and moves behind it; false: it is broken or cut off. */
static bool block_read(struct reading *g)
{
	const uint8_t *p = g->all.at + g->at;
	size_t left = g->all.len - g->at;
	if (left < BLOCK_MIN || (pcapng_is(span_of(p, left)) && !section_begin(g, p, left)))
		return false;
	uint32_t type = number(g, p, 4), length = number(g, p + 4, 4);
	if (length < BLOCK_MIN || length % 4 || length > left ||
		number(g, p + length - 4, 4) != length ||
		!body_read(g, type, span_of(p + 8, length - BLOCK_MIN)))
		return false;
	g->at += length;
	return true;
}

enum reload_err pcapng_each(
	struct span capture, pcapng_fn fn, void *arg, struct reload_error_text *why)
{
	struct reading g = { .all = capture, .fn = fn, .arg = arg };
	char what[64];
	while (g.at < capture.len)
		if (!block_read(&g)) {
			snprintf(what, sizeof(what), "the capture is broken at byte %zu", g.at);
			enum reload_err err = reload_error_explain(why, RELOAD_USAGE, what,
				"the block there is cut off, or its fields contradict each other");
			reload_error_advise(why, "capinfos FILE says how far it can be read");
			return err;
		}
	return RELOAD_OK;
}
