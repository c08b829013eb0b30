#include "replica/internal.h"
#include "replica/push.h"
#include "storage/outdated.h"
#include "storage/value_check.h"

/*
 * A StoreReq at the storer (RFC 6940 s7.4.1): checks without signatures, then one job per value, then the rest of the
 * checks and the commit in one step, then, once that is durable, the answer and the replicas.  Nothing is changed before all
 * checks have passed.
 */

static void refuse(struct reload_incoming *in, enum reload_err err)
{
	struct reload_replica *rep = in->method->arg;
	struct reload_store_work *w = in->work;
	struct wr info;
	wr_init(&info);
	if (err == RELOAD_UNKNOWN_KIND)
		reload_unknown_kinds_info(&info, w->unknown_kinds, w->unknown_kinds_count);
	else if (err == RELOAD_GENERATION_TOO_LOW)
		reload_wire_write(&info, &reload_store_ans_wire, &rep->engine->ctx, &w->answer);
	else
		wr_span(&info, span_str(w->reason ? w->reason : reload_err_text(err)));
	reload_engine_event(rep->engine, &(struct reload_event){ .type = RELOAD_EV_STORE_REFUSED,
						 .err = err,
						 .transaction = in->msg->header.transaction_id,
						 .node = &in->signer,
						 .resource = &w->resource,
						 .reason = w->reason });
	reload_answer_error_info(in, err, wr_done(&info));
	wr_clear(&info);
}

/* All values of the request, in order, for the signature jobs. */
static void values_list(struct reload_incoming *in)
{
	const struct reload_store_req *req = &in->msg->body.store_req;
	const struct reload_store_work *w = in->work;
	in->values = reload_alloc_array(w->values_count, sizeof(*in->values));
	for (size_t k = 0; k < req->kind_data_count; k++)
		for (size_t v = 0; v < req->kind_data[k].values_count; v++)
			in->values[in->values_count++] = (struct reload_signed_value){
				.data = &req->kind_data[k].values[v],
				.kind = req->kind_data[k].kind,
				.is_unsigned = reload_stored_unsigned(&req->kind_data[k].values[v])
			};
}

/*
 * The checks without signatures, by the document and the tables of this moment: both may change while signatures are
 * verified, so they are made before and after.
 */
static enum reload_err values_check(struct reload_incoming *in)
{
	struct reload_replica *rep = in->method->arg;
	struct reload_store_work *w = in->work;
	w->config = rep->engine->config;
	w->now = rep->engine->wall;
	w->owner = rep->route->topology->responsible(rep->route->plugin, &w->resource);
	/* who leaves has begun to hand its range over: repeated, the Store finds the next owner */
	w->may_store_here = w->replica ? rep->route->topology->may_store_replica(
						 rep->route->plugin, &w->resource, &in->signer)
				       : w->owner && (in->local || !reload_transfer_leaves(rep));
	return reload_store_begin(w);
}

static void work_free(void *work)
{
	struct reload_store_work *w = work;
	free(w->value_signers);
	free(w->value_certificates);
	free(w);
}

static void store_verified(struct reload_incoming *in);

void reload_serve_store(struct reload_incoming *in)
{
	struct reload_replica *rep = in->method->arg;
	const struct reload_store_req *req = &in->msg->body.store_req;
	struct reload_store_work *w = in->work = RELOAD_NEW(reload_store_work);
	in->work_free = work_free;
	*w = (struct reload_store_work){ .storage = rep->storage,
		.req = req,
		.resource_id = rep->route->topology->resource_id,
		.replica = req->replica_number > 0,
		.arena = &in->msg->arena };
	if (req->resource.len != rep->engine->self.len ||
		reload_id_from(&w->resource, req->resource)) {
		w->reason = "a Resource-ID of another length";
		refuse(in, RELOAD_INVALID_MESSAGE);
		return;
	}
	enum reload_err err = values_check(in);
	if (err == RELOAD_FORBIDDEN && w->replica && !w->may_store_here) {
		reload_pull_from_refused(rep, &in->signer, &w->resource, req);
		rep->route->topology->replica_store_refused(
			rep->route->plugin, &w->resource, &in->signer);
	}
	if (err) {
		refuse(in, err);
		return;
	}
	values_list(in);
	reload_values_verify(in, req->resource, store_verified);
}

static void answer_replicas_set(
	struct reload_incoming *in, struct reload_id *replicas, size_t count)
{
	struct reload_store_work *w = in->work;
	struct reload_store_ans *ans = &w->answer;
	for (size_t i = 0; i < ans->kind_responses_count; i++) {
		ans->kind_responses[i].replicas = replicas;
		ans->kind_responses[i].replicas_count = count;
	}
}

static struct reload_places places_of(const struct reload_store_req *req)
{
	struct reload_places places = { .count = 0 };
	for (size_t k = 0; k < req->kind_data_count; k++)
		for (size_t v = 0; v < req->kind_data[k].values_count; v++)
			reload_places_add(&places, req->kind_data[k].kind,
				&req->kind_data[k].values[v].value);
	return places;
}

/*
 * Its owner does not know all peers between itself and this node: the nearest one gets the replica from here.  The owner may leave before it
 * knows that peer, which then answers for the resource.  What changes nothing here goes on as well: that peer may not have it.
 */
static void pass_on(struct reload_replica *rep, const struct reload_store_work *w,
	const struct reload_id *owner)
{
	const struct reload_store_req *req = w->req;
	struct reload_push_to to = { .replica_number = req->replica_number, .once = true };
	if (!w->replica || !reload_topology_passed_over(rep->route->topology, rep->route->plugin,
				   &w->resource, owner, req->replica_number, &to.node))
		return;
	struct reload_places places = places_of(req);
	if (!reload_push_places(rep, &to, &w->resource, &places))
		reload_places_clear(&places);
}

/*
 * A replica from another peer than the one that is responsible: two were it side by side, as while rings merge, and the other one may be gone before
 * it has met this one.  What came before they met was compared when this node met the owner (s6.4.2.3); this comes later.
 */
static void owner_compare(struct reload_replica *rep, const struct reload_store_work *w,
	const struct reload_id *signer)
{
	struct reload_id owner;
	if (reload_topology_owner(rep->route->topology, rep->route->plugin, &w->resource, &owner) &&
		!reload_id_eq(&owner, signer))
		reload_owner_check_resource(rep, &w->resource);
}

/* The next owner, while this node leaves, gets what a predecessor has stored here: it may be leaving as well. */
static void give_on(struct reload_replica *rep, const struct reload_store_work *w)
{
	rep->given_at = rep->engine->now;
	if (!reload_transfer_leaves(rep))
		return;
	struct reload_places places = places_of(w->req);
	reload_transfer_given(rep, &w->resource, &places);
	reload_places_clear(&places);
}

static void store_committed(struct reload_replica *rep, void *arg, const struct reload_id *resource,
	enum reload_err err)
{
	struct reload_incoming *in = arg;
	struct reload_store_work *w = in->work;
	struct reload_id replicas[2];
	size_t count = 0;
	(void)resource;
	if (err == RELOAD_IO)
		rep->watch->storage_failed(rep->watch_arg);
	if (err && rep->watch->leaves(rep->watch_arg) && !w->replica) {
		/* repeated, it finds a peer that can write: this one is on its way out of the ring */
		reload_incoming_free(in, true);
		return;
	}
	if (err) {
		/* the storage has taken it back; of all errors this is the one after which a node may send it again later */
		w->reason = "could not be made durable";
		refuse(in, err == RELOAD_DATA_TOO_LARGE ? err : RELOAD_REQUEST_TIMEOUT);
		return;
	}
	if (!rep->expiry.armed)
		reload_expiry_look(rep);
	bool owner = rep->route->topology->responsible(rep->route->plugin, &w->resource);
	if (!w->replica && (!owner || (!in->local && reload_transfer_leaves(rep)))) {
		/*
		 * The range was, or is being, handed over while the disk wrote, perhaps without this.  The new owner may give the same counter to another Store:
		 * repeated, this one finds it.
		 */
		if (w->changed)
			reload_transfer_stored(rep, &w->batch);
		reload_incoming_free(in, true);
		return;
	}
	/* a replica that reaches its owner (rings have merged, or a holder knew more) goes on like an original */
	if (owner)
		count = rep->route->topology->replicas(rep->route->plugin, replicas);
	answer_replicas_set(in, replicas, w->replica ? 0 : count); /* STO-20 */
	reload_engine_event(rep->engine,
		&(struct reload_event){ .type = RELOAD_EV_STORED,
			.transaction = in->msg->header.transaction_id,
			.node = &in->signer,
			.resource = &w->resource,
			.kind = w->req->kind_data_count ? w->req->kind_data[0].kind : 0,
			.count = w->values_count });
	if (w->changed)
		reload_transfer_stored(rep, &w->batch);
	if (w->changed && w->replica) {
		rep->route->topology->values_taken(rep->route->plugin, &w->resource, &in->signer);
		owner_compare(rep, w, &in->signer);
	}
	if (w->req->replica_number == 1)
		give_on(rep, w);
	pass_on(rep, w, &in->signer);
	/* the requester waits for the first signature only; an answer to this node itself ends `in` at once */
	struct reload_store_batch batch = w->batch;
	bool replicate = w->changed && count, local = in->local;
	if (replicate && local)
		reload_transfer_replicate(rep, &batch, replicas, count);
	reload_answer(in, RELOAD_STORE_ANS, &w->answer);
	if (replicate && !local)
		reload_transfer_replicate(rep, &batch, replicas, count);
}

static void outdated_removed(struct reload_replica *rep, void *arg,
	const struct reload_id *resource, enum reload_err err)
{
	(void)arg;
	struct reload_id before = reload_id_before(resource);
	if (err)
		rep->storage->ops->drop_range(rep->storage, &before, resource);
}

/*
 * A replica does not fit: by max-count or max-size, or by the quota.  Its values were acknowledged and are newer than those stored
 * here, which are removed, as this node may become responsible for them: it then has none, and gets the values again from another replica.
 */
static void refuse_unstored(struct reload_incoming *in, enum reload_err err)
{
	struct reload_store_work *w = in->work;
	if (err == RELOAD_DATA_TOO_LARGE && w->replica && reload_store_outdated(w)) {
		enum reload_err begun =
			reload_commit(in->method->arg, &w->batch, outdated_removed, NULL);
		if (begun)
			outdated_removed(in->method->arg, NULL, &w->resource, begun);
	}
	if (!w->reason) /* the checks had none against it */
		w->reason = "no room";
	refuse(in, err);
}

/* A replica is often behind; the responsible peer, and one on its way to be it, is not: there two versions were written. */
static void report_conflicts(
	const struct reload_incoming *in, const struct reload_store_work *w, enum reload_err err)
{
	const struct reload_replica *rep = in->method->arg;
	if (!w->owner &&
		rep->route->topology->get_state(rep->route->plugin) == RELOAD_TOPOLOGY_JOINED)
		return;
	for (size_t i = 0; i < w->conflicts_count; i++)
		reload_engine_event(rep->engine,
			&(struct reload_event){ .type = RELOAD_EV_VALUE_CONFLICT,
				.node = &in->signer,
				.resource = &w->resource,
				.kind = w->conflicts[i].kind,
				.count = w->conflicts[i].count,
				.reason = err == RELOAD_DATA_TOO_OLD
						  ? "the one that is here is kept: it was stored "
						    "later"
						  : "the other one is kept: it was stored later" });
}

static void store_verified(struct reload_incoming *in)
{
	struct reload_replica *rep = in->method->arg;
	struct reload_store_work *w = in->work;
	enum reload_err err = values_check(in);
	if (err) {
		refuse(in, err);
		return;
	}
	w->value_signers = reload_alloc_array(in->values_count, sizeof(*w->value_signers));
	w->value_certificates =
		reload_alloc_array(in->values_count, sizeof(*w->value_certificates));
	w->request_signer = (struct reload_signer){ .cert = in->cert, .node = in->signer };
	for (size_t i = 0; i < in->values_count; i++) {
		struct reload_signed_value *check = &in->values[i];
		if (check->err) {
			w->reason = reload_err_text(check->err);
			refuse(in, RELOAD_FORBIDDEN);
			return;
		}
		w->value_signers[i] =
			(struct reload_signer){ .cert = check->cert, .node = check->signer };
		w->value_certificates[i] = check->certificates;
	}
	err = reload_store_accept(w);
	report_conflicts(in, w, err);
	if (err) {
		refuse_unstored(in, err);
		return;
	}
	/* also of a repeat that changes nothing: what it repeats may be on its way to the disk */
	err = reload_commit(rep, &w->batch, store_committed, in);
	if (err)
		refuse_unstored(in, err);
}
