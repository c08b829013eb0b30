/*
 * Sockets of the control server.  Descriptors are non-blocking and level-triggered; one event reads or writes one chunk,
 * so that a busy client shares the loop with the links.
 *
 * A program that clears old files away may remove the socket of a running agent.  Each listener checks its path every SOCKET_CHECK_MS
 * and makes lock and socket again.  When another agent has taken the lock meanwhile, the path belongs to that agent and is left alone.
 */
#include "control/server_io.h"

#include "control/local_socket_io.h"
#include "storage/disk_io.h"

#include <bsd/sys/queue.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	READ_CHUNK = 64 * 1024,
	BACKLOG = 64,
	SOCKET_CHECK_MS = 1000,
	PATH_LEN = 256,
	NO_GROUP = 65534 /* of which all groups are that a namespace of users does not have */
};

struct client {
	TAILQ_ENTRY(client) entry;
	struct reload_server *server;
	struct reload_rpc_session *session;
	int fd;
	uint64_t watch;
	unsigned wanted;
	bool eof; /* the client will send nothing more, but may still wait for answers */
};

TAILQ_HEAD(client_list, client);

struct listener {
	struct reload_server *server;
	char path[PATH_LEN]; /* empty: not used */
	int fd, lock;
	struct reload_file_mark mark; /* of the socket at path; zero: there is none of ours */
	struct reload_file_mark kept; /* of one that was passed: it is not removed; zero: none */
	uint64_t watch;
	struct reload_poll_pause pause;
	struct reload_timer look;
	gid_t group; /* whose members are served as well; 0: none */
	bool read_only,
		reported; /* reported: service->socket was called with the reason why the socket cannot be made, and is not called again with it */
};

struct reload_server {
	struct reload_poll *poll;
	const struct reload_rpc_service *service;
	struct listener all, reading;
	struct client_list clients;
	size_t clients_count;
};

static void client_free(struct client *c)
{
	reload_poll_remove(c->server->poll, c->watch);
	reload_rpc_session_free(c->session);
	close(c->fd);
	TAILQ_REMOVE(&c->server->clients, c, entry);
	c->server->clients_count--;
	free(c);
}

static void want(struct client *c, unsigned events)
{
	if (events == c->wanted)
		return;
	c->wanted = events;
	reload_poll_change(c->server->poll, c->watch, events);
}

static void want_by_state(struct client *c)
{
	bool in = !c->eof && reload_rpc_session_hungry(c->session);
	bool out = reload_rpc_session_output(c->session).len > 0;
	want(c, (in ? RELOAD_POLL_IN : 0u) | (out ? RELOAD_POLL_OUT : 0u));
}

static bool finished(const struct client *c)
{
	return reload_rpc_session_ended(c->session) ||
	       (c->eof && !reload_rpc_session_calls(c->session) &&
		       !reload_rpc_session_output(c->session).len);
}

/* Sends one chunk; false when the connection is lost. */
static bool send_some(struct client *c)
{
	struct span out = reload_rpc_session_output(c->session);
	if (!out.len)
		return true;
	ssize_t n = send(c->fd, out.at, out.len < READ_CHUNK ? out.len : READ_CHUNK,
		MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	reload_rpc_session_sent(c->session, (size_t)n);
	return true;
}

/*
 * Called when the session has output or has ended, never from inside a function of this file.  Most replies fit into the socket at
 * once; the rest, failures and the end are left to the loop.
 */
static void on_wake(void *arg)
{
	struct client *c = arg;
	if (reload_rpc_session_ended(c->session))
		shutdown(c->fd,
			SHUT_RDWR); /* the poll then reports a hang-up, even if the client never reads */
	else if (!c->eof && !(c->wanted & RELOAD_POLL_OUT))
		(void)send_some(c);
	want_by_state(c);
}

/* Reads one chunk; false when the connection is lost. */
static bool receive_some(struct client *c)
{
	static uint8_t chunk[READ_CHUNK];
	if (c->eof || !reload_rpc_session_hungry(c->session))
		return true;
	ssize_t n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	c->eof = n == 0;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	reload_rpc_session_feed(c->session, span_of(chunk, (size_t)n));
	return true;
}

static void on_client(void *arg, unsigned events)
{
	struct client *c = arg;
	bool alive = true;
	if (events & RELOAD_POLL_IN)
		alive = receive_some(c);
	if (alive)
		alive = send_some(c);
	if (events & (RELOAD_POLL_ERROR | RELOAD_POLL_HANGUP) &&
		(c->eof || !(events & RELOAD_POLL_IN)))
		alive = false;
	if (!alive || finished(c)) {
		client_free(c);
		return;
	}
	want_by_state(c);
}

void reload_server_adopt(struct reload_server *server, int fd, bool read_only)
{
	struct client *c = RELOAD_NEW(client);
	c->server = server;
	c->fd = fd;
	c->wanted = RELOAD_POLL_IN;
	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	c->session = reload_rpc_session_new(server->service, read_only, on_wake, c);
	TAILQ_INSERT_TAIL(&server->clients, c, entry);
	server->clients_count++;
	c->watch = reload_poll_add(server->poll, fd, RELOAD_POLL_IN, on_client, c);
	if (!c->watch)
		client_free(c);
}

/* Whether the process at the other end was of that group when it connected, by its first group or another one. */
static bool peer_in_group(int fd, gid_t first, gid_t group)
{
	gid_t few[64], *all = few;
	socklen_t len = sizeof(few);
	int failed = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, few, &len);
	if (failed && errno == ERANGE) {
		all = reload_alloc(len); /* the kernel has at most 65,536 groups of a process */
		failed = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, all, &len);
	}
	bool found = first == group;
	for (size_t i = 0; !failed && !found && i < len / sizeof(*all); i++)
		found = all[i] == group;
	if (all != few)
		free(all);
	return found;
}

bool reload_server_permits(int fd, gid_t group)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return false;
	return peer.uid == geteuid() || peer.uid == 0 ||
	       (group && peer_in_group(fd, peer.gid, group));
}

static void refuse(int fd, enum reload_err err, const char *what, const char *reason)
{
	struct reload_failure f = { .err = err };
	struct wr w;
	wr_init(&w);
	reload_error_explain(&f.why, err, what, "%s", reason);
	reload_rpc_write_error(&w, NULL, &f);
	(void)!send(fd, w.at, w.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	wr_clear(&w);
	close(fd);
}

static void on_connection(void *arg, unsigned events)
{
	(void)events;
	struct listener *l = arg;
	int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		(void)reload_poll_pause(l->server->poll, &l->pause, l->watch, errno);
		return;
	}
	if (!reload_server_permits(fd, l->group))
		refuse(fd, RELOAD_NO_PERMISSION, "not permitted",
			l->group ? "the socket serves its own user, root and members of its group"
				 : "the socket serves its own user and root");
	else if (l->server->clients_count >= RELOAD_SERVER_CLIENTS_MAX)
		refuse(fd, RELOAD_LIMIT, "the agent is busy", "64 programs are connected already");
	else
		reload_server_adopt(l->server, fd, l->read_only);
}

static enum reload_err io_failed(struct reload_error_text *why, const char *path)
{
	int e = errno;
	char what[PATH_LEN + 64];
	snprintf(what, sizeof(what), "cannot listen on %s", path);
	return reload_error_explain(why, RELOAD_IO, what, "%s", strerror(e));
}

/* Makes the directories above path, for this user only. */
static enum reload_err make_directories(const char *path, struct reload_error_text *why)
{
	char part[PATH_LEN];
	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(part, 0700) && errno != EEXIST)
			return io_failed(why, part);
		*slash = '/';
	}
	return RELOAD_OK;
}

/* The process that holds the lock beside the socket is the agent; a socket whose lock nobody holds is stale. */
static enum reload_err take_lock(struct listener *l, struct reload_error_text *why)
{
	char path[PATH_LEN + 8];
	snprintf(path, sizeof(path), "%s.lock", l->path);
	int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0)
		return io_failed(why, path);
	if (flock(lock, LOCK_EX | LOCK_NB) == 0) {
		if (l->lock >= 0)
			close(l->lock); /* its lock file was removed */
		l->lock = lock;
		return RELOAD_OK;
	}
	close(lock);
	char what[PATH_LEN + 64];
	snprintf(what, sizeof(what), "an agent serves %s already", l->path);
	reload_error_explain(why, RELOAD_EXISTS, what, "another process holds %s", path);
	reload_error_advise(why, "stop it, or choose another name with --instance");
	return RELOAD_EXISTS;
}

static enum reload_err watch_socket(struct listener *l, struct reload_error_text *why)
{
	l->watch = reload_poll_add(l->server->poll, l->fd, RELOAD_POLL_IN, on_connection, l);
	return l->watch ? RELOAD_OK : io_failed(why, l->path);
}

static enum reload_err share_failed(const struct listener *l, struct reload_error_text *why)
{
	enum reload_err err = io_failed(why, l->path);
	reload_error_advise(why,
		"run the agent as a member of the group that its socket is for, or another group");
	return err;
}

static enum reload_err bind_socket(struct listener *l, struct reload_error_text *why)
{
	struct stat st;
	if (lstat(l->path, &st) == 0) {
		errno = EEXIST;
		if (!S_ISSOCK(st.st_mode) || unlink(l->path))
			return io_failed(why, l->path);
	}
	int fd = reload_local_listen(l->path, BACKLOG, false);
	if (fd < 0) {
		errno = -fd;
		return io_failed(why, l->path);
	}
	l->fd = fd;
	l->mark = reload_file_mark(l->path);
	if (l->group && !reload_local_share(l->path, l->group, 0660))
		return share_failed(l, why);
	return watch_socket(l, why);
}

/*
 * A socket that a service manager listens on.  The file stays when this agent ends: programs that connect meanwhile wait for the
 * next one.  listen() again makes this process the one that a program sees at the other end (SO_PEERCRED).
 */
static enum reload_err adopt_socket(struct listener *l, struct reload_error_text *why)
{
	struct stat st;
	if (lstat(l->path, &st) || listen(l->fd, BACKLOG))
		return io_failed(why, l->path);
	fcntl(l->fd, F_SETFL, fcntl(l->fd, F_GETFL) | O_NONBLOCK);
	fcntl(l->fd, F_SETFD, FD_CLOEXEC);
	l->kept = l->mark = reload_file_mark(l->path);
	/* in a namespace of users the groups that it lacks all have one number: membership of such a group cannot be checked */
	l->group = st.st_mode & S_IWGRP && st.st_gid != NO_GROUP ? st.st_gid : 0;
	return watch_socket(l, why);
}

/* Whether the lock that this agent holds is still the file at the path, which another agent would try to lock. */
static bool lock_ours(const struct listener *l)
{
	char path[PATH_LEN + 8];
	struct stat held;
	snprintf(path, sizeof(path), "%s.lock", l->path);
	struct reload_file_mark mark = reload_file_mark(path);
	return !fstat(l->lock, &held) && mark.number == (uint64_t)held.st_ino &&
	       mark.device == (uint64_t)held.st_dev;
}

static void socket_drop(struct listener *l)
{
	reload_poll_remove(l->server->poll, l->watch);
	l->watch = 0;
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->mark = (struct reload_file_mark){ 0, 0 };
}

static void on_look(void *arg)
{
	struct listener *l = arg;
	const struct reload_rpc_service *service = l->server->service;
	struct reload_timers *timers = reload_poll_timers(l->server->poll);
	struct reload_error_text why = { 0 };
	enum reload_err err = RELOAD_OK;
	bool there = reload_file_same(l->mark, l->path);
	reload_timer_arm(timers, &l->look, reload_poll_now() + SOCKET_CHECK_MS, on_look, l);
	if (there && lock_ours(l))
		return;
	err = make_directories(l->path, &why);
	if (!err && !lock_ours(l))
		err = take_lock(l, &why);
	if (!err && !there) {
		reload_poll_pause_end(&l->pause);
		socket_drop(l);
		err = bind_socket(l, &why);
	}
	if (service->socket && !(err && l->reported))
		service->socket(service->arg, l->path, err, &why);
	l->reported = err != RELOAD_OK;
}

static enum reload_err listen_on(
	struct listener *l, struct reload_server *server, struct reload_error_text *why)
{
	if (strlen(l->path) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		reload_error_explain(why, RELOAD_USAGE,
			"the path of the control socket is too long",
			"%.200s has more than 107 characters", l->path);
		l->path[0] = 0;
		return RELOAD_USAGE;
	}
	enum reload_err err = make_directories(l->path, why);
	if (!err)
		err = take_lock(l, why);
	if (err) {
		l->path[0] = 0; /* another agent's; do not remove it */
		return err;
	}
	reload_timer_arm(reload_poll_timers(server->poll), &l->look,
		reload_poll_now() + SOCKET_CHECK_MS, on_look, l);
	return l->fd >= 0 ? adopt_socket(l, why) : bind_socket(l, why);
}

static void listener_init(
	struct listener *l, struct reload_server *server, const char *path, int passed)
{
	l->server = server;
	l->lock = -1;
	l->fd = passed ? passed : -1;
	if (path)
		snprintf(l->path, sizeof(l->path), "%s", path);
}

enum reload_err reload_server_new(struct reload_server **out, struct reload_poll *poll,
	const struct reload_rpc_service *service, const struct reload_server_setup *setup,
	struct reload_error_text *why)
{
	AUTO(reload_server) server = RELOAD_NEW(reload_server);
	server->poll = poll;
	server->service = service;
	TAILQ_INIT(&server->clients);
	listener_init(&server->all, server, setup->path, setup->passed);
	listener_init(&server->reading, server, setup->read_only_path, setup->read_only_passed);
	server->all.group = server->reading.group = setup->group;
	server->reading.read_only = true;
	enum reload_err err = setup->path ? listen_on(&server->all, server, why) : RELOAD_OK;
	if (!err && setup->read_only_path)
		err = listen_on(&server->reading, server, why);
	if (!err)
		*out = TAKE(server);
	return err;
}

gid_t reload_server_group(const struct reload_server *server)
{
	return server->all.group;
}

size_t reload_server_clients(const struct reload_server *server)
{
	return server->clients_count;
}

void reload_server_flush(struct reload_server *server)
{
	struct client *c;
	TAILQ_FOREACH (c, &server->clients, entry) {
		size_t before = 0;
		while (reload_rpc_session_output(c->session).len != before) {
			before = reload_rpc_session_output(c->session).len;
			if (!send_some(c))
				break;
		}
	}
}

static void listener_rest(struct listener *l)
{
	reload_poll_pause_end(&l->pause);
	reload_timer_cancel(reload_poll_timers(l->server->poll), &l->look);
	reload_poll_remove(l->server->poll, l->watch);
	l->watch = 0;
}

void reload_server_hang_up(struct reload_server *server)
{
	struct client *c;
	while ((c = TAILQ_FIRST(&server->clients)))
		client_free(c);
	listener_rest(&server->all);
	listener_rest(&server->reading);
}

static void listener_close(struct listener *l)
{
	if (l->fd >= 0)
		close(l->fd);
	/* not a socket that another agent made there, nor one that is passed to the next agent */
	if (reload_file_same(l->mark, l->path) && !reload_file_same(l->kept, l->path))
		unlink(l->path);
	if (l->lock >= 0)
		close(l->lock);
}

void reload_server_free(struct reload_server *server)
{
	if (!server)
		return;
	reload_server_hang_up(server);
	listener_close(&server->all);
	listener_close(&server->reading);
	free(server);
}
