/* The forms of reload-sip-call; each returns the exit status. */
#pragma once

#include "common/call.h"

int sip_register(struct cli *cli);
int sip_unregister(struct cli *cli);
int sip_lookup(struct cli *cli);
int sip_call(struct cli *cli);
int sip_listen(struct cli *cli);
int sip_echo(struct cli *cli);
int sip_message(struct cli *cli);
int sip_options(struct cli *cli);
