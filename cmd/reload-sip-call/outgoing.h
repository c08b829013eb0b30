/*
 * Reaching a user: the AOR is resolved, up to RELOAD_SIP_ATTEMPTS devices are connected to at a time, and each gets an INVITE, or one
 * lone request.  The first device that answers has the call, the others are cancelled.
 *
 * Gateways to a telephone number are called in turn: the next one when the one before cannot serve the call or has not rung in OUTGOING_TURN_MS.
 */
#pragma once

#include "reload-sip-call/phone.h"
#include "usage/sip_resolve.h"

enum {
	OUTGOING_TURN_MS = 4000
};

enum outgoing_state {
	OUTGOING_WAITING,
	OUTGOING_ATTACHING, /* app.attach is under way */
	OUTGOING_CALLING,   /* connected: the request was sent */
	OUTGOING_OVER
};

/* A device. */
struct outgoing_attempt {
	enum outgoing_state state;
	const json_t *target; /* of the result of sip.resolve, borrowed */
	json_int_t id;        /* of app.attach */
	struct leg *leg;      /* NULL: none, or it has been dropped */
	reload_ms begun;
	bool rang, passed; /* passed: of a gateway whose turn is over */
};

/* How it would end if the mailbox did not take the call. */
struct outgoing_end {
	int sip_status;
	char phrase[LEG_TEXT];
	enum reload_err err;
	struct reload_error_text why;
	bool rang_out;
};

struct outgoing {
	struct phone phone;       /* first */
	const char *aor, *method; /* method: "INVITE", "MESSAGE" or "OPTIONS" */
	struct span text;         /* of a MESSAGE */
	const char *
		service; /* a provider of that is called, as aor says or else itself; NULL: the devices of aor */
	bool number;                    /* aor is a telephone number */
	bool sips;                      /* SIPS alone, whatever the device prefers */
	reload_ms duration, ring, wait; /* 0: none */
	reload_ms hold_at, hold_for;    /* after the answer; hold_for 0: never */
	unsigned holds;                 /* 1: held, 2: resumed */
	bool dry;                       /* nobody is called */
	/* under way */
	reload_ms begun, tried, rings; /* tried: the last lookup; rings: since the first INVITE */
	reload_ms again;               /* when it is resolved the next time */
	json_int_t resolving;          /* number of the request; 0: none */
	json_t *resolved, *shown;      /* owned; shown: the last lookup that was printed */
	struct outgoing_attempt attempts[RELOAD_SIP_TARGETS_MAX];
	size_t count;
	char *next_aor,
		*redirected; /* owned: where a 3xx leads; and what aor is since one was followed */
	unsigned redirects;
	struct leg *up; /* the call that was answered */
	bool lost;      /* it was up, and the connection was lost */
	enum reload_err audio_err;
	char no_audio[512]; /* why the call had no audio and was ended; "": it had */
	bool finished;      /* what it was for has ended: the rest is cleaning up */
	bool rang_out;      /* --ring is over */
	bool mailbox; /* nobody answered, and the mailbox was looked for: `before` is how it ended until then */
	struct outgoing_end before;
	int sip_status; /* the best of the answers; 0: none */
	char phrase[LEG_TEXT];
	enum reload_err err; /* of a connection that was not made */
	struct reload_error_text why;
	int status;  /* exit status, when failed */
	bool failed; /* reported already */
};

/* outgoing_run() does it; returns the exit status. */
int outgoing_run(struct outgoing *o, struct cli *cli);

/* outgoing_print() prints one thing that happened (taken), quiet only in text. */
void outgoing_print(struct outgoing *o, json_t *object);

/* outgoing_report() says how it ended and returns the exit status. */
int outgoing_report(struct outgoing *o);
