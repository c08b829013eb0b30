#include "service/internal.h"

/*
 * AppAttach by ICE (RFC 6940 s6.5.2, as s6.5.1): each end gathers candidates, sends them in its message, and connects to those of the other end.
 *
 * To gather takes sockets and asks servers, so of another node's requests it is done after all checks that cost nothing, and within the limits
 * that hold for answers.
 */

void reload_app_gather(struct app *a, reload_timer_fn late)
{
	struct reload_apps *s = a->service;
	a->phase = APP_GATHERING;
	a->ice = true;
	reload_app_limit(a, s->ops->gather ? RELOAD_ICE_GATHER_LIMIT_MS : 0, late);
	if (s->ops->gather)
		s->ops->gather(s->engine->host, a->number, a->application, reload_app_is_asked(a));
}

const char *reload_app_remote_set(struct app *a, const struct reload_app_attach *message)
{
	return reload_ice_end_new(&a->remote, a->service->membership, message->ufrag,
		message->password, message->candidates, message->candidates_count);
}

void reload_app_check(struct app *a)
{
	const struct reload_apps *s = a->service;
	const struct reload_ice_end *to = a->remote;
	s->ops->check(
		s->engine->host, a->number, to->ufrag, to->password, to->candidates, to->count);
}
