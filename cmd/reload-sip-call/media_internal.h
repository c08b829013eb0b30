/*
 * What the files of a call's audio share: the plan and what is said of it (media.c), sockets (media_socket.c), paths by ICE (media_path.c),
 * encryption (media_secure.c),
 * what becomes of packets that come (media_take.c), and time (media_run.c).
 */
#pragma once

#include "reload-sip-call/media.h"

#include "media/session.h"
#include "usage/sip_secure_io.h"

enum {
	MEDIA_PACKET = 2048
};

enum media_path_state {
	MEDIA_PLAIN, /* own sockets */
	MEDIA_GATHERING,
	MEDIA_GATHERED,
	MEDIA_CHECKING,
	MEDIA_CONNECTED,
	MEDIA_LEAVING,
	MEDIA_NO_WAY
};

/* The path by ICE, which the agent has. */
struct media_way {
	enum media_path_state state;
	json_int_t open_id, check_id; /* of the requests media.open and media.check; 0: none */
	json_int_t number;            /* of the path */
	int fd;                       /* of packets; -1: none */
	struct reload_sdp_ice own;
	char other[RELOAD_SDP_UFRAG]; /* user fragment of the other end */
	struct reload_ip_port at,
		base;    /* for who has no ICE, and the address of this host behind it */
	reload_ms again; /* LEAVING: the next try */
	reload_ms by;    /* limit of the state */
	char path[16];   /* "host", "reflexive", "relayed" */
	char why[512];
};

struct media {
	const struct media_plan *plan;
	struct media_way way;
	bool none,
		silent; /* the call has no audio; which is offered as a stream in which nobody sends */
	bool flowing; /* packets can be sent */
	struct reload_sip_secure secure;
	bool strict;       /* offers are for encrypted audio alone */
	const char *fault; /* why there can be no audio; NULL: nothing */
	enum reload_err err;
	int fd, rtcp_fd; /* rtcp_fd is that of the next port; unused with one port for both */
	struct reload_ip_port local;               /* of fd */
	struct reload_ip_port remote, remote_rtcp; /* who is heard; all zero: nobody yet */
	bool mux;                                  /* RTCP goes with RTP */
	unsigned version;                          /* of the session descriptions of this end */
	bool started, sends;
	bool answers; /* the other end has made the first offer */
	struct reload_media_session session;
	uint64_t sample; /* the next of the file or tone */
	reload_ms begun, due;
	reload_ms heard_at; /* the first packet; 0: none came */
	int record;
	uint32_t recorded; /* samples up to the last */
	char digits[MEDIA_DIGITS];
	size_t digits_count, digits_shown;
};

/* media_sockets_open() opens a pair of sockets at the address from which this host reaches remote; false with errno. */
bool media_sockets_open(struct media *m, const struct reload_ip_port *remote);
void media_sockets_close(struct media *m);

/* media_sockets_at() has the sockets at that address instead, RTCP at the next port if it is free. */
bool media_sockets_at(struct media *m, const struct reload_ip_port *at);

/* media_has_path() returns whether there is a path for packets. */
static inline bool media_has_path(const struct media *m)
{
	return m->way.state == MEDIA_PLAIN || m->way.state == MEDIA_CONNECTED;
}

/* media_path_start() goes on with what the other end has answered; media_path_run() with what is due at media_path_due(). */
void media_path_start(struct media *m, const struct reload_sdp_audio *other);
void media_path_run(struct media *m, reload_ms now);
reload_ms media_path_due(const struct media *m);
void media_path_close(struct media *m);

/* media_send_clear() sends a packet as it is; false: it is lost. */
bool media_send_clear(struct media *m, struct span packet, bool rtcp);

/*
 * media_send() sends a packet of RTP or RTCP, encrypted when that was agreed on.  media_secure_open() decrypts one, in place and aligned to 4 bytes, and returns its length, 0: it
 * is none of these, or does not pass.
 */
bool media_send(struct media *m, struct span packet, bool rtcp);
size_t media_secure_open(struct media *m, void *packet, size_t len, bool *rtcp);

/*
 * media_secure_own() returns what descriptions say of this end (borrowed), NULL: nothing; media_secure_offers() and media_secure_answers() are called before one
 * is written.  media_secure_start() begins with what the other end has said.
 */
const struct reload_sdp_dtls *media_secure_own(struct media *m);
void media_secure_offers(struct media *m);
void media_secure_answers(struct media *m, const struct reload_sdp_audio *offer);
void media_secure_start(struct media *m, const struct reload_sdp_audio *other);
void media_secure_run(struct media *m, reload_ms now);
reload_ms media_secure_due(const struct media *m, reload_ms now);
bool media_secure_ready(const struct media *m);
void media_secure_end(struct media *m);

/* media_take() handles a packet of the other end, media_report() sends a packet of RTCP, the last with bye. */
void media_take(struct media *m, struct span packet, bool rtcp);
void media_report(struct media *m, bool bye);

/* media_finish() plays what the jitter buffer holds, and says that this end leaves. */
void media_finish(struct media *m);

/* media_clock() returns microseconds of the monotonic clock, media_chance() a random number. */
uint64_t media_clock(void);
uint32_t media_chance(void);
