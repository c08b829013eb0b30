#include "util/alloc.h"

#include <stdlib.h>
#include <string.h>

void *reload_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);
	if (!p)
		abort();
	return p;
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
	if (count < *cap)
		return;
	size_t want, total;
	if (__builtin_add_overflow(*cap, *cap / 4 + 4, &want) ||
		__builtin_mul_overflow(want, size, &total))
		abort();
	void **array = items;
	*array = reload_realloc(*array, total);
	*cap = want;
}
