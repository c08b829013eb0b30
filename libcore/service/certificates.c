#include "service/certificates.h"

#include "replica/request.h"
#include "wire/fetch.h"

enum {
	DELAY_MS = 200,
	SPREAD_MS = 800,
	AGAIN_MS = 10000, /* after a failure, with jitter; doubles */
	AGAIN_MAX_MS = 640000
};

static const uint32_t cert_kinds[] = { RELOAD_KIND_CERT_BY_NODE, RELOAD_KIND_CERT_BY_USER };

/* Where this node's certificate is kept. */
struct certificate_place {
	struct reload_certificates *certificates;
	uint32_t kind;
	bool failed; /* it may not be there, and is tried again */
};

struct reload_certificates {
	struct reload_engine *engine;
	const struct reload_route *route;
	struct reload_exchange *exchange;
	struct reload_timer timer;
	struct certificate_place places[COUNT_OF(cert_kinds)];
	bool joined, stored;
	unsigned
		failures; /* pauses after failures, since it joined or nothing is stored any more */
};

static void store_certificates(void *arg);

/* The way to the owner may be too slow for a request, and stay so: the pauses double, and four times as long follows when nothing was answered. */
static void again(struct certificate_place *place, enum reload_err err)
{
	struct reload_certificates *c = place->certificates;
	c->stored = false;
	place->failed = true;
	if (c->timer.armed)
		return; /* the other place has failed, too */
	reload_ms pause = reload_doubled(AGAIN_MS, c->failures, AGAIN_MAX_MS);
	c->failures += err == RELOAD_TIMEOUT ? 2 : 1;
	reload_timer_arm(&c->engine->timers, &c->timer,
		c->engine->now + pause + reload_engine_random_ms(c->engine, pause),
		store_certificates, c);
}

/* Under the Node-ID, and under the user name. */
static struct reload_id resource_of(const struct certificate_place *place)
{
	struct reload_certificates *c = place->certificates;
	struct reload_id resource;
	bool by_user = place->kind == RELOAD_KIND_CERT_BY_USER;
	c->route->topology->resource_id(
		&resource, by_user ? span_str(reload_exchange_credentials(c->exchange)->cert->user)
				   : reload_id_span(&c->engine->self));
	return resource;
}

static void stored(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct certificate_place *place = arg;
	struct reload_certificates *c = place->certificates;
	(void)r;
	if (result->err) {
		again(place, result->err);
		return;
	}
	struct reload_id resource = resource_of(place);
	reload_engine_event(c->engine, &(struct reload_event){ .type = RELOAD_EV_CERTIFICATE_STORED,
					       .kind = place->kind,
					       .resource = &resource,
					       .node = &result->responder });
}

static void append(struct certificate_place *place)
{
	struct reload_certificates *c = place->certificates;
	struct reload_id resource = resource_of(place);
	const struct reload_cert *cert = reload_exchange_credentials(c->exchange)->cert;
	uint64_t left = cert->not_after > c->engine->wall
				? (cert->not_after - c->engine->wall) / RELOAD_SECOND
				: 0;
	struct reload_store_item item = { .kind = place->kind,
		.lifetime_s = left > UINT32_MAX ? UINT32_MAX : (uint32_t)left,
		.value = { .index = RELOAD_ARRAY_END, .exists = true, .value = cert->der } };
	struct reload_destination to = reload_dest_resource(&resource);
	struct reload_request *r =
		reload_request_internal(c->exchange, RELOAD_STORE_REQ, &to, 1, stored, place);
	enum reload_err err = reload_store_own(r, &resource, &item, 1);
	if (err)
		reload_request_fail(r, err, "own certificate");
}

static void fetched(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct certificate_place *place = arg;
	struct reload_certificates *c = place->certificates;
	(void)r;
	const struct reload_cert *own = reload_exchange_credentials(c->exchange)->cert;
	if (result->err) {
		again(place, result->err);
		return;
	}
	for (size_t i = 0; i < result->values_count; i++) {
		const struct reload_fetched *f = &result->values[i];
		if (f->err || !f->data->value.exists)
			continue;
		if (span_eq(f->data->value.value, own->der))
			return; /* there already */
		if (place->kind == RELOAD_KIND_CERT_BY_USER && f->cert && own->self_issued &&
			!span_eq(f->cert->public_key_info, own->public_key_info))
			reload_engine_event(c->engine,
				&(struct reload_event){
					.type = RELOAD_EV_USER_NAME_CONFLICT, .node = &f->signer });
	}
	append(place);
}

static void look(struct certificate_place *place)
{
	struct reload_certificates *c = place->certificates;
	struct reload_id resource = resource_of(place);
	struct reload_array_range all = { 0, RELOAD_ARRAY_END };
	struct reload_specifier s = {
		.kind = place->kind, .model = RELOAD_MODEL_ARRAY, .ranges = &all, .ranges_count = 1
	};
	struct reload_fetch_req req = {
		.resource = reload_id_span(&resource), .specifiers = &s, .specifiers_count = 1
	};
	struct reload_destination to = reload_dest_resource(&resource);
	struct reload_request *r =
		reload_request_internal(c->exchange, RELOAD_FETCH_REQ, &to, 1, fetched, place);
	reload_fetch_own(r, &resource);
	reload_request_send(r, &req);
}

static void store_certificates(void *arg)
{
	struct reload_certificates *c = arg;
	if (!c->joined)
		return;
	c->stored = true;
	for (size_t i = 0; i < COUNT_OF(cert_kinds); i++) {
		struct certificate_place *place = &c->places[i];
		if (place->failed || !c->failures) {
			place->failed = false;
			look(place);
		}
	}
}

struct reload_certificates *reload_certificates_new(struct reload_engine *engine,
	const struct reload_route *route, struct reload_exchange *exchange)
{
	struct reload_certificates *c = RELOAD_NEW(reload_certificates);
	c->engine = engine;
	c->route = route;
	c->exchange = exchange;
	for (size_t i = 0; i < COUNT_OF(cert_kinds); i++)
		c->places[i] =
			(struct certificate_place){ .certificates = c, .kind = cert_kinds[i] };
	return c;
}

void reload_certificates_free(struct reload_certificates *c)
{
	if (!c)
		return;
	reload_timer_cancel(&c->engine->timers, &c->timer);
	free(c);
}

void reload_certificates_joined(struct reload_certificates *c)
{
	c->joined = true;
	if (!c->stored && !c->timer.armed)
		reload_timer_arm(&c->engine->timers, &c->timer,
			c->engine->now + DELAY_MS + reload_engine_random_ms(c->engine, SPREAD_MS),
			store_certificates, c);
}

void reload_certificates_away(struct reload_certificates *c)
{
	c->joined = false;
}

void reload_certificates_stop(struct reload_certificates *c)
{
	c->joined = false;
	c->failures = 0;
	reload_timer_cancel(&c->engine->timers, &c->timer);
}

void reload_certificates_forget(struct reload_certificates *c)
{
	c->stored = false;
	c->failures = 0;
	if (c->joined)
		reload_certificates_joined(c);
}
