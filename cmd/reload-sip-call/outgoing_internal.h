/* What the files of reaching a user share. */
#pragma once

#include "reload-sip-call/outgoing.h"

enum {
	OUTGOING_REDIRECTS = 5 /* that are followed */
};

/* outgoing_resolve() looks the devices of a user up, or a provider of a service that has answered a Ping. */
void outgoing_resolve(struct outgoing *o);

/* -- outgoing_next.c ------------------------------------------------------------------------------------------------------- */

/* outgoing_follow() calls where a 3xx led; false: there is none. */
bool outgoing_follow(struct outgoing *o);

/* outgoing_try_mailbox() has the mailbox looked for when nobody answered; outgoing_forget_mailbox() makes the end what it was before. */
bool outgoing_try_mailbox(struct outgoing *o);
void outgoing_forget_mailbox(struct outgoing *o);

/* outgoing_turns() ends the turn of a gateway that has not rung; returns when the next one is over. */
reload_ms outgoing_turns(struct outgoing *o, reload_ms now);
