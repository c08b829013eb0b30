/* Memory: running out ends the program, so every size a peer can name is bounded before it comes here. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define AUTO(type) __attribute__((cleanup(type##_auto))) struct type *
#define AUTO_DEFINE(type)                                                                          \
	static inline void type##_auto(struct type **p)                                            \
	{                                                                                          \
		type##_free(*p);                                                                   \
	}
#define TAKE(p)                                                                                    \
	__extension__({                                                                            \
		__typeof__(p) take_ = (p);                                                         \
		(p) = NULL;                                                                        \
		take_;                                                                             \
	})
#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* reload_alloc() returns size zeroed bytes (owned, free()); aborts when there is no memory. */
void *reload_alloc(size_t size) __attribute__((returns_nonnull, malloc));

/* reload_alloc_array() is reload_alloc(count * size); aborts when the product overflows. */
void *reload_alloc_array(size_t count, size_t size) __attribute__((returns_nonnull, malloc));

/* reload_realloc() is realloc() that aborts; new bytes are not zeroed. */
void *reload_realloc(void *p, size_t size) __attribute__((returns_nonnull));

/* reload_memdup() returns a copy of len bytes (owned); len 0 gives one byte that may be freed. */
void *reload_memdup(const void *p, size_t len) __attribute__((returns_nonnull));

/* reload_strdup() returns a copy of the string s (owned). */
char *reload_strdup(const char *s) __attribute__((returns_nonnull));

#define RELOAD_NEW(type) ((struct type *)reload_alloc(sizeof(struct type)))

/*
 * reload_grow() makes room for one more element: *items is an array of *cap elements of size bytes, count of them in
 * use.  It grows by a quarter, because there are many long-lived tables and their unused elements waste memory.  The caller
 * bounds count.
 */
void reload_grow(void *items, size_t *cap, size_t count, size_t size);

/* reload_grow_within() is reload_grow() for a table that has max elements at most: it never has room for more; aborts when it is full. */
void reload_grow_within(void *items, size_t *cap, size_t count, size_t size, size_t max);
