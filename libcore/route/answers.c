#include "route/answers.h"

#include "util/alloc.h"

#include <bsd/sys/queue.h>
#include <stdlib.h>

struct answer {
	RB_ENTRY(answer) entry;
	TAILQ_ENTRY(answer) age;
	uint64_t id, mark;
	reload_ms since;
	bool ready;
	uint8_t *bytes;
	size_t len;
};

RB_HEAD(answer_tree, answer);
TAILQ_HEAD(answer_list, answer);

struct reload_answers {
	struct answer_tree tree;
	struct answer_list list; /* oldest first */
	size_t count, max_count, bytes, max_bytes;
	reload_ms lifetime;
};

static int answer_cmp(struct answer *a, struct answer *b)
{
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return (a->mark > b->mark) - (a->mark < b->mark);
}

RELOAD_TREE(answer_tree, answer, entry, answer_cmp)

struct reload_answers *reload_answers_new(size_t max_count, size_t max_bytes, reload_ms lifetime)
{
	struct reload_answers *a = RELOAD_NEW(reload_answers);
	TAILQ_INIT(&a->list);
	a->max_count = max_count;
	a->max_bytes = max_bytes;
	a->lifetime = lifetime;
	return a;
}

static void answer_remove(struct reload_answers *a, struct answer *one)
{
	RB_REMOVE(answer_tree, &a->tree, one);
	TAILQ_REMOVE(&a->list, one, age);
	a->count--;
	a->bytes -= one->len;
	free(one->bytes);
	free(one);
}

void reload_answers_free(struct reload_answers *a)
{
	if (!a)
		return;
	while (!TAILQ_EMPTY(&a->list))
		answer_remove(a, TAILQ_FIRST(&a->list));
	free(a);
}

void reload_answers_set_lifetime(struct reload_answers *a, reload_ms lifetime)
{
	a->lifetime = lifetime;
}

static struct answer *answer_find(struct reload_answers *a, uint64_t id, uint64_t mark)
{
	struct answer key = { .id = id, .mark = mark };
	return RB_FIND(answer_tree, &a->tree, &key);
}

enum reload_answer_state reload_answers_begin(
	struct reload_answers *a, uint64_t id, uint64_t mark, reload_ms now, struct span *answer)
{
	struct answer *one;
	while ((one = TAILQ_FIRST(&a->list)) &&
		(one->since + a->lifetime <= now || a->count >= a->max_count))
		answer_remove(a, one);
	if ((one = answer_find(a, id, mark))) {
		*answer = span_of(one->bytes, one->len);
		return one->ready ? RELOAD_ANSWER_READY : RELOAD_ANSWER_IN_WORK;
	}
	one = RELOAD_NEW(answer);
	one->id = id;
	one->mark = mark;
	one->since = now;
	RB_INSERT(answer_tree, &a->tree, one);
	TAILQ_INSERT_TAIL(&a->list, one, age);
	a->count++;
	return RELOAD_ANSWER_NEW;
}

void reload_answers_keep(struct reload_answers *a, uint64_t id, uint64_t mark, struct span answer)
{
	struct answer *one = answer_find(a, id, mark), *old;
	if (!one || one->ready)
		return;
	while (a->bytes + answer.len > a->max_bytes && (old = TAILQ_FIRST(&a->list)) && old != one)
		answer_remove(a, old);
	one->bytes = reload_memdup(answer.at, answer.len);
	one->len = answer.len;
	one->ready = true;
	a->bytes += answer.len;
}

void reload_answers_forget(struct reload_answers *a, uint64_t id, uint64_t mark)
{
	struct answer *one = answer_find(a, id, mark);
	if (one)
		answer_remove(a, one);
}

uint64_t reload_answer_mark(struct span signature)
{
	uint64_t mark =
		0xcbf29ce484222325u; /* FNV-1a: copies of one request are equal, that is all it has to tell */
	for (size_t i = 0; i < signature.len; i++)
		mark = (mark ^ signature.at[i]) * 0x100000001b3u;
	return mark;
}
