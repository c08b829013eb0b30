#include "control_client.h"
#include "control/server_io.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define AT(p) (&(const struct reload_server_setup){ .path = (p) })

static int cancelled;

static void on_cancel(void *arg)
{
	(void)arg;
	cancelled++;
}

static enum reload_rpc_end list_handler(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	(void)arg, (void)params;
	return reload_rpc_reply(call, json_pack("{s:[]}", "nodes"));
}

static enum reload_rpc_end wait_handler(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	(void)params;
	return reload_rpc_pend(call, on_cancel, arg);
}

static enum reload_rpc_end stop_handler(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	(void)params;
	*(bool *)arg = true;
	return reload_rpc_reply(call, json_pack("{s:s, s:i}", "state", "leaving", "pid", 1));
}

static const reload_rpc_handler handlers[RELOAD_METHODS] = {
	[RELOAD_METHOD_rpc_node_list] = list_handler,
	[RELOAD_METHOD_rpc_overlay_wait] = wait_handler,
	[RELOAD_METHOD_rpc_agent_stop] = stop_handler,
};

/* An agent in a thread of its own; the test is its client. */
struct fixture {
	char dir[64], path[128], ro_path[128];
	bool stop;
	size_t clients_seen;
	pthread_t thread;
	pthread_barrier_t ready;
	sem_t turns; /* of the agent's loop */
	struct reload_rpc_service service;
};

static void *agent(void *arg)
{
	struct fixture *f = arg;
	struct reload_poll *poll = reload_poll_new();
	struct reload_server *server = NULL, *second = NULL;
	struct reload_error_text why;
	struct reload_server_setup setup = { .path = f->path, .read_only_path = f->ro_path };
	assert_int_equal(reload_server_new(&server, poll, &f->service, &setup, &why), RELOAD_OK);
	assert_int_equal(
		reload_server_new(&second, poll, &f->service, AT(f->path), &why), RELOAD_EXISTS);
	pthread_barrier_wait(&f->ready);
	while (!f->stop) {
		reload_poll_pass(poll, 1000);
		sem_post(&f->turns);
		if (reload_server_clients(server) > f->clients_seen)
			f->clients_seen = reload_server_clients(server);
	}
	reload_server_flush(server);
	reload_server_free(server);
	reload_poll_free(poll);
	return NULL;
}

static void begin(struct fixture *f)
{
	*f = (struct fixture){ 0 };
	snprintf(f->dir, sizeof(f->dir), "/tmp/reload-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/run/a.sock", f->dir);
	snprintf(f->ro_path, sizeof(f->ro_path), "%s/run/a-ro.sock", f->dir);
	f->service = (struct reload_rpc_service){ .handlers = handlers, .arg = &f->stop };
	pthread_barrier_init(&f->ready, NULL, 2);
	sem_init(&f->turns, 0, 0);
	assert_int_equal(pthread_create(&f->thread, NULL, agent, f), 0);
	pthread_barrier_wait(&f->ready);
}

static void end(struct fixture *f)
{
	struct reload_client *c = connected(f->path);
	assert_int_equal(call(c, "agent.stop", NULL, soon()), RELOAD_OK);
	reload_client_free(c);
	pthread_join(f->thread, NULL);
	pthread_barrier_destroy(&f->ready);
	assert_int_equal(access(f->path, F_OK), -1); /* the sockets are gone */
	assert_int_equal(access(f->ro_path, F_OK), -1);
	char command[200];
	snprintf(command, sizeof(command), "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
}

static void sockets_are_private_and_served(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	struct stat st;
	assert_int_equal(stat(f.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(f.ro_path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	struct reload_client *c = connected(f.path), *ro = connected(f.ro_path);
	assert_int_equal(call(c, "node.list", NULL, soon()), RELOAD_OK);
	assert_int_equal(call(ro, "node.list", NULL, soon()), RELOAD_OK);
	assert_int_equal(call(ro, "agent.stop", NULL, soon()), RELOAD_NO_PERMISSION);
	assert_int_equal(call(c, "node.none", NULL, soon()), RELOAD_NO_METHOD);
	reload_client_free(c);
	reload_client_free(ro);
	end(&f);
}

static void a_limit_holds_when_nobody_answers(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	cancelled = 0;
	struct reload_client *c = connected(f.path);
	reload_ms from = reload_poll_now();
	assert_int_equal(call(c, "overlay.wait", json_pack("{s:s}", "state", "joined"), from + 80),
		RELOAD_TIMEOUT);
	reload_ms took = reload_poll_now() - from;
	assert_true(took >= 80 && took < 5000);
	reload_client_free(c);
	end(&f);
	assert_int_equal(cancelled, 1);
}

static void a_stop_descriptor_ends_the_waiting(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	struct reload_client *c = NULL;
	struct reload_error_text why;
	assert_int_equal(
		reload_client_connect(&c, f.path, NULL, soon(), pipes[0], &why), RELOAD_OK);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	assert_int_equal(
		call(c, "overlay.wait", json_pack("{s:s}", "state", "joined"), RELOAD_NEVER),
		RELOAD_CANCELLED);
	reload_client_free(c);
	close(pipes[0]);
	close(pipes[1]);
	end(&f);
}

static void a_listener_that_never_accepts_does_not_hang_us(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	end(&f);
	struct reload_client *c = NULL;
	struct reload_error_text why;
	assert_int_equal(
		reload_client_connect(&c, f.path, NULL, soon(), -1, &why), RELOAD_NO_AGENT);
	assert_non_null(strstr(why.what, f.path));
	assert_true(why.reason[0]);
}

/* Writes text, then tells whether the other side still serves somebody else. */
static void hostile(struct fixture *f, int fd, const char *text, size_t len)
{
	(void)!send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	struct reload_client *c = connected(f->path);
	assert_int_equal(call(c, "node.list", NULL, soon()), RELOAD_OK);
	reload_client_free(c);
}

static int raw(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	return fd;
}

static void hostile_clients_do_not_stall_the_agent(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	static char big[3 * 1024 * 1024];
	memset(big, 'x', sizeof(big));
	int fd = raw(f.path), silent = raw(f.path), flood = raw(f.path);
	hostile(&f, fd, big, sizeof(big)); /* a line without end */
	hostile(&f, silent, "{", 1);       /* never finishes its line */
	static const char list[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"node.list\"}\n";
	for (int i = 0; i < 20000; i++) /* asks and never reads */
		(void)!send(flood, list, sizeof(list) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	hostile(&f, flood, list, sizeof(list) - 1);
	close(fd);
	close(silent);
	close(flood);
	end(&f);
}

static void a_half_closed_connection_gets_its_answer(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	int fd = raw(f.path);
	static const char list[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"node.list\"}\n";
	assert_int_equal(send(fd, list, sizeof(list) - 1, MSG_NOSIGNAL), sizeof(list) - 1);
	shutdown(fd, SHUT_WR);
	char answer[256];
	size_t len = 0;
	for (ssize_t n; (n = recv(fd, answer + len, sizeof(answer) - len, 0)) > 0;)
		len += (size_t)n; /* up to the end: the server closes */
	assert_true(len > 0 && answer[len - 1] == '\n');
	close(fd);
	end(&f);
}

static void more_clients_than_places_are_told(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	struct reload_client *all[RELOAD_SERVER_CLIENTS_MAX];
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		all[i] = connected(f.path);
		assert_int_equal(call(all[i], "node.list", NULL, soon()), RELOAD_OK);
	}
	struct reload_client *late = connected(f.path);
	enum reload_err err = call(late, "node.list", NULL, soon());
	assert_true(err == RELOAD_LIMIT ||
		    err == RELOAD_NO_AGENT); /* told, unless our write came after the close */
	reload_client_free(late);
	for (size_t i = 0; i < COUNT_OF(all); i++)
		reload_client_free(all[i]);
	struct reload_client *c = NULL;
	do { /* places are free again as soon as the loop has seen the ends */
		reload_client_free(c);
		c = connected(f.path);
	} while (call(c, "node.list", NULL, soon()));
	reload_client_free(c);
	end(&f);
	assert_int_equal(f.clients_seen, RELOAD_SERVER_CLIENTS_MAX);
}

/* Waits until the agent's loop has turned that often, and returns how long it took. */
static reload_ms turns(struct fixture *f, int count)
{
	reload_ms began = reload_poll_now();
	struct timespec limit;
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 30;
	while (!sem_trywait(&f->turns))
		;
	while (count--)
		assert_int_equal(sem_timedwait(&f->turns, &limit), 0);
	return reload_poll_now() - began;
}

/* A connection that cannot be taken for want of descriptors waits; the loop does not turn around it. */
static void no_descriptor_left_is_no_busy_loop(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f);
	struct rlimit before, none;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	assert_true(strlen(f.path) < sizeof(addr.sun_path));
	memcpy(addr.sun_path, f.path, strlen(f.path));
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	int connected_now = connect(fd, (struct sockaddr *)&addr, sizeof(addr));
	reload_ms took = turns(
		&f, 7); /* the first ones see the connection, the others follow a pause of 100 ms */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(connected_now, 0);
	assert_true(took >= 200);
	static const char list[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"node.list\"}\n";
	char answer[256];
	assert_int_equal(send(fd, list, sizeof(list) - 1, MSG_NOSIGNAL), sizeof(list) - 1);
	assert_true(recv(fd, answer, sizeof(answer), 0) > 0); /* it was only late */
	close(fd);
	end(&f);
}

static enum reload_err call_unread(struct reload_client *c, bool *unread)
{
	struct reload_call_error error;
	json_t *result = NULL;
	enum reload_err err =
		reload_client_call(c, "node.list", NULL, soon(), NULL, NULL, &result, &error);
	*unread = error.unread;
	assert_null(result);
	reload_call_error_clear(&error);
	return err;
}

struct last {
	struct reload_server *server;
	int client; /* descriptor of a client of the server */
};

/* Frees the server when the client has sent something. */
static void *free_later(void *arg)
{
	struct last *last = arg;
	int unread = 0;
	while (!ioctl(last->client, SIOCOUTQ, &unread) && !unread)
		sched_yield();
	reload_server_free(last->server);
	return NULL;
}

/* Between the two ends of a server programs connect and wait, and learn then that nobody has read what they asked. */
static void who_connects_to_an_ending_agent_was_not_read(void **state)
{
	(void)state;
	char dir[] = "/tmp/reload-test-XXXXXX", path[64], command[100];
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a.sock", dir);
	struct reload_poll *poll = reload_poll_new();
	struct reload_rpc_service service = { .handlers = handlers };
	struct reload_server *server = NULL;
	struct reload_error_text why;
	pthread_t thread;
	pid_t pid = 0;
	bool unread = false;
	assert_int_equal(reload_server_new(&server, poll, &service, AT(path), &why), RELOAD_OK);
	reload_server_hang_up(server);
	assert_int_equal(reload_client_pid(&pid, path, NULL, soon(), -1, &why), RELOAD_OK);
	assert_int_equal(pid, getpid());
	struct last last = { .server = server, .client = dup(0) }; /* the next one that is free */
	close(last.client);
	struct reload_client *c = connected(path);
	assert_int_equal(pthread_create(&thread, NULL, free_later, &last), 0);
	assert_int_equal(call_unread(c, &unread), RELOAD_NO_AGENT);
	assert_true(unread);
	pthread_join(thread, NULL);
	reload_client_free(c);
	assert_int_equal(reload_client_pid(&pid, path, NULL, soon(), -1, &why), RELOAD_NO_AGENT);
	reload_poll_free(poll);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

static void stale_sockets_are_replaced_other_files_are_not(void **state)
{
	(void)state;
	char dir[] = "/tmp/reload-test-XXXXXX", path[64];
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a.sock", dir);
	struct reload_poll *poll = reload_poll_new();
	struct reload_rpc_service service = { .handlers = handlers };
	struct reload_server *server = NULL;
	struct reload_error_text why;
	assert_int_equal(reload_server_new(&server, poll, &service, AT(path), &why), RELOAD_OK);
	char kept[64];
	snprintf(kept, sizeof(kept), "%s/kept", dir);
	assert_int_equal(
		link(path, kept), 0); /* as if the agent had been killed: the socket stays */
	reload_server_free(server);
	assert_int_equal(rename(kept, path), 0);
	server = NULL;
	assert_int_equal(reload_server_new(&server, poll, &service, AT(path), &why), RELOAD_OK);
	reload_server_free(server);
	server = NULL;
	FILE *file = fopen(path, "w");
	fclose(file);
	assert_int_equal(reload_server_new(&server, poll, &service, AT(path), &why), RELOAD_IO);
	assert_int_equal(access(path, F_OK), 0);
	reload_poll_free(poll);
	char command[100];
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

struct told {
	unsigned made, failed;
	enum reload_err err;
};

static void on_socket(
	void *arg, const char *path, enum reload_err err, const struct reload_error_text *why)
{
	struct told *told = arg;
	assert_non_null(path);
	assert_true(!err || why->reason[0]);
	told->made += !err;
	told->failed += err != RELOAD_OK;
	told->err = err;
}

/* Turns the loop until so many sockets were made again, and so many could not be. */
static void turn_until(
	struct reload_poll *poll, const struct told *told, unsigned made, unsigned failed)
{
	reload_ms end = soon();
	while (told->made < made || told->failed < failed) {
		assert_true(reload_poll_now() < end);
		reload_poll_pass(poll, 100);
	}
	assert_int_equal(told->made, made);
	assert_int_equal(told->failed, failed);
}

/* What clears old files away takes the directory, the socket or the lock. */
static void a_removed_socket_is_made_again(void **state)
{
	(void)state;
	char dir[] = "/tmp/reload-test-XXXXXX", path[64], lock[80], command[100];
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/run/a.sock", dir);
	snprintf(lock, sizeof(lock), "%s.lock", path);
	struct reload_poll *poll = reload_poll_new();
	struct told told = { 0 };
	struct reload_rpc_service service = {
		.handlers = handlers, .arg = &told, .socket = on_socket
	};
	struct reload_server *server = NULL, *other = NULL;
	struct reload_error_text why;
	assert_int_equal(reload_server_new(&server, poll, &service, AT(path), &why), RELOAD_OK);
	struct reload_client *before = connected(path);

	snprintf(command, sizeof(command), "rm -r '%s/run'", dir);
	assert_int_equal(system(command), 0);
	turn_until(poll, &told, 1, 0);
	reload_client_free(connected(path));
	assert_int_equal(reload_server_clients(server), 1); /* before, whose connection stays */
	/* a second agent that would find no lock finds it again */
	assert_int_equal(unlink(lock), 0);
	turn_until(poll, &told, 2, 0);
	assert_int_equal(reload_server_new(&other, poll, &service, AT(path), &why), RELOAD_EXISTS);

	/* a file that is no socket is nobody's to remove: told once, and mended when it is gone */
	assert_int_equal(unlink(path), 0);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	turn_until(poll, &told, 2, 1);
	assert_int_equal(told.err, RELOAD_IO);
	assert_int_equal(unlink(path), 0);
	turn_until(poll, &told, 3, 1);

	/* another agent was quicker: the path is its own, also when this one ends */
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(reload_server_new(&other, poll, &service, AT(path), &why), RELOAD_OK);
	turn_until(poll, &told, 3, 2);
	assert_int_equal(told.err, RELOAD_EXISTS);
	reload_client_free(before);
	reload_server_free(server);
	assert_int_equal(access(path, F_OK), 0);
	reload_client_free(connected(path));
	reload_server_free(other);
	assert_int_equal(access(path, F_OK), -1);
	reload_poll_free(poll);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sockets_are_private_and_served),
		cmocka_unit_test(a_limit_holds_when_nobody_answers),
		cmocka_unit_test(a_stop_descriptor_ends_the_waiting),
		cmocka_unit_test(a_listener_that_never_accepts_does_not_hang_us),
		cmocka_unit_test(hostile_clients_do_not_stall_the_agent),
		cmocka_unit_test(a_half_closed_connection_gets_its_answer),
		cmocka_unit_test(more_clients_than_places_are_told),
		cmocka_unit_test(no_descriptor_left_is_no_busy_loop),
		cmocka_unit_test(who_connects_to_an_ending_agent_was_not_read),
		cmocka_unit_test(stale_sockets_are_replaced_other_files_are_not),
		cmocka_unit_test(a_removed_socket_is_made_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
