/* A directory for the files of one test program: scratch_begin() and scratch_end() are set-up and teardown of its group. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static char root[64];

static inline int scratch_erase(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline int scratch_begin(void **state)
{
	(void)state;
	const char *tmp = getenv("TMPDIR");
	snprintf(root, sizeof(root), "%s/reload-test.XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(root) ? 0 : -1;
}

static inline int scratch_end(void **state)
{
	(void)state;
	return nftw(root, scratch_erase, 16, FTW_DEPTH | FTW_PHYS);
}
