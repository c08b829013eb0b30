/* Reading files with a limit, and changing several files together or not at all. */
#pragma once

#include "common/options.h"
#include "util/alloc.h"
#include "util/span.h"

/*
 * cli_file_read() reads a whole file, "-" for standard input, of at most max bytes: *out is owned, *len its length, and
 * it is followed by a NUL.  RELOAD_IO, RELOAD_LIMIT, RELOAD_TIMEOUT at deadline (a pipe to which nobody writes); why
 * names path.
 */
enum reload_err cli_file_read(uint8_t **out, size_t *len, const char *path, size_t max,
	reload_ms deadline, struct reload_error_text *why) MUST_CHECK;

/*
 * cli_file_write() makes bytes the contents of path for a user who named it: a file is replaced as a whole and keeps its
 * mode, a symbolic link stays and its file is replaced, a device or pipe is written to.  RELOAD_IO; RELOAD_TIMEOUT at
 * deadline (a pipe that nobody reads); why names path.
 */
enum reload_err cli_file_write(const char *path, struct span bytes, reload_ms deadline,
	struct reload_error_text *why) MUST_CHECK;

/* cli_fd_ready() waits for events (POLLIN, POLLOUT) or an error of fd; false: deadline came first. */
bool cli_fd_ready(int fd, short events, reload_ms deadline);

struct cli_files;

/*
 * cli_files_new() begins a set of files that change together.  cli_files_mkdir() makes a directory with its parents, cli_files_put() notes new
 * contents (copied), cli_files_commit() writes, syncs and renames them all.  When anything fails nothing has changed:
 * files are as before, new files and directories are gone.  cli_files_free() undoes what was not committed.  When the process is killed, nothing has
 * changed either, or cli_files_recover() completes it.
 */
struct cli_files *cli_files_new(void);
void cli_files_free(struct cli_files *files);
AUTO_DEFINE(cli_files)
enum reload_err cli_files_mkdir(struct cli_files *files, const char *path, unsigned mode,
	struct reload_error_text *why) MUST_CHECK;
void cli_files_put(struct cli_files *files, const char *path, unsigned mode, struct span bytes);
enum reload_err cli_files_commit(struct cli_files *files, struct reload_error_text *why) MUST_CHECK;

/*
 * cli_files_recover() completes what processes that were killed had begun to commit, where a file of such a set is in the directory of path.
 * It is called before a set is read; what cannot be completed stays as it is.
 */
void cli_files_recover(const char *path);

/* cli_files_put_new() is cli_files_put() for a file that may not exist: the commit then fails with RELOAD_EXISTS. */
void cli_files_put_new(struct cli_files *files, const char *path, unsigned mode, struct span bytes);

/*
 * cli_dir_check() checks, for --dry-run, that files could be written in the directory path, which need not exist;
 * RELOAD_IO with why.
 */
enum reload_err cli_dir_check(const char *path, struct reload_error_text *why) MUST_CHECK;

/*
 * cli_file_lock() takes an exclusive lock on path (made when missing) and returns its descriptor in *fd; close() ends it.
 * RELOAD_TIMEOUT at deadline.
 */
enum reload_err cli_file_lock(
	int *fd, const char *path, reload_ms deadline, struct reload_error_text *why) MUST_CHECK;
