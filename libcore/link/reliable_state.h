/* What the files of Simple Reliability share (link/reliable.h). */
#pragma once

#include "link/reliable.h"

enum {
	RELOAD_RELIABLE_NAMED = 8 /* copies of a message whose ACKs are recognised: the latest */
};

enum reload_reliable_copy {
	RELOAD_RELIABLE_IN_FLIGHT,
	RELOAD_RELIABLE_HINTED, /* a mask says that the message arrived: it is not in flight */
	RELOAD_RELIABLE_DUE /* the copy is lost: the message is repeated as soon as window and pacing allow */
};

struct reload_reliable_message {
	TAILQ_ENTRY(reload_reliable_message) entry;
	reload_ms sent_at;              /* the latest copy */
	size_t len;                     /* of the message */
	enum reload_reliable_copy copy; /* what became of the latest copy */
	unsigned copies;
	uint32_t sequences[RELOAD_RELIABLE_NAMED]; /* ring: of the latest copies */
	uint8_t frame
		[]; /* RELOAD_FRAME_DATA_HEAD bytes, which each copy writes anew, and the message */
};

/* reload_reliable_copy_is() notes what became of the latest copy of m. */
void reload_reliable_copy_is(struct reload_reliable *r, struct reload_reliable_message *m,
	enum reload_reliable_copy copy);

/* reload_reliable_drop() ends an unacknowledged message. */
void reload_reliable_drop(struct reload_reliable *r, struct reload_reliable_message *m);

/* reload_reliable_end() loses the link: all messages are dropped. */
void reload_reliable_end(struct reload_reliable *r);

/*
 * reload_reliable_missing_due() returns when m is to be repeated because the ACK of its latest copy is missing, while later frames were
 * acknowledged or a mask says that it arrived: a time at or before now when it is now, RELOAD_NEVER when nothing is missing yet.
 */
reload_ms reload_reliable_missing_due(
	const struct reload_reliable *r, const struct reload_reliable_message *m);

/* reload_reliable_losses() finds the messages whose ACKs are missing at now. */
void reload_reliable_losses(struct reload_reliable *r, reload_ms now);
