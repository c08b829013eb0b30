/*
 * How long a connection may take.  libmicrohttpd ends one on which nothing comes for a while, but not one on which a byte comes
 * now and then: a few such clients would take all the places there are.
 */
#include "reload-enroll/serve_connection.h"

#include "util/alloc.h"

#include <stdlib.h>
#include <sys/socket.h>

enum {
	REQUEST_MS = 20000 /* of the handshake and the first request, or of a further request */
};

struct serve_connection {
	LIST_ENTRY(serve_connection) entry;
	struct MHD_Connection *mhd;
	reload_ms since;
	bool held; /* it waits for this server */
};

static struct serve_connection *of(struct MHD_Connection *c)
{
	return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void serve_connection_changed(void *arg, struct MHD_Connection *c, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct serve_connections *list = arg;
	struct serve_connection *k = *context;
	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		k = RELOAD_NEW(serve_connection);
		k->mhd = c;
		k->since = cli_monotonic();
		LIST_INSERT_HEAD(list, k, entry);
	} else if (k) {
		LIST_REMOVE(k, entry);
		free(TAKE(k));
	}
	*context = k;
}

void serve_connection_hold(struct MHD_Connection *c, bool held)
{
	struct serve_connection *k = of(c);
	k->held = held;
	k->since = cli_monotonic();
}

void serve_connections_end(const struct serve_connections *list, reload_ms now)
{
	const struct serve_connection *k;
	LIST_FOREACH(k, list, entry)
	{
		if (k->held || now - k->since < REQUEST_MS)
			continue;
		/* libmicrohttpd sees its end, and closes it */
		(void)shutdown(MHD_get_connection_info(k->mhd, MHD_CONNECTION_INFO_CONNECTION_FD)
				       ->connect_fd,
			SHUT_RDWR);
	}
}
