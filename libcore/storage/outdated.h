/* A storer that has no room for a newer value must not go on serving the older one. */
#pragma once

#include "storage/store.h"

/*
 * reload_store_outdated() turns the batch of a request that failed with RELOAD_DATA_TOO_LARGE, at its checks or its commit, into one that
 * replaces each value that it would have replaced by a removal that has expired.  That needs no more room than the old values have.
 * Returns false when it would have replaced none; w->batch is then unchanged.  Memory comes from w->arena.
 */
bool reload_store_outdated(struct reload_store_work *w);
