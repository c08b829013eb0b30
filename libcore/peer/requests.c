#include "peer/internal.h"

#include "membership/probe.h"

/* Requests as the host may make them: one function per method. */

/* A request of the host, if this node may make any now. */
static struct reload_request *request(struct reload_peer *p, uint16_t code,
	const struct reload_request_target *target, reload_result_fn fn, void *arg,
	enum reload_err *err)
{
	if (!reload_membership_may_request(p->membership)) {
		*err = RELOAD_NOT_JOINED;
		return NULL;
	}
	return reload_request_new(p->exchange, code, target, fn, arg, err);
}

void reload_request_cancel(struct reload_peer *p, struct reload_request *r)
{
	if (!r)
		return;
	reload_engine_enter(p->engine);
	reload_request_stop(r);
	reload_engine_exit(p->engine);
}

static struct reload_request *begin(struct reload_peer *p, uint16_t code,
	const struct reload_request_target *target, const void *body, reload_result_fn fn,
	void *arg, enum reload_err *err)
{
	reload_engine_enter(p->engine);
	struct reload_request *r = request(p, code, target, fn, arg, err);
	if (r)
		reload_request_send(r, body);
	reload_engine_exit_deferred(p->engine);
	return r;
}

struct reload_request *reload_peer_ping(struct reload_peer *p,
	const struct reload_request_target *target, size_t padding, reload_result_fn fn, void *arg,
	enum reload_err *err)
{
	uint8_t *bytes = reload_alloc(padding);
	struct reload_ping_req req = { .padding = span_of(bytes, padding) };
	struct reload_request *r = begin(p, RELOAD_PING_REQ, target, &req, fn, arg, err);
	free(bytes);
	return r;
}

struct reload_request *reload_peer_find(struct reload_peer *p,
	const struct reload_request_target *target, const struct reload_id *resource,
	const uint32_t *kinds, size_t count, reload_result_fn fn, void *arg, enum reload_err *err)
{
	struct reload_find_req req = { .resource = reload_id_span(resource),
		.kinds = (uint32_t *)kinds,
		.kinds_count = count };
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < i; k++)
			if (kinds[i] == kinds[k]) { /* R-7.4.4-01 */
				*err = RELOAD_USAGE;
				return NULL;
			}
	return begin(p, RELOAD_FIND_REQ, target, &req, fn, arg, err);
}

struct reload_request *reload_peer_probe(struct reload_peer *p,
	const struct reload_request_target *target, struct span types, reload_result_fn fn,
	void *arg, enum reload_err *err)
{
	struct reload_probe_req req = { .requested_info = types };
	reload_engine_enter(p->engine);
	struct reload_request *r = request(p, RELOAD_PROBE_REQ, target, fn, arg, err);
	if (r)
		reload_probe_send(&p->route, r, &req);
	reload_engine_exit_deferred(p->engine);
	return r;
}

struct reload_request *reload_peer_route_query(struct reload_peer *p,
	const struct reload_request_target *target, const struct reload_destination *destination,
	bool send_update, reload_result_fn fn, void *arg, enum reload_err *err)
{
	struct reload_route_query_req req = { .send_update = send_update,
		.destination = *destination };
	return begin(p, RELOAD_ROUTE_QUERY_REQ, target, &req, fn, arg, err);
}

struct reload_request *reload_peer_diagnostic_ping(struct reload_peer *p,
	const struct reload_request_target *target, const struct reload_diagnostics_wish *wish,
	reload_result_fn fn, void *arg, enum reload_err *err)
{
	reload_engine_enter(p->engine);
	struct reload_request *r = request(p, RELOAD_PING_REQ, target, fn, arg, err);
	if (r && (*err = reload_diagnostics_send_ping(p->diagnostics, r, wish)))
		reload_request_free(TAKE(r));
	reload_engine_exit_deferred(p->engine);
	return r;
}

struct reload_request *reload_peer_path_track(struct reload_peer *p,
	const struct reload_request_target *target, const struct reload_destination *destination,
	const struct reload_diagnostics_wish *wish, reload_result_fn fn, void *arg,
	enum reload_err *err)
{
	reload_engine_enter(p->engine);
	struct reload_request *r = request(p, RELOAD_PATH_TRACK_REQ, target, fn, arg, err);
	if (r && (*err = reload_diagnostics_send_path_track(p->diagnostics, r, destination, wish)))
		reload_request_free(TAKE(r));
	reload_engine_exit_deferred(p->engine);
	return r;
}

struct reload_request *reload_peer_config_update(struct reload_peer *p,
	const struct reload_request_target *target, const struct reload_config_update *update,
	reload_result_fn fn, void *arg, enum reload_err *err)
{
	return begin(p, RELOAD_CONFIG_UPDATE_REQ, target, update, fn, arg, err);
}

/* -- Fetch and Stat ------------------------------------------------------------------------------------------------------------ */

static struct reload_request *fetch(struct reload_peer *p, uint16_t code,
	const struct reload_request_target *target, const struct reload_id *resource,
	const struct reload_specifier *specifiers, size_t count, reload_result_fn fn, void *arg,
	enum reload_err *err)
{
	struct reload_specifier *own = reload_alloc_array(count, sizeof(*own));
	struct reload_fetch_req req = {
		.resource = reload_id_span(resource), .specifiers = own, .specifiers_count = count
	};
	*err = reload_specifiers_own(p->engine->config, own, specifiers, count);
	struct reload_request *r = NULL;
	if (!*err) {
		reload_engine_enter(p->engine);
		r = request(p, code, target, fn, arg, err);
		if (r) {
			if (code == RELOAD_FETCH_REQ)
				reload_fetch_own(r, resource);
			reload_request_send(r, &req);
		}
		reload_engine_exit_deferred(p->engine);
	}
	free(own);
	return r;
}

struct reload_request *reload_peer_fetch(struct reload_peer *p,
	const struct reload_request_target *target, const struct reload_id *resource,
	const struct reload_specifier *specifiers, size_t count, reload_result_fn fn, void *arg,
	enum reload_err *err)
{
	return fetch(p, RELOAD_FETCH_REQ, target, resource, specifiers, count, fn, arg, err);
}

struct reload_request *reload_peer_stat(struct reload_peer *p,
	const struct reload_request_target *target, const struct reload_id *resource,
	const struct reload_specifier *specifiers, size_t count, reload_result_fn fn, void *arg,
	enum reload_err *err)
{
	return fetch(p, RELOAD_STAT_REQ, target, resource, specifiers, count, fn, arg, err);
}

struct reload_request *reload_peer_store(struct reload_peer *p,
	const struct reload_request_target *target, const struct reload_id *resource,
	const struct reload_store_item *items, size_t count, reload_result_fn fn, void *arg,
	enum reload_err *err)
{
	if (!count || count > RELOAD_STORE_ITEMS_MAX) {
		*err = RELOAD_USAGE;
		return NULL;
	}
	reload_engine_enter(p->engine);
	struct reload_request *r = request(p, RELOAD_STORE_REQ, target, fn, arg, err);
	if (r && (*err = reload_store_own(r, resource, items, count))) {
		reload_request_free(r);
		r = NULL;
	}
	reload_engine_exit_deferred(p->engine);
	return r;
}
