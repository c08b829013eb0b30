/*
 * Session timers (RFC 4028): a call whose ends say so lasts until its interval is over, and one of them, the refresher, sends an INVITE or
 * UPDATE in good time.  So a call of which one end has vanished ends at the other as well.
 *
 * The request names an interval and perhaps the refresher, the 2xx both.  What the 2xx says is agreed on; each further INVITE and
 * UPDATE of the call agrees anew.
 */
#pragma once

#include "util/clock.h"

#include <stdbool.h>

enum {
	RELOAD_SESSION_MIN_S = 90,       /* RFC 4028 s4: a shorter one is answered with 422 */
	RELOAD_SESSION_DEFAULT_S = 1800, /* the same */
	RELOAD_SESSION_MAX_S = 86400     /* longer ones are made so long */
};

enum reload_session_refresher {
	RELOAD_REFRESHER_OPEN, /* not said */
	RELOAD_REFRESHER_UAC,  /* who sent the request */
	RELOAD_REFRESHER_UAS
};

/* What a message says. */
struct reload_session_fields {
	uint32_t expires_s; /* Session-Expires; 0: not there */
	uint32_t min_s;     /* Min-SE; 0: not there */
	enum reload_session_refresher refresher;
	bool supported; /* "timer" is supported by who sends it */
};

struct reload_session {
	uint32_t interval_s;          /* 0: none is agreed on */
	bool refreshes;               /* this end does */
	reload_ms refresh_at, end_at; /* RELOAD_NEVER */
};

/* reload_session_clear(): the call lasts until somebody ends it. */
void reload_session_clear(struct reload_session *s);

/*
 * reload_session_answer() fills in what the 2xx to a request says: expires_s and the refresher, expires_s 0: nothing.  Returns 422 when the
 * request asks for less than RELOAD_SESSION_MIN_S, with min_s for the answer, else 0.
 */
int reload_session_answer(
	struct reload_session_fields *out, const struct reload_session_fields *request);

/* reload_session_agree(): a 2xx said that; uac: the request was ours.  A refresher refreshes after half of the interval (RFC 4028 s10). */
void reload_session_agree(struct reload_session *s, const struct reload_session_fields *answer,
	bool uac, reload_ms now);

/* reload_session_longer() returns the interval to ask for after a 422 with that Min-SE; 0: there is none. */
uint32_t reload_session_longer(uint32_t asked_s, uint32_t min_s);
