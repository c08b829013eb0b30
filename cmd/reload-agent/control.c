#include "control.h"

#include "common/home.h"
#include "common/passed.h"

#include <errno.h>
#include <grp.h>
#include <stdlib.h>

enum {
	ALL,
	READ_ONLY,
	SOCKETS
};

static bool group_read(gid_t *out, const char *name)
{
	const struct group *group = getgrnam(name);
	char *end;
	errno = 0;
	unsigned long number = strtoul(name, &end, 10);
	bool numeric = name[0] >= '0' && name[0] <= '9' && !*end && !errno && number < UINT32_MAX;
	if (group || numeric)
		*out = group ? group->gr_gid : (gid_t)number;
	return group || numeric;
}

enum reload_err host_control_prepare(
	struct host *h, const struct agent_settings *s, struct reload_error_text *why)
{
	const char *name = agent_setting_value(s, "socket-group", 0);
	if (!name)
		return RELOAD_OK;
	if (!group_read(&h->socket_group, name)) {
		reload_error_explain(why, RELOAD_USAGE, name,
			"--socket-group takes the name or the number of a group");
		reload_error_advise(why, "getent group");
		return RELOAD_USAGE;
	}
	if (!h->socket_group)
		return reload_error_explain(why, RELOAD_USAGE, name,
			"root uses every control socket without --socket-group");
	return RELOAD_OK;
}

static enum reload_err open_at(
	struct host *h, char *const paths[SOCKETS], struct reload_error_text *why)
{
	int passed[SOCKETS];
	enum reload_err err = cli_passed_sockets(passed, (const char *const *)paths, SOCKETS, why);
	if (err)
		return err;
	struct reload_server_setup setup = { .path = paths[ALL],
		.read_only_path = paths[READ_ONLY],
		.passed = passed[ALL],
		.read_only_passed = passed[READ_ONLY],
		.group = h->socket_group };
	return agent_rpc_new(&h->agent, &setup, why);
}

enum reload_err host_control_start(struct host *h, struct reload_error_text *why)
{
	char *paths[SOCKETS] = { NULL };
	enum reload_err err = cli_socket_path(&paths[ALL], h->agent.instance, false, why);
	if (!err)
		err = cli_socket_path(&paths[READ_ONLY], h->agent.instance, true, why);
	if (!err)
		err = open_at(h, paths, why);
	free(paths[ALL]);
	free(paths[READ_ONLY]);
	return err;
}
