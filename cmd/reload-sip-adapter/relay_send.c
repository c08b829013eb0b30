/* What leaves a relay. */
#include "reload-sip-adapter/relay.h"

#include "link/udp_socket_io.h"

#include <sys/socket.h>

void relay_send_clear(struct relay_side *s, unsigned kind, struct span packet)
{
	static const struct reload_udp_local any;
	if (s->ice) {
		if (s->path >= 0)
			(void)send(s->path, packet.at, packet.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		return;
	}
	if (s->muxed)
		kind = 0;
	const struct reload_ip_port *to = reload_latch_to(&s->latches[kind]);
	if (to->type)
		(void)reload_udp_send(s->fds[kind], packet, to, &any);
}
