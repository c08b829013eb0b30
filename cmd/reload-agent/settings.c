#include "settings.h"

#include "link/links_io.h"
#include "common/files.h"
#include "common/home.h"
#include "util/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	CONF_MAX = 65536
};

/* clang-format off */
const struct cli_opt agent_run_opts[] = {
	{ 'I', "identity", "NAME|DIR", "credentials: certificate, key and configuration of this node" },
	{ 0, "instance", "NAME", "name of this agent (default: that of the identity)" },
	{ 0, "config", "FILE", "overlay configuration document (default: the identity's)" },
	{ 'l', "listen", "ADDR:PORT", "take links here; port 0 picks one (default: port 6084 on every address)", true },
	{ 0, "links", "tls|dtls|both", "link types that are offered and dialled (default both)" },
	{ 0, "bootstrap", "HOST[:PORT]", "a further bootstrap node: an address or a host name", true },
	{ 0, "discover", "mdns|multicast", "find nodes on the local network, and let this one be found there", true },
	{ 0, "advertise", "HOST[:PORT]", "a further address at which others reach this node", true },
	{ 0, "turn-server", "URL", "offer the TURN server beside this agent: turn:HOST[:PORT][?transport=udp|tcp]" },
	{ 0, "turn-credentials", "FILE", "secret of the overlay's TURN servers (default: the identity's turn-secret)" },
	{ 0, "relay-only", NULL, "links go through TURN servers alone: no own address is told to others" },
	{ 0, "pseudonym", NULL, "the certificate is a pseudonym, for anonymous calls: with --relay-only, and nothing is registered" },
	{ 0, "role", "peer|client", "take part in the ring, or only use it (default peer)" },
	{ 0, "no-join", NULL, "start detached; reload-join joins" },
	{ 0, "first", NULL, "form a ring alone when no bootstrap node answers" },
	{ 0, "store-limit", "SIZE", "most bytes of stored values (default 64M)" },
	{ 0, "store-path", "DIR", "where stored values are kept (default: the instance's state)" },
	{ 0, "diagnostics-rate", "N", "diagnostic requests of one node that are answered in a second, 1 to 1000 (default 10)" },
	{ 0, "metrics", "ADDR:PORT|PATH", "serve OpenMetrics over HTTP there, at /metrics (default: nowhere)" },
	{ 0, "log-level", "LEVEL[,PART=LEVEL]", "error, warn, info, debug or trace (default info)" },
	{ 0, "log-to", "auto|journal|stderr|FILE", "where the log goes; auto: the journal under systemd, else stderr (default auto)" },
	{ 0, "socket-group", "GROUP", "members of GROUP may use the control sockets (default: this user and root alone)" },
	{ 0, "ready-fd", "N", "write a line to open descriptor N when ready" },
	{ 0, "print-config", NULL, "print each setting with its origin, and end" },
	CLI_END
};
/* clang-format on */

/* The defaults. */
static const struct {
	const char *key, *value;
} defaults[] = { { "links", "both" }, { "role", "peer" }, { "store-limit", "64M" },
	{ "diagnostics-rate", "10" }, { "log-level", "info" }, { "log-to", "auto" } };

static const struct {
	const char *key, *variable;
} variables[] = { { "log-level", "RELOAD_LOG" } };

struct agent_settings {
	struct agent_setting *at;
	size_t count, cap;
	char *file, *file_name; /* the text of agent.conf, split into strings; its path */
};

static void add(struct agent_settings *s, const char *key, const char *value, const char *origin)
{
	reload_grow(&s->at, &s->cap, s->count, sizeof(*s->at));
	s->at[s->count++] = (struct agent_setting){ .key = key, .value = value, .origin = origin };
}

static const struct cli_opt *opt_of(const char *key)
{
	for (const struct cli_opt *o = agent_run_opts; o->name; o++)
		if (!strcmp(o->name, key))
			return o;
	return NULL;
}

/*
 * is_setting() returns whether the option is a setting of the agent, and does not ask for something else, such as
 * --help.
 */
static bool is_setting(const struct cli_opt *o)
{
	return strcmp(o->name, "print-config") != 0;
}

static char *trim(char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	size_t n = strlen(s);
	while (n && (s[n - 1] == ' ' || s[n - 1] == '\t' || s[n - 1] == '\r'))
		s[--n] = 0;
	return s;
}

/* One line of agent.conf: "key = value", "# comment" or nothing. */
static enum reload_err conf_line(struct agent_settings *s, char *line, unsigned number,
	bool (*wanted)(const struct cli *, const char *), const struct cli *cli,
	struct reload_error_text *why)
{
	char *key = trim(line), *equals = strchr(key, '=');
	if (!*key || *key == '#')
		return RELOAD_OK;
	if (!equals)
		return reload_error_explain(why, RELOAD_USAGE, s->file_name,
			"line %u: not of the form key = value", number);
	*equals = 0;
	key = trim(key);
	const struct cli_opt *opt = opt_of(key);
	if (!opt || !is_setting(opt))
		return reload_error_explain(why, RELOAD_USAGE, s->file_name,
			"line %u: no such setting: %s", number, key);
	char *value = trim(equals + 1);
	if (!opt->arg && strcmp(value, "true") && strcmp(value, "false"))
		return reload_error_explain(why, RELOAD_USAGE, s->file_name,
			"line %u: %s is true or false", number, key);
	if (wanted(cli, opt->name) && (opt->arg || !strcmp(value, "true")))
		add(s, opt->name, opt->arg ? value : "true", s->file_name);
	return RELOAD_OK;
}

static bool not_given(const struct cli *cli, const char *key)
{
	for (size_t i = 0; i < COUNT_OF(variables); i++)
		if (!strcmp(variables[i].key, key) && getenv(variables[i].variable))
			return false;
	return !cli_has(cli, key);
}

static enum reload_err conf_read(
	struct agent_settings *s, const struct cli *cli, struct reload_error_text *why)
{
	uint8_t *bytes;
	size_t len;
	char *path;
	if (cli_path(&path, CLI_CONFIG, "agent.conf", why))
		return RELOAD_OK; /* no directory of configuration is known: there is no file */
	if (access(path, F_OK) && errno == ENOENT) {
		free(path);
		return RELOAD_OK;
	}
	s->file_name = path;
	enum reload_err err = cli_file_read(&bytes, &len, path, CONF_MAX, cli->deadline, why);
	if (err)
		return err;
	s->file = (char *)bytes;
	unsigned number = 0;
	char *text = (char *)reload_text_start(span_of(bytes, len)).at;
	for (char *line = text, *end; !err && line; line = end) {
		if ((end = strchr(line, '\n')))
			*end++ = 0;
		err = conf_line(s, line, ++number, not_given, cli, why);
	}
	return err;
}

enum reload_err agent_settings_new(
	struct agent_settings **out, const struct cli *cli, struct reload_error_text *why)
{
	struct agent_settings *s = RELOAD_NEW(agent_settings);
	for (const struct cli_opt *o = agent_run_opts; o->name; o++) {
		if (cli_has(cli, o->name) && !o->arg)
			add(s, o->name, "true", "option");
		for (size_t i = 0; o->arg && i < cli_count(cli, o->name); i++)
			add(s, o->name, cli_value_at(cli, o->name, i), "option");
	}
	for (size_t i = 0; i < COUNT_OF(variables); i++)
		if (!cli_has(cli, variables[i].key) && getenv(variables[i].variable))
			add(s, variables[i].key, getenv(variables[i].variable), "environment");
	enum reload_err err = conf_read(s, cli, why);
	if (err) {
		agent_settings_free(s);
		return err;
	}
	for (size_t i = 0; i < COUNT_OF(defaults); i++)
		if (!agent_setting_value(s, defaults[i].key, 0))
			add(s, defaults[i].key, defaults[i].value, "default");
	*out = s;
	return RELOAD_OK;
}

void agent_settings_free(struct agent_settings *s)
{
	if (!s)
		return;
	free(s->at);
	free(s->file);
	free(s->file_name);
	free(s);
}

const char *agent_setting_value(const struct agent_settings *s, const char *key, size_t i)
{
	for (size_t k = 0; k < s->count; k++)
		if (!strcmp(s->at[k].key, key) && !i--)
			return s->at[k].value;
	return NULL;
}

bool agent_setting_on(const struct agent_settings *s, const char *key)
{
	return agent_setting_value(s, key, 0) != NULL;
}

enum reload_err agent_setting_links(
	unsigned *types, const struct agent_settings *s, struct reload_error_text *why)
{
	const char *text = agent_setting_value(s, "links", 0);
	static const struct {
		const char *name;
		unsigned types;
	} choices[] = { { "both", RELOAD_LINK_NO_ICE },
		{ "tls", RELOAD_LINK_BIT(RELOAD_TLS_TCP_FH_NO_ICE) },
		{ "dtls", RELOAD_LINK_BIT(RELOAD_DTLS_UDP_SR_NO_ICE) } };
	for (size_t i = 0; i < COUNT_OF(choices); i++)
		if (!strcmp(text, choices[i].name)) {
			*types = choices[i].types;
			return RELOAD_OK;
		}
	return reload_error_explain(why, RELOAD_USAGE, text, "--links is tls, dtls or both");
}

enum reload_err agent_setting_rate(
	unsigned *out, const struct agent_settings *s, struct reload_error_text *why)
{
	const char *text = agent_setting_value(s, "diagnostics-rate", 0);
	enum {
		RATE_MAX = 1000
	};
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	if (*end || text[strspn(text, "0123456789")] || n < 1 || n > RATE_MAX)
		return reload_error_explain(why, RELOAD_USAGE, text,
			"--diagnostics-rate takes a number from 1 to %d", RATE_MAX);
	*out = (unsigned)n;
	return RELOAD_OK;
}

static void list_one(json_t *list, const char *key, const char *value, const char *origin)
{
	json_array_append_new(
		list, json_pack("{s:s, s:s?, s:s}", "key", key, "value", value, "origin", origin));
}

json_t *agent_settings_json(const struct agent_settings *s)
{
	json_t *list = json_array();
	for (const struct cli_opt *o = agent_run_opts; o->name; o++) {
		bool any = false;
		if (!is_setting(o))
			continue;
		for (size_t i = 0; i < s->count; i++)
			if (!strcmp(s->at[i].key, o->name)) {
				list_one(list, o->name, s->at[i].value, s->at[i].origin);
				any = true;
			}
		if (!any)
			list_one(list, o->name, o->arg ? NULL : "false", "default");
	}
	return list;
}
