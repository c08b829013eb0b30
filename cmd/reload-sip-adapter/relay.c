#include "reload-sip-adapter/relay.h"

#include "common/candidates.h"
#include "control/local_socket_io.h"
#include "link/udp_socket_io.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PACKETS_PER_PASS = 32
};

static struct relay_side *other_of(const struct relay_side *s)
{
	struct relay *r = s->relay;
	return &r->sides[s == &r->sides[RELAY_CALLER] ? RELAY_CALLEE : RELAY_CALLER];
}

/* -- packets --------------------------------------------------------------------------------------------------------------------- */

/* RFC 5761 s4: RTCP has packet types from 192 to 223. */
static bool is_rtcp(struct span packet)
{
	return packet.len > 1 && packet.at[0] >> 6 == 2 && packet.at[1] >= 192 &&
	       packet.at[1] <= 223;
}

static void send_to(struct relay_side *s, bool rtcp, struct span packet)
{
	static uint32_t bytes[(RELAY_PACKET_MAX + RELOAD_SRTP_ROOM) / 4];
	if (!s->secure.dtls) {
		relay_send_clear(s, rtcp, packet);
		return;
	}
	/* SRTCP at a port of its own would need a handshake of its own (RFC 5764 s4.1) */
	if (rtcp && !s->ice && !s->muxed)
		return;
	memcpy(bytes, packet.at, packet.len);
	size_t len = reload_sip_secure_close(&s->secure, bytes, packet.len, rtcp);
	if (len)
		relay_send_clear(s, rtcp, span_of(bytes, len));
}

/* What came from a side goes to the other one. */
static void pass(struct relay_side *s, bool rtcp, void *packet, size_t len)
{
	s->received++;
	if (s->node && relay_keys_ended(s->relay))
		len = relay_keys_open(s, packet, len, &rtcp);
	if (len)
		send_to(other_of(s), rtcp, span_of(packet, len));
}

static void on_packets(struct relay_side *s, unsigned kind)
{
	static uint32_t buffer[RELAY_PACKET_MAX / 4];
	for (unsigned i = 0; i < PACKETS_PER_PASS; i++) {
		struct reload_ip_port from;
		struct reload_udp_local local;
		struct reload_udp_error error;
		int n = reload_udp_receive(s->fds[kind], buffer, sizeof(buffer), &from, &local);
		if (n < 0) {
			while (reload_udp_error(s->fds[kind], &error))
				;
			return;
		}
		reload_ip_port_unmap(&from);
		if (!reload_latch_takes(&s->latches[kind], &from)) {
			s->strangers++;
			continue;
		}
		pass(s, kind, buffer, (size_t)n);
	}
}

static void on_rtp(void *arg, unsigned events)
{
	(void)events;
	on_packets(arg, 0);
}

static void on_rtcp(void *arg, unsigned events)
{
	(void)events;
	on_packets(arg, 1);
}

/* -- plain sides ------------------------------------------------------------------------------------------------------------------- */

static void close_sockets(struct relay_side *s)
{
	for (unsigned k = 0; k < RELAY_SOCKETS; k++) {
		reload_poll_remove(s->relay->all->poll, s->watches[k]);
		s->watches[k] = 0;
		if (s->fds[k] >= 0)
			close(s->fds[k]);
		s->fds[k] = -1;
	}
}

/* Both sockets, the even port and the odd one behind it (RFC 3550 s11). */
static bool open_at(struct relay_side *s, uint16_t port)
{
	for (unsigned k = 0; k < RELAY_SOCKETS; k++) {
		struct reload_ip_port at = s->local;
		at.port = (uint16_t)(port + k);
		s->fds[k] = reload_udp_open(&at);
		if (s->fds[k] < 0) {
			close_sockets(s);
			return false;
		}
	}
	s->local.port = port;
	return true;
}

static bool open_sockets(struct relay_side *s, const struct relay_plan *plan)
{
	struct relays *all = s->relay->all;
	s->local = plan->local;
	for (unsigned i = 0; i < RELAY_SOCKETS; i++)
		s->latches[i].host = plan->host;
	for (unsigned tries = (all->last - all->first + 1u) / 2; tries; tries--) {
		uint16_t port = all->next;
		bool wraps = all->next + 3 > all->last;
		all->next = wraps ? all->first : (uint16_t)(all->next + 2);
		if (!open_at(s, port))
			continue;
		s->watches[0] = reload_poll_add(all->poll, s->fds[0], RELOAD_POLL_IN, on_rtp, s);
		s->watches[1] = reload_poll_add(all->poll, s->fds[1], RELOAD_POLL_IN, on_rtcp, s);
		return true;
	}
	return false;
}

/* -- sides with ICE ------------------------------------------------------------------------------------------------------------------ */

static void on_path(void *arg, unsigned events)
{
	struct relay_side *s = arg;
	static uint32_t buffer[RELAY_PACKET_MAX / 4];
	(void)events;
	for (unsigned i = 0; i < PACKETS_PER_PASS; i++) {
		ssize_t n = recv(s->path, buffer, sizeof(buffer), MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) { /* the agent has ended it */
			reload_poll_remove(s->relay->all->poll, s->path_watch);
			s->path_watch = 0;
			return;
		}
		pass(s, is_rtcp(span_of(buffer, (size_t)n)), buffer, (size_t)n);
	}
}

static void gathered(struct relay_side *s, bool good)
{
	struct relay *r = s->relay;
	s->gathering = false;
	if (!good || relay_is_ready(r))
		r->ready(r->arg, good);
}

static void on_progress(void *arg, const json_t *object)
{
	struct relay_side *s = arg;
	const char *type = cli_get_text(object, "type");
	if (!strcmp(type, "connected")) {
		s->connected = true;
		relay_keys_run(s);
	}
	if (!s->gathering || strcmp(type, "gathered") != 0)
		return;
	s->media = cli_get_int(object, "media");
	s->path = reload_local_connect(cli_get_text(object, "stream"), true);
	if (s->path >= 0 && cli_candidates_read(&s->own, object)) {
		s->local = cli_candidates_default(&s->own)->at;
		s->path_watch =
			reload_poll_add(s->relay->all->poll, s->path, RELOAD_POLL_IN, on_path, s);
		gathered(s, true);
	} else {
		gathered(s, false);
	}
}

static void on_end(void *arg, const json_t *result, const struct reload_call_error *error)
{
	struct relay_side *s = arg;
	(void)result, (void)error;
	if (s->gathering)
		gathered(s, false);
}

static bool open_path(struct relay_side *s, const struct relay_plan *plan)
{
	s->ice = s->gathering = true;
	s->served = plan->served;
	return served_ask_with(s->served, "media.open",
		json_pack("{s:b}", "controlling", (int)plan->controlling), on_end, on_progress, s);
}

static void check(struct relay_side *s, const struct reload_sdp_ice *other)
{
	if (s->checked || !*other->ufrag)
		return;
	s->checked = true;
	(void)served_ask(
		s->served, "media.check", cli_candidates_check(other, s->media), NULL, NULL, s);
}

/* -- all ------------------------------------------------------------------------------------------------------------------------------ */

struct relay *relay_new(struct relays *all, const struct relay_plan plans[2])
{
	struct relay *r = RELOAD_NEW(relay);
	bool good = true;
	r->all = all;
	all->count++;
	for (unsigned i = 0; i < 2; i++) {
		r->sides[i].relay = r;
		r->sides[i].node = plans[i].node;
		r->sides[i].path = r->sides[i].fds[0] = r->sides[i].fds[1] = -1;
	}
	for (unsigned i = 0; i < 2; i++)
		good = good && (plans[i].served ? open_path(&r->sides[i], &plans[i])
						: open_sockets(&r->sides[i], &plans[i]));
	if (good)
		return r;
	all->refused++;
	relay_free(r);
	return NULL;
}

void relay_free(struct relay *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < 2; i++) {
		struct relay_side *s = &r->sides[i];
		relay_keys_clear(s);
		close_sockets(s);
		reload_poll_remove(r->all->poll, s->path_watch);
		if (s->path >= 0)
			close(s->path);
		if (s->served)
			served_forget(s->served, s);
	}
	struct connection *c = transport_find(r->all->transport, r->connection);
	if (c)
		c->relays--;
	reload_dtls_cert_free(r->cert);
	r->all->count--;
	free(r);
}

bool relay_is_ready(const struct relay *r)
{
	return !r->sides[RELAY_CALLER].gathering && !r->sides[RELAY_CALLEE].gathering;
}

/* Whether an address is one to which an end has no business to have packets sent, such as a service of this host. */
static bool is_forbidden(const struct reload_ip_port *at, const struct reload_ip_port *own)
{
	return at->type && reload_ip_port_claim_fault(at, reload_ip_port_is_loopback(own));
}

enum reload_err relay_pass(
	struct relay *r, enum relay_of from, bool offer, struct span text, struct wr *w)
{
	struct relay_side *s = &r->sides[from], *other = other_of(s);
	struct reload_sdp_relayed d;
	enum reload_err err = reload_sdp_relayed_read(&d, text);
	if (err)
		return err;
	if (!s->ice && is_forbidden(&d.at, &s->local))
		return RELOAD_BAD_VALUE;
	if (!s->ice && is_forbidden(&d.rtcp, &s->local))
		d.rtcp = (struct reload_ip_port){ 0 };
	struct reload_sdp_relay out = { .at = other->local,
		.ice = other->ice ? &other->own : NULL,
		.mux = other->ice ? RELOAD_SDP_MUX_ADD
		       : s->ice   ? RELOAD_SDP_MUX_DROP
				  : RELOAD_SDP_MUX_KEEP };
	relay_keys_pass(r, s, &d, offer, &out);
	if (d.has && s->ice) {
		check(s, &d.ice);
	} else if (d.has && d.at.type) {
		s->muxed = d.rtcp_mux && (s->node || out.mux == RELOAD_SDP_MUX_KEEP);
		reload_latch_signal(&s->latches[0], &d.at);
		reload_latch_signal(&s->latches[1], &d.rtcp);
	}
	reload_sdp_relay_write(w, text, &out);
	return w->err;
}

json_t *relay_json(const struct relay *r)
{
	const struct relay_side *caller = &r->sides[RELAY_CALLER],
				*callee = &r->sides[RELAY_CALLEE];
	bool encrypted = reload_sip_secure_is_on(&caller->secure) ||
			 reload_sip_secure_is_on(&callee->secure);
	return json_pack("{s:I, s:I, s:I, s:b, s:o}", "from_caller", (json_int_t)caller->received,
		"from_callee", (json_int_t)callee->received, "strangers",
		(json_int_t)(caller->strangers + callee->strangers), "encrypted", (int)encrypted,
		"fault", relay_keys_fault(r));
}
