#include "complete.h"

#include "common/call.h"
#include "log.h"
#include "peer/peer.h"

#include <stdio.h>
#include <string.h>

static void offer_states(const struct cli_typed *typed)
{
	for (int s = 0; s <= RELOAD_STATE_STOPPED; s++)
		cli_offer(typed, reload_state_name((enum reload_state)s), NULL);
}

static void offer_types(const struct cli_typed *typed)
{
	for (int type = 0; type < RELOAD_EVENTS; type++)
		cli_offer(typed, reload_event_name((enum reload_event_type)type),
			reload_event_text((enum reload_event_type)type));
}

/* offer_levels() offers "LEVEL" and "PART=", and after the = the levels of the part. */
static void offer_levels(struct cli_typed typed)
{
	char part[32];
	const char *name, *value = cli_typed_value(&typed), *equals = strchr(value, '=');
	if (equals)
		typed.before += (size_t)(equals + 1 - value);
	for (int level = RELOAD_LEVEL_ERROR; level <= RELOAD_LEVEL_TRACE; level++)
		cli_offer(&typed, agent_level_name((enum reload_event_level)level), NULL);
	for (size_t i = 0; !equals && (name = agent_log_part(i)); i++) {
		snprintf(part, sizeof(part), "%s=", name);
		cli_offer(&typed, part, NULL);
	}
}

void agent_complete(struct cli *cli, const char *what, const struct cli_typed *typed)
{
	if (!strcmp(what, "states"))
		offer_states(typed);
	else if (!strcmp(what, "types"))
		offer_types(typed);
	else if (!strcmp(what, "levels"))
		offer_levels(*typed);
	else
		cli_complete_agent(cli, what, typed);
}
