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

static uint32_t kind_of(const struct reload_request *r)
{
	return cert_kinds[(uintptr_t)r->own_arg];
}

/* Under the Node-ID, and under the user name. */
static struct reload_id resource_of(struct reload_peer *p, size_t which)
{
	struct reload_id resource;
	bool by_user = cert_kinds[which] == RELOAD_KIND_CERT_BY_USER;
	p->topology->resource_id(&resource,
		by_user ? span_str(p->credentials->cert->user) : reload_id_span(&p->engine->self));
	return resource;
}

static void stored(
	struct reload_peer *p, struct reload_request *r, const struct reload_result *result)
{
	if (result->err) {
		p->life.certificates_stored = false;
		again(p);
		return;
	}
	struct reload_id resource = resource_of(p, (uintptr_t)r->own_arg);
	reload_engine_event(p->engine, &(struct reload_event){ .type = RELOAD_EV_CERTIFICATE_STORED,
					       .kind = kind_of(r),
					       .resource = &resource,
					       .node = &result->responder });
}

static void append(struct reload_peer *p, const struct reload_request *fetch)
{
	struct reload_id resource = resource_of(p, (uintptr_t)fetch->own_arg);
	const struct reload_cert *cert = p->credentials->cert;
	uint64_t left = cert->not_after > p->engine->wall
				? (cert->not_after - p->engine->wall) / RELOAD_SECOND
				: 0;
	struct reload_store_item item = { .kind = kind_of(fetch),
		.lifetime_s = left > UINT32_MAX ? UINT32_MAX : (uint32_t)left,
		.value = { .index = RELOAD_ARRAY_END, .exists = true, .value = cert->der } };
	struct reload_destination to = reload_dest_resource(&resource);
	struct reload_request *r =
		reload_request_own(p, RELOAD_STORE_REQ, &to, 1, stored, fetch->own_arg);
	enum reload_err err = reload_store_own(r, &resource, &item, 1);
	if (err)
		reload_request_fail(r, err, "own certificate");
}

static void fetched(
	struct reload_peer *p, struct reload_request *r, const struct reload_result *result)
{
	const struct reload_cert *own = p->credentials->cert;
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
		if (kind_of(r) == RELOAD_KIND_CERT_BY_USER && f->cert && own->self_issued &&
			!span_eq(f->cert->public_key_info, own->public_key_info))
			reload_engine_event(p->engine,
				&(struct reload_event){
					.type = RELOAD_EV_USER_NAME_CONFLICT, .node = &f->signer });
	}
	append(p, r);
}

static void look(struct reload_peer *p, size_t which)
{
	struct reload_id resource = resource_of(p, which);
	struct reload_array_range all = { 0, RELOAD_ARRAY_END };
	struct reload_specifier s = { .kind = cert_kinds[which],
		.model = RELOAD_MODEL_ARRAY,
		.ranges = &all,
		.ranges_count = 1 };
	struct reload_fetch_req req = {
		.resource = reload_id_span(&resource), .specifiers = &s, .specifiers_count = 1
	};
	struct reload_destination to = reload_dest_resource(&resource);
	struct reload_request *r =
		reload_request_own(p, RELOAD_FETCH_REQ, &to, 1, fetched, (void *)(uintptr_t)which);
	reload_fetch_make(r, &resource);
	reload_request_send(r, &req);
}

static void store_certificates(void *arg)
{
	struct reload_peer *p = arg;
	if (p->life.state != RELOAD_STATE_JOINED)
		return;
	p->life.certificates_stored = true;
	for (size_t i = 0; i < COUNT_OF(cert_kinds); i++)
		look(p, i);
}

void reload_credentials_know(struct reload_peer *p)
{
	const struct reload_credentials *c = p->credentials;
	struct reload_chain chain;
	bool known = !reload_trust_chain(p->engine->config->trust, c->cert, c->others,
		c->others_count, p->engine->wall, &chain, NULL);
	reload_cache_add(p->cache, c->cert, known ? &chain : NULL);
}

void reload_peer_credentials(struct reload_peer *p, const struct reload_credentials *credentials)
{
	reload_engine_enter(p->engine);
	p->credentials = credentials;
	wr_clear(&p->identity);
	wr_init(&p->identity);
	reload_cert_identity_write(&p->identity, credentials->cert, &p->engine->self);
	reload_credentials_know(p);
	p->life.certificates_stored = false;
	reload_certificates_schedule(p);
	reload_engine_exit(p->engine);
}

bool reload_peer_wants_overlay(const struct reload_peer *p)
{
	return p->life.wanted || p->life.state == RELOAD_STATE_JOINED;
}
