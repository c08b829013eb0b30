#include "reload-sip-adapter/outside.h"

#include <stdlib.h>
#include <string.h>

struct outside *outside_new(struct adapter *a, const char *uri, bool trunk, bool local,
	const struct outside_ops *ops, void *arg)
{
	struct outside *o = RELOAD_NEW(outside);
	o->a = a;
	o->ops = ops;
	o->arg = arg;
	o->uri = reload_strdup(uri);
	o->trunk = trunk;
	o->local = local;
	return o;
}

static void quiet(struct outside *o)
{
	reload_location_cancel(TAKE(o->location));
	reload_timer_cancel(reload_poll_timers(o->a->poll), &o->silence);
}

void outside_stop(struct outside *o)
{
	quiet(o);
	o->next = o->count;
}

void outside_free(struct outside *o)
{
	if (!o)
		return;
	quiet(o);
	free(o->host);
	free(o->uri);
	free(o);
}

/* -- what this process has to send with --------------------------------------------------------------------------------------------- */

/*
 * A datagram from a loopback address goes nowhere else.  What a caller or another server has named (claimed) is none of the services of this host, or of its
 * network, which trust whoever is here; trunks are configured.
 */
static bool reaches(const struct transport_socket *s, const struct reload_ip_port *to, bool claimed)
{
	bool here = reload_ip_port_is_loopback(&s->at);
	return s->at.type == to->type && (s->anywhere || here == reload_ip_port_is_loopback(to)) &&
	       !(claimed && reload_ip_port_claim_fault(to, here));
}

static void own_means(struct reload_locate_uri *out, const struct transport *t)
{
	for (size_t i = 0; i < t->sockets_count; i++) {
		const struct transport_socket *s = &t->sockets[i];
		out->transports |= 1u << s->transport; /* enum reload_locate_transport */
		out->families |=
			s->at.type == RELOAD_IPV4 ? RELOAD_LOCATE_IPV4 : RELOAD_LOCATE_IPV6;
	}
}

/* The way to a server; false: there is none from here. */
static bool way_to(struct reload_sip_hop *out, const struct transport *t,
	const struct reload_locate_server *server, bool claimed)
{
	for (size_t i = 0; i < t->sockets_count; i++) {
		const struct transport_socket *s = &t->sockets[i];
		if (1u << s->transport != (unsigned)server->transport ||
			!reaches(s, &server->at, claimed))
			continue;
		*out = (struct reload_sip_hop){
			.transport = s->transport, .socket = (uint8_t)i, .remote = server->at
		};
		return true;
	}
	return false;
}

bool outside_way(struct reload_sip_hop *out, const struct transport *t, const char *text)
{
	struct reload_locate_uri uri = { 0 };
	const struct reload_locate_server *servers;
	struct reload_locate *l = NULL;
	char host[MESSAGE_URI];
	size_t count = 0;
	if (!message_place(&uri, host, text))
		return false;
	own_means(&uri, t);
	if (reload_locate_new(&l, &uri, NULL, NULL, NULL))
		return false;
	bool there = reload_locate_done(l) && !reload_locate_servers(l, &servers, &count, NULL) &&
		     way_to(out, t, &servers[0], true);
	reload_locate_free(l);
	return there;
}

/* -- servers ------------------------------------------------------------------------------------------------------------------------ */

static void on_silence(void *arg)
{
	struct outside *o = arg;
	o->ops->silent(o->arg, 408);
}

/* Connections with servers over TLS are made here, where it is known whom they have to be with (RFC 5922 s4: the domain, wherever its records lead). */
static bool connect_secure(struct outside *o, struct reload_sip_hop *hop)
{
	if (hop->transport != RELOAD_SIP_TLS)
		return true;
	struct connection *c = connection_open(&o->a->transport, hop, o->host);
	hop->connection = c ? c->id : 0;
	return c;
}

/* Whether a server has the request now; else all were tried. */
static bool try_next(struct outside *o)
{
	struct reload_timers *timers = reload_poll_timers(o->a->poll);
	while (o->next < o->count) {
		const struct reload_locate_server *server = &o->servers[o->next++];
		struct reload_sip_hop hop;
		o->answered = false;
		if (!way_to(&hop, &o->a->transport, server, !o->trunk && !o->local))
			continue;
		if (!connect_secure(o, &hop) || !o->ops->send(o->arg, &hop)) {
			reload_dead_failed(&o->a->dead, server, reload_poll_now(), 0);
			continue;
		}
		if (o->next < o->count)
			reload_timer_arm(timers, &o->silence,
				reload_poll_now() + OUTSIDE_SILENCE_MS, on_silence, o);
		return true;
	}
	return false;
}

bool outside_failed(struct outside *o, int status, reload_ms retry_after)
{
	bool dead = status == 503 || (status == 408 && !o->answered);
	quiet(o);
	if (!dead || !o->next)
		return false;
	reload_dead_failed(&o->a->dead, &o->servers[o->next - 1], reload_poll_now(), retry_after);
	return try_next(o);
}

void outside_answered(struct outside *o, int status)
{
	reload_timer_cancel(reload_poll_timers(o->a->poll), &o->silence);
	o->answered = true;
	if (o->next && status != 503)
		reload_dead_answered(&o->a->dead, &o->servers[o->next - 1]);
}

/* -- name servers ------------------------------------------------------------------------------------------------------------------- */

/* C25: a name that leads nowhere is 404, one whose name servers fail 503. */
static int status_of(enum reload_err err)
{
	return err == RELOAD_NO_VALUE || err == RELOAD_BAD_VALUE ? 404 : 503;
}

static void on_located(void *arg, const struct reload_locate_server *servers, size_t count,
	enum reload_err err, const struct reload_error_text *why)
{
	struct outside *o = arg;
	o->location = NULL;
	cli_step(o->a->cli, 2, "%s: %s", o->uri, err ? why->reason : "located");
	memcpy(o->servers, servers, count * sizeof(*servers));
	o->count = count;
	reload_dead_order(&o->a->dead, o->servers, count, reload_poll_now());
	if (!try_next(o))
		o->ops->ended(o->arg, err ? status_of(err) : 503);
}

int outside_start(struct outside *o, bool large)
{
	struct reload_locate_uri uri = { 0 };
	char host[MESSAGE_URI];
	if (!message_place(&uri, host, o->uri))
		return 404;
	own_means(&uri, &o->a->transport);
	uri.large = large;
	size_t len = strlen(host);
	o->host = strndup(host, len - (len > 1 && host[len - 1] == '.'));
	o->location = reload_location_ask(o->a->poll, &uri, on_located, o);
	return 0;
}
