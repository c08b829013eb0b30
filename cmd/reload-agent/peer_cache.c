#include "peer_cache.h"

#include "log.h"

#include "common/files.h"
#include "common/home.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool line_parse(struct agent_cached_peer *out, char *line, size_t id_len)
{
	char *space = strchr(line, ' ');
	if (!space)
		return false;
	*space = 0;
	return !reload_ip_port_parse(&out->addr, line, 0) && !reload_ip_port_fault(&out->addr) &&
	       !reload_id_from_hex(&out->node, space + 1) && out->node.len == id_len;
}

bool agent_peer_cache_parse(
	struct agent_cached_peer *at, size_t *count, const char *text, size_t id_len)
{
	char *copy = reload_strdup(text), *end;
	bool good = true;
	*count = 0;
	for (char *line = copy; good && *line; line = end + 1) {
		end = strchr(line, '\n');
		good = end && *count < AGENT_PEER_CACHE_MAX;
		if (!good)
			break;
		*end = 0;
		good = line_parse(&at[*count], line, id_len);
		++*count;
	}
	free(copy);
	if (!good)
		*count = 0;
	return good;
}

void agent_peer_cache_start(struct agent_peer_cache *k, struct agent *agent, size_t id_len)
{
	struct reload_error_text why = { 0 };
	uint8_t *bytes;
	size_t len;
	char *below;
	k->agent = agent;
	size_t room = strlen(agent->instance) + sizeof("/bootstrap-nodes");
	below = reload_alloc(room);
	snprintf(below, room, "%s/bootstrap-nodes", agent->instance);
	if (cli_path(&k->path, CLI_STATE, below, &why))
		k->path = NULL; /* no directory for state is known */
	free(below);
	if (!k->path || access(k->path, F_OK))
		return;
	enum reload_err err = cli_file_read(
		&bytes, &len, k->path, AGENT_PEER_CACHE_FILE_MAX, reload_poll_now() + 1000, &why);
	if (err) {
		agent_log(agent->log, "agent", RELOAD_LEVEL_WARN, "cached peers not read: %s: %s",
			why.what, why.reason);
		return;
	}
	if (strlen((char *)bytes) != len ||
		!agent_peer_cache_parse(k->at, &k->count, (char *)bytes, id_len))
		agent_log(agent->log, "agent", RELOAD_LEVEL_WARN,
			"cached peers not used, the file is damaged: %s", k->path);
	free(bytes);
}

static enum reload_err write_file(
	struct agent_peer_cache *k, struct span text, struct reload_error_text *why)
{
	AUTO(cli_files) files = cli_files_new();
	char *dir = reload_strdup(k->path);
	*strrchr(dir, '/') = 0;
	enum reload_err err = cli_files_mkdir(files, dir, 0700, why);
	free(dir);
	if (err)
		return err;
	cli_files_put(files, k->path, 0600, text);
	return cli_files_commit(files, why);
}

static void save(struct agent_peer_cache *k)
{
	struct reload_error_text why = { 0 };
	struct wr w;
	wr_init(&w);
	for (size_t i = 0; i < k->count; i++) {
		char text[64], hex[RELOAD_ID_HEX];
		reload_ip_port_text(text, &k->at[i].addr);
		wr_bytes(&w, text, strlen(text));
		wr_u8(&w, ' ');
		reload_id_hex(hex, &k->at[i].node);
		wr_bytes(&w, hex, strlen(hex));
		wr_u8(&w, '\n');
	}
	k->changed = false;
	if (write_file(k, wr_done(&w), &why))
		agent_log(k->agent->log, "agent", RELOAD_LEVEL_WARN,
			"cached peers not written: %s: %s", why.what, why.reason);
	wr_clear(&w);
}

static void save_later(void *arg)
{
	struct agent_peer_cache *k = arg;
	if (k->changed)
		save(k);
}

void agent_peer_cache_stop(struct agent_peer_cache *k)
{
	if (!k->agent)
		return;
	reload_timer_cancel(reload_poll_timers(k->agent->poll), &k->timer);
	if (k->changed)
		save(k);
	free(k->path);
	*k = (struct agent_peer_cache){ .agent = NULL };
}

/* Takes out what peer takes the place of: its address, and those of its node but for the newest, so that stale ones go; true: it was there. */
static bool take_out(struct agent_peer_cache *k, const struct agent_cached_peer *peer)
{
	size_t kept = 0, of_node = 1;
	bool there = false;
	for (size_t i = 0; i < k->count; i++) {
		bool same = reload_ip_port_eq(&k->at[i].addr, &peer->addr),
		     mine = reload_id_eq(&k->at[i].node, &peer->node);
		there |= same && mine;
		if (!same && (!mine || of_node++ < AGENT_PEER_CACHE_PER_NODE))
			k->at[kept++] = k->at[i];
	}
	k->changed |= kept + there < k->count;
	k->count = kept;
	return there;
}

void agent_peer_cache_add(struct agent_peer_cache *k, const struct reload_id *node,
	const struct reload_ip_port *addrs, size_t count)
{
	for (size_t i = count; k->path && i-- > 0;) {
		struct agent_cached_peer peer = { .addr = addrs[i], .node = *node };
		peer.addr.raw = span_of(NULL, 0);
		k->changed |= !take_out(k, &peer); /* a changed order alone is not written */
		k->count -= k->count == AGENT_PEER_CACHE_MAX;
		memmove(&k->at[1], &k->at[0], k->count * sizeof(peer));
		k->at[0] = peer;
		k->count++;
	}
	if (k->changed && !k->timer.armed)
		reload_timer_arm(reload_poll_timers(k->agent->poll), &k->timer,
			reload_poll_now() + AGENT_PEER_CACHE_PAUSE_MS, save_later, k);
}

size_t agent_peer_cache_addresses(
	const struct agent_peer_cache *k, struct reload_ip_port out[AGENT_PEER_CACHE_MAX])
{
	for (size_t i = 0; i < k->count; i++)
		out[i] = k->at[i].addr;
	return k->count;
}
