#include "engine/engine.h"

/* The names of events and counters, as they stand in events.def and counters.def. */

static const struct {
	const char *name, *part, *text;
	enum reload_event_level level;
} events[] = {
#define X(NAME, name, part, level, text)                                                           \
	[RELOAD_EV_##NAME] = { #name, #part, text, RELOAD_LEVEL_##level },
#include "engine/events.def"
#undef X
};

static const char *const counters[] = {
#define X(NAME, name) [RELOAD_COUNT_##NAME] = #name,
#include "engine/counters.def"
#undef X
};

const char *reload_event_name(enum reload_event_type type)
{
	return events[type].name;
}

const char *reload_event_part(enum reload_event_type type)
{
	return events[type].part;
}

const char *reload_event_text(enum reload_event_type type)
{
	return events[type].text;
}

enum reload_event_level reload_event_level(enum reload_event_type type)
{
	return events[type].level;
}

const char *reload_counter_name(enum reload_counter counter)
{
	return counters[counter];
}
