#include "parts.h"

enum {
	FIRST_STEP = 32,
	STEP_MAX = 1024 /* that many keys fit a request */
};

void agent_parts_begin(struct agent_parts *p, uint64_t first, uint64_t last)
{
	p->next = first;
	p->last = last;
	p->step = FIRST_STEP;
	p->rest = false;
	while (p->step > 1 && p->step > last - first)
		p->step /= 2; /* the request for everything was refused already */
}

uint64_t agent_parts_end(const struct agent_parts *p)
{
	return p->rest || p->last - p->next < p->step ? p->last : p->next + p->step - 1;
}

bool agent_parts_got(struct agent_parts *p, size_t count, bool filled)
{
	uint64_t end = agent_parts_end(p);
	if (end == p->last)
		return false;
	p->next = end + 1;
	p->rest = !count;
	if (count && !filled && p->step < STEP_MAX)
		p->step *= 2;
	return true;
}

bool agent_parts_refused(struct agent_parts *p)
{
	uint64_t size = agent_parts_end(p) - p->next + 1;
	if (p->rest && size > p->step) {
		/* the next value is far away */
		p->rest = false;
		p->step *= 2;
		return true;
	}
	p->rest = false;
	p->step = (p->step < size ? p->step : size) / 2;
	return p->step > 0;
}
