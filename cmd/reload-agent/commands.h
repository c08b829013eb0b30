/* The subcommands of reload-agent that ask a running agent. */
#pragma once

#include "common/options.h"

extern const struct cli_opt agent_status_opts[], agent_stop_opts[], agent_refresh_opts[],
	agent_events_opts[], agent_log_opts[];
extern const char agent_event_fields[]; /* of each line of `events` */

/* Each runs one subcommand and returns the exit status. */
int agent_run_status(struct cli *cli);
int agent_run_refresh(struct cli *cli);
int agent_run_stop(struct cli *cli);
int agent_run_log(struct cli *cli);
int agent_run_events(struct cli *cli);
