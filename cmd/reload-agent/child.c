#include "child.h"

#include "common/private.h"
#include "util/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

/* It has ended when its process has: its standard output is read to what is there then. */
struct agent_child {
	struct reload_poll *poll;
	pid_t pid;
	int out, ended; /* its standard output; the descriptor of the process */
	uint64_t out_handle, ended_handle;
	struct reload_timer limit;
	bool late; /* it was killed at the limit */
	char answer[AGENT_CHILD_ANSWER_MAX];
	size_t len;
	agent_child_fn fn;
	void *arg;
};

enum {
	WORDS_MAX = 16
};

static void child_free(struct agent_child *c)
{
	reload_timer_cancel(reload_poll_timers(c->poll), &c->limit);
	reload_poll_remove(c->poll, c->out_handle);
	reload_poll_remove(c->poll, c->ended_handle);
	if (c->out >= 0)
		close(c->out);
	if (c->ended >= 0)
		close(c->ended);
	free(c);
}

void agent_child_kill(struct agent_child *c)
{
	if (!c)
		return;
	(void)kill(c->pid,
		SIGKILL); /* what it was writing is completed, or was not begun (common/files.h) */
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	child_free(c);
}

/* What is more than fits is dropped: an answer of that size is none of ours. */
static void read_answer(void *arg, unsigned events)
{
	struct agent_child *c = arg;
	char rest[4096];
	(void)events;
	for (;;) {
		size_t room = sizeof(c->answer) - 1 - c->len;
		ssize_t n =
			read(c->out, room ? c->answer + c->len : rest, room ? room : sizeof(rest));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0)
			break;
		c->len += room ? (size_t)n : 0;
	}
	reload_poll_remove(c->poll, c->out_handle);
	c->out_handle = 0;
}

static void copy(char *to, size_t size, const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	snprintf(to, size, "%s", text ? text : "");
}

/* The object {"error":{...}} of cli.md 1.2. */
static bool printed_failure(struct reload_error_text *why, const char *answer)
{
	json_t *o = json_loads(answer, JSON_REJECT_DUPLICATES, NULL);
	const json_t *error = json_object_get(o, "error");
	if (error) {
		copy(why->what, sizeof(why->what), error, "what");
		copy(why->reason, sizeof(why->reason), error, "why");
		copy(why->advice, sizeof(why->advice), error, "try");
	}
	json_decref(o);
	return *why->what;
}

static enum reload_err result_of(
	const struct agent_child *c, int status, struct reload_error_text *why)
{
	static const char what[] = "reload-enroll has failed";
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return RELOAD_OK;
	if (WIFEXITED(status) && printed_failure(why, c->answer))
		return RELOAD_FAILED;
	enum reload_err err =
		c->late             ? reload_error_explain(why, RELOAD_TIMEOUT, what,
					      "it had not ended after %d s", AGENT_CHILD_LIMIT_MS / 1000)
		: WIFEXITED(status) ? reload_error_explain(why, RELOAD_FAILED, what, "exit %d",
					      WEXITSTATUS(status))
				    : reload_error_explain(why, RELOAD_FAILED, what, "signal %d",
					      WTERMSIG(status));
	reload_error_advise(why, "the same by hand: reload-enroll renew --identity NAME");
	return err;
}

static void ended(void *arg, unsigned events)
{
	struct agent_child *c = arg;
	struct reload_error_text why = { 0 };
	int status = 0;
	(void)events;
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (c->out_handle)
		read_answer(c, 0);
	c->answer[c->len] = 0;
	enum reload_err err = result_of(c, status, &why);
	agent_child_fn fn = c->fn;
	void *to = c->arg;
	child_free(c);
	fn(to, err, &why);
}

static void limit_over(void *arg)
{
	struct agent_child *c = arg;
	c->late = true;
	(void)kill(c->pid, SIGKILL);
}

/* The agent blocks and ignores signals that the program has to have; of the descriptors it gets its own three alone. */
static int spawn(pid_t *pid, const char *path, char **words, int out)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none, all;
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&files, out, 1);
	posix_spawn_file_actions_addopen(&files, 2, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&files, 3);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &all);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	int code = posix_spawn(pid, path, &files, &attributes, words, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	return code;
}

static int run(struct agent_child *c, const char *const *words, int out)
{
	char *argv[WORDS_MAX + 3];
	size_t n = 0;
	argv[n++] = (char *)"reload-enroll";
	while (*words && n < WORDS_MAX)
		argv[n++] = (char *)*words++;
	argv[n++] = (char *)"--json";
	argv[n] = NULL;
	int code = ENOENT;
	char *path;
	for (size_t i = 0; code == ENOENT && (path = cli_private_place("reload-enroll", i)); i++) {
		code = spawn(&c->pid, path, argv, out);
		free(path);
	}
	return code;
}

enum reload_err agent_child_start(struct agent_child **out, struct reload_poll *poll,
	const char *const *words, agent_child_fn fn, void *arg, struct reload_error_text *why)
{
	int ends[2] = { -1, -1 };
	struct agent_child *c = RELOAD_NEW(agent_child);
	*c = (struct agent_child){ .poll = poll, .out = -1, .ended = -1, .fn = fn, .arg = arg };
	int code = pipe2(ends, O_CLOEXEC) || fcntl(ends[0], F_SETFL, O_NONBLOCK)
			   ? errno
			   : run(c, words, ends[1]);
	c->out = ends[0];
	if (ends[1] >= 0)
		close(ends[1]);
	if (code) {
		child_free(c);
		enum reload_err err = reload_error_explain(
			why, RELOAD_FAILED, "reload-enroll cannot be run", "%s", strerror(code));
		reload_error_advise(why, "make install, which puts both in one place");
		return err;
	}
	c->ended = pidfd_open(c->pid, 0);
	c->out_handle = reload_poll_add(poll, c->out, RELOAD_POLL_IN, read_answer, c);
	c->ended_handle =
		c->ended < 0 ? 0 : reload_poll_add(poll, c->ended, RELOAD_POLL_IN, ended, c);
	if (!c->out_handle || !c->ended_handle) {
		agent_child_kill(c);
		enum reload_err err = reload_error_explain(why, RELOAD_FAILED,
			"reload-enroll cannot be watched", "%s", strerror(errno));
		reload_error_advise(why, "ulimit -n, which says how many descriptors there may be");
		return err;
	}
	reload_timer_arm(reload_poll_timers(poll), &c->limit,
		reload_poll_now() + AGENT_CHILD_LIMIT_MS, limit_over, c);
	*out = c;
	return RELOAD_OK;
}
