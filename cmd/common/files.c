/* Several files that change together or not at all; locks.  Reading is in read.c. */
#include "common/files.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	LOCK_POLL_MS = 20
};

/* The life of one file: noted -> fresh (new bytes beside it, synced) -> placed (renamed, old bytes kept in `old`). */
struct change {
	char *path, *fresh, *old;
	uint8_t *bytes;
	size_t len;
	unsigned mode;
	bool written, kept, placed, only_new;
};

struct cli_files {
	struct change *changes;
	size_t count, cap;
	char **dirs; /* made by us, in order */
	size_t dirs_count, dirs_cap;
	bool committed;
};

struct cli_files *cli_files_new(void)
{
	return RELOAD_NEW(cli_files);
}

/* undo() puts everything back, newest first. */
static void undo(struct cli_files *f)
{
	for (size_t i = f->count; i-- > 0;) {
		struct change *c = &f->changes[i];
		if (c->placed && c->kept)
			(void)rename(c->old, c->path);
		else if (c->placed)
			unlink(c->path);
		else if (c->kept)
			unlink(c->old);
		if (c->written)
			unlink(c->fresh);
		c->placed = c->kept = c->written = false;
	}
	for (size_t i = f->dirs_count; i-- > 0;)
		rmdir(f->dirs[i]);
}

void cli_files_free(struct cli_files *f)
{
	if (!f)
		return;
	if (!f->committed)
		undo(f);
	for (size_t i = 0; i < f->count; i++) {
		struct change *c = &f->changes[i];
		explicit_bzero(c->bytes, c->len); /* it may be a private key */
		free(c->bytes);
		free(c->path);
		free(c->fresh);
		free(c->old);
	}
	for (size_t i = 0; i < f->dirs_count; i++)
		free(f->dirs[i]);
	free(f->changes);
	free(f->dirs);
	free(f);
}

static enum reload_err failed(struct reload_why *why, const char *verb, const char *path, int code)
{
	char what[256];
	snprintf(what, sizeof(what), "%s cannot be %s", path, verb);
	enum reload_err err = reload_why_set(why, RELOAD_IO, what, "%s", strerror(code));
	if (code == EACCES || code == EPERM || code == EROFS)
		reload_why_hint(why, "choose a directory that is yours: export RELOAD_HOME=DIR");
	else if (code == ENOSPC || code == EDQUOT || code == EFBIG)
		reload_why_hint(
			why, "make room and run the same command again; nothing was changed");
	return err;
}

static enum reload_err make_one(
	struct cli_files *f, char *path, unsigned mode, struct reload_why *why)
{
	struct stat st;
	if (!mkdir(path, mode)) {
		reload_grow(&f->dirs, &f->dirs_cap, f->dirs_count, sizeof(*f->dirs));
		f->dirs[f->dirs_count++] = reload_strdup(path);
		return RELOAD_OK;
	}
	if (errno != EEXIST && errno != EISDIR)
		return failed(why, "made", path, errno);
	if (!stat(path, &st) && !S_ISDIR(st.st_mode))
		return failed(why, "made", path, ENOTDIR);
	return RELOAD_OK;
}

enum reload_err cli_files_mkdir(
	struct cli_files *f, const char *path, unsigned mode, struct reload_why *why)
{
	char *part = reload_strdup(path);
	enum reload_err err = RELOAD_OK;
	for (char *p = part + 1; !err && *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		err = make_one(f, part, 0777 & (mode | 0055), why); /* parents: as umask says */
		*p = '/';
	}
	if (!err)
		err = make_one(f, part, mode, why);
	free(part);
	return err;
}

static char *beside(const char *path, const char *suffix)
{
	size_t size = strlen(path) + strlen(suffix) + 32;
	char *out = reload_alloc(size);
	snprintf(out, size, "%s.%ld%s", path, (long)getpid(), suffix);
	return out;
}

static void put(
	struct cli_files *f, const char *path, unsigned mode, struct span bytes, bool only_new)
{
	reload_grow(&f->changes, &f->cap, f->count, sizeof(*f->changes));
	f->changes[f->count++] = (struct change){
		.path = reload_strdup(path),
		.fresh = beside(path, ".new"),
		.old = beside(path, ".old"),
		.bytes = reload_memdup(bytes.at, bytes.len),
		.len = bytes.len,
		.mode = mode,
		.only_new = only_new,
	};
}

void cli_files_put(struct cli_files *f, const char *path, unsigned mode, struct span bytes)
{
	put(f, path, mode, bytes, false);
}

void cli_files_put_new(struct cli_files *f, const char *path, unsigned mode, struct span bytes)
{
	put(f, path, mode, bytes, true);
}

static enum reload_err write_fresh(struct change *c, struct reload_why *why)
{
	size_t done = 0;
	ssize_t n = 0;
	int fd = open(c->fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, c->mode);
	if (fd < 0)
		return failed(why, "written", c->path, errno);
	c->written = true;
	errno = 0;
	while (done < c->len &&
		((n = write(fd, c->bytes + done, c->len - done)) > 0 || errno == EINTR))
		done += n > 0 ? (size_t)n : 0;
	int code = done < c->len ? (errno ? errno : EIO) : 0;
	if (!code && (fchmod(fd, c->mode) || fsync(fd)))
		code = errno;
	if (close(fd) && !code)
		code = errno;
	return code ? failed(why, "written", c->path, code) : RELOAD_OK;
}

static void sync_dir_of(const char *path)
{
	char *dir = reload_strdup(path);
	char *slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = 0;
	int fd = open(slash ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		(void)fsync(fd);
		close(fd);
	}
	free(dir);
}

static enum reload_err place_new(struct change *c, struct reload_why *why)
{
	char what[256];
	if (link(c->fresh, c->path)) {
		if (errno != EEXIST)
			return failed(why, "written", c->path, errno);
		snprintf(what, sizeof(what), "%s exists already", c->path);
		return reload_why_set(why, RELOAD_EXISTS, what, "it would have been overwritten");
	}
	unlink(c->fresh);
	c->written = false;
	c->placed = true;
	return RELOAD_OK;
}

static enum reload_err place(struct change *c, struct reload_why *why)
{
	if (c->only_new)
		return place_new(c, why);
	if (!link(c->path, c->old))
		c->kept = true;
	else if (errno != ENOENT)
		return failed(why, "replaced", c->path, errno);
	if (rename(c->fresh, c->path))
		return failed(why, "replaced", c->path, errno);
	c->written = false;
	c->placed = true;
	return RELOAD_OK;
}

static enum reload_err change_all(struct cli_files *f, struct reload_why *why)
{
	enum reload_err err = RELOAD_OK;
	for (size_t i = 0; i < f->count && !err; i++)
		err = write_fresh(&f->changes[i], why);
	for (size_t i = 0; i < f->count && !err; i++)
		err = place(&f->changes[i], why);
	if (err) {
		undo(f);
		return err;
	}
	for (size_t i = 0; i < f->count; i++) {
		if (f->changes[i].kept)
			unlink(f->changes[i].old);
		sync_dir_of(f->changes[i].path);
	}
	f->committed = true;
	return RELOAD_OK;
}

enum reload_err cli_files_commit(struct cli_files *f, struct reload_why *why)
{
	/* Ctrl-C waits until all is done or undone */
	sigset_t all, before;
	sigfillset(&all);
	sigdelset(&all,
		SIGXFSZ); /* a signal that is ignored and blocked would wait for the end of the block */
	sigprocmask(SIG_SETMASK, &all, &before);
	enum reload_err err = change_all(f, why);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return err;
}

enum reload_err cli_dir_check(const char *path, struct reload_why *why)
{
	struct stat st;
	char *part = reload_strdup(path);
	char *slash;
	while (stat(part, &st) && errno == ENOENT && (slash = strrchr(part, '/')) && slash > part)
		*slash = 0;
	enum reload_err err = RELOAD_OK;
	if (stat(part, &st))
		err = failed(why, "used", part, errno);
	else if (!S_ISDIR(st.st_mode))
		err = failed(why, "used", part, ENOTDIR);
	else if (access(part, W_OK | X_OK))
		err = failed(why, "written to", part, errno);
	free(part);
	return err;
}

enum reload_err cli_file_lock(int *fd, const char *path, reload_ms deadline, struct reload_why *why)
{
	int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0)
		return failed(why, "locked", path, errno);
	while (flock(lock, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR) {
			int code = errno;
			close(lock);
			return failed(why, "locked", path, code);
		}
		if (cli_monotonic() >= deadline) {
			char what[256];
			close(lock);
			snprintf(what, sizeof(what), "%s stays locked", path);
			return reload_why_set(
				why, RELOAD_TIMEOUT, what, "another program works with it");
		}
		nanosleep(&(struct timespec){ 0, LOCK_POLL_MS * 1000000 }, NULL);
	}
	*fd = lock;
	return RELOAD_OK;
}
