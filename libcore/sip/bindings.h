/*
 * The devices of a user (RFC 3261 s10.3, RFC 5626 s6): what a REGISTER binds to an AOR, and where it came from.  What is sent to a device goes the way by
 * which it registered; its Contact is shown back as it was written.
 */
#pragma once

#include "sip/hop.h"
#include "util/clock.h"

#include <sys/queue.h>

enum {
	RELOAD_SIP_BINDINGS_MAX = 128 /* of one AOR */
};

struct reload_sip_binding {
	TAILQ_ENTRY(reload_sip_binding) entry;
	char *uri;      /* owned, like all texts: of the Contact */
	char *shown;    /* the Contact, without its parameter expires */
	char *instance; /* +sip.instance; NULL: none */
	char *call_id;
	uint32_t reg_id, cseq;
	unsigned q; /* thousandths */
	reload_ms expires_at;
	struct reload_sip_hop hop;
};

TAILQ_HEAD(reload_sip_binding_list, reload_sip_binding);

struct reload_sip_bindings {
	struct reload_sip_binding_list list; /* higher q first, then the newest */
	size_t count;
};

/* reload_sip_bindings_init() begins with none; reload_sip_bindings_clear() frees all. */
void reload_sip_bindings_init(struct reload_sip_bindings *b);
void reload_sip_bindings_clear(struct reload_sip_bindings *b);

/* A Contact of a REGISTER; texts are borrowed. */
struct reload_sip_contact {
	const char *uri, *shown, *instance;
	uint32_t reg_id;
	unsigned q;
	bool has_expires;
	uint32_t expires_s;
	struct reload_sip_hop hop; /* by which the device is reached */
};

struct reload_sip_register {
	const struct reload_sip_contact *contacts;
	size_t count;
	bool star; /* "Contact: *" */
	const char *call_id;
	uint32_t cseq;
	bool has_expires; /* the header field */
	uint32_t expires_s;
	/* of the registrar */
	uint32_t default_s, min_s, max_s;
	int vary; /* thousandths that are added to what is granted, so that devices do not come all at once again */
};

/*
 * reload_sip_register() does what a REGISTER asks for, all of it or nothing, and returns the status of the answer: 200; 400 for "*" with anything else; 423
 * when a lifetime is shorter than min_s; 500 for one that is older than what is there (RFC 3261 s10.3 step 7); 403 with more than
 * RELOAD_SIP_BINDINGS_MAX.
 */
int reload_sip_register(
	struct reload_sip_bindings *b, const struct reload_sip_register *r, reload_ms now);

/* reload_sip_bindings_expire() removes those that have ended, and returns when the next one does; RELOAD_NEVER. */
reload_ms reload_sip_bindings_expire(struct reload_sip_bindings *b, reload_ms now);

/* reload_sip_bindings_use() returns whether a device is reached by that connection. */
bool reload_sip_bindings_use(const struct reload_sip_bindings *b, uint64_t connection);

/* reload_sip_bindings_find() returns the binding with that URI, NULL: there is none. */
struct reload_sip_binding *reload_sip_bindings_find(
	const struct reload_sip_bindings *b, const char *uri);
