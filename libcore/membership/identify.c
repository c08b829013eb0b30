#include "membership/internal.h"

#include "exchange/incoming.h"

/*
 * Who is at the other end of a link of an overlay with a shared secret (RFC 6940 s13.4, interop CFG-14).  The handshake proved that it
 * is a member; its Node-ID is that of the first message that it signs and nobody passed on: its answer to a Ping, or its own Ping.
 * Both ends ask, and a link whose other end does not say it in time is closed.  Another member could pass our question on to somebody else; so this is weaker than certificates, and
 * the manual page says so.
 */

enum {
	IDENTIFY_MS = 5000
};

static void answered(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct reload_membership *m = arg;
	struct reload_connection *con = reload_connection_by_link(m->connections, r->over_link);
	if (!con || con->cert)
		return;
	if (result->err || !r->answer || !r->answer->cert)
		reload_link_drop(m->connections, con, RELOAD_TIMEOUT);
	else
		reload_link_identify(
			m->connections, con, r->answer->cert, NULL, &result->responder);
}

void reload_identify_start(struct reload_membership *m, struct reload_connection *con)
{
	struct reload_id any = reload_id_wildcard(m->engine->self.len);
	struct reload_destination to = reload_dest_node(&any);
	struct reload_ping_req ping = { 0 };
	struct reload_request *r =
		reload_request_internal(m->exchange, RELOAD_PING_REQ, &to, 1, answered, m);
	r->over_link = con->link;
	r->timeout_ms = IDENTIFY_MS;
	reload_request_send(r, &ping);
}
