#include "link/stun.h"

#include "util/bytes.h"

enum {
	HEADER = 20,
	COOKIE_AT = 4,
	ATTRIBUTE_HEAD = 4,
	ATTRIBUTE_IPV4 = 8, /* bytes of the value of a mapped address */
	ATTRIBUTE_IPV6 = 20,
	FINGERPRINT_SIZE = 8, /* with its head */
	UNKNOWN_MAX = 40,     /* named in a 420; further ones are left out */
	UNKNOWN_CODE = 420,
};
#define COOKIE          UINT32_C(0x2112a442)
#define FINGERPRINT_XOR UINT32_C(0x5354554e)

enum {
	BINDING_REQUEST = 0x0001,
	BINDING_SUCCESS = 0x0101,
	BINDING_ERROR = 0x0111,
};

enum {
	MAPPED_ADDRESS = 0x0001,
	RESPONSE_ADDRESS = 0x0002,
	CHANGE_REQUEST = 0x0003,
	SOURCE_ADDRESS = 0x0004,
	CHANGED_ADDRESS = 0x0005,
	USERNAME = 0x0006,
	MESSAGE_INTEGRITY = 0x0008,
	ERROR_CODE = 0x0009,
	UNKNOWN_ATTRIBUTES = 0x000a,
	REFLECTED_FROM = 0x000b,
	REALM = 0x0014,
	NONCE = 0x0015,
	XOR_MAPPED_ADDRESS = 0x0020,
	FIRST_OPTIONAL = 0x8000,
	FINGERPRINT = 0x8028,
	OTHER_ADDRESS = 0x802c, /* RFC 5780 */
};

/* A message whose lengths and FINGERPRINT are right. */
struct message {
	uint16_t type;
	bool classic;      /* the form of RFC 3489, without the magic cookie */
	bool fingerprint;  /* it has one */
	const uint8_t *id; /* 16 bytes: magic cookie and transaction id; RFC 3489: transaction id */
	struct span attributes; /* those before MESSAGE-INTEGRITY and FINGERPRINT */
};

struct attribute {
	uint16_t type;
	struct span value;
};

static uint32_t crc32(struct span s)
{
	static const uint32_t of_nibble[16] = { 0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8,
		0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c };
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < s.len; i++) {
		crc ^= s.at[i];
		crc = crc >> 4 ^ of_nibble[crc & 15];
		crc = crc >> 4 ^ of_nibble[crc & 15];
	}
	return ~crc;
}

static uint32_t fingerprint_of(struct span before)
{
	return crc32(before) ^ FINGERPRINT_XOR;
}

static size_t padding(size_t len)
{
	return (4 - len % 4) % 4;
}

/* -- reading ------------------------------------------------------------------------------------ */

bool reload_stun_is(struct span datagram)
{
	struct rd r = rd_of(datagram);
	uint16_t type = rd_u16(&r), len = rd_u16(&r);
	return datagram.len >= HEADER && type >> 10 == 0 && len % 4 == 0 &&
	       datagram.len - HEADER == len;
}

static bool attribute_next(struct rd *r, struct attribute *a)
{
	if (!rd_more(r))
		return false;
	a->type = rd_u16(r);
	a->value = rd_span(r, rd_u16(r));
	rd_take(r, padding(a->value.len));
	return !r->err;
}

/* Walks over all attributes once.  RFC 5389 s15.4, s15.5: what follows MESSAGE-INTEGRITY is ignored, FINGERPRINT is last. */
static bool attributes_check(struct message *m, struct span datagram)
{
	struct rd r = rd_of(m->attributes);
	struct attribute a;
	bool cut = false;
	for (const uint8_t *at = r.at; attribute_next(&r, &a); at = r.at) {
		if (m->classic)
			continue;
		if (m->fingerprint) /* it was not the last one */
			return false;
		if (a.type == FINGERPRINT) {
			struct rd value = rd_of(a.value);
			size_t before = (size_t)(at - datagram.at);
			if (a.value.len != 4 ||
				rd_u32(&value) != fingerprint_of(span_of(datagram.at, before)))
				return false;
			m->fingerprint = true;
		}
		if ((a.type == FINGERPRINT || a.type == MESSAGE_INTEGRITY) && !cut) {
			m->attributes.len = (size_t)(at - m->attributes.at);
			cut = true;
		}
	}
	return !r.err;
}

static bool message_read(struct message *m, struct span datagram)
{
	if (!reload_stun_is(datagram))
		return false;
	struct rd r = rd_of(datagram);
	*m = (struct message){ .type = rd_u16(&r), .id = datagram.at + COOKIE_AT };
	rd_u16(&r);
	m->classic = rd_u32(&r) != COOKIE;
	m->attributes = span_of(datagram.at + HEADER, datagram.len - HEADER);
	return attributes_check(m, datagram);
}

/*
 * RFC 5389 s18.2, and s7.3: attributes that are known and not expected are ignored.  Those which only RFC 3489 has are unknown
 * in a request; the responses of old servers have three of them.
 */
static bool is_known(uint16_t type, bool in_response)
{
	switch (type) {
	case MAPPED_ADDRESS:
	case USERNAME:
	case MESSAGE_INTEGRITY:
	case ERROR_CODE:
	case UNKNOWN_ATTRIBUTES:
	case REALM:
	case NONCE:
	case XOR_MAPPED_ADDRESS:
		return true;
	case SOURCE_ADDRESS:
	case CHANGED_ADDRESS:
	case REFLECTED_FROM:
		return in_response;
	case RESPONSE_ADDRESS:
	case CHANGE_REQUEST:
		return false;
	default:
		return type >= FIRST_OPTIONAL;
	}
}

/* -- writing ------------------------------------------------------------------------------------ */

static size_t message_begin(struct wr *w, uint16_t type, const uint8_t *id)
{
	wr_u16(w, type);
	size_t mark = wr_open(w, 2);
	wr_bytes(w, id, HEADER - COOKIE_AT);
	return mark;
}

/* The length in the header counts what comes after the header, and the FINGERPRINT is computed over the final length. */
static void message_end(struct wr *w, bool fingerprint)
{
	size_t len = w->len - HEADER + (fingerprint ? FINGERPRINT_SIZE : 0);
	w->at[2] = (uint8_t)(len >> 8);
	w->at[3] = (uint8_t)len;
	if (!fingerprint)
		return;
	uint32_t value = fingerprint_of(span_of(w->at, w->len));
	wr_u16(w, FINGERPRINT);
	wr_u16(w, 4);
	wr_u32(w, value);
}

/* The address is XORed with cookie and transaction id, so that no NAT on the way takes it for an address and changes it. */
static void address_write(
	struct wr *w, const struct message *request, const struct reload_ip_port *a)
{
	static const uint8_t plain[16];
	const uint8_t *mask = request->classic ? plain : request->id;
	size_t len = a->type == RELOAD_IPV4 ? 4 : 16;
	wr_u16(w, request->classic ? MAPPED_ADDRESS : XOR_MAPPED_ADDRESS);
	wr_u16(w, (uint16_t)(4 + len));
	wr_u8(w, 0);
	wr_u8(w, a->type == RELOAD_IPV4 ? 1 : 2);
	wr_u16(w, (uint16_t)(a->port ^ (mask[0] << 8 | mask[1])));
	for (size_t i = 0; i < len; i++)
		wr_u8(w, a->addr[i] ^ mask[i]);
}

/* No reason phrase: it would make the answer longer than need be. */
static void unknown_write(
	struct wr *w, const struct message *request, const uint16_t *unknown, size_t count)
{
	size_t odd = count % 2;
	wr_u16(w, ERROR_CODE);
	wr_u16(w, 4);
	wr_u16(w, 0);
	wr_u8(w, UNKNOWN_CODE / 100);
	wr_u8(w, UNKNOWN_CODE % 100);
	wr_u16(w, UNKNOWN_ATTRIBUTES);
	/* RFC 3489 s11.2.10 has no padding: with an odd number of attributes one is named twice */
	wr_u16(w, (uint16_t)(2 * (count + (request->classic ? odd : 0))));
	for (size_t i = 0; i < count; i++)
		wr_u16(w, unknown[i]);
	if (odd)
		wr_u16(w, request->classic ? unknown[0] : 0);
}

/* -- the server --------------------------------------------------------------------------------- */

enum reload_err reload_stun_serve(uint8_t out[RELOAD_STUN_ANSWER_MAX], size_t *len,
	struct reload_admission *a, struct span datagram, const struct reload_ip_port *from,
	reload_ms now)
{
	struct message request;
	struct reload_ip_port source = *from;
	reload_ip_port_unmap(&source);
	if (reload_ip_port_fault(&source) || datagram.len > RELOAD_STUN_REQUEST_MAX ||
		!message_read(&request, datagram))
		return RELOAD_BAD_VALUE;
	if (request.type != BINDING_REQUEST)
		return RELOAD_NO_METHOD;
	if (!reload_admission_take(a, &source, now))
		return RELOAD_LIMIT;
	uint16_t unknown[UNKNOWN_MAX];
	size_t count = 0;
	struct attribute at;
	for (struct rd r = rd_of(request.attributes); attribute_next(&r, &at);)
		if (!is_known(at.type, false) && count < UNKNOWN_MAX)
			unknown[count++] = at.type;
	struct wr w = wr_fixed(out, RELOAD_STUN_ANSWER_MAX);
	message_begin(&w, count ? BINDING_ERROR : BINDING_SUCCESS, request.id);
	if (count)
		unknown_write(&w, &request, unknown, count);
	else
		address_write(&w, &request, &source);
	message_end(&w, request.fingerprint);
	*len = w.len;
	return w.err;
}

/* -- the client --------------------------------------------------------------------------------- */

size_t reload_stun_request(uint8_t out[RELOAD_STUN_REQUEST_SIZE],
	const uint8_t transaction[RELOAD_STUN_TRANSACTION], enum reload_stun_change change)
{
	struct wr w = wr_fixed(out, RELOAD_STUN_REQUEST_SIZE);
	wr_u16(&w, BINDING_REQUEST);
	wr_u16(&w, 0);
	wr_u32(&w, COOKIE);
	wr_bytes(&w, transaction, RELOAD_STUN_TRANSACTION);
	if (change) {
		wr_u16(&w, CHANGE_REQUEST);
		wr_u16(&w, 4);
		wr_u32(&w, change);
	}
	message_end(&w, true);
	return w.len;
}

/* A value of MAPPED-ADDRESS or, with the mask of the message, of XOR-MAPPED-ADDRESS. */
static bool address_read(struct reload_ip_port *out, struct span value, const uint8_t mask[16])
{
	struct rd r = rd_of(value);
	rd_u8(&r);
	uint8_t family = rd_u8(&r);
	if (!(family == 1 && value.len == ATTRIBUTE_IPV4) &&
		!(family == 2 && value.len == ATTRIBUTE_IPV6))
		return false;
	*out = (struct reload_ip_port){ .type = family == 1 ? RELOAD_IPV4 : RELOAD_IPV6 };
	out->port = (uint16_t)(rd_u16(&r) ^ (mask[0] << 8 | mask[1]));
	for (size_t i = 0; rd_more(&r); i++)
		out->addr[i] = rd_u8(&r) ^ mask[i];
	reload_ip_port_unmap(out);
	return !reload_ip_port_fault(out);
}

enum reload_err reload_stun_response(struct reload_stun_answer *a, struct span datagram,
	const uint8_t transaction[RELOAD_STUN_TRANSACTION])
{
	static const uint8_t plain[16];
	struct message m;
	bool xored = false, have = false, unknown = false;
	*a = (struct reload_stun_answer){ 0 };
	if (!message_read(&m, datagram) || m.classic ||
		(m.type != BINDING_SUCCESS && m.type != BINDING_ERROR) ||
		memcmp(m.id + 4, transaction, RELOAD_STUN_TRANSACTION) != 0)
		return RELOAD_NO_METHOD;
	struct attribute at;
	for (struct rd r = rd_of(m.attributes); attribute_next(&r, &at);) {
		unknown |= !is_known(at.type, true); /* RFC 5389 s7.3.3: the transaction failed */
		if (at.type == ERROR_CODE && at.value.len >= 4 && m.type == BINDING_ERROR &&
			!a->code)
			a->code = (at.value.at[2] & 7) * 100u + at.value.at[3];
		else if (at.type == XOR_MAPPED_ADDRESS && !xored) {
			xored = true;
			have = address_read(&a->mapped, at.value, m.id);
		} else if (at.type == MAPPED_ADDRESS && !xored && !have)
			have = address_read(&a->mapped, at.value, plain);
		else if (at.type == OTHER_ADDRESS && !a->other.type &&
			 !address_read(&a->other, at.value, plain))
			a->other = (struct reload_ip_port){ 0 };
	}
	return m.type == BINDING_ERROR || unknown || !have ? RELOAD_BAD_ANSWER : RELOAD_OK;
}
