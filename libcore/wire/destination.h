/* Destination entries and lists (RFC 6940 s6.3.2.2), and addresses (s6.3.1.1). */
#pragma once

#include "wire/codes.h"
#include "wire/schema.h"

struct reload_destination {
	uint8_t type; /* enum reload_destination_type; others are kept in raw */
	bool short_form; /* opaque id of two bytes with the top bit set, sent without type and length */
	struct reload_id node;
	struct span resource; /* Resource-ID, 0 to 255 bytes */
	struct span opaque;
	struct span raw; /* destination_data of an unknown type */
};

extern const struct wire_type reload_destination_wire;

/* reload_dest_node(), reload_dest_resource() make an entry; it borrows nothing for a node, `id` for a resource. */
struct reload_destination reload_dest_node(const struct reload_id *id);
struct reload_destination reload_dest_resource(const struct reload_id *id);

/* reload_dest_eq() compares what two entries mean: both forms of an opaque id are equal (interop HDR-09). */
bool reload_dest_eq(const struct reload_destination *a, const struct reload_destination *b);

/* reload_dest_next() reads the next entry of a list of wire bytes; false at the end or when r fails. */
bool reload_dest_next(struct rd *r, const struct wire_ctx *ctx, struct reload_destination *out);

struct reload_ip_port {
	uint8_t type;     /* enum reload_address_type; 0 or unknown: not usable */
	uint8_t addr[16]; /* 4 or 16 bytes in network order */
	uint16_t port;
	struct span raw; /* unknown type */
};

/* An address, and the types of links that lead to it. */
struct reload_link_target {
	struct reload_ip_port at;
	uint8_t types; /* RELOAD_LINK_BIT() of each */
};

#define RELOAD_LINK_BIT(type) (1u << (type)) /* enum reload_link_type */
#define RELOAD_LINK_NO_ICE                                                                         \
	(RELOAD_LINK_BIT(RELOAD_TLS_TCP_FH_NO_ICE) | RELOAD_LINK_BIT(RELOAD_DTLS_UDP_SR_NO_ICE))

extern const struct wire_type reload_ip_port_wire;

/* reload_ip_port_text() writes "192.0.2.1:6084" or "[2001:db8::1]:6084" to out[64] and returns it. */
const char *reload_ip_port_text(char out[64], const struct reload_ip_port *a);

/* reload_ip_port_unmap() makes an IPv4 address that is written as an IPv6 address (::ffff:192.0.2.1) the IPv4 address. */
void reload_ip_port_unmap(struct reload_ip_port *a);

/*
 * reload_ip_port_fault() returns why no link can lead to a, a text such as "the broadcast address"; NULL: a is the
 * address of one node.  Every address that a node connects to is checked by this function, whether it came from a
 * message, the configuration, a person or a name server.  An address to listen at is not checked.
 */
const char *reload_ip_port_fault(const struct reload_ip_port *a);

/*
 * reload_ip_port_claim_fault() returns why nothing may be sent to an address that only another node names, such as a
 * candidate of an Attach; NULL: it may.  Beyond reload_ip_port_fault() these are link-local addresses, addresses of services
 * of a cloud provider, reserved ones and those of tunnels, and loopback addresses unless `loopback`; each also within an IPv6
 * address (mapped, compatible, translated, NAT64, 6to4).
 */
const char *reload_ip_port_claim_fault(const struct reload_ip_port *a, bool loopback);

/* reload_ip_port_same_host() returns whether two usable addresses differ in the port at most; reload_ip_port_eq() in nothing. */
bool reload_ip_port_same_host(const struct reload_ip_port *a, const struct reload_ip_port *b);
bool reload_ip_port_eq(const struct reload_ip_port *a, const struct reload_ip_port *b);

/* reload_ip_port_is_private() returns whether a has a meaning in its own network alone: RFC 1918, RFC 6598, RFC 4193. */
bool reload_ip_port_is_private(const struct reload_ip_port *a);

/* reload_ip_port_is_linklocal() returns whether a is 169.254.0.0/16 or fe80::/10; the plug-in for ICE, which has none of the archive, uses it, too. */
static inline bool reload_ip_port_is_linklocal(const struct reload_ip_port *a)
{
	if (a->type == RELOAD_IPV4)
		return a->addr[0] == 169 && a->addr[1] == 254;
	return a->addr[0] == 0xfe && (a->addr[1] & 0xc0) == 0x80;
}

/* reload_ip_port_is_loopback() returns whether a is 127.0.0.0/8 or ::1. */
bool reload_ip_port_is_loopback(const struct reload_ip_port *a);

/*
 * reload_ip_port_parse() reads "ADDR[:PORT]" (IPv6 in brackets when a port follows); no host names.  Port 0 is allowed:
 * for listening it means any free port.
 */
enum reload_err reload_ip_port_parse(
	struct reload_ip_port *out, const char *text, uint16_t default_port) MUST_CHECK;
