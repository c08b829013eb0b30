/* Addresses of RELOAD as the kernel's. */
#pragma once

#include "wire/destination.h"

#include <sys/socket.h>

/* reload_sockaddr_to() returns the length, 0 for an address that sockets cannot use. */
socklen_t reload_sockaddr_to(struct sockaddr_storage *out, const struct reload_ip_port *a);

/* reload_sockaddr_from() gives type 0 for a family that is not of IP. */
void reload_sockaddr_from(struct reload_ip_port *out, const struct sockaddr_storage *from);
