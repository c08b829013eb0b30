#include "exchange/internal.h"

enum {
	ANSWERS_MAX = 16384,
	ANSWERS_BYTES = 16 * 1024 * 1024,
	RETURN_PATHS_MAX = 65536,
};

static reload_ms transactions_now(void *arg)
{
	return ((struct reload_exchange *)arg)->engine->now;
}

static void tables_new(struct reload_exchange *x)
{
	reload_ms timer = x->engine->config->overlay_reliability_timer_ms,
		  lifetime = timer * RELOAD_TRANSMISSIONS;
	x->cache = reload_cache_new(RELOAD_CACHE_CERTS, RELOAD_CACHE_VALUES);
	x->answer_cache = reload_answer_cache_new(ANSWERS_MAX, ANSWERS_BYTES, lifetime);
	x->return_paths = reload_return_paths_new(RETURN_PATHS_MAX, lifetime);
	x->reassembly =
		reload_reassembly_new(&x->engine->timers, x->policy.max_reassembly, lifetime);
	x->transactions = (struct reload_transactions){ .timers = &x->engine->timers,
		.now = transactions_now,
		.transmit = reload_requests_transmit,
		.failed = reload_requests_failed,
		.arg = x,
		.interval = timer };
	TAILQ_INIT(&x->work);
	TAILQ_INIT(&x->requests);
	TAILQ_INIT(&x->done);
	TAILQ_INIT(&x->delayed);
}

struct reload_exchange *reload_exchange_new(const struct reload_exchange_setup *setup)
{
	struct reload_exchange *x = RELOAD_NEW(reload_exchange);
	x->engine = setup->engine;
	x->connections = setup->connections;
	x->route = setup->route;
	x->credentials = setup->credentials;
	x->policy = setup->policy;
	x->watch = setup->watch;
	x->watch_arg = setup->watch_arg;
	x->engine->results = (struct reload_engine_results){
		.arg = x, .deliver = reload_requests_complete, .waiting = reload_requests_waiting
	};
	tables_new(x);
	reload_traffic_begin(&x->traffic, x->engine->now);
	reload_identity_set(x);
	reload_identity_trust(x);
	return x;
}

void reload_exchange_stop(struct reload_exchange *x)
{
	struct reload_request *r;
	while ((r = TAILQ_FIRST(&x->requests)))
		reload_request_fail(r, RELOAD_CANCELLED, "the node stops");
	reload_requests_complete(x);
	while (!TAILQ_EMPTY(&x->work))
		reload_incoming_free(TAILQ_FIRST(&x->work), true);
	reload_loop_clear(x);
}

void reload_exchange_free(struct reload_exchange *x)
{
	if (!x)
		return;
	reload_timer_cancel(&x->engine->timers, &x->answers_over);
	reload_transactions_clear(&x->transactions);
	reload_reassembly_free(x->reassembly);
	reload_return_paths_free(x->return_paths);
	reload_answer_cache_free(x->answer_cache);
	reload_cache_free(x->cache);
	wr_clear(&x->identity);
	free(x->induced);
	free(x);
}

void reload_exchange_configured(struct reload_exchange *x)
{
	x->transactions.interval = x->engine->config->overlay_reliability_timer_ms;
	reload_answer_cache_set_lifetime(
		x->answer_cache, x->transactions.interval * RELOAD_TRANSMISSIONS); /* R-6.2.1-11 */
	reload_cache_clear(x->cache);
	reload_identity_trust(x);
}

const struct reload_credentials *reload_exchange_credentials(const struct reload_exchange *x)
{
	return x->credentials;
}

void reload_exchange_credentials_set(
	struct reload_exchange *x, const struct reload_credentials *credentials)
{
	x->credentials = credentials;
	reload_identity_set(x);
	reload_identity_trust(x);
}

struct reload_cache *reload_exchange_certificates(struct reload_exchange *x)
{
	return x->cache;
}

void reload_exchange_trusts(struct reload_exchange *x, struct reload_cert *cert)
{
	reload_cache_add(x->cache, cert, NULL);
}

struct reload_traffic *reload_exchange_traffic(struct reload_exchange *x)
{
	return &x->traffic;
}

size_t reload_exchange_work(const struct reload_exchange *x)
{
	return x->work_count;
}
