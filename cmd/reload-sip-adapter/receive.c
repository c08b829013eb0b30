/* A message that came: what it belongs to, and whether who sent it may. */
#include "reload-sip-adapter/gateway.h"
#include "reload-sip-adapter/route.h"
#include "usage/sip_head.h"
#include "usage/sip_refuse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ALLOW                                                                                      \
	"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, MESSAGE, SUBSCRIBE, NOTIFY, REFER, "  \
	"INFO, UPDATE, PRACK, PUBLISH\r\n"
#define ANONYMOUS   "anonymous.invalid" /* RFC 3323 s4.1.1.3 */
#define RETRY_AFTER "Retry-After: 5\r\n"

/* The AOR of a URI in normal form; false: it is none. */
static bool aor_of(char out[RELOAD_AOR_NAME], const url_t *url)
{
	struct reload_aor aor;
	char text[MESSAGE_URI];
	bool sip = url && (url->url_type == url_sip || url->url_type == url_sips);
	if (!sip || !message_uri(text, url) || reload_aor_parse(&aor, span_str(text)))
		return false;
	snprintf(out, RELOAD_AOR_NAME, "%s", aor.name);
	return true;
}

/*
 * Who is called by a device: an AOR or GRUU as it was written; a phone that knows this process by its address alone means a user of its own domain.
 */
static bool called(char out[MESSAGE_URI], const struct adapter *a, const struct message *m,
	const struct served *caller)
{
	const url_t *url = m->sip->sip_request->rq_url;
	if (url->url_user && adapter_is_own(a, url, &m->from)) {
		snprintf(out, MESSAGE_URI, "%s@%s", url->url_user, caller->domain);
		return true;
	}
	struct reload_aor aor;
	if (!message_uri(out, url))
		return false;
	if (!reload_aor_parse(&aor, span_str(out)) && !aor.has_gr)
		snprintf(out, MESSAGE_URI, "%s", aor.name);
	return true;
}

/* -- requests ---------------------------------------------------------------------------------------------------------------------------- */

/* What identifies the transaction of a request (RFC 3261 s17.2.3); false: it is too long. */
static bool key_of(char out[RELOAD_SIP_KEY_MAX], const struct message *m, const char *method)
{
	const sip_t *sip = m->sip;
	const sip_via_t *v = sip->sip_via;
	char uri[MESSAGE_URI];
	int n;
	if (v->v_branch && !strncasecmp(v->v_branch, "z9hG4bK", 7))
		n = snprintf(out, RELOAD_SIP_KEY_MAX, "s|%s|%s|%s|%s", v->v_branch, v->v_host,
			v->v_port ? v->v_port : "", method);
	else if (message_uri(uri, sip->sip_request->rq_url)) /* of RFC 2543 */
		n = snprintf(out, RELOAD_SIP_KEY_MAX, "o|%s|%s|%lu|%s|%s|%s|%s", uri,
			sip->sip_call_id->i_id, (unsigned long)sip->sip_cseq->cs_seq,
			sip->sip_from->a_tag ? sip->sip_from->a_tag : "", v->v_host,
			v->v_branch ? v->v_branch : "", method);
	else
		return false;
	return n > 0 && n < RELOAD_SIP_KEY_MAX;
}

/*
 * Whether a request comes from where the INVITE came that it belongs to.  ACK and CANCEL cannot be asked for a password, and all who are called have read the
 * branch: any of them could end the call for the others.  A caller whose connection has ended comes by another one.
 */
static bool is_of_same_flow(
	const struct adapter *a, const struct reload_sip_txn *invite, const struct message *m)
{
	const struct reload_sip_hop *was = &invite->hop, *is = &m->from;
	if (was->transport != is->transport)
		return false;
	if (!reload_sip_reliable(was))
		return reload_ip_port_eq(&was->remote, &is->remote);
	return was->connection == is->connection ||
	       (was->transport != RELOAD_SIP_OVERLAY &&
		       !transport_find((struct transport *)&a->transport, was->connection) &&
		       reload_ip_port_same_host(&was->remote, &is->remote));
}

static bool is_at(const char *uri, const struct reload_ip_port *at)
{
	struct reload_locate_uri place;
	struct reload_ip_port there;
	char host[MESSAGE_URI];
	return message_place(&place, host, uri) && !reload_ip_port_parse(&there, host, 1) &&
	       reload_ip_port_same_host(&there, at);
}

/* Whether a message is from the host of an end outside the overlay, or from one that this end has named as an address. */
static bool is_from_host(const struct call_end *end, const struct message *m)
{
	char route[MESSAGE_URI];
	return reload_ip_port_same_host(&end->hop.remote, &m->from.remote) ||
	       (end->contact && is_at(end->contact, &m->from.remote)) ||
	       (message_first_route(route, end->routes) && is_at(route, &m->from.remote));
}

/* How a request within a dialog comes from an end that it claims to be of. */
enum sender {
	SENDER_OTHER, /* it does not */
	SENDER_SAME,  /* by the way that is known */
	SENDER_MOVED  /* by another one, on which a device is asked for its password */
};

static enum sender sender_of(
	const struct call_end *from, const struct message *m, const struct overlay_end *e)
{
	const struct reload_sip_hop *was = &from->hop, *is = &m->from;
	if (!from->node != !e || (e && strcmp(e->node, from->node) != 0))
		return SENDER_OTHER;
	if (was->transport == is->transport &&
		(is->connection ? is->connection == was->connection
				: reload_ip_port_same_host(&is->remote, &was->remote)))
		return SENDER_SAME;
	/* of whoever is outside no password can be asked for: tags that somebody has seen are not enough */
	return e || (from->outside ? is_from_host(from, m) : from->served != NULL) ? SENDER_MOVED
										   : SENDER_OTHER;
}

static void on_ack(struct adapter *a, struct message *m, struct reload_sip_txn *invite,
	const struct overlay_end *node)
{
	struct call_end *sender, *receiver;
	if (invite && invite->state != RELOAD_SIP_ACCEPTED) {
		if (is_of_same_flow(a, invite, m))
			reload_sip_txn_ack(invite);
		else
			a->counts.forged++;
		return;
	}
	struct call *call = call_find(&a->calls, m, node, &sender, &receiver);
	if (!call || !sender || !receiver)
		return;
	enum sender how = sender_of(sender, m, node);
	/* a device whose connection has ended is not asked for its password here */
	if (how == SENDER_SAME || (how == SENDER_MOVED && (node || is_from_host(sender, m))))
		route_ack(a, m, call, sender, receiver);
	else
		a->counts.forged++;
}

static void on_cancel(struct adapter *a, struct message *m, struct reload_sip_txn *invite)
{
	bool found = invite && invite->kind == RELOAD_SIP_SERVER_INVITE;
	bool right = found && is_of_same_flow(a, invite, m);
	a->counts.forged += found && !right;
	adapter_refuse(a, m, right ? 200 : 481, NULL);
	if (right && invite->owner)
		fork_cancel(invite->owner);
}

/* A request within a dialog, from who is part of it. */
static void on_dialog(
	struct adapter *a, struct message *m, struct reload_sip_txn *t, struct connection *c)
{
	struct fork_start start = { .router = &route_router, .to = "" };
	struct overlay_end *e = overlay_end_of(c);
	start.call = call_find(&a->calls, m, e, &start.sender, &start.receiver);
	struct call_end *from = start.sender;
	if (!start.call || !from || start.call->state == CALL_OVER) {
		adapter_reject(a, t, m, 481, NULL);
		return;
	}
	enum sender how = sender_of(from, m, e);
	if (how == SENDER_OTHER) {
		a->counts.forged++;
		adapter_reject(a, t, m, 403, NULL);
		return;
	}
	if (start.call->forks >= CALL_FORKS_MAX) {
		adapter_reject(a, t, m, 503, RETRY_AFTER);
		return;
	}
	bool asked = how == SENDER_MOVED && !e && !from->outside;
	if (asked && !auth_check(a, m, t, from->served->user, c))
		return;
	if (how == SENDER_MOVED)
		call_end_way(&a->calls, from, &m->from, from->served, from->node, from->sips);
	start.caller = e ? NULL : from->served;
	start.node = e;
	fork_begin(a, m, t, &start);
}

/* Whether a request is for a user of a domain that somebody who is served is of. */
static bool is_hosted(const struct adapter *a, const struct message *m)
{
	char text[MESSAGE_URI];
	struct reload_aor aor;
	return message_uri(text, m->sip->sip_request->rq_url) &&
	       !reload_aor_parse(&aor, span_str(text)) && adapter_host(a, aor.domain);
}

/* A request of a user of another domain, for one of a domain that is hosted here: nothing is passed on to anywhere else. */
static void on_foreign(
	struct adapter *a, struct message *m, struct reload_sip_txn *t, const char *from)
{
	char text[MESSAGE_URI];
	struct reload_aor aor;
	if (!is_hosted(a, m)) {
		a->counts.forged++;
		adapter_reject(a, t, m, 403, NULL);
		return;
	}
	if (a->foreign_forks >= ADAPTER_FOREIGN_MAX ||
		fork_foreign_of(a, &m->from.remote) >= ADAPTER_FOREIGN_OF_HOST) {
		adapter_reject(a, t, m, 503, RETRY_AFTER);
		return;
	}
	(void)message_uri(text, m->sip->sip_request->rq_url);
	if (!reload_aor_parse(&aor, span_str(text)) && !aor.has_gr)
		snprintf(text, sizeof(text), "%s", aor.name);
	fork_begin(a, m, t,
		&(struct fork_start){ .router = &route_router, .foreign = from, .to = text });
}

/* A request of a device: From has to be an AOR whose password it knows, or anonymous, then the credentials say whose. */
static void on_device(
	struct adapter *a, struct message *m, struct reload_sip_txn *t, struct connection *c)
{
	char from[RELOAD_AOR_NAME], to[MESSAGE_URI];
	struct reload_tel number;
	const url_t *url = m->sip->sip_request->rq_url;
	bool known = aor_of(from, m->sip->sip_from->a_url);
	struct served *s = known ? adapter_served(a, from) : NULL;
	bool anonymous = known && !strcmp(strrchr(from, '@') + 1, ANONYMOUS);
	/* a user of the overlay is called by anybody, and what only devices may ask for needs a password, whose ever it is */
	if (anonymous && (!is_hosted(a, m) || gateway_number(&number, url))) {
		s = auth_named(a, m, c);
		s = s ? s : a->served[0];
	}
	if (known && !s && !adapter_host(a, strrchr(from, '@') + 1)) {
		on_foreign(a, m, t, from);
		return;
	}
	if (!s) {
		a->counts.forged++;
		adapter_reject(a, t, m, 403, NULL);
		return;
	}
	if (!auth_check(a, m, t, s->user, c))
		return;
	if (!called(to, a, m, s)) {
		adapter_answer(t, m, 414, NULL);
		return;
	}
	fork_begin(a, m, t, &(struct fork_start){ .router = &route_router, .caller = s, .to = to });
}

/* A request of another node, which is for the user of the agent. */
static void on_node(
	struct adapter *a, struct message *m, struct reload_sip_txn *t, struct overlay_end *e)
{
	char from[RELOAD_AOR_NAME], to[RELOAD_AOR_NAME];
	struct reload_tel number;
	const url_t *url = m->sip->sip_request->rq_url;
	bool known = aor_of(from, m->sip->sip_from->a_url) && !strcmp(from, e->user);
	if (!known) {
		a->counts.forged++;
		adapter_answer(t, m, 403, NULL); /* the certificate says who it is */
	} else if (!e->sips && url->url_type == url_sips) {
		adapter_answer(t, m, 416, NULL);
	} else if (gateway_number(&number, url) &&
		   (!aor_of(to, url) || gateway_serves(a->gateways, &number))) {
		fork_begin(a, m, t,
			&(struct fork_start){
				.router = &route_router, .node = e, .to = number.number });
	} else if (!aor_of(to, url) || strcmp(to, e->served->user) != 0) {
		adapter_answer(t, m, 404, NULL);
	} else {
		fork_begin(a, m, t,
			&(struct fork_start){ .router = &route_router, .node = e, .to = to });
	}
}

/* What a proxy has to understand (RFC 3261 s16.3 step 5). */
static bool requires_more(struct adapter *a, const struct message *m, struct reload_sip_txn *t)
{
	const sip_proxy_require_t *r = m->sip->sip_proxy_require;
	char lines[512];
	if (!r || !r->k_items || !r->k_items[0])
		return false;
	snprintf(lines, sizeof(lines), "Unsupported: %.400s\r\n", r->k_items[0]);
	adapter_reject(a, t, m, 420, lines);
	return true;
}

static void on_request(
	struct adapter *a, struct message *m, struct reload_sip_txn *t, struct connection *c)
{
	const sip_t *sip = m->sip;
	const url_t *url = sip->sip_request->rq_url;
	struct overlay_end *e = overlay_end_of(c);
	bool sip_uri =
		url->url_type == url_sip || url->url_type == url_sips || url->url_type == url_tel;
	if (!sip_uri)
		adapter_reject(a, t, m, 416, NULL);
	else if (sip->sip_max_forwards && !sip->sip_max_forwards->mf_count)
		adapter_reject(a, t, m, 483, NULL);
	else if (requires_more(a, m, t))
		return;
	else if (sip->sip_to->a_tag)
		on_dialog(a, m, t, c);
	else if (message_is(m, "REGISTER") && !e)
		registrar_take(a, m, t, c);
	else if (message_is(m, "REGISTER"))
		adapter_answer(t, m, 405, ALLOW); /* there are none in an overlay */
	else if (message_is(m, "OPTIONS") && !url->url_user)
		adapter_reject(a, t, m, 200, ALLOW "Accept: application/sdp\r\n");
	else if (e)
		on_node(a, m, t, e);
	else
		on_device(a, m, t, c);
}

/* Where a request is answered: where it came from; over TCP, when that has ended, at the port of its Via. */
static struct reload_sip_hop way_back(const struct message *m)
{
	struct reload_sip_hop hop = m->from;
	const char *port = m->sip->sip_via->v_port;
	unsigned long n = port ? strtoul(port, NULL, 10) : 5060;
	if (hop.transport == RELOAD_SIP_TCP)
		hop.remote.port = n && n <= UINT16_MAX ? (uint16_t)n : 5060;
	return hop;
}

/* Whether as many requests of a connection are under way as may be: others have a share, too. */
static bool has_share(const struct connection *c)
{
	return c &&
	       c->requests >= (c->transport == RELOAD_SIP_OVERLAY ? ADAPTER_FORKS_OF_NODE
								  : ADAPTER_FORKS_OF_CONNECTION);
}

static void take_request(struct adapter *a, struct message *m, struct connection *c, int fault)
{
	char key[RELOAD_SIP_KEY_MAX];
	bool invite = message_is(m, "INVITE");
	bool ack = message_is(m, "ACK"), cancel = message_is(m, "CANCEL");
	a->counts.requests++;
	if (fault || !key_of(key, m, ack || cancel ? "INVITE" : message_method(m))) {
		adapter_refuse(a, m, fault ? fault : 400, NULL);
		return;
	}
	struct reload_sip_txn *t = reload_sip_txn_find(&a->txns, key);
	if (ack)
		on_ack(a, m, t, overlay_end_of(c));
	else if (cancel)
		on_cancel(a, m, t);
	else if (t)
		reload_sip_txn_again(t);
	else if (a->stopping || a->forks >= ADAPTER_FORKS_MAX || has_share(c))
		adapter_refuse(a, m, 503, RETRY_AFTER);
	else {
		struct reload_sip_hop hop = way_back(m);
		t = reload_sip_txn_new(&a->txns,
			invite ? RELOAD_SIP_SERVER_INVITE : RELOAD_SIP_SERVER, key, &hop,
			span_of(NULL, 0));
		if (t)
			on_request(a, m, t, c);
		else
			adapter_refuse(a, m, 503, RETRY_AFTER);
	}
}

/*
 * A response of another node comes by the connection of its request, and one of anybody else by none with a node: else one target of a fork could answer
 * for another.
 */
static bool is_way_back(const struct reload_sip_txn *t, const struct message *m)
{
	bool overlay = t->hop.transport == RELOAD_SIP_OVERLAY;
	return overlay == (m->from.transport == RELOAD_SIP_OVERLAY) &&
	       (!overlay || t->hop.connection == m->from.connection);
}

static void take_response(struct adapter *a, struct message *m)
{
	char key[RELOAD_SIP_KEY_MAX];
	const char *branch = m->sip->sip_via->v_branch;
	int status = m->sip->sip_status->st_status;
	a->counts.responses++;
	if (!branch || snprintf(key, sizeof(key), "c|%s|%.64s", branch, message_method(m)) >=
			       (int)sizeof(key))
		return;
	struct reload_sip_txn *t = reload_sip_txn_find(&a->txns, key);
	if (t && !is_way_back(t, m)) {
		a->counts.forged++;
		return;
	}
	if (!t || status < 100 || status > 699 || !reload_sip_txn_response(t, status))
		return;
	if (t->kind == RELOAD_SIP_CLIENT_INVITE && status >= 300) {
		struct wr w;
		wr_init(&w);
		message_ack(&w, bytes_span(t->last), m);
		if (!w.err)
			reload_sip_txn_acknowledge(t, wr_done(&w));
		wr_clear(&w);
	}
	if (t->owner)
		fork_response(t->owner, m);
}

/* A request that cannot be read is answered by its text. */
static void refuse_text(
	struct adapter *a, struct span bytes, const struct reload_sip_hop *from, int fault)
{
	struct reload_sip_hop hop = *from;
	char tag[MESSAGE_TAG];
	struct wr w;
	wr_init(&w);
	message_random(tag);
	if (reload_sip_refuse(&w, reload_sip_head(bytes), fault, message_phrase(fault), tag, ""))
		(void)transport_send(&a->transport, &hop, wr_done(&w));
	wr_clear(&w);
}

void adapter_rubbish(void *adapter, struct span bytes, const struct reload_sip_hop *from)
{
	struct adapter *a = adapter;
	a->counts.rubbish++;
	refuse_text(a, bytes, from, 400);
}

void adapter_receive(
	void *adapter, struct span bytes, const struct reload_sip_hop *from, struct connection *c)
{
	struct adapter *a = adapter;
	int fault;
	struct message *m = message_read(bytes, from, &fault);
	a->counts.received++;
	if (!m || (m->sip->sip_status && fault)) {
		a->counts.rubbish++;
		if (!m)
			refuse_text(a, bytes, from, fault);
	} else if (m->sip->sip_request) {
		take_request(a, m, c, fault);
	} else {
		take_response(a, m);
	}
	message_unref(m);
}
