#include "common/home.h"

#include "control/local_socket_io.h"
#include "util/alloc.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	NAMES_MAX = 4096,
	NAME_LEN_MAX = 64
};

/* join() returns a/b/c (owned) without empty parts. */
static char *join(const char *a, const char *b, const char *c)
{
	size_t size = strlen(a) + strlen(b) + strlen(c) + 3;
	char *out = reload_alloc(size);
	snprintf(out, size, "%s%s%s%s%s", a, *b ? "/" : "", b, *c ? "/" : "", c);
	return out;
}

/* user_path() returns (owned) the directory of an ordinary user: $variable, else one in the home directory. */
static char *user_path(const char *variable, const char *below_home, const char *rest)
{
	const char *xdg = getenv(variable), *home = getenv("HOME");
	if (xdg && *xdg == '/')
		return join(xdg, "reload", rest);
	if (!home || *home != '/')
		return NULL;
	char *base = join(home, below_home, "reload");
	char *out = join(base, rest, "");
	free(base);
	return out;
}

/*
 * Names of overlays, instances and identities may come from other people: one with ".." must not lead to another
 * directory.
 */
static bool leads_out(const char *rest)
{
	for (const char *part = rest; *part;) {
		size_t n = strcspn(part, "/");
		if ((n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.') ||
			(!n && *part))
			return true;
		part += n + (part[n] == '/');
	}
	return false;
}

enum reload_err cli_path(
	char **out, enum cli_place place, const char *rest, struct reload_error_text *why)
{
	static const struct {
		const char *own, *root, *variable, *below_home;
	} places[] = {
		[CLI_CONFIG] = { "etc", "/etc/reload", "XDG_CONFIG_HOME", ".config" },
		[CLI_STATE] = { "state", "/var/lib/reload", "XDG_STATE_HOME", ".local/state" },
		[CLI_RUN] = { "run", "/run/reload", "XDG_RUNTIME_DIR", ".local/state/run" },
	};
	const char *home = getenv("RELOAD_HOME");
	char *path;
	if (leads_out(rest))
		return reload_error_explain(why, RELOAD_USAGE, "not a name",
			"%.200s: a name has no /, and is not . or ..", rest);
	if (home && *home)
		path = join(home, places[place].own, rest);
	else if (geteuid() == 0)
		path = join(places[place].root, rest, "");
	else
		path = user_path(places[place].variable, places[place].below_home, rest);
	if (!path) {
		enum reload_err err = reload_error_explain(why, RELOAD_FAILED,
			"no place for files is known", "neither RELOAD_HOME nor %s nor HOME is set",
			places[place].variable);
		reload_error_advise(why, "export RELOAD_HOME=DIR");
		return err;
	}
	*out = path;
	return RELOAD_OK;
}

const char *cli_path_show(const char *path)
{
	char cwd[4096];
	if (!getcwd(cwd, sizeof(cwd)))
		return path;
	size_t n = strlen(cwd);
	return n > 1 && !strncmp(path, cwd, n) && path[n] == '/' && path[n + 1] ? path + n + 1
										: path;
}

bool cli_name_valid(const char *name)
{
	size_t n =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@+");
	/* INSTANCE-ro.sock is the socket of INSTANCE that only reads */
	bool read_only = n >= 3 && memcmp(name + n - 3, "-ro", 3) == 0;
	return n && n <= NAME_LEN_MAX && !name[n] && name[0] != '.' && name[0] != '-' && !read_only;
}

enum reload_err cli_socket_path(
	char **out, const char *instance, bool read_only, struct reload_error_text *why)
{
	char file[NAME_LEN_MAX + 16], *path = NULL;
	if (!cli_name_valid(instance))
		return reload_error_explain(why, RELOAD_USAGE, "not a name of an instance",
			"%.80s: letters, digits and - _ . @ + are possible, 64 at most, without "
			"-ro at "
			"the end",
			instance);
	snprintf(file, sizeof(file), "%s%s.sock", instance, read_only ? "-ro" : "");
	enum reload_err err = cli_path(&path, CLI_RUN, file, why);
	if (!err && strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		err = reload_error_explain(why, RELOAD_USAGE,
			"the path of the control socket is too long",
			"%.300s has %zu bytes, a socket may have %zu", path, strlen(path),
			sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
		reload_error_advise(why, "export RELOAD_HOME=DIR with a shorter DIR");
		free(path);
	}
	if (!err)
		*out = path;
	return err;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **cli_list(const char *dir, const char *within, size_t *count)
{
	char **names = NULL;
	size_t cap = 0;
	DIR *d = opendir(dir);
	struct dirent *entry;
	*count = 0;
	while (d && (entry = readdir(d)) && *count < NAMES_MAX) {
		if (entry->d_name[0] == '.')
			continue;
		char *path = join(dir, entry->d_name, within ? within : "");
		if (!access(path, F_OK)) {
			reload_grow(&names, &cap, *count, sizeof(*names));
			names[(*count)++] = reload_strdup(entry->d_name);
		}
		free(path);
	}
	if (d)
		closedir(d);
	if (*count)
		qsort(names, *count, sizeof(*names), compare);
	return names;
}

void cli_names_free(char **names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
}

/* answers() returns whether a process listens on the socket at path. */
static bool answers(const char *path)
{
	struct sockaddr_un to;
	if (!reload_local_address(&to, path))
		return false;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	/* EAGAIN: a process listens, but its queue is full */
	bool live = !connect(fd, (struct sockaddr *)&to, sizeof(to)) || errno == EAGAIN;
	close(fd);
	return live;
}

/* instance_of() removes ".sock" from the name; false for other files and for read-only sockets. */
static bool instance_of(char *file)
{
	size_t n = strlen(file);
	if (n <= 5 || strcmp(file + n - 5, ".sock") != 0)
		return false;
	file[n - 5] = 0;
	return n <= 8 || strcmp(file + n - 8, "-ro") != 0;
}

char **cli_instances(size_t *count)
{
	char *dir = NULL;
	size_t all = 0, live = 0;
	*count = 0;
	if (cli_path(&dir, CLI_RUN, "", NULL))
		return NULL;
	char **names = cli_list(dir, NULL, &all);
	for (size_t i = 0; i < all; i++) {
		char *path = join(dir, names[i], "");
		if (instance_of(names[i]) && answers(path))
			names[live++] = names[i];
		else
			free(names[i]);
		free(path);
	}
	free(dir);
	*count = live;
	return names;
}

static enum reload_err several(char **names, size_t count, struct reload_error_text *why)
{
	char list[400] = "";
	for (size_t i = 0; i < count; i++) {
		size_t used = strlen(list);
		snprintf(list + used, sizeof(list) - used, "%s%s", i ? ", " : "", names[i]);
	}
	enum reload_err err = reload_error_explain(why, RELOAD_USAGE,
		"several agents are running and none is named", "running: %s", list);
	reload_error_advise(why, "--agent %s, or export RELOAD_AGENT=%s", names[0], names[0]);
	return err;
}

/* only_instance() returns the socket of the only running instance, for a command line that names no agent. */
static enum reload_err only_instance(char **out, struct reload_error_text *why)
{
	size_t count = 0;
	char **names = cli_instances(&count), *dir = NULL;
	enum reload_err err;
	if (count == 1) {
		err = cli_socket_path(out, names[0], false, why);
	} else if (count) {
		err = several(names, count, why);
	} else {
		err = cli_path(&dir, CLI_RUN, "", why);
		if (!err)
			err = reload_error_explain(why, RELOAD_NO_AGENT, "no agent is running",
				"no control socket answers in %s", dir);
		reload_error_advise(why, "reload-agent -I NAME");
	}
	free(dir);
	cli_names_free(names, count);
	return err;
}

enum reload_err cli_agent_of(char **out, const char *name, struct reload_error_text *why)
{
	if (!name)
		return only_instance(out, why);
	if (!strchr(name, '/'))
		return cli_socket_path(out, name, false, why);
	*out = reload_strdup(name);
	return RELOAD_OK;
}

char *cli_agent_at(const char *path)
{
	const char *name = strrchr(path, '/');
	char *only = reload_strdup(name ? name + 1 : path);
	instance_of(only);
	return only;
}
