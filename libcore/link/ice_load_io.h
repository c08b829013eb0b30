/* Opens the object that finds paths through NATs, for an agent whose overlay uses ICE. */
#pragma once

#include "link/ice_plugin.h"
#include "util/err.h"

/* reload_ice_load() opens the object at path, which stays open; RELOAD_FAILED with why when it cannot be used. */
enum reload_err reload_ice_load(const struct reload_ice_plugin **out, const char *path,
	struct reload_error_text *why) MUST_CHECK;
