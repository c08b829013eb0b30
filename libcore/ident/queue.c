#include "ident/queue.h"

void reload_job_queue_put(struct reload_job_queue *q, struct reload_job *job)
{
	struct reload_job_list *list =
		&q->lists[job->share ? 1 + job->share % RELOAD_JOB_SHARES : 0];
	job->next = NULL;
	if (list->first)
		list->last->next = job;
	else
		list->first = job;
	list->last = job;
	q->count++;
}

struct reload_job *reload_job_queue_get(struct reload_job_queue *q)
{
	if (!q->count)
		return NULL;
	while (!q->lists[q->turn].first)
		q->turn = (q->turn + 1) % (1 + RELOAD_JOB_SHARES);
	struct reload_job_list *list = &q->lists[q->turn];
	struct reload_job *job = list->first;
	list->first = job->next;
	q->count--;
	q->turn = (q->turn + 1) % (1 + RELOAD_JOB_SHARES);
	return job;
}
