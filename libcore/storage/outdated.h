/* Values that a storer had no room to replace: it must not go on to serve the older ones. */
#pragma once

#include "storage/store.h"

/*
 * reload_store_outdated() makes of the batch of an accepted request, which found no room (RELOAD_DATA_TOO_LARGE), one that takes
 * away the values it would have replaced: each gives way to a removal that has expired.  It needs no more room than they have.
 * false: it would have replaced none, and w->batch is as it was.  Memory comes from w->arena.
 */
bool reload_store_outdated(struct reload_store_work *w);
