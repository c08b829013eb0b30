/* What the agent knows of its machine, process and network, for diagnostics (RFC 7851 s5.3): read from the kernel when somebody asks. */
#pragma once

#include "engine/host.h"

/* host_facts() is facts() of struct reload_host_ops; host is a struct host. */
void host_facts(void *host, uint32_t link, struct reload_host_facts *out);
