/*
 * A scenario: the settings of a simulation, as `key = value` in a file or `--key value` on the command line.  One table (sim/scenario.def) has the type,
 * bounds, default and meaning of each key; the parser, --help, the manual page and reports use it.
 */
#pragma once

#include "util/clock.h"
#include "util/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Fields are named like their keys, with _ for -; quiet is quiet-time, since every program has an option --quiet. */
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

/* In the order of the choices in scenario.def. */
enum reload_sim_growth {
	RELOAD_SIM_GROW_STEADY,
	RELOAD_SIM_GROW_MASS,
	RELOAD_SIM_GROW_ONE
};
enum reload_sim_sessions {
	RELOAD_SIM_SESSIONS_NONE,
	RELOAD_SIM_SESSIONS_EXPONENTIAL,
	RELOAD_SIM_SESSIONS_WEIBULL,
	RELOAD_SIM_SESSIONS_PARETO
};

/* reload_sim_scenario_growth() returns how long a steady growth takes. */
reload_ms reload_sim_scenario_growth(const struct reload_sim_scenario *s);
/* reload_sim_scenario_crowd() returns the number of the first peer of the crowd; the others before it take part in the growth. */
size_t reload_sim_scenario_crowd(const struct reload_sim_scenario *s);

/* reload_sim_scenario_init() fills in the defaults. */
void reload_sim_scenario_init(struct reload_sim_scenario *s);
/*
 * reload_sim_scenario_set() sets one key from text.  RELOAD_USAGE, with why, for an unknown key (the hint is the most similar one) and for a
 * value that does not fit the type or the bounds.  Shares are "5%", times "1h30m".
 */
enum reload_err reload_sim_scenario_set(struct reload_sim_scenario *s, const char *key,
	const char *value, struct reload_error_text *why) MUST_CHECK;
/*
 * reload_sim_scenario_read() applies the text of a file, `key = value` in each line, # begins a comment.  RELOAD_USAGE, RELOAD_LIMIT
 * with why; name is for messages: "name:LINE: ...".
 */
enum reload_err reload_sim_scenario_read(struct reload_sim_scenario *s, const char *text,
	size_t len, const char *name, struct reload_error_text *why) MUST_CHECK;
/* reload_sim_scenario_check() returns RELOAD_USAGE, with why, for settings that cannot be combined. */
enum reload_err reload_sim_scenario_check(
	const struct reload_sim_scenario *s, struct reload_error_text *why) MUST_CHECK;
/*
 * reload_sim_scenario_idle() fills out with sentences (static) about settings that have no effect, or a different one, together with others;
 * returns how many.
 */
size_t reload_sim_scenario_idle(const struct reload_sim_scenario *s, const char **out, size_t max);
/* reload_sim_scenario_options() writes the settings that differ from the defaults as command line options. */
enum {
	RELOAD_SIM_OPTIONS_TEXT = 4096
};
void reload_sim_scenario_options(const struct reload_sim_scenario *s, char *out, size_t size);

enum {
	RELOAD_SIM_KEYS_MAX = 80,
	RELOAD_SIM_VALUE_TEXT = 64
};

/* A key as --help and the manual page show it.  type: COUNT, TIME, PCT, NUMBER, or the possible words: "lan|wan|mobile". */
struct reload_sim_key {
	const char *key, *type, *words;
	char bounds[2 * RELOAD_SIM_VALUE_TEXT + 8], def[RELOAD_SIM_VALUE_TEXT];
};
/* reload_sim_keys() fills out with all keys in the table's order; returns how many. */
size_t reload_sim_keys(struct reload_sim_key out[RELOAD_SIM_KEYS_MAX]);
/* reload_sim_scenario_text() writes the value of the key with index i as reload_sim_scenario_set() reads it. */
void reload_sim_scenario_text(
	const struct reload_sim_scenario *s, size_t i, char out[RELOAD_SIM_VALUE_TEXT]);
/*
 * reload_sim_scenario_number() is the value of the key with index i as a number for a plot: times in seconds, shares in percent.  False for
 * choices and flags.
 */
bool reload_sim_scenario_number(const struct reload_sim_scenario *s, size_t i, double *out);
