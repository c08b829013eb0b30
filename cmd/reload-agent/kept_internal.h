/* What the files of kept values share: the table (kept.c), the disk (kept_file.c), renewals (kept_renew.c). */
#pragma once

#include "kept.h"

#include "util/owned.h"

#include <bsd/sys/queue.h>

struct kept_value {
	TAILQ_ENTRY(kept_value) entry;
	struct agent_kept *all;
	struct reload_id resource;
	char *name; /* Resource Name, owned; NULL: not known */
	uint32_t kind;
	struct reload_stored_value value;
	struct bytes key_bytes, value_bytes; /* what value.key and value.value are */
	uint32_t lifetime_s;
	uint64_t generation;
	reload_utc stored; /* storage_time of the last Store */
	reload_utc next;   /* when it is due; 0: not planned */
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

TAILQ_HEAD(kept_values, kept_value);

struct agent_kept {
	struct agent *agent;
	struct kept_values values;
	size_t count, bytes, running;
	char *path; /* of the file; NULL: no place is known, or what is there is not to be written over */
	char *unread; /* what is there and could not be read, NULL for none */
	bool joined, dirty;
	struct reload_timer save;
};

/* kept_value_add() puts v (owned from here on) into the table; kept_value_remove() takes it out and frees it. */
void kept_value_add(struct agent_kept *k, struct kept_value *v);
void kept_value_remove(struct kept_value *v);
void kept_value_free(struct kept_value *v);

/* kept_dirty() has the table written soon. */
void kept_dirty(struct agent_kept *k);

/* kept_load() reads the file into an empty table. */
void kept_load(struct agent_kept *k);

/* kept_plan() arms the next renewal; kept_plan_soon() that of a node which has just joined, the nth of them. */
void kept_plan(struct kept_value *v);
void kept_plan_soon(struct kept_value *v, size_t nth);

/* kept_cancel() ends what is planned or under way. */
void kept_cancel(struct kept_value *v);
