/*
 * Programs in the foreground.  On a terminal each has a process group of its own, to which the terminal is given: Ctrl-C ends it and not the shell, and
 * nobody who has started the shell either.
 */
#include "shell.h"

#include "util/alloc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum {
	ARGS_MAX = 4096,
	OUTPUT_MS = 3000 /* for a program that completes a line */
};

int shell_refuse(struct shell *sh, const char *what, const char *reason, const char *advice)
{
	struct reload_error_text why = { 0 };
	reload_error_explain(&why, RELOAD_USAGE, what, "%s", reason);
	reload_error_advise(&why, "%s", advice);
	return cli_fail(sh->cli, RELOAD_USAGE, &why);
}

static volatile sig_atomic_t interrupted, resized;
static int wake[2] = { -1, -1 };

static void on_signal(int number)
{
	int before = errno;
	if (number == SIGINT)
		interrupted = 1;
	else
		resized = 1;
	ssize_t n = write(wake[1], "", 1);
	(void)n; /* full: it is readable */
	errno = before;
}

bool shell_interrupted(void)
{
	char bytes[64];
	while (wake[0] >= 0 && read(wake[0], bytes, sizeof(bytes)) > 0)
		continue;
	bool was = interrupted;
	interrupted = 0;
	return was;
}

bool shell_resized(void)
{
	bool was = resized;
	resized = 0;
	return was;
}

int shell_wake_fd(void)
{
	return wake[0];
}

void shell_terminal_begin(struct shell *sh)
{
	static const int ignored[] = { SIGTTOU, SIGTTIN, SIGTSTP, SIGQUIT };
	struct sigaction act = { .sa_handler = SIG_IGN };
	for (size_t i = 0; i < COUNT_OF(ignored); i++)
		sigaction(ignored[i], &act, NULL);
	if (pipe2(wake, O_CLOEXEC | O_NONBLOCK))
		wake[0] = wake[1] = -1;
	act.sa_handler = on_signal;
	sigaction(SIGINT, &act, NULL);
	act.sa_flags = SA_RESTART;
	sigaction(SIGWINCH, &act, NULL);
	sh->tty_group = tcgetpgrp(STDIN_FILENO);
	if (getpgrp() != getpid() && !setpgid(0, 0))
		tcsetpgrp(STDIN_FILENO, getpid());
}

void shell_terminal_end(struct shell *sh)
{
	if (sh->tty_group > 0 && sh->tty_group != getpgrp())
		tcsetpgrp(STDIN_FILENO, sh->tty_group);
}

char *shell_program(const struct shell *sh, const char *command)
{
	size_t len = strlen(sh->dir) + strlen(command) + sizeof("/reload-");
	if (!*command || strspn(command, "abcdefghijklmnopqrstuvwxyz-") != strlen(command) ||
		!strcmp(command, "shell"))
		return NULL;
	char *path = reload_alloc(len);
	snprintf(path, len, "%s/reload-%s", sh->dir, command);
	if (!access(path, X_OK))
		return path;
	free(path);
	return NULL;
}

char **shell_programs(const struct shell *sh, size_t *count)
{
	static const char *const known[] = { "agent", "attach", "diag", "enroll", "fetch", "join",
		"ping", "sim", "sip-adapter", "sip-call", "store" };
	char **out = reload_alloc_array(COUNT_OF(known), sizeof(*out));
	*count = 0;
	for (size_t i = 0; i < COUNT_OF(known); i++) {
		char *path = shell_program(sh, known[i]);
		if (path)
			out[(*count)++] = reload_strdup(known[i]);
		free(path);
	}
	return out;
}

/* What a child does before it becomes a program: its own group owns the terminal, signals are as usual. */
static void child_begin(const struct shell *sh)
{
	static const int numbers[] = { SIGINT, SIGWINCH, SIGTTIN, SIGTSTP, SIGQUIT, SIGXFSZ };
	if (!sh->terminal)
		return;
	setpgid(0, 0);
	tcsetpgrp(STDIN_FILENO, getpid()); /* SIGTTOU is ignored */
	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		signal(numbers[i], SIG_DFL);
	signal(SIGTSTP, SIG_IGN); /* nobody could continue it */
	signal(SIGTTOU, SIG_DFL);
}

static int child_wait(const struct shell *sh, pid_t pid, const struct termios *before)
{
	int status = 0;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (sh->terminal) {
		tcsetpgrp(STDIN_FILENO, getpid());
		tcsetattr(
			STDIN_FILENO, TCSADRAIN, before); /* it may have been killed without echo */
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT)
			fputc('\n', stderr);
	}
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int shell_fork_run(struct shell *sh, int (*fn)(void *arg), void *arg)
{
	struct termios before = { 0 };
	if (sh->terminal)
		tcgetattr(STDIN_FILENO, &before);
	fflush(stdout);
	fflush(stderr);
	pid_t pid = fork();
	if (!pid) {
		child_begin(sh);
		_exit(fn(arg));
	}
	if (pid < 0)
		return shell_refuse(sh, "no process can be made", strerror(errno), "ulimit -u");
	if (sh->terminal)
		setpgid(pid, pid); /* as the child does: whoever comes first */
	return child_wait(sh, pid, &before);
}

static int exec_program(void *arg)
{
	char **argv = arg;
	execv(argv[0], argv);
	fprintf(stderr, "reload-shell: %s: %s\n", argv[0], strerror(errno));
	return 1;
}

/* The flags of the shell that each program has as well. */
static size_t common_flags(const struct shell *sh, const char *out[8])
{
	size_t n = 0;
	const struct cli *cli = sh->cli;
	if (cli->quiet)
		out[n++] = "--quiet";
	for (unsigned i = 0; i < cli->verbose && i < 2; i++)
		out[n++] = "--verbose";
	if (cli->dry_run)
		out[n++] = "--dry-run";
	if (cli->yes)
		out[n++] = "--yes";
	if (cli->no_input)
		out[n++] = "--no-input";
	if (sh->color) {
		out[n++] = "--color";
		out[n++] = sh->color;
	}
	return n;
}

int shell_program_run(struct shell *sh, char *path, const struct words *w)
{
	const char *flags[8];
	size_t n = 0, count = strcmp(w->at[0], "sim") ? common_flags(sh, flags) : 0;
	if (w->count > ARGS_MAX)
		return shell_refuse(sh, "too many words", "a command takes 4096", "a file, or -");
	char **argv = reload_alloc_array(w->count + count + 1, sizeof(*argv));
	argv[n++] = path;
	for (size_t i = 0; i < count; i++)
		argv[n++] = (char *)flags[i];
	for (size_t i = 1; i < w->count; i++)
		argv[n++] = w->at[i];
	int status = shell_fork_run(sh, exec_program, argv);
	free(argv);
	return status;
}

/* Subcommands that are typed often stand for themselves. */
static const struct {
	const char *word, *command;
} short_forms[] = { { "status", "agent" }, { "events", "agent" }, { "health", "diag" },
	{ "path", "diag" }, { "map", "diag" }, { "audit", "diag" }, { "why", "diag" },
	{ "tables", "diag" } };

const char *shell_short_form(const char *word)
{
	for (size_t i = 0; i < COUNT_OF(short_forms); i++)
		if (!strcmp(short_forms[i].word, word))
			return short_forms[i].command;
	return NULL;
}

const char *shell_short_word(size_t i)
{
	return i < COUNT_OF(short_forms) ? short_forms[i].word : NULL;
}

char *shell_output(char *const argv[], size_t max)
{
	char *out = reload_alloc(max + 1);
	size_t len = 0;
	int pipes[2];
	if (pipe2(pipes, O_CLOEXEC))
		return out;
	pid_t pid = fork();
	if (!pid) {
		int null = open("/dev/null", O_RDWR);
		dup2(null, STDIN_FILENO);
		dup2(null, STDERR_FILENO);
		dup2(pipes[1], STDOUT_FILENO);
		setpgid(0, 0); /* Ctrl-C is not for it */
		execv(argv[0], argv);
		_exit(127);
	}
	close(pipes[1]);
	reload_ms end = cli_monotonic() + OUTPUT_MS;
	while (pid > 0 && len < max && cli_fd_ready(pipes[0], POLLIN, end)) {
		ssize_t n = read(pipes[0], out + len, max - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	close(pipes[0]);
	if (pid > 0) {
		kill(pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			continue;
	}
	out[len] = 0;
	return out;
}
