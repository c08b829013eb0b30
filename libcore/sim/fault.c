#include "sim/fault_internal.h"
#include "sim/stats.h"
#include "util/alloc.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Drawing the faults of a run.  Each source has a sequence of random numbers of its own, given by seed and source (for churn also by node).  So a scenario
 * without one source has the same faults from all others, and a run can be made smaller without becoming another one.
 *
 * Loss, duplicates, slowness, skew and lies are settings of the world: they last from begin to end.
 */

enum {
	MOVE_MS = 40000, /* until the links of a host that has moved are mended */
	WAVE_MS = 1000,  /* in which the peers of a wave crash */
	FIRST_MS = 5000  /* before the first fault, so that values are stored */
};

static const char *const source_names[RELOAD_SIM_SOURCES] = { "churn", "crash", "mass", "partition",
	"cut", "jump", "move", "errors", "full", "script", "freeze", "config", "wave", "crowd",
	"cert" };

/* -- which kinds exist ----------------------------------------------------------------------------------------------------- */

#define FIELD(name)                                                                                \
	offsetof(struct reload_sim_scenario, name), sizeof(((struct reload_sim_scenario *)0)->name)

/*
 * A kind is on when its field is not zero.  With `draw` a seed says of one after the other whether it is on: a new one goes to the end, so that the others
 * stay.
 */
static const struct {
	const char *name;
	size_t at, size;
} kinds[] = {
	{ "loss", FIELD(loss) },
	{ "drop", FIELD(drop) },
	{ "duplicate", FIELD(duplicate) },
	{ "reorder", FIELD(reorder) },
	{ "slow", FIELD(slow) },
	{ "bandwidth", FIELD(bandwidth) },
	{ "skew", FIELD(skew) },
	{ "byzantine", FIELD(byzantine) },
	{ "churn", FIELD(churn) },
	{ "crashes", FIELD(crashes) },
	{ "mass-leave", FIELD(mass_leave) },
	{ "partitions", FIELD(partitions) },
	{ "cuts", FIELD(cuts) },
	{ "jumps", FIELD(jumps) },
	{ "moves", FIELD(moves) },
	{ "disk-errors", FIELD(disk_errors) },
	{ "disk-full", FIELD(disk_full) },
	{ "commit-time", FIELD(commit_time) },
	{ "jobs-time", FIELD(jobs_time) },
	{ "freezes", FIELD(freezes) },
	{ "config-changes", FIELD(config_changes) },
	{ "wave", FIELD(wave) },
	{ "crowd", FIELD(crowd) },
	{ "cert-ends", FIELD(cert_ends) },
};

size_t reload_sim_fault_kinds(void)
{
	return COUNT_OF(kinds);
}

void reload_sim_scenario_without(struct reload_sim_scenario *s, size_t kind)
{
	memset((uint8_t *)s + kinds[kind].at, 0, kinds[kind].size);
	if (!s->skew) /* clocks jump by skew at most */
		s->jumps = 0;
}

bool reload_sim_scenario_has(const struct reload_sim_scenario *s, size_t kind)
{
	static const uint8_t zero[sizeof(uint64_t)];
	const uint8_t *field = (const uint8_t *)s + kinds[kind].at;
	if (field == (const uint8_t *)&s->reorder && s->links == RELOAD_SIM_LINKS_TLS)
		return false; /* only datagrams can be reordered */
	if (field == (const uint8_t *)&s->jumps && !s->skew)
		return false;
	if (field == (const uint8_t *)&s->moves && s->links != RELOAD_SIM_LINKS_ICE)
		return false;
	return memcmp(field, zero, kinds[kind].size) != 0;
}

struct reload_sim_scenario reload_sim_scenario_drawn(
	const struct reload_sim_scenario *scenario, uint64_t seed)
{
	struct reload_sim_scenario s = *scenario;
	size_t there[COUNT_OF(kinds)], count = 0, drawn = 0;
	struct reload_prng r;
	s.draw = false;
	if (!scenario->draw)
		return s;
	reload_prng_seed(&r, reload_prng_hash(seed, 0, 0xd7a3));
	for (size_t k = 0; k < COUNT_OF(kinds); k++)
		if (reload_sim_scenario_has(scenario, k))
			there[count++] = k;
	size_t keep = count ? there[reload_prng_below(&r, count)] : 0;
	bool on[COUNT_OF(kinds)] = { false };
	for (size_t i = 0; i < count; i++)
		drawn += on[there[i]] = reload_prng_below(&r, 2);
	if (count && !drawn)
		on[keep] = true;
	for (size_t k = 0; k < COUNT_OF(kinds); k++)
		if (!on[k])
			reload_sim_scenario_without(&s, k);
	return s;
}

bool reload_sim_node_has(uint64_t seed, uint64_t salt, size_t node, uint32_t share)
{
	return node && reload_prng_hash(seed, salt, node) % 1000000 < share;
}

/* -- rows ---------------------------------------------------------------------------------------------------------------------- */

static void draw_crashes(struct reload_sim_faults *f, const struct reload_sim_scenario *s,
	uint64_t seed, reload_ms from, reload_ms end)
{
	struct reload_prng r;
	size_t count;
	reload_sim_source_seed(&r, seed, RELOAD_SIM_SOURCE_CRASH);
	size_t *peers =
		reload_sim_some_peers(&r, s, seed, RELOAD_SIM_SOURCE_CRASH, s->crashes, &count);
	for (size_t i = 0; i < count; i++) {
		reload_ms at = from + reload_prng_below(&r, end - from);
		reload_ms back =
			at + 1 + (reload_ms)reload_prng_exponential(&r, (double)s->absence);
		bool returns = reload_prng_chance(&r, s->restarts) && back < end;
		struct reload_sim_fault *crash = reload_sim_fault_add(
			f, RELOAD_SIM_FAULT_CRASH, RELOAD_SIM_SOURCE_CRASH, (uint32_t)i, at);
		reload_sim_fault_crash(crash, &r, s, peers[i], returns);
		bool disk = crash->disk;
		if (!returns)
			continue;
		struct reload_sim_fault *restart = reload_sim_fault_add(
			f, RELOAD_SIM_FAULT_RESTART, RELOAD_SIM_SOURCE_CRASH, (uint32_t)i, back);
		restart->node = peers[i];
		restart->disk = disk;
	}
	free(peers);
}

static void draw_mass_leave(struct reload_sim_faults *f, const struct reload_sim_scenario *s,
	uint64_t seed, reload_ms from, reload_ms end)
{
	struct reload_prng r;
	size_t count;
	reload_sim_source_seed(&r, seed, RELOAD_SIM_SOURCE_MASS);
	reload_ms at = from + reload_prng_below(&r, end - from);
	size_t *peers =
		reload_sim_some_peers(&r, s, seed, RELOAD_SIM_SOURCE_MASS, s->mass_leave, &count);
	for (size_t i = 0; i < count; i++)
		reload_sim_fault_add(
			f, RELOAD_SIM_FAULT_LEAVE, RELOAD_SIM_SOURCE_MASS, (uint32_t)i, at)
			->node = peers[i];
	free(peers);
}

static void draw_wave(struct reload_sim_faults *f, const struct reload_sim_scenario *s,
	uint64_t seed, reload_ms from, reload_ms end)
{
	struct reload_prng r;
	size_t count;
	reload_sim_source_seed(&r, seed, RELOAD_SIM_SOURCE_WAVE);
	reload_ms length = WAVE_MS < end - from ? WAVE_MS : end - from;
	reload_ms at = from + reload_prng_below(&r, end - from - length + 1);
	size_t *peers = reload_sim_some_peers(&r, s, seed, RELOAD_SIM_SOURCE_WAVE, s->wave, &count);
	for (size_t i = 0; i < count; i++)
		reload_sim_fault_crash(
			reload_sim_fault_add(f, RELOAD_SIM_FAULT_CRASH, RELOAD_SIM_SOURCE_WAVE,
				(uint32_t)i, at + reload_prng_below(&r, length)),
			&r, s, peers[i], false);
	free(peers);
}

/* Partitions do not overlap: each has a part of the time for itself. */
static void draw_partitions(struct reload_sim_faults *f, const struct reload_sim_scenario *s,
	uint64_t seed, reload_ms from, reload_ms end)
{
	struct reload_prng r;
	reload_sim_source_seed(&r, seed, RELOAD_SIM_SOURCE_PARTITION);
	for (uint64_t i = 0; i < s->partitions; i++) {
		reload_ms part = (end - from) / s->partitions, begin = from + i * part;
		reload_ms length =
			s->partition_time < part * 9 / 10 ? s->partition_time : part * 9 / 10;
		struct reload_sim_fault *fault = reload_sim_fault_add(f, RELOAD_SIM_FAULT_PARTITION,
			RELOAD_SIM_SOURCE_PARTITION, (uint32_t)i,
			begin + reload_prng_below(&r, part - length));
		fault->length = length;
		fault->number = reload_prng_next(&r);
	}
}

static void draw_cuts(struct reload_sim_faults *f, const struct reload_sim_scenario *s,
	uint64_t seed, reload_ms from, reload_ms end)
{
	struct reload_prng r;
	reload_sim_source_seed(&r, seed, RELOAD_SIM_SOURCE_CUT);
	for (uint64_t i = 0; i < s->cuts && s->peers > 1; i++) {
		reload_ms at = from + reload_prng_below(&r, end - from);
		struct reload_sim_fault *fault = reload_sim_fault_add(
			f, RELOAD_SIM_FAULT_CUT, RELOAD_SIM_SOURCE_CUT, (uint32_t)i, at);
		fault->node = reload_prng_below(&r, s->peers);
		fault->other = (fault->node + 1 + reload_prng_below(&r, s->peers - 1)) % s->peers;
		fault->length = s->cut_time < end - at ? s->cut_time : end - at;
	}
}

static void draw_jumps(struct reload_sim_faults *f, const struct reload_sim_scenario *s,
	uint64_t seed, reload_ms from, reload_ms end)
{
	struct reload_prng r;
	reload_sim_source_seed(&r, seed, RELOAD_SIM_SOURCE_JUMP);
	for (uint64_t i = 0; i < s->jumps && s->skew; i++) {
		struct reload_sim_fault *fault =
			reload_sim_fault_add(f, RELOAD_SIM_FAULT_CLOCK, RELOAD_SIM_SOURCE_JUMP,
				(uint32_t)i, from + reload_prng_below(&r, end - from));
		fault->node = reload_prng_below(&r, s->peers);
		fault->number = reload_prng_below(&r, 2 * s->skew + 1) - s->skew;
	}
}

/* What happens for a while to a peer at a time, each drawn: how often, how long, and whether to node 0 as well. */
struct spell {
	enum reload_sim_fault_type type;
	enum reload_sim_source source;
	uint64_t count;
	reload_ms length;
	bool node_0, past_end; /* past_end: it lasts that long in any case */
	bool noticed;          /* with a number: 1 in half of the cases */
};

static void draw_spells(struct reload_sim_faults *f, const struct reload_sim_scenario *s,
	uint64_t seed, const struct spell *what, reload_ms from, reload_ms end)
{
	struct reload_prng r;
	reload_sim_source_seed(&r, seed, what->source);
	size_t first = !what->node_0;
	for (uint64_t i = 0; i < what->count && s->peers > first; i++) {
		reload_ms at = from + reload_prng_below(&r, end - from);
		struct reload_sim_fault *fault =
			reload_sim_fault_add(f, what->type, what->source, (uint32_t)i, at);
		fault->node = first + reload_prng_below(&r, s->peers - first);
		fault->number = what->noticed ? reload_prng_below(&r, 2) : 0;
		fault->length = what->past_end || what->length < end - at ? what->length : end - at;
	}
}

/* The last moves are noticed, and mended, before the end. */
static void draw_all_spells(struct reload_sim_faults *f, const struct reload_sim_scenario *s,
	uint64_t seed, reload_ms from, reload_ms end)
{
	const struct spell spells[] = {
		{ .type = RELOAD_SIM_FAULT_MOVE,
			.source = RELOAD_SIM_SOURCE_MOVE,
			.count = s->moves,
			.length = MOVE_MS,
			.past_end = true,
			.noticed = true },
		{ .type = RELOAD_SIM_FAULT_DISK_ERRORS,
			.source = RELOAD_SIM_SOURCE_ERRORS,
			.count = s->disk_errors,
			.length = s->disk_error_time },
		{ .type = RELOAD_SIM_FAULT_FREEZE,
			.source = RELOAD_SIM_SOURCE_FREEZE,
			.count = s->freezes,
			.length = s->freeze_time,
			.node_0 = true },
	};
	for (size_t i = 0; i < COUNT_OF(spells); i++)
		draw_spells(f, s, seed, &spells[i], from, end);
}

static void draw_disk_full(struct reload_sim_faults *f, const struct reload_sim_scenario *s,
	uint64_t seed, reload_ms from, reload_ms end)
{
	struct reload_prng r;
	size_t count;
	reload_sim_source_seed(&r, seed, RELOAD_SIM_SOURCE_FULL);
	size_t *peers =
		reload_sim_some_peers(&r, s, seed, RELOAD_SIM_SOURCE_FULL, s->disk_full, &count);
	for (size_t i = 0; i < count; i++) {
		reload_ms at = from + reload_prng_below(&r, end - from);
		struct reload_sim_fault *fault = reload_sim_fault_add(
			f, RELOAD_SIM_FAULT_DISK_FULL, RELOAD_SIM_SOURCE_FULL, (uint32_t)i, at);
		fault->node = peers[i];
		fault->length = s->disk_full_time < end - at ? s->disk_full_time : end - at;
	}
	free(peers);
}

static void draw_configs(struct reload_sim_faults *f, const struct reload_sim_scenario *s,
	uint64_t seed, reload_ms from, reload_ms end)
{
	struct reload_prng r;
	reload_sim_source_seed(&r, seed, RELOAD_SIM_SOURCE_CONFIG);
	for (uint64_t i = 0; i < s->config_changes; i++) {
		struct reload_sim_fault *fault =
			reload_sim_fault_add(f, RELOAD_SIM_FAULT_CONFIG, RELOAD_SIM_SOURCE_CONFIG,
				(uint32_t)i, from + reload_prng_below(&r, end - from));
		fault->node = reload_prng_below(&r, s->peers);
	}
}

static int fault_cmp(const void *x, const void *y)
{
	const struct reload_sim_fault *a = x, *b = y;
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->source != b->source)
		return a->source < b->source ? -1 : 1;
	if (a->serial != b->serial)
		return a->serial < b->serial ? -1 : 1;
	return (a->type > b->type) - (a->type < b->type);
}

static void faults_last(struct reload_sim_faults *f)
{
	f->last = f->from;
	for (size_t i = 0; i < f->count; i++)
		if (f->at[i].at + f->at[i].length > f->last)
			f->last = f->at[i].at + f->at[i].length;
}

void reload_sim_faults_draw(struct reload_sim_faults *f, const struct reload_sim_scenario *scenario,
	uint64_t seed, reload_ms from)
{
	struct reload_sim_scenario s = reload_sim_scenario_drawn(scenario, seed);
	*f = (struct reload_sim_faults){ .from = from,
		.loss = s.loss,
		.drop = s.drop,
		.duplicate = s.duplicate,
		.reorder = s.links != RELOAD_SIM_LINKS_TLS ? s.reorder : 0,
		.slow = s.slow,
		.byzantine = s.byzantine,
		.skew = s.skew,
		.commit_time = s.commit_time,
		.jobs_time = s.jobs_time,
		.bandwidth = s.bandwidth };
	reload_ms first = from + (s.duration > 2 * FIRST_MS ? FIRST_MS : s.duration / 4);
	reload_ms end = from + s.duration;
	for (size_t k = 0; k < COUNT_OF(kinds); k++) {
		size_t len = strlen(f->words);
		if (reload_sim_scenario_has(&s, k))
			snprintf(f->words + len, sizeof(f->words) - len, "%s%s", len ? " " : "",
				kinds[k].name);
	}
	reload_sim_draw_churn(f, &s, seed, first, end);
	draw_crashes(f, &s, seed, first, end);
	draw_mass_leave(f, &s, seed, first, end);
	draw_partitions(f, &s, seed, first, end);
	draw_cuts(f, &s, seed, first, end);
	draw_jumps(f, &s, seed, first, end);
	draw_all_spells(f, &s, seed, first, end);
	draw_disk_full(f, &s, seed, first, end);
	draw_configs(f, &s, seed, first, end);
	draw_wave(f, &s, seed, first, end);
	reload_sim_draw_crowd(f, &s, seed, first, end);
	reload_sim_draw_certs(f, &s, seed, first, end);
	if (f->count)
		qsort(f->at, f->count, sizeof(*f->at), fault_cmp);
	faults_last(f);
}

void reload_sim_faults_add(struct reload_sim_faults *f, const struct reload_sim_fault *fault)
{
	size_t len = strlen(f->words);
	if (!strstr(f->words, source_names[RELOAD_SIM_SOURCE_SCRIPT]))
		snprintf(f->words + len, sizeof(f->words) - len, "%s%s", len ? " " : "",
			source_names[RELOAD_SIM_SOURCE_SCRIPT]);
	*reload_sim_fault_add(f, fault->type, fault->source, fault->serial, fault->at) = *fault;
	qsort(f->at, f->count, sizeof(*f->at), fault_cmp);
	faults_last(f);
}

void reload_sim_faults_clear(struct reload_sim_faults *f)
{
	free(f->at);
	*f = (struct reload_sim_faults){ 0 };
}

/* -- names --------------------------------------------------------------------------------------------------------------------- */

void reload_sim_fault_name(const struct reload_sim_fault *fault, char *out, size_t size)
{
	snprintf(out, size, "%s%u", source_names[fault->source], fault->serial);
}

/* Reads one name of a list and moves *at behind it. */
static bool name_read(const char **at, enum reload_sim_source *source, uint32_t *serial)
{
	for (unsigned i = 0; i < RELOAD_SIM_SOURCES; i++) {
		size_t len = strlen(source_names[i]);
		const char *digit = *at + len;
		uint64_t n = 0;
		if (strncmp(*at, source_names[i], len) != 0 || *digit < '0' || *digit > '9')
			continue;
		for (; *digit >= '0' && *digit <= '9'; digit++)
			if ((n = 10 * n + (uint64_t)(*digit - '0')) > UINT32_MAX)
				return false;
		*source = (enum reload_sim_source)i;
		*serial = (uint32_t)n;
		*at = digit;
		return true;
	}
	return false;
}

enum reload_err reload_sim_faults_list_check(const char *text, struct reload_error_text *why)
{
	enum reload_sim_source source;
	uint32_t serial;
	if (!*text || !strcmp(text, "none"))
		return RELOAD_OK;
	for (const char *at = text; name_read(&at, &source, &serial); at++) {
		if (!*at)
			return RELOAD_OK;
		if (*at != ',')
			break;
	}
	reload_error_explain(
		why, RELOAD_USAGE, "the list of faults", "it is not of the form crash3,partition0");
	reload_error_advise(why, "names are churn, crash, mass, partition, cut, jump, move, "
				 "errors, full, script, freeze, config, wave, "
				 "crowd and cert with a number, or `none`");
	return RELOAD_USAGE;
}

static uint64_t name_number(enum reload_sim_source source, uint32_t serial)
{
	return (uint64_t)source << 32 | serial;
}

void reload_sim_faults_only(struct reload_sim_faults *f, const char *list)
{
	if (!list)
		return;
	uint64_t *names = NULL;
	size_t count = 0, cap = 0, left = 0;
	enum reload_sim_source source;
	uint32_t serial;
	for (const char *at = list; name_read(&at, &source, &serial); at += *at == ',') {
		reload_grow(&names, &cap, count, sizeof(*names));
		names[count++] = name_number(source, serial);
	}
	if (count)
		qsort(names, count, sizeof(*names), reload_sim_number_order);
	for (size_t i = 0; i < f->count; i++) {
		uint64_t name = name_number(f->at[i].source, f->at[i].serial);
		if (count && bsearch(&name, names, count, sizeof(name), reload_sim_number_order))
			f->at[left++] = f->at[i];
	}
	f->count = left;
	faults_last(f);
	free(names);
}
