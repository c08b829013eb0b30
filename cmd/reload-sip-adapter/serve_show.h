/* What serve prints. */
#pragma once

#include "reload-sip-adapter/adapter.h"

void serve_show_listening(
	struct adapter *a, enum reload_sip_transport transport, const struct reload_ip_port *at);
void serve_show_dry_run(struct adapter *a);
void serve_show_summary(struct adapter *a);
