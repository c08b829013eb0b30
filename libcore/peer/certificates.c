#include "peer/internal.h"

/*
 * The certificate-store usage (RFC 6940 s8): once joined, a node keeps its certificate under its user name and under its
 * Node-ID.  It looks first whether it is there already (STO-14) and appends it when it is not.
 */

enum {
	DELAY_MS = 200,
	SPREAD_MS = 800,
	AGAIN_MS = 10000
};

static const uint32_t cert_kinds[] = { RELOAD_KIND_CERT_BY_NODE, RELOAD_KIND_CERT_BY_USER };

static void store_certificates(void *arg);

static void again(struct reload_peer *p)
{
	reload_timer_arm(&p->engine->timers, &p->life.certificates,
		p->engine->now + AGAIN_MS + reload_engine_random_ms(p->engine, AGAIN_MS),
		store_certificates, p);
}

void reload_certificates_schedule(struct reload_peer *p)
{
	if (!p->life.certificates_stored && !p->life.certificates.armed)
		reload_timer_arm(&p->engine->timers, &p->life.certificates,
			p->engine->now + DELAY_MS + reload_engine_random_ms(p->engine, SPREAD_MS),
			store_certificates, p);
}

/* Under the Node-ID, and under the user name. */
static struct reload_id resource_of(const struct certificate_place *place)
{
	struct reload_peer *p = place->peer;
	struct reload_id resource;
	bool by_user = place->kind == RELOAD_KIND_CERT_BY_USER;
	p->topology->resource_id(
		&resource, by_user ? span_str(reload_exchange_credentials(p->exchange)->cert->user)
				   : reload_id_span(&p->engine->self));
	return resource;
}

static void stored(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct certificate_place *place = arg;
	struct reload_peer *p = place->peer;
	(void)r;
	if (result->err) {
		p->life.certificates_stored = false;
		again(p);
		return;
	}
	struct reload_id resource = resource_of(place);
	reload_engine_event(p->engine, &(struct reload_event){ .type = RELOAD_EV_CERTIFICATE_STORED,
					       .kind = place->kind,
					       .resource = &resource,
					       .node = &result->responder });
}

static void append(struct certificate_place *place)
{
	struct reload_peer *p = place->peer;
	struct reload_id resource = resource_of(place);
	const struct reload_cert *cert = reload_exchange_credentials(p->exchange)->cert;
	uint64_t left = cert->not_after > p->engine->wall
				? (cert->not_after - p->engine->wall) / RELOAD_SECOND
				: 0;
	struct reload_store_item item = { .kind = place->kind,
		.lifetime_s = left > UINT32_MAX ? UINT32_MAX : (uint32_t)left,
		.value = { .index = RELOAD_ARRAY_END, .exists = true, .value = cert->der } };
	struct reload_destination to = reload_dest_resource(&resource);
	struct reload_request *r =
		reload_request_own(p->exchange, RELOAD_STORE_REQ, &to, 1, stored, place);
	enum reload_err err = reload_store_own(r, &resource, &item, 1);
	if (err)
		reload_request_fail(r, err, "own certificate");
}

static void fetched(void *arg, struct reload_request *r, const struct reload_result *result)
{
	struct certificate_place *place = arg;
	struct reload_peer *p = place->peer;
	(void)r;
	const struct reload_cert *own = reload_exchange_credentials(p->exchange)->cert;
	if (result->err) {
		p->life.certificates_stored = false;
		again(p);
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
			reload_engine_event(p->engine,
				&(struct reload_event){
					.type = RELOAD_EV_USER_NAME_CONFLICT, .node = &f->signer });
	}
	append(place);
}

static void look(struct certificate_place *place)
{
	struct reload_peer *p = place->peer;
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
		reload_request_own(p->exchange, RELOAD_FETCH_REQ, &to, 1, fetched, place);
	reload_fetch_own(r, &resource);
	reload_request_send(r, &req);
}

static void store_certificates(void *arg)
{
	struct reload_peer *p = arg;
	if (p->life.state != RELOAD_STATE_JOINED)
		return;
	p->life.certificates_stored = true;
	for (size_t i = 0; i < COUNT_OF(cert_kinds); i++) {
		p->life.places[i] = (struct certificate_place){ .peer = p, .kind = cert_kinds[i] };
		look(&p->life.places[i]);
	}
}

void reload_peer_credentials(struct reload_peer *p, const struct reload_credentials *credentials)
{
	reload_engine_enter(p->engine);
	reload_exchange_credentials_set(p->exchange, credentials);
	p->life.certificates_stored = false;
	reload_certificates_schedule(p);
	reload_engine_exit(p->engine);
}

bool reload_peer_wants_overlay(const struct reload_peer *p)
{
	return p->life.wanted || p->life.state == RELOAD_STATE_JOINED;
}
