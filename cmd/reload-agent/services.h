/*
 * Services that this agent offers by ReDiR (RFC 7374), until they are removed: it registers each once the node has joined, again before its records
 * end, and takes the records out before it leaves.
 *
 *   waiting (not joined) -> registering -> kept -> registering -> kept ...
 *                               |-> failing: a part of the round failed, it is repeated with growing pauses
 *                               '-> removing -> (gone)
 *
 * The list is a part of the table of renewals on disk (renewals.h).
 */
#pragma once

#include "agent.h"

#include "service/redir.h"

#include <jansson.h>

enum {
	AGENT_SERVICES_MAX = 64 /* more are refused */
};

struct agent_services;
struct agent_service;

/* agent_services_new() makes an empty table (owned); agent_services_free() ends what is under way. */
struct agent_services *agent_services_new(struct agent *agent);
void agent_services_free(struct agent_services *s);

/* agent_services_state() is called with the state of the node at the end of each pass of the loop in which it may have changed. */
void agent_services_state(struct agent_services *s, enum reload_state state);

/* agent_services_leave() has the records of all services removed, as the node is about to leave. */
void agent_services_leave(struct agent_services *s);

/* agent_service_find() returns the service of that namespace (borrowed), NULL: it is not offered. */
struct agent_service *agent_service_find(struct agent_services *s, const char *name);

/* agent_service_name_check() checks that name can be the namespace of a service; RELOAD_USAGE with why. */
enum reload_err agent_service_name_check(
	const char *name, struct reload_error_text *why) MUST_CHECK;

/* agent_services_room() checks that name can be offered: RELOAD_USAGE for no namespace, RELOAD_UNKNOWN_KIND, RELOAD_LIMIT with why. */
enum reload_err agent_services_room(
	struct agent_services *s, const char *name, struct reload_error_text *why) MUST_CHECK;

/* agent_service_put() adds a service, or changes the lifetime of its records (borrowed until it is removed); call agent_services_room() before. */
struct agent_service *agent_service_put(
	struct agent_services *s, const char *name, uint32_t lifetime_s);

/*
 * agent_service_offer() adds a service of the agent itself, which is not in the table on disk, unless it is offered already, and registers it as soon as the node has joined;
 * nothing in an overlay without the Kind.  agent_service_withdraw() ends that.
 */
void agent_service_offer(struct agent_services *s, const char *name);
void agent_service_withdraw(struct agent_services *s, const char *name);

/*
 * agent_service_register() begins a round now, and agent_service_remove() removes all records and then the service; done(arg, v) is called once,
 * later, at its end and before v is freed.  RELOAD_EXISTS when one that somebody waits for is under way, RELOAD_NOT_JOINED.  agent_service_unwait() forgets done.
 */
typedef void (*agent_service_done)(void *arg, struct agent_service *v);
enum reload_err agent_service_register(
	struct agent_service *v, agent_service_done done, void *arg) MUST_CHECK;
enum reload_err agent_service_remove(
	struct agent_service *v, agent_service_done done, void *arg) MUST_CHECK;
void agent_service_unwait(struct agent_service *v);

/* agent_service_drop() takes the service out of the table without a word to the overlay. */
void agent_service_drop(struct agent_service *v);

/* What a round or a removal came to. */
struct agent_service_report {
	const char *name;
	uint32_t lifetime_s;
	const struct reload_redir_registration *round; /* the last one */
	unsigned removed, not_removed;                 /* records */
	reload_utc next;                               /* round; 0: none is scheduled */
};
struct agent_service_report agent_service_report(const struct agent_service *v);

/* agent_services_json() returns the list "services" of store.renewals (owned). */
json_t *agent_services_json(const struct agent_services *s);

/* agent_services_saved() returns what is to be on disk (owned list), agent_services_restore() takes it; RELOAD_BAD_VALUE. */
json_t *agent_services_saved(const struct agent_services *s);
enum reload_err agent_services_restore(struct agent_services *s, const json_t *list) MUST_CHECK;

/* agent_services_silent() returns which providers did not answer (borrowed). */
struct reload_redir_silent *agent_services_silent(struct agent_services *s);

/* agent_services_history() returns at which levels lookups of that namespace ended (borrowed); that of another one may be forgotten. */
struct reload_redir_history *agent_services_history(struct agent_services *s, const char *name);
