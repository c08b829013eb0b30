#include "replica/internal.h"

void reload_expiry_look(void *arg)
{
	struct reload_replica *rep = arg;
	reload_utc next = rep->storage->ops->expire(rep->storage, rep->engine->wall);
	reload_ms wait = next == RELOAD_NEVER || next > rep->engine->wall + 60 * RELOAD_SECOND
				 ? 60 * RELOAD_SECOND
				 : 0;
	if (!wait)
		wait = next > rep->engine->wall ? next - rep->engine->wall : RELOAD_SECOND;
	if (next != RELOAD_NEVER)
		reload_timer_arm(&rep->engine->timers, &rep->expiry, rep->engine->now + wait,
			reload_expiry_look, rep);
}
