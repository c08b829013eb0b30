/* listen --voicemail: what callers say goes to files of a directory. */
#pragma once

#include "reload-sip-call/phone.h"

enum {
	MAILBOX_MESSAGES_MAX = 1000,   /* files in the directory: then calls are refused */
	MAILBOX_MESSAGE_MS = 5 * 60000 /* a longer message is cut off */
};

/* mailbox_check() returns whether dir can be written to; RELOAD_IO with why. */
enum reload_err mailbox_check(const char *dir, struct reload_error_text *why) MUST_CHECK;

/*
 * mailbox_take() has the call of leg, which is RINGING, recorded to a new file of dir, whose name says when, for whom and from whom.  Returns the path
 * (borrowed from the leg), NULL when there are too many.
 */
const char *mailbox_take(struct leg *leg, const char *dir);
