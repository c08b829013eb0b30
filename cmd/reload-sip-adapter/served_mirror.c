/* The registration of the AOR in the overlay: there as long as a device is. */
#include "reload-sip-adapter/served.h"

enum {
	STORE_AGAIN_MS = 5000
};

static void on_expiry(void *arg)
{
	served_mirror(arg);
}

static void on_registered(void *arg, const json_t *result, const struct reload_call_error *error)
{
	struct served *s = arg;
	s->registering = false;
	if (!result && !error)
		return; /* the agent is gone; what it knew with it */
	if (!error) {
		s->registration(s, s->registered ? "registered" : "unregistered", NULL);
		served_mirror(s);
		return;
	}
	s->registration(s, "failed", error);
	s->registered = !s->registered;
	reload_timer_arm(reload_poll_timers(s->poll), &s->again, reload_poll_now() + STORE_AGAIN_MS,
		on_expiry, s);
}

static bool store(struct served *s, bool registered)
{
	s->registered = registered;
	s->registering = served_ask(s, registered ? "sip.register" : "sip.unregister",
		json_pack("{s:s}", "aor", s->user), on_registered, NULL, s);
	return s->registering;
}

void served_mirror(struct served *s)
{
	reload_ms next = reload_sip_bindings_expire(&s->bindings, reload_poll_now());
	struct reload_timers *timers = reload_poll_timers(s->poll);
	reload_timer_cancel(timers, &s->expiry);
	if (next != RELOAD_NEVER)
		reload_timer_arm(timers, &s->expiry, next, on_expiry, s);
	bool wanted = s->bindings.count > 0;
	if (s->state == SERVED_READY && !s->registering && wanted != s->registered)
		(void)store(s, wanted);
}

bool served_leave(struct served *s)
{
	reload_sip_bindings_clear(&s->bindings);
	if (s->registered && s->state == SERVED_READY && !s->registering)
		(void)store(s, false);
	return s->registering;
}
