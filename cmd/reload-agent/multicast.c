#include "multicast.h"

#include "listen.h"
#include "log.h"

#include "link/multicast_io.h"
#include "service/multicast.h"

#include <string.h>
#include <unistd.h>

enum {
	AGAIN_MS = 400, /* after the first question; then twice as long each time */
	AGAIN_MAX_MS = 60 * 1000,
	LOOK_MS = 30 * 1000, /* for interfaces that came meanwhile */
	SPREAD_MS = 200,     /* of the answers of all nodes to one question */
	WAITING = 16,        /* questions that wait for their answer; further ones get none */
	DATAGRAMS = 16,      /* that are read in one pass */
	HOPS_LINK = 1,
	HOPS_SITE = 8
};

struct group {
	struct host_multicast *multicast;
	struct reload_ip_port at;
	int hops;
	int listening, asking;              /* descriptors; -1: closed */
	uint64_t listen_handle, ask_handle; /* in the loop */
};

struct waiting {
	struct group *group; /* NULL: free */
	struct reload_timer timer;
	struct reload_multicast_request request;
	struct reload_group_arrival to;
};

struct host_multicast {
	struct host *host;
	host_multicast_fn found;
	struct group groups[RELOAD_CONFIG_GROUPS_MAX];
	size_t count;
	bool serves, asks;
	uint64_t transaction; /* of the question that was sent last */
	unsigned asked;       /* since host_multicast_ask() */
	struct reload_timer again, look;
	struct reload_multicast_limit limit;
	struct waiting waiting[WAITING];
	struct host_multicast_counters counters;
};

static struct reload_timers *timers_of(const struct host_multicast *m)
{
	return reload_poll_timers(m->host->agent.poll);
}

static struct reload_multicast_node self_of(const struct host_multicast *m)
{
	return (struct reload_multicast_node){ reload_peer_config(m->host->agent.peer),
		&m->host->identity.credentials, reload_poll_wall() };
}

static void fails(const struct group *g, const char *what, int err)
{
	char text[64];
	agent_log_cause(g->multicast->host->agent.log, "agent", RELOAD_LEVEL_WARN, what, 0,
		"multicast group %s %s: %s", reload_ip_port_text(text, &g->at), what,
		strerror(err));
}

/* -- answering ---------------------------------------------------------------------------------------------------------------- */

/* Where this node listens at an interface: links cannot come by link-local addresses of IPv6. */
static size_t places_at(const struct host *h, const struct reload_interface *i,
	struct reload_ip_port out[RELOAD_MULTICAST_ADDRESSES])
{
	size_t count = 0;
	for (size_t k = 0; k < i->count && count < RELOAD_MULTICAST_ADDRESSES; k++)
		for (size_t l = 0; l < h->listen_count; l++) {
			struct reload_ip_port at = i->addresses[k].at;
			at.port = h->listen[l].port;
			if (at.type != h->listen[l].type || reload_ip_port_is_linklocal(&at) ||
				!host_listens_at(h, &at))
				continue;
			out[count++] = at;
			break;
		}
	return count;
}

static void answer(void *arg)
{
	struct waiting *w = arg;
	struct host_multicast *m = w->group->multicast;
	struct reload_interface all[RELOAD_INTERFACES_MAX];
	struct reload_ip_port at[RELOAD_MULTICAST_ADDRESSES];
	struct reload_multicast_node self = self_of(m);
	struct wr out;
	int count = reload_interfaces_read(all);
	const struct reload_interface *i =
		reload_interface_by(all, count > 0 ? (size_t)count : 0, w->to.interface);
	size_t places = i ? places_at(m->host, i, at) : 0;
	wr_init(&out);
	if (places &&
		!reload_multicast_answer(&out, &self, &w->request, at, places, agent_chance()) &&
		reload_group_send(w->group->listening, wr_done(&out), &w->to.from, w->to.interface))
		m->counters.answered++;
	wr_clear(&out);
	w->group = NULL;
}

static void answer_later(struct group *g, const struct reload_multicast_request *request,
	const struct reload_group_arrival *to)
{
	struct host_multicast *m = g->multicast;
	for (size_t i = 0; i < WAITING; i++) {
		struct waiting *w = &m->waiting[i];
		if (w->group)
			continue;
		w->group = g;
		w->request = *request;
		w->to = *to;
		reload_timer_arm(timers_of(m), &w->timer,
			reload_poll_now() + agent_chance() % SPREAD_MS, answer, w);
		return;
	}
	m->counters.refused++;
}

/* Whether a datagram came from the network of its interface: another one may be that of somebody else, who is to get answers. */
static bool is_near(const struct reload_group_arrival *a)
{
	struct reload_interface all[RELOAD_INTERFACES_MAX];
	int count = reload_interfaces_read(all);
	const struct reload_interface *i =
		reload_interface_by(all, count > 0 ? (size_t)count : 0, a->interface);
	return i && reload_interface_reaches(i, &a->from);
}

static void question(struct group *g, struct span datagram, const struct reload_group_arrival *a)
{
	struct host_multicast *m = g->multicast;
	struct reload_multicast_node self = self_of(m);
	struct reload_multicast_request request;
	char text[64];
	if (!a->to_group)
		return;
	bool near = g->hops > HOPS_LINK || is_near(a);
	enum reload_err err =
		!near || !reload_multicast_within(&m->limit, &a->from, reload_poll_now())
			? RELOAD_LIMIT
			: reload_multicast_asked(&request, &self, datagram);
	if (!err) {
		answer_later(g, &request, a);
	} else if (err != RELOAD_EXISTS) { /* the own question */
		m->counters.refused++;
		agent_log(m->host->agent.log, "agent", RELOAD_LEVEL_DEBUG,
			"multicast question of %s not answered: %s",
			reload_ip_port_text(text, &a->from), reload_err_text(err));
	}
}

/* -- asking ------------------------------------------------------------------------------------------------------------------- */

static void answered(struct group *g, struct span datagram, const struct reload_group_arrival *a)
{
	struct host_multicast *m = g->multicast;
	struct reload_multicast_node self = self_of(m);
	struct reload_ip_port at[RELOAD_MULTICAST_ADDRESSES];
	size_t count = 0;
	char text[64];
	enum reload_err err =
		a->to_group || !reload_multicast_within(&m->limit, &a->from, reload_poll_now())
			? RELOAD_LIMIT
			: reload_multicast_answered(at, &count, &self, m->transaction, datagram);
	if (err) {
		m->counters.refused++;
		agent_log(m->host->agent.log, "agent", RELOAD_LEVEL_DEBUG,
			"multicast answer of %s not taken: %s", reload_ip_port_text(text, &a->from),
			reload_err_text(err));
	}
	for (size_t i = 0; i < count; i++) {
		m->counters.found++;
		m->found(m->host, &at[i]);
	}
}

static void ask_group(
	struct group *g, struct span datagram, const struct reload_interface *all, size_t count)
{
	for (size_t i = 0; i < count && g->asking >= 0; i++) {
		bool has = false;
		for (size_t k = 0; k < all[i].count; k++)
			has |= all[i].addresses[k].at.type == g->at.type;
		if (has && reload_group_send(g->asking, datagram, &g->at, all[i].index))
			g->multicast->counters.asked++;
	}
}

static void ask_now(void *arg)
{
	struct host_multicast *m = arg;
	struct reload_interface all[RELOAD_INTERFACES_MAX];
	struct reload_multicast_node self = self_of(m);
	struct wr out;
	int count = reload_interfaces_read(all);
	wr_init(&out);
	agent_random_take(&m->host->random, &m->transaction, sizeof(m->transaction));
	enum reload_err err = reload_multicast_ask(&out, &self, m->transaction);
	for (size_t i = 0; i < m->count && !err && count > 0; i++)
		ask_group(&m->groups[i], wr_done(&out), all, (size_t)count);
	wr_clear(&out);
	if (err)
		agent_log_cause(m->host->agent.log, "agent", RELOAD_LEVEL_WARN, "multicast", 0,
			"the local network cannot be asked: %s", reload_err_text(err));
	m->asked++;
	reload_ms pause = reload_doubled(AGAIN_MS, m->asked - 1, AGAIN_MAX_MS);
	reload_timer_arm(timers_of(m), &m->again,
		reload_poll_now() + pause / 2 + agent_chance() % pause, ask_now, m);
}

/* -- sockets ------------------------------------------------------------------------------------------------------------------ */

static void read_datagrams(struct group *g, int fd,
	void (*take)(struct group *g, struct span datagram, const struct reload_group_arrival *a))
{
	uint8_t bytes[RELOAD_MULTICAST_MAX];
	struct reload_group_arrival a;
	for (int i = 0; i < DATAGRAMS; i++) {
		int len = reload_group_receive(fd, bytes, sizeof(bytes), &a);
		if (len < 0)
			return;
		if (len)
			take(g, span_of(bytes, (size_t)len), &a);
	}
}

static void question_in(void *arg, unsigned events)
{
	struct group *g = arg;
	(void)events;
	read_datagrams(g, g->listening, question);
}

static void answer_in(void *arg, unsigned events)
{
	struct group *g = arg;
	(void)events;
	read_datagrams(g, g->asking, answered);
}

static void close_one(struct group *g, int *fd, uint64_t *handle)
{
	struct host_multicast *m = g->multicast;
	reload_poll_remove(m->host->agent.poll, *handle);
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	*handle = 0;
}

static void stop_listening(struct host_multicast *m)
{
	for (size_t i = 0; i < WAITING; i++) {
		reload_timer_cancel(timers_of(m), &m->waiting[i].timer);
		m->waiting[i].group = NULL;
	}
	for (size_t i = 0; i < m->count; i++)
		close_one(&m->groups[i], &m->groups[i].listening, &m->groups[i].listen_handle);
	reload_timer_cancel(timers_of(m), &m->look);
}

static void stop_asking(struct host_multicast *m)
{
	for (size_t i = 0; i < m->count; i++)
		close_one(&m->groups[i], &m->groups[i].asking, &m->groups[i].ask_handle);
	reload_timer_cancel(timers_of(m), &m->again);
}

/* Interfaces come and go: the groups are joined at those that are there, again and again. */
static void look(void *arg)
{
	struct host_multicast *m = arg;
	struct reload_interface all[RELOAD_INTERFACES_MAX];
	int count = reload_interfaces_read(all);
	for (size_t i = 0; i < m->count; i++)
		for (int k = 0; k < count && m->groups[i].listening >= 0; k++)
			(void)reload_group_join(
				m->groups[i].listening, &m->groups[i].at, all[k].index);
	reload_timer_arm(timers_of(m), &m->look, reload_poll_now() + LOOK_MS, look, m);
}

static void start_listening(struct host_multicast *m)
{
	for (size_t i = 0; i < m->count; i++) {
		struct group *g = &m->groups[i];
		int fd = reload_group_listen(&g->at, g->hops);
		if (fd < 0) {
			fails(g, "cannot be listened to", -fd);
			continue;
		}
		g->listening = fd;
		g->listen_handle =
			reload_poll_add(m->host->agent.poll, fd, RELOAD_POLL_IN, question_in, g);
	}
	look(m);
}

static void start_asking(struct host_multicast *m)
{
	for (size_t i = 0; i < m->count; i++) {
		struct group *g = &m->groups[i];
		int fd = reload_group_asker(g->at.type, g->hops);
		if (fd < 0) {
			fails(g, "cannot be asked", -fd);
			continue;
		}
		g->asking = fd;
		g->ask_handle =
			reload_poll_add(m->host->agent.poll, fd, RELOAD_POLL_IN, answer_in, g);
	}
	m->asked = 0;
	ask_now(m);
}

/* -- calls of the agent ---------------------------------------------------------------------------------------------------------- */

static void read_groups(struct host_multicast *m, const struct reload_config *c)
{
	m->count = c->multicast_count;
	for (size_t i = 0; i < m->count; i++)
		m->groups[i] = (struct group){ .multicast = m,
			.at = c->multicast[i],
			.hops = reload_group_scope(&c->multicast[i]) == RELOAD_GROUP_LINK
					? HOPS_LINK
					: HOPS_SITE,
			.listening = -1,
			.asking = -1 };
}

struct host_multicast *host_multicast_new(struct host *h, host_multicast_fn found)
{
	struct host_multicast *m = RELOAD_NEW(host_multicast);
	m->host = h;
	m->found = found;
	read_groups(m, h->identity.config);
	if (!m->count)
		agent_log(h->agent.log, "agent", RELOAD_LEVEL_WARN,
			"the configuration names no multicast group; try: reload-enroll config set "
			"multicast-bootstrap=239.255.60.84:6090");
	return m;
}

void host_multicast_free(struct host_multicast *m)
{
	if (!m)
		return;
	stop_listening(m);
	stop_asking(m);
	free(m);
}

bool host_multicast_ask(struct host_multicast *m)
{
	if (!m->asks) {
		m->asks = true;
		start_asking(m);
	}
	return m->count && m->asked == 1;
}

void host_multicast_quiet(struct host_multicast *m)
{
	if (m->asks)
		stop_asking(m);
	m->asks = false;
}

void host_multicast_serve(struct host_multicast *m, bool serves)
{
	if (serves && !m->serves)
		start_listening(m);
	else if (!serves && m->serves)
		stop_listening(m);
	m->serves = serves;
}

void host_multicast_configured(struct host_multicast *m, const struct reload_config *c)
{
	bool same = c->multicast_count == m->count;
	for (size_t i = 0; i < m->count && same; i++)
		same = reload_ip_port_eq(&m->groups[i].at, &c->multicast[i]);
	if (same)
		return;
	stop_listening(m);
	stop_asking(m);
	read_groups(m, c);
	if (m->serves)
		start_listening(m);
	if (m->asks)
		start_asking(m);
}

const struct host_multicast_counters *host_multicast_counters(const struct host_multicast *m)
{
	return &m->counters;
}
