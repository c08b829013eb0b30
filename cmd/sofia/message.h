/*
 * SIP messages of others, as sofia-sip reads them behind checks of ours: nothing else hands bytes to its parser, which is old and forgives much.
 */
#pragma once

#include "util/bytes.h"

struct sip_s; /* of sofia-sip: a message as it was parsed, and its memory */
struct msg_s;

struct sip_message {
	struct msg_s *msg; /* owned */
	struct sip_s *sip; /* inside msg: with From, To, Call-ID, CSeq and Via */
	int fault; /* the status with which a request is to be refused whatever it asks; a response with one means nothing */
};

/*
 * sip_message_read() reads one whole message; reload_sip_frame() says where it ends.  With a fault there may be no message: msg is NULL, and
 * reload_sip_refuse() answers.
 *
 *   505  another version than SIP/2.0
 *   501  a method that the parser cannot read: it takes one like AB for the beginning of ACK
 *   413  larger than RELOAD_SIP_HEAD_MAX and RELOAD_SIP_BODY_MAX
 *   400  a start line, a header field or a name that is not as RFC 3261 s25.1 has it, a field twice that there is once, a missing one, another method in
 *        CSeq than in the start line
 */
void sip_message_read(struct sip_message *out, struct span text);
void sip_message_clear(struct sip_message *m);

/* sip_message_body() returns the body (borrowed from sip), empty: none. */
struct span sip_message_body(const struct sip_s *sip);
