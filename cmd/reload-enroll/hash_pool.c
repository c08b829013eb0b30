#include "reload-enroll/hash_pool.h"

#include "reload-enroll/accounts.h"
#include "util/alloc.h"

#include <bsd/sys/queue.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	THREADS = 2
};

struct check {
	TAILQ_ENTRY(check) entry;
	void *job;
	bool has_hash, same;
	char hash[ACCOUNTS_HASH_MAX];
	char *password;
};

TAILQ_HEAD(checks, check);

struct hash_pool {
	pthread_t threads[THREADS];
	size_t threads_count;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t work;
	struct checks waiting, done;
	size_t waiting_count;
	bool ending;
	int fd; /* eventfd */
};

static void check_free(struct check *c)
{
	if (!c)
		return;
	OPENSSL_cleanse(c->password, strlen(c->password));
	free(c->password);
	free(c);
}

static struct check *take(struct hash_pool *p)
{
	struct check *c = NULL;
	pthread_mutex_lock(&p->lock);
	while (!p->ending && !(c = TAILQ_FIRST(&p->waiting)))
		pthread_cond_wait(&p->work, &p->lock);
	if (p->ending)
		c = NULL;
	if (c) {
		TAILQ_REMOVE(&p->waiting, c, entry);
		p->waiting_count--;
	}
	pthread_mutex_unlock(&p->lock);
	return c;
}

static void *work(void *arg)
{
	struct hash_pool *p = arg;
	struct check *c;
	while ((c = take(p))) {
		c->same = accounts_password_check(c->has_hash ? c->hash : NULL, c->password);
		pthread_mutex_lock(&p->lock);
		TAILQ_INSERT_TAIL(&p->done, c, entry);
		pthread_mutex_unlock(&p->lock);
		(void)!eventfd_write(p->fd, 1);
	}
	return NULL;
}

struct hash_pool *hash_pool_new(void)
{
	struct hash_pool *p = RELOAD_NEW(hash_pool);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	TAILQ_INIT(&p->waiting);
	TAILQ_INIT(&p->done);
	p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	while (p->fd >= 0 && p->threads_count < THREADS &&
		!pthread_create(&p->threads[p->threads_count], NULL, work, p))
		p->threads_count++;
	if (p->threads_count)
		return p;
	hash_pool_free(p);
	return NULL;
}

static void drop_all(struct checks *list)
{
	struct check *c;
	while ((c = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, c, entry);
		check_free(c);
	}
}

void hash_pool_free(struct hash_pool *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	while (p->threads_count)
		pthread_join(p->threads[--p->threads_count], NULL);
	drop_all(&p->waiting);
	drop_all(&p->done);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

int hash_pool_fd(const struct hash_pool *p)
{
	return p->fd;
}

bool hash_pool_check(struct hash_pool *p, void *job, const char *hash, const char *password)
{
	pthread_mutex_lock(&p->lock);
	bool room = p->waiting_count < HASH_POOL_MAX;
	if (room) {
		struct check *c = RELOAD_NEW(check);
		c->job = job;
		c->has_hash = hash != NULL;
		snprintf(c->hash, sizeof(c->hash), "%s", hash ? hash : "");
		c->password = reload_strdup(password);
		TAILQ_INSERT_TAIL(&p->waiting, c, entry);
		p->waiting_count++;
		pthread_cond_signal(&p->work);
	}
	pthread_mutex_unlock(&p->lock);
	return room;
}

bool hash_pool_next(struct hash_pool *p, void **job, bool *same)
{
	eventfd_t count;
	pthread_mutex_lock(&p->lock);
	struct check *c = TAILQ_FIRST(&p->done);
	if (c)
		TAILQ_REMOVE(&p->done, c, entry);
	else
		(void)!eventfd_read(p->fd, &count);
	pthread_mutex_unlock(&p->lock);
	if (!c)
		return false;
	*job = c->job;
	*same = c->same;
	check_free(c);
	return true;
}
