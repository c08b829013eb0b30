/* Completion of arguments that only reload-agent has. */
#pragma once

#include "common/complete.h"

/* agent_complete() offers states, types of events and log levels, else what cli_complete_agent() does. */
void agent_complete(struct cli *cli, const char *what, const struct cli_typed *typed);
