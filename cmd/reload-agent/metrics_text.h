/* What the metrics endpoint says, as OpenMetrics text. */
#pragma once

#include "agent.h"
#include "util/bytes.h"

enum {
	METRICS_LINKS_MAX = 64 /* links that have samples of their own; reload_links counts all */
};

/* metrics_text() appends everything of an agent, the last line included; not from inside the engine. */
void metrics_text(struct wr *w, void *agent);
