#include "sim/ice.h"
#include "sim/job.h"
#include "sim/validity.h"

enum {
	DIALLED_MAX = 16, /* addresses of one link that are looked at */
	DTLS_MTU = 1127   /* of a message: as in libcore/link, whose datagrams have 1200 bytes */
};

/* The host of each engine: its orders become events of the world. */

static reload_ms host_now(void *host)
{
	return reload_sim_body_of(host)->node.sim->now;
}

static reload_utc host_wall(void *host)
{
	return reload_sim_wall(host);
}

static void host_random(void *host, void *out, size_t len)
{
	reload_prng_bytes(&reload_sim_body_of(host)->node.sim->prng, out, len);
}

static void host_wake_at(void *host, reload_ms when)
{
	struct reload_sim_body *n = reload_sim_body_of(host);
	if (!n->stopping && when != n->wake)
		reload_sim_wake_set(n, when);
}

static void host_link_open(
	void *host, uint32_t link, const struct reload_link_target *to, size_t count)
{
	struct reload_sim_body *n = reload_sim_body_of(host);
	struct reload_ip_port at[DIALLED_MAX];
	for (size_t i = 0; i < count && i < DIALLED_MAX; i++)
		at[i] = to[i].at;
	if (!n->stopping)
		reload_sim_dial(n, link, at, count < DIALLED_MAX ? count : DIALLED_MAX);
}

static void host_link_gather(void *host, uint32_t link, bool controlling)
{
	struct reload_sim_body *n = reload_sim_body_of(host);
	if (!n->stopping)
		reload_sim_gather(n, link, controlling);
}

static void host_link_check(void *host, uint32_t link, struct span ufrag, struct span password,
	const struct reload_ice_candidate *candidates, size_t count)
{
	struct reload_sim_body *n = reload_sim_body_of(host);
	(void)password, (void)candidates, (void)count;
	if (!n->stopping)
		reload_sim_check_pairs(n, link, ufrag);
}

static size_t host_link_mtu(void *host, uint32_t link)
{
	(void)link;
	return reload_sim_by_datagrams(reload_sim_body_of(host)->node.sim) ? DTLS_MTU : 0;
}

/*
 * What keeps a link alive (RFC 6940 s6.5.1.14) is not simulated.  It comes every few seconds while the other end is there, so the time is known: now, or
 * when the other end stopped.
 */
static reload_ms host_link_heard(void *host, uint32_t link)
{
	struct reload_sim_body *n = reload_sim_body_of(host);
	unsigned end;
	struct reload_sim_link *l = reload_sim_link_find(n, link, &end);
	return l ? reload_sim_link_heard(n->node.sim, l, end) : 0;
}

static void host_link_certificate(void *host, uint32_t link, struct reload_cert *cert,
	struct reload_cert *const *others, size_t others_count)
{
	unsigned end;
	struct reload_sim_link *l = reload_sim_link_find(reload_sim_body_of(host), link, &end);
	(void)others, (void)others_count;
	if (l)
		reload_sim_link_certificate(l->end[end].node->node.sim, l, end, cert->not_after);
}

static void host_link_send(void *host, uint32_t link, struct span message)
{
	struct reload_sim_body *n = reload_sim_body_of(host);
	if (!n->stopping)
		reload_sim_send(n, link, message);
}

static void host_link_close(void *host, uint32_t link)
{
	struct reload_sim_body *n = reload_sim_body_of(host);
	if (!n->stopping && !reload_sim_gather_end(n, link))
		reload_sim_close(n, link);
}

static void host_job(void *host, struct reload_job *job)
{
	reload_sim_job_begin(reload_sim_body_of(host), job);
}

static size_t host_addresses(void *host, struct reload_link_target *out, size_t max)
{
	if (!max)
		return 0;
	out[0] = (struct reload_link_target){ reload_sim_address(
						      reload_sim_body_of(host)->node.index),
		RELOAD_LINK_BIT(RELOAD_TLS_TCP_FH_NO_ICE) };
	return 1;
}

static void host_reached(
	void *host, const struct reload_id *node, const struct reload_ip_port *addrs, size_t count)
{
	struct reload_sim_body *n = reload_sim_body_of(host);
	struct reload_sim_body *other = reload_sim_node_at(n->node.sim, addrs, count);
	(void)node;
	if (!other)
		return;
	uint32_t index = (uint32_t)other->node.index;
	size_t at = 0;
	if (!n->cached)
		n->cached = reload_alloc_array(RELOAD_SIM_CACHED_MAX, sizeof(*n->cached));
	while (at < n->cached_count && n->cached[at] != index)
		at++;
	if (at == n->cached_count && at < RELOAD_SIM_CACHED_MAX)
		n->cached_count++;
	else if (at == RELOAD_SIM_CACHED_MAX)
		at--; /* the oldest is replaced */
	memmove(n->cached + 1, n->cached, at * sizeof(*n->cached));
	n->cached[0] = index;
}

/*
 * A peer that leaves unasked steps aside, or returns: its storage fails, or works again (libcore/membership/aside.c).  The engine may not be asked
 * for its role here.
 */
static void role_follow(struct reload_sim_body *n, enum reload_state state)
{
	if (state != RELOAD_STATE_LEAVING || n->leaving || !n->has_disk)
		return;
	n->node.aside = !n->node.aside;
	n->node.role = n->node.aside ? RELOAD_ROLE_CLIENT : RELOAD_ROLE_PEER;
}

static void host_event(void *host, const struct reload_event *ev)
{
	struct reload_sim_body *n = reload_sim_body_of(host);
	struct reload_sim *s = n->node.sim;
	if (ev->type == RELOAD_EV_STATE) {
		n->node.state = ev->code;
		role_follow(n, ev->code);
		if (ev->code == RELOAD_STATE_JOINED)
			n->node.joined_at = s->now;
	}
	if (reload_event_level(ev->type) <= RELOAD_LEVEL_INFO)
		reload_sim_note(s, &n->node, reload_event_name(ev->type), ev->code, ev->err);
	if (s->setup.trace && ev->reason)
		fprintf(s->setup.trace, "         node %zu   %s: %s\n", n->node.index,
			reload_event_name(ev->type), ev->reason);
	if (s->hooks.event)
		s->hooks.event(s->hooks.arg, &n->node, ev);
}

static void host_config_changed(void *host, const struct reload_config *config)
{
	struct reload_sim_body *n = reload_sim_body_of(host);
	reload_sim_note(n->node.sim, &n->node, "config", config->sequence, 0);
	reload_config_free(n->config);
	n->config = reload_config_ref(config);
}

const struct reload_host_ops reload_sim_host_ops = {
	.now = host_now,
	.wall = host_wall,
	.random = host_random,
	.wake_at = host_wake_at,
	.link_open = host_link_open,
	.link_gather = host_link_gather,
	.link_check = host_link_check,
	.link_mtu = host_link_mtu,
	.link_certificate = host_link_certificate,
	.link_heard = host_link_heard,
	.link_send = host_link_send,
	.link_close = host_link_close,
	.job = host_job,
	.addresses = host_addresses,
	.reached = host_reached,
	.event = host_event,
	.config_changed = host_config_changed,
};

/* -- what a message is for ------------------------------------------------------------------------------------------------ */
