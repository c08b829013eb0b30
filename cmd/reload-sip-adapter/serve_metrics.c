#include "reload-sip-adapter/serve_metrics.h"

#include "control/metrics.h"

static void gauge(struct wr *w, const char *name, const char *help, uint64_t value)
{
	reload_metrics_family(w, name, "gauge", NULL, help);
	reload_metrics_u64(w, name, "", NULL, 0, value);
}

static void counter(struct wr *w, const char *name, const char *help, uint64_t value)
{
	reload_metrics_family(w, name, "counter", NULL, help);
	reload_metrics_u64(w, name, "_total", NULL, 0, value);
}

/* One sample for each agent: there are no more than ADAPTER_AGENTS_MAX. */
static void of_agents(struct wr *w, const struct adapter *a)
{
	reload_metrics_family(
		w, "reload_sip_devices", "gauge", NULL, "Registered devices of a user.");
	for (size_t i = 0; i < a->served_count; i++)
		reload_metrics_u64(w, "reload_sip_devices", "",
			&(struct reload_metric_label){ "aor", a->served[i]->user }, 1,
			a->served[i]->bindings.count);
	reload_metrics_family(w, "reload_sip_serving", "gauge", NULL,
		"1 when the agent of a user is there and takes connections.");
	for (size_t i = 0; i < a->served_count; i++)
		reload_metrics_u64(w, "reload_sip_serving", "",
			&(struct reload_metric_label){ "aor", a->served[i]->user }, 1,
			a->served[i]->state == SERVED_READY);
}

static void refusals(struct wr *w, const struct transport *t)
{
	reload_metrics_family(w, "reload_sip_refused_connections", "counter", NULL,
		"Connections that were refused, as there were too many of all or of their host.");
	reload_metrics_u64(w, "reload_sip_refused_connections", "_total",
		&(struct reload_metric_label){ "limit", "all" }, 1, t->refused);
	reload_metrics_u64(w, "reload_sip_refused_connections", "_total",
		&(struct reload_metric_label){ "limit", "host" }, 1, t->refused_of_host);
}

void serve_metrics(struct wr *w, void *adapter)
{
	const struct adapter *a = adapter;
	const struct adapter_counts *c = &a->counts;
	of_agents(w, a);
	gauge(w, "reload_sip_dialogs",
		"Dialogs, and those that have ended half a minute ago or less.", a->calls.count);
	gauge(w, "reload_sip_transactions", "Transactions.", a->txns.count);
	gauge(w, "reload_sip_transaction_bytes",
		"Bytes of messages that may have to be sent again.", a->txns.bytes);
	gauge(w, "reload_sip_requests_under_way", "Requests that were forwarded.", a->forks);
	gauge(w, "reload_sip_connections", "Connections with devices and nodes.",
		a->transport.connections);
	gauge(w, "reload_sip_relays", "Calls whose audio goes through this process.",
		a->relays.count);
	gauge(w, "reload_sip_connection_bytes",
		"Bytes that wait on all connections, to be sent or for their rest.",
		a->transport.held);
	refusals(w, &a->transport);
	counter(w, "reload_sip_idle_connections", "Connections that ended as nothing used them.",
		a->transport.idle);
	counter(w, "reload_sip_overfull_connections",
		"Connections that ended as too much waited on all of them.", a->transport.overfull);
	counter(w, "reload_sip_messages", "Messages that came.", c->received);
	counter(w, "reload_sip_rubbish", "Messages that could not be read.", c->rubbish);
	counter(w, "reload_sip_requests", "Requests that came.", c->requests);
	counter(w, "reload_sip_responses", "Responses that came.", c->responses);
	counter(w, "reload_sip_registers", "REGISTERs that came.", c->registers);
	counter(w, "reload_sip_calls", "Calls that began.", c->calls);
	counter(w, "reload_sip_answered", "Calls that were answered.", c->answered);
	counter(w, "reload_sip_failed", "Calls that were not.", c->refused);
	counter(w, "reload_sip_challenges", "Devices that were asked for a password.",
		c->challenges);
	counter(w, "reload_sip_forged", "Requests from somebody else than they said.", c->forged);
	counter(w, "reload_sip_loops", "Requests that came back.", c->looped);
	counter(w, "reload_sip_lost_connections", "Connections that ended.", c->lost);
	counter(w, "reload_sip_relays_refused", "Calls for whose audio there was no port or path.",
		a->relays.refused);
	counter(w, "reload_sip_relays_unencrypted",
		"Calls for whose audio no keys could be agreed on.", a->relays.faults);
	reload_metrics_end(w);
}
