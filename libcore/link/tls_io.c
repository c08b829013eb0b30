#include "link/internal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

enum {
	MAX_LINKS = 4096,
	MAX_HALF_OPEN = 512,
	MAX_QUEUE = 1024 * 1024,
	CONNECT_MS = 3000,
	HANDSHAKE_MS = 5000,
	HANDSHAKES = 32,
	PAUSE_MS = 100
};

/* -- listening ----------------------------------------------------------------------------------------------------------- */

static void on_pause_over(void *arg)
{
	struct reload_listener *at = arg;
	reload_poll_change(at->links->set.poll, at->watch, RELOAD_POLL_IN);
}

/* Whoever has a quarter of all places already makes room by one of its own; else the oldest does. */
static struct reload_tls_link *makes_room(
	struct reload_links *links, const struct reload_ip_port *peer)
{
	struct reload_tls_link *l, *own = NULL;
	size_t of_peer = 0;
	TAILQ_FOREACH (l, &links->half_open, half)
		if (reload_admission_same(&l->peer, peer)) {
			own = own ? own : l;
			of_peer++;
		}
	return of_peer * 4 >= links->set.max_half_open ? own : TAILQ_FIRST(&links->half_open);
}

static void on_accept(void *arg, unsigned events)
{
	(void)events;
	struct reload_listener *at = arg;
	struct reload_links *links = at->links;
	for (int i = 0; i < RELOAD_LINK_ACCEPTS; i++) {
		struct reload_ip_port peer;
		int fd = reload_socket_accept(at->fd, &peer);
		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOBUFS || fd == -ENOMEM) {
			/* the connection stays in the backlog and would wake us at once */
			reload_poll_change(links->set.poll, at->watch, 0);
			reload_timer_arm(links->timers, &at->pause, reload_poll_now() + PAUSE_MS,
				on_pause_over, at);
			return;
		}
		if (fd == -EAGAIN)
			return;
		if (fd < 0)
			continue; /* that connection is gone already */
		if (links->counters.links >= links->set.max_links) {
			links->counters.refused++;
			close(fd);
			continue;
		}
		if (links->counters.half_open >= links->set.max_half_open)
			reload_tls_link_fail(makes_room(links, &peer), RELOAD_LIMIT,
				"too many handshakes at a time: the oldest made room");
		reload_tls_link_accepted(links, fd, &peer);
	}
}

enum reload_err reload_links_listen(struct reload_links *links, const struct reload_ip_port *addr,
	uint16_t *port, struct reload_error_text *why)
{
	char text[64];
	reload_ip_port_text(text, addr);
	if (links->listeners_count == RELOAD_LINK_LISTENERS)
		return reload_error_explain(
			why, RELOAD_LIMIT, text, "more than %d addresses", RELOAD_LINK_LISTENERS);
	struct reload_listener *at = &links->listeners[links->listeners_count];
	uint16_t bound = 0;
	int fd = reload_socket_listen(addr, &bound);
	if (fd < 0) {
		char what[96];
		snprintf(what, sizeof(what), "cannot listen on %s", text);
		reload_error_explain(why, RELOAD_IO, what, "%s", strerror(-fd));
		reload_error_advise(why, "another address or port; port 0 picks one");
		return RELOAD_IO;
	}
	*at = (struct reload_listener){ .links = links, .fd = fd };
	at->watch = reload_poll_add(links->set.poll, fd, RELOAD_POLL_IN, on_accept, at);
	if (!at->watch) {
		close(fd);
		return reload_error_explain(
			why, RELOAD_IO, text, "cannot be watched: %s", strerror(errno));
	}
	links->listeners_count++;
	*port = bound;
	return RELOAD_OK;
}

/* -- orders -------------------------------------------------------------------------------------------------------------- */

void reload_links_open(
	struct reload_links *links, uint32_t id, const struct reload_ip_port *addrs, size_t count)
{
	assert(!(id >> 31));
	bool full = links->counters.links >= links->set.max_links;
	struct reload_tls_link *l = reload_tls_link_new(links, id);
	if (full) {
		reload_tls_link_fail(l, RELOAD_LIMIT, "too many links");
		return;
	}
	l->addrs_count = count < RELOAD_LINK_ADDRS ? count : RELOAD_LINK_ADDRS;
	l->addrs = reload_alloc_array(l->addrs_count + 1, sizeof(*l->addrs));
	for (size_t i = 0; i < l->addrs_count; i++) {
		l->addrs[i] = addrs[i];
		l->addrs[i].raw = span_of(NULL, 0); /* borrowed bytes of a message */
	}
	reload_tls_link_connect(l);
}

static size_t max_queue(const struct reload_links *links)
{
	size_t two = 2 * links->set.max_message;
	return links->set.max_queue > two ? links->set.max_queue : two;
}

bool reload_links_send(struct reload_links *links, uint32_t id, struct span message)
{
	struct reload_tls_link *l = reload_tls_link_find(links, id);
	if (!l || l->state != RELOAD_TLS_UP || message.len > RELOAD_FRAMING_MAX)
		return false;
	size_t queued = l->out.len - l->out_at;
	if (queued + message.len > max_queue(links)) {
		links->counters.dropped_full++;
		return false;
	}
	reload_ms now = reload_poll_now();
	reload_framing_data_write(&l->framing, reload_tls_link_queue(l), message, now);
	reload_health_sent(&l->health, now);
	reload_tls_link_watch_health(l, now);
	reload_tls_link_turn_first(
		l); /* a send wakes the other end: who waits for a message before who only gets an ACK */
	links->counters.messages_out++;
	return true;
}

void reload_links_close(struct reload_links *links, uint32_t id)
{
	struct reload_tls_link *l = reload_tls_link_find(links, id);
	if (!l)
		return;
	l->silent = true;
	reload_tls_link_close(l);
}

enum reload_err reload_links_set_credentials(struct reload_links *links,
	const struct reload_cert *cert, const struct reload_key *key,
	struct reload_cert *const *others, size_t others_count, struct reload_error_text *why)
{
	struct reload_links_setup set = links->set;
	SSL_CTX *ctx;
	set.cert = cert;
	set.key = key;
	set.others = others;
	set.others_count = others_count;
	enum reload_err err = reload_tls_context_new(&ctx, &set, why);
	if (err)
		return err;
	SSL_CTX_free(links->ctx); /* sessions under way hold it */
	links->ctx = ctx;
	return RELOAD_OK;
}

void reload_links_set_max_message(struct reload_links *links, size_t max_message)
{
	assert(max_message <= RELOAD_FRAMING_MAX);
	struct reload_tls_link *l;
	links->set.max_message = max_message;
	for (l = reload_tls_link_first(links); l; l = reload_tls_link_next(l))
		l->framing.max_message = max_message;
}

/* the last thing of a turn: what the callbacks of the turn have ordered is written, what died is buried */
static void on_turn_end(void *arg)
{
	struct reload_links *links = arg;
	struct reload_tls_link *l, *last = TAILQ_LAST(&links->turn, reload_tls_list);
	while ((l = TAILQ_FIRST(&links->turn))) {
		bool end = l == last; /* those added meanwhile are for the next round */
		TAILQ_REMOVE(&links->turn, l, turn);
		l->is_in_turn = false;
		reload_tls_link_turn_end(l);
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
	struct reload_tls_link *l = reload_tls_link_find(links, id);
	if (!l || l->state != RELOAD_TLS_UP)
		return false;
	*out = (struct reload_link_info){
		.peer = l->peer,
		.cert = l->cert,
		.version = SSL_get_version(l->ssl),
		.cipher = SSL_get_cipher_name(l->ssl),
		.rto_ms = reload_rto_ms(&l->rto),
		.srtt_ms = l->rto.srtt_us / 1000,
		.queued = l->out.len - l->out_at,
		.unacked = reload_framing_unacked(&l->framing),
		.incoming = l->incoming,
		.good = !l->health.bad,
	};
	return true;
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
	reload_admission_init(&links->admission, s->handshakes, reload_poll_now());
	s->handshake_ms = s->handshake_ms ? s->handshake_ms : HANDSHAKE_MS;
	links->keylog = -1;
	links->next_incoming = UINT32_C(1) << 31;
	links->trust = reload_trust_ref(setup->trust);
	links->timers = reload_poll_timers(s->poll);
	TAILQ_INIT(&links->half_open);
	TAILQ_INIT(&links->turn);
	TAILQ_INIT(&links->acks);
	links->hook = (struct reload_poll_hook){
		.fn = on_turn_end, .arg = links, .order = RELOAD_HOOK_FLUSH
	};
	reload_poll_hook_add(s->poll, &links->hook);
	reload_socket_raise_limit();
	enum reload_err err = reload_tls_context_init(links, why);
	if (err)
		return err;
	*out = TAKE(links);
	return RELOAD_OK;
}

void reload_links_free(struct reload_links *links)
{
	if (!links)
		return;
	struct reload_tls_link *l;
	while ((l = RB_ROOT(&links->tree))) {
		reload_tls_link_forget(l);
		reload_tls_link_free(l);
	}
	for (size_t i = 0; i < links->listeners_count; i++) {
		reload_timer_cancel(links->timers, &links->listeners[i].pause);
		reload_poll_remove(links->set.poll, links->listeners[i].watch);
		close(links->listeners[i].fd);
	}
	reload_timer_cancel(links->timers, &links->validity);
	reload_poll_hook_remove(links->set.poll, &links->hook);
	reload_tls_context_clear(links);
	wr_clear(&links->spare);
	reload_trust_free(links->trust);
	free(links);
}
