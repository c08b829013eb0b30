#include "link/dtls.h"
#include "link/ice_link_io.h"
#include "link/tls.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum {
	MAX_LINKS = 4096,
	MAX_HALF_OPEN = 512,
	MAX_QUEUE = 1024 * 1024,
	CONNECT_MS = 3000,
	HANDSHAKE_MS = 5000,
	IDLE_MS = 15000,
	HANDSHAKES = 32,
	PORT_TRIES = 16,
	HANDSHAKES_ALL = 8 /* times that number: from all addresses together */
};

static const struct reload_link_transport *const transports[RELOAD_SECURE_KINDS] = {
	[RELOAD_SECURE_STREAM] = &reload_tls_transport,
	[RELOAD_SECURE_DATAGRAM] = &reload_dtls_transport,
};

/* -- listening ----------------------------------------------------------------------------------------------------------- */

/*
 * TLS and DTLS at one number (LINK-15); a port that the kernel chose for one may be taken for the other.  *over: whose port it was that
 * could not be had.
 */
static int listen_at(struct reload_links *links, const struct reload_ip_port *addr, uint16_t *port,
	const char **over)
{
	struct reload_ip_port at = *addr;
	bool tls = links->set.types & RELOAD_LINK_BIT(RELOAD_TLS_TCP_FH_NO_ICE);
	bool dtls = links->set.types & RELOAD_LINK_BIT(RELOAD_DTLS_UDP_SR_NO_ICE);
	*over = "TCP";
	int err = tls ? reload_tls_listen(links, &at) : 0;
	if (err < 0)
		return err;
	*over = "UDP";
	err = dtls ? reload_dtls_listen(links, &at) : 0;
	if (err < 0 && tls)
		reload_tls_listen_no_more(links);
	*port = at.port;
	return err;
}

enum reload_err reload_links_listen(struct reload_links *links, const struct reload_ip_port *addr,
	uint16_t *port, struct reload_error_text *why)
{
	char text[64];
	const char *over;
	reload_ip_port_text(text, addr);
	if (links->listeners_count == RELOAD_LINK_LISTENERS)
		return reload_error_explain(
			why, RELOAD_LIMIT, text, "more than %d addresses", RELOAD_LINK_LISTENERS);
	int err = listen_at(links, addr, port, &over);
	for (int i = 0; err == -EADDRINUSE && !addr->port && i < PORT_TRIES; i++)
		err = listen_at(links, addr, port, &over);
	if (err < 0) {
		char what[96];
		snprintf(what, sizeof(what), "cannot listen on %s", text);
		reload_error_explain(why, RELOAD_IO, what, "%s port: %s", over, strerror(-err));
		reload_error_advise(why, "another address or port; port 0 picks one");
		return RELOAD_IO;
	}
	return RELOAD_OK;
}

/* -- orders -------------------------------------------------------------------------------------------------------------- */

void reload_links_open(
	struct reload_links *links, uint32_t id, const struct reload_link_target *to, size_t count)
{
	assert(!(id >> 31));
	reload_link_race_start(links, id, to, count);
}

bool reload_links_send(struct reload_links *links, uint32_t id, struct span message)
{
	struct reload_secure_link *l = reload_secure_link_find(links, id);
	if (!l || l->state != RELOAD_SECURE_UP || message.len > RELOAD_FRAMING_MAX)
		return false;
	if (!l->transport->send(l, message)) {
		links->counters.dropped_full++;
		return false;
	}
	links->counters.messages_out++;
	return true;
}

void reload_links_close(struct reload_links *links, uint32_t id)
{
	struct reload_secure_link *l = reload_secure_link_find(links, id);
	struct reload_link_race *race = l ? NULL : reload_link_race_find(links, id);
	if (race)
		reload_link_race_cancel(race);
	if (!l)
		return;
	l->silent = true;
	l->transport->close(l);
}

enum reload_err reload_links_set_credentials(struct reload_links *links,
	const struct reload_cert *cert, const struct reload_key *key,
	struct reload_cert *const *others, size_t others_count, struct reload_error_text *why)
{
	struct reload_links_setup set = links->set;
	SSL_CTX *contexts[RELOAD_SECURE_KINDS];
	set.cert = cert;
	set.key = key;
	set.others = others;
	set.others_count = others_count;
	enum reload_err err = reload_secure_contexts_new(contexts, &set, why);
	for (size_t i = 0; !err && i < RELOAD_SECURE_KINDS; i++) {
		SSL_CTX_free(links->contexts[i]); /* sessions under way hold it */
		links->contexts[i] = contexts[i];
	}
	return err;
}

void reload_links_set_limits(struct reload_links *links, size_t max_message, reload_ms repeat_ms)
{
	assert(max_message <= RELOAD_FRAMING_MAX);
	struct reload_secure_link *l;
	links->set.max_message = max_message;
	links->set.repeat_ms = repeat_ms;
	for (l = reload_secure_link_first(links); l; l = reload_secure_link_next(l))
		if (l->was_up)
			l->transport->set_limits(l);
}

static void pass_end(struct reload_secure_link *l)
{
	if (l->recheck && l->state == RELOAD_SECURE_UP)
		reload_secure_link_check_trust(l);
	l->transport->pass_end(l);
	if (l->state == RELOAD_SECURE_DEAD)
		reload_secure_link_ended(l);
}

/* the last thing of a pass: what the callbacks of the pass have ordered is written, what died is freed */
static void on_pass_end(void *arg)
{
	struct reload_links *links = arg;
	struct reload_secure_link *l, *last = TAILQ_LAST(&links->pass, reload_secure_list);
	while ((l = TAILQ_FIRST(&links->pass))) {
		bool end = l == last; /* those added meanwhile are for the next round */
		TAILQ_REMOVE(&links->pass, l, pass);
		l->is_in_pass = false;
		pass_end(l);
		if (end)
			break;
	}
}

/* -- questions ------------------------------------------------------------------------------------------------------------ */

const struct reload_links_counters *reload_links_counters(const struct reload_links *links)
{
	return &links->counters;
}

bool reload_links_info(const struct reload_links *links, uint32_t id, struct reload_link_info *out)
{
	struct reload_secure_link *l = reload_secure_link_find(links, id);
	if (!l || l->state != RELOAD_SECURE_UP)
		return false;
	*out = (struct reload_link_info){
		.type = l->transport->type,
		.peer = l->peer,
		.cert = l->cert,
		.version = SSL_get_version(l->ssl),
		.cipher = SSL_get_cipher_name(l->ssl),
		.incoming = l->incoming,
	};
	l->transport->info(l, out);
	return true;
}

size_t reload_links_mtu(const struct reload_links *links, uint32_t id)
{
	const struct reload_secure_link *l = reload_secure_link_find(links, id);
	return l && l->state == RELOAD_SECURE_UP && l->transport->mtu ? l->transport->mtu(l) : 0;
}

reload_ms reload_links_heard(const struct reload_links *links, uint32_t id)
{
	const struct reload_secure_link *l = reload_secure_link_find(links, id);
	if (!l || l->state != RELOAD_SECURE_UP)
		return 0;
	return l->transport->heard ? l->transport->heard(l) : l->heard;
}

/* -- life ------------------------------------------------------------------------------------------------------------------ */

enum reload_err reload_links_new(struct reload_links **out, const struct reload_links_setup *setup,
	struct reload_error_text *why)
{
	AUTO(reload_links) links = RELOAD_NEW(reload_links);
	assert(setup->max_message <= RELOAD_FRAMING_MAX);
	links->set = *setup;
	struct reload_links_setup *s = &links->set;
	s->max_links = s->max_links ? s->max_links : MAX_LINKS;
	s->max_half_open = s->max_half_open ? s->max_half_open : MAX_HALF_OPEN;
	s->max_queue = s->max_queue ? s->max_queue : MAX_QUEUE;
	s->connect_ms = s->connect_ms ? s->connect_ms : CONNECT_MS;
	s->handshakes = s->handshakes ? s->handshakes : HANDSHAKES;
	reload_admission_init(&links->admission, s->handshakes, s->handshakes * HANDSHAKES_ALL,
		reload_poll_now());
	s->handshake_ms = s->handshake_ms ? s->handshake_ms : HANDSHAKE_MS;
	s->idle_ms = s->idle_ms ? s->idle_ms : IDLE_MS;
	links->keylog = -1;
	links->next_incoming = UINT32_C(1) << 31;
	links->trust = reload_trust_ref(setup->trust);
	links->timers = reload_poll_timers(s->poll);
	TAILQ_INIT(&links->half_open);
	TAILQ_INIT(&links->pass);
	TAILQ_INIT(&links->acks);
	TAILQ_INIT(&links->races);
	links->transports = transports;
	s->types = s->types ? s->types : RELOAD_LINK_NO_ICE;
	links->hook = (struct reload_poll_hook){
		.fn = on_pass_end, .arg = links, .order = RELOAD_HOOK_FLUSH
	};
	reload_poll_hook_add(s->poll, &links->hook);
	reload_socket_raise_limit();
	for (size_t i = 0; i < RELOAD_SECURE_KINDS; i++) {
		links->bios[i] = transports[i]->bio_method();
		if (!links->bios[i])
			return reload_error_explain(
				why, RELOAD_FAILED, "TLS", "OpenSSL cannot be set up");
	}
	if (!reload_dtls_init(links))
		return reload_error_explain(why, RELOAD_FAILED, "DTLS", "no random numbers");
	enum reload_err err = reload_secure_context_init(links, why);
	if (err)
		return err;
	*out = TAKE(links);
	return RELOAD_OK;
}

void reload_links_free(struct reload_links *links)
{
	if (!links)
		return;
	struct reload_secure_link *l, *next;
	for (l = TAILQ_FIRST(&links->pass); l; l = next) { /* attempts that others have outrun */
		next = TAILQ_NEXT(l, pass);
		if (!l->is_numbered && !l->race)
			reload_secure_link_free(l);
	}
	reload_link_races_free(links);
	while ((l = RB_ROOT(&links->tree))) {
		reload_secure_link_forget(l);
		reload_secure_link_free(l);
	}
	reload_tls_listen_end(links);
	reload_dtls_end(links);
	reload_ice_end(links);
	reload_timer_cancel(links->timers, &links->validity);
	reload_timer_cancel(links->timers, &links->recheck);
	reload_poll_hook_remove(links->set.poll, &links->hook);
	reload_secure_psk_clear(links);
	reload_secure_context_clear(links);
	wr_clear(&links->spare);
	reload_trust_free(links->trust);
	free(links);
}
