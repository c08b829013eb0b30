/* Identity and size of a file, and free space of its disk. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Identifies the file at a path; all zero: there was none. */
struct reload_file_mark {
	uint64_t device, number;
};

/* reload_file_mark() returns the identity of the file that is at path now. */
struct reload_file_mark reload_file_mark(const char *path);

/*
 * reload_file_same() returns whether the file at path is the one of mark.  reload_file_same_size() also sets *size to its length in bytes
 * when it is.
 */
bool reload_file_same(struct reload_file_mark mark, const char *path);
bool reload_file_same_size(struct reload_file_mark mark, const char *path, uint64_t *size);

/* reload_file_size() returns its length in bytes, 0 when there is none. */
uint64_t reload_file_size(const char *path);

/* reload_disk_free() returns how many bytes this process may still write on the disk of the file; UINT64_MAX when that is unknown. */
uint64_t reload_disk_free(const char *path);
