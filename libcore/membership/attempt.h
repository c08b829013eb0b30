/*
 * Attach (RFC 6940 s6.5.1).  Without ICE the sender of the request listens, the node that answers connects.
 *
 *   as requester: asked -> answered, link awaited -> up | failed
 *   as answerer:  answered -> (checking) -> dialling -> up | failed
 *
 * In an overlay with ICE (attach_ice.c) each end gathers candidates before it sends its message, and both connect after that:
 *
 *   as requester: gathering -> asked -> answered -> dialling -> up | failed
 *   as answerer:  gathering -> answering -> (probing) -> dialling -> up | failed
 *
 * An Attach is an attempt in m->attempts, at most one per direction and node.  When there is a link to the other node
 * already, the attempt succeeds at once and no second link is made (R-6.5.1.12-01).  A node whose Attach comes over another
 * link may have lost it without this node's knowledge: the link is checked, and when that fails this node dials.  Limits: an attempt ends after the request
 * lifetime; beyond ATTEMPTS_MAX new ones are refused.
 */
#pragma once

#include "membership/internal.h"

enum {
	ATTEMPTS_MAX = 512,
	CANDIDATES_MAX = 8, /* addresses */
	TYPES_MAX = 2,      /* of links to each */
	CHECKED_MAX = 2
};

enum attempt_phase {
	GATHERING,
	ATTACH_SENT,
	ANSWERING, /* the answer is being signed */
	AWAITING_LINK,
	CHECKING,
	PROBING, /* as CHECKING, by ICE: the link that stands is kept until there is another one */
	DIALLING
};

struct attempt {
	TAILQ_ENTRY(attempt) entry;
	struct reload_membership *membership;
	enum attempt_phase phase;
	struct reload_id node; /* len 0: an Attach to a Resource-ID that is not answered yet */
	bool yielded;          /* AWAITING_LINK: the other's Attach makes the link */
	bool served;           /* for an Attach of node; else for one of this node */
	bool ice;              /* link is closed with the attempt, unless it is up */
	bool replaces;         /* by ICE: the link takes the place of one that stands (heal.c) */
	uint32_t
		link; /* DIALLING, from GATHERING on by ICE: being made; CHECKING: the one that stands */
	struct reload_incoming
		*in; /* GATHERING, ANSWERING: the request that is served, whose work this is */
	struct reload_ice_end *remote;             /* by ICE: what the other end sent */
	struct reload_link_target to[CHECKED_MAX]; /* CHECKING, DIALLING: the first of them */
	size_t to_count;
	uint8_t signer[32]; /* CHECKING, DIALLING: fingerprint of the requester's certificate */
	bool send_update;   /* served: the other asked for an Update; else this node does */
	struct reload_request
		*request; /* ATTACH_SENT; GATHERING: not sent yet; PROBING: the Ping */
	reload_request_end_fn introduced; /* of reload_attach_introduce() by ICE; else NULL */
	struct reload_timer limit;
	uint32_t down;      /* by ICE: its link, once the host has closed it */
	const char *reason; /* static: why it fails, if that is known */
	uint32_t cookie;
	attached_fn fn;
	void *arg;
};

/* Where this node listens, and what it dials because of that. */
struct own_place {
	struct reload_link_target at[CANDIDATES_MAX];
	size_t count;
	unsigned
		types; /* RELOAD_LINK_BIT() of the links that it dials: those that it takes, all when it listens nowhere */
	bool loopback; /* this node, or where it joins, has an address that no other host can reach: the overlay is one of a single host */
};

/* reload_own_place() asks the host. */
void reload_own_place(const struct reload_membership *m, struct own_place *out);

/* This node's side of an Attach without ICE (LINK-12, LINK-13). */
struct own_attach {
	struct own_place place;
	struct reload_ice_candidate candidates[CANDIDATES_MAX * TYPES_MAX];
	struct reload_attach body;
};

/* reload_own_attach() fills the rest of own in, which must not move while its body is used; role is static. */
void reload_own_attach(struct own_attach *own, const char *role, bool send_update);
/*
 * reload_attach_targets() copies the addresses of req that may be dialled (reload_ip_port_claim_fault()) to out, at most max,
 * each once with the types of its candidates that this node dials, and returns how many.  Loopback addresses are among them in an overlay on
 * loopback only.
 */
size_t reload_attach_targets(const struct own_place *own, const struct reload_attach *req,
	struct reload_link_target *out, size_t max);

/* reload_attempt_new() enters one, reload_attempt_free() removes it without a result, reload_attempt_end() ends it with one. */
struct attempt *reload_attempt_new(struct reload_membership *m, enum attempt_phase phase);
void reload_attempt_free(struct attempt *a);
void reload_attempt_end(struct attempt *a, enum reload_err err, const struct reload_id *node);

/* reload_attempts_count() returns how many are under way. */
size_t reload_attempts_count(struct reload_membership *m);
/* reload_attempt_with() finds one with node, other than `except`, that has not yielded; beside one that has, the other's may be under way. */
struct attempt *reload_attempt_with(
	struct reload_membership *m, const struct reload_id *node, const struct attempt *except);
/* reload_attempt_yield() gives up an Attach of this node that was not answered: the other end's own makes the link. */
void reload_attempt_yield(struct attempt *a);
/* reload_attempt_limit() ends the attempt after ms. */
void reload_attempt_limit(struct attempt *a, reload_ms ms);
/* reload_attempt_fail() ends one for which a node or a request waits. */
void reload_attempt_fail(struct attempt *a, enum reload_err err, const char *reason);
/*
 * reload_attach_fault() returns what is wrong with an Attach of another node, NULL: nothing that can be seen at once.  Of ICE and No-ICE
 * each overlay has one (R-6.5.1.5-02).
 */
const char *reload_attach_fault(
	const struct reload_membership *m, const struct reload_attach *attach, const char *role);

/* reload_attempt_await() waits for a link: the other end answers, or goes on with an Attach of its own, and will connect. */
void reload_attempt_await(struct attempt *a);
/* reload_attempt_dial() connects to one of the targets. */
void reload_attempt_dial(struct attempt *a, const struct reload_link_target *to, size_t count);
/* reload_attempt_may_dial() returns whether an Attach with this certificate (its fingerprint) may make this node dial. */
bool reload_attempt_may_dial(struct reload_membership *m, const uint8_t signer[32]);
/* reload_attempt_lifetime() is how long one may take. */
reload_ms reload_attempt_lifetime(const struct reload_membership *m);

/* reload_attach_replace() begins an Attach to node along list although there is a link to it; its request lasts for ms. */
void reload_attach_replace(struct reload_membership *m, const struct reload_destination *list,
	size_t count, reload_ms ms, attached_fn fn);

/* -- attach_ice.c --------------------------------------------------------------------------------------------------------- */

/* reload_attach_by_ice() returns whether this overlay's links are made by ICE. */
static inline bool reload_attach_by_ice(const struct reload_membership *m)
{
	return !m->engine->config->no_ice;
}

/* reload_attempt_gather() begins the link of an attempt and has the host gather candidates for it. */
void reload_attempt_gather(struct attempt *a);
/* reload_attempt_ice_answered() goes on with the answer to a request of this node. */
void reload_attempt_ice_answered(struct attempt *a, const struct reload_attach *answer);
/* reload_serve_attach_by_ice() serves a request that may be answered: once candidates are gathered. */
void reload_serve_attach_by_ice(struct reload_incoming *in);

/* -- attach_refuse.c ------------------------------------------------------------------------------------------------------ */

/* reload_serve_attach_refused() answers a request that may not make a link now, with an error; a is its own attempt, NULL: none so far. */
bool reload_serve_attach_refused(struct reload_incoming *in, const struct attempt *a);
