/*
 * Faults that no agent has by itself, for tests of reload-diag.  This file is linked into a second reload-agent, whose functions below are replaced
 * (ld --wrap); the agent of the same sources knows nothing of it.
 *
 * The file that RELOAD_INJECT names has one order a line; it is read, and removed, when the agent is asked for its status:
 *
 *	drop HEX	forget the resource, without a word to anybody
 *	blind		the first successor is missing in what routing looks at, until the node leaves the overlay
 *	names FILE	names that do harm where they are printed as they are: a line of hex digits each
 *	links N		N links are reported beside the real ones, to peers with these names
 *	slow MS		each signature that is made or checked takes that much longer
 */
#include "ident/job.h"
#include "peer/internal.h"
#include "replica/internal.h"
#include "topology/chord_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void __real_reload_peer_status(struct reload_peer *p, struct reload_status *out);
void __wrap_reload_peer_status(struct reload_peer *p, struct reload_status *out);
void __real_reload_peer_leave(struct reload_peer *p, bool now);
void __wrap_reload_peer_leave(struct reload_peer *p, bool now);
bool __real_reload_chord_set_route(const struct chord_set *s, const struct reload_id *self,
	const struct reload_id *k, struct reload_id *out);
bool __wrap_reload_chord_set_route(const struct chord_set *s, const struct reload_id *self,
	const struct reload_id *k, struct reload_id *out);
size_t __real_reload_peer_links(struct reload_peer *p, struct reload_peer_link *out, size_t max);
size_t __wrap_reload_peer_links(struct reload_peer *p, struct reload_peer_link *out, size_t max);
void __real_reload_job_run(struct reload_job *job);
void __wrap_reload_job_run(struct reload_job *job);

static bool blind;
static long slow_ms, links;

enum {
	NAMES_MAX = 64,
	NAME_SIZE = 128
};
static char names[NAMES_MAX][NAME_SIZE];
static size_t names_count;

static void names_read(const char *path)
{
	char line[2 * NAME_SIZE];
	FILE *f = fopen(path, "re");
	for (names_count = 0; f && names_count < NAMES_MAX && fgets(line, sizeof(line), f);
		names_count++) {
		char *name = names[names_count];
		unsigned byte;
		size_t n = 0;
		while (n + 1 < NAME_SIZE && sscanf(line + 2 * n, "%2x", &byte) == 1)
			name[n++] = (char)byte;
		name[n] = 0;
	}
	if (f)
		fclose(f);
}

static void drop(struct reload_peer *p, const char *hex)
{
	struct reload_storage *s = p->replica->storage;
	struct reload_id to, from, zero = { 0 }, one;
	if (reload_id_from_hex(&to, hex))
		return;
	zero.len = to.len;
	one = reload_id_add_power(&zero, 0);
	from = reload_id_distance(&one, &to); /* the point before it */
	s->ops->drop_range(s, &from, &to);
}

static void orders_read(struct reload_peer *p)
{
	const char *path = getenv("RELOAD_INJECT");
	char line[256], word[200];
	FILE *f = path ? fopen(path, "re") : NULL;
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "drop %199s", word) == 1)
			drop(p, word);
		else if (sscanf(line, "slow %199s", word) == 1)
			slow_ms = strtol(word, NULL, 10);
		else if (sscanf(line, "links %199s", word) == 1)
			links = strtol(word, NULL, 10);
		else if (sscanf(line, "names %199s", word) == 1)
			names_read(word);
		else if (!strncmp(line, "blind", 5))
			blind = true;
	}
	if (!f)
		return;
	fclose(f);
	unlink(path);
}

void __wrap_reload_peer_status(struct reload_peer *p, struct reload_status *out)
{
	orders_read(p);
	__real_reload_peer_status(p, out);
}

void __wrap_reload_peer_leave(struct reload_peer *p, bool now)
{
	blind = false;
	__real_reload_peer_leave(p, now);
}

bool __wrap_reload_chord_set_route(const struct chord_set *s, const struct reload_id *self,
	const struct reload_id *k, struct reload_id *out)
{
	struct chord_set seen = { 0 };
	struct reload_id next;
	if (!blind || !reload_chord_set_after(s, self, &next, 1))
		return __real_reload_chord_set_route(s, self, k, out);
	for (size_t i = 0; i < s->count; i++) {
		struct reload_id id = reload_chord_set_at(s, i);
		if (!reload_id_eq(&id, &next))
			reload_chord_set_add(&seen, &id);
	}
	bool found = __real_reload_chord_set_route(&seen, self, k, out);
	reload_chord_set_clear(&seen);
	return found;
}

void __wrap_reload_job_run(struct reload_job *job)
{
	if (slow_ms > 0)
		nanosleep(&(struct timespec){ .tv_sec = slow_ms / 1000,
				  .tv_nsec = slow_ms % 1000 * 1000000 },
			NULL);
	__real_reload_job_run(job);
}

size_t __wrap_reload_peer_links(struct reload_peer *p, struct reload_peer_link *out, size_t max)
{
	size_t count = __real_reload_peer_links(p, out, max);
	for (long i = 0; names_count && i < links && count < max; i++) {
		struct reload_peer_link *l = &out[count++];
		*l = (struct reload_peer_link){ .link = 1000 + (uint32_t)i,
			.user = names[(size_t)i % names_count],
			.good = true,
			.node.len = 16 };
		l->node.at[0] = (uint8_t)(i >> 8);
		l->node.at[1] = (uint8_t)i;
	}
	return count;
}
