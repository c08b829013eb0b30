/* The part of sip.resolve that is about telephone numbers. */
#pragma once

#include "rpc.h"

/* agent_is_number() returns whether text has the scheme of a telephone number. */
bool agent_is_number(const char *text);

/* agent_sip_gateways() replies with the gateways to the number that params names, in the form of sip.resolve. */
enum reload_rpc_end agent_sip_gateways(
	struct agent *agent, struct reload_rpc_call *call, const json_t *params);
