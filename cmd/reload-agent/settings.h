/* The settings of `reload-agent run`: option, environment, file, default, in this order (cli.md s2). */
#pragma once

#include "common/options.h"
#include "util/alloc.h"

/* One setting of `run` with its value and where it comes from. */
struct agent_setting {
	const char *key;    /* long option */
	const char *value;  /* borrowed */
	const char *origin; /* "option", "environment", a file name, "default" */
};

struct agent_settings;

/* The options of `run`; keys of agent.conf are their long names. */
extern const struct cli_opt agent_run_opts[];

/*
 * agent_settings_new() gathers every setting of cli and agent.conf (owned).  RELOAD_USAGE with file and line for a key
 * that does not exist, RELOAD_IO for a file that cannot be read.
 */
enum reload_err agent_settings_new(struct agent_settings **out, const struct cli *cli,
	struct reload_error_text *why) MUST_CHECK;
void agent_settings_free(struct agent_settings *s);
AUTO_DEFINE(agent_settings)

/* agent_setting_value() returns the value (of several the i-th), NULL when there is none. */
const char *agent_setting_value(const struct agent_settings *s, const char *key, size_t i);
bool agent_setting_on(const struct agent_settings *s, const char *key);

/*
 * agent_settings_json() is the list (owned) of all settings that there are, with their values and origins, in the order of
 * the options; a setting without a value has null, and the origin "default".
 */
json_t *agent_settings_json(const struct agent_settings *s);

/* agent_setting_links() reads links as RELOAD_LINK_BIT()s, agent_setting_rate() diagnostics-rate; RELOAD_USAGE with why. */
enum reload_err agent_setting_links(
	unsigned *types, const struct agent_settings *s, struct reload_error_text *why) MUST_CHECK;
enum reload_err agent_setting_rate(
	unsigned *out, const struct agent_settings *s, struct reload_error_text *why) MUST_CHECK;
