/*
 * What a simulation is to be: a flat list of settings, `key = value` in a file, `--key value` on the command line.  One table
 * (sim/scenario.def) says for each key its type, bounds, default and meaning; parser, --help, manual and report read it.
 */
#pragma once

#include "util/clock.h"
#include "util/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fields are named like their keys, with _ for -. */
struct reload_sim_scenario {
#define COUNT(name, key, low, high, def, words)  uint64_t name;
#define TIME(name, key, low, high, def, words)   reload_ms name;
#define SHARE(name, key, low, high, def, words)  uint32_t name; /* per million */
#define NUMBER(name, key, low, high, def, words) double name;
#define CHOICE(name, key, choices, def, words)                                                     \
	unsigned name; /* index into choices, which are separated by | */
#define FLAG(name, key, def, words) bool name;
#include "sim/scenario.def"
#undef COUNT
#undef TIME
#undef SHARE
#undef NUMBER
#undef CHOICE
#undef FLAG
};

/* Order of the choices in scenario.def. */
enum reload_sim_growth {
	RELOAD_SIM_GROW_STEADY,
	RELOAD_SIM_GROW_MASS,
	RELOAD_SIM_GROW_ONE
};
enum reload_sim_sessions {
	RELOAD_SIM_SESSIONS_NONE,
	RELOAD_SIM_SESSIONS_EXPONENTIAL,
	RELOAD_SIM_SESSIONS_WEIBULL
};

/* reload_sim_scenario_init() fills in the defaults. */
void reload_sim_scenario_init(struct reload_sim_scenario *s);
/*
 * reload_sim_scenario_set() sets one key from text: RELOAD_UNKNOWN_OPTION-like error through why (unknown key: names the nearest),
 * or a value that does not fit its type or bounds.
 */
enum reload_err reload_sim_scenario_set(struct reload_sim_scenario *s, const char *key,
	const char *value, struct reload_why *why) MUST_CHECK;
/* reload_sim_scenario_read() applies a file's text (name is for messages: "name:LINE: ..."); bounded, hostile. */
enum reload_err reload_sim_scenario_read(struct reload_sim_scenario *s, const char *text,
	size_t len, const char *name, struct reload_why *why) MUST_CHECK;
/* reload_sim_scenario_check() tells what cannot be together: more crashes than peers, no time to heal. */
enum reload_err reload_sim_scenario_check(
	const struct reload_sim_scenario *s, struct reload_why *why) MUST_CHECK;
/* reload_sim_scenario_text() appends the settings that differ from the defaults as command line options. */
void reload_sim_scenario_options(const struct reload_sim_scenario *s, char *out, size_t size);

/* One key, as help and manual show it. */
struct reload_sim_key {
	const char *key, *type, *bounds, *def, *words;
};
/* reload_sim_keys() returns all keys in the table's order; count is set. */
const struct reload_sim_key *reload_sim_keys(size_t *count);
