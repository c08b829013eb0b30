/*
 * A connection that AppAttach made to another node, and the call on it (RFC 3261 as RFC 7904 s5.1 uses it).  The other end is known by the certificate of
 * the connection, and nothing is routed: requests and responses stay on it.  As it is a reliable stream, nothing is sent twice but what
 * RFC 3261 s13.3.1.4 and RFC 3262 s3 repeat from end to end, as there may be an adapter at the other end.
 *
 *   IDLE -> PREPARING -> INVITED -> UP -> BYE_SENT -> ENDED          a call of our own
 *           INVITED -> CANCELLED -> ENDED
 *   IDLE -> RINGING -> ACCEPTED -> UP -> BYE_SENT -> ENDED     one of the other end
 *           RINGING -> ENDED
 */
#pragma once

#include "reload-sip-call/media.h"
#include "usage/sip_session.h"

struct sip_s; /* of sofia-sip: a message as it was parsed, and its memory */
struct msg_s;

enum leg_state {
	LEG_IDLE,
	LEG_PREPARING, /* candidates of ICE are gathered for the INVITE */
	LEG_INVITED,
	LEG_CANCELLED,
	LEG_RINGING,
	LEG_ACCEPTED,
	LEG_UP,
	LEG_BYE_SENT,
	LEG_ENDED
};

enum {
	LEG_TOKEN = 33,          /* random digits with a NUL */
	LEG_PATIENCE_MS = 32000, /* timers B, F and H of RFC 3261: an answer, or an ACK */
	LEG_BYE_MS = 2000,       /* for the answer to BYE and CANCEL */
	LEG_TEXT = 256,
	LEG_ROUTE_MAX = 4096, /* bytes of the Route header fields of a call */
	LEG_EARLY_MAX = 8, /* dialogs of one INVITE: devices behind the other end that answer it */
	LEG_OUT_MAX =
		256 * 1024 /* bytes that wait to be sent; with more the connection is given up */
};

struct leg;

/* A device behind the other end that has answered the INVITE, by the tag of its To. */
struct leg_early {
	char *tag;     /* owned */
	uint32_t rseq; /* of its last reliable response; 0: none */
	bool answered; /* one of them had an answer to our offer */
	struct reload_sdp_audio answer;
};

/* What the command that has the leg is told; none may free it. */
struct leg_ops {
	void (*ringing)(struct leg *leg, int status);
	void (*answered)(struct leg *leg); /* the call is UP */
	void (*ended)(struct leg *leg);
	void (*invited)(struct leg *leg); /* RINGING: leg_accept() or leg_refuse() answers it */
	void (*message)(struct leg *leg, struct span text);
	void (*held)(struct leg *leg, int status); /* how the other end answered leg_hold() */
	void (*responded)(struct leg *leg, const struct sip_s *sip); /* to leg_ask() */
	/* a message was sent or came; text is borrowed */
	void (*traced)(struct leg *leg, bool sent, struct span text);
};

struct leg {
	const struct leg_ops *ops;
	void *owner;
	const struct media_plan *plan;
	void *own_plan;             /* owned: of the call; NULL: the plan of all */
	bool anonymous;             /* no program is named (RFC 3323 s4.1) */
	bool any_callee;            /* calls for other users are taken as well */
	const char *user, *contact; /* own AOR, and the URI of this node without scheme; borrowed */
	int fd;                     /* of the stream; -1: it has ended */
	json_int_t number;          /* of the connection, as the agent counts */
	bool sips;                  /* Application-ID 5061 */
	char *peer_user, *node;     /* owned: as the certificate says; peer_user may be NULL */
	char path[16];              /* "host", "reflexive" or "relayed" */
	struct reload_ip_port peer;
	struct wr in, out;
	unsigned blank; /* characters of a CRLF CRLF that came between messages */
	reload_ms
		ping_at; /* when the next one is sent, to keep what is on the way open; RELOAD_NEVER */
	/* the call */
	enum leg_state state;
	bool own, cut; /* own: we called; cut: the connection was lost, or is not wanted */
	bool closing;  /* leg_close() was called */
	int status; /* the last of the other end, or the one that ended the call or our question */
	char phrase[LEG_TEXT];
	const char *ended_by; /* "caller", "callee", "time" or "connection"; NULL: it was not up */
	char *redirected; /* owned: the URI to which a 3xx led, without its scheme; NULL: none */
	char *call_id, *remote_uri, *called,
		*target; /* owned; called: the Request-URI of the INVITE, of one that came the AOR in it */
	char local_tag[LEG_TOKEN], *remote_tag, branch[LEG_TOKEN], ask_branch[LEG_TOKEN];
	char hold_branch
		[LEG_TOKEN]; /* of the INVITE that holds, resumes or refreshes; "": none is under way */
	char update_branch[LEG_TOKEN]; /* of the UPDATE that refreshes */
	bool refreshing;               /* the INVITE of hold_branch does nothing else */
	uint32_t hold_cseq;
	bool on_hold;         /* what this end wants */
	reload_ms hold_again; /* after 491, when it is tried again; RELOAD_NEVER */
	uint32_t cseq, remote_cseq, invite_cseq;
	struct msg_s *invite; /* of the other end, until it is answered */
	struct wr route;      /* Route header fields of requests of ours, each with its CRLF */
	struct leg_early early[LEG_EARLY_MAX];
	size_t early_count;
	bool updates;  /* the other end takes UPDATE */
	bool offered;  /* the INVITE of the other end had an offer; else our 200 has */
	uint32_t rseq; /* of our last reliable response; 0: none */
	/* session timers */
	uint32_t session_s, session_min_s; /* to be asked for, 0: none; after a 422 the least */
	struct reload_session session;
	struct wr again; /* a response that is repeated until it is acknowledged */
	reload_ms again_at, again_ms, again_end;
	struct reload_sdp_audio offer;
	struct media *media;
	bool accepting;     /* RINGING: candidates are gathered for the 200 */
	reload_ms deadline; /* of the state; RELOAD_NEVER: none */
	reload_ms begun, answered_at, ended_at;
	reload_ms used; /* when the last message came, or the connection was made */
};

/* leg_new() makes a leg (owned) on a connected stream, whose descriptor it takes over.  object: what the agent said of the connection. */
struct leg *leg_new(int fd, const json_t *object);
void leg_free(struct leg *leg);

/* leg_call() sends an INVITE to an AOR or GRUU (without a scheme) with an offer; RELOAD_IO with why. */
enum reload_err leg_call(
	struct leg *leg, const char *uri, struct reload_error_text *why) MUST_CHECK;

/* leg_ask() sends a request outside a call: MESSAGE with a text, or OPTIONS. */
void leg_ask(struct leg *leg, const char *method, const char *uri, struct span text);

/* leg_ring() answers 180, leg_accept() 200 with an answer, leg_refuse() with that status, a call of the other end. */
void leg_ring(struct leg *leg);
enum reload_err leg_accept(struct leg *leg, struct reload_error_text *why) MUST_CHECK;
void leg_refuse(struct leg *leg, int status);

/* leg_hold() holds a call that is up, in both directions, or resumes it; it waits for an INVITE or UPDATE that is under way. */
void leg_hold(struct leg *leg, bool hold);

/* leg_hang_up() ends the call in whatever state: by CANCEL, BYE or a response; by is what ended_by becomes. */
void leg_hang_up(struct leg *leg, const char *by);

/*
 * leg_close() ends the stream on this side: what was sent arrives, and the other end closes its side.  The leg can be freed when its descriptor is -1,
 * which is so within LEG_BYE_MS.
 */
void leg_close(struct leg *leg);

/* leg_phrase_of() returns the reason phrase of a response (borrowed), always UTF-8. */
const char *leg_phrase_of(const struct sip_s *sip);

/* leg_wants_out() returns whether something waits to be sent; leg_input(), leg_output() are called when the stream is ready. */
bool leg_wants_out(const struct leg *leg);
void leg_input(struct leg *leg);
void leg_output(struct leg *leg);

/* leg_due() returns when leg_run() has something to do; leg_run() is called then, and when packets came. */
reload_ms leg_due(const struct leg *leg);
void leg_run(struct leg *leg, reload_ms now);
