/*
 * What a storer decides about a StoreReq (RFC 6940 s7.4.1): the checks in the order of STO-22, nothing changed before all
 * have passed.  Signatures are verified between reload_store_begin() and reload_store_accept() by the caller.
 */
#pragma once

#include "ident/cert.h"
#include "storage/storage.h"
#include "wire/store.h"

/* A counter grows by one with each Store, so that no honest one comes near this; after this value it starts again at 1. */
#define RELOAD_GENERATION_MAX ((uint64_t)INT64_MAX)

/* reload_generation_next() returns the counter after present, never 0 (STO-03). */
uint64_t reload_generation_next(uint64_t present);
/*
 * reload_stores_between() returns how many Stores at most made fresh of what is held at its place: storage_time is signed, and rises by a
 * millisecond at least with each.  held NULL: 1, as nobody says when the first was made.
 */
uint64_t reload_stores_between(
	const struct reload_stored_data *held, const struct reload_stored_data *fresh);
/*
 * reload_generation_merged() returns the counter of a peer that takes values from another one; received is the other's counter, stores how
 * many Stores the peer had missed.  The counter rises to received, but by stores at most, because no signature covers a counter (STO-17).  Who has
 * no counter takes received as it comes, but for what no Stores can have made: were a joining peer to begin at 1, for a moment as the responsible
 * one, its replicas would go back to that.
 */
uint64_t reload_generation_merged(uint64_t present, uint64_t received, uint64_t stores);

/* reload_values_conflict() returns whether two versions of a value, written at different times, say different things; NULL is legal and says nothing. */
bool reload_values_conflict(const struct reload_stored_data *a, const struct reload_stored_data *b);

/* Who signed: the request, or one value. */
struct reload_signer {
	const struct reload_cert *cert; /* borrowed; NULL: unknown */
	struct reload_id node;          /* the Node-ID that the identity denotes */
};

/* The values of a Kind of which a replica Store had other versions. */
struct reload_store_conflicts {
	uint32_t kind;
	size_t count;
};

struct reload_store_work {
	/* in */
	const struct reload_config *config;
	struct reload_storage *storage;
	const struct reload_store_req *req;
	struct reload_id resource; /* of req->resource */
	void (*resource_id)(
		struct reload_id *out, struct span resource_name); /* of the overlay algorithm */
	bool replica;                                              /* replica_number > 0 */
	bool owner; /* filled in by the caller from the topology: this peer is responsible */
	bool may_store_here; /* filled in by the caller from the topology: responsible (original Store), or the sender may hold the range (replica) */
	struct reload_signer request_signer;
	struct reload_signer *value_signers; /* one per value, in the order of the request */
	struct span *value_certificates;     /* per value: GenericCertificates to keep with it */
	size_t values_count;
	reload_utc now;
	struct reload_arena *arena;
	/* out */
	struct reload_store_batch batch;
	bool changed;                   /* false: a repeat that changes nothing (STO-01) */
	struct reload_store_ans answer; /* present counters; replicas are the caller's to fill in */
	uint32_t unknown_kinds[63];     /* RELOAD_UNKNOWN_KIND */
	size_t unknown_kinds_count;
	const char *reason; /* static: error_info */
	/* of a replica Store: values that differ from those that this peer holds at their places; when it is responsible two were written */
	struct reload_store_conflicts *conflicts; /* of each Kind that has some; in arena */
	size_t conflicts_count;
};

/*
 * reload_store_begin() makes the checks that need no signature: form, duplicate Kinds, responsibility, unknown Kinds,
 * identity none, generation 0 in a replica.  Counts values_count.  RELOAD_INVALID_MESSAGE, _FORBIDDEN, _UNKNOWN_KIND.
 */
enum reload_err reload_store_begin(struct reload_store_work *w) MUST_CHECK;

/*
 * reload_store_accept() makes the remaining checks, once the caller has filled in the signers: access control, generation,
 * storage_time, sizes and counts; fills batch and answer.  RELOAD_FORBIDDEN, _GENERATION_TOO_LOW (answer has the counters, replicas
 * empty), _DATA_TOO_OLD, _DATA_TOO_LARGE.  The batch of a replica that is too large is filled as well: it is not committed, but says which
 * older values reload_store_outdated() has to remove.
 */
enum reload_err reload_store_accept(struct reload_store_work *w) MUST_CHECK;
