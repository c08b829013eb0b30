/* Answers to SIP requests that cannot be read: what an answer repeats (RFC 3261 s8.2.6.2) is copied as it came. */
#pragma once

#include "util/bytes.h"

/*
 * reload_sip_refuse() appends a whole response to the request whose head that is: its Via, From, To, Call-ID and CSeq, with tag added to a To that has
 * none, and more, header fields of which each ends with CRLF.  Returns false, and appends nothing, for what has no answer: a response, an
 * ACK, a head without Via or CSeq, or one that does not end with an empty line.
 */
bool reload_sip_refuse(struct wr *w, struct span head, int status, const char *phrase,
	const char *tag, const char *more) MUST_CHECK;
