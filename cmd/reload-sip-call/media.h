/*
 * The audio of a call: RTP over UDP, from a file, a tone or what comes in, and into a file; RTCP beside it.  A frame is sent every 20 ms from
 * media_start() on.  Packets from anywhere but the signalled address are not seen.
 */
#pragma once

#include "common/options.h"
#include "usage/sip_sdp.h"

#include <jansson.h>
#include <stdio.h>

enum {
	MEDIA_FDS = 3,
	MEDIA_DIGITS = 65 /* that are kept of a call, with a NUL */
};

struct reload_dtls_cert;

/* How the agent is asked; send() returns the number of the request (params are taken), 0: it was not sent. */
struct media_agent {
	void *arg;
	json_int_t (*send)(void *arg, const char *method, json_t *params);
};

/* What is sent and what becomes of what comes, for all calls of a run. */
struct media_plan {
	struct span play; /* samples of a WAV file; empty: none */
	uint8_t *file;    /* owned: what play borrows from */
	double tone_hz;   /* 0: none */
	bool echo;
	const char *dtmf;                /* digits to send (RFC 4733); NULL: none */
	enum reload_codec_type codec;    /* that is offered first */
	reload_ms duration;              /* nothing is sent after that; 0: no limit */
	const char *record;              /* path; NULL: nothing is recorded */
	const struct media_agent *agent; /* borrowed; NULL: no ICE */
	struct reload_dtls_cert *cert;   /* owned; NULL: nothing is encrypted */
	bool none;                       /* calls have no audio */
	bool secure_only;                /* no audio that is not encrypted */
	bool relay_only; /* nobody is told an address of this host, so that there is no audio without ICE */
};

/*
 * media_plan_read() reads the options --play and --record, --echo of who listens, --tone, --dtmf and --codec of who calls; RELOAD_USAGE and others with
 * why.
 */
enum reload_err media_plan_read(struct media_plan *p, struct cli *cli, bool listens,
	struct reload_error_text *why) MUST_CHECK;
void media_plan_clear(struct media_plan *p);

struct media;

/*
 * media_new() opens a socket at the address by which this host reaches remote, whose port means nothing (owned); RELOAD_IO with why
 * also when the file to record to cannot be made.  A call to which the plan or the offer of the other end (NULL: this end makes it) gives no audio
 * has none until its end, and no socket.
 */
enum reload_err media_new(struct media **out, const struct media_plan *plan,
	const struct reload_ip_port *remote, const struct reload_sdp_audio *offer,
	struct reload_error_text *why) MUST_CHECK;

/* media_none() returns whether the call has no audio, media_fits() whether a description of the other end can be one of this call. */
bool media_none(const struct media *m);
bool media_fits(const struct media *m, const struct reload_sdp_audio *other);

/* media_free() completes the recording; NULL is legal. */
void media_free(struct media *m);

/*
 * media_prepare() looks for candidates of ICE when the other end may have ICE, too; offer NULL: this end makes it.  media_offer() and media_answer() are called when
 * media_ready() returns true, which is so within some seconds.  media_fault() returns why there is no audio any more (borrowed), NULL: there is, or may be; *err is
 * RELOAD_CALL_REJECTED when this end wants it encrypted, RELOAD_BAD_CERT when the other end is not who it says.
 */
void media_prepare(struct media *m, const struct reload_sdp_audio *offer);
bool media_ready(const struct media *m);
const char *media_fault(const struct media *m, enum reload_err *err);

/*
 * media_asked() returns whether a request of the control protocol is one for the path.  media_says() takes progress notifications of it (borrowed), media_replied()
 * its reply; failure NULL: it is none.
 */
bool media_asked(const struct media *m, json_int_t id);
void media_says(struct media *m, const json_t *object);
void media_replied(struct media *m, json_int_t id, const char *failure);

/*
 * media_offer() appends a session description that offers what this end can do, media_answer() one that answers an offer; each has a
 * higher version than those before it.
 */
void media_offer(struct media *m, struct wr *sdp, enum reload_sdp_direction direction);
void media_answer(struct media *m, struct wr *sdp, const struct reload_sdp_audio *offer);

/*
 * media_offer_otherwise() has the next offer be another one, for who has refused all of the first: for encrypted audio alone, or of a call without audio with a
 * stream in which nobody sends; false: it was so already, or cannot be.
 */
bool media_offer_otherwise(struct media *m);

/* media_start() begins to send what was agreed on with the other end.  Another call changes where, and whether it is sent at all. */
void media_start(struct media *m, const struct reload_sdp_audio *other, bool sends);

/* media_pause() sends no more until media_start() says so. */
void media_pause(struct media *m);

/* media_fds() returns how many descriptors are to be waited for, media_due() when media_run() has something to send, by the clock of cli_monotonic(). */
size_t media_fds(const struct media *m, int out[MEDIA_FDS]);
reload_ms media_due(const struct media *m);
void media_run(struct media *m, reload_ms now);

/* media_played() returns whether a file was played to its end. */
bool media_played(const struct media *m);

/* media_digit() returns the next digit that the other end has sent; 0: there is none for now. */
char media_digit(struct media *m);

/* media_json() returns null for a call without audio, else {path,encrypted,sent,received,lost,jitter_ms,rtt_ms,remote_lost,mos,digits} (owned); path is null without ICE, rtt_ms and remote_lost are null until the other end has sent reports, mos until it is heard. */
json_t *media_json(const struct media *m);

/* media_text() prints how long a call lasted, and what media_json() says of its audio, briefly or with the quality. */
void media_text(FILE *out, const json_t *media, double duration_s, bool quality);

/* media_codec() returns the name of the codec, NULL: no audio. */
const char *media_codec(const struct media *m);
