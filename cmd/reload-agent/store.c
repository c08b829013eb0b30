#include "store.h"

#include "common/home.h"
#include "log.h"
#include "storage/sqlite_io.h"

#include <assert.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct agent_store {
	struct agent *agent;
	struct reload_storage *storage;
	int event; /* the writing thread signals here that a write is finished; -1: there is no such thread */
	uint64_t watch;
	struct reload_poll_hook hook;
	char failure[160];
	bool changed; /* the store has begun or ceased to fail: the engine has to check */
};

enum reload_err agent_store_path(char **out, const char *instance, const struct agent_settings *s,
	struct reload_error_text *why)
{
	const char *path = agent_setting_value(s, "store-path", 0);
	if (!path)
		return cli_path(out, CLI_STATE, instance, why);
	if (!*path)
		return reload_error_explain(
			why, RELOAD_USAGE, "--store-path", "it takes a directory");
	*out = reload_strdup(path);
	return RELOAD_OK;
}

/* Called on the writing thread. */
static void on_finished(void *arg)
{
	struct agent_store *store = arg;
	uint64_t one = 1;
	ssize_t n = write(store->event, &one, sizeof(one));
	assert(n == sizeof(one));
}

static void on_event(void *arg, unsigned events)
{
	struct agent_store *store = arg;
	uint64_t count;
	(void)events;
	if (read(store->event, &count, sizeof(count)) == sizeof(count))
		store->hook.due = true;
}

static void complete(void *arg)
{
	struct agent_store *store = arg;
	reload_storage_sqlite_complete(store->storage);
	if (store->changed && store->agent->peer)
		reload_peer_storage(store->agent->peer);
	store->changed = false;
}

static void on_storage_event(
	void *arg, enum reload_storage_event type, const char *reason, size_t count)
{
	struct agent_store *store = arg;
	struct agent *agent = store->agent;
	struct reload_event event = { .reason = reason, .count = count };
	switch (type) {
	case RELOAD_STORAGE_LOADED:
		if (count)
			agent_log(agent->log, "storage", RELOAD_LEVEL_INFO,
				"read values=%zu path=%s", count, reason);
		return;
	case RELOAD_STORAGE_FAILED:
		event.type = RELOAD_EV_STORE_FAILED;
		event.err = RELOAD_IO;
		snprintf(store->failure, sizeof(store->failure), "%s", reason);
		agent->store_failure = store->failure;
		store->changed = true;
		break;
	case RELOAD_STORAGE_RECOVERED:
		event.type = RELOAD_EV_STORE_RECOVERED;
		agent->store_failure = NULL;
		store->changed = true;
		break;
	case RELOAD_STORAGE_RENEWED:
		event.type = RELOAD_EV_STORE_RENEWED;
		break;
	case RELOAD_STORAGE_DAMAGED_ROWS:
	case RELOAD_STORAGE_DAMAGED_FILE:
		event.type = RELOAD_EV_STORE_DAMAGED;
		break;
	}
	agent_event(agent, &event);
}

static enum reload_err open_file(struct agent_store *store, const struct reload_config *config,
	const char *path, reload_ms keep_ms, struct reload_error_text *why)
{
	struct agent *agent = store->agent;
	struct reload_sqlite_setup setup = { .directory = path,
		.overlay = config->instance_name,
		.id_len = config->node_id_len,
		.max_bytes = agent->store_limit,
		.keep_generation_ms = keep_ms,
		.now = reload_poll_wall(),
		.notify = on_finished,
		.on_event = on_storage_event,
		.arg = store };
	store->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert(store->event >= 0);
	store->watch = reload_poll_add(agent->poll, store->event, RELOAD_POLL_IN, on_event, store);
	assert(store->watch);
	store->hook = (struct reload_poll_hook){
		.fn = complete, .arg = store, .order = RELOAD_HOOK_WORK
	};
	reload_poll_hook_add(agent->poll, &store->hook);
	return reload_storage_sqlite_open(&store->storage, &setup, why);
}

enum reload_err agent_store_open(struct agent_store **out, struct agent *agent,
	const struct reload_config *config, const char *path, struct reload_error_text *why)
{
	struct agent_store *store = RELOAD_NEW(agent_store);
	reload_ms request_lifetime = 5ull * config->overlay_reliability_timer_ms;
	enum reload_err err = RELOAD_OK;
	store->agent = agent;
	store->event = -1;
	if (agent->role == RELOAD_ROLE_CLIENT)
		store->storage = reload_storage_memory_new(agent->store_limit, request_lifetime);
	else
		err = open_file(store, config, path, request_lifetime, why);
	if (err)
		agent_store_free(store);
	else
		*out = store;
	return err;
}

struct reload_storage *agent_store_storage(const struct agent_store *store)
{
	return store->storage;
}

void agent_store_free(struct agent_store *store)
{
	if (!store)
		return;
	reload_storage_free(store->storage);
	store->agent->store_failure = NULL;
	if (store->event >= 0) {
		reload_poll_hook_remove(store->agent->poll, &store->hook);
		reload_poll_remove(store->agent->poll, store->watch);
		close(store->event);
	}
	free(store);
}
