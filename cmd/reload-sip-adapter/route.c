/*
 * A request goes to the devices of a user who is served here, and to the nodes that an agent resolves the AOR to: other nodes of the same user, or the user
 * is another one.  Within a dialog it goes the way of its other end.
 */
#include "reload-sip-adapter/route.h"

#include "reload-sip-adapter/gateway.h"
#include "reload-sip-adapter/outside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- devices ------------------------------------------------------------------------------------------------------------------------- */

/* The devices of a user; a connection that has ended leads nowhere, and what came from a device does not go back to it. */
static void add_devices(struct fork *f, const struct served *s)
{
	const struct reload_sip_binding *x;
	TAILQ_FOREACH (x, &s->bindings.list, entry) {
		const struct reload_sip_hop *from = &f->request->from;
		bool lost = reload_sip_reliable(&x->hop) &&
			    !transport_find(&f->a->transport, x->hop.connection);
		bool itself = from->transport == x->hop.transport &&
			      (from->connection ? from->connection == x->hop.connection
						: !memcmp(&from->remote, &x->hop.remote,
							  sizeof(from->remote)));
		if (!lost && !(f->caller == s && itself))
			(void)fork_target(
				f, &(struct fork_target){ .uri = x->uri, .hop = &x->hop });
	}
}

/* -- nodes ----------------------------------------------------------------------------------------------------------------------------- */

static bool has_scheme(const json_t *target, const char *scheme)
{
	const json_t *schemes = json_object_get(target, "schemes"), *x;
	size_t i;
	json_array_foreach (schemes, i, x)
		if (!strcmp(json_string_value(x), scheme))
			return true;
	return false;
}

/* The nodes of a result of sip.resolve; the agent's own is where its devices are. */
static void add_nodes(struct fork *f, struct served *through, const json_t *result)
{
	const json_t *t;
	size_t i;
	bool sips = f->request->sip->sip_request->rq_url->url_type == url_sips;
	json_array_foreach (json_object_get(result, "targets"), i, t) {
		const char *node = cli_get_text(t, "node_id"), *gruu = cli_get_text(t, "gruu");
		bool secure = sips || !has_scheme(t, "sip"); /* R7904-25 */
		bool gateway = *cli_get_text(t, "prefix");
		char uri[MESSAGE_URI];
		if (!strcmp(node, through->node))
			continue;
		snprintf(uri, sizeof(uri), "%s%s", gateway ? "" : secure ? "sips:" : "sip:", gruu);
		(void)fork_target(f, &(struct fork_target){ .uri = uri,
					     .served = through,
					     .target = cli_get_text(t, "target"),
					     .node = *node ? node : NULL,
					     .sips = secure,
					     .in_turn = gateway });
	}
}

/* AORs of other domains that were met: the one that was asked for, or one that it is forwarded to. */
static void add_external(struct fork *f, const json_t *result)
{
	const json_t *x;
	size_t i;
	json_array_foreach (json_object_get(result, "aors"), i, x) {
		char uri[MESSAGE_URI], asked[MESSAGE_URI];
		struct wr w = wr_fixed(uri, sizeof(uri) - 1);
		if (strcmp(cli_get_text(x, "state"), "external") != 0)
			continue;
		wr_text(&w, f->request->sip->sip_request->rq_url->url_type == url_sips ? "sips:"
										       : "sip:");
		reload_aor_write(&w, cli_get_text(x, "aor"));
		if (w.err)
			continue;
		uri[w.len] = 0;
		/* what was asked for keeps its port and parameters */
		(void)message_uri(asked, f->request->sip->sip_request->rq_url);
		(void)fork_target(f,
			&(struct fork_target){ .uri = i ? uri : NULL, .outside = i ? uri : asked });
	}
}

/* 480 for a user who has registrations, 404 for one who has none (RFC 7904 s4.2). */
static int status_of(const json_t *result)
{
	const json_t *first = json_array_get(json_object_get(result, "aors"), 0);
	const char *state = cli_get_text(first, "state");
	return !strcmp(state, "absent") || !strcmp(state, "external") ? 404 : 480;
}

/* A device that cannot send "tel:" sends the number as the user of its own domain (RFC 3261 s19.1.6); a user of that name comes first. */
static bool is_dialled(const struct fork *f, struct reload_tel *number)
{
	const url_t *url = f->request->sip->sip_request->rq_url;
	char phone[MESSAGE_URI];
	bool marked = message_param(phone, url, "user") && !strcasecmp(phone, "phone");
	return f->caller && !f->as_number && url->url_type != url_tel &&
	       gateway_number(number, url) && (marked || number->number[0] == '+');
}

static void resolve_number(struct fork *f, struct served *through, const struct reload_tel *number);

static void on_resolved(void *arg, const json_t *result, const struct reload_call_error *error)
{
	struct fork *f = arg;
	struct served *through = f->asked;
	bool absent = error && error->failure.err == RELOAD_NO_VALUE;
	struct reload_tel number;
	f->asked = NULL;
	if (absent && is_dialled(f, &number)) {
		resolve_number(f, through, &number);
		return;
	}
	if (result)
		add_nodes(f, through, result);
	if (result && f->caller)
		add_external(f, result);
	fork_routed(f, result ? status_of(result) : absent ? 404 : 503);
}

static void resolve(struct fork *f, struct served *through, const char *aor)
{
	f->asked = through;
	if (served_ask(
		    through, "sip.resolve", json_pack("{s:s}", "aor", aor), on_resolved, NULL, f))
		return;
	f->asked = NULL;
	fork_routed(f, 503);
}

static void resolve_number(struct fork *f, struct served *through, const struct reload_tel *number)
{
	char text[sizeof("tel:") + RELOAD_TEL_MAX];
	snprintf(text, sizeof(text), "tel:%s", number->number);
	f->as_number = true;
	resolve(f, through, text);
}

static void forget(struct fork *f)
{
	if (f->asked)
		served_forget(f->asked, f);
	f->asked = NULL;
}

/* -- other nodes of a user who is served here -------------------------------------------------------------------------------------------- */

static void on_others(void *arg, const json_t *result, const struct reload_call_error *error)
{
	struct served *s = arg;
	(void)error;
	s->asking_others = false;
	if (!result)
		return;
	json_decref(s->others);
	s->others = json_incref((json_t *)result);
}

/*
 * The devices of a user who is served here ring at once; the user's other nodes are those that were known last, as a lookup in the overlay for each call between
 * two devices of one adapter would hold all of them up.
 */
static void add_own(struct fork *f, struct served *s)
{
	reload_ms now = reload_poll_now();
	add_devices(f, s);
	if (s->others)
		add_nodes(f, s, s->others);
	if (s->asking_others || (s->others && now < s->others_at + SERVED_OTHERS_MS))
		return;
	s->others_at = now;
	s->asking_others = served_ask(
		s, "sip.resolve", json_pack("{s:s}", "aor", s->user), on_others, NULL, s);
}

/* -- within a dialog ---------------------------------------------------------------------------------------------------------------------- */

/* Whether the Request-URI is one that this process gave out, and so stands for the device behind it. */
static bool names_us(const struct fork *f)
{
	const url_t *url = f->request->sip->sip_request->rq_url;
	struct reload_aor aor;
	char text[MESSAGE_URI];
	if (adapter_is_own(f->a, url, &f->request->from))
		return true;
	return message_uri(text, url) && !reload_aor_parse(&aor, span_str(text)) && aor.has_gr &&
	       adapter_served(f->a, aor.name);
}

/* A device may have come by another connection since: its registration knows. */
static const struct reload_sip_hop *way_to(const struct fork *f, const struct call_end *end)
{
	const struct reload_sip_binding *x =
		end->served && end->contact
			? reload_sip_bindings_find(&end->served->bindings, end->contact)
			: NULL;
	bool there = !reload_sip_reliable(&end->hop) ||
		     transport_find(&f->a->transport, end->hop.connection);
	return there || !x ? &end->hop : &x->hop;
}

/* The first Route of a request that is not ours, NULL: there is none. */
static const sip_route_t *other_route(const struct fork *f)
{
	const sip_route_t *r = f->request->sip->sip_route;
	while (r && adapter_is_own(f->a, r->r_url, &f->request->from))
		r = r->r_next;
	return r;
}

/*
 * Whether a device wants its request to go to another proxy behind this one.  A Route with a name is the outbound proxy that the device was set up with: this
 * process.
 */
static bool has_own_proxy(const struct fork *f)
{
	const sip_route_t *r = f->caller ? other_route(f) : NULL;
	struct reload_ip_port numeric;
	return r && r->r_url->url_host && !reload_ip_port_parse(&numeric, r->r_url->url_host, 1);
}

/*
 * Where a request goes next outside the overlay: its first Route that is not ours, else its Request-URI (RFC 3261 s16.6 step 7).  A device that knows a password says
 * so; for anybody else what the other end of the dialog has said counts, or nobody is safe from what a node has sent to an address of its choice.
 */
static bool next_outside(char out[MESSAGE_URI], const struct fork *f, const char *uri)
{
	const struct call_end *to = f->receiver;
	if (!f->caller && to && message_first_route(out, to->routes))
		return true;
	if (!f->caller)
		return uri && snprintf(out, MESSAGE_URI, "%s", uri) < MESSAGE_URI;
	const sip_route_t *r = other_route(f);
	if (r || !uri)
		return message_uri(out, r ? r->r_url : f->request->sip->sip_request->rq_url);
	return snprintf(out, MESSAGE_URI, "%s", uri) < MESSAGE_URI;
}

/* The Request-URI that a request within a dialog gets, NULL: it stays. */
static const char *uri_within(const struct fork *f)
{
	const struct call_end *to = f->receiver;
	return to && to->contact && (!f->caller || names_us(f)) ? to->contact : NULL;
}

static void route_dialog(struct fork *f)
{
	struct call_end *to = f->receiver;
	const char *uri = uri_within(f);
	char next[MESSAGE_URI];
	if (!to) {
		fork_routed(f, 481);
		return;
	}
	bool there = transport_find(&f->a->transport, to->hop.connection);
	if (to->outside && !there && next_outside(next, f, uri)) {
		(void)fork_target(
			f, &(struct fork_target){ .uri = uri,
				   .outside = next,
				   .local = reload_ip_port_is_loopback(&to->hop.remote) });
		fork_routed(f, 480);
		return;
	}
	if (to->node && !there && to->contact && to->served) {
		resolve(f, to->served, to->contact); /* its GRUU: it is connected to anew */
		return;
	}
	(void)fork_target(f, &(struct fork_target){ .uri = uri,
				     .hop = to->node ? &to->hop : way_to(f, to),
				     .served = to->node ? to->served : NULL,
				     .node = to->node,
				     .sips = to->sips });
	fork_routed(f, 480);
}

/* -- numbers -------------------------------------------------------------------------------------------------------------------------------- */

/* A telephone number: to the own trunks when they serve it, else to the gateways that the agent finds. */
static void route_number(struct fork *f, const struct reload_tel *number)
{
	if (gateway_serves(f->a->gateways, number)) {
		gateway_targets(f, number);
		fork_routed(f, 404);
		return;
	}
	if (f->caller)
		resolve_number(f, f->caller, number);
	else
		fork_routed(f, 404); /* of other nodes: they find gateways themselves */
}

/* -- ACK ------------------------------------------------------------------------------------------------------------------------------------ */

/* Outside the overlay an ACK goes where its Route or the Contact says, when that is an address, else the way of the INVITE. */
static void ack_outside(struct branch *b)
{
	const struct transport *t = &b->fork->a->transport;
	struct reload_sip_hop hop;
	char next[MESSAGE_URI];
	if (transport_find(&b->fork->a->transport, b->hop.connection))
		return;
	b->hop.connection = 0;
	if (next_outside(next, b->fork, b->uri) && outside_way(&hop, t, next) &&
		!(hop.transport == b->hop.transport &&
			reload_ip_port_eq(&hop.remote, &b->hop.remote)))
		b->hop = hop;
}

void route_ack(struct adapter *a, struct message *m, struct call *call, struct call_end *sender,
	struct call_end *receiver)
{
	struct fork f = { .a = a,
		.request = m,
		.call = call,
		.sender = sender,
		.receiver = receiver,
		.caller = sender->node ? NULL : sender->served,
		.in_dialog = true };
	struct branch b = { .fork = &f, .served = receiver->node ? receiver->served : NULL };
	char id[FORK_BRANCH_ID];
	struct wr w;
	const struct reload_sip_hop *hop = way_to(&f, receiver);
	b.hop = *hop;
	b.sips = receiver->sips;
	b.uri = (char *)uri_within(&f);
	if (receiver->outside)
		ack_outside(&b);
	if (fork_loops(&f))
		return;
	fork_branch_id(id, &f);
	call_use(call);
	wr_init(&w);
	fork_write_request(&w, &b, id);
	if (!w.err)
		(void)transport_send(&a->transport, &b.hop, wr_done(&w));
	wr_clear(&w);
}

/* -- all ------------------------------------------------------------------------------------------------------------------------------------- */

/* Through whose agent the user of a hosted domain is looked for. */
static struct served *resolver(const struct fork *f, const struct reload_aor *aor)
{
	return f->caller ? f->caller : f->foreign ? adapter_host(f->a, aor->domain) : NULL;
}

static void route_request(struct fork *f)
{
	struct served *own = adapter_served(f->a, f->to), *through;
	struct reload_tel number;
	struct reload_aor aor;
	char next[MESSAGE_URI];
	bool is_number = !f->foreign &&
			 gateway_number(&number, f->request->sip->sip_request->rq_url) &&
			 (f->request->sip->sip_request->rq_url->url_type == url_tel ||
				 gateway_serves(f->a->gateways, &number));
	if (f->in_dialog) {
		route_dialog(f);
	} else if (has_own_proxy(f) && next_outside(next, f, NULL)) {
		(void)fork_target(f, &(struct fork_target){ .outside = next });
		fork_routed(f, 404);
	} else if (own && (!f->caller || own == f->caller || own->state != SERVED_LOST)) {
		if (f->caller || f->foreign)
			add_own(f, own);
		else
			add_devices(f, own);
		fork_routed(f, 480);
	} else if (is_number) {
		route_number(f, &number);
	} else if (!reload_aor_parse(&aor, span_str(f->to)) && (through = resolver(f, &aor))) {
		resolve(f, through, f->to);
	} else {
		fork_routed(f, 404);
	}
}

const struct fork_router route_router = { route_request, forget };
