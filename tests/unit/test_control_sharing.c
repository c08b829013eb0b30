/* Control sockets that others may use: those of a group, and those that a service manager opens and passes on. */
#include "control_client.h"
#include "control/local_socket_io.h"
#include "control/server_io.h"

#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define AT(p) (&(const struct reload_server_setup){ .path = (p) })

static enum reload_rpc_end list_handler(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	(void)arg, (void)params;
	return reload_rpc_reply(call, json_pack("{s:[]}", "nodes"));
}

static const reload_rpc_handler handlers[RELOAD_METHODS] = {
	[RELOAD_METHOD_rpc_node_list] = list_handler,
};

static bool answered(struct reload_client *c)
{
	return !call(c, "node.list", NULL, soon());
}

enum {
	MEMBER = 54321, /* a user, and a group, of no significance */
	OTHER = 54322
};

/* Connects as another user, whose first group is group: whether it is served, and not only let in. */
static bool served(struct reload_poll *poll, const char *path, gid_t group, gid_t second)
{
	int status = 0;
	pid_t child = fork();
	if (!child) {
		if (setgroups(second ? 1 : 0, &second) || setgid(group) || setuid(OTHER))
			_exit(2);
		struct reload_client *c = NULL;
		bool ok = !reload_client_connect(&c, path, NULL, soon(), -1, NULL) && answered(c);
		_exit(ok ? 0 : 1);
	}
	while (waitpid(child, &status, WNOHANG) == 0)
		reload_poll_pass(poll, 10);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status) == 0;
}

static int mode_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

/* cli.md s2: mode 0600, for the system service 0660 and a group; peer credentials are checked whatever the mode says. */
static void members_of_its_group_use_a_socket(void **state)
{
	(void)state;
	if (geteuid())
		skip(); /* only root becomes somebody else */
	char dir[] = "/tmp/reload-test-XXXXXX", path[64], read_only[64], command[100];
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chmod(dir, 0755), 0);
	snprintf(path, sizeof(path), "%s/a.sock", dir);
	snprintf(read_only, sizeof(read_only), "%s/a-ro.sock", dir);
	struct reload_poll *poll = reload_poll_new();
	struct reload_rpc_service service = { .handlers = handlers };
	struct reload_server *server = NULL;
	struct reload_error_text why;
	struct reload_server_setup setup = {
		.path = path, .read_only_path = read_only, .group = MEMBER
	};
	assert_int_equal(reload_server_new(&server, poll, &service, &setup, &why), RELOAD_OK);
	assert_int_equal(reload_server_group(server), MEMBER);
	assert_int_equal(mode_of(path), 0660);
	assert_int_equal(mode_of(read_only), 0660);
	assert_true(served(poll, path, MEMBER, 0));
	assert_true(served(poll, path, OTHER, MEMBER));
	assert_true(served(poll, read_only, OTHER, MEMBER));
	assert_false(served(poll, path, OTHER, 0));
	/* let in by the mode of the file, but not served */
	assert_int_equal(chmod(path, 0666), 0);
	assert_false(served(poll, path, OTHER, 0));
	assert_true(served(poll, path, MEMBER, 0));
	reload_server_free(server);
	server = NULL;
	assert_int_equal(reload_server_new(&server, poll, &service, AT(path), &why), RELOAD_OK);
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(chmod(path, 0666), 0);
	assert_false(served(poll, path, MEMBER, 0));
	reload_server_free(server);
	reload_poll_free(poll);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

/* A socket of a service manager: the agent is who a program sees there, its file stays, and the next agent serves who waits. */
static void a_passed_socket_stays(void **state)
{
	(void)state;
	char dir[] = "/tmp/reload-test-XXXXXX", path[64], command[100];
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a.sock", dir);
	struct reload_poll *poll = reload_poll_new();
	struct reload_rpc_service service = { .handlers = handlers };
	struct reload_server *server = NULL;
	struct reload_error_text why;
	int manager = reload_local_listen(path, 8, false);
	assert_true(manager >= 0);
	assert_int_equal(chmod(path, 0660), 0);
	/* as the manager is another process */
	pid_t child = fork();
	if (!child)
		_exit(listen(manager, 8) ? 1 : 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	struct reload_server_setup setup = { .path = path, .passed = dup(manager) };
	assert_int_equal(reload_server_new(&server, poll, &service, &setup, &why), RELOAD_OK);
	pid_t pid = 0;
	assert_int_equal(reload_client_pid(&pid, path, NULL, soon(), -1, &why), RELOAD_OK);
	assert_int_equal(pid, getpid());
	assert_int_equal(reload_server_group(server), getegid());
	reload_server_free(server);
	assert_int_equal(access(path, F_OK), 0);

	struct reload_client *early = connected(path); /* nobody serves it yet */
	server = NULL;
	setup.passed = dup(manager);
	assert_int_equal(reload_server_new(&server, poll, &service, &setup, &why), RELOAD_OK);
	reload_ms end = soon();
	while (!reload_server_clients(server) && reload_poll_now() < end)
		reload_poll_pass(poll, 100);
	assert_int_equal(reload_server_clients(server), 1);
	reload_client_free(early);

	/* another agent of this name holds the lock: what was passed is closed, and its file stays */
	struct reload_server *second = NULL;
	setup.passed = dup(manager);
	int passed = setup.passed;
	assert_int_equal(reload_server_new(&second, poll, &service, &setup, &why), RELOAD_EXISTS);
	assert_int_equal(fcntl(passed, F_GETFD), -1);
	assert_int_equal(access(path, F_OK), 0);
	reload_server_free(server);
	close(manager);
	reload_poll_free(poll);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_of_its_group_use_a_socket),
		cmocka_unit_test(a_passed_socket_stays),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
