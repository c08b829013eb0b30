/* The connections of the enrollment server, and how long each of them may take for a request. */
#pragma once

#include "common/options.h"

#include <bsd/sys/queue.h>
#include <microhttpd.h>

LIST_HEAD(serve_connections, serve_connection);

/* serve_connection_changed() is the MHD_NotifyConnectionCallback that keeps the list; arg: struct serve_connections. */
void serve_connection_changed(void *arg, struct MHD_Connection *c, void **context,
	enum MHD_ConnectionNotificationCode code);

/*
 * serve_connection_hold() says whether the client waits for the server, so that the time of the client stands still; each call
 * begins that time anew, as for a further request on the same connection.
 */
void serve_connection_hold(struct MHD_Connection *c, bool held);

/* serve_connections_end() ends the connections whose clients have taken too long for a request. */
void serve_connections_end(const struct serve_connections *list, reload_ms now);
