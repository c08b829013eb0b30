/*
 * Simple Reliability (RFC 6940 s6.6.3) on one DTLS link: what turns messages into datagrams that arrive, and datagrams into
 * messages.  Pure: time comes with each call, datagrams are the plaintext of one DTLS record each.
 *
 * How the transport drives it:
 *
 *	a record arrived:          while (reload_reliable_input(r, &in, now, &item) == RELOAD_FRAMING_DATA)
 *	                                   { send as below, so that the ACK leaves first; deliver item.message }
 *	a message is to be sent:   reload_reliable_queue(r, message)
 *	after both, and at due():  while (reload_reliable_next(r, now, &datagram)) { SSL_write(datagram); }
 *	                           then look at reload_reliable_health() and set one timer to reload_reliable_due()
 *
 * At due() the records that wait in the socket are taken first: an ACK that was not read yet is no silence.
 * A datagram that could not be sent (EAGAIN, ENOBUFS) is a lost one: it is repeated like others.
 *
 * Receiver.  Each DATA frame is acknowledged at once, in a datagram of its own that leaves before any DATA; a frame whose number is among
 * the 32 received last is acknowledged again but not delivered twice.  A message whose ACKs were lost is repeated under another number:
 * one that came before with the same bytes, less than repeat_ms ago, is acknowledged but not delivered (LINK-05, link/repeats.h).
 *
 * Sender.  What ends the repetition of a message is the ACK of any of its copies, by ack_sequence alone (LINK-01).  A copy counts as
 * lost when a frame with a number three higher was acknowledged, or a higher one and 9/8 of a round trip passed since it
 * left (RFC 9002 s6.1), or when nothing at all was acknowledged for one RTO, which doubles until an ACK arrives.  The mask of ACKs
 * is a hint: a message that it says has arrived is repeated when 9/8 of a round trip have passed since it left, however many overtook it, and
 * does not reduce the window, because most likely its ACK was lost and not the frame.  Others read the mask in four ways (LINK-01): one that cannot be by the RFC (bit 0 is set, or the
 * bit of a frame never sent) ends the use of masks on that link.  ACKs of frames that were never sent, and repeated ones, are
 * counted and change nothing.
 *
 * The windowed policy has at most 32 unacknowledged messages, because an ACK names 32 frames, and as many in flight as the congestion
 * control allows (link/congestion.h).  The stop-and-wait policy is the sender of RFC 6940 s6.6.3.1: one unacknowledged message, 10 ms
 * between an ACK and the next message.
 *
 * End.  When the frame that is unacknowledged longest was silent for one RTO and three retransmissions followed, the first of them
 * at that moment, the link is bad (LINK-10): with an RTO of 500 ms the copies leave at 0, 500, 1500, 3500 and 7500 ms, and the link is bad
 * from 3500 ms on.  An ACK makes it good again.  Without one it is lost at 15500 ms, when the fifth copy was not acknowledged either.
 *
 * For stop and wait that is all.  The windowed policy sends more than five copies where five say little.  With a low RTO
 * they are used up in a moment (620 ms with 20 ms): it goes on, still waiting twice as long each time, until the link was silent for
 * RELOAD_RELIABLE_LOST_MS, the time of the example above; it is bad for most of that time.  And with 20% loss each way five copies of
 * one message in 160 are not acknowledged on a link that is alive: while other frames are acknowledged, a message is repeated up to
 * RELOAD_RELIABLE_COPIES times.
 */
#pragma once

#include "link/congestion.h"
#include "link/framing.h"
#include "link/repeats.h"
#include "link/rto.h"

#include <bsd/sys/queue.h>

enum {
	RELOAD_RELIABLE_WINDOW = 32, /* unacknowledged messages: an ACK names 32 frames */
	RELOAD_RELIABLE_SILENT =
		5, /* copies, at least, before silence loses a link (R-6.6.3.1-09) */
	RELOAD_RELIABLE_LOST_MS = 15500, /* windowed: silence, at least, that loses a link */
	RELOAD_RELIABLE_BAD = 3,         /* retransmissions in silence that make a link bad (-11) */
	RELOAD_RELIABLE_COPIES = 32,     /* windowed: copies of a message at most */
	RELOAD_RELIABLE_REORDERED = 3,   /* RFC 9002 s6.1.1: a frame overtaken so far is lost */
	RELOAD_RELIABLE_ACKS = 64,       /* that wait to be sent, at most */
	RELOAD_RELIABLE_ACK_PAUSE_MS = 10 /* stop and wait: from an ACK to the next message (-13) */
};

enum reload_reliable_policy {
	RELOAD_RELIABLE_WINDOWED,
	RELOAD_RELIABLE_STOP_AND_WAIT
};

struct reload_reliable_setup {
	enum reload_reliable_policy policy;
	size_t max_message; /* bytes of a message that is received */
	/* messages that wait or are unacknowledged: their bytes and their number */
	size_t max_queue_bytes, max_queue;
	uint32_t static_rto_ms; /* R-6.6.3.1-02; 0: measured (RFC 6298) */
	uint32_t floor_ms;      /* lowest RTO measured (R-6.6.3.1-03); 0: RELOAD_RTO_FLOOR_MS */
	reload_ms repeat_ms; /* half of the overlay-reliability-timer; 0: repeats are delivered */
	uint64_t repeat_key[2]; /* random */
};

/* since the start of the link */
struct reload_reliable_counts {
	uint64_t sent, resent; /* DATA frames: first copies, further copies */
	uint64_t acked;        /* messages acknowledged */
	uint64_t stray_acks;   /* ACKs of frames never sent, or acknowledged before */
	uint64_t received;     /* messages delivered */
	uint64_t duplicates;   /* DATA frames with a number received before */
	uint64_t repeats;      /* messages with the bytes of one received before */
	uint64_t cut;          /* datagrams of which the rest was dropped */
	uint64_t losses;       /* copies lost, as later ones were acknowledged */
	uint64_t timeouts;     /* RTOs without any ACK */
};

struct reload_reliable_message; /* one that waits or is unacknowledged */
TAILQ_HEAD(reload_reliable_messages, reload_reliable_message);

struct reload_reliable {
	struct reload_reliable_setup setup;
	struct reload_framing framing; /* frames, and their numbers both ways */
	struct reload_framing_ack acks[RELOAD_RELIABLE_ACKS]; /* ring: to be sent */
	unsigned acks_first, acks_count;
	struct reload_rto rto;
	struct reload_congestion congestion;
	struct reload_repeats repeats;
	struct reload_reliable_messages waiting; /* never sent yet */
	struct reload_reliable_messages unacked; /* in the order of their first copies */
	size_t queued, queued_bytes;             /* messages in both */
	unsigned unacked_count;
	unsigned flight;        /* unacked ones whose latest copy is in flight */
	unsigned due;           /* unacked ones that are to be repeated */
	unsigned timeouts;      /* in a row, without an ACK */
	reload_ms silent_since; /* valid while there are timeouts */
	uint32_t latest_rtt_ms;
	reload_ms sent_at, ack_at; /* the last DATA frame left, the last ACK with news came */
	bool acked_ever;           /* ack_at is valid */
	bool distrust;             /* the masks of the other end are not those of the RFC */
	bool ended;                /* the link is lost, or cleared */
	uint8_t ack[RELOAD_FRAME_ACK_SIZE]; /* that reload_reliable_next() gave out last */
	struct reload_reliable_counts counts;
};

/* reload_reliable_init() starts a link; the setup is copied. */
void reload_reliable_init(struct reload_reliable *r, const struct reload_reliable_setup *setup);

/*
 * reload_reliable_clear() frees all messages: nothing is sent or repeated any more, as when a closing alert came or was
 * sent (R-6.6.3.1-09); zeroed is legal.
 */
void reload_reliable_clear(struct reload_reliable *r);

/*
 * reload_reliable_queue() copies a message, or fragment, that is sent in one datagram of message.len + RELOAD_FRAME_DATA_HEAD
 * bytes; it is at most RELOAD_FRAMING_MAX long, the caller has fitted it to the path.  False when the queue is full or the link lost: nothing
 * changed.
 */
bool reload_reliable_queue(struct reload_reliable *r, struct span message) MUST_CHECK;

/*
 * reload_reliable_next() gives the next datagram that is to be sent at now: ACKs, then retransmissions, then new messages as
 * window and pacing allow.  *datagram is borrowed until the next call of any function here.  False when nothing is due.
 * Everything that time does to the link is done here, its loss too.
 */
bool reload_reliable_next(struct reload_reliable *r, reload_ms now, struct span *datagram);

/*
 * reload_reliable_due() returns when reload_reliable_next() is to be called again, a time at or before now for at once, RELOAD_NEVER when
 * only input or a message can change something: an idle link needs no timer.
 */
reload_ms reload_reliable_due(const struct reload_reliable *r, reload_ms now);

/*
 * reload_reliable_input() takes the next frame from the front of *in, which is one datagram, until RELOAD_FRAMING_MORE says that it is used
 * up (several frames in one datagram: LINK-03; of one that is cut off by its end the rest is dropped).
 *
 * RELOAD_FRAMING_DATA: item->message is to be delivered, borrowed from the datagram; its ACK waits in reload_reliable_next().  Give out
 * ACKs at least once for that many datagrams: when RELOAD_RELIABLE_ACKS of them wait, the rest of the datagram is dropped, as if it was lost.
 * RELOAD_FRAMING_OVERSIZED: item->message is the beginning of a message above max_message; RELOAD_FRAMING_BROKEN: not a frame of
 * RELOAD (R-6.6.2-09).  After both the transport closes the link.  RELOAD_FRAMING_ACK is never returned: ACKs are used up here.
 */
enum reload_framing_step reload_reliable_input(struct reload_reliable *r, struct span *in,
	reload_ms now, struct reload_framing_item *item);

/*
 * reload_reliable_icmp() notes an ICMP error that quotes a datagram of this link.  A hard one (RFC 1122 s4.2.3.9: port or protocol
 * unreachable) loses the link while a message is unacknowledged (R-6.6.3.1-09); others, and one on an idle link, change nothing.
 */
void reload_reliable_icmp(struct reload_reliable *r, bool hard);

/*
 * reload_reliable_health() returns RELOAD_HEALTH_BAD from the third retransmission after a silent RTO on: the link should leave the Routing Table
 * (R-6.6.3.1-11); RELOAD_HEALTH_GOOD again when an ACK arrives (-12); RELOAD_HEALTH_LOST for good: close it (-10).
 */
enum reload_health reload_reliable_health(const struct reload_reliable *r);

/* reload_reliable_rtt_seed() takes the round trip of a STUN transaction or of the handshake as the first sample (R-6.6.3.1-05). */
void reload_reliable_rtt_seed(struct reload_reliable *r, reload_ms rtt_ms);

/* reload_reliable_rto() returns the RTO in ms without backoff: measured, or the static one. */
reload_ms reload_reliable_rto(const struct reload_reliable *r);

/* reload_reliable_window() returns how many frames may be in flight. */
unsigned reload_reliable_window(const struct reload_reliable *r);
