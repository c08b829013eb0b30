/* The fields that can be read of a broken forwarding header (RFC 6940 s6.3.2), for people who examine bytes. */
#include "wire/header.h"

#include "util/err.h"
#include "wire/internal.h"
#include "wire/limits.h"

#include <stdio.h>

struct part {
	struct reload_header header;
	const struct wire_ctx *ctx;
	struct rd left;
	size_t len; /* number of all bytes */
	struct reload_break *at;
};

static bool broken(const struct part *p)
{
	return p->at->reason[0] != 0;
}

static size_t offset(const struct part *p)
{
	return p->len - rd_left(&p->left);
}

static void read_number(struct part *p, const struct wire_field *f, size_t width)
{
	uint8_t *member = (uint8_t *)&p->header + f->at;
	size_t there = rd_left(&p->left);
	if (there < width) {
		snprintf(p->at->reason, sizeof(p->at->reason), "%s%s has %zu bytes, %zu are left",
			f->name, f->op == WIRE_OP_LENGTH_OF ? " length" : "", width, there);
		return;
	}
	uint64_t v = rd_int(&p->left, (unsigned)width);
	if (f->op == WIRE_OP_LENGTH_OF)
		((struct span *)(void *)member)->len = (size_t)v;
	else if (width == 1)
		*member = (uint8_t)v;
	else if (width == 2)
		*(uint16_t *)(void *)member = (uint16_t)v;
	else if (width == 4)
		*(uint32_t *)(void *)member = (uint32_t)v;
	else
		*(uint64_t *)(void *)member = v;
}

/* Checks the entries of a list up to the first that is broken or may not be in it. */
static void check_entries(struct part *p, const struct wire_field *f, struct span list)
{
	struct rd r = rd_of(list);
	bool options = f->type == &reload_option_wire;
	size_t most = options ? RELOAD_LIMIT_OPTIONS : RELOAD_LIMIT_DESTINATIONS;
	for (size_t n = 0; rd_more(&r) && !broken(p); n++) {
		size_t at = list.len - rd_left(&r);
		struct reload_destination d = { 0 };
		struct reload_option o;
		const char *reason = NULL;
		if (options)
			(void)reload_option_next(&r, &o);
		else
			(void)reload_dest_next(&r, p->ctx, &d);
		if (r.err)
			reason = reload_err_text(r.err);
		else if (n >= most)
			reason = "one more than a message may have";
		else if (d.type == RELOAD_DEST_RESOURCE &&
			 f->at == offsetof(struct reload_header, via_list))
			reason = "a Resource-ID in a Via List";
		else if (d.type == RELOAD_DEST_RESOURCE && rd_more(&r))
			reason = "a Resource-ID before the end of the list";
		if (!reason)
			continue;
		p->at->offset = offset(p) - list.len + at;
		snprintf(p->at->reason, sizeof(p->at->reason), "%s[%zu]: %s", f->name, n, reason);
	}
}

static void read_list(struct part *p, const struct wire_field *f)
{
	struct span *list = (struct span *)(void *)((uint8_t *)&p->header + f->at);
	size_t there = rd_left(&p->left);
	if (list->len > there) {
		p->at->offset = offset(p);
		snprintf(p->at->reason, sizeof(p->at->reason), "%s has %zu bytes, %zu are left",
			f->name, list->len, there);
		list->len = there;
	}
	*list = rd_span(&p->left, list->len);
	if (!broken(p))
		check_entries(p, f, *list);
}

/* Checks a header that has every field. */
static void check_whole(struct part *p)
{
	const struct reload_header *h = &p->header;
	enum {
		LENGTH_AT = 16
	};
	if (h->length >= reload_header_size(h))
		return;
	p->at->offset = LENGTH_AT;
	snprintf(p->at->reason, sizeof(p->at->reason),
		"length is %u bytes, the header alone has %zu", (unsigned)h->length,
		reload_header_size(h));
}

json_t *reload_header_part(struct reload_break *at, struct span bytes, const struct wire_ctx *ctx)
{
	const struct wire_field *f = reload_header_wire.fields, *end = f + reload_header_wire.count;
	struct part p = { .ctx = ctx, .left = rd_of(bytes), .len = bytes.len, .at = at };
	*at = (struct reload_break){ 0 };
	for (; f < end && !broken(&p); f++) {
		at->offset = offset(&p);
		if (f->op == WIRE_OP_SIZED)
			read_list(&p, f);
		else
			read_number(&p, f, f->op == WIRE_OP_LENGTH_OF ? f->width : f->size);
		if (!broken(&p) && p.header.relo_token != RELOAD_TOKEN)
			snprintf(at->reason, sizeof(at->reason),
				"relo_token is 0x%08x instead of 0x%08x",
				(unsigned)p.header.relo_token, (unsigned)RELOAD_TOKEN);
	}
	if (!broken(&p))
		check_whole(&p);
	/* lists that were not reached may have a length although they have no bytes */
	for (const struct wire_field *rest = f; rest < end; rest++)
		if (rest->op == WIRE_OP_SIZED)
			*(struct span *)(void *)((uint8_t *)&p.header + rest->at) =
				span_of(NULL, 0);
	json_t *json = reload_wire_json(&reload_header_wire, ctx, &p.header);
	for (const struct wire_field *rest = broken(&p) ? f - 1 : end; rest < end; rest++)
		if (rest->op != WIRE_OP_LENGTH_OF && (rest >= f || rest->op == WIRE_OP_INT))
			json_object_del(json, rest->name);
	return json;
}
