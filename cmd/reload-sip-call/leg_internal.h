/*
 * What the files of a leg share; each calls those before it: the connection and its end (leg.c), what a message says (leg_message.c), requests
 * and responses of ours (leg_send.c), what the command orders (leg_call.c), how long a call lasts (leg_session.c), responses of the other end
 * (leg_response.c), its requests (leg_take.c), the stream and time (leg_stream.c).
 */
#pragma once

#include "reload-sip-call/leg.h"

#include "sofia/message.h"

#include <sofia-sip/url.h>

#define LEG_NO_BODY span_of(NULL, 0)

/* leg_end() ends the call. */
void leg_end(struct leg *leg);

/* leg_cut() gives the connection up. */
void leg_cut(struct leg *leg);

/* leg_reset() makes a leg IDLE whose last call has ended, as a connection may be used again (R7904-23). */
void leg_reset(struct leg *leg);

/* leg_again_end() ends what is repeated. */
void leg_again_end(struct leg *leg);

/* leg_token() makes a random token of digits. */
void leg_token(char out[LEG_TOKEN]);

/* leg_set() makes *to own text. */
void leg_set(char **to, char *text);

/* -- what a message says ------------------------------------------------------------------------------------------------------ */

/* leg_names() returns whether the URI names that user, whose name is written as a certificate has it. */
bool leg_names(const url_t *url, const char *user);

/* leg_aor_of() returns the AOR of a URI (owned); NULL: it is none. */
char *leg_aor_of(const url_t *url);

/* leg_contact_of() returns the URI in the Contact without its scheme (owned); NULL: there is none of SIP. */
char *leg_contact_of(const struct sip_s *sip);

/* leg_uri_of() returns an AOR as a URI without a scheme has it (owned). */
char *leg_uri_of(const char *user);

/* leg_session_of() reads what a message says of session timers. */
struct reload_session_fields leg_session_of(const struct sip_s *sip);

/* leg_tag_of() returns a tag, "" for none, as RFC 2543 had it. */
const char *leg_tag_of(const char *tag);

/* leg_takes_update() returns whether the Allow of a message has UPDATE. */
bool leg_takes_update(const struct sip_s *sip);

/* leg_take_route() keeps the Record-Route of a message that makes the dialog; backwards: it is a response.  false: it is too long. */
bool leg_take_route(struct leg *leg, const struct sip_s *sip, bool backwards);

/* -- sending ------------------------------------------------------------------------------------------------------------------ */

/* A request of ours.  An ACK or CANCEL has the number of its INVITE. */
struct leg_request {
	const char *method;
	bool initial;       /* of the first INVITE: it, its CANCEL and the ACK of its failure */
	const char *branch; /* of its transaction; NULL: a new one */
	uint32_t cseq;
	struct span body;         /* a session description; empty: none */
	const char *type;         /* of the body, NULL: a session description */
	const char *more;         /* header fields, each with its CRLF; NULL: none */
	const char *tag, *target; /* another dialog of the same INVITE; NULL: that of the call */
};

void leg_request(struct leg *leg, const struct leg_request *r);

/* A response of ours. */
struct leg_response {
	int status;
	const char *phrase; /* NULL: that of the status */
	struct span sdp;    /* empty: none */
	const char *more;   /* header fields; NULL: none */
	bool repeats;       /* until it is acknowledged */
};

void leg_respond(struct leg *leg, const struct sip_s *request, const struct leg_response *r);

/* leg_answer() responds with a status alone. */
void leg_answer(struct leg *leg, const struct sip_s *request, int status);

/* leg_refuse_text() answers a request that cannot be read; false: it has no answer. */
bool leg_refuse_text(struct leg *leg, struct span text, int status);

/* leg_session_text() writes the header fields of RFC 4028. */
void leg_session_text(char out[LEG_TEXT], const struct reload_session_fields *f);

/* leg_unsupported() returns whether the message requires what this end has not. */
bool leg_unsupported(const struct sip_s *sip);

/* leg_phrase() returns the reason phrase of a status. */
const char *leg_phrase(int status);

/* leg_ping_later() has the connection kept open from now on; leg_blank() sends that text, which is no message. */
void leg_ping_later(struct leg *leg);
void leg_blank(struct leg *leg, const char *text);

/* leg_again() sends what is repeated once more. */
void leg_again(struct leg *leg, reload_ms now);

/* -- the call ----------------------------------------------------------------------------------------------------------------- */

/* leg_prepared() goes on with a call whose audio has its candidates, if it has, and ends one that can have no audio. */
void leg_prepared(struct leg *leg);

/* leg_invite() sends the INVITE of a call, anew after a 422. */
void leg_invite(struct leg *leg);

/* leg_refresh() refreshes the session. */
void leg_refresh(struct leg *leg);

/* leg_agree() takes what a 2xx says of session timers; uac: it answers a request of ours. */
void leg_agree(struct leg *leg, const struct reload_session_fields *f, bool uac);

/* leg_on_response() and leg_on_request() handle a message (borrowed). */
void leg_on_response(struct leg *leg, const struct sip_s *sip);
void leg_on_request(struct leg *leg, const struct sip_s *sip, struct msg_s *msg);

/* leg_take() handles a message; text is that of it, and with a fault of the message all that is known. */
void leg_take(struct leg *leg, const struct sip_message *m, struct span text);
