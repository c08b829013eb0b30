/* Several files that change together or not at all; locks.  Reading is in read.c. */
#include "common/files.h"

#include "util/bytes.h"
#include "util/owned.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	PLAN_MAX = 16 * 1024 * 1024, /* bytes of a plan: some 200,000 files */
	LOCK_POLL_MS = 20,
	LINKS_MAX = 40 /* symbolic links in a row, as many as the kernel follows */
};

/*
 * The life of one file: noted -> fresh (new bytes beside it, synced) -> placed (renamed, old bytes saved in `old`).
 * path is the target of symbolic links, so that the links stay.  The names of fresh and old contain the number of this
 * process: what a killed process left is removed by the next one that writes there.
 *
 * Several files are renamed one after the other, and a process may be killed between two of them.  So when all are fresh, a plan is written into each of
 * their directories (PATH.PID.all, beside the first one there): from then on the change is decided, and whoever reads or writes there next completes it.
 */
struct change {
	char *path, *fresh, *old;
	char *plan; /* of its directory, while it is there; NULL beside a file that has it */
	uint8_t *bytes;
	size_t len;
	unsigned mode;
	bool written, saved, placed, only_new;
	bool there; /* a file was there: the new one gets its mode and owner */
	unsigned uid, gid;
};

struct cli_files {
	struct change *changes;
	size_t count, cap;
	char **dirs; /* directories that were created, parents first */
	size_t dirs_count, dirs_cap;
	bool committed;
};

struct cli_files *cli_files_new(void)
{
	return RELOAD_NEW(cli_files);
}

static void plans_end(struct cli_files *f)
{
	for (size_t i = 0; i < f->count; i++) {
		if (f->changes[i].plan)
			unlink(f->changes[i].plan);
		free(TAKE(f->changes[i].plan));
	}
}

/* undo() restores all files and removes new directories, in reverse order. */
static void undo(struct cli_files *f)
{
	plans_end(f);
	for (size_t i = f->count; i-- > 0;) {
		struct change *c = &f->changes[i];
		if (c->placed && c->saved)
			(void)rename(c->old, c->path);
		else if (c->placed)
			unlink(c->path);
		else if (c->saved)
			unlink(c->old);
		if (c->written)
			unlink(c->fresh);
		c->placed = c->saved = c->written = false;
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

static enum reload_err failed(
	struct reload_error_text *why, const char *verb, const char *path, int code)
{
	char what[256];
	snprintf(what, sizeof(what), "%s cannot be %s", path, verb);
	enum reload_err err = reload_error_explain(why, RELOAD_IO, what, "%s", strerror(code));
	if (code == EACCES || code == EPERM || code == EROFS)
		reload_error_advise(
			why, "choose a directory that is yours: export RELOAD_HOME=DIR");
	else if (code == ENOSPC || code == EDQUOT || code == EFBIG)
		reload_error_advise(
			why, "make room and run the same command again; nothing was changed");
	else
		reload_error_advise(why, "ls -ld %s", path);
	return err;
}

static enum reload_err make_one(
	struct cli_files *f, char *path, unsigned mode, struct reload_error_text *why)
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
	struct cli_files *f, const char *path, unsigned mode, struct reload_error_text *why)
{
	char *part = reload_strdup(path);
	enum reload_err err = RELOAD_OK;
	for (char *p = part + 1; !err && *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		err = make_one(f, part, 0777 & (mode | 0055),
			why); /* parents get the mode that the umask leaves */
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

/* Returns (owned) the file that path leads to through symbolic links; a dangling link leads to the file that will be created. */
static char *behind_links(const char *path)
{
	char target[PATH_MAX];
	char *real = realpath(path, NULL), *at = reload_strdup(path);
	for (int links = 0; !real && links < LINKS_MAX; links++) {
		ssize_t n = readlink(at, target, sizeof(target) - 1);
		if (n < 0)
			break;
		target[n] = 0;
		char *slash = strrchr(at, '/');
		size_t dir = target[0] == '/' || !slash ? 0 : (size_t)(slash - at) + 1;
		char *next = reload_alloc(dir + (size_t)n + 1);
		memcpy(next, at, dir);
		memcpy(next + dir, target, (size_t)n + 1);
		free(at);
		at = next;
	}
	if (!real)
		return at;
	free(at);
	at = reload_strdup(real);
	free(real); /* from realpath(), so not from our allocator */
	return at;
}

static void put(
	struct cli_files *f, const char *path, unsigned mode, struct span bytes, bool only_new)
{
	struct stat st;
	char *real = behind_links(path);
	reload_grow(&f->changes, &f->cap, f->count, sizeof(*f->changes));
	struct change *c = &f->changes[f->count++];
	*c = (struct change){
		.path = real,
		.fresh = beside(real, ".new"),
		.old = beside(real, ".old"),
		.bytes = reload_memdup(bytes.at, bytes.len),
		.len = bytes.len,
		.mode = mode,
		.only_new = only_new,
	};
	if (stat(real, &st) || !S_ISREG(st.st_mode))
		return;
	c->there = true;
	c->mode = st.st_mode & 07777;
	c->uid = st.st_uid;
	c->gid = st.st_gid;
}

void cli_files_put(struct cli_files *f, const char *path, unsigned mode, struct span bytes)
{
	put(f, path, mode, bytes, false);
}

void cli_files_put_new(struct cli_files *f, const char *path, unsigned mode, struct span bytes)
{
	put(f, path, mode, bytes, true);
}

/* An errno, 0: all of it is written. */
static int write_all(int fd, struct span bytes)
{
	size_t done = 0;
	ssize_t n = 0;
	errno = 0;
	while (done < bytes.len &&
		((n = write(fd, bytes.at + done, bytes.len - done)) > 0 || errno == EINTR))
		done += n > 0 ? (size_t)n : 0;
	return done == bytes.len ? 0 : errno ? errno : EIO;
}

static enum reload_err write_fresh(struct change *c, struct reload_error_text *why)
{
	int fd = open(c->fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, c->mode);
	if (fd < 0)
		return failed(why, "written", c->path, errno);
	c->written = true;
	int code = write_all(fd, span_of(c->bytes, c->len));
	/* only root may change the owner; for others it fails */
	if (!code && c->there && fchown(fd, c->uid, c->gid) && errno != EPERM)
		code = errno;
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

/* Names fresh path, unless path exists; for file systems that cannot do that in one step, an empty file holds the place. */
static int name_new(const struct change *c)
{
	if (!renameat2(AT_FDCWD, c->fresh, AT_FDCWD, c->path, RENAME_NOREPLACE))
		return 0;
	if (errno == EEXIST)
		return EEXIST;
	int fd = open(c->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, c->mode);
	if (fd < 0)
		return errno;
	close(fd);
	if (!rename(c->fresh, c->path))
		return 0;
	int code = errno;
	unlink(c->path);
	return code;
}

static enum reload_err place_new(struct change *c, struct reload_error_text *why)
{
	char what[256];
	int code = name_new(c);
	if (code == EEXIST) {
		snprintf(what, sizeof(what), "%s exists already", c->path);
		reload_error_explain(why, RELOAD_EXISTS, what, "it would have been overwritten");
		reload_error_advise(
			why, "mv %.100s %.100s.old, if it is no longer needed", c->path, c->path);
		return RELOAD_EXISTS;
	}
	if (code)
		return failed(why, "written", c->path, code);
	c->written = false;
	c->placed = true;
	return RELOAD_OK;
}

static int copy_bytes(int from, int to)
{
	uint8_t buffer[16384];
	ssize_t n;
	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		for (ssize_t done = 0, k; done < n; done += k)
			if ((k = write(to, buffer + done, (size_t)(n - done))) <= 0)
				return k ? errno : EIO;
	explicit_bzero(buffer, sizeof(buffer)); /* it may be a private key */
	return n ? errno : 0;
}

/* Copies path to old, where there are no hard links. */
static int copy_old(const struct change *c)
{
	int from = open(c->path, O_RDONLY | O_CLOEXEC), code = 0;
	if (from < 0)
		return errno;
	int to = open(c->old, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (to < 0) {
		code = errno;
	} else {
		code = copy_bytes(from, to);
		if (!code && fchown(to, c->uid, c->gid) && errno != EPERM)
			code = errno;
		if (!code && fchmod(to, c->mode))
			code = errno;
		close(to);
		if (code)
			unlink(c->old);
	}
	close(from);
	return code;
}

static enum reload_err place(struct change *c, struct reload_error_text *why)
{
	if (c->only_new)
		return place_new(c, why);
	int code = link(c->path, c->old) ? errno : 0;
	if (code && code != ENOENT)
		code = copy_old(c);
	if (code && code != ENOENT)
		return failed(why, "replaced", c->path, code);
	c->saved = !code;
	if (rename(c->fresh, c->path))
		return failed(why, "replaced", c->path, errno);
	c->written = false;
	c->placed = true;
	return RELOAD_OK;
}

/* -- plans ----------------------------------------------------------------------------------------------------------------- */

static bool is_same_dir(const char *a, const char *b)
{
	const char *x = strrchr(a, '/'), *y = strrchr(b, '/');
	size_t n = x ? (size_t)(x - a) : 0, m = y ? (size_t)(y - b) : 0;
	return !x == !y && n == m && !memcmp(a, b, n);
}

static enum reload_err plan_write(struct change *c, struct span plan, struct reload_error_text *why)
{
	c->plan = beside(c->path, ".all");
	int fd = open(c->plan, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	int code = fd < 0 ? errno : write_all(fd, plan);
	if (!code && fsync(fd))
		code = errno;
	if (fd >= 0 && close(fd) && !code)
		code = errno;
	if (code)
		return failed(why, "written", c->plan, code);
	sync_dir_of(c->plan);
	return RELOAD_OK;
}

/* A plan is the path of each file, each followed by a NUL, and an empty one at the end. */
static enum reload_err plans_write(struct cli_files *f, struct reload_error_text *why)
{
	enum reload_err err = RELOAD_OK;
	struct wr w;
	wr_init(&w);
	for (size_t i = 0; i < f->count; i++)
		wr_bytes(&w, f->changes[i].path, strlen(f->changes[i].path) + 1);
	wr_u8(&w, 0);
	if (w.len > PLAN_MAX)
		err = failed(why, "written", f->changes[0].path, EFBIG);
	for (size_t i = 0; i < f->count && f->count > 1 && !err; i++) {
		bool first = true;
		for (size_t k = 0; k < i; k++)
			first = first && !is_same_dir(f->changes[k].path, f->changes[i].path);
		if (first)
			err = plan_write(&f->changes[i], wr_done(&w), why);
	}
	wr_clear(&w);
	return err;
}

/* Renames what the process `pid` did not come to, if its plan is complete. */
static void plan_complete(struct span plan, const char *pid)
{
	if (plan.len < 2 || plan.at[plan.len - 1] || plan.at[plan.len - 2])
		return;
	for (const char *path = (const char *)plan.at; *path; path += strlen(path) + 1) {
		size_t size = strlen(path) + strlen(pid) + 8;
		char *fresh = reload_alloc(size);
		snprintf(fresh, size, "%s.%s.new", path, pid);
		(void)rename(fresh, path);
		snprintf(fresh, size, "%s.%s.old", path, pid);
		unlink(fresh);
		sync_dir_of(path);
		free(fresh);
	}
}

/* Whether name ends with .PID and suffix, of a process that no longer runs; *pid is where its number begins. */
static bool is_of_dead(const char *name, const char *suffix, const char **pid)
{
	size_t len = strlen(name), tail = strlen(suffix);
	if (len < tail + 2 || strcmp(name + len - tail, suffix))
		return false;
	size_t end = len - tail, at = end;
	while (at && name[at - 1] >= '0' && name[at - 1] <= '9')
		at--;
	if (at == end || end - at > 9 || !at || name[at - 1] != '.')
		return false;
	*pid = name + at;
	long number = strtol(*pid, NULL, 10);
	return number > 0 && number != (long)getpid() && kill((pid_t)number, 0) && errno == ESRCH;
}

/* The plan in a file of this user; empty: there is none, or it is no plan. */
static struct bytes plan_read(int fd)
{
	struct stat st;
	struct bytes plan = { 0 };
	ssize_t n = 1;
	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
		st.st_size > PLAN_MAX)
		return plan;
	plan.at = reload_alloc((size_t)st.st_size + 1);
	while (n > 0 && plan.len < (size_t)st.st_size) {
		n = read(fd, plan.at + plan.len, (size_t)st.st_size - plan.len);
		plan.len += n > 0 ? (size_t)n : 0;
	}
	return plan;
}

/* A plan of another user says nothing. */
static void plan_resume(int dir, const char *name, const char *pid)
{
	char number[16];
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct bytes plan = plan_read(fd);
	snprintf(number, sizeof(number), "%.*s", (int)strspn(pid, "0123456789"), pid);
	plan_complete(bytes_span(plan), number);
	if (fd >= 0)
		close(fd);
	if (plan.at)
		unlinkat(dir, name, 0);
	bytes_free(&plan);
}

static DIR *open_dir_of(const char *path)
{
	char *dir = reload_strdup(path), *slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = 0;
	DIR *d = opendir(slash ? dir : ".");
	free(dir);
	return d;
}

void cli_files_recover(const char *path)
{
	const char *pid;
	DIR *d = open_dir_of(path);
	for (struct dirent *e; d && (e = readdir(d));)
		if (is_of_dead(e->d_name, ".all", &pid))
			plan_resume(dirfd(d), e->d_name, pid);
	if (d)
		closedir(d);
}

/* Completes what killed processes had decided, and removes what they had not. */
static void sweep_dir_of(const char *path)
{
	const char *pid;
	cli_files_recover(path);
	DIR *d = open_dir_of(path);
	for (struct dirent *e; d && (e = readdir(d));)
		if (is_of_dead(e->d_name, ".new", &pid) || is_of_dead(e->d_name, ".old", &pid))
			unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
}

static enum reload_err change_all(struct cli_files *f, struct reload_error_text *why)
{
	enum reload_err err = RELOAD_OK;
	for (size_t i = 0; i < f->count; i++)
		sweep_dir_of(f->changes[i].path); /* these first: they may be what fills the disk */
	for (size_t i = 0; i < f->count && !err; i++)
		err = write_fresh(&f->changes[i], why);
	if (!err)
		err = plans_write(f, why);
	for (size_t i = 0; i < f->count && !err; i++)
		err = place(&f->changes[i], why);
	if (err) {
		undo(f);
		return err;
	}
	for (size_t i = 0; i < f->count; i++) {
		if (f->changes[i].saved)
			unlink(f->changes[i].old);
		sync_dir_of(f->changes[i].path);
	}
	plans_end(f);
	f->committed = true;
	return RELOAD_OK;
}

enum reload_err cli_files_commit(struct cli_files *f, struct reload_error_text *why)
{
	/* signals wait until everything is written or undone */
	sigset_t all, before;
	sigfillset(&all);
	sigdelset(&all,
		SIGXFSZ); /* an ignored signal that is blocked would be delivered when it is unblocked */
	sigprocmask(SIG_SETMASK, &all, &before);
	enum reload_err err = change_all(f, why);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return err;
}

enum reload_err cli_dir_check(const char *path, struct reload_error_text *why)
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

enum reload_err cli_file_lock(
	int *fd, const char *path, reload_ms deadline, struct reload_error_text *why)
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
			reload_error_explain(
				why, RELOAD_TIMEOUT, what, "another program works with it");
			reload_error_advise(why, "fuser -v %s, or a longer --timeout", path);
			return RELOAD_TIMEOUT;
		}
		nanosleep(&(struct timespec){ 0, LOCK_POLL_MS * 1000000 }, NULL);
	}
	*fd = lock;
	return RELOAD_OK;
}
