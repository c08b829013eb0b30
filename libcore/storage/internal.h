/* What the files of the storage room share. */
#pragma once

#include "storage/storage.h"

#include <stdlib.h>

/* reload_place_cmp() orders the places of a Kind: by index or by key; a single value has one place. */
int reload_place_cmp(const struct reload_stored_value *a, const struct reload_stored_value *b);

/* reload_kinds_distinct() tells whether no Kind stands twice in kinds, which it sorts. */
bool reload_kinds_distinct(uint32_t *kinds, size_t count);
