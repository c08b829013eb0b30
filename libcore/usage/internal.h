/* The rows of the table of usages, one for each Kind. */
#pragma once

#include "usage/usage.h"

extern const struct reload_usage reload_usage_sip, reload_usage_turn, reload_usage_cert_by_node,
	reload_usage_cert_by_user, reload_usage_redir;
