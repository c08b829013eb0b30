/* Completion of what only reload-agent takes. */
#pragma once

#include "common/complete.h"

/* agent_complete() offers states, types of events and log levels, else what cli_complete_agent() does. */
void agent_complete(struct cli *cli, const char *what, const struct cli_typed *typed);
