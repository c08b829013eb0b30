/* Threads that check passwords: it takes long on purpose, and a server has others to answer meanwhile. */
#pragma once

#include <stdbool.h>

struct hash_pool;

/*
 * hash_pool_new() starts the threads (owned); NULL when the system gives none.  hash_pool_free() waits for checks under way and drops the
 * others; NULL is legal.  hash_pool_fd() is readable when a check has ended.
 */
struct hash_pool *hash_pool_new(void);
void hash_pool_free(struct hash_pool *pool);
int hash_pool_fd(const struct hash_pool *pool);

/*
 * hash_pool_check() has a thread compare password with hash (NULL: none), both copied; false: HASH_POOL_MAX checks wait already.  job names it in
 * hash_pool_next(), which takes the next one that has ended; false: none has.
 */
enum {
	HASH_POOL_MAX = 64
};
bool hash_pool_check(struct hash_pool *pool, void *job, const char *hash, const char *password);
bool hash_pool_next(struct hash_pool *pool, void **job, bool *same);
