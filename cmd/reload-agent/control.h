/* The control sockets of this instance: where they are, whom they serve, and those that a service manager passes. */
#pragma once

#include "host.h"

/* host_control_prepare() reads --socket-group; RELOAD_USAGE with why for a group that does not exist or is that of root. */
enum reload_err host_control_prepare(
	struct host *h, const struct agent_settings *s, struct reload_error_text *why) MUST_CHECK;

/* host_control_start() opens the control sockets; failures of cli_passed_sockets() and agent_rpc_new() with why. */
enum reload_err host_control_start(struct host *h, struct reload_error_text *why) MUST_CHECK;
