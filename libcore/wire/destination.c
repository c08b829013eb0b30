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

static const struct wire_hook short_form = { short_read, short_write };

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

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

void reload_ip_port_unmap(struct reload_ip_port *a)
{
	if (a->type != RELOAD_IPV6 || memcmp(a->addr, mapped, sizeof(mapped)) != 0)
		return;
	a->type = RELOAD_IPV4;
	memcpy(a->addr, a->addr + sizeof(mapped), 4);
	memset(a->addr + 4, 0, sizeof(mapped));
}

static const char *ipv4_fault(const uint8_t addr[4])
{
	static const uint8_t all[4] = { 255, 255, 255, 255 };
	if (addr[0] >> 4 == 14)
		return "a multicast address";
	if (addr[0] == 0) /* 0.0.0.0/8, RFC 1122 s3.2.1.3 */
		return "the unspecified address";
	return memcmp(addr, all, sizeof(all)) == 0 ? "the broadcast address" : NULL;
}

static const char *ipv6_fault(const uint8_t addr[16])
{
	static const uint8_t none[16];
	if (addr[0] == 0xff)
		return "a multicast address";
	if (memcmp(addr, none, sizeof(none)) == 0)
		return "the unspecified address";
	/* the system connects to the IPv4 address within */
	return memcmp(addr, mapped, sizeof(mapped)) == 0 ? ipv4_fault(addr + sizeof(mapped)) : NULL;
}

const char *reload_ip_port_fault(const struct reload_ip_port *a)
{
	const char *fault = a->type == RELOAD_IPV4   ? ipv4_fault(a->addr)
			    : a->type == RELOAD_IPV6 ? ipv6_fault(a->addr)
						     : "of an unknown type";
	if (!fault && !a->port)
		fault = "an address without a port";
	return fault;
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
