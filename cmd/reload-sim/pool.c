#include "reload-sim/pool.h"

#include "common/options.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Each child writes frames: progress, and parts of its result.  Results wait in their slots until all before them were
 * delivered; work begins only when there is a slot for its result, so their number is bounded.
 */

enum {
	REPORT_MS = 200,
	AHEAD = 4, /* slots for each job */
	RESULT_MAX = 64 << 20,
	FRAME_PART = 0,
	FRAME_PROGRESS = 1
};

struct frame {
	uint32_t kind, len;
};

struct progress {
	reload_ms now, until;
	uint64_t joined;
};

struct slot {
	pid_t pid; /* 0: no child runs here */
	int fd;
	size_t index;
	bool ended;
	struct wr in, result; /* frames that are not complete yet; parts */
	int wait_status;
};

struct pool {
	const struct pool_ops *ops;
	struct slot *slots;
	size_t slots_count, next, delivered, running, finished;
};

/* --- the child ----------------------------------------------------------------------------------------------- */

static void write_all(int fd, const void *bytes, size_t len)
{
	const char *at = bytes;
	while (len) {
		ssize_t n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(1); /* the parent has ended */
		at += n;
		len -= (size_t)n;
	}
}

void pool_give(struct pool_out *out, const void *bytes, size_t len)
{
	struct frame f = { FRAME_PART, (uint32_t)len };
	write_all(out->fd, &f, sizeof(f));
	write_all(out->fd, bytes, len);
}

void pool_report(struct pool_out *out, reload_ms now, reload_ms until, size_t joined)
{
	struct frame f = { FRAME_PROGRESS, sizeof(struct progress) };
	struct progress p = { now, until, joined };
	reload_ms clock = cli_monotonic();
	if (clock < out->reported + REPORT_MS)
		return;
	out->reported = clock;
	write_all(out->fd, &f, sizeof(f));
	write_all(out->fd, &p, sizeof(p));
}

static _Noreturn void child(const struct pool_ops *ops, size_t index, int fd, pid_t parent)
{
	struct pool_out out = { .fd = fd };
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	ops->work(ops->arg, index, &out);
	close(fd);
	exit(0); /* not _exit(), so that the leak checker runs */
}

/* --- the parent ---------------------------------------------------------------------------------------------- */

static bool begin(struct pool *p)
{
	struct slot *s = &p->slots[p->next % p->slots_count];
	int fds[2];
	if (pipe(fds))
		return false;
	fflush(stdout);
	fflush(stderr);
	pid_t parent = getpid(), pid = fork();
	if (pid < 0) {
		close(fds[0]);
		close(fds[1]);
		return false;
	}
	if (!pid) {
		for (size_t i = 0; i < p->slots_count; i++)
			if (p->slots[i].pid)
				close(p->slots[i].fd);
		close(fds[0]);
		child(p->ops, p->next, fds[1], parent);
	}
	close(fds[1]);
	*s = (struct slot){ .pid = pid, .fd = fds[0], .index = p->next++ };
	p->running++;
	return true;
}

static void take_frame(struct pool *p, struct slot *s, const struct frame *f, const uint8_t *bytes)
{
	struct progress progress;
	if (f->kind == FRAME_PART) {
		wr_bytes(&s->result, bytes, f->len);
	} else if (f->len == sizeof(progress)) {
		memcpy(&progress, bytes, sizeof(progress));
		p->ops->progress(p->ops->arg, s->index, p->finished, progress.now, progress.until);
	}
}

static void take_frames(struct pool *p, struct slot *s)
{
	struct frame f;
	size_t at = 0;
	while (s->in.len - at >= sizeof(f)) {
		memcpy(&f, s->in.at + at, sizeof(f));
		if (s->in.len - at - sizeof(f) < f.len)
			break;
		take_frame(p, s, &f, s->in.at + at + sizeof(f));
		at += sizeof(f) + f.len;
	}
	if (at)
		memmove(s->in.at, s->in.at + at, s->in.len - at);
	s->in.len -= at;
}

static void end(struct pool *p, struct slot *s)
{
	while (waitpid(s->pid, &s->wait_status, 0) < 0 && errno == EINTR)
		;
	close(s->fd);
	wr_clear(&s->in);
	s->pid = 0;
	s->ended = true;
	p->running--;
	p->finished++;
}

static void hear(struct pool *p, struct slot *s)
{
	uint8_t bytes[16384];
	ssize_t n = read(s->fd, bytes, sizeof(bytes));
	if (n > 0 && s->in.len + s->result.len < RESULT_MAX) {
		wr_bytes(&s->in, bytes, (size_t)n);
		take_frames(p, s);
	} else if (n >= 0 || errno != EINTR) {
		end(p, s);
	}
}

static void deliver(struct pool *p, struct slot *s)
{
	struct pool_result r = { .bytes = wr_done(&s->result) };
	if (WIFSIGNALED(s->wait_status))
		r.signal = WTERMSIG(s->wait_status);
	else
		r.status = WEXITSTATUS(s->wait_status);
	p->ops->done(p->ops->arg, s->index, &r);
	wr_clear(&s->result);
	s->ended = false;
}

/* wait_some() waits for the first event: output of a child, its end, a signal or the deadline. */
static enum pool_end wait_some(struct pool *p, int stop_fd, reload_ms deadline)
{
	struct pollfd *fds = reload_alloc_array(p->slots_count + 1, sizeof(*fds));
	reload_ms now = cli_monotonic();
	enum pool_end why = POOL_DONE;
	for (size_t i = 0; i < p->slots_count; i++)
		fds[i] = (struct pollfd){ p->slots[i].pid ? p->slots[i].fd : -1, POLLIN, 0 };
	fds[p->slots_count] = (struct pollfd){ stop_fd, POLLIN, 0 };
	reload_ms left = deadline > now ? deadline - now : 0;
	int n = poll(fds, p->slots_count + 1, left < 60000 ? (int)left : 60000);
	if (n > 0 && fds[p->slots_count].revents)
		why = POOL_STOPPED;
	else if (cli_monotonic() >= deadline)
		why = POOL_TIMEOUT;
	for (size_t i = 0; i < p->slots_count && n > 0; i++)
		if (p->slots[i].pid && fds[i].revents)
			hear(p, &p->slots[i]);
	free(fds);
	return why;
}

/* finish() ends the children and delivers the results that are complete. */
static void finish(struct pool *p)
{
	for (size_t i = p->delivered; i < p->next; i++) {
		struct slot *s = &p->slots[i % p->slots_count];
		if (s->pid) {
			kill(s->pid, SIGKILL);
			end(p, s);
			wr_clear(&s->result);
			s->ended = false;
		} else if (s->ended) {
			deliver(p, s);
		}
	}
}

enum pool_end pool_run(
	const struct pool_ops *ops, size_t count, size_t jobs, int stop_fd, reload_ms deadline)
{
	struct pool p = { .ops = ops, .slots_count = jobs * AHEAD };
	enum pool_end why = POOL_DONE;
	p.slots = reload_alloc_array(p.slots_count, sizeof(*p.slots));
	while (why == POOL_DONE && p.delivered < count) {
		while (p.next < count && p.running < jobs && p.next < p.delivered + p.slots_count)
			if (!begin(&p))
				break;
		if (!p.running) {
			why = POOL_FAILED;
			break;
		}
		why = wait_some(&p, stop_fd, deadline);
		for (struct slot *s; (s = &p.slots[p.delivered % p.slots_count])->ended;
			p.delivered++)
			deliver(&p, s);
	}
	finish(&p);
	free(p.slots);
	return why;
}
