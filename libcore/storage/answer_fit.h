/*
 * Whether an answer fits its request (RFC 6940 s7.4): a responder may only answer what it was asked for, and each place
 * once.  The signature of a value does not show that: an array index is not signed at all, and a valid value of one key is wrong
 * as the answer for another.
 */
#pragma once

#include "wire/fetch.h"
#include "wire/find.h"
#include "wire/store.h"

/* The Kind-IDs of a list of structures, each in a member "kind"; RELOAD_KINDS() makes it of a list with count elements. */
struct reload_kind_list {
	const uint32_t *first;
	size_t stride, count;
};

#define RELOAD_KINDS(list, n)                                                                      \
	((struct reload_kind_list){ (n) ? &(list)[0].kind : NULL, sizeof((list)[0]), (n) })

/* reload_kinds_within() returns whether each Kind of answered is one of asked, and is in answered once. */
bool reload_kinds_within(struct reload_kind_list answered, struct reload_kind_list asked);

/*
 * reload_fetch_fits() and reload_stat_fits(): each Kind of ans was asked for and is there once; it has one value
 * for the data model single value, one at most for each index of an array inside the ranges, for each key of a dictionary that was asked for.  A
 * range that begins at RELOAD_ARRAY_END asks for the final element, whatever its index.  A missing Kind means that the values have not
 * changed (STO-05).  arena holds scratch memory of the call.
 */
bool reload_fetch_fits(const struct reload_fetch_req *asked, const struct reload_fetch_ans *ans,
	struct reload_arena *arena);
bool reload_stat_fits(const struct reload_fetch_req *asked, const struct reload_stat_ans *ans,
	struct reload_arena *arena);

/* reload_find_fits(): each Kind was asked for, once, and the result has the form of a Resource-ID, or is all zeroes (none found). */
bool reload_find_fits(const struct reload_find_req *asked, const struct reload_find_ans *ans);

/* reload_store_fits(): each Kind was stored, and is answered once. */
bool reload_store_fits(const struct reload_store_req *asked, const struct reload_store_ans *ans);

/*
 * reload_values_apart() returns whether all values are of that model and no two of them have the same place (index or
 * key).
 */
bool reload_values_apart(enum reload_data_model model, const struct reload_stored_data *values,
	size_t count, struct reload_arena *arena);
