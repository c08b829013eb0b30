/* The forms of reload-sip-call; each returns the exit status. */
#pragma once

#include "common/call.h"

int sip_register(struct cli *cli);
int sip_unregister(struct cli *cli);
int sip_lookup(struct cli *cli);
