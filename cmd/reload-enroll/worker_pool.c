#include "reload-enroll/worker_pool.h"

#include "util/alloc.h"

#include <bsd/sys/queue.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	THREADS_MAX = 16
};

struct task {
	TAILQ_ENTRY(task) entry;
	void *job;
};

TAILQ_HEAD(tasks, task);

struct worker_pool {
	struct worker_pool_setup setup;
	pthread_t threads[THREADS_MAX];
	unsigned count;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t more;
	struct tasks waiting, done;
	unsigned waiting_count;
	bool ending;
	int fd; /* eventfd */
};

static struct task *take(struct worker_pool *p)
{
	struct task *t = NULL;
	pthread_mutex_lock(&p->lock);
	while (!p->ending && !(t = TAILQ_FIRST(&p->waiting)))
		pthread_cond_wait(&p->more, &p->lock);
	if (p->ending)
		t = NULL;
	if (t) {
		TAILQ_REMOVE(&p->waiting, t, entry);
		p->waiting_count--;
	}
	pthread_mutex_unlock(&p->lock);
	return t;
}

static void *run(void *arg)
{
	struct worker_pool *p = arg;
	void *state = p->setup.begin(p->setup.arg);
	struct task *t;
	while ((t = take(p))) {
		p->setup.work(state, t->job);
		pthread_mutex_lock(&p->lock);
		TAILQ_INSERT_TAIL(&p->done, t, entry);
		pthread_mutex_unlock(&p->lock);
		(void)!eventfd_write(p->fd, 1);
	}
	p->setup.end(state);
	return NULL;
}

struct worker_pool *worker_pool_new(const struct worker_pool_setup *setup)
{
	struct worker_pool *p = RELOAD_NEW(worker_pool);
	p->setup = *setup;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->more, NULL);
	TAILQ_INIT(&p->waiting);
	TAILQ_INIT(&p->done);
	p->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	while (p->fd >= 0 && p->count < setup->threads && p->count < THREADS_MAX &&
		!pthread_create(&p->threads[p->count], NULL, run, p))
		p->count++;
	if (p->count)
		return p;
	worker_pool_free(p, NULL);
	return NULL;
}

static void drop_all(struct tasks *list, void (*dropped)(void *job))
{
	struct task *t;
	while ((t = TAILQ_FIRST(list))) {
		TAILQ_REMOVE(list, t, entry);
		if (dropped)
			dropped(t->job);
		free(t);
	}
}

void worker_pool_free(struct worker_pool *p, void (*dropped)(void *job))
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->ending = true;
	pthread_cond_broadcast(&p->more);
	pthread_mutex_unlock(&p->lock);
	while (p->count)
		pthread_join(p->threads[--p->count], NULL);
	drop_all(&p->waiting, dropped);
	drop_all(&p->done, dropped);
	pthread_cond_destroy(&p->more);
	pthread_mutex_destroy(&p->lock);
	if (p->fd >= 0)
		close(p->fd);
	free(p);
}

int worker_pool_fd(const struct worker_pool *p)
{
	return p->fd;
}

bool worker_pool_add(struct worker_pool *p, void *job, unsigned most)
{
	pthread_mutex_lock(&p->lock);
	bool room = p->waiting_count < most;
	if (room) {
		struct task *t = RELOAD_NEW(task);
		t->job = job;
		TAILQ_INSERT_TAIL(&p->waiting, t, entry);
		p->waiting_count++;
		pthread_cond_signal(&p->more);
	}
	pthread_mutex_unlock(&p->lock);
	return room;
}

void *worker_pool_next(struct worker_pool *p)
{
	eventfd_t count;
	pthread_mutex_lock(&p->lock);
	struct task *t = TAILQ_FIRST(&p->done);
	if (t)
		TAILQ_REMOVE(&p->done, t, entry);
	else
		(void)!eventfd_read(p->fd, &count);
	pthread_mutex_unlock(&p->lock);
	void *job = t ? t->job : NULL;
	free(t);
	return job;
}
