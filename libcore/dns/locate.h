/*
 * Where the request of a SIP URI goes (RFC 3263 s4): from its host, port and parameters to addresses in the order in which they are
 * tried.  Pure: the caller asks name servers, and gives each answer as it comes.
 *
 *   numeric host              -> its address                                                 -> located
 *   port, or no service there -> ADDRESS of the host                                          -> located
 *   transport                 -> SRV of this transport -> ADDRESS of each target              -> located
 *   neither                   -> NAPTR -> SRV of each service that it names (else of each transport) -> ADDRESS -> located
 *
 * The records of one stage are asked for at once.  What a name server does not answer in time counts as a failure, and what was
 * found without it is used.
 */
#pragma once

#include "dns/srv.h"
#include "util/err.h"
#include "wire/destination.h"

enum {
	RELOAD_LOCATE_SERVICES = 6,  /* names of SRV records of one domain */
	RELOAD_LOCATE_HOSTS = 16,    /* targets of SRV records whose addresses are asked for */
	RELOAD_LOCATE_ADDRESSES = 8, /* of one host */
	RELOAD_LOCATE_SERVERS = 32,  /* addresses to try; further ones are left out */
	RELOAD_LOCATE_LIMIT_MS =
		2500 /* for all questions together, so that a caller hears within 3 s that a name leads nowhere */
};

/* How SIP is carried; the values are bits, ANY: nothing was said. */
enum reload_locate_transport {
	RELOAD_LOCATE_ANY = 0,
	RELOAD_LOCATE_UDP = 1,
	RELOAD_LOCATE_TCP = 2,
	RELOAD_LOCATE_TLS = 4
};

enum reload_locate_family {
	RELOAD_LOCATE_IPV4 = 1,
	RELOAD_LOCATE_IPV6 = 2
};

/* The parts of a URI that say where it leads. */
struct reload_locate_uri {
	const char *
		host; /* "maddr", else the host: a name, or an address (IPv6 with or without brackets) */
	uint16_t port;      /* 0: none */
	unsigned transport; /* the parameter, RELOAD_LOCATE_ANY: none */
	bool sips;
	bool large; /* the request fits no datagram (RFC 3261 s18.1.1): TCP before UDP, unless the URI says UDP */
	unsigned transports; /* enum reload_locate_transport: those that the caller has */
	unsigned families;   /* enum reload_locate_family: those that the caller has */
};

/* A NAPTR record (RFC 3403). */
struct reload_naptr {
	uint16_t order, preference;
	char flags[4], service[16]; /* cut; empty when longer than any of SIP */
	bool has_regexp;
	char replacement[RELOAD_SRV_TARGET_MAX + 1]; /* without a final dot */
};

enum reload_locate_type {
	RELOAD_LOCATE_NAPTR,
	RELOAD_LOCATE_SRV,
	RELOAD_LOCATE_ADDRESS /* A and AAAA */
};

struct reload_locate_question {
	enum reload_locate_type type;
	const char *name; /* borrowed from the search */
	unsigned id;      /* for the answer */
};

/* An address to try. */
struct reload_locate_server {
	struct reload_ip_port at;
	enum reload_locate_transport transport; /* never ANY */
};

struct reload_locate;

/*
 * reload_locate_new() begins (owned).  RELOAD_BAD_VALUE: the host is neither a name nor an address to which something can be sent, or
 * "sips" is to go over UDP; RELOAD_LIMIT: over no transport or family that the caller has.  why says which.
 */
enum reload_err reload_locate_new(struct reload_locate **out, const struct reload_locate_uri *uri,
	reload_srv_draw_fn draw, void *draw_arg, struct reload_error_text *why) MUST_CHECK;
void reload_locate_free(struct reload_locate *l);

/* reload_locate_parse_transport() reads the value of the parameter; false: one that nobody here has, such as "sctp". */
bool reload_locate_parse_transport(unsigned *out, const char *text);

/* reload_locate_next() returns the next question, true once for each; false: no more before an answer comes. */
bool reload_locate_next(struct reload_locate *l, struct reload_locate_question *out);

/*
 * reload_locate_naptr(), reload_locate_srv() and reload_locate_addresses() give the answer to question id of that type; records are copied.  count 0: there is no such record; of a question that is answered
 * or was never asked nothing is taken.  no_service: the domain says that it has no such service (RFC 2782, target ".").
 */
void reload_locate_naptr(
	struct reload_locate *l, unsigned id, const struct reload_naptr *records, size_t count);
void reload_locate_srv(struct reload_locate *l, unsigned id, const struct reload_srv *records,
	size_t count, bool no_service);
void reload_locate_addresses(
	struct reload_locate *l, unsigned id, const struct reload_ip_port *addrs, size_t count);

/* reload_locate_failed(): question id got no answer. */
void reload_locate_failed(struct reload_locate *l, unsigned id);

/* reload_locate_expire() ends the search: what has no answer failed. */
void reload_locate_expire(struct reload_locate *l);

/* reload_locate_done() returns whether no question is open and none follows. */
bool reload_locate_done(const struct reload_locate *l);

/*
 * reload_locate_servers() gives the addresses of a search that is done in the order to try them (borrowed).  RELOAD_NO_VALUE: the domain has
 * none that can be used; RELOAD_TIMEOUT: name servers failed, another time there may be some; why says what was looked for.
 */
enum reload_err reload_locate_servers(const struct reload_locate *l,
	const struct reload_locate_server **out, size_t *count,
	struct reload_error_text *why) MUST_CHECK;
