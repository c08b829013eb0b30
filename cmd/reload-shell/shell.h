/* reload-shell: what its files share. */
#pragma once

#include "common/main.h"
#include "words.h"

struct edit;
struct history_file;

struct shell {
	struct cli *cli;
	char *dir;     /* owned: where the programs are */
	char *color;   /* owned: of set color; NULL: each program's default */
	bool terminal; /* a person types: prompt, editing, history, job control */
	bool ended;    /* exit was typed */
	int status;    /* of the last line */
	int (*run)(struct shell *sh, const struct words *w); /* shell_run() */
	int tty_group;     /* process group to which the terminal is given back; 0: none */
	struct edit *edit; /* NULL without a terminal */
	struct history_file *history; /* NULL: none is kept */
};

/* shell_line() runs one line; its exit status is in sh->status. */
void shell_line(struct shell *sh, const char *line);

/* -- run.c: programs ---------------------------------------------------------------------------------------------------- */

/* shell_refuse() reports wrong use on standard error, as the programs do, and returns 2. */
int shell_refuse(struct shell *sh, const char *what, const char *reason, const char *advice);

/* shell_program() returns (owned) the path of the program for a command, such as "ping"; NULL: there is none. */
char *shell_program(const struct shell *sh, const char *command);

/* shell_programs() returns the commands that there are programs for (array and names owned, cli_names_free()), sorted. */
char **shell_programs(const struct shell *sh, size_t *count);

/* shell_short_form() returns the command whose subcommand `word` is, when that can be left out; NULL: it is none.  shell_short_word() is word i, NULL after the last. */
const char *shell_short_form(const char *word);
const char *shell_short_word(size_t i);

/* shell_program_run() runs the program at path with words, of which the first is the command, in the foreground, and returns its exit status. */
int shell_program_run(struct shell *sh, char *path, const struct words *w);

/*
 * shell_fork_run() runs fn(arg) in a process of its own in the foreground, as programs are: a signal of the terminal ends it alone.  Returns its exit
 * status.
 */
int shell_fork_run(struct shell *sh, int (*fn)(void *arg), void *arg);

/* shell_output() returns (owned) at most max bytes that a program with these arguments (argv[0] its path) writes, "" on failure; for completion. */
char *shell_output(char *const argv[], size_t max);

/* shell_terminal_begin() makes this process the owner of the terminal and ignores what only its commands should get; shell_terminal_end() gives it back. */
void shell_terminal_begin(struct shell *sh);
void shell_terminal_end(struct shell *sh);

/* shell_interrupted() returns whether Ctrl-C was typed since the last call; shell_wake_fd() is readable when a signal came (SIGINT, SIGWINCH). */
bool shell_interrupted(void);
bool shell_resized(void);
int shell_wake_fd(void);

/* -- builtin.c: commands of the shell itself ---------------------------------------------------------------------------------- */

struct builtin {
	const char *name, *operands, *summary;
	int (*run)(struct shell *sh, const struct words *w); /* returns the exit status */
};

extern const struct builtin shell_builtins[]; /* ended by a row without a name */

/* shell_builtin() returns the command of that name; NULL: none. */
const struct builtin *shell_builtin(const char *name);

/* -- command.c ------------------------------------------------------------------------------------------------------------------ */

/* shell_run() runs words as a command of the shell or as a program, in the foreground, and returns its exit status. */
int shell_run(struct shell *sh, const struct words *w);

/* -- complete.c ---------------------------------------------------------------------------------------------------------------- */

struct offers {
	char **at;
	size_t count;
	size_t word; /* bytes before the cursor that an offer takes the place of */
};

/* shell_offers() fills out with the words (as they are typed) that can stand at the end of text, sorted; offers_clear() frees. */
void shell_offers(struct shell *sh, const char *text, struct offers *out);
void offers_clear(struct offers *o);

/* -- edit.c: the terminal ---------------------------------------------------------------------------------------------------- */

struct edit *edit_new(struct shell *sh);
void edit_free(struct edit *e);

/* edit_line() returns the next line (borrowed until the next call), NULL at the end; *cancelled: Ctrl-C was typed, there is no line. */
const char *edit_line(struct edit *e, bool *cancelled);

/* edit_remember() adds a line to the history in memory. */
void edit_remember(struct edit *e, const char *line);

/* -- history.c: the file ------------------------------------------------------------------------------------------------------- */

/* history_open() opens the history of this user (NULL: it cannot be kept), history_each() calls fn with each line, oldest first. */
struct history_file *history_open(void);
void history_free(struct history_file *h);
void history_each(struct history_file *h, void (*fn)(void *arg, const char *line), void *arg);

/* history_add() appends a line, behind those of other shells, without what is no business of a file: values, texts of messages. */
void history_add(struct history_file *h, struct shell *sh, const char *line);
