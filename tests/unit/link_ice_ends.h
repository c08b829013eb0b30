/* The ICE plug-in as an agent opens it, and two of its ends without links over them. */
#pragma once

#include "link_fixture.h"

#include "link/ice_link_io.h"
#include "link/ice_load_io.h"

#include <glib.h>
#include <libgen.h>
#include <poll.h>
#include <unistd.h>

static const struct reload_ice_plugin *plugin;

/* beside the directory of the tests */
static inline void plugin_path(char out[600])
{
	char self[512] = "";
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	snprintf(out, 600, "%s/../reload-ice.so", dirname(self));
}

static inline void plugin_load(void)
{
	char path[600];
	struct reload_error_text why = { 0 };
	plugin_path(path);
	g_log_set_always_fatal(
		G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK); /* libnice was called wrongly */
	if (reload_ice_load(&plugin, path, &why))
		fail_msg("%s: %s", why.what, why.reason);
}

/* One end of a path, of one key. */
struct end {
	struct reload_ice *ice;
	struct reload_ice_inbox inbox;
	char ufrag[64], password[64];
	struct reload_ice_item candidates[RELOAD_ICE_CANDIDATES_MAX];
	size_t count;
	unsigned gathered, connected, datagrams, failed;
	size_t bytes;
	char why[128]; /* of what was gathered or has failed last; empty: nothing was wrong */
	struct reload_ice_pair pair;
};

static inline void take_notice(struct end *e, const struct reload_ice_notice *n)
{
	if (n->type == RELOAD_ICE_WAS_GATHERED) {
		e->gathered++;
		snprintf(e->why, sizeof(e->why), "%s", n->gathered.why ? n->gathered.why : "");
		snprintf(e->ufrag, sizeof(e->ufrag), "%s", n->gathered.ufrag);
		snprintf(e->password, sizeof(e->password), "%s", n->gathered.password);
		for (e->count = 0; e->count < n->gathered.count; e->count++)
			e->candidates[e->count] = n->gathered.candidates[e->count].item;
	}
	if (n->type == RELOAD_ICE_CONNECTED) {
		e->pair = *n->pairs;
		e->connected++;
	}
	e->datagrams += n->type == RELOAD_ICE_DATAGRAM;
	e->bytes += n->type == RELOAD_ICE_DATAGRAM ? n->datagram.len : 0;
	e->failed += n->type == RELOAD_ICE_FAILED;
	if (n->type == RELOAD_ICE_FAILED)
		snprintf(e->why, sizeof(e->why), "%s", n->why);
}

static inline void take_all(struct end *e)
{
	struct reload_ice_letters all = STAILQ_HEAD_INITIALIZER(all);
	struct reload_ice_letter *letter;
	reload_ice_inbox_take(&e->inbox, &all);
	while ((letter = STAILQ_FIRST(&all))) {
		STAILQ_REMOVE_HEAD(&all, entry);
		take_notice(e, &letter->notice);
		reload_ice_letter_free(letter);
	}
}

/* takes what both ends were told, waiting for more for a moment */
static inline void look(struct end e[2])
{
	struct pollfd fds[2] = { { e[0].inbox.fd, POLLIN, 0 }, { e[1].inbox.fd, POLLIN, 0 } };
	assert_true(poll(fds, 2, 10000) > 0);
	for (size_t i = 0; i < 2; i++)
		if (fds[i].revents)
			take_all(&e[i]);
}

static inline void gather_ends(struct end e[2], reload_ms recheck_ms)
{
	struct reload_ip_port at = loopback(0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(reload_ice_inbox_init(&e[i].inbox), 0);
		e[i].ice = plugin->begin(reload_ice_inbox_put, &e[i].inbox);
		plugin->gather(e[i].ice, 1,
			&(struct reload_ice_gather){ .controlling = !i,
				.addresses = &at,
				.addresses_count = 1,
				.recheck_ms = recheck_ms });
	}
	while (!e[0].count || !e[1].count)
		look(e);
}

static inline void start_end(struct end e[2], size_t i)
{
	plugin->start(e[i].ice, 1,
		&(struct reload_ice_remote){
			e[!i].ufrag, e[!i].password, e[!i].candidates, e[!i].count });
}

static inline void start_ends(struct end e[2])
{
	for (size_t i = 0; i < 2; i++)
		start_end(e, i);
}

static inline void end_ends(struct end e[2])
{
	for (size_t i = 0; i < 2; i++) {
		plugin->end(e[i].ice);
		reload_ice_inbox_clear(&e[i].inbox);
	}
}
