#include "peer/internal.h"

/* Connections of applications: each function enters the engine, calls the service, and exits. */

enum reload_err reload_peer_app_serve(struct reload_peer *p, uint16_t application, unsigned places)
{
	reload_engine_enter(p->engine);
	enum reload_err err = reload_app_serve(p->apps, application, places);
	reload_engine_exit(p->engine);
	return err;
}

void reload_peer_app_serve_end(struct reload_peer *p, uint16_t application)
{
	reload_engine_enter(p->engine);
	reload_app_serve_end(p->apps, application);
	reload_engine_exit(p->engine);
}

void reload_peer_app_place_free(struct reload_peer *p, uint16_t application)
{
	reload_engine_enter(p->engine);
	reload_app_place_free(p->apps, application);
	reload_engine_exit(p->engine);
}

enum reload_err reload_peer_app_ask(struct reload_peer *p, uint32_t app, uint16_t application,
	const struct reload_request_target *target)
{
	if (!reload_membership_may_request(p->membership))
		return RELOAD_NOT_JOINED;
	reload_engine_enter(p->engine);
	enum reload_err err = reload_app_ask(p->apps, app, application, target);
	reload_engine_exit_deferred(p->engine);
	return err;
}

void reload_peer_app_cancel(struct reload_peer *p, uint32_t app)
{
	reload_engine_enter(p->engine);
	reload_app_cancel(p->apps, app);
	reload_engine_exit(p->engine);
}

void reload_peer_app_gathered(
	struct reload_peer *p, uint32_t app, const struct reload_ice_gathered *found)
{
	reload_engine_enter(p->engine);
	reload_app_gathered(p->apps, app, found);
	reload_engine_exit(p->engine);
}

void reload_peer_app_up(
	struct reload_peer *p, uint32_t app, uint32_t stream, struct reload_cert *cert)
{
	reload_engine_enter(p->engine);
	reload_app_up(p->apps, app, stream, cert);
	reload_engine_exit(p->engine);
}

void reload_peer_app_down(struct reload_peer *p, uint32_t app, enum reload_err err)
{
	reload_engine_enter(p->engine);
	reload_app_down(p->apps, app, err);
	reload_engine_exit(p->engine);
}
