/* How the stream of an application begins and ends, whatever carries it. */
#include "link/app_stream.h"

enum {
	VALIDITY_MS = 60000
};

struct app_stream *reload_app_stream_new(struct reload_app_streams *streams, uint32_t app,
	const struct reload_link_transport *transport, const struct app_carrier *carrier)
{
	struct app_stream *s =
		(struct app_stream *)reload_secure_link_new(streams->links, transport);
	s->carrier = carrier;
	s->streams = streams;
	s->app = app;
	s->number = ++streams->next;
	s->local = -1;
	s->base.err = RELOAD_OK;
	TAILQ_INSERT_TAIL(&streams->list, s, entry);
	streams->count++;
	return s;
}

static void check_validity(void *arg)
{
	struct app_stream *s = arg;
	struct reload_secure_link *base = &s->base;
	reload_utc wall = reload_poll_wall(), until = base->cert->not_after;
	if (until < wall)
		reload_secure_link_check_trust(base);
	if (base->state != RELOAD_SECURE_UP)
		return;
	reload_utc left = until >= wall ? until - wall + 1 : 1;
	reload_secure_link_arm(base,
		reload_poll_now() + (left < VALIDITY_MS ? (uint32_t)left : VALIDITY_MS),
		check_validity);
}

void reload_app_stream_up(struct app_stream *s)
{
	struct reload_secure_link *base = &s->base;
	base->state = RELOAD_SECURE_UP;
	base->was_up = true;
	free(TAKE(base->addrs));
	free(TAKE(base->why));
	base->addrs_count = base->addrs_next = 0;
	check_validity(s);
	if (base->state == RELOAD_SECURE_UP)
		s->streams->ops->up(s->streams->arg, s->app, s->number, base->cert, &base->peer);
}

void reload_app_stream_link_up(struct reload_secure_link *base)
{
	reload_app_stream_up(reload_app_stream_of(base));
}

void reload_app_stream_gathered(
	struct reload_secure_link *base, const struct reload_ice_found *found)
{
	struct app_stream *s = reload_app_stream_of(base);
	s->streams->ops->gathered(s->streams->arg, s->app, found);
}

void reload_app_stream_pairs_failed(
	struct reload_secure_link *base, const struct reload_ice_pair *pairs, size_t count)
{
	struct app_stream *s = reload_app_stream_of(base);
	s->streams->ops->pairs_failed(s->streams->arg, s->app, pairs, count);
}

void reload_app_stream_report(struct app_stream *s)
{
	const struct reload_secure_link *base = &s->base;
	struct reload_app_streams *streams = s->streams;
	struct reload_app_stream_end end = {
		.err = base->err, .why = base->why, .sent = s->out.count, .received = s->in.count
	};
	if (base->silent || !s->taken || s->reported)
		return;
	s->reported = true;
	streams->ops->ended(streams->arg, s->number, &end);
}

void reload_app_stream_done(struct app_stream *s)
{
	reload_app_stream_report(s);
	reload_secure_link_free(&s->base);
}
