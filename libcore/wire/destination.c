#include "wire/destination.h"

#include "wire/internal.h"

#include <arpa/inet.h>
#include <stdio.h>

enum {
	SHORT_FORM = 0x80,
	SHORT_LEN = 2
};

static const struct wire_name destination_types[] = {
	{ RELOAD_DEST_NODE, "node" },
	{ RELOAD_DEST_RESOURCE, "resource" },
	{ RELOAD_DEST_OPAQUE, "opaque_id_type" },
	{ 0, NULL },
};

/* clang-format off */
static const struct wire_field destination_fields[] = {
	{ WIRE_INT(struct reload_destination, type), WIRE_NAMES(destination_types) },
	{ WIRE_REST(1) },
	{ WIRE_NODE_ID(struct reload_destination, node),
		WIRE_IS(struct reload_destination, type, RELOAD_DEST_NODE) },
	{ WIRE_BYTES(struct reload_destination, resource, 1),
		WIRE_IS(struct reload_destination, type, RELOAD_DEST_RESOURCE) },
	{ WIRE_BYTES(struct reload_destination, opaque, 1),
		WIRE_IS(struct reload_destination, type, RELOAD_DEST_OPAQUE) },
	{ WIRE_BYTES(struct reload_destination, raw, 0),
		WIRE_UNLESS(struct reload_destination, type, RELOAD_DEST_NODE, RELOAD_DEST_OPAQUE) },
};
/* clang-format on */

/* RFC 6940 s6.3.2.2: a first byte with the top bit set is no type, but half of an opaque id of 16 bits. */
static bool short_read(struct rd *r, void *out)
{
	struct reload_destination *d = out;
	if (!rd_more(r) || !(*r->at & SHORT_FORM))
		return false;
	d->type = RELOAD_DEST_OPAQUE;
	d->short_form = true;
	d->opaque = rd_span(r, SHORT_LEN);
	return true;
}

static bool short_write(struct wr *w, const void *in)
{
	const struct reload_destination *d = in;
	if (d->type & SHORT_FORM) {
		wr_fail(w, RELOAD_BAD_VALUE); /* would be read as the short form */
		return true;
	}
	if (d->type != RELOAD_DEST_OPAQUE || !d->short_form)
		return false;
	if (d->opaque.len != SHORT_LEN || !(d->opaque.at[0] & SHORT_FORM))
		return false;
	wr_span(w, d->opaque);
	return true;
}

/* JSON does not say which form an opaque id had: the short one is sent where it is possible. */
static void short_assigned(void *out)
{
	struct reload_destination *d = out;
	d->short_form = d->type == RELOAD_DEST_OPAQUE && d->opaque.len == SHORT_LEN &&
			(d->opaque.at[0] & SHORT_FORM);
}

static const struct wire_hook short_form = { short_read, short_write, short_assigned };

const struct wire_type reload_destination_wire = {
	.name = "Destination",
	.size = sizeof(struct reload_destination),
	.fields = destination_fields,
	.count = COUNT_OF(destination_fields),
	.hook = &short_form,
};

struct reload_destination reload_dest_node(const struct reload_id *id)
{
	return (struct reload_destination){ .type = RELOAD_DEST_NODE, .node = *id };
}

struct reload_destination reload_dest_resource(const struct reload_id *id)
{
	return (struct reload_destination){ .type = RELOAD_DEST_RESOURCE,
		.resource = reload_id_span(id) };
}

bool reload_dest_eq(const struct reload_destination *a, const struct reload_destination *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == RELOAD_DEST_NODE)
		return reload_id_eq(&a->node, &b->node);
	if (a->type == RELOAD_DEST_RESOURCE)
		return span_eq(a->resource, b->resource);
	if (a->type == RELOAD_DEST_OPAQUE)
		return span_eq(a->opaque, b->opaque);
	return span_eq(a->raw, b->raw);
}

bool reload_dest_next(struct rd *r, const struct wire_ctx *ctx, struct reload_destination *out)
{
	if (!rd_more(r))
		return false;
	reload_wire_read(r, &reload_destination_wire, ctx, out);
	return !r->err;
}

/* --- addresses (RFC 6940 s6.3.1.1) ------------------------------------------------------------ */

static const struct wire_name address_types[] = {
	{ RELOAD_IPV4, "ipv4_address" },
	{ RELOAD_IPV6, "ipv6_address" },
	{ 0, NULL },
};

/* clang-format off */
static const struct wire_field ip_port_fields[] = {
	{ WIRE_INT(struct reload_ip_port, type), WIRE_NAMES(address_types) },
	{ WIRE_REST(1) },
	{ WIRE_FIXED(struct reload_ip_port, addr, 4), WIRE_ADDRESS,
		WIRE_IS(struct reload_ip_port, type, RELOAD_IPV4) },
	{ WIRE_FIXED(struct reload_ip_port, addr, 16), WIRE_ADDRESS,
		WIRE_IS(struct reload_ip_port, type, RELOAD_IPV6) },
	{ WIRE_INT(struct reload_ip_port, port), WIRE_WHEN(struct reload_ip_port, type, RELOAD_IPV4, RELOAD_IPV6) },
	{ WIRE_BYTES(struct reload_ip_port, raw, 0),
		WIRE_UNLESS(struct reload_ip_port, type, RELOAD_IPV4, RELOAD_IPV6) },
};
/* clang-format on */

const struct wire_type reload_ip_port_wire =
	WIRE_TYPE(struct reload_ip_port, "IpAddressPort", ip_port_fields);

const char *reload_ip_port_text(char out[64], const struct reload_ip_port *a)
{
	char addr[INET6_ADDRSTRLEN];
	switch (a->type) {
	case RELOAD_IPV4:
		inet_ntop(AF_INET, a->addr, addr, sizeof(addr));
		snprintf(out, 64, "%s:%u", addr, a->port);
		break;
	case RELOAD_IPV6:
		inet_ntop(AF_INET6, a->addr, addr, sizeof(addr));
		snprintf(out, 64, "[%s]:%u", addr, a->port);
		break;
	default:
		snprintf(out, 64, "type %u", a->type);
	}
	return out;
}

/* What follows an IPv4 address in the 16 bytes need not be zero. */
bool reload_ip_port_same_host(const struct reload_ip_port *a, const struct reload_ip_port *b)
{
	return a->type == b->type &&
	       memcmp(a->addr, b->addr, a->type == RELOAD_IPV4 ? 4 : sizeof(a->addr)) == 0;
}

bool reload_ip_port_eq(const struct reload_ip_port *a, const struct reload_ip_port *b)
{
	return a->port == b->port && reload_ip_port_same_host(a, b);
}

void reload_ip_port_unmap(struct reload_ip_port *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	if (a->type != RELOAD_IPV6 || memcmp(a->addr, mapped, sizeof(mapped)) != 0)
		return;
	a->type = RELOAD_IPV4;
	memcpy(a->addr, a->addr + sizeof(mapped), 4);
	memset(a->addr + 4, 0, sizeof(mapped));
}

/* A range of addresses to which nothing is sent. */
struct range {
	uint8_t addr[16];
	uint8_t bits; /* how many of them all addresses of the range have in common */
	const char *fault;
};

static const struct range ipv4_ranges[] = {
	{ { 224 }, 4, "a multicast address" },
	{ { 0 }, 8, "the unspecified address" }, /* RFC 1122 s3.2.1.3 */
	{ { 255, 255, 255, 255 }, 32, "the broadcast address" },
};
static const struct range ipv6_ranges[] = {
	{ { 0xff }, 8, "a multicast address" },
	{ { 0 }, 128, "the unspecified address" },
};

static const char loopback_fault[] = "a loopback address", link_local[] = "a link-local address",
		  metadata[] = "the address of a service of the cloud provider",
		  tunnel[] = "an address of a tunnel or translator";

/* What another node may not have this one send to, beside those above. */
static const struct range ipv4_claims[] = {
	{ { 127 }, 8, loopback_fault },
	{ { 169, 254 }, 16, link_local }, /* also metadata: 169.254.169.254, 169.254.170.2 */
	{ { 192, 0, 0 }, 24, metadata },  /* RFC 6890 s2.2.2; 192.0.0.192 */
	{ { 100, 100, 100, 200 }, 32, metadata },
	{ { 168, 63, 129, 16 }, 32, metadata },
	{ { 240 }, 4, "a reserved address" },
};
static const struct range ipv6_claims[] = {
	{ { [15] = 1 }, 128, loopback_fault },
	{ { 0xfe, 0x80 }, 9, link_local }, /* with fec0::/10, which has a zone as well */
	{ { 0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54 }, 128, metadata },
	{ { 0xfd, 0x20, 0x00, 0xce, [14] = 0x02, 0x54 }, 128, metadata },
	{ { 0x20, 0x01, 0, 0 }, 32, tunnel },                   /* Teredo */
	{ { 0x00, 0x64, 0xff, 0x9b, 0x00, 0x01 }, 48, tunnel }, /* RFC 8215 */
};

/* IPv6 addresses that have an IPv4 address within, in which a packet may end. */
static const struct {
	struct range range;
	uint8_t at;
} embeddings[] = {
	{ { { [10] = 0xff, 0xff }, 96, NULL }, 12 },      /* mapped: RFC 4291 s2.5.5.2 */
	{ { { [8] = 0xff, 0xff }, 96, NULL }, 12 },       /* translated: RFC 2765 s2.1 */
	{ { { 0 }, 96, NULL }, 12 },                      /* compatible: RFC 4291 s2.5.5.1 */
	{ { { 0x00, 0x64, 0xff, 0x9b }, 96, NULL }, 12 }, /* NAT64: RFC 6052 s2.1 */
	{ { { 0x20, 0x02 }, 16, NULL }, 2 },              /* 6to4: RFC 3056 s2 */
};

static bool within(const uint8_t *addr, const struct range *r)
{
	size_t bytes = r->bits / 8;
	unsigned rest = 8 - r->bits % 8;
	return memcmp(addr, r->addr, bytes) == 0 &&
	       (rest == 8 || addr[bytes] >> rest == r->addr[bytes] >> rest);
}

static const char *fault_of(const uint8_t *addr, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (within(addr, &ranges[i]))
			return ranges[i].fault;
	return NULL;
}

/* The IPv4 address within an IPv6 address, NULL: none. */
static const uint8_t *embedded(const uint8_t addr[16])
{
	for (size_t i = 0; i < COUNT_OF(embeddings); i++)
		if (within(addr, &embeddings[i].range))
			return addr + embeddings[i].at;
	return NULL;
}

const char *reload_ip_port_fault(const struct reload_ip_port *a)
{
	const char *fault = NULL;
	const uint8_t *ipv4 = a->type == RELOAD_IPV4 ? a->addr : NULL;
	if (a->type != RELOAD_IPV4 && a->type != RELOAD_IPV6)
		return "of an unknown type";
	if (a->type == RELOAD_IPV6) {
		fault = fault_of(a->addr, ipv6_ranges, COUNT_OF(ipv6_ranges));
		ipv4 = reload_ip_port_is_loopback(a) ? NULL : embedded(a->addr);
	}
	if (!fault && ipv4)
		fault = fault_of(ipv4, ipv4_ranges, COUNT_OF(ipv4_ranges));
	return !fault && !a->port ? "an address without a port" : fault;
}

const char *reload_ip_port_claim_fault(const struct reload_ip_port *a, bool loopback)
{
	struct reload_ip_port plain = *a;
	const char *fault = reload_ip_port_fault(a);
	reload_ip_port_unmap(&plain);
	if (fault || (loopback && reload_ip_port_is_loopback(&plain)))
		return fault;
	if (plain.type == RELOAD_IPV6)
		fault = fault_of(plain.addr, ipv6_claims, COUNT_OF(ipv6_claims));
	const uint8_t *ipv4 = plain.type == RELOAD_IPV4 ? plain.addr : embedded(plain.addr);
	return !fault && ipv4 ? fault_of(ipv4, ipv4_claims, COUNT_OF(ipv4_claims)) : fault;
}

bool reload_ip_port_is_private(const struct reload_ip_port *a)
{
	static const struct range ipv4[] = {
		{ { 10 }, 8, "" },
		{ { 172, 16 }, 12, "" },
		{ { 192, 168 }, 16, "" },
		{ { 100, 64 }, 10, "" },
	};
	static const struct range ipv6[] = { { { 0xfc }, 7, "" } };
	return a->type == RELOAD_IPV4 ? fault_of(a->addr, ipv4, COUNT_OF(ipv4)) != NULL
				      : fault_of(a->addr, ipv6, COUNT_OF(ipv6)) != NULL;
}

bool reload_ip_port_is_loopback(const struct reload_ip_port *a)
{
	return within(a->addr, a->type == RELOAD_IPV4 ? &ipv4_claims[0] : &ipv6_claims[0]);
}

/* Digits only, 0 to 65535. */
static bool parse_port(uint16_t *out, const char *text)
{
	uint32_t v = 0;
	size_t n = strspn(text, "0123456789");
	if (!n || n > 5 || text[n])
		return false;
	for (size_t i = 0; i < n; i++)
		v = v * 10 + (uint32_t)(text[i] - '0');
	*out = (uint16_t)v;
	return v <= UINT16_MAX;
}

/* Splits "ADDR", "ADDR:PORT" and "[ADDR]:PORT"; *port is NULL when there is none. */
static bool split(char addr[INET6_ADDRSTRLEN], const char **port, const char *text)
{
	const char *end = text + strlen(text);
	const char *colon = strchr(text, ':');
	bool bracket = *text == '[';
	*port = NULL;
	if (bracket) {
		text++;
		end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return false;
		*port = end[1] ? end + 2 : NULL;
	} else if (colon && colon == strrchr(text, ':')) {
		end = colon;
		*port = colon + 1;
	}
	size_t len = (size_t)(end - text);
	if (len >= INET6_ADDRSTRLEN)
		return false;
	memcpy(addr, text, len);
	addr[len] = 0;
	return !bracket || strchr(addr, ':');
}

enum reload_err reload_ip_port_parse(
	struct reload_ip_port *out, const char *text, uint16_t default_port)
{
	char addr[INET6_ADDRSTRLEN];
	const char *port;
	struct reload_ip_port a = { .port = default_port };
	if (!split(addr, &port, text) || (port && !parse_port(&a.port, port)))
		return RELOAD_BAD_VALUE;
	if (inet_pton(AF_INET, addr, a.addr) == 1)
		a.type = RELOAD_IPV4;
	else if (inet_pton(AF_INET6, addr, a.addr) == 1)
		a.type = RELOAD_IPV6;
	else
		return RELOAD_BAD_VALUE;
	*out = a;
	return RELOAD_OK;
}
