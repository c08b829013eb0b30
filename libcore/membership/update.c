#include "membership/internal.h"

/* Updates that were asked for. */

/*
 * The plug-in gets no result when it fails: the route is that of a request and not signed, so it proves nothing about the link to
 * a node that stands on it.
 */
void reload_update_send(struct reload_membership *m, const struct reload_id *node,
	const struct reload_destination *list, size_t count)
{
	struct wr body;
	if (m->state != RELOAD_STATE_JOINED)
		return; /* nothing to say about the ring yet */
	wr_init(&body);
	m->route->topology->update_write(m->route->plugin, &body);
	struct reload_request *r = NULL;
	if (!body.err) /* R-10.5-14: the plug-in may not be ready to show itself */
		r = reload_request_induced(m->exchange, RELOAD_UPDATE_REQ, node, list, count);
	if (r)
		reload_request_send_bytes(r, wr_done(&body));
	wr_clear(&body);
}
