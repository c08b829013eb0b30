/* Which agent calls, when several run and none is named. */
#pragma once

#include "common/call.h"

/*
 * choose_agent() names, in RELOAD_AGENT, the agent whose overlay hosts the domain of an AOR (RFC 7904 s4.1): one that restricts its domains and
 * allows this one, else one of that name, else one that allows every domain.  The agent of the AOR's own user is left out.  When two would
 * do nothing is named, and cli_agent() says which there are.  An anonymous call is made by one that runs with --pseudonym, all else by others.
 */
void choose_agent(struct cli *cli, const char *aor, bool anonymous);
