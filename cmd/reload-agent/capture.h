/* Messages of the links for whoever captures them: agent.capture. */
#pragma once

#include "agent.h"

/* agent_capture() gives a message that came over a link, or goes out over it, to those who capture; it costs nothing when nobody does. */
void agent_capture(struct agent *agent, uint32_t link, bool incoming, struct span message);

/* agent_end_captures() ends the streams, as the agent does. */
void agent_end_captures(struct agent *agent);
