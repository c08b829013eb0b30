/* SIP messages on a stream (RFC 3261 s18.3): where one ends. */
#pragma once

#include "util/bytes.h"

enum {
	RELOAD_SIP_HEAD_MAX = 16 * 1024, /* bytes of a start line and its header fields */
	RELOAD_SIP_BODY_MAX = 64 * 1024
};

/*
 * reload_sip_frame() finds the next message in what was received: *skip is how many bytes before it are blank lines, which some send
 * to keep connections open, *len its length.  RELOAD_SHORT when it is not all there yet (then *skip bytes can be dropped); RELOAD_LIMIT when it is too
 * large, RELOAD_BAD_VALUE when no length can be read: nothing behind it can be found then.
 */
enum reload_err reload_sip_frame(size_t *skip, size_t *len, struct span received) MUST_CHECK;
