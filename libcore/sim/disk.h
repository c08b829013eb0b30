/*
 * Storage of a simulated node that commits late, fails and fills up: what the file of storage/sqlite_io.h promises, in memory.
 *
 * There are two storages in memory: what reads see, and what is on the disk.  A commit changes the first one at once.  A writer takes what
 * has been queued, in groups, puts it on the disk after a time that is drawn, and only then is the commit's done function called.  When the disk
 * refuses a group, all that is not on it is undone, the done functions get RELOAD_IO, and the storage is failing until a write succeeds: it is
 * tried again with each commit, and every few seconds.  Drops and expiries are not undone but written when the disk allows it.  A crash loses what is
 * not on the disk; the group that is being written then is on it or not, by chance.
 */
#pragma once

#include "sim/internal.h"

/*
 * reload_sim_disk_new() makes the storage of n (owned, reload_storage_free()), whose disk is as reload_sim_disk_set() left it: limits as
 * reload_storage_memory_new().
 */
struct reload_storage *reload_sim_disk_new(
	struct reload_sim_body *n, size_t max_bytes, reload_ms keep_generation_ms);
/*
 * reload_sim_disk_crash() decides what the crash of its node leaves on the disk: nothing changes there, nor is seen, any more.
 * reload_sim_disk_back() makes that what a node that starts again reads; the engine before has been freed.
 */
void reload_sim_disk_crash(struct reload_storage *s);
void reload_sim_disk_back(struct reload_storage *s);
/* reload_sim_disk_node() is the node whose write ends with ev. */
const struct reload_sim_node *reload_sim_disk_node(
	const struct reload_sim *s, const struct reload_sim_event *ev);
/* reload_sim_run_disk() ends a write; true: the engine of *n has handled it. */
bool reload_sim_run_disk(
	struct reload_sim *s, const struct reload_sim_event *ev, struct reload_sim_body **n);
