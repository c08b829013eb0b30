/*
 * Where stored values live: an interface with two implementations, in memory (below) and in a file (sqlite_io.h).  A commit is
 * atomic, and reads see it at once.  Its done function is called when the commit is durable, from within commit() or later.  A
 * commit that cannot be made durable is undone and done gets an error; reads may have seen it until then.
 */
#pragma once

#include "config/config.h"
#include "util/clock.h"
#include "wire/stored.h"

/*
 * One stored value.  All spans are owned by the storage (good until the next commit, drop or expire), or borrowed from
 * the caller that fills a batch.
 */
struct reload_stored_entry {
	struct reload_stored_data
		data;        /* data.value.index is the real index; data.raw is not used */
	reload_utc received; /* lifetime runs from here (R-7-06) */
	struct span
		certificates; /* GenericCertificates in wire form: the signer's first, then intermediates */
};

struct reload_store_change {
	uint32_t kind;
	uint64_t generation; /* the new counter */
	struct reload_stored_entry
		*entries; /* each inserted or replaced by index or key, one per place */
	size_t entries_count;
};

struct reload_store_batch {
	struct reload_id resource;
	struct reload_store_change *changes;
	size_t changes_count;
	reload_utc now;
};

typedef void (*reload_committed_fn)(void *arg, enum reload_err err);
typedef bool (*reload_entry_fn)(
	void *arg, const struct reload_stored_entry *entry); /* false ends the walk */

struct reload_storage;
struct reload_ended;

struct reload_kind_total {
	uint32_t kind;
	size_t count;
};

struct reload_storage_ops {
	void (*free)(struct reload_storage *s);
	/* copies the batch; RELOAD_DATA_TOO_LARGE when the quota is full (nothing changed, done not called) */
	enum reload_err (*commit)(struct reload_storage *s, const struct reload_store_batch *batch,
		reload_committed_fn done, void *arg);
	/* waits until all commits are durable or taken back, and calls their done functions; NULL: commit() waits itself */
	void (*flush)(struct reload_storage *s);
	/* whether the last attempt to make a commit durable failed; NULL: that cannot happen */
	bool (*failing)(struct reload_storage *s);
	/* the generation counter of a Kind at a resource, 0 when nothing is known (STO-03) */
	uint64_t (*generation)(struct reload_storage *s, const struct reload_id *resource,
		uint32_t kind, reload_utc now);
	/* entries that have not expired at now, ascending by index or key */
	void (*each)(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
		reload_utc now, reload_entry_fn visit, void *arg);
	/* the same for the entries of an array with an index from first to last */
	void (*range)(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
		uint32_t first, uint32_t last, reload_utc now, reload_entry_fn visit, void *arg);
	/* how many entries have not expired at now; *last (NULL is legal) is the highest index among them */
	size_t (*extent)(struct reload_storage *s, const struct reload_id *resource, uint32_t kind,
		reload_utc now, uint32_t *last);
	/* one entry by index or key (data model of e), NULL when there is none (borrowed until the next commit) */
	const struct reload_stored_entry *(*find)(struct reload_storage *s,
		const struct reload_id *resource, uint32_t kind,
		const struct reload_stored_value *place, reload_utc now);
	/* the record of what has expired here, NULL when nothing has; see reload_storage_ended() */
	const struct reload_ended *(*ended)(struct reload_storage *s);
	/* the first resource at or after from, clockwise, up to to (inclusive), that holds kind (0: any); false: none */
	bool (*next)(struct reload_storage *s, const struct reload_id *from,
		const struct reload_id *to, uint32_t kind, reload_utc now, struct reload_id *out);
	/* the Kinds held at a resource, ascending; returns their number, at most max */
	size_t (*kinds)(struct reload_storage *s, const struct reload_id *resource, reload_utc now,
		uint32_t *out, size_t max);
	/* forgets resources in (from, to]; forgets a Kind everywhere (CFG-17) */
	void (*drop_range)(
		struct reload_storage *s, const struct reload_id *from, const struct reload_id *to);
	void (*drop_kind)(struct reload_storage *s, uint32_t kind);
	/* frees what has expired at now and returns the time of the next expiry, RELOAD_NEVER when there is none */
	reload_utc (*expire)(struct reload_storage *s, reload_utc now);
	size_t (*count)(struct reload_storage *s, reload_utc now, size_t *values,
		size_t *bytes); /* resources held */
	/*
	 * how many entries of each Kind are held, ascending by Kind; returns the number of Kinds, at most max.  Entries that have expired
	 * count until expire()
	 */
	size_t (*totals)(struct reload_storage *s, struct reload_kind_total *out, size_t max);
};

struct reload_storage {
	const struct reload_storage_ops *ops;
};

/*
 * reload_storage_memory_new() makes a storage in ordered memory that holds at most max_bytes, counted as in cost.h.
 * keep_generation_ms: how long a counter outlives the last value (STO-03: one request lifetime).
 */
struct reload_storage *reload_storage_memory_new(size_t max_bytes, reload_ms keep_generation_ms);

/* reload_storage_free() frees; NULL is legal. */
void reload_storage_free(struct reload_storage *s);
AUTO_DEFINE(reload_storage)

/* reload_place_cmp() orders the places of a Kind: by index or by key; a single value has one place. */
int reload_place_cmp(const struct reload_stored_value *a, const struct reload_stored_value *b);

/* reload_entry_lifetime() returns the seconds left at now, 0 when expired (STO-21). */
uint32_t reload_entry_lifetime(const struct reload_stored_entry *e, reload_utc now);

/* reload_entry_expires() returns the time from which the entry counts as not stored (R-7-07). */
reload_utc reload_entry_expires(const struct reload_stored_entry *e);

/*
 * reload_stored_synthetic() returns what a storer answers for a place where nothing is stored (STO-06): exists False, times 0,
 * no signature.  place has model, index and key; the key stays borrowed.
 */
struct reload_stored_data reload_stored_synthetic(const struct reload_stored_value *place);
