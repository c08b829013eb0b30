/* What the files of AppAttach share. */
#pragma once

#include "membership/reach.h"
#include "service/app_attach.h"

#include <bsd/sys/queue.h>

enum app_phase {
	APP_GATHERING, /* by ICE: nothing was sent so far */
	APP_ASKED,     /* the request is under way; strangers may have connected already */
	APP_AWAITED,   /* answered: node is to connect, by ICE both ends */
	APP_ANSWERING, /* the answer is being signed */
	APP_CONNECTING /* this node has answered and connects */
};

enum {
	APP_TARGETS_MAX = 8
};

struct app_stranger {
	uint32_t stream;
	struct reload_cert *cert; /* a reference */
};

struct app {
	TAILQ_ENTRY(app) entry;
	struct reload_apps *service;
	uint32_t number;
	uint16_t application;
	enum app_phase phase;
	struct reload_id node; /* ASKED: len 0; else who is at the other end */
	uint8_t signer[32]; /* ANSWERING, CONNECTING: fingerprint of the requester's certificate */
	uint64_t transaction;                          /* ANSWERING */
	struct reload_link_target to[APP_TARGETS_MAX]; /* ANSWERING */
	size_t to_count;
	bool ice;
	bool stream_gone; /* by ICE, ANSWERING: the host has lost the connection before it began */
	struct reload_ice_end *remote; /* by ICE: what the other end sent; NULL: nothing so far */
	struct reload_incoming *in; /* GATHERING: the request that is served, whose work this is */
	struct reload_request *request; /* ASKED; GATHERING: not sent yet */
	struct app_stranger strangers[RELOAD_APP_STRANGERS_MAX]; /* ASKED; the oldest first */
	size_t strangers_count;
	unsigned hops; /* of the answer */
	struct reload_timer limit;
};

#define RELOAD_APP_GATHER_LATE   "no candidates were gathered in time"
#define RELOAD_APP_GATHER_FAILED "the gathering of candidates failed"

TAILQ_HEAD(app_list, app);

struct app_served {
	uint16_t application;
	unsigned places, taken;
};

struct reload_apps {
	struct reload_engine *engine;
	struct reload_exchange *exchange;
	struct reload_membership *membership;
	const struct reload_app_ops *ops;
	struct app_list apps;
	size_t asked, answered;    /* of them */
	uint32_t next;             /* number of an AppAttach of another node */
	struct app_served *served; /* owned */
	size_t served_count, served_cap;
	struct app_rates *rates; /* owned; NULL: nobody has asked */
};

/* -- app_attach_table.c ------------------------------------------------------------------------------------------------- */

/* reload_app_new() enters one, reload_app_free() removes it without a word to anybody but the host, which ends what it did for it. */
struct app *reload_app_new(struct reload_apps *s, uint32_t number, uint16_t application);
void reload_app_free(struct app *a);

/* reload_app_find() returns the one with this number, NULL for none; reload_app_is_asked() whether this node asked. */
struct app *reload_app_find(struct reload_apps *s, uint32_t number);
bool reload_app_is_asked(const struct app *a);

/* reload_app_by_ice() returns whether connections are made by ICE. */
static inline bool reload_app_by_ice(const struct reload_apps *s)
{
	return !s->engine->config->no_ice;
}

/* reload_app_stranger_forget() removes the i-th of those who connected before the answer. */
void reload_app_stranger_forget(struct app *a, size_t i);

/* reload_app_limit() gives one ms from now; then late(a) is called.  reload_app_lifetime() is as long as a request may take. */
void reload_app_limit(struct app *a, reload_ms ms, reload_timer_fn late);
reload_ms reload_app_lifetime(const struct reload_apps *s);

/* reload_app_served_find() returns the application that is served, NULL: it is not. */
struct app_served *reload_app_served_find(struct reload_apps *s, uint16_t application);

/* reload_app_candidates() makes host candidates for TLS of addresses, and returns how many. */
size_t reload_app_candidates(
	struct reload_ice_candidate *out, const struct reload_link_target *at, size_t count);

/* -- app_attach_ice.c --------------------------------------------------------------------------------------------------- */

/* reload_app_gather() has the host gather candidates for one; late(a) is called when that takes too long. */
void reload_app_gather(struct app *a, reload_timer_fn late);
/* reload_app_remote_set() takes what the other end sent; returns why nothing can be done with it, NULL: it can. */
const char *reload_app_remote_set(struct app *a, const struct reload_app_attach *message);
/* reload_app_check() connects to it. */
void reload_app_check(struct app *a);

/* -- app_attach_rate.c -------------------------------------------------------------------------------------------------- */

/* reload_app_rate_take() counts one more AppAttach with that certificate; false: it has had too many lately. */
bool reload_app_rate_take(struct reload_apps *s, const uint8_t signer[32]);

/* -- app_attach_serve.c ------------------------------------------------------------------------------------------------- */

/* reload_app_serve_request() serves the method. */
void reload_app_serve_request(struct reload_incoming *in);
/* reload_app_serve_gathered() answers the request of one with candidates of this node; reload_app_serve_not_gathered() refuses it, for a static reason. */
void reload_app_serve_gathered(struct app *a, const struct reload_ice_gathered *found);
void reload_app_serve_not_gathered(struct app *a, enum reload_err err, const char *reason);
/* reload_app_answer_failed() notes that a connection to who asked came to nothing, and why, and frees it. */
void reload_app_answer_failed(struct app *a, enum reload_err err);
