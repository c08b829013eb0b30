#include "common/password.h"

#include "common/files.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum {
	FILE_MAX = 4096
};

void cli_password_free(char *password)
{
	if (password)
		OPENSSL_cleanse(password, strlen(password));
	free(password);
}

static enum reload_err no_terminal(const struct cli_secret *s, struct reload_error_text *why)
{
	char what[64];
	snprintf(what, sizeof(what), "a %s is needed", s->name);
	enum reload_err err =
		reload_error_explain(why, RELOAD_USAGE, what, "there is no terminal to ask on");
	reload_error_advise(why, "%s FILE, or - for standard input", s->option);
	return err;
}

static volatile sig_atomic_t caught;

static void catch (int number)
{
	caught = number;
}

/* What ends the program waits until the terminal is as it was; it is let in while keys are waited for. */
struct ends {
	sigset_t mask;
	struct sigaction actions[4];
};

static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

static void catch_ends(struct ends *before)
{
	struct sigaction action = { .sa_handler = catch };
	sigset_t all;
	caught = 0;
	sigemptyset(&all);
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		sigaddset(&all, ends[i]);
		(void)sigaction(ends[i], NULL, &before->actions[i]);
		if (before->actions[i].sa_handler != SIG_IGN)
			(void)sigaction(ends[i], &action, NULL);
	}
	(void)sigprocmask(SIG_BLOCK, &all, &before->mask);
}

static void let_end(const struct ends *before)
{
	for (size_t i = 0; i < COUNT_OF(ends); i++)
		(void)sigaction(ends[i], &before->actions[i], NULL);
	(void)sigprocmask(SIG_SETMASK, &before->mask, NULL);
	if (caught)
		(void)raise(caught);
}

static bool next_key(char *out, int fd, const struct ends *before)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	return ppoll(&p, 1, NULL, &before->mask) == 1 && read(fd, out, 1) == 1;
}

/* One line from the terminal, without echo. */
static char *ask(int fd, const char *prompt)
{
	struct termios before, quiet;
	struct ends ends_before;
	char line[CLI_PASSWORD_MAX + 2];
	size_t len = 0;
	if (tcgetattr(fd, &before))
		return NULL;
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	catch_ends(&ends_before);
	(void)!write(fd, prompt, strlen(prompt));
	(void)tcsetattr(fd, TCSAFLUSH, &quiet);
	while (len < sizeof(line) - 1 && next_key(line + len, fd, &ends_before) &&
		line[len] != '\n')
		len++;
	(void)tcsetattr(fd, TCSAFLUSH, &before);
	(void)!write(fd, "\n", 1);
	let_end(&ends_before);
	line[len] = 0;
	char *out = reload_strdup(line);
	OPENSSL_cleanse(line, sizeof(line));
	return out;
}

static enum reload_err from_terminal(
	char **out, const struct cli_secret *s, struct reload_error_text *why)
{
	char prompt[64], what[64];
	int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	snprintf(prompt, sizeof(prompt), "%s: ", s->name);
	char *first = fd < 0 ? NULL : ask(fd, prompt);
	char *again = first && s->confirm ? ask(fd, "the same again: ") : NULL;
	bool same = !s->confirm || (again && first && !strcmp(first, again));
	if (fd >= 0)
		close(fd);
	cli_password_free(again);
	if (first && same) {
		*out = first;
		return RELOAD_OK;
	}
	snprintf(what, sizeof(what), "no %s", s->name);
	enum reload_err err = first ? reload_error_explain(why, RELOAD_USAGE, what,
					      "the two that were typed differ")
				    : no_terminal(s, why);
	cli_password_free(first);
	return err;
}

static enum reload_err from_file(
	char **out, struct cli *cli, const char *path, struct reload_error_text *why)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	enum reload_err err = cli_file_read(&bytes, &len, path, FILE_MAX, cli->deadline, why);
	if (err)
		return err;
	char *text = (char *)bytes;
	text[strcspn(text, "\r\n")] = 0;
	*out = text;
	return RELOAD_OK;
}

enum reload_err cli_secret(
	char **out, struct cli *cli, const struct cli_secret *s, struct reload_error_text *why)
{
	char *secret = NULL, what[64];
	enum reload_err err = s->file         ? from_file(&secret, cli, s->file, why)
			      : cli->no_input ? no_terminal(s, why)
					      : from_terminal(&secret, s, why);
	if (!err && (!*secret || strlen(secret) >= CLI_PASSWORD_MAX)) {
		snprintf(what, sizeof(what), "this cannot be a %s", s->name);
		err = reload_error_explain(
			why, RELOAD_USAGE, what, "it has 1 to %d bytes", CLI_PASSWORD_MAX - 1);
		reload_error_advise(why, "%s FILE, whose first line is the %s", s->option, s->name);
	}
	if (err)
		cli_password_free(secret);
	else
		*out = secret;
	return err;
}

enum reload_err cli_password(
	char **out, struct cli *cli, bool confirm, struct reload_error_text *why)
{
	const struct cli_secret password = { .file = cli_value(cli, "password-file", NULL),
		.name = "password",
		.option = "--password-file",
		.confirm = confirm };
	return cli_secret(out, cli, &password, why);
}

enum reload_err cli_password_from(
	char **out, struct cli *cli, const char *path, struct reload_error_text *why)
{
	const struct cli_secret password = {
		.file = path, .name = "password", .option = "--password-file"
	};
	return cli_secret(out, cli, &password, why);
}
