/* What the files of the replica room share. */
#pragma once

#include "connection/link.h"
#include "exchange/sign.h"
#include "replica/places.h"
#include "replica/push.h"
#include "replica/replica.h"
#include "storage/access.h"
#include "storage/fetch.h"
#include "storage/store.h"

#include <bsd/sys/queue.h>

struct handover;
struct owner_check;
struct commit;

TAILQ_HEAD(handover_list, handover);
TAILQ_HEAD(owner_check_list, owner_check);
TAILQ_HEAD(commit_list, commit);

struct reload_replica {
	struct reload_engine *engine;
	struct reload_connections *connections;
	const struct reload_route *route;
	struct reload_exchange *exchange;
	struct reload_storage *storage;
	const struct reload_replica_watch *watch;
	void *watch_arg;
	enum reload_replica_mode mode;
	struct reload_timer expiry;
	struct handover_list handovers;
	size_t handovers_count; /* hand-overs that nobody waits for */
	uint64_t handovers_ever;
	reload_ms given_at; /* when the last first replica came; 0: never */
	struct owner_check_list
		owner_checks; /* ranges whose owners are asked whether they have what is held here */
	size_t owner_checks_count;
	struct reload_pulls *pulls; /* newer values that are fetched; NULL: none were so far */
	struct reload_pushes
		*pushes; /* values on their way to other peers; NULL: none were so far */
	struct reload_push_watch push_watch;
	struct commit_list commits; /* whose result is not reported yet */
	struct commit *committing;  /* the one whose commit() is being called */
	struct rollback *rollback;  /* storage times seen (STO-25) */
	uint64_t last_storage_time;
};

/* -- expiry.c ------------------------------------------------------------------------------------------------------------ */

/* reload_expiry_look() frees expired values, and will do so again when the next one expires; arg is the replica. */
void reload_expiry_look(void *arg);

/* -- walk.c -------------------------------------------------------------------------------------------------------------- */

/*
 * reload_walk_next() steps on through the resources held in a range that ends with to: last moves to the next one behind it.  False: there
 * is none.  *walked: nothing is left behind last.
 */
bool reload_walk_next(struct reload_replica *rep, struct reload_id *last,
	const struct reload_id *to, bool *walked);
/* reload_walk_forget() forgets all that is held at a resource. */
void reload_walk_forget(struct reload_replica *rep, const struct reload_id *resource);

/* -- revoked.c ----------------------------------------------------------------------------------------------------------- */

/*
 * reload_revoked_drop() forgets resources that hold only values of nodes that are bad in the present document and were not in the one
 * before.
 */
void reload_revoked_drop(struct reload_replica *rep, const struct reload_config *before);

/* -- rollback.c ---------------------------------------------------------------------------------------------------------- */

/* reload_values_rolled_back() notes the storage_time of a fetched value and returns whether a newer one was seen before. */
bool reload_values_rolled_back(struct reload_replica *rep, struct span resource, uint32_t kind,
	const struct reload_stored_data *d);
/* reload_values_forget() forgets all storage times that were seen. */
void reload_values_forget(struct reload_replica *rep);

/* -- fetch_make.c, fit.c: requests for stored values, and whether their answers fit ---------------------------------------- */

/* What a Fetch of this node keeps. */
struct fetch_make {
	struct reload_id resource;
	struct reload_arena arena;
	struct reload_fetched *values; /* of the answer, one for each of answer->values */
};

/* reload_fetch_of() returns what a Fetch keeps (borrowed). */
struct fetch_make *reload_fetch_of(const struct reload_request *r);
/* reload_fetch_values() and reload_fetch_answered() are those of the method. */
void reload_fetch_values(struct reload_request *r, struct reload_incoming *in);
void reload_fetch_answered(struct reload_request *r, struct reload_incoming *in);

/* reload_answer_fits() returns whether a decoded answer is about what r asked for, and names each place once. */
bool reload_answer_fits(const struct reload_request *r, const struct reload_msg *answer);

/* -- store_serve.c, fetch_serve.c: requests of others ---------------------------------------------------------------------- */

/* reload_serve_store(), reload_serve_fetch(), reload_serve_stat() and reload_serve_find() serve one method each. */
void reload_serve_store(struct reload_incoming *in);
void reload_serve_fetch(struct reload_incoming *in);
void reload_serve_stat(struct reload_incoming *in);
void reload_serve_find(struct reload_incoming *in);
/* reload_unknown_kinds_info() appends the error_info of Error_Unknown_Kind: a vector with a length byte. */
void reload_unknown_kinds_info(struct wr *w, const uint32_t *kinds, size_t count);

/* -- commit.c ------------------------------------------------------------------------------------------------------------ */

typedef void (*committed_fn)(struct reload_replica *rep, void *arg,
	const struct reload_id *resource, enum reload_err err);

/*
 * reload_commit() is the storage's commit(); fn is called inside the engine, from in here or later.  reload_commits_clear()
 * waits for what is under way; no fn is called any more.
 */
enum reload_err reload_commit(struct reload_replica *rep, const struct reload_store_batch *batch,
	committed_fn fn, void *arg) MUST_CHECK;
void reload_commits_clear(struct reload_replica *rep);

/* -- transfer.c: moving data --------------------------------------------------------------------------------------------- */

/*
 * reload_transfer_range() begins to store all that is held in (from, to] at node; done: the plug-in's handed_over() is called at the
 * end.  It only takes note.
 */
void reload_transfer_range(struct reload_replica *rep, const struct reload_id *from,
	const struct reload_id *to, const struct reload_id *node, uint8_t replica_number,
	bool done);
/*
 * reload_transfer_stored() sends what a batch stored after a hand-over that is past its resource: to a Joining Node, or to the next owner while
 * this node leaves.  reload_transfer_given() does so, while this node leaves, with places of a predecessor's that may be leaving as well;
 * they are moved out of the set.
 */
void reload_transfer_stored(struct reload_replica *rep, const struct reload_store_batch *batch);
void reload_transfer_given(
	struct reload_replica *rep, const struct reload_id *resource, struct reload_places *places);
/* reload_transfer_replicate() sends what a batch stored to replicas, with replica numbers from 1. */
void reload_transfer_replicate(struct reload_replica *rep, const struct reload_store_batch *batch,
	const struct reload_id *replicas, size_t count);
/*
 * reload_transfer_own_range() begins to store the own range, before leaving, at the first successor that has not fallen silent; called again when
 * that may be another one, or the range has grown.
 * reload_transfer_leaves() returns whether this node leaves, and there is a successor to hand its range to.
 * reload_transfer_clear() forgets all that is under way.
 */
void reload_transfer_own_range(struct reload_replica *rep);
bool reload_transfer_leaves(struct reload_replica *rep);
void reload_transfer_clear(struct reload_replica *rep);

/*
 * reload_transfer_moving() returns whether a range is being handed over whose end is waited for: by a Joining Node, or by this node, which leaves.
 * Repairs of replicas may be waiting to be repeated for minutes.
 */
bool reload_transfer_moving(const struct reload_replica *rep);
/* reload_transfer_places() sends node, the owner, the places of lacks, which are moved out of it; it is not repeated. */
void reload_transfer_places(struct reload_replica *rep, const struct reload_id *resource,
	const struct reload_id *node, struct reload_places *lacks);
/* reload_transfer_replica_range() sends node, a replica, the whole own range later: too much was waiting for single values. */
void reload_transfer_replica_range(
	struct reload_replica *rep, const struct reload_id *node, uint8_t replica_number);

/* -- owner_check.c: data whose owner is another -------------------------------------------------------------------------- */

/*
 * reload_owner_check_range() will make sure that the peers responsible for what is held in (from, to] have it, too; forget_after: what is there
 * and for which this node is no replica is forgotten here.  reload_owner_check_resource() does so for one resource, unless many checks are under way.
 */
void reload_owner_check_range(struct reload_replica *rep, const struct reload_id *from,
	const struct reload_id *to, bool forget_after);
void reload_owner_check_resource(struct reload_replica *rep, const struct reload_id *resource);
void reload_owner_check_clear(struct reload_replica *rep);

/* -- pull.c, pull_merge.c ------------------------------------------------------------------------------------------------ */

/* reload_pull_merge() stores the values in the answer to r, a Fetch, that are newer than this node's own. */
void reload_pull_merge(
	struct reload_replica *rep, struct reload_request *r, const struct reload_result *result);
/* reload_pull_newer_places() adds to out the places of a replica Store's values that are newer than this node's own. */
void reload_pull_newer_places(struct reload_replica *rep, const struct reload_id *resource,
	const struct reload_store_req *req, struct reload_places *out);
/* reload_pull() fetches these places from node, which holds something newer there; the places are copied. */
void reload_pull(struct reload_replica *rep, const struct reload_id *node,
	const struct reload_id *resource, const struct reload_place *list);
void reload_pull_clear(struct reload_replica *rep);
/*
 * reload_pull_from_refused() looks at a replica Store that was refused because its sender is no plausible holder: when this node is
 * responsible and something in it is newer than what it holds, it fetches that from the sender.
 */
void reload_pull_from_refused(struct reload_replica *rep, const struct reload_id *signer,
	const struct reload_id *resource, const struct reload_store_req *req);
