/*
 * One DTLS link over ICE.
 *
 *   reload_links_gather()       reload_links_check()
 *   CONNECTING: gather --> gathered --> check --> connected: HANDSHAKE --> UP --> CLOSING --> (freed)
 *                    |         |           |             |           |         |
 *                    +---------+-----------+--> DEAD <---+-----------+---------+
 *
 * Both ends asked for the link, by their Attach: the one that sent the request is the controlling end of ICE and the server of DTLS.
 */
#include "link/ice_link_io.h"

#include <assert.h>
#include <string.h>

static int key_cmp(const struct reload_ice_link *a, const struct reload_ice_link *b)
{
	return (a->key > b->key) - (a->key < b->key);
}

RELOAD_TREE(reload_ice_tree, reload_ice_link, by_key, key_cmp)

static struct reload_ice_link *ice(struct reload_secure_link *base)
{
	return (struct reload_ice_link *)base;
}

static void on_late(void *arg)
{
	struct reload_ice_link *l = arg;
	reload_secure_link_fail(&l->dtls.base, RELOAD_TIMEOUT,
		l->checking ? "no pair of candidates leads to the other end in time"
			    : "no candidates were gathered in time");
}

/* -- what the owner asks for ------------------------------------------------------------------------------------------------- */

void reload_ice_link_begin(struct reload_ice_link *l, const struct reload_ice_gather *how)
{
	struct reload_secure_link *base = &l->dtls.base;
	struct reload_links *links = base->links;
	base->is_server = how->controlling;
	if (!links->ice) {
		reload_secure_link_fail(base, RELOAD_UNREACHABLE, "ICE is not in use");
		return;
	}
	l->key = ++links->ice->last_key;
	RB_INSERT(reload_ice_tree, &links->ice->tree, l);
	reload_secure_link_arm(
		base, reload_poll_now() + RELOAD_ICE_GATHER_MS + RELOAD_ICE_ANSWER_MS, on_late);
	links->ice->plugin->gather(links->ice->ice, l->key, how);
}

void reload_links_gather(
	struct reload_links *links, uint32_t id, const struct reload_ice_gather *how)
{
	assert(!(id >> 31));
	bool full = links->counters.links >= links->set.max_links;
	struct reload_secure_link *base = reload_secure_link_new(links, &reload_ice_transport);
	reload_secure_link_enter(base, id);
	if (full)
		reload_secure_link_fail(base, RELOAD_LIMIT, "too many links");
	else
		reload_ice_link_begin(ice(base), how);
}

void reload_ice_link_check(struct reload_ice_link *l, const struct reload_ice_remote *to)
{
	struct reload_secure_link *base = &l->dtls.base;
	struct reload_links *links = base->links;
	if (!l->gathered || l->checking || base->state != RELOAD_SECURE_CONNECTING)
		return;
	l->checking = true;
	reload_secure_link_arm(base, reload_poll_now() + RELOAD_ICE_CHECK_MS, on_late);
	links->ice->plugin->start(links->ice->ice, l->key, to);
}

void reload_links_check(struct reload_links *links, uint32_t id, const struct reload_ice_remote *to)
{
	struct reload_secure_link *base = reload_secure_link_find(links, id);
	if (base && base->transport == &reload_ice_transport)
		reload_ice_link_check(ice(base), to);
}

/* -- whether this host has the address that a link leaves from ------------------------------------------------------------------- */

static void on_gone(void *arg)
{
	char at[64], why[96];
	struct reload_ice_link *l = arg;
	snprintf(why, sizeof(why), "this host does not have the address %s any more",
		reload_ip_port_text(at, &l->pair.base));
	reload_secure_link_fail(&l->dtls.base, RELOAD_LINK_DOWN, why);
}

static void look_at_base(struct reload_ice_link *l, const struct reload_addresses *now)
{
	struct reload_secure_link *base = &l->dtls.base;
	const struct reload_ip_port *from = &l->pair.base;
	bool gone = from->type && !reload_ip_port_is_loopback(from) &&
		    !reload_addresses_have(now, from);
	if (base->state != RELOAD_SECURE_UP || gone == l->dtls.no_path)
		return;
	l->dtls.no_path = gone;
	if (gone)
		reload_timer_arm(base->links->timers, &l->gone,
			reload_poll_now() + RELOAD_ICE_GONE_MS, on_gone, l);
	else
		reload_timer_cancel(base->links->timers, &l->gone);
	reload_secure_link_look(base);
}

/* -- what the plug-in says ----------------------------------------------------------------------------------------------------- */

static void on_gathered(struct reload_ice_link *l, const struct reload_ice_found *found)
{
	struct reload_links *links = l->dtls.base.links;
	if (l->gathered || l->dtls.base.state != RELOAD_SECURE_CONNECTING)
		return;
	l->gathered = true;
	reload_timer_cancel(links->timers, &l->dtls.base.timer);
	if (l->dtls.base.transport->sink)
		l->dtls.base.transport->sink->gathered(&l->dtls.base, found);
	else
		links->set.ops->gathered(links->set.arg, l->dtls.base.id, found);
}

static void on_connected(struct reload_ice_link *l, const struct reload_ice_pair *pair)
{
	struct reload_secure_link *base = &l->dtls.base;
	l->pair = *pair;
	base->peer = pair->remote;
	look_at_base(l, reload_addresses_known(base->links->ice->addresses));
	if (base->state != RELOAD_SECURE_CONNECTING || !l->checking)
		return; /* another pair, for the same session */
	if (reload_dtls_session(&l->dtls))
		reload_dtls_handshake(&l->dtls, base->links->set.handshake_ms);
	else
		reload_secure_link_fail(base, RELOAD_FAILED, "OpenSSL cannot make a session");
}

static void on_failed(struct reload_ice_link *l, const struct reload_ice_notice *n)
{
	struct reload_secure_link *base = &l->dtls.base;
	const struct reload_links_setup *set = &base->links->set;
	const struct reload_link_sink *sink = base->transport->sink;
	bool wanted = n->pairs_count && !base->silent;
	if (wanted && sink)
		sink->pairs_failed(base, n->pairs, n->pairs_count);
	else if (wanted && set->ops->pairs_failed)
		set->ops->pairs_failed(set->arg, base->id, n->pairs, n->pairs_count);
	reload_secure_link_fail(base, RELOAD_UNREACHABLE, n->why);
}

static void on_datagram(struct reload_ice_link *l, struct span datagram)
{
	if (l->dtls.base.ssl && reload_dtls_begins(datagram))
		reload_dtls_link_input(&l->dtls, datagram);
}

static void take(struct reload_ice_use *use, const struct reload_ice_notice *n)
{
	struct reload_ice_link key = { .key = n->key };
	struct reload_ice_link *l = RB_FIND(reload_ice_tree, &use->tree, &key);
	if (!l) {
		reload_ice_path_notice(use, n); /* or it has been closed here */
		return;
	}
	switch (n->type) {
	case RELOAD_ICE_WAS_GATHERED:
		on_gathered(l, &n->gathered);
		break;
	case RELOAD_ICE_CONNECTED:
		on_connected(l, n->pairs);
		break;
	case RELOAD_ICE_DATAGRAM:
		on_datagram(l, n->datagram);
		break;
	case RELOAD_ICE_FAILED:
		on_failed(l, n);
		break;
	case RELOAD_ICE_CLOSED:
		break;
	}
}

static void on_letters(void *arg, unsigned events)
{
	(void)events;
	struct reload_ice_use *use = arg;
	struct reload_ice_letters all = STAILQ_HEAD_INITIALIZER(all);
	struct reload_ice_letter *letter;
	reload_ice_inbox_take(&use->inbox, &all);
	while ((letter = STAILQ_FIRST(&all))) {
		STAILQ_REMOVE_HEAD(&all, entry);
		take(use, &letter->notice);
		reload_ice_letter_free(letter);
	}
}

/* -- addresses of this host --------------------------------------------------------------------------------------------------------- */

static void on_addresses(void *arg, const struct reload_addresses *now)
{
	struct reload_ice_use *use = arg;
	struct reload_links *links = use->links;
	struct reload_ice_link *l;
	RB_FOREACH (l, reload_ice_tree, &use->tree)
		look_at_base(l, now);
	if (links->set.ops->addresses_changed)
		links->set.ops->addresses_changed(links->set.arg, now);
}

/* -- a link that is idle ------------------------------------------------------------------------------------------------------------- */

static void on_idle(void *arg);

static void ask_later(struct reload_ice_link *l)
{
	struct reload_links *links = l->dtls.base.links;
	l->sent = l->dtls.reliable.counts.sent;
	reload_timer_arm(
		links->timers, &l->idle, reload_poll_now() + links->set.idle_ms, on_idle, l);
}

/*
 * The plug-in says only after 50 s that nothing arrives, and nothing of a relay whose server has been started anew.  A frame with an empty message
 * (RFC 6940 s6.6.2 has no shortest one) is acknowledged like any other, and delivered to nobody.
 */
static void on_idle(void *arg)
{
	struct reload_ice_link *l = arg;
	if (l->dtls.base.state != RELOAD_SECURE_UP)
		return;
	if (l->dtls.reliable.counts.sent == l->sent && !l->dtls.reliable.queued)
		(void)reload_dtls_send(&l->dtls.base, span_of(NULL, 0));
	ask_later(l);
}

void reload_ice_handshake_done(struct reload_secure_link *base)
{
	ask_later(ice(base));
}

/* -- the transport ---------------------------------------------------------------------------------------------------------------- */

void reload_ice_datagram(struct reload_secure_link *base, struct span datagram)
{
	struct reload_ice_use *use = base->links->ice;
	if (ice(base)->key)
		(void)use->plugin->send(use->ice, ice(base)->key, datagram);
}

void reload_ice_disconnect(struct reload_secure_link *base)
{
	struct reload_ice_use *use = base->links->ice;
	struct reload_ice_link *l = ice(base);
	reload_dtls_link_end(&l->dtls);
	reload_timer_cancel(base->links->timers, &l->idle);
	reload_timer_cancel(base->links->timers, &l->gone);
	if (!l->key)
		return;
	use->plugin->close(use->ice, l->key);
	RB_REMOVE(reload_ice_tree, &use->tree, l);
	l->key = 0;
}

static void info(const struct reload_secure_link *base, struct reload_link_info *out)
{
	reload_dtls_info(base, out);
	out->pair = &((const struct reload_ice_link *)base)->pair;
}

const struct reload_link_transport reload_ice_transport = {
	.type = RELOAD_DTLS_UDP_SR,
	.kind = RELOAD_SECURE_DATAGRAM,
	.name = "DTLS over ICE",
	.size = sizeof(struct reload_ice_link),
	.bio_method = reload_dtls_bio_method,
	.send = reload_dtls_send,
	.close = reload_dtls_close,
	.pass_end = reload_dtls_pass_end,
	.disconnect = reload_ice_disconnect,
	.clear = reload_dtls_clear,
	.set_limits = reload_dtls_set_limits,
	.info = info,
	.mtu = reload_dtls_mtu,
	.datagram = reload_ice_datagram,
	.handshake_done = reload_ice_handshake_done,
};

/* -- life --------------------------------------------------------------------------------------------------------------------------- */

static void use_free(struct reload_ice_use *use)
{
	reload_addresses_unwatch(use->addresses);
	reload_poll_remove(use->links->set.poll, use->watch);
	reload_ice_inbox_clear(&use->inbox);
	free(use);
}

enum reload_err reload_links_use_ice(struct reload_links *links,
	const struct reload_ice_plugin *plugin, struct reload_error_text *why)
{
	assert(!links->ice && links->set.ops->gathered);
	struct reload_ice_use *use = RELOAD_NEW(reload_ice_use);
	use->links = links;
	use->plugin = plugin;
	int err = reload_ice_inbox_init(&use->inbox);
	if (err < 0) {
		free(use);
		return reload_error_explain(why, RELOAD_FAILED, "ICE", "%s", strerror(-err));
	}
	use->watch =
		reload_poll_add(links->set.poll, use->inbox.fd, RELOAD_POLL_IN, on_letters, use);
	use->addresses = reload_addresses_watch(links->set.poll, on_addresses, use, &err);
	use->ice = use->watch && use->addresses ? plugin->begin(reload_ice_inbox_put, &use->inbox)
						: NULL;
	if (!use->ice) {
		bool watched = use->addresses;
		use_free(use);
		return reload_error_explain(why, RELOAD_FAILED, "ICE", "%s",
			watched ? "the plug-in cannot begin" : strerror(-err));
	}
	links->ice = use;
	return RELOAD_OK;
}

void reload_ice_end(struct reload_links *links)
{
	struct reload_ice_use *use = links->ice;
	if (!use)
		return;
	assert(RB_EMPTY(&use->tree) && RB_EMPTY(&use->paths));
	use->plugin->end(use->ice);
	use_free(use);
	links->ice = NULL;
}
