#include "engine/engine.h"

/* The names of events and counters, as they stand in events.def and counters.def. */

static const struct {
	const char *name, *words;
	enum reload_event_level level;
} events[] = {
#define X(name, level, words) [RELOAD_EV_##name] = { #name, words, RELOAD_LEVEL_##level },
#include "engine/events.def"
#undef X
};

static const char *const counters[] = {
#define X(name) [RELOAD_COUNT_##name] = #name,
#include "engine/counters.def"
#undef X
};

const char *reload_event_name(enum reload_event_type type)
{
	return events[type].name;
}

const char *reload_event_words(enum reload_event_type type)
{
	return events[type].words;
}

enum reload_event_level reload_event_level(enum reload_event_type type)
{
	return events[type].level;
}

const char *reload_counter_name(enum reload_counter counter)
{
	return counters[counter];
}
