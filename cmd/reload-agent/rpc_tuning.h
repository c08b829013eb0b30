/* What a node knows of the pace of its overlay. */
#pragma once

#include "peer/peer.h"

#include <jansson.h>

/*
 * agent_tuning_json() is the object "tuning" of node.tuning (owned), with what becomes of a value in lifetime_s; NULL: the overlay does not set its
 * own pace, or this node is no peer of it.
 */
json_t *agent_tuning_json(const struct reload_status *s, uint32_t lifetime_s);
