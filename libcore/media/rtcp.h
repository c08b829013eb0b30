/*
 * RTCP (RFC 3550 s6): compound packets, and what one end of a session keeps to write its own and to learn the round trip.  Times are microseconds
 * of any clock of this host that only goes forward; they are also what our sender reports carry as NTP time (RFC 3550 s4 allows elapsed time).
 */
#pragma once

#include "media/rtp.h"

enum {
	RELOAD_RTCP_PACKET = 256, /* bytes that a compound packet of ours has at most */
	RELOAD_RTCP_CNAME = 33    /* with a NUL */
};

#define RELOAD_RTCP_NEVER UINT64_MAX

/* A block of a report: what its writer received of one source. */
struct reload_rtcp_report {
	uint8_t fraction;         /* 256ths lost since its last report */
	int32_t lost;             /* in all; negative when packets came twice */
	uint32_t highest, jitter; /* extended sequence number; in units of the timestamp */
	uint32_t last_sr,
		delay; /* of our sender report, middle bits; since it came, in 65536ths of a second */
};

/* What a compound packet says that an end of a call wants to know. */
struct reload_rtcp {
	uint32_t ssrc;   /* of who wrote it */
	bool has_sender; /* it has a sender report: */
	uint64_t ntp;    /* the sender's clock */
	bool has_report; /* about the source that was asked for: */
	struct reload_rtcp_report report;
	bool bye; /* its writer leaves the session */
};

/*
 * reload_rtcp_read() reads a compound packet; own is the source whose reports are wanted.  RELOAD_BAD_VALUE when it is not as RFC 3550 A.2 wants it: each
 * part of version 2, a report first, padding in the last part alone, the lengths of the parts add up.
 */
enum reload_err reload_rtcp_read(
	struct reload_rtcp *out, struct span packet, uint32_t own) MUST_CHECK;

/* One end of a session; zero but for ssrc, rate and cname in the beginning. */
struct reload_rtcp_end {
	uint32_t ssrc;
	unsigned rate; /* of timestamps, a second */
	char cname[RELOAD_RTCP_CNAME];
	uint64_t due; /* when the next is to be written; RELOAD_RTCP_NEVER */
	bool begun;   /* one was written */
	/* what was sent */
	uint32_t packets, octets, timestamp; /* timestamp: of the last packet, sent at sent_us */
	uint64_t sent_us;
	uint32_t own_sr[2]; /* middle bits of the last sender reports, the newest first; 0: none */
	/* of the other end */
	bool heard, gone; /* something came; its BYE came */
	uint32_t last_sr;
	uint64_t last_sr_us;
	uint64_t expected_before, received_before;
	/* what the other end says of our packets */
	bool reported;
	struct reload_rtcp_report report; /* its last */
	uint64_t rtt_us;                  /* 0: not known */
};

/*
 * reload_rtcp_begin() has the first packet due: of the end that has made the offer soon, of the one that answers half a second later, or as soon as the other
 * has sent one, so that both of a short call learn the round trip.  chance is any number.  reload_rtcp_sent() counts a packet of RTP.
 */
void reload_rtcp_begin(struct reload_rtcp_end *end, uint64_t now_us, bool answers, uint32_t chance);
void reload_rtcp_sent(struct reload_rtcp_end *end, const struct reload_rtp *p, uint64_t now_us);

/* reload_rtcp_write() appends a compound packet about what was sent and received, with a BYE at the end of the session; the next is due by chance. */
void reload_rtcp_write(struct reload_rtcp_end *end, struct wr *w,
	const struct reload_rtp_stats *received, uint64_t now_us, uint32_t chance, bool bye);

/* reload_rtcp_take() notes what a packet of the other end says. */
void reload_rtcp_take(
	struct reload_rtcp_end *end, const struct reload_rtcp *packet, uint64_t now_us);

/* reload_rtcp_loss() returns how many percent of our packets the other end has lost; 0 when it has said nothing. */
double reload_rtcp_loss(const struct reload_rtcp_end *end);
