#include "sip/bindings.h"

#include "util/alloc.h"

#include <stdlib.h>
#include <string.h>

void reload_sip_bindings_init(struct reload_sip_bindings *b)
{
	TAILQ_INIT(&b->list);
	b->count = 0;
}

static void drop(struct reload_sip_bindings *b, struct reload_sip_binding *x)
{
	TAILQ_REMOVE(&b->list, x, entry);
	b->count--;
	free(x->uri);
	free(x->shown);
	free(x->instance);
	free(x->call_id);
	free(x);
}

void reload_sip_bindings_clear(struct reload_sip_bindings *b)
{
	while (!TAILQ_EMPTY(&b->list))
		drop(b, TAILQ_FIRST(&b->list));
}

struct reload_sip_binding *reload_sip_bindings_find(
	const struct reload_sip_bindings *b, const char *uri)
{
	struct reload_sip_binding *x;
	TAILQ_FOREACH (x, &b->list, entry)
		if (!strcmp(x->uri, uri))
			return x;
	return NULL;
}

bool reload_sip_bindings_use(const struct reload_sip_bindings *b, uint64_t connection)
{
	const struct reload_sip_binding *x;
	TAILQ_FOREACH (x, &b->list, entry)
		if (x->hop.connection == connection)
			return true;
	return false;
}

/* The binding that a Contact is about: a flow of the same device, whatever its address is now (RFC 5626 s6), else the same URI. */
static struct reload_sip_binding *of_contact(
	const struct reload_sip_bindings *b, const struct reload_sip_contact *c)
{
	struct reload_sip_binding *x;
	TAILQ_FOREACH (x, &b->list, entry)
		if (c->instance && c->reg_id && x->instance && x->reg_id == c->reg_id &&
			!strcmp(x->instance, c->instance))
			return x;
	return reload_sip_bindings_find(b, c->uri);
}

static uint32_t wanted(const struct reload_sip_register *r, const struct reload_sip_contact *c)
{
	if (c->has_expires)
		return c->expires_s;
	return r->has_expires ? r->expires_s : r->default_s;
}

/* RFC 3261 s10.3 step 6, 7: one that came late changes nothing. */
static bool is_late(const struct reload_sip_binding *x, const struct reload_sip_register *r)
{
	return x && !strcmp(x->call_id, r->call_id) && r->cseq <= x->cseq;
}

static int refusal(const struct reload_sip_bindings *b, const struct reload_sip_register *r)
{
	size_t more = 0;
	const struct reload_sip_binding *x;
	if (r->star && (r->count || !r->has_expires || r->expires_s))
		return 400;
	if (r->star)
		TAILQ_FOREACH (x, &b->list, entry)
			if (is_late(x, r))
				return 500;
	for (size_t i = 0; i < r->count; i++) {
		uint32_t s = wanted(r, &r->contacts[i]);
		x = of_contact(b, &r->contacts[i]);
		if (s && s < r->min_s)
			return 423;
		if (is_late(x, r))
			return 500;
		more += !x && s;
	}
	return b->count + more > RELOAD_SIP_BINDINGS_MAX ? 403 : 0;
}

static void put_in_order(struct reload_sip_bindings *b, struct reload_sip_binding *x)
{
	struct reload_sip_binding *at;
	TAILQ_FOREACH (at, &b->list, entry)
		if (at->q <= x->q)
			break;
	if (at)
		TAILQ_INSERT_BEFORE(at, x, entry);
	else
		TAILQ_INSERT_TAIL(&b->list, x, entry);
	b->count++;
}

static uint32_t granted(const struct reload_sip_register *r, uint32_t s)
{
	if (s > r->max_s)
		s = r->max_s;
	int64_t varied = s + (int64_t)s * r->vary / 1000;
	return varied < r->min_s ? r->min_s : (uint32_t)varied;
}

static void bind_contact(struct reload_sip_bindings *b, const struct reload_sip_register *r,
	const struct reload_sip_contact *c, reload_ms now)
{
	struct reload_sip_binding *x = of_contact(b, c);
	uint32_t s = wanted(r, c);
	if (x)
		drop(b, x);
	if (!s)
		return;
	x = RELOAD_NEW(reload_sip_binding);
	x->uri = reload_strdup(c->uri);
	x->shown = reload_strdup(c->shown);
	x->instance = c->instance ? reload_strdup(c->instance) : NULL;
	x->call_id = reload_strdup(r->call_id);
	x->reg_id = c->reg_id;
	x->cseq = r->cseq;
	x->q = c->q;
	x->hop = c->hop;
	x->expires_at = now + (reload_ms)granted(r, s) * RELOAD_SECOND;
	put_in_order(b, x);
}

int reload_sip_register(
	struct reload_sip_bindings *b, const struct reload_sip_register *r, reload_ms now)
{
	(void)reload_sip_bindings_expire(b, now);
	int status = refusal(b, r);
	if (status)
		return status;
	if (r->star)
		reload_sip_bindings_clear(b);
	for (size_t i = 0; i < r->count; i++)
		bind_contact(b, r, &r->contacts[i], now);
	return 200;
}

reload_ms reload_sip_bindings_expire(struct reload_sip_bindings *b, reload_ms now)
{
	reload_ms next = RELOAD_NEVER;
	struct reload_sip_binding *x, *after;
	for (x = TAILQ_FIRST(&b->list); x; x = after) {
		after = TAILQ_NEXT(x, entry);
		if (x->expires_at <= now)
			drop(b, x);
		else if (x->expires_at < next)
			next = x->expires_at;
	}
	return next;
}
