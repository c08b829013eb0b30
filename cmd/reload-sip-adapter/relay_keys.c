/*
 * Who encrypts the audio between a device and another node.  A device that knows how agrees on keys with the other end: they pass, and the relay is deaf.  For one
 * that does not, DTLS-SRTP ends here, and only the way to the device is plain: an offer of the device gets a fingerprint, and one of the node, which
 * goes to the device as it is, is answered with one when the device has said nothing of keys.
 */
#include "reload-sip-adapter/relay.h"

#include <string.h>

/* The side of another node when the other one is a device; NULL: there is none. */
static struct relay_side *node_of(struct relay *r)
{
	bool caller = r->sides[RELAY_CALLER].node, callee = r->sides[RELAY_CALLEE].node;
	return caller == callee ? NULL : &r->sides[caller ? RELAY_CALLER : RELAY_CALLEE];
}

/* -- the handshake ----------------------------------------------------------------------------------------------------------------- */

static void on_due(void *arg)
{
	relay_keys_run(arg);
}

void relay_keys_run(struct relay_side *s)
{
	struct reload_timers *timers = reload_poll_timers(s->relay->all->poll);
	struct reload_sip_secure *secure = &s->secure;
	if (s->ice && !s->connected)
		return;
	bool before = secure->fault;
	reload_sip_secure_run(secure, reload_poll_now());
	s->relay->all->faults += !before && secure->fault;
	reload_ms due = reload_sip_secure_due(secure, reload_poll_now());
	reload_timer_cancel(timers, &s->due);
	if (due != RELOAD_NEVER)
		reload_timer_arm(timers, &s->due, due, on_due, s);
}

static void send_datagram(void *arg, struct span datagram)
{
	relay_send_clear(arg, 0, datagram);
}

static void start(struct relay_side *s)
{
	reload_sip_secure_start(&s->secure, &s->said, send_datagram, s);
	relay_keys_run(s);
}

void relay_keys_clear(struct relay_side *s)
{
	reload_timer_cancel(reload_poll_timers(s->relay->all->poll), &s->due);
	reload_sip_secure_clear(&s->secure);
}

/* -- descriptions ------------------------------------------------------------------------------------------------------------------ */

static const struct reload_sdp_dtls *own_of(struct relay_side *s)
{
	if (!s->relay->cert)
		s->relay->cert = reload_dtls_cert_new();
	s->secure.cert = s->relay->cert;
	return reload_sip_secure_own(&s->secure);
}

/* A description of the device, for the node. */
static void pass_to_node(struct relay *r, struct relay_side *node,
	const struct reload_sdp_relayed *d, bool offer, struct reload_sdp_relay *out)
{
	if (r->keys == RELAY_KEYS_OPEN)
		r->keys = d->keys ? RELAY_KEYS_PASS : RELAY_KEYS_END;
	if (r->keys == RELAY_KEYS_PASS)
		return;
	memcpy(r->device_proto, d->proto, sizeof(d->proto));
	out->ends = true;
	if (!offer)
		out->proto = node->proto; /* as it was offered */
	if (!offer && !node->said.has)
		return; /* the node knows of none */
	out->dtls = own_of(node);
	out->mux = RELOAD_SDP_MUX_ADD; /* one handshake, not two (RFC 5764 s4.1) */
	if (offer) {
		reload_sip_secure_offers(&node->secure);
		return;
	}
	reload_sip_secure_answers(&node->secure, &node->said);
	start(node);
}

/* A description of the node, for the device. */
static void pass_to_device(struct relay *r, struct relay_side *node,
	const struct reload_sdp_relayed *d, bool offer, struct reload_sdp_relay *out)
{
	node->said = d->dtls;
	node->strict = d->keys && strncasecmp(d->proto, "RTP/AVP", 7) != 0;
	memcpy(node->proto, d->proto, sizeof(d->proto));
	if (r->keys != RELAY_KEYS_END)
		return;
	out->ends = true;
	out->mux = RELOAD_SDP_MUX_DROP;
	out->proto = !offer ? r->device_proto : node->strict ? "RTP/AVP" : NULL;
	if (!offer)
		start(node);
}

void relay_keys_pass(struct relay *r, const struct relay_side *from,
	const struct reload_sdp_relayed *d, bool offer, struct reload_sdp_relay *out)
{
	struct relay_side *node = node_of(r);
	if (!node || !d->has)
		return;
	if (from == node)
		pass_to_device(r, node, d, offer, out);
	else
		pass_to_node(r, node, d, offer, out);
}

bool relay_keys_end(struct relay *r)
{
	struct relay_side *node = node_of(r);
	if (!node || r->keys != RELAY_KEYS_OPEN || !node->strict || !node->said.has)
		return false;
	r->keys = RELAY_KEYS_END;
	return true;
}

/* -- packets ----------------------------------------------------------------------------------------------------------------------- */

bool relay_keys_ended(const struct relay *r)
{
	return r->keys == RELAY_KEYS_END;
}

size_t relay_keys_open(struct relay_side *s, void *packet, size_t len, bool *rtcp)
{
	size_t n = reload_sip_secure_open(&s->secure, packet, len, rtcp);
	if (!n)
		relay_keys_run(s); /* it may have been of the handshake */
	return n;
}

json_t *relay_keys_fault(const struct relay *r)
{
	const char *caller = r->sides[RELAY_CALLER].secure.fault,
		   *callee = r->sides[RELAY_CALLEE].secure.fault;
	return caller ? json_string(caller) : callee ? json_string(callee) : json_null();
}
