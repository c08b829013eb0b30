/*
 * Walks through ReDiR's tree with hostile answers.  The first bytes choose the branching factor, the starting level, the machine, and a
 * key; then each answer is an outcome, a number of entries, and for each of them how it differs from the key.  A walk ends after as
 * many steps as the tree has levels, asks for tree nodes of the key alone, and finds nobody who was not listed.
 */
#include "service/redir.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint32_t factors[] = { 2, 3, 4, 10, 16, 257, 65536 };
static const enum reload_err outcomes[] = { RELOAD_OK, RELOAD_OK, RELOAD_OK, RELOAD_NOT_FOUND,
	RELOAD_RESPONSE_TOO_LARGE, RELOAD_TIMEOUT, RELOAD_FORBIDDEN, RELOAD_NOT_JOINED };

enum {
	ENTRIES = 255
};

struct answer {
	enum reload_err err;
	struct reload_redir_entry entries[ENTRIES];
	size_t count;
};

static uint8_t route[RELOAD_REDIR_ROUTE_MAX + 2];

static void read_answer(struct answer *a, struct rd *r, const struct reload_id *key)
{
	a->err = outcomes[rd_u8(r) % COUNT_OF(outcomes)];
	a->count = rd_u8(r);
	for (size_t i = 0; i < a->count; i++) {
		uint8_t at = rd_u8(r), by = rd_u8(r);
		struct reload_redir_entry *e = &a->entries[i];
		*e = (struct reload_redir_entry){ *key,
			span_of(route, at & 0x80 ? sizeof(route) : 18) };
		e->node.at[at % key->len] ^= by;
		if ((at & 0x70) == 0x70)
			e->node.len = 16 + (at & 3);
	}
	if (r->err) /* the input has ended */
		a->err = RELOAD_NOT_FOUND;
}

static void check_place(struct reload_redir_place p, const struct reload_id *key, uint32_t b)
{
	assert(p.level <= reload_redir_deepest(b));
	assert(p.node == reload_redir_place(key, b, p.level).node);
}

static void walk_lookup(struct rd *r, const struct reload_id *key, uint32_t b, unsigned start)
{
	struct reload_redir_lookup l;
	struct reload_redir_place p;
	struct reload_id self = *key;
	bool listed = false;
	unsigned steps = 0;
	static struct answer a;
	self.at[self.len - 1] ^= 1;
	reload_redir_lookup(&l, key, &self, b, start, rd_u8(r));
	while (reload_redir_lookup_next(&l, &p)) {
		check_place(p, key, b);
		assert(++steps <= 2 * (reload_redir_deepest(b) + 1));
		read_answer(&a, r, key);
		reload_redir_lookup_fetched(&l, a.err, a.entries, a.count);
		listed = listed || (!a.err && a.count);
	}
	assert(l.fetches == steps && steps);
	assert(!l.err == (l.provider.len > 0));
	if (l.err)
		return;
	assert(listed && l.provider.len == key->len && !reload_id_eq(&l.provider, &self));
	assert(l.route_len <= sizeof(l.route));
	assert(l.wrapped || reload_id_cmp(&l.provider, key) >= 0);
}

static void walk_register(struct rd *r, const struct reload_id *key, uint32_t b, unsigned start)
{
	struct reload_redir_registration reg;
	struct reload_redir_step s;
	unsigned fetches = 0, stores = 0, deepest = reload_redir_deepest(b);
	static struct answer a;
	reload_redir_register(&reg, key, b, start);
	while ((s = reload_redir_register_next(&reg)).action != RELOAD_REDIR_END) {
		check_place(s.place, key, b);
		read_answer(&a, r, key);
		if (s.action == RELOAD_REDIR_FETCH) {
			assert(++fetches <= deepest + 1);
			reload_redir_register_fetched(&reg, a.err, a.entries, a.count);
		} else {
			assert(++stores <= deepest + 1);
			reload_redir_register_stored(&reg, a.err);
		}
	}
	assert(reg.fetches == fetches && reg.stores == stores && stores);
	assert(reg.incomplete == (reg.err != RELOAD_OK));
	assert(!(reg.stored >> (deepest + 1)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(span_of(data, size));
	uint32_t b = factors[rd_u8(&r) % COUNT_OF(factors)];
	unsigned start = rd_u8(&r);
	bool lookup = rd_u8(&r) & 1;
	struct reload_id key = { .len = (uint8_t)(16 + rd_u8(&r) % 5) };
	struct span id = rd_span(&r, key.len);
	if (r.err)
		return 0;
	memcpy(key.at, id.at, id.len);
	if (lookup)
		walk_lookup(&r, &key, b, start);
	else
		walk_register(&r, &key, b, start);
	return 0;
}
