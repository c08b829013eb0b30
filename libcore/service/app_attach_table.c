#include "service/internal.h"

/* The AppAttaches that are under way, and the applications that are served. */

enum {
	PRIORITY = 2130706431
};

bool reload_app_is_asked(const struct app *a)
{
	return !(a->number >> 31);
}

struct app *reload_app_find(struct reload_apps *s, uint32_t number)
{
	struct app *a;
	TAILQ_FOREACH (a, &s->apps, entry)
		if (a->number == number)
			return a;
	return NULL;
}

struct app *reload_app_new(struct reload_apps *s, uint32_t number, uint16_t application)
{
	struct app *a = RELOAD_NEW(app);
	a->service = s;
	a->number = number;
	a->application = application;
	TAILQ_INSERT_TAIL(&s->apps, a, entry);
	s->asked += reload_app_is_asked(a);
	s->answered += !reload_app_is_asked(a);
	return a;
}

void reload_app_stranger_forget(struct app *a, size_t i)
{
	reload_cert_free(a->strangers[i].cert);
	a->strangers_count--;
	memmove(&a->strangers[i], &a->strangers[i + 1],
		(a->strangers_count - i) * sizeof(a->strangers[0]));
}

static void request_cancel(struct app *a)
{
	struct reload_request *r = TAKE(a->request);
	if (!r)
		return;
	if (a->phase == APP_GATHERING) {
		reload_request_free(r); /* it was not sent */
		return;
	}
	r->on_end = NULL;
	reload_request_stop(r);
}

void reload_app_free(struct app *a)
{
	struct reload_apps *s = a->service;
	if (a->in)
		a->in->work = NULL;
	request_cancel(a);
	reload_ice_end_free(a->remote);
	while (a->strangers_count)
		reload_app_stranger_forget(a, 0);
	reload_timer_cancel(&s->engine->timers, &a->limit);
	TAILQ_REMOVE(&s->apps, a, entry);
	s->asked -= reload_app_is_asked(a);
	s->answered -= !reload_app_is_asked(a);
	s->ops->end(s->engine->host, a->number);
	free(a);
}

reload_ms reload_app_lifetime(const struct reload_apps *s)
{
	return (reload_ms)s->engine->config->overlay_reliability_timer_ms * RELOAD_TRANSMISSIONS;
}

void reload_app_limit(struct app *a, reload_ms ms, reload_timer_fn late)
{
	struct reload_engine *e = a->service->engine;
	reload_timer_arm(&e->timers, &a->limit, e->now + ms, late, a);
}

size_t reload_app_candidates(
	struct reload_ice_candidate *out, const struct reload_link_target *at, size_t count)
{
	for (size_t i = 0; i < count; i++)
		out[i] = (struct reload_ice_candidate){ .addr_port = at[i].at,
			.overlay_link = RELOAD_TLS_TCP_FH_NO_ICE,
			.foundation = span_str("1"),
			.priority = PRIORITY,
			.type = RELOAD_CAND_HOST };
	return count;
}

/* -- the applications that are served ------------------------------------------------------------------------------------ */

struct app_served *reload_app_served_find(struct reload_apps *s, uint16_t application)
{
	for (size_t i = 0; i < s->served_count; i++)
		if (s->served[i].application == application)
			return &s->served[i];
	return NULL;
}

enum reload_err reload_app_serve(struct reload_apps *s, uint16_t application, unsigned places)
{
	if (reload_app_served_find(s, application))
		return RELOAD_EXISTS;
	if (!s->ops || s->served_count == RELOAD_APPS_MAX || places > RELOAD_APP_PLACES_MAX)
		return RELOAD_LIMIT;
	reload_grow(&s->served, &s->served_cap, s->served_count, sizeof(*s->served));
	s->served[s->served_count++] =
		(struct app_served){ .application = application, .places = places };
	return RELOAD_OK;
}

void reload_app_serve_end(struct reload_apps *s, uint16_t application)
{
	struct app_served *served = reload_app_served_find(s, application);
	struct app *a, *next;
	if (!served)
		return;
	*served = s->served[--s->served_count];
	for (a = TAILQ_FIRST(&s->apps); a; a = next) {
		struct reload_incoming *in = a->in;
		next = TAILQ_NEXT(a, entry);
		if (reload_app_is_asked(a) || a->application != application)
			continue;
		reload_app_free(a);
		if (in) /* R-6.5.2-05 */
			reload_answer_error(in, RELOAD_NOT_FOUND, "no such application here");
	}
}

void reload_app_place_free(struct reload_apps *s, uint16_t application)
{
	struct app_served *served = reload_app_served_find(s, application);
	if (served && served->taken)
		served->taken--;
}
