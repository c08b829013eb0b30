/* The functions for links of struct reload_host_ops (engine/host.h); host is a struct host. */
#pragma once

#include "host.h"

void host_link_open(void *host, uint32_t link, const struct reload_link_target *to, size_t count);
size_t host_link_mtu(void *host, uint32_t link);
reload_ms host_link_heard(void *host, uint32_t link);
void host_link_certificate(void *host, uint32_t link, struct reload_cert *cert,
	struct reload_cert *const *others, size_t others_count);
void host_link_send(void *host, uint32_t link, struct span message);
void host_link_close(void *host, uint32_t link);
