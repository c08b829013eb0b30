#include "replica/internal.h"

/* What was fetched before, in its newest version (STO-25): a value that is older than that was rolled back. */

enum {
	ROLLBACK_MAX = 4096
}; /* at the maximum the table starts anew: a warning may be missed */

struct seen {
	RB_ENTRY(seen) entry;
	uint8_t place[32]; /* SHA-256 of resource, kind, index and key */
	uint64_t storage_time;
};

RB_HEAD(seen_tree, seen);

struct rollback {
	struct seen_tree tree;
	size_t count;
};

static int seen_cmp(struct seen *a, struct seen *b)
{
	return memcmp(a->place, b->place, sizeof(a->place));
}

RELOAD_TREE(seen_tree, seen, entry, seen_cmp)

void reload_values_forget(struct reload_replica *rep)
{
	struct seen *s;
	if (!rep->rollback)
		return;
	while ((s = RB_MIN(seen_tree, &rep->rollback->tree))) {
		RB_REMOVE(seen_tree, &rep->rollback->tree, s);
		free(s);
	}
	free(rep->rollback);
	rep->rollback = NULL;
}

bool reload_values_rolled_back(struct reload_replica *rep, struct span resource, uint32_t kind,
	const struct reload_stored_data *d)
{
	uint8_t numbers[8], digest[RELOAD_HASH_SIZE_MAX];
	struct wr w = wr_fixed(numbers, sizeof(numbers));
	wr_u32(&w, kind);
	wr_u32(&w, d->value.index);
	const struct span parts[] = { resource, span_of(numbers, sizeof(numbers)), d->value.key };
	reload_hash(digest, RELOAD_HASH_SHA256, parts, COUNT_OF(parts));
	if (rep->rollback && rep->rollback->count >= ROLLBACK_MAX)
		reload_values_forget(rep);
	if (!rep->rollback)
		rep->rollback = RELOAD_NEW(rollback);
	struct seen key, *s;
	memcpy(key.place, digest, sizeof(key.place));
	if (!(s = RB_FIND(seen_tree, &rep->rollback->tree, &key))) {
		s = RELOAD_NEW(seen);
		memcpy(s->place, digest, sizeof(s->place));
		RB_INSERT(seen_tree, &rep->rollback->tree, s);
		rep->rollback->count++;
	}
	bool older = d->storage_time < s->storage_time;
	if (!older)
		s->storage_time = d->storage_time;
	return older;
}
