#include "exchange/return_paths.h"

#include "util/alloc.h"

#include <bsd/sys/queue.h>
#include <stdlib.h>

struct return_path {
	RB_ENTRY(return_path) entry;
	TAILQ_ENTRY(return_path) age;
	uint64_t id;
	reload_ms since;
	uint32_t link;
};

RB_HEAD(return_path_tree, return_path);
TAILQ_HEAD(return_path_list, return_path);

struct reload_return_paths {
	struct return_path_tree tree;
	struct return_path_list list; /* oldest first */
	size_t count, max;
	reload_ms lifetime;
};

static int return_path_cmp(struct return_path *a, struct return_path *b)
{
	return (a->id > b->id) - (a->id < b->id);
}

RELOAD_TREE(return_path_tree, return_path, entry, return_path_cmp)

struct reload_return_paths *reload_return_paths_new(size_t max, reload_ms lifetime)
{
	struct reload_return_paths *paths = RELOAD_NEW(reload_return_paths);
	TAILQ_INIT(&paths->list);
	paths->max = max;
	paths->lifetime = lifetime;
	return paths;
}

static void return_path_remove(struct reload_return_paths *paths, struct return_path *path)
{
	RB_REMOVE(return_path_tree, &paths->tree, path);
	TAILQ_REMOVE(&paths->list, path, age);
	paths->count--;
	free(path);
}

static void drop_expired(struct reload_return_paths *paths, reload_ms now)
{
	struct return_path *path;
	while ((path = TAILQ_FIRST(&paths->list)) && path->since + paths->lifetime < now)
		return_path_remove(paths, path);
}

void reload_return_paths_free(struct reload_return_paths *paths)
{
	if (!paths)
		return;
	while (!TAILQ_EMPTY(&paths->list))
		return_path_remove(paths, TAILQ_FIRST(&paths->list));
	free(paths);
}

void reload_return_paths_put(
	struct reload_return_paths *paths, uint64_t id, uint32_t link, reload_ms now)
{
	struct return_path key = { .id = id }, *path;
	drop_expired(paths, now);
	if ((path = RB_FIND(return_path_tree, &paths->tree, &key)))
		return_path_remove(paths, path);
	else if (paths->count >= paths->max)
		return_path_remove(paths, TAILQ_FIRST(&paths->list));
	path = RELOAD_NEW(return_path);
	path->id = id;
	path->link = link;
	path->since = now;
	RB_INSERT(return_path_tree, &paths->tree, path);
	TAILQ_INSERT_TAIL(&paths->list, path, age);
	paths->count++;
}

bool reload_return_paths_get(
	struct reload_return_paths *paths, uint64_t id, reload_ms now, uint32_t *link)
{
	struct return_path key = { .id = id };
	drop_expired(paths, now);
	struct return_path *path = RB_FIND(return_path_tree, &paths->tree, &key);
	if (path)
		*link = path->link;
	return path != NULL;
}

size_t reload_return_paths_count(struct reload_return_paths *paths, reload_ms now)
{
	drop_expired(paths, now);
	return paths->count;
}
