/*
 * The framing header of one connection (RFC 6940 s6.6.2): bytes of a stream in, messages and acknowledgements out;
 * sequence numbers, the mask of what was received, and the times that measure the round trip.  Pure.
 */
#pragma once

#include "util/bytes.h"
#include "util/clock.h"
#include "wire/frame.h"

enum {
	RELOAD_FRAMING_RECENT = 32, /* sequence numbers received last (R-6.6.2-05) */
	RELOAD_FRAMING_SENT =
		64, /* frames whose time of sending is kept; older ones give no sample */
	RELOAD_FRAMING_MAX = 0xffffff, /* bytes of a message: its length has 24 bits */
	RELOAD_FRAMING_ACKS = 8,       /* ACKs that wait for a DATA frame to travel with, at most */
	RELOAD_FRAMING_ACK_MS = 4 /* and how long: with a clock of 1 ms they leave within 5 ms */
};

enum reload_framing_step {
	RELOAD_FRAMING_MORE, /* all bytes are used up */
	RELOAD_FRAMING_DATA, /* sequence and message are set */
	RELOAD_FRAMING_ACK,  /* sequence and received are set */
	RELOAD_FRAMING_OVERSIZED, /* message is the head of one that is too long; nothing comes after it */
	RELOAD_FRAMING_BROKEN /* not the framing of RELOAD; nothing comes after it */
};

struct reload_framing_item {
	uint32_t sequence, received;
	struct span message; /* in the input or in the framing, good until the next call */
};

struct reload_framing {
	struct wr
		partial; /* the beginning of a frame; at most max_message + 8 bytes, no memory between frames */
	size_t max_message;
	enum {
		RELOAD_FRAMING_OPEN,
		RELOAD_FRAMING_DRAINED,
		RELOAD_FRAMING_ENDED
	} state;

	uint32_t recent[RELOAD_FRAMING_RECENT]; /* a ring */
	uint64_t received_ever;
	struct reload_framing_ack {
		uint32_t sequence, received;
	} acks[RELOAD_FRAMING_ACKS]; /* not sent yet, in the order of their DATA frames */
	size_t acks_count;
	reload_ms ack_due; /* of the first of them */
	bool answered;     /* this record brought an ACK that said something new */

	uint32_t next_sequence, acked; /* acked: one behind the highest sequence acknowledged */
	uint32_t sent_at[RELOAD_FRAMING_SENT]; /* ring: low bits of the time */
	uint64_t unsampled;                    /* ring: bit is set while the frame gave no sample */
};

/* reload_framing_init() makes the state of a new connection; messages above max_message bytes are oversized. */
void reload_framing_init(struct reload_framing *f, size_t max_message);

/* reload_framing_clear() frees what is buffered; zeroed is legal. */
void reload_framing_clear(struct reload_framing *f);

/*
 * reload_framing_next() takes bytes from the front of *in and returns the next thing they hold, RELOAD_FRAMING_MORE when
 * they are all used up.  Whole frames are not copied.  An oversized message is reported as soon as its forwarding header
 * has arrived, or max_message bytes of it (LINK-18).
 */
enum reload_framing_step reload_framing_next(
	struct reload_framing *f, struct span *in, struct reload_framing_item *out);

/*
 * reload_framing_cut() says that no frame spans what comes next: on datagrams, to be called after each of them (LINK-03).  True when the
 * beginning of a frame was dropped.
 */
bool reload_framing_cut(struct reload_framing *f);

/*
 * reload_framing_remember() remembers the DATA frame sequence (R-6.6.2-05) and gives its ACK, with the mask of this moment.  False when the
 * number is remembered already, and takes no second place.
 *
 * reload_framing_ack_write() appends an ACK.
 */
bool reload_framing_remember(
	struct reload_framing *f, uint32_t sequence, struct reload_framing_ack *ack);
void reload_framing_ack_write(struct wr *w, struct reload_framing_ack ack);

/*
 * When ACKs leave.  RFC 6940 s6.6.2 says that a node SHOULD acknowledge a DATA frame at once: on an unreliable transport
 * the sender's repetition hangs on it.  On TLS nothing is repeated, an ACK only measures the round trip and shows that the
 * other end is alive, and one that travels alone costs a system call here, and over TLS 1.2 a wake-up there.
 * So an ACK waits for the next DATA frame of this end, which mostly is the response, for RELOAD_FRAMING_ACK_MS at most:
 * far below the lowest RTO.  It does not wait when RELOAD_FRAMING_ACKS are waiting, nor when the DATA frame came in one
 * record with an ACK of ours: then it was the response, and nothing is expected to follow from this end.
 *
 * reload_framing_record() notes that a new record of the transport begins.
 *
 * reload_framing_received() remembers the DATA frame sequence (R-6.6.2-05) and that its ACK is to be sent, with the mask
 * of this moment (LINK-01); to be called once for each DATA frame, in order, and not while RELOAD_FRAMING_ACKS wait.
 *
 * reload_framing_ack_due() returns when the ACKs that wait must leave: 0 at once, RELOAD_NEVER when there are none.
 *
 * reload_framing_acks_write() appends all ACKs that wait; reload_framing_data_write() does so too.
 */
void reload_framing_record(struct reload_framing *f);
void reload_framing_received(struct reload_framing *f, uint32_t sequence, reload_ms now);
reload_ms reload_framing_ack_due(const struct reload_framing *f);
void reload_framing_acks_write(struct reload_framing *f, struct wr *w);

/*
 * reload_framing_data_write() appends the ACKs that wait, then message, at most RELOAD_FRAMING_MAX bytes, as the next DATA
 * frame.  reload_framing_head_write() appends nothing but the head of the next DATA frame, of a message of len bytes.
 */
void reload_framing_data_write(
	struct reload_framing *f, struct wr *w, struct span message, reload_ms now);
void reload_framing_head_write(struct reload_framing *f, struct wr *w, size_t len, reload_ms now);

/*
 * reload_framing_acked() takes the sequence of an ACK.  False when it says nothing new: no such frame was sent, or it
 * was acknowledged before.  *rtt_ms is the sample for the RTT estimator, RELOAD_NEVER when there is none.  The mask of an
 * ACK is a hint that nothing here relies on (LINK-01).
 */
bool reload_framing_acked(
	struct reload_framing *f, uint32_t sequence, reload_ms now, reload_ms *rtt_ms);

/* reload_framing_unacked() returns how many DATA frames wait behind the highest one acknowledged. */
static inline uint32_t reload_framing_unacked(const struct reload_framing *f)
{
	return f->next_sequence - f->acked;
}
