/* What the files of renewals share: the table (renewals_table.c), the disk (renewals_file.c), renewals (renewals_run.c); renewals.c uses them. */
#pragma once

#include "renewals.h"

#include "util/owned.h"

#include <bsd/sys/queue.h>

struct renewal {
	TAILQ_ENTRY(renewal) entry;
	struct agent_renewals *all;
	struct reload_id resource;
	char *name; /* Resource Name, owned; NULL: not known */
	uint32_t kind;
	struct reload_stored_value value;
	struct bytes key_bytes, value_bytes; /* the bytes of value.key and value.value */
	uint32_t lifetime_s;
	uint64_t generation;
	reload_utc stored; /* storage_time of the last Store */
	reload_utc next;   /* when the next renewal is due; 0: none is scheduled */
	unsigned renewals, failures;
	enum reload_err last_error;
	bool superseded;
	struct reload_timer timer;
	/* a renewal under way */
	struct reload_request *request;
	struct reload_array_range range;
	struct reload_vec16_bytes key;
	reload_utc storing; /* storage_time of the Store under way */
};

TAILQ_HEAD(renewal_list, renewal);

struct agent_renewals {
	struct agent *agent;
	struct renewal_list values;
	size_t count, bytes, running;
	char *path; /* path of the file; NULL: no directory for state is known, or the file must not be overwritten */
	char *unread;                    /* path of a file that could not be read, NULL for none */
	struct agent_services *services; /* they are in the same file */
	bool joined, dirty;
	struct reload_timer save;
};

/* renewal_add() puts v (owned from here on) into the table; renewal_remove() takes it out and frees it. */
void renewal_add(struct agent_renewals *k, struct renewal *v);
void renewal_remove(struct renewal *v);
void renewal_free(struct renewal *v);

/* renewal_is_at() returns whether v is at that place. */
bool renewal_is_at(const struct renewal *v, const struct agent_renewal_place *place);

/*
 * renewals_dirty() has the table written within a second; renewals_flush() writes it now if it has changed, and logs a
 * failure.
 */
void renewals_dirty(struct agent_renewals *k);
void renewals_flush(struct agent_renewals *k);

/* renewals_load() reads the file into an empty table. */
void renewals_load(struct agent_renewals *k);

/* renewal_schedule() arms the next renewal; renewal_schedule_now() that of a node which has just joined, the nth of them. */
void renewal_schedule(struct renewal *v);
void renewal_schedule_now(struct renewal *v, size_t nth);

/*
 * renewal_withdraw() stores that nothing is there, in place of v's value, which stays in the table: it is stored again when the node
 * joins the next time.  NULL: that cannot be; else fn is called.
 */
struct reload_request *renewal_withdraw(struct renewal *v, reload_result_fn fn, void *arg);

/* renewal_cancel() ends the renewal that is scheduled or under way. */
void renewal_cancel(struct renewal *v);
