/*
 * Which data has to move when the tables change (RFC 6940 s10.4, s10.7.3).  Compared are the tables and what the last
 * orders to the host rested on:
 *
 *	replica set has a new member		the whole range to it, with its number
 *	own range grew (a predecessor failed)	its new part to both members of the replica set
 *	own range shrank			the lost part to the new owner, unless we gave it the data at its Join
 *	a member failed, the next one came	the whole range to it, CHORD_HOLD_DOWN_MS after the failure
 *	third predecessor came nearer		what lies behind it may be forgotten (CHORD-14), after
 *						CHORD_DROP_MS: the new replicas are stored by then
 *
 *	one of the nearest three predecessors	its range is offered (offer_range): rings may have merged, and we or our
 *	is new					own predecessor may have owned it
 *	its range grew (one behind it failed)	so is the new part: who failed may not have stored it there yet
 *	we have joined				so is all outside of our range: what a restarted peer brings from its disk
 *
 * A member takes a replica only when, by its own tables, it is one of the three holders (STO-17).  After a failure it may
 * still count the dead peer, so an order waits until the member's lists show that it would accept, at most
 * CHORD_UPDATE_WAIT_MS (it may never send lists).  A Store that is refused even so is repeated by the host.  A member that still has
 * the data from before accepts it, and forgets it afterwards when by its tables it is no holder: once its lists say that it
 * is one again it gets the whole range anew.
 *
 * Who refuses a replica because peers stand between it and the sender looks after those peers at once: their machines may have
 * stopped without a word, which only a message that stays without answer shows; by the repetition they are gone (STO-17).
 *
 * The hold-down (R-10.7.1-03) is for who stands behind the failed member only: an Update may yet name a better match for
 * its place.  A nearer newcomer and the members that remain do not wait, nor does a member's place after a Leave.
 *
 * Who comes and goes waits for all of this, see chord_damp.c; and so does what its going causes.
 *
 * A node that was just admitted does not send its data back to the Admitting Peer, unless it was here before and brings values
 * that nobody else may have.  The second successor gets them, although
 * it should be the Admitting Peer's first replica: that Store may still have been waiting.
 */
#include "topology/chord_data.h"

#include "topology/chord_damp.h"
#include "topology/chord_tables.h"
#include "topology/chord_update.h"

/* A member of our replica set, and how much of our range the host was told to store there. */
struct replica_holder {
	struct reload_id id;
	bool transfer_ordered;
	bool denies_holding;   /* since then its lists said that it is no holder */
	struct reload_id from; /* ordered: (from, self]; len 0: it has all */
	reload_ms since;       /* something is to be ordered since then; 0: nothing */
};

/* What the last orders to the host rest on. */
struct chord_data {
	bool owner;                       /* from is valid */
	struct reload_id from;            /* own range (from, self] */
	struct replica_holder holders[2]; /* the replica set */
	size_t holders_count;
	reload_ms hold_down_until;         /* new replicas wait, for members farther than */
	struct reload_id hold_down_beyond; /* the nearest one that failed */
	/* what lies outside of (forget_behind, self] is, or will be, forgotten; len 0: nothing */
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

/* The predecessor at `from` is new.  A part was lost when it came nearer. */
static void range_shrank(
	struct reload_topology *t, const struct reload_id *old, const struct reload_id *from)
{
	const struct chord_link *owner = reload_chord_link_find(t, from);
	bool grew =
		!reload_id_eq(old, &t->self) &&
		(reload_id_eq(from, &t->self) || reload_chord_nearer(&t->self, false, old, from));
	if (grew || !owner || owner->range_given || reload_chord_damp_until(t, from))
		return; /* who waits is offered it later */
	reload_chord_damp_given(t, from);
	t->host.store_range(t->host.arg, old, from, from, 1, false);
}

enum holding {
	HOLDING_UNKNOWN, /* it has sent no lists */
	HOLDING_YES,
	HOLDING_NO
};

/* By its own lists, fewer than three peers stand between `from`, where a range ends with us, and the member. */
static enum holding holding(
	struct reload_topology *t, const struct reload_id *from, const struct reload_id *member)
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

/* Once its lists have disowned what it was sent, and do so no more, it has to be sent again. */
static void denial_over(struct reload_topology *t, struct replica_holder *holder)
{
	enum holding now =
		holding(t, holder->from.len ? &holder->from : &t->data->from, &holder->id);
	if (holder->denies_holding && now == HOLDING_YES)
		holder->transfer_ordered = holder->denies_holding = false;
	else if (now == HOLDING_NO)
		holder->denies_holding = true;
}

/* Orders what a holder lacks, now or when it is time; returns when to look again. */
static reload_ms bring_up_to_date(
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
	if (!holder->transfer_ordered && now < t->data->hold_down_until &&
		reload_chord_nearer(&t->self, true, &t->data->hold_down_beyond, &holder->id))
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
	t->host.store_range(t->host.arg, &t->data->from, grew ? &holder->from : &t->self,
		&holder->id, number, false);
	holder->transfer_ordered = true;
	holder->denies_holding = will == HOLDING_NO;
	holder->from = t->data->from;
	holder->since = 0;
	return RELOAD_NEVER;
}

/* Returns when to look again. */
static reload_ms replicate(struct reload_topology *t)
{
	struct replica_holder holders[2];
	size_t n = t->tables->successors_count < 2 ? t->tables->successors_count : 2;
	reload_ms next = RELOAD_NEVER;
	for (size_t i = 0; i < n; i++) {
		holders[i] = holder_of(t, &t->tables->successors[i]);
		reload_ms due = bring_up_to_date(t, &holders[i], (uint8_t)(i + 1));
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
		t->host.drop_range(t->host.arg, &t->self, &t->data->forget_behind);
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
 * Offers what of the range (from, to] was not offered before to its owner, one of our predecessors: all when it is new, else what it
 * gained.  from NULL: the last one that is known; what it gains will be seen when it comes nearer.  Returns when to look again: who
 * comes and goes waits, and so does what its going causes.
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
	t->host.offer_range(t->host.arg, from, was.len ? &was : to);
	return RELOAD_NEVER;
}

/* Returns when to look again. */
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

void reload_chord_data_doubted(
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
		range_shrank(t, &old, &now);
	else if (!t->data->owner && !reload_id_eq(&now, &t->self))
		t->host.drop_range(t->host.arg, &t->self, &now);
	t->data->owner = true;
	t->data->from = now;
	reload_ms replicas = replicate(t), owners = owner_checks(t);
	reload_chord_timer(
		t, &t->data->timer, replicas < owners ? replicas : owners, reload_chord_on_after);
	forget_later(t);
	return changed;
}
