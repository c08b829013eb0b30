/*
 * Which data have to move when the tables change (RFC 6940 s10.4, s10.7.3).
 *
 * The tables are compared with what the last orders to the host were based on:
 *
 *	what happened					what the host is ordered to do
 *	a new member of our replica set			store our whole range there, with its replica number
 *	our range grew (a predecessor failed)		store the new part at both members of the replica set
 *	our range shrank				store the lost part at the new owner, unless it got its data
 *							when we admitted it
 *	a member failed and another took its place	store our whole range there, when it says that it is one or
 *							CHORD_HOLD_DOWN_MS after the failure
 *	the third predecessor came nearer		forget what is behind it (CHORD-14) after CHORD_DROP_MS, when the
 *							new replicas are stored
 *	a new node among the nearest three		check that it, the owner, has all of its range: rings may have
 *	predecessors					merged, and we or our own predecessor may have owned it before
 *	the range of one of these grew			the same for the new part: the peer that failed may not have
 *							stored it there
 *	we have joined					the same for all outside of our range: what a restarted peer
 *							brought on its disk
 *
 * When a replica is accepted.  A member takes a replica only when it is one of the three holders by its own tables (STO-17).  After a
 * failure its tables may still have the dead peer, so an order waits until the member's lists show that it will accept, but at
 * most CHORD_UPDATE_WAIT_MS, since a member may never send lists.  The host repeats a Store that is refused all the same.  A member that
 * has lost its place and comes back to it has forgotten the data meanwhile: it gets the whole range again.
 *
 * A node that refuses a replica because there are peers between it and the sender sends those peers an Update at once.  Their
 * machines may have stopped silently, which is found only by a message that is not answered; when the Store is repeated they
 * are out of the tables (STO-17).
 *
 * The hold-down (R-10.7.1-03) applies only to the node that takes the place of a failed member: an Update may still name a better
 * match for the place.  It ends when that node says, in an Update that comes after the failure, that it is a holder, and names no node between us that we
 * have not: there is no better match, and until it has our data another failure costs a second copy.  It does not apply to a new node nearer to us, to the members that
 * remain, or after a Leave.
 *
 * Nodes that come and go wait for all of this (chord_damp.c), and so does what is ordered because one of them went.
 *
 * A node that was just admitted does not send its data back to its Admitting Peer, unless it held values from before, or got some of its
 * range from other nodes while it joined: the Admitting Peer may not have these.  It does send them to its second successor.  That peer should have them as a replica of the Admitting Peer's, but the
 * Admitting Peer's Store to it may not have been made yet.
 */
#include "topology/chord_data.h"

#include "topology/chord_damp.h"
#include "topology/chord_tables.h"
#include "topology/chord_update.h"

/* A member of our replica set, and how much of our range the host was ordered to store there. */
struct replica_holder {
	struct reload_id id;
	bool transfer_ordered;
	bool denies_holding; /* since the order its lists have shown that it is not one of the holders */
	struct reload_id from; /* (from, self] was ordered; len 0: nothing had to be, it has all */
	reload_ms since;       /* since when an order is due; 0: none is */
};

/* What the last orders to the host were based on. */
struct chord_data {
	bool owner;            /* we are responsible for (from, self]; else from means nothing */
	struct reload_id from; /* where our range begins */
	struct replica_holder holders[2]; /* our replica set */
	size_t holders_count;
	reload_ms
		hold_down_until; /* until then no replicas for new members farther than hold_down_beyond */
	struct reload_id hold_down_beyond; /* the nearest member that failed */
	/* data outside of (forget_behind, self] are forgotten when drop_timer is due; len 0: none are */
	struct reload_id forget_behind;
	struct reload_timer timer, drop_timer;
};

struct chord_data *reload_chord_data_new(void)
{
	return RELOAD_NEW(chord_data);
}

void reload_chord_data_free(struct reload_topology *t)
{
	reload_timer_cancel(t->host.timers, &t->data->timer);
	reload_timer_cancel(t->host.timers, &t->data->drop_timer);
	free(t->data);
}

/* Our range began at *old and begins at *from now.  What we lost, when we lost something, is stored at the new predecessor. */
static void store_lost_range(
	struct reload_topology *t, const struct reload_id *old, const struct reload_id *from)
{
	const struct chord_link *owner = reload_chord_link_find(t, from);
	if (reload_chord_range_grew(t, old) || !owner || owner->range_given ||
		reload_chord_damp_until(t, from))
		return; /* a node that has to wait is checked as an owner later */
	reload_chord_damp_given(t, from);
	t->host.data.store_range(t->host.data.arg, old, from, from, 1, false);
}

enum holding {
	HOLDING_UNKNOWN, /* the member has sent no lists */
	HOLDING_YES,
	HOLDING_NO
};

/* Whether member, by its own lists, is a holder of our range (from, self]: fewer than three peers are between the two. */
static enum holding holding(const struct reload_topology *t, const struct reload_id *from,
	const struct reload_id *member)
{
	const struct chord_link *link = reload_chord_link_find(t, member);
	if (!link || !link->listed)
		return HOLDING_UNKNOWN;
	bool third_before = !link->third.len || reload_id_eq(&link->third, member) ||
			    !reload_id_between(from, &link->third, member);
	return third_before ? HOLDING_YES : HOLDING_NO;
}

static struct replica_holder holder_of(struct reload_topology *t, const struct reload_id *id)
{
	for (size_t i = 0; i < t->data->holders_count; i++)
		if (reload_id_eq(&t->data->holders[i].id, id))
			return t->data->holders[i];
	return (struct replica_holder){ .id = *id };
}

/* When the member's lists showed that it is not a holder, and show now that it is one again, it has to get the range again. */
static void denial_over(struct reload_topology *t, struct replica_holder *holder)
{
	enum holding now =
		holding(t, holder->from.len ? &holder->from : &t->data->from, &holder->id);
	if (holder->denies_holding && now == HOLDING_YES)
		holder->transfer_ordered = holder->denies_holding = false;
	else if (now == HOLDING_NO)
		holder->denies_holding = true;
}

/* Whether holder takes the place of a member that has failed, and has not said since that it is a holder. */
static bool is_held_down(const struct reload_topology *t, const struct replica_holder *holder)
{
	const struct chord_data *d = t->data;
	if (reload_chord_now(t) >= d->hold_down_until ||
		!reload_chord_nearer(&t->self, true, &d->hold_down_beyond, &holder->id))
		return false;
	const struct chord_link *link = reload_chord_link_find(t, &holder->id);
	bool said = link && link->lists_us &&
		    link->lists_us_at + CHORD_HOLD_DOWN_MS > d->hold_down_until,
	     best = said &&
		    (reload_id_eq(&link->first, &t->self) || reload_chord_is_peer(t, &link->first));
	return !best || holding(t, &d->from, &holder->id) != HOLDING_YES;
}

/* Orders what holder lacks if it is time; returns when to call this again. */
static reload_ms transfer_due_range(
	struct reload_topology *t, struct replica_holder *holder, uint8_t number)
{
	if (holder->transfer_ordered)
		denial_over(t, holder);
	bool grew = holder->transfer_ordered && holder->from.len &&
		    reload_chord_nearer(&t->self, false, &holder->from, &t->data->from);
	if (holder->transfer_ordered && !grew) {
		holder->from = t->data->from;
		holder->since = 0;
		return RELOAD_NEVER;
	}
	reload_ms now = reload_chord_now(t);
	if (!holder->transfer_ordered && is_held_down(t, holder))
		return t->data->hold_down_until;
	if (!holder->since)
		holder->since = now;
	enum holding will = holding(t, &t->data->from, &holder->id);
	if (now - holder->since < CHORD_UPDATE_WAIT_MS && will != HOLDING_YES)
		return holder->since + CHORD_UPDATE_WAIT_MS;
	reload_ms until = reload_chord_damp_until(t, &holder->id);
	if (!until && grew)
		until = reload_chord_damp_until(t, &holder->from);
	if (until)
		return until;
	reload_chord_damp_given(t, &holder->id);
	t->host.data.store_range(t->host.data.arg, &t->data->from, grew ? &holder->from : &t->self,
		&holder->id, number, false);
	holder->transfer_ordered = true;
	holder->denies_holding = will == HOLDING_NO;
	holder->from = t->data->from;
	holder->since = 0;
	return RELOAD_NEVER;
}

/* Returns when to call this again. */
static reload_ms replicate(struct reload_topology *t)
{
	struct replica_holder holders[2];
	size_t n = t->tables->successors_count < 2 ? t->tables->successors_count : 2;
	reload_ms next = RELOAD_NEVER;
	for (size_t i = 0; i < n; i++) {
		holders[i] = holder_of(t, &t->tables->successors[i]);
		reload_ms due = transfer_due_range(t, &holders[i], (uint8_t)(i + 1));
		if (due < next)
			next = due;
	}
	memcpy(t->data->holders, holders, n * sizeof(*holders));
	t->data->holders_count = n;
	return next;
}

static void on_drop(void *arg)
{
	struct reload_topology *t = arg;
	if (t->data->forget_behind.len)
		t->host.data.forget_range(t->host.data.arg, &t->self, &t->data->forget_behind);
}

static void forget_later(struct reload_topology *t)
{
	if (t->tables->predecessors_count < 3) {
		t->data->forget_behind.len = 0;
		return;
	}
	const struct reload_id *third = &t->tables->predecessors[2];
	if (!t->data->forget_behind.len ||
		reload_chord_nearer(&t->self, false, third, &t->data->forget_behind))
		reload_chord_timer(
			t, &t->data->drop_timer, reload_chord_now(t) + CHORD_DROP_MS, on_drop);
	t->data->forget_behind = *third;
}

void reload_chord_data_admitted(struct reload_topology *t, const struct reload_id *ap, bool has_all)
{
	struct chord_data *d = t->data;
	d->holders[0] = (struct replica_holder){ .id = *ap, .transfer_ordered = has_all };
	d->holders_count = 1;
	d->owner = false;
}

void reload_chord_data_failed(struct reload_topology *t, const struct reload_id *node)
{
	reload_ms now = reload_chord_now(t);
	bool member = false;
	for (size_t i = 0; i < t->data->holders_count; i++)
		member = member || reload_id_eq(&t->data->holders[i].id, node);
	if (!member)
		return;
	if (now >= t->data->hold_down_until ||
		reload_chord_nearer(&t->self, true, node, &t->data->hold_down_beyond))
		t->data->hold_down_beyond = *node;
	t->data->hold_down_until = now + CHORD_HOLD_DOWN_MS;
}

/*
 * Lets the host check whether the owner of (from, to], which is one of our predecessors, has what we hold of its range: all of it the first
 * time, and then each part that its range gains.  from NULL: it is our last predecessor and we do not know where its range begins; its
 * gains are found when it comes nearer.  Returns when to call this again: nodes that come and go wait, and so does what their going causes.
 */
static reload_ms owner_check(
	struct reload_topology *t, const struct reload_id *from, const struct reload_id *to)
{
	struct chord_link *owner = reload_chord_link_find(t, to);
	struct reload_id was = owner->owner_checked;
	if (was.len && !from)
		return RELOAD_NEVER;
	if (!from)
		from = &t->self;
	if (was.len && !reload_chord_nearer(to, false, &was, from)) {
		owner->owner_checked = *from;
		return RELOAD_NEVER;
	}
	reload_ms until = reload_chord_damp_until(t, to);
	if (!until && was.len)
		until = reload_chord_damp_until(t, &was);
	if (until)
		return until;
	reload_chord_damp_given(t, to);
	owner->owner_checked = *from;
	t->host.data.owner_check_range(t->host.data.arg, from, was.len ? &was : to);
	return RELOAD_NEVER;
}

/* Returns when to call this again. */
static reload_ms owner_checks(struct reload_topology *t)
{
	reload_ms next = RELOAD_NEVER;
	for (size_t i = 0; i < t->tables->predecessors_count && i < 3; i++) {
		bool last = i + 1 == t->tables->predecessors_count;
		reload_ms due = owner_check(t, last ? NULL : &t->tables->predecessors[i + 1],
			&t->tables->predecessors[i]);
		if (due < next)
			next = due;
	}
	return next;
}

void reload_chord_data_replica_refused(
	struct reload_topology *t, const struct reload_id *resource, const struct reload_id *signer)
{
	struct reload_id between[3];
	bool behind = reload_chord_nearer(resource, true, &t->self, signer);
	const struct reload_id *last = behind ? signer : &t->self;
	if (t->state != RELOAD_TOPOLOGY_JOINED || resource->len != CHORD_ID_LEN ||
		signer->len != CHORD_ID_LEN)
		return;
	size_t n = reload_chord_set_after(&t->tables->peers, resource, between, COUNT_OF(between));
	for (size_t i = 0; i < n && reload_chord_nearer(resource, true, &between[i], last); i++)
		if (!reload_id_eq(&between[i], signer))
			reload_chord_update_doubt(t, &between[i]);
	reload_chord_after(t);
}

bool reload_chord_data_refresh(struct reload_topology *t)
{
	if (t->state != RELOAD_TOPOLOGY_JOINED) {
		t->data->owner = false;
		t->data->holders_count = 0;
		t->data->hold_down_until = 0;
		t->data->forget_behind.len = 0;
		reload_chord_timer(t, &t->data->timer, RELOAD_NEVER, reload_chord_on_after);
		reload_chord_timer(t, &t->data->drop_timer, RELOAD_NEVER, on_drop);
		return false;
	}
	struct reload_id now = *reload_chord_range_from(t), old = t->data->from;
	bool changed = !t->data->owner || !reload_id_eq(&now, &old);
	if (t->data->owner && changed)
		store_lost_range(t, &old, &now);
	else if (!t->data->owner && !reload_id_eq(&now, &t->self))
		t->host.data.forget_range(t->host.data.arg, &t->self, &now);
	t->data->owner = true;
	t->data->from = now;
	reload_ms replicas = replicate(t), owners = owner_checks(t);
	reload_chord_timer(
		t, &t->data->timer, replicas < owners ? replicas : owners, reload_chord_on_after);
	forget_later(t);
	return changed;
}
