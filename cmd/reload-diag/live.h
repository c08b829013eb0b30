/* reload-diag path --live: the same path again and again, a row for each hop. */
#pragma once

#include "common/call.h"

struct live;

/* live_new() makes rows that are shown on standard output (owned); live_free() frees them. */
struct live *live_new(struct cli *cli);
void live_free(struct live *l);

/* live_hop() counts a hop of the present round, in the form of overlay.path. */
void live_hop(struct live *l, const json_t *hop);

/* live_round() ends a round with the result of overlay.path, and redraws on a terminal. */
void live_round(struct live *l, const json_t *result);

/* live_end() prints the summary and returns the exit status: that of the last round that had an end. */
int live_end(struct live *l);
