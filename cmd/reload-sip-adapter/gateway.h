/*
 * Trunks to the telephone network, each for a prefix of numbers.  A number goes to the trunks of its longest prefix that is served, in the order in which they were
 * given, and then to those of shorter ones.  Other nodes find this one as a provider of the service of each prefix (RFC 7374, ident/tel.h).
 */
#pragma once

#include "ident/tel.h"
#include "reload-sip-adapter/fork.h"

enum {
	GATEWAYS_MAX = 64
};

struct gateway {
	struct reload_tel prefix;
	char *uri; /* owned: SIP URI of the trunk */
};

struct gateways {
	struct gateway at[GATEWAYS_MAX]; /* longest prefix first */
	size_t count;
	LIST_HEAD(, gateway_ask) asks; /* of services, under way */
};

/* gateway_add() takes "PREFIX=SIP-URI"; RELOAD_USAGE with why, also when there are too many. */
enum reload_err gateway_add(
	struct gateways *g, const char *text, struct reload_error_text *why) MUST_CHECK;
void gateways_clear(struct gateways *g);

/* gateway_number() returns whether a URI is, or its user part may be, a telephone number. */
bool gateway_number(struct reload_tel *out, const url_t *url);

/* gateway_serves() returns whether there is a trunk for a number; gateway_targets() adds all there are as targets in turn. */
bool gateway_serves(const struct gateways *g, const struct reload_tel *number);
void gateway_targets(struct fork *f, const struct reload_tel *number);

/* gateway_offer() makes the agent of s a provider for each prefix; gateway_withdraw() ends that, which is done when there are no asks. */
void gateway_offer(struct adapter *a, struct served *s);
void gateway_withdraw(struct adapter *a, struct served *s);
