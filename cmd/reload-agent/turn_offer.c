#include "turn_offer.h"

#include "ice_internal.h"
#include "renewals.h"
#include "services.h"

#include "config/kind.h"
#include "usage/turn.h"
#include "wire/codes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct turn_offer {
	struct host *h;
	struct agent_names name; /* of the one server */
	struct agent_nat check;
	struct reload_timer again;
	unsigned failures;        /* checks since it was offered */
	bool tcp;                 /* the server takes TCP alone: it is not asked */
	bool offered;             /* records are stored and renewed */
	struct reload_ip_port at; /* in them */
	char said[160];           /* why it is not offered, as the log has it */
};

enum {
	TURN_PORT = 3478 /* RFC 5766 s6.1 */
};

/* -- turn:HOST[:PORT][?transport=udp|tcp] (RFC 7065) ------------------------------------------------------------------------ */

static enum reload_err url_bad(const char *url, struct reload_error_text *why)
{
	reload_error_explain(why, RELOAD_USAGE, url,
		"--turn-server takes turn:HOST[:PORT][?transport=udp|tcp] (RFC 7065)");
	reload_error_advise(why, "--turn-server turn:192.0.2.1:3478");
	return RELOAD_USAGE;
}

static enum reload_err url_read(
	struct turn_offer *o, const char *url, struct reload_error_text *why)
{
	static const char scheme[] = "turn:", query[] = "?transport=";
	char at[300];
	if (strncmp(url, scheme, strlen(scheme)))
		return url_bad(url, why);
	const char *host = url + strlen(scheme), *end = strchrnul(host, '?');
	const char *bracket = memrchr(host, ']', (size_t)(end - host));
	bool port = memrchr(bracket ? bracket : host, ':',
			    (size_t)(end - (bracket ? bracket : host))) != NULL;
	if (*end &&
		(strncmp(end, query, strlen(query)) ||
			(strcmp(end + strlen(query), "udp") && strcmp(end + strlen(query), "tcp"))))
		return url_bad(url, why);
	o->tcp = *end && !strcmp(end + strlen(query), "tcp");
	if (end == host || (size_t)snprintf(at, sizeof(at), port ? "%.*s" : "%.*s:%d",
				   (int)(end - host), host, TURN_PORT) >= sizeof(at))
		return url_bad(url, why);
	return agent_names_add(&o->name, "--turn-server", at, why);
}

enum reload_err turn_offer_prepare(
	struct host *h, const struct agent_settings *s, struct reload_error_text *why)
{
	const char *url = agent_setting_value(s, "turn-server", 0);
	if (!url)
		return RELOAD_OK;
	h->turn_offer = RELOAD_NEW(turn_offer);
	h->turn_offer->h = h;
	return url_read(h->turn_offer, url, why);
}

/* -- the records -------------------------------------------------------------------------------------------------------------- */

/* Calls fn for each record that the Kind allows, from number 1. */
static void each_record(struct host *h, unsigned count,
	void (*fn)(struct host *h, const struct reload_id *resource, uint8_t d))
{
	const struct reload_id *node = &h->identity.credentials.node;
	for (unsigned d = 1; d <= count; d++) {
		struct wr name;
		struct reload_id resource;
		wr_init(&name);
		reload_turn_name(&name, node, (uint8_t)d);
		reload_peer_resource_id(h->agent.peer, &resource, wr_done(&name));
		fn(h, &resource, (uint8_t)d);
		wr_clear(&name);
	}
}

static void drop(struct host *h, const struct reload_id *resource, uint8_t d)
{
	(void)d;
	(void)agent_renewals_drop(
		agent_renewals(&h->agent), &(struct agent_renewal_place){ .resource = *resource,
						   .kind = RELOAD_KIND_TURN_SERVICE });
}

static void store(struct host *h, const struct reload_id *resource, uint8_t d)
{
	struct wr value;
	wr_init(&value);
	reload_turn_record(&value, &h->turn_offer->at, d);
	struct reload_stored_value v = {
		.model = RELOAD_MODEL_SINGLE, .exists = true, .value = wr_done(&value)
	};
	agent_renewals_begin(agent_renewals(&h->agent),
		&(struct agent_renewal_place){
			.resource = *resource, .kind = RELOAD_KIND_TURN_SERVICE, .value = &v },
		NULL, TURN_OFFER_LIFETIME_S);
	wr_clear(&value);
}

static void removed(void *arg, const struct reload_result *result)
{
	(void)arg, (void)result; /* what is not removed ends with its lifetime */
}

/* The record is taken out of the overlay, so that nobody goes on finding it. */
static void take_out(struct host *h, const struct reload_id *resource, uint8_t d)
{
	enum reload_err err = RELOAD_OK;
	struct reload_destination to = reload_dest_resource(resource);
	struct reload_request_target target = { .list = &to, .count = 1 };
	struct reload_store_item item = { .kind = RELOAD_KIND_TURN_SERVICE,
		.value = { .model = RELOAD_MODEL_SINGLE },
		.lifetime_s = TURN_OFFER_LIFETIME_S };
	drop(h, resource, d);
	(void)reload_peer_store(h->agent.peer, &target, resource, &item, 1, removed, NULL, &err);
}

static void drop_all(struct host *h)
{
	const struct reload_kind *kind =
		reload_config_kind(reload_peer_config(h->agent.peer), RELOAD_KIND_TURN_SERVICE);
	each_record(h, kind ? kind->max_node_multiple : 0, drop);
}

/* Says why the server is not offered, once. */
static void withdraw(struct turn_offer *o, const char *why)
{
	if (strcmp(o->said, why))
		agent_log(o->h->agent.log, "agent", RELOAD_LEVEL_WARN,
			"the TURN server is not offered: %s", why);
	snprintf(o->said, sizeof(o->said), "%s", why);
	if (o->offered)
		each_record(
			o->h, reload_turn_records(reload_peer_config(o->h->agent.peer)), take_out);
	o->offered = false;
	agent_service_withdraw(agent_services(&o->h->agent), RELOAD_SERVICE_TURN);
}

static void offer(struct turn_offer *o, const struct reload_ip_port *at)
{
	char text[64];
	struct host *h = o->h;
	unsigned count = reload_turn_records(reload_peer_config(h->agent.peer));
	if (!count) {
		withdraw(o, "turn-density of the configuration is 0");
		return;
	}
	if (o->offered && reload_ip_port_eq(&o->at, at))
		return;
	drop_all(h);
	o->at = *at;
	o->offered = true;
	o->said[0] = 0;
	each_record(h, count, store);
	agent_service_offer(agent_services(&h->agent), RELOAD_SERVICE_TURN);
	agent_relay_add(&h->ice->relay, at);
	agent_log(h->agent.log, "agent", RELOAD_LEVEL_INFO,
		"the TURN server is offered address=%s records=%u", reload_ip_port_text(text, at),
		count);
}

/* -- whether it is there ------------------------------------------------------------------------------------------------------ */

static void judge(struct turn_offer *o, bool answers)
{
	struct reload_ip_port at;
	char why[sizeof(o->said)], text[64];
	if (!agent_names_addresses(&o->name, &at, 1)) {
		const char *failure = agent_names_failure(&o->name, why, sizeof(why));
		withdraw(o, failure ? failure : "it has no address");
		return;
	}
	const struct reload_ip_port *seen = ice_seen(o->h->ice);
	const char *fault = o->h->ice->loopback && reload_ip_port_is_loopback(&at)
				    ? NULL
				    : reload_turn_offer_fault(&at, seen, seen ? 1 : 0);
	if (!fault && !answers)
		fault = "no answer to a STUN Binding request";
	if (!fault) {
		offer(o, &at);
		return;
	}
	snprintf(why, sizeof(why), "%s: %s", reload_ip_port_text(text, &at), fault);
	withdraw(o, why);
}

static void begin(void *arg);

static void later(struct turn_offer *o)
{
	reload_ms in =
		o->offered ? TURN_OFFER_CHECK_MS
			   : reload_doubled(TURN_OFFER_AGAIN_MS, o->failures, TURN_OFFER_CHECK_MS);
	o->failures = o->offered ? 0 : o->failures + 1;
	reload_timer_arm(
		reload_poll_timers(o->h->agent.poll), &o->again, reload_poll_now() + in, begin, o);
}

static void checked(void *arg)
{
	struct turn_offer *o = arg;
	/* an address of IPv6 is not asked */
	judge(o, o->tcp || !o->check.count || o->check.at[0].mapped.type);
	later(o);
}

static void resolved(void *arg)
{
	struct turn_offer *o = arg;
	struct agent_nat_server server = { .turn = true };
	size_t count = agent_names_addresses(&o->name, &server.at, 1);
	agent_nat_measure(&o->check, &server, o->tcp ? 0 : count, checked, o);
}

static void begin(void *arg)
{
	struct turn_offer *o = arg;
	agent_names_resolve(&o->name, resolved, o);
}

void turn_offer_start(struct host *h)
{
	struct turn_offer *o = h->turn_offer;
	drop_all(h); /* those of an earlier run */
	if (!o)
		return;
	o->check.round.poll = h->agent.poll;
	o->name.poll = h->agent.poll;
	o->name.log = h->agent.log;
	begin(o);
}

void turn_offer_stop(struct host *h)
{
	struct turn_offer *o = h->turn_offer;
	if (!o || !o->check.round.poll)
		return;
	agent_nat_stop(&o->check);
	agent_names_stop(&o->name);
	reload_timer_cancel(reload_poll_timers(h->agent.poll), &o->again);
}

void turn_offer_clear(struct host *h)
{
	if (h->turn_offer)
		agent_names_clear(&h->turn_offer->name);
	free(TAKE(h->turn_offer));
}
