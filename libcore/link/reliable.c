/* The sender of Simple Reliability: the queue, what leaves when, and the timeouts. */
#include "link/reliable_state.h"

#include "util/alloc.h"

#include <assert.h>
#include <stdlib.h>

void reload_reliable_init(struct reload_reliable *r, const struct reload_reliable_setup *setup)
{
	*r = (struct reload_reliable){ .setup = *setup,
		.repeats.key = { setup->repeat_key[0], setup->repeat_key[1] } };
	reload_framing_init(&r->framing, setup->max_message);
	reload_rto_init(&r->rto, setup->floor_ms);
	TAILQ_INIT(&r->waiting);
	TAILQ_INIT(&r->unacked);
	reload_congestion_init(&r->congestion,
		setup->policy == RELOAD_RELIABLE_STOP_AND_WAIT ? 1 : RELOAD_RELIABLE_WINDOW);
}

void reload_reliable_clear(struct reload_reliable *r)
{
	reload_reliable_end(r);
	reload_framing_clear(&r->framing);
	r->acks_count = 0;
}

bool reload_reliable_queue(struct reload_reliable *r, struct span message)
{
	assert(message.len <= RELOAD_FRAMING_MAX);
	if (r->ended || r->queued >= r->setup.max_queue ||
		message.len > r->setup.max_queue_bytes - r->queued_bytes)
		return false;
	struct reload_reliable_message *m =
		reload_alloc(sizeof(*m) + RELOAD_FRAME_DATA_HEAD + message.len);
	m->len = message.len;
	if (message.len)
		memcpy(m->frame + RELOAD_FRAME_DATA_HEAD, message.at, message.len);
	TAILQ_INSERT_TAIL(&r->waiting, m, entry);
	r->queued++;
	r->queued_bytes += m->len;
	return true;
}

reload_ms reload_reliable_rto(const struct reload_reliable *r)
{
	return r->setup.static_rto_ms ? r->setup.static_rto_ms : reload_rto_ms(&r->rto);
}

unsigned reload_reliable_window(const struct reload_reliable *r)
{
	return reload_congestion_frames(&r->congestion);
}

void reload_reliable_rtt_seed(struct reload_reliable *r, reload_ms rtt_ms)
{
	if (!r->rto.sampled)
		reload_rto_sample(&r->rto, rtt_ms);
}

void reload_reliable_icmp(struct reload_reliable *r, bool hard)
{
	if (hard && r->unacked_count)
		reload_reliable_end(r);
}

enum reload_health reload_reliable_health(const struct reload_reliable *r)
{
	if (r->ended)
		return RELOAD_HEALTH_LOST;
	return r->timeouts < RELOAD_RELIABLE_BAD ? RELOAD_HEALTH_GOOD : RELOAD_HEALTH_BAD;
}

/* what is in flight is silent since then: its oldest frame left, or the last ACK came */
static reload_ms silent_since(const struct reload_reliable *r)
{
	reload_ms oldest = RELOAD_NEVER;
	const struct reload_reliable_message *m;
	TAILQ_FOREACH (m, &r->unacked, entry)
		if (m->copy == RELOAD_RELIABLE_IN_FLIGHT && m->sent_at < oldest)
			oldest = m->sent_at;
	return r->acked_ever && r->ack_at > oldest ? r->ack_at : oldest;
}

/* when the silence has lasted one RTO, twice as long after each such timeout */
static reload_ms timeout_due(const struct reload_reliable *r)
{
	reload_ms rto = reload_reliable_rto(r);
	reload_ms most = rto < RELOAD_RTO_CAP_MS ? RELOAD_RTO_CAP_MS : rto;
	return r->flight ? silent_since(r) + reload_doubled(rto, r->timeouts, most) : RELOAD_NEVER;
}

/* when silence loses the link */
static reload_ms lost_due(const struct reload_reliable *r)
{
	if (r->timeouts < RELOAD_RELIABLE_SILENT)
		return RELOAD_NEVER;
	return r->setup.policy == RELOAD_RELIABLE_STOP_AND_WAIT
		       ? 0
		       : r->silent_since + RELOAD_RELIABLE_LOST_MS;
}

/* nothing was acknowledged for a whole RTO: all that is in flight is lost */
static void timed_out(struct reload_reliable *r, reload_ms now)
{
	struct reload_reliable_message *m;
	if (!r->timeouts)
		r->silent_since = silent_since(r);
	reload_congestion_timeout(
		&r->congestion, r->flight, !r->timeouts, r->framing.next_sequence, now);
	r->timeouts++;
	r->counts.timeouts++;
	TAILQ_FOREACH (m, &r->unacked, entry)
		if (m->copy == RELOAD_RELIABLE_IN_FLIGHT)
			reload_reliable_copy_is(r, m, RELOAD_RELIABLE_DUE);
}

static void expire(struct reload_reliable *r, reload_ms now)
{
	reload_reliable_losses(r, now);
	if (now >= timeout_due(r))
		timed_out(r, now);
	if (now >= lost_due(r))
		reload_reliable_end(r);
}

/* the message that leaves next: one that is repeated first; NULL when there is none, or too many are unacknowledged */
static struct reload_reliable_message *candidate(const struct reload_reliable *r)
{
	struct reload_reliable_message *m;
	if (r->due) {
		TAILQ_FOREACH (m, &r->unacked, entry)
			if (m->copy == RELOAD_RELIABLE_DUE)
				return m;
	}
	return r->unacked_count < RELOAD_RELIABLE_WINDOW ? TAILQ_FIRST(&r->waiting) : NULL;
}

static uint64_t srtt_us(const struct reload_reliable *r)
{
	return r->rto.sampled ? r->rto.srtt_us : RELOAD_RTO_INITIAL_MS * UINT64_C(1000);
}

/* when the policy lets m leave, a window that is full aside */
static reload_ms pace_due(
	const struct reload_reliable *r, const struct reload_reliable_message *m, reload_ms now)
{
	if (r->setup.policy == RELOAD_RELIABLE_WINDOWED)
		return reload_congestion_pace(&r->congestion, srtt_us(r), now);
	return m->copies || !r->acked_ever ? now : r->ack_at + RELOAD_RELIABLE_ACK_PAUSE_MS;
}

static void send_copy(struct reload_reliable *r, struct reload_reliable_message *m, reload_ms now)
{
	if (m->copies) {
		r->counts.resent++;
		reload_reliable_copy_is(r, m, RELOAD_RELIABLE_IN_FLIGHT);
	} else {
		if (!r->unacked_count && now >= r->sent_at + reload_reliable_rto(r))
			reload_congestion_idle(&r->congestion);
		TAILQ_REMOVE(&r->waiting, m, entry);
		TAILQ_INSERT_TAIL(&r->unacked, m, entry);
		r->counts.sent++;
		r->unacked_count++;
		r->flight++;
	}
	reload_congestion_sent(&r->congestion, srtt_us(r), now);
	m->sequences[m->copies++ % RELOAD_RELIABLE_NAMED] = r->framing.next_sequence;
	struct wr head = wr_fixed(m->frame, RELOAD_FRAME_DATA_HEAD);
	reload_framing_head_write(&r->framing, &head, m->len, now);
	m->sent_at = r->sent_at = now;
}

static unsigned copies_most(const struct reload_reliable *r)
{
	return r->setup.policy == RELOAD_RELIABLE_STOP_AND_WAIT ? RELOAD_RELIABLE_SILENT
								: RELOAD_RELIABLE_COPIES;
}

bool reload_reliable_next(struct reload_reliable *r, reload_ms now, struct span *datagram)
{
	if (r->acks_count) {
		struct wr w = wr_fixed(r->ack, sizeof(r->ack));
		reload_framing_ack_write(&w, r->acks[r->acks_first++ % RELOAD_RELIABLE_ACKS]);
		r->acks_count--;
		*datagram = wr_done(&w);
		return true;
	}
	expire(r, now);
	struct reload_reliable_message *m = candidate(r);
	if (m && m->copies == copies_most(r)) {
		reload_reliable_end(r);
		m = NULL;
	}
	bool room = r->flight < reload_reliable_window(r);
	bool free_to_go = m && room && pace_due(r, m, now) <= now;
	r->congestion.limited = m ? !free_to_go || r->congestion.limited : !room;
	if (!free_to_go)
		return false;
	send_copy(r, m, now);
	*datagram = span_of(m->frame, RELOAD_FRAME_DATA_HEAD + m->len);
	return true;
}

static void sooner(reload_ms *due, reload_ms t)
{
	if (t < *due)
		*due = t;
}

reload_ms reload_reliable_due(const struct reload_reliable *r, reload_ms now)
{
	if (r->acks_count)
		return now;
	reload_ms due = timeout_due(r);
	sooner(&due, lost_due(r));
	const struct reload_reliable_message *m;
	TAILQ_FOREACH (m, &r->unacked, entry)
		sooner(&due, reload_reliable_missing_due(r, m));
	if ((m = candidate(r)) && r->flight < reload_reliable_window(r))
		sooner(&due, pace_due(r, m, now));
	return due;
}
