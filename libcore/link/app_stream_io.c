/* What the end of the stream of an application, and the wait for its connection, need. */
#include "link/app_stream.h"

void reload_app_stream_done(struct app_stream *s)
{
	struct reload_secure_link *base = &s->tls.base;
	struct reload_app_streams *streams = s->streams;
	struct reload_app_stream_end end = {
		.err = base->err, .why = base->why, .sent = s->out.count, .received = s->in.count
	};
	if (!base->silent && s->taken)
		streams->ops->ended(streams->arg, s->number, &end);
	reload_secure_link_free(base);
}

void reload_app_stream_want(struct app_stream *s, unsigned events)
{
	if (s->wants == events || !s->watch)
		return;
	s->wants = events;
	reload_poll_change(s->streams->links->set.poll, s->watch, events);
}
