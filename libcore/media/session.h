/*
 * The audio of a call as one end of it has it: frames of 20 ms become packets of RTP, packets become samples in their order, and both are
 * counted and told by RTCP.  Pure: who owns it has the sockets, the clock (microseconds that only go forward) and the chance.
 */
#pragma once

#include "media/codec.h"
#include "media/dtmf.h"
#include "media/jitter.h"
#include "media/rtcp.h"

struct reload_media_session {
	/* what was agreed on */
	enum reload_codec_type codec;
	uint8_t payload_type, own_type; /* of what is sent, and another of what may come */
	uint8_t dtmf_type;              /* RELOAD_RTP_NO_TYPE: the other end takes none */
	struct reload_codec *coder;     /* owned */
	/* sent */
	uint16_t sequence;
	uint32_t timestamp, ssrc;
	uint64_t sent;
	struct reload_dtmf_sender dtmf;
	/* received */
	struct reload_rtp_stats stats;
	struct reload_jitter jitter;
	struct reload_dtmf_receiver events;
	bool placed;        /* the first packet of the source has its place: */
	uint32_t origin;    /* its timestamp, and the place of its first sample: */
	uint64_t base, end; /* end: behind the last sample that was played */
	struct reload_rtcp_end rtcp;
};

/* reload_media_init() begins a session without a codec.  reload_media_clear() frees what it holds. */
void reload_media_init(struct reload_media_session *s, uint32_t ssrc, uint16_t sequence,
	uint32_t timestamp, const char *cname);
void reload_media_clear(struct reload_media_session *s);

/*
 * reload_media_agree() sets what is sent and taken from now on; false: the codec cannot be made.  own_type is the payload type of the codec in our own offer, which
 * the other end may use although its answer has another (RFC 3264 s5.1).
 */
bool reload_media_agree(struct reload_media_session *s, enum reload_codec_type codec,
	uint8_t payload_type, uint8_t own_type, uint8_t dtmf_type);

/*
 * reload_media_frame() appends the packet of the next frame, of RELOAD_RTP_FRAME samples: audio, or a digit that is being sent.  reload_media_skip() lets a
 * frame pass of which nothing is sent.  reload_media_echo() appends a packet with what came in another.
 */
void reload_media_frame(
	struct reload_media_session *s, struct wr *w, const int16_t *samples, uint64_t now_us);
void reload_media_skip(struct reload_media_session *s);
void reload_media_echo(
	struct reload_media_session *s, struct wr *w, const struct reload_rtp *p, uint64_t now_us);

/* What became of a packet. */
enum reload_media_taken {
	RELOAD_MEDIA_IGNORED, /* no RTP, another payload type, a wild sequence number */
	RELOAD_MEDIA_AUDIO,   /* *p is it */
	RELOAD_MEDIA_DIGIT    /* *digit, 0: none begins with it */
};

/* reload_media_take() takes a packet of RTP that has passed all checks of where it comes from. */
enum reload_media_taken reload_media_take(struct reload_media_session *s, struct span packet,
	uint64_t now_us, struct reload_rtp *p, char *digit);

/*
 * reload_media_play() decodes the next that is in order, and returns how many samples it gives; *at is their place, counted from the first of the session.  0:
 * nothing for now.  flush: nothing is waited for any more.
 */
size_t reload_media_play(struct reload_media_session *s, int16_t out[RELOAD_CODEC_SAMPLES],
	uint64_t *at, bool flush);

/* reload_media_rtcp() takes a compound packet; reload_media_report() appends one, the last with bye. */
void reload_media_rtcp(struct reload_media_session *s, struct span packet, uint64_t now_us);
void reload_media_report(
	struct reload_media_session *s, struct wr *w, uint64_t now_us, uint32_t chance, bool bye);

/* reload_media_jitter_ms(), reload_media_loss() and reload_media_mos() say how well the other end is heard; loss in percent. */
double reload_media_jitter_ms(const struct reload_media_session *s);
double reload_media_loss(const struct reload_media_session *s);
double reload_media_mos(const struct reload_media_session *s);
