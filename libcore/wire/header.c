#include "wire/header.h"

#include "wire/internal.h"
#include "wire/message.h"

#include <endian.h>
#include <openssl/evp.h>

/*
 * The layout, written once: reload_header_read() and the table are made of these lists.  First come the numbers, then
 * the lengths of the three lists, then the lists.
 */
#define HEADER_NUMBERS(X)                                                                          \
	X(relo_token, WIRE_HEX)                                                                    \
	X(overlay, WIRE_HEX)                                                                       \
	X(configuration_sequence, WIRE_DECIMAL)                                                    \
	X(version, WIRE_DECIMAL)                                                                   \
	X(ttl, WIRE_DECIMAL)                                                                       \
	X(fragment, WIRE_HEX)                                                                      \
	X(length, WIRE_DECIMAL)                                                                    \
	X(transaction_id, WIRE_HEX)                                                                \
	X(max_response_length, WIRE_DECIMAL)
#define HEADER_LISTS(X)                                                                            \
	X(via_list, reload_destination_wire)                                                       \
	X(destination_list, reload_destination_wire)                                               \
	X(options, reload_option_wire)
enum {
	LIST_LENGTH = 2
};

static const struct wire_field option_fields[] = {
	{ WIRE_INT(struct reload_option, type) },
	{ WIRE_INT(struct reload_option, flags) },
	{ WIRE_BYTES(struct reload_option, value, 2) },
};
const struct wire_type reload_option_wire =
	WIRE_TYPE(struct reload_option, "ForwardingOption", option_fields);

/* clang-format off */
static const struct wire_field header_fields[] = {
#define X(m, show) { WIRE_INT(struct reload_header, m), show },
	HEADER_NUMBERS(X)
#undef X
#define X(m, type) { WIRE_LENGTH_OF(struct reload_header, m, LIST_LENGTH) },
	HEADER_LISTS(X)
#undef X
#define X(m, type) { WIRE_SIZED(struct reload_header, m, type) },
	HEADER_LISTS(X)
#undef X
};
/* clang-format on */

const struct wire_type reload_header_wire =
	WIRE_TYPE(struct reload_header, "ForwardingHeader", header_fields);

static inline uint64_t big_endian(const uint8_t *p, size_t width)
{
	uint64_t v = 0;
	memcpy((uint8_t *)&v + sizeof(v) - width, p, width);
	return be64toh(v);
}

/* A Resource-ID ends a Destination List and never stands in a Via List (RFC 6940 s6.3.2.2). */
static enum reload_err check_destinations(struct span list, const struct wire_ctx *ctx, bool via)
{
	struct rd r = rd_of(list);
	struct reload_destination d;
	for (int n = 0; reload_dest_next(&r, ctx, &d); n++) {
		if (n >= RELOAD_LIMIT_DESTINATIONS)
			return RELOAD_LIMIT;
		if (d.type == RELOAD_DEST_RESOURCE && (via || rd_more(&r)))
			return RELOAD_BAD_VALUE;
	}
	return r.err;
}

static enum reload_err check_options(struct span list)
{
	struct rd r = rd_of(list);
	struct reload_option o;
	for (int n = 0; reload_option_next(&r, &o); n++)
		if (n >= RELOAD_LIMIT_OPTIONS)
			return RELOAD_LIMIT;
	return r.err;
}

/* The fields in front of the lists, from RELOAD_HEADER_FIXED bytes; the lists have a length then. */
static inline void read_fixed(struct reload_header *h, const uint8_t *p)
{
	/* clang-format off */
#define X(m, show) h->m = (__typeof__(h->m))big_endian(p, sizeof(h->m)); p += sizeof(h->m);
	HEADER_NUMBERS(X)
#undef X
#define X(m, type) h->m = span_of(NULL, (size_t)big_endian(p, LIST_LENGTH)); p += LIST_LENGTH;
	HEADER_LISTS(X)
#undef X
	/* clang-format on */
}

enum reload_err reload_header_peek(struct reload_header *out, struct span bytes)
{
	struct rd r = rd_of(bytes), token = r;
	const uint8_t *p = rd_take(&r, RELOAD_HEADER_FIXED);
	if (rd_u32(&token) != RELOAD_TOKEN && !token.err)
		return RELOAD_NOT_RELOAD;
	if (!p)
		return RELOAD_SHORT;
	read_fixed(out, p);
	return out->length < RELOAD_HEADER_FIXED ? RELOAD_BAD_VALUE : RELOAD_OK;
}

enum reload_err reload_header_read(
	struct reload_header *out, struct span bytes, const struct wire_ctx *ctx)
{
	struct rd r = rd_of(bytes);
	struct reload_header h;
	const uint8_t *p = rd_take(&r, RELOAD_HEADER_FIXED);
	if (!p)
		return RELOAD_SHORT;
	read_fixed(&h, p);
	if (h.relo_token != RELOAD_TOKEN)
		return RELOAD_NOT_RELOAD;
		/* clang-format off */
#define X(m, type) h.m = rd_span(&r, h.m.len);
	HEADER_LISTS(X)
#undef X
	/* clang-format on */
	if (r.err)
		return r.err;
	if (h.length < reload_header_size(&h))
		return RELOAD_BAD_VALUE;
	enum reload_err err = check_destinations(h.via_list, ctx, true);
	if (!err)
		err = check_destinations(h.destination_list, ctx, false);
	if (!err)
		err = check_options(h.options);
	if (!err)
		*out = h;
	return err;
}

void reload_header_write(struct wr *w, const struct reload_header *h)
{
	reload_wire_write(w, &reload_header_wire, &(struct wire_ctx){ 0 }, h);
}

bool reload_option_next(struct rd *r, struct reload_option *out)
{
	if (!rd_more(r))
		return false;
	reload_wire_read(r, &reload_option_wire, &(struct wire_ctx){ 0 }, out);
	return !r->err;
}

bool reload_options_have(struct span options, uint8_t flag)
{
	struct rd r = rd_of(options);
	struct reload_option o;
	while (reload_option_next(&r, &o))
		if (o.flags & flag)
			return true;
	return false;
}

uint32_t reload_overlay_hash(const char *overlay_name)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	int ok = EVP_Digest(overlay_name, strlen(overlay_name), digest, &len, EVP_sha1(), NULL);
	assert(ok && len >= sizeof(uint32_t));
	return (uint32_t)big_endian(digest + len - sizeof(uint32_t), sizeof(uint32_t));
}
