#include "exchange/answer_cache.h"

#include "util/alloc.h"

#include <bsd/sys/queue.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct answer {
	TAILQ_ENTRY(answer) age;
	uint64_t id, originator;
	reload_ms since;
	uint32_t len;
	bool ready;
	uint8_t bytes[]; /* from the padding on: most answers are a few bytes */
};

TAILQ_HEAD(answer_list, answer);

struct answer_place {
	uint64_t id; /* here, too: a search reads little else */
	struct answer *one;
};

struct reload_answer_cache {
	struct answer_place *places; /* ascending by id, then originator */
	struct answer_list list;     /* oldest first */
	size_t count, cap, max_count, bytes, max_bytes;
	reload_ms lifetime;
};

struct reload_answer_cache *reload_answer_cache_new(
	size_t max_count, size_t max_bytes, reload_ms lifetime)
{
	struct reload_answer_cache *a = RELOAD_NEW(reload_answer_cache);
	TAILQ_INIT(&a->list);
	a->max_count = max_count;
	a->max_bytes = max_bytes;
	a->lifetime = lifetime;
	return a;
}

/* The place of the first one that is not below (id, originator). */
static size_t lower(const struct reload_answer_cache *a, uint64_t id, uint64_t originator)
{
	size_t low = 0, high = a->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct answer_place *p = &a->places[middle];
		if (p->id < id || (p->id == id && p->one->originator < originator))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct answer *answer_find(
	const struct reload_answer_cache *a, uint64_t id, uint64_t originator)
{
	size_t i = lower(a, id, originator);
	bool here =
		i < a->count && a->places[i].id == id && a->places[i].one->originator == originator;
	return here ? a->places[i].one : NULL;
}

static void answer_remove(struct reload_answer_cache *a, struct answer *one)
{
	size_t i = lower(a, one->id, one->originator);
	a->count--;
	memmove(&a->places[i], &a->places[i + 1], (a->count - i) * sizeof(*a->places));
	TAILQ_REMOVE(&a->list, one, age);
	a->bytes -= one->len;
	free(one);
	if (!a->count) {
		free(TAKE(a->places));
		a->cap = 0;
	}
}

void reload_answer_cache_free(struct reload_answer_cache *a)
{
	if (!a)
		return;
	while (!TAILQ_EMPTY(&a->list))
		answer_remove(a, TAILQ_FIRST(&a->list));
	free(a);
}

void reload_answer_cache_set_lifetime(struct reload_answer_cache *a, reload_ms lifetime)
{
	a->lifetime = lifetime;
}

reload_ms reload_answer_cache_expire(struct reload_answer_cache *a, reload_ms now)
{
	struct answer *one;
	while ((one = TAILQ_FIRST(&a->list)) && one->since + a->lifetime <= now)
		answer_remove(a, one);
	one = TAILQ_LAST(&a->list, answer_list);
	return one ? one->since + a->lifetime : RELOAD_NEVER;
}

enum reload_answer_state reload_answer_cache_begin(struct reload_answer_cache *a, uint64_t id,
	uint64_t originator, reload_ms now, struct span *answer)
{
	struct answer *one;
	reload_answer_cache_expire(a, now);
	if ((one = answer_find(a, id, originator))) {
		*answer = span_of(one->bytes, one->len);
		return one->ready ? RELOAD_ANSWER_READY : RELOAD_ANSWER_IN_WORK;
	}
	while (a->count >= a->max_count)
		answer_remove(a, TAILQ_FIRST(&a->list));
	one = RELOAD_NEW(answer);
	one->id = id;
	one->originator = originator;
	one->since = now;
	size_t i = lower(a, id, originator);
	reload_grow(&a->places, &a->cap, a->count, sizeof(*a->places));
	memmove(&a->places[i + 1], &a->places[i], (a->count - i) * sizeof(*a->places));
	a->places[i] = (struct answer_place){ .id = id, .one = one };
	TAILQ_INSERT_TAIL(&a->list, one, age);
	a->count++;
	return RELOAD_ANSWER_NEW;
}

void reload_answer_cache_keep(
	struct reload_answer_cache *a, uint64_t id, uint64_t originator, struct span answer)
{
	struct answer *one = answer_find(a, id, originator), *old, *whole;
	if (!one || one->ready)
		return;
	while (a->bytes + answer.len > a->max_bytes && (old = TAILQ_FIRST(&a->list)) && old != one)
		answer_remove(a, old);
	size_t size = offsetof(struct answer, bytes) + answer.len;
	whole = reload_alloc(size > sizeof(*whole) ? size : sizeof(*whole));
	*whole = *one;
	whole->len = (uint32_t)answer.len;
	whole->ready = true;
	if (answer.len) /* last: a member may be written with the padding behind it */
		memcpy(whole->bytes, answer.at, answer.len);
	a->places[lower(a, id, originator)].one = whole;
	TAILQ_INSERT_AFTER(&a->list, one, whole, age);
	TAILQ_REMOVE(&a->list, one, age);
	free(one);
	a->bytes += answer.len;
}

void reload_answer_cache_forget(struct reload_answer_cache *a, uint64_t id, uint64_t originator)
{
	struct answer *one = answer_find(a, id, originator);
	if (one)
		answer_remove(a, one);
}

uint64_t reload_originator_digest(struct span node)
{
	uint64_t originator =
		0xcbf29ce484222325u; /* FNV-1a: nobody can choose the id of another's request, too */
	for (size_t i = 0; i < node.len; i++)
		originator = (originator ^ node.at[i]) * 0x100000001b3u;
	return originator;
}
