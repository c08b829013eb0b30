/*
 * A signature costs as much as one to three wake-ups of a sleeping thread, so a single job is done at once by the
 * thread of the loop, and so is the job that it causes: the signature of a response follows the check of its request.
 * Of several jobs the loop's thread does one and the workers do the others; it serves its sockets before it takes the
 * next one.  So forwarding waits for two signatures at most, and for one under load.  The queue (ident/queue.h) makes a
 * node that causes much work wait for its own jobs.
 */
#include "reload-agent/pool.h"

#include "ident/queue.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	WORKERS_MAX = 64,
	JOBS_PER_WAKE = 2, /* for one, measured, a wake-up takes longer than doing it here */
	JOBS_PER_PASS = 2  /* of the loop's thread, when nothing else waits */
};

/* First in, first out. */
struct jobs {
	struct reload_job *first, **end;
	size_t count;
};

struct reload_pool {
	struct reload_poll *poll;
	reload_pool_done_fn done;
	void *arg;
	struct reload_poll_hook hook;
	int event; /* workers signal here that a job is finished */
	uint64_t watch;
	struct reload_pool_counters counters; /* the loop's thread only */
	unsigned workers_max, workers;
	pthread_t threads[WORKERS_MAX];

	pthread_mutex_t lock; /* protects all members below */
	pthread_cond_t work;
	struct reload_job_queue queue;
	struct jobs finished;
	unsigned sleeping;
	bool signalled, stop; /* signalled: the event was signalled for the jobs in finished */
};

static void jobs_init(struct jobs *q)
{
	*q = (struct jobs){ .end = &q->first };
}

static void jobs_put(struct jobs *q, struct reload_job *job)
{
	job->next = NULL;
	*q->end = job;
	q->end = &job->next;
	q->count++;
}

static struct reload_job *jobs_get(struct jobs *q)
{
	struct reload_job *job = q->first;
	if (!job)
		return NULL;
	q->first = job->next;
	if (!q->first)
		q->end = &q->first;
	q->count--;
	return job;
}

static void raise_event(struct reload_pool *p)
{
	uint64_t one = 1;
	ssize_t n = write(p->event, &one, sizeof(one));
	assert(n == sizeof(one));
}

static void *worker(void *arg)
{
	struct reload_pool *p = arg;
	pthread_mutex_lock(&p->lock);
	while (!p->stop) {
		struct reload_job *job = reload_job_queue_get(&p->queue);
		if (!job) {
			p->sleeping++;
			pthread_cond_wait(&p->work, &p->lock);
			p->sleeping--;
			continue;
		}
		pthread_mutex_unlock(&p->lock);
		reload_job_run(job);
		pthread_mutex_lock(&p->lock);
		jobs_put(&p->finished, job);
		bool signal = !p->signalled;
		p->signalled = true;
		if (!signal)
			continue;
		pthread_mutex_unlock(&p->lock);
		raise_event(p);
		pthread_mutex_lock(&p->lock);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* starts another thread when jobs wait and no worker is idle; if that fails the pool works without it */
static void start_worker(struct reload_pool *p)
{
	sigset_t all, old;
	sigfillset(&all); /* signals are handled by another thread (signals.c) */
	pthread_sigmask(SIG_SETMASK, &all, &old);
	if (!pthread_create(&p->threads[p->workers], NULL, worker, p))
		p->workers++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void hand_back(struct reload_pool *p, struct reload_job *job)
{
	p->counters.waiting--;
	p->done(p->arg, job);
}

static void take_finished(struct reload_pool *p)
{
	struct reload_job *job;
	pthread_mutex_lock(&p->lock);
	struct reload_job *list = p->finished.first;
	jobs_init(&p->finished);
	p->signalled = false;
	pthread_mutex_unlock(&p->lock);
	while ((job = list)) {
		list = job->next;
		p->counters.worker_jobs++;
		hand_back(p, job);
	}
}

static void on_event(void *arg, unsigned events)
{
	struct reload_pool *p = arg;
	uint64_t count;
	(void)events;
	if (read(p->event, &count, sizeof(count)) == sizeof(count))
		p->hook.due = true;
}

/* Takes the job that the loop's thread does next, NULL for none, and gives *left, how many wait behind it, to the workers. */
static struct reload_job *take_mine(struct reload_pool *p, size_t *left)
{
	pthread_mutex_lock(&p->lock);
	struct reload_job *mine = reload_job_queue_get(&p->queue);
	*left = p->queue.count;
	unsigned sleeping = p->sleeping;
	size_t helpers = *left / JOBS_PER_WAKE;
	for (size_t i = 0; i < helpers && i < sleeping; i++)
		pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
	if (helpers > sleeping && p->workers < p->workers_max)
		start_worker(p);
	return mine;
}

static void on_pass_end(void *arg)
{
	struct reload_pool *p = arg;
	size_t left = 0;
	take_finished(p);
	for (int i = 0; i < JOBS_PER_PASS && !left; i++) {
		struct reload_job *mine = take_mine(p, &left);
		p->hook.due = left > 0;
		if (!mine)
			return;
		reload_job_run(mine);
		p->counters.inline_jobs++;
		hand_back(p, mine); /* may submit, and make the hook due */
	}
}

void reload_pool_submit(struct reload_pool *p, struct reload_job *job)
{
	p->counters.waiting++;
	p->hook.due = true;
	pthread_mutex_lock(&p->lock);
	reload_job_queue_put(&p->queue, job);
	pthread_mutex_unlock(&p->lock);
}

struct reload_pool *reload_pool_new(
	struct reload_poll *poll, unsigned workers, reload_pool_done_fn done, void *arg)
{
	struct reload_pool *p = RELOAD_NEW(reload_pool);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	if (!workers)
		workers = cores > 1 ? (unsigned)(cores - 1) : 1;
	p->poll = poll;
	p->done = done;
	p->arg = arg;
	p->workers_max = workers < WORKERS_MAX ? workers : WORKERS_MAX;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->work, NULL);
	jobs_init(&p->finished);
	p->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert(p->event >= 0);
	p->watch = reload_poll_add(poll, p->event, RELOAD_POLL_IN, on_event, p);
	assert(p->watch);
	p->hook =
		(struct reload_poll_hook){ .fn = on_pass_end, .arg = p, .order = RELOAD_HOOK_WORK };
	reload_poll_hook_add(poll, &p->hook);
	return p;
}

void reload_pool_free(struct reload_pool *p)
{
	struct reload_job *job;
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->stop = true;
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (unsigned i = 0; i < p->workers; i++)
		pthread_join(p->threads[i], NULL);
	while ((job = reload_job_queue_get(&p->queue)) || (job = jobs_get(&p->finished)))
		reload_job_free(job);
	reload_poll_hook_remove(p->poll, &p->hook);
	reload_poll_remove(p->poll, p->watch);
	close(p->event);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->work);
	free(p);
}

struct reload_pool_counters reload_pool_counters(const struct reload_pool *p)
{
	return p->counters;
}
