/* The head of a SIP message as text (RFC 3261 s7.3.1): its lines, without a look at what they mean. */
#pragma once

#include "util/bytes.h"

/* reload_sip_head() returns the start line and the header fields with the empty line behind them; nothing when that is not there. */
struct span reload_sip_head(struct span text);

/* reload_sip_next_line() takes the next line from head, with the lines that continue it and the CRLF behind; head is not empty. */
struct span reload_sip_next_line(struct span *head);

/* reload_sip_is_field() returns whether the line is the header field of that name, in whatever letter case. */
bool reload_sip_is_field(struct span line, const char *name);

/* reload_sip_is_token() returns whether text is a token (RFC 3261 s25.1), such as a method. */
bool reload_sip_is_token(struct span text);
