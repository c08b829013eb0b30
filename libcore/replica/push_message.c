#include "replica/push_message.h"

#include "wire/limits.h"

enum {
	MESSAGE_ROOM = 600, /* header, lists, contents and signature; without certificates */
	VALUE_ROOM = 128,   /* of a StoredData beside value, key and signature */
	LAPSED_MS = 10000
};

/* This node's own certificates are in each message and may be larger than the values. */
void reload_push_message_begin(struct reload_push_message *b, struct reload_engine *engine,
	struct reload_exchange *exchange)
{
	struct wr own;
	wr_init(&own);
	reload_own_certificates_write(exchange, &own);
	*b = (struct reload_push_message){ .engine = engine,
		.room = MESSAGE_ROOM + own.len,
		.certificates_count = reload_certificates_count(exchange, wr_done(&own)),
		.exchange = exchange };
	wr_clear(&own);
}

void reload_push_message_clear(struct reload_push_message *b)
{
	reload_arena_clear(&b->arena);
	wr_clear(&b->certificates);
}

static bool has_certificates(const struct reload_push_message *b, struct span list)
{
	return b->certificates.len &&
	       memmem(b->certificates.at, b->certificates.len, list.at, list.len);
}

static size_t entry_size(const struct reload_stored_entry *e)
{
	return e->data.value.value.len + e->data.value.key.len + e->data.signature.value.len +
	       VALUE_ROOM;
}

/* Whether a value of that size, with certificates that are not there yet, finds room beside the others; the first value always does. */
static bool fits(const struct reload_push_message *b, uint32_t kind, size_t size,
	struct span certificates, size_t certificates_count)
{
	bool new_kind = !b->kinds_count || b->kinds[b->kinds_count - 1].kind != kind;
	if (!b->bytes)
		return true;
	if (new_kind && b->kinds_count == RELOAD_PUSH_KINDS_MAX)
		return false;
	if (b->certificates_count + certificates_count > RELOAD_LIMIT_CERTIFICATES)
		return false;
	return b->bytes + size + b->certificates.len + certificates.len + b->room <=
	       b->engine->config->max_message_size;
}

static struct reload_stored_data *value_new(
	struct reload_push_message *b, uint32_t kind, uint64_t generation)
{
	struct reload_store_kind *k = b->kinds_count ? &b->kinds[b->kinds_count - 1] : NULL;
	if (!k || k->kind != kind) {
		k = &b->kinds[b->kinds_count++];
		*k = (struct reload_store_kind){ .kind = kind, .generation_counter = generation };
		b->cap = 0;
	}
	if (k->values_count == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 4;
		struct reload_stored_data *more = reload_arena_take(&b->arena, cap * sizeof(*more));
		if (b->cap)
			memcpy(more, k->values, b->cap * sizeof(*more));
		k->values = more;
		b->cap = cap;
	}
	return &k->values[k->values_count++];
}

bool reload_push_message_add(struct reload_push_message *b, uint32_t kind, uint64_t generation,
	const struct reload_stored_entry *e)
{
	struct span certificates =
		has_certificates(b, e->certificates) ? span_of(NULL, 0) : e->certificates;
	size_t size = entry_size(e),
	       certificates_count = reload_certificates_count(b->exchange, certificates);
	if (!fits(b, kind, size, certificates, certificates_count))
		return false;
	struct reload_stored_data *d = value_new(b, kind, generation);
	*d = e->data;
	d->lifetime = reload_entry_lifetime(e, b->engine->wall);
	wr_span(&b->certificates, certificates);
	b->certificates_count += certificates_count;
	b->bytes += size;
	return true;
}

bool reload_lapsed_note_has(struct reload_lapsed_note *n, const struct reload_engine *engine,
	struct reload_cache *cache, const struct reload_stored_entry *e)
{
	struct reload_lapsed *l = &n->last;
	if (l->config != engine->config || n->sequence != engine->config->sequence ||
		engine->wall - l->now > LAPSED_MS || engine->wall < l->now) {
		bytes_free(&n->certificates);
		*l = (struct reload_lapsed){
			.config = engine->config, .now = engine->wall, .cache = cache
		};
		n->sequence = engine->config->sequence;
	}
	bool lapsed = reload_lapsed(l, e);
	if (l->certificates.at != n->certificates.at) {
		bytes_free(&n->certificates);
		n->certificates = bytes_copy(e->certificates);
		l->certificates = bytes_span(n->certificates);
	}
	return lapsed;
}

void reload_lapsed_note_clear(struct reload_lapsed_note *n)
{
	bytes_free(&n->certificates);
}
