#include "util/alloc.h"

#include <stdlib.h>
#include <string.h>

/* malloc() takes small blocks from a cache of freed ones (glibc's tcache), calloc() does not. */
enum {
	SMALL = 1024
};

void *reload_alloc(size_t size)
{
	if (!size)
		size = 1;
	void *p = size <= SMALL ? malloc(size) : calloc(1, size);
	if (!p)
		abort();
	__asm__(""
		: "+r"(p)); /* a barrier: else the compiler merges malloc() and memset() into calloc() */
	return size <= SMALL ? memset(p, 0, size) : p;
}

void *reload_alloc_array(size_t count, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(count, size, &total))
		abort();
	return reload_alloc(total);
}

void *reload_realloc(void *p, size_t size)
{
	p = realloc(p, size ? size : 1);
	if (!p)
		abort();
	return p;
}

void *reload_memdup(const void *p, size_t len)
{
	void *copy = malloc(len ? len : 1);
	if (!copy)
		abort();
	if (len)
		memcpy(copy, p, len);
	return copy;
}

char *reload_strdup(const char *s)
{
	return reload_memdup(s, strlen(s) + 1);
}

void reload_grow(void *items, size_t *cap, size_t count, size_t size)
{
	reload_grow_within(items, cap, count, size, SIZE_MAX);
}

void reload_grow_within(void *items, size_t *cap, size_t count, size_t size, size_t max)
{
	if (count < *cap)
		return;
	size_t want, total;
	if (count >= max || __builtin_add_overflow(*cap, *cap / 4 + 4, &want))
		abort();
	if (want > max)
		want = max;
	if (__builtin_mul_overflow(want, size, &total))
		abort();
	void **array = items;
	*array = reload_realloc(*array, total);
	*cap = want;
}
