#include "sim/job.h"

#include <stdlib.h>

enum {
	LONGEST = 8 /* a job takes at most this many times the mean */
};

/* What the event carries; a job of an earlier life of the node has another number. */
struct late_name {
	uint64_t number;
	uint32_t node;
};

reload_ms reload_sim_job_longest(const struct reload_sim *s)
{
	return LONGEST * s->setup.jobs;
}

static void job_run(struct reload_sim_body *n, struct reload_job *job)
{
	reload_job_run(job);
	reload_peer_job_done(n->node.peer, job);
}

static void begin_late(struct reload_sim_body *n, struct reload_job *job)
{
	struct reload_sim *s = n->node.sim;
	struct late_name name = { .number = ++s->late_jobs, .node = (uint32_t)n->node.index };
	reload_ms most = reload_sim_job_longest(s),
		  takes = (reload_ms)reload_prng_exponential(&s->prng, (double)s->setup.jobs);
	reload_grow(&n->late, &n->late_cap, n->late_count, sizeof(*n->late));
	n->late[n->late_count++] = (struct reload_sim_late_job){ job, name.number };
	reload_sim_event_queue(s,
		reload_sim_event_new(
			s, RELOAD_SIM_JOB, NULL, 0, span_of((const uint8_t *)&name, sizeof(name))),
		s->now + (takes < most ? takes : most));
}

void reload_sim_job_begin(struct reload_sim_body *n, struct reload_job *job)
{
	struct reload_sim *s = n->node.sim;
	if (s->setup.jobs) {
		begin_late(n, job);
		return;
	}
	reload_grow(&s->jobs, &s->jobs_cap, s->jobs_count, sizeof(*s->jobs));
	s->jobs[s->jobs_count++] = (struct reload_sim_job){ n, job };
}

const struct reload_sim_node *reload_sim_job_node(
	const struct reload_sim *s, const struct reload_sim_event *ev)
{
	struct late_name name;
	memcpy(&name, ev->data, sizeof(name));
	return &s->nodes[name.node].node;
}

bool reload_sim_run_job(
	struct reload_sim *s, const struct reload_sim_event *ev, struct reload_sim_body **n)
{
	struct late_name name;
	memcpy(&name, ev->data, sizeof(name));
	*n = &s->nodes[name.node];
	for (uint32_t i = 0; i < (*n)->late_count; i++) {
		struct reload_sim_late_job late = (*n)->late[i];
		if (late.number != name.number)
			continue;
		(*n)->late[i] = (*n)->late[--(*n)->late_count];
		job_run(*n, late.job);
		return true;
	}
	return false;
}

struct reload_sim_body *reload_sim_job_next(struct reload_sim *s, const struct reload_sim_body *n)
{
	if (s->jobs_at == s->jobs_count)
		s->jobs_at = s->jobs_count = 0;
	if (s->jobs_at == s->jobs_count || (n && s->jobs[s->jobs_at].node != n))
		return NULL;
	struct reload_sim_job j = s->jobs[s->jobs_at++];
	s->counts.events++;
	job_run(j.node, j.job);
	return j.node;
}

/* A job that ends may make new ones. */
void reload_sim_jobs_end(struct reload_sim_body *n)
{
	struct reload_sim *s = n->node.sim;
	for (size_t i = s->jobs_at; i < s->jobs_count; i++) {
		struct reload_sim_job j = s->jobs[i];
		if (j.node != n)
			continue;
		memmove(&s->jobs[i], &s->jobs[i + 1], (s->jobs_count - i - 1) * sizeof(*s->jobs));
		s->jobs_count--;
		i = s->jobs_at - 1;
		job_run(n, j.job);
	}
	while (n->late_count)
		job_run(n, n->late[--n->late_count].job);
	free(TAKE(n->late));
	n->late_cap = 0;
}
