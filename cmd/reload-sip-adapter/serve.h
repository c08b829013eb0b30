/* The forms of reload-sip-adapter; each returns the exit status. */
#pragma once

#include "common/options.h"

int adapter_serve(struct cli *cli);
int adapter_passwd(struct cli *cli);
