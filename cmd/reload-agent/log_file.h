/* Where the lines of the log are written: a descriptor that is never waited for. */
#pragma once

#include "util/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agent_log_file {
	char *path; /* owned; NULL: standard error */
	int fd;
	uint64_t dropped; /* lines that were dropped and not reported yet */
	bool cut;         /* the last line was not written whole */
};

/*
 * agent_log_file_open() opens path for appending, NULL: standard error.  A FIFO is held open without a reader.  RELOAD_IO with why.
 * agent_log_file_reopen() opens the path again; when that fails the old one stays.
 */
enum reload_err agent_log_file_open(
	struct agent_log_file *f, const char *path, struct reload_error_text *why) MUST_CHECK;
enum reload_err agent_log_file_reopen(
	struct agent_log_file *f, struct reload_error_text *why) MUST_CHECK;
void agent_log_file_close(struct agent_log_file *f);

/* agent_log_file_write() writes a line if that needs no waiting; else it is dropped, and the next line that is written says so. */
void agent_log_file_write(struct agent_log_file *f, const char *line, size_t len);
