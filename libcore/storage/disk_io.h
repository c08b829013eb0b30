/* What a file system says about the place of a file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which file stands at a path; zero: none was there. */
struct reload_file_mark {
	uint64_t device, number;
};

/* reload_file_mark() returns which file is there now. */
struct reload_file_mark reload_file_mark(const char *path);

/* reload_file_same() tells whether that file is still the one that is there. */
bool reload_file_same(struct reload_file_mark mark, const char *path);

/* reload_file_size() returns its length in bytes, 0 when there is none. */
uint64_t reload_file_size(const char *path);

/* reload_disk_free() returns how many bytes the disk of a file has for this process, UINT64_MAX where that is not known. */
uint64_t reload_disk_free(const char *path);
