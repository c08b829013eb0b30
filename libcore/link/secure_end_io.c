/* How a link ends: the reason in words, and what it held is given back. */
#include "link/internal.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

void reload_secure_link_forget_peer(struct reload_secure_link *l)
{
	reload_cert_free(l->cert);
	for (size_t i = 0; i < l->others_count; i++)
		reload_cert_free(l->others[i]);
	free(l->others);
	l->cert = NULL;
	l->others = NULL;
	l->others_count = 0;
}

static void disconnect(struct reload_secure_link *l)
{
	reload_timer_cancel(l->links->timers, &l->timer);
	l->transport->disconnect(l);
	SSL_free(l->ssl);
	l->ssl = NULL;
}

void reload_secure_link_leave_half_open(struct reload_secure_link *l)
{
	if (!l->is_half_open)
		return;
	TAILQ_REMOVE(&l->links->half_open, l, half);
	l->links->counters.half_open--;
	l->is_half_open = false;
}

/* Of several errors the first one counts, but one that is not about the way says more. */
static void remember_error(struct reload_link_race *race, enum reload_err err)
{
	bool of_the_way =
		err == RELOAD_LINK_DOWN || err == RELOAD_TIMEOUT || err == RELOAD_UNREACHABLE;
	if (!of_the_way || race->err == RELOAD_UNREACHABLE)
		race->err = err;
}

/* One of the attempts of a race failed: its link type, address and reason are noted behind those of the others. */
static void attempt_failed(const struct reload_secure_link *l)
{
	static const char more[] = "; ...";
	struct reload_link_race *race = l->race;
	char peer[64], *text = race->why.reason;
	size_t used = race->has_failed ? strlen(text) : 0,
	       room = sizeof(race->why.reason) - used - sizeof(more);
	remember_error(race, l->err);
	if (race->why_is_full)
		return;
	reload_ip_port_text(peer, &l->peer);
	bool of_peer = !strcmp(l->why->what, peer); /* else of its certificate */
	int len =
		snprintf(text + used, room, "%s%s %s: %s%s%s", used ? "; " : "", l->transport->name,
			peer, of_peer ? "" : l->why->what, of_peer ? "" : ": ", l->why->reason);
	race->why_is_full = len < 0 || (size_t)len >= room;
	if (race->why_is_full && used)
		memcpy(text + used, more, sizeof(more));
	race->why.what[0] = '\0';
	race->has_failed = true;
}

void reload_secure_link_fail(struct reload_secure_link *l, enum reload_err err, const char *reason)
{
	if (l->state == RELOAD_SECURE_DEAD)
		return;
	if (l->state == RELOAD_SECURE_CLOSING || l->state == RELOAD_SECURE_LINGER)
		l->silent = true;
	if (!l->why)
		l->why = RELOAD_NEW(reload_error_text);
	if (reason) {
		char peer[64];
		const char *what = l->peer.type ? reload_ip_port_text(peer, &l->peer) : "a link";
		l->err = reload_error_explain(l->why, err, what, "%s", reason);
	}
	if (l->race)
		attempt_failed(l);
	reload_secure_link_leave_half_open(l);
	disconnect(l);
	l->state = RELOAD_SECURE_DEAD;
	reload_secure_link_look(l);
}

/* Whoever has a quarter of all places already makes room by one of its own; else the oldest does. */
void reload_secure_link_make_room(struct reload_links *links, const struct reload_ip_port *peer)
{
	struct reload_secure_link *l, *own = NULL;
	size_t of_peer = 0;
	TAILQ_FOREACH (l, &links->half_open, half)
		if (reload_admission_same(&l->peer, peer)) {
			own = own ? own : l;
			of_peer++;
		}
	reload_secure_link_fail(
		of_peer * 4 >= links->set.max_half_open ? own : TAILQ_FIRST(&links->half_open),
		RELOAD_LIMIT, "too many handshakes at a time: the oldest made room");
}

void reload_secure_link_connect(struct reload_secure_link *l)
{
	while (l->addrs_next < l->addrs_count) {
		l->peer = l->addrs[l->addrs_next++];
		const char *fault = l->transport->connect(l);
		if (!fault) {
			l->err = RELOAD_OK;
			return;
		}
		reload_secure_link_fail(l, RELOAD_LINK_DOWN, fault);
		if (l->addrs_next < l->addrs_count)
			l->state = RELOAD_SECURE_CONNECTING;
	}
	if (l->state != RELOAD_SECURE_DEAD)
		reload_secure_link_fail(l, RELOAD_UNREACHABLE, "no address to connect to");
}

void reload_secure_link_try_next(struct reload_secure_link *l)
{
	if (l->incoming || l->addrs_next == l->addrs_count)
		return;
	l->state = RELOAD_SECURE_CONNECTING;
	reload_secure_link_forget_peer(l);
	reload_secure_link_connect(l);
}

static void on_close_late(void *arg)
{
	reload_secure_link_fail(arg, RELOAD_TIMEOUT, NULL);
}

void reload_secure_link_close_in_time(struct reload_secure_link *l)
{
	reload_secure_link_arm(l, reload_poll_now() + RELOAD_LINK_CLOSE_MS, on_close_late);
	reload_secure_link_look(l);
}

void reload_secure_link_free(struct reload_secure_link *l)
{
	reload_secure_link_leave_half_open(l);
	disconnect(l);
	if (l->is_in_pass)
		TAILQ_REMOVE(&l->links->pass, l, pass);
	l->links->counters.links -= l->counted;
	l->links->counters.dtls -=
		l->was_up && l->counted && l->transport->kind == RELOAD_SECURE_DATAGRAM;
	reload_secure_link_forget_peer(l);
	l->transport->clear(l);
	free(l->addrs);
	free(l->why);
	free(l);
}

/* what OpenSSL's queue of errors says in words; NULL when it says nothing */
static const char *tls_reason(void)
{
	unsigned long e = ERR_peek_error();
	return e ? ERR_reason_error_string(e) : NULL;
}

/* what the alert says by which the other end refuses a certificate (RFC 5246 s7.2.2, RFC 8446 s6.2); NULL: it did not */
static const char *refused_by_peer(void)
{
	unsigned long e = ERR_peek_error();
	int alert = ERR_GET_LIB(e) == ERR_LIB_SSL ? ERR_GET_REASON(e) - SSL_AD_REASON_OFFSET : 0;
	if (alert == SSL_AD_CERTIFICATE_REVOKED)
		return "it is revoked there";
	if (alert == SSL_AD_CERTIFICATE_EXPIRED)
		return "by the clock there it has expired or is not valid yet";
	if (alert == SSL_AD_UNKNOWN_CA)
		return "its authority is unknown there";
	if ((alert >= SSL_AD_NO_CERTIFICATE && alert <= SSL_AD_CERTIFICATE_UNKNOWN) ||
		alert == SSL_AD_CERTIFICATE_REQUIRED)
		return tls_reason();
	return NULL;
}

/* whether either end knows that the other one speaks no protocol that it does (RFC 7301 s3.2) */
static bool no_protocol(void)
{
	unsigned long e = ERR_peek_error();
	int reason = ERR_GET_LIB(e) == ERR_LIB_SSL ? ERR_GET_REASON(e) : 0;
	return reason == SSL_R_NO_APPLICATION_PROTOCOL ||
	       reason == SSL_AD_REASON_OFFSET + SSL_AD_NO_APPLICATION_PROTOCOL;
}

/* a call into OpenSSL failed for good: err_saved is errno behind it */
void reload_secure_link_fail_session(struct reload_secure_link *l, int code, int err_saved)
{
	if (l->err) { /* the certificate: certificate_passes() has set why */
		reload_secure_link_fail(l, l->err, NULL);
		return;
	}
	char text[192];
	const char *reason = tls_reason();
	if (code == SSL_ERROR_ZERO_RETURN || (code == SSL_ERROR_SYSCALL && !err_saved && !reason))
		reason = "the other end closed the connection";
	else if (code == SSL_ERROR_SYSCALL && !reason)
		reason = strerror(err_saved);
	if (no_protocol())
		reason = "the other end speaks another protocol on the connection";
	const char *refused = refused_by_peer();
	snprintf(text, sizeof(text), "%s%s",
		refused ? "the other end refused our certificate: " : "",
		refused  ? refused
		: reason ? reason
			 : "TLS failed");
	reload_secure_link_fail(l, refused ? RELOAD_BAD_CERT : RELOAD_LINK_DOWN, text);
}
