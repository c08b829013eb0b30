/*
 * The ICE plug-in (link/ice_plugin.h) over libnice: a thread with a main context of its own, since the cost of a turn of a context grows
 * with the agents in it.  Calls from other threads are queued and run there, in their order, as libnice is only called from this thread.
 */
#include "link.h"

#include <string.h>
#include <sys/queue.h>

enum command_type {
	GATHER,
	START,
	SEND,
	CLOSE,
	END
};

struct command {
	STAILQ_ENTRY(command) entry;
	enum command_type type;
	uint64_t key;
	struct reload_ice_gather gather; /* owned copies of what they point to */
	struct reload_ice_remote remote;
	size_t len;
	uint8_t datagram[];
};

STAILQ_HEAD(commands, command);

struct reload_ice {
	struct ice_owner owner;
	GThread *thread;
	GSource *source; /* is made ready when there are commands */
	GMutex lock;     /* of what follows */
	struct commands commands;
	size_t datagrams;
	/* of the thread alone */
	gboolean ending;
	gint64 end_by; /* us */
};

/* -- the queue ------------------------------------------------------------------------------------------------------------- */

static struct command *command_new(enum command_type type, uint64_t key, size_t len)
{
	struct command *c = g_malloc0(sizeof(*c) + len);
	c->type = type;
	c->key = key;
	c->len = len;
	return c;
}

static void wipe_and_free(const char *secret)
{
	if (secret)
		explicit_bzero((char *)secret, strlen(secret));
	g_free((char *)secret);
}

void ice_remote_clear(struct reload_ice_remote *r)
{
	g_free((char *)r->ufrag);
	wipe_and_free(r->password);
	g_free((void *)r->candidates);
	*r = (struct reload_ice_remote){ 0 };
}

void ice_gather_clear(struct reload_ice_gather *g)
{
	g_free((void *)g->addresses);
	g_free((char *)g->server.user);
	wipe_and_free(g->server.password);
	*g = (struct reload_ice_gather){ 0 };
}

static void command_free(struct command *c)
{
	ice_gather_clear(&c->gather);
	ice_remote_clear(&c->remote);
	g_free(c);
}

static gboolean queue(struct reload_ice *ice, struct command *c)
{
	g_mutex_lock(&ice->lock);
	gboolean full = c->type == SEND && ice->datagrams >= RELOAD_ICE_QUEUE;
	gboolean first = STAILQ_EMPTY(&ice->commands);
	if (!full)
		STAILQ_INSERT_TAIL(&ice->commands, c, entry);
	ice->datagrams += !full && c->type == SEND;
	g_mutex_unlock(&ice->lock);
	if (full)
		command_free(c);
	else if (first)
		g_source_set_ready_time(ice->source, 0);
	return !full;
}

/* -- the thread -------------------------------------------------------------------------------------------------------------- */

static void close_all(struct reload_ice *ice)
{
	GHashTableIter i;
	gpointer link;
	GPtrArray *all = g_ptr_array_new();
	g_hash_table_iter_init(&i, ice->owner.links);
	while (g_hash_table_iter_next(&i, NULL, &link))
		g_ptr_array_add(all, link);
	for (guint k = 0; k < all->len; k++) {
		struct ice_link *l = all->pdata[k];
		ice_link_close(l);
	}
	g_ptr_array_free(all, TRUE);
	ice->ending = TRUE;
	ice->end_by = g_get_monotonic_time() + RELOAD_ICE_END_MS * 1000;
}

static void run(struct reload_ice *ice, struct command *c)
{
	struct ice_link *l = c->type == END ? NULL : ice_link_find(&ice->owner, c->key);
	if (c->type == GATHER)
		ice_link_new(&ice->owner, c->key, &c->gather);
	else if (c->type == END)
		close_all(ice);
	else if (l && c->type == START)
		ice_link_start(l, &c->remote);
	else if (l && c->type == SEND)
		ice_link_send(l, span_of(c->datagram, c->len));
	else if (l && c->type == CLOSE)
		ice_link_close(l);
}

static gboolean on_commands(GSource *source, GSourceFunc fn, gpointer arg)
{
	(void)fn;
	struct reload_ice *ice = arg;
	struct commands now = STAILQ_HEAD_INITIALIZER(now);
	struct command *c;
	g_source_set_ready_time(source, -1);
	g_mutex_lock(&ice->lock);
	STAILQ_CONCAT(&now, &ice->commands);
	ice->datagrams = 0;
	g_mutex_unlock(&ice->lock);
	while ((c = STAILQ_FIRST(&now))) {
		STAILQ_REMOVE_HEAD(&now, entry);
		run(ice, c);
		command_free(c);
	}
	return G_SOURCE_CONTINUE;
}

/* Relays that are not given back in time are left to their lifetime. */
static gboolean on_end_late(gpointer arg)
{
	(void)arg;
	return G_SOURCE_REMOVE;
}

static gpointer thread(gpointer arg)
{
	struct reload_ice *ice = arg;
	GMainContext *context = ice->owner.context;
	g_main_context_push_thread_default(context); /* where nice_agent_close_async() reports */
	while (!ice->ending)
		g_main_context_iteration(context, TRUE);
	GSource *limit = g_timeout_source_new(RELOAD_ICE_END_MS);
	g_source_set_callback(limit, on_end_late, NULL, NULL);
	g_source_attach(limit, context);
	while (g_hash_table_size(ice->owner.links) && g_get_monotonic_time() < ice->end_by)
		g_main_context_iteration(context, TRUE);
	g_source_destroy(limit);
	g_source_unref(limit);
	g_main_context_pop_thread_default(context);
	return NULL;
}

/* -- the table ---------------------------------------------------------------------------------------------------------------- */

static GSourceFuncs command_source = { .dispatch = on_commands };

static struct reload_ice *begin(reload_ice_notify_fn notify, void *arg)
{
	struct reload_ice *ice = g_new0(struct reload_ice, 1);
	g_mutex_init(&ice->lock);
	STAILQ_INIT(&ice->commands);
	ice->owner = (struct ice_owner){ .context = g_main_context_new(),
		.notify = notify,
		.arg = arg,
		.links = g_hash_table_new(g_int64_hash, g_int64_equal) };
	ice->source = g_source_new(&command_source, sizeof(GSource));
	g_source_set_callback(ice->source, NULL, ice, NULL);
	g_source_attach(ice->source, ice->owner.context);
	ice->thread = g_thread_try_new("ice", thread, ice, NULL);
	if (ice->thread)
		return ice;
	g_source_destroy(ice->source);
	g_source_unref(ice->source);
	g_hash_table_destroy(ice->owner.links);
	g_main_context_unref(ice->owner.context);
	g_mutex_clear(&ice->lock);
	g_free(ice);
	return NULL;
}

static void *copy_array(const void *from, size_t count, size_t size)
{
	return count ? g_memdup2(from, count * size) : NULL;
}

static void gather(struct reload_ice *ice, uint64_t key, const struct reload_ice_gather *how)
{
	struct command *c = command_new(GATHER, key, 0);
	c->gather = *how;
	if (c->gather.addresses_count > RELOAD_ICE_ADDRESSES)
		c->gather.addresses_count = RELOAD_ICE_ADDRESSES;
	c->gather.addresses =
		copy_array(how->addresses, c->gather.addresses_count, sizeof(*how->addresses));
	c->gather.server.user = g_strdup(how->server.user);
	c->gather.server.password = g_strdup(how->server.password);
	queue(ice, c);
}

static void start(struct reload_ice *ice, uint64_t key, const struct reload_ice_remote *to)
{
	struct command *c = command_new(START, key, 0);
	c->remote.count =
		to->count < RELOAD_ICE_CANDIDATES_MAX ? to->count : RELOAD_ICE_CANDIDATES_MAX;
	c->remote.candidates = copy_array(to->candidates, c->remote.count, sizeof(*to->candidates));
	c->remote.ufrag = g_strdup(to->ufrag);
	c->remote.password = g_strdup(to->password);
	queue(ice, c);
}

static bool send_datagram(struct reload_ice *ice, uint64_t key, struct span datagram)
{
	struct command *c = command_new(SEND, key, datagram.len);
	if (datagram.len)
		memcpy(c->datagram, datagram.at, datagram.len);
	return queue(ice, c);
}

static void close_link(struct reload_ice *ice, uint64_t key)
{
	queue(ice, command_new(CLOSE, key, 0));
}

static void end(struct reload_ice *ice)
{
	GHashTableIter i;
	gpointer link;
	queue(ice, command_new(END, 0, 0));
	g_thread_join(ice->thread);
	for (g_hash_table_iter_init(&i, ice->owner.links); g_hash_table_iter_next(&i, NULL, &link);
		g_hash_table_iter_init(&i, ice->owner.links))
		ice_link_drop(link);
	g_source_destroy(ice->source);
	g_source_unref(ice->source);
	struct command *c;
	while ((c = STAILQ_FIRST(&ice->commands))) {
		STAILQ_REMOVE_HEAD(&ice->commands, entry);
		command_free(c);
	}
	g_hash_table_destroy(ice->owner.links);
	g_main_context_unref(ice->owner.context);
	g_mutex_clear(&ice->lock);
	g_free(ice);
}

extern const struct reload_ice_plugin reload_ice_plugin;
__attribute__((visibility("default"))) const struct reload_ice_plugin reload_ice_plugin = {
	.version = RELOAD_ICE_PLUGIN_VERSION,
	.size = sizeof(struct reload_ice_plugin),
	.begin = begin,
	.gather = gather,
	.start = start,
	.send = send_datagram,
	.close = close_link,
	.end = end,
};
