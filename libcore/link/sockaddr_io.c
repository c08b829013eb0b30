#include "link/sockaddr_io.h"

#include "wire/codes.h"

#include <netinet/in.h>
#include <string.h>

socklen_t reload_sockaddr_to(struct sockaddr_storage *out, const struct reload_ip_port *a)
{
	memset(out, 0, sizeof(*out));
	if (a->type == RELOAD_IPV4) {
		struct sockaddr_in *in = (struct sockaddr_in *)out;
		in->sin_family = AF_INET;
		in->sin_port = htons(a->port);
		memcpy(&in->sin_addr, a->addr, 4);
		return sizeof(*in);
	}
	if (a->type == RELOAD_IPV6) {
		struct sockaddr_in6 *in = (struct sockaddr_in6 *)out;
		in->sin6_family = AF_INET6;
		in->sin6_port = htons(a->port);
		memcpy(&in->sin6_addr, a->addr, 16);
		return sizeof(*in);
	}
	return 0;
}

void reload_sockaddr_from(struct reload_ip_port *out, const struct sockaddr_storage *from)
{
	*out = (struct reload_ip_port){ 0 };
	if (from->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)from;
		out->type = RELOAD_IPV4;
		out->port = ntohs(in->sin_port);
		memcpy(out->addr, &in->sin_addr, 4);
	} else if (from->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)from;
		out->type = RELOAD_IPV6;
		out->port = ntohs(in->sin6_port);
		memcpy(out->addr, &in->sin6_addr, 16);
	}
}
