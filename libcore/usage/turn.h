/*
 * The TURN Server Usage (RFC 6940 s9): which nodes offer a TURN server, and at which address.  A node that offers one stores
 * a record for each d from 1 to reload_turn_records() under reload_turn_name(); who needs one looks at random places
 * (turn_search.h).
 */
#pragma once

#include "config/config.h"
#include "wire/destination.h"

struct reload_turn_server {
	uint8_t iteration; /* d: from 1 to turn-density */
	struct reload_ip_port server_address;
};

extern const struct wire_type reload_turn_server_wire;

/* reload_turn_name() appends the Resource Name of record number d of node: the Node-ID, then d in one byte (STO-11). */
void reload_turn_name(struct wr *w, const struct reload_id *node, uint8_t d);

/* reload_turn_records() returns how many records a TURN server has: turn-density, at most what its Kind allows; 0: none is stored. */
unsigned reload_turn_records(const struct reload_config *config);

/* reload_turn_record() appends the value of record number d, which says that a TURN server answers at address. */
void reload_turn_record(struct wr *w, const struct reload_ip_port *address, uint8_t d);

/*
 * reload_turn_offer_fault() returns why a TURN server at address should not be offered to others, NULL: it may.  It is a
 * private address, or it is not the address at which others see this node (seen, in which ports mean nothing): a NAT is
 * between.  Addresses of another family say nothing.
 */
const char *reload_turn_offer_fault(
	const struct reload_ip_port *address, const struct reload_ip_port *seen, size_t count);

enum {
	RELOAD_TURN_SECRET_MAX = 256, /* bytes of a secret */
	RELOAD_TURN_USER = 64,        /* "1765000000:" and a Node-ID in hex, with a NUL */
	RELOAD_TURN_PASSWORD = 32     /* an HMAC-SHA1 in base64, with a NUL */
};

/*
 * reload_turn_credential() makes the user name and password with which node uses a TURN server until that time: the name is the time
 * in seconds and the Node-ID, the password the HMAC-SHA1 of the name under a secret that the server has, too (coturn: use-auth-secret).
 * The server needs no list of users, an old name is of no use, and its quotas are for one node each.
 */
void reload_turn_credential(char user[RELOAD_TURN_USER], char password[RELOAD_TURN_PASSWORD],
	struct span secret, const struct reload_id *node, reload_utc until);

/* reload_turn_record_read() reads and checks a value: RELOAD_BAD_VALUE with why, which names what of it is wrong. */
enum reload_err reload_turn_record_read(struct reload_turn_server *out, struct span value,
	const struct reload_config *config, struct reload_error_text *why) MUST_CHECK;
