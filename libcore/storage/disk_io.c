#include "storage/disk_io.h"

#include <sys/stat.h>
#include <sys/statvfs.h>

static struct reload_file_mark mark_of(const struct stat *st)
{
	return (struct reload_file_mark){ (uint64_t)st->st_dev, (uint64_t)st->st_ino };
}

struct reload_file_mark reload_file_mark(const char *path)
{
	struct stat st;
	return stat(path, &st) ? (struct reload_file_mark){ 0, 0 } : mark_of(&st);
}

bool reload_file_same_size(struct reload_file_mark mark, const char *path, uint64_t *size)
{
	struct stat st;
	if (stat(path, &st))
		return false;
	struct reload_file_mark now = mark_of(&st);
	bool same = now.number && now.device == mark.device && now.number == mark.number;
	if (same)
		*size = (uint64_t)st.st_size;
	return same;
}

bool reload_file_same(struct reload_file_mark mark, const char *path)
{
	uint64_t size;
	return reload_file_same_size(mark, path, &size);
}

uint64_t reload_file_size(const char *path)
{
	struct stat st;
	return stat(path, &st) ? 0 : (uint64_t)st.st_size;
}

uint64_t reload_disk_free(const char *path)
{
	struct statvfs v;
	if (statvfs(path, &v) || !v.f_blocks)
		return UINT64_MAX;
	return (uint64_t)v.f_bavail * v.f_frsize;
}
