/*
 * What the files of a leg share; each calls those before it: the connection and its end (leg.c), requests and responses of ours
 * (leg_send.c), what the command orders (leg_call.c), what the other end sends (leg_take.c), the stream and time (leg_stream.c).
 */
#pragma once

#include "reload-sip-call/leg.h"

/* leg_end() ends the call. */
void leg_end(struct leg *leg);

/* leg_cut() gives the connection up. */
void leg_cut(struct leg *leg);

/* leg_reset() makes a leg IDLE whose last call has ended, as a connection may be used again (R7904-23). */
void leg_reset(struct leg *leg);

/* leg_token() makes a random token of digits. */
void leg_token(char out[LEG_TOKEN]);

/* leg_take() handles a message (borrowed). */
void leg_take(struct leg *leg, struct sip_s *sip, struct msg_s *msg);

/*
 * leg_request() sends a request of the call.  branch is of its transaction; an ACK or CANCEL has the number of the INVITE.  leg_respond()
 * answers a request; body is a session description, empty: none.
 */
void leg_request(struct leg *leg, const char *method, const char *branch, uint32_t cseq,
	struct span body, const char *type);
void leg_respond(struct leg *leg, const struct sip_s *request, int status, const char *phrase,
	struct span sdp);

/* leg_phrase() returns the reason phrase of a status. */
const char *leg_phrase(int status);
