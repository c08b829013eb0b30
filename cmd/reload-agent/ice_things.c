/* The three kinds of things that are made by ICE, as those who want them name them. */
#include "ice_internal.h"

static struct ice_thing link_of(uint32_t number)
{
	return (struct ice_thing){ .number = number };
}

static struct ice_thing app_of(uint32_t number)
{
	return (struct ice_thing){ .type = ICE_THING_APP, .number = number };
}

static struct ice_thing media_of(uint32_t number)
{
	return (struct ice_thing){ .type = ICE_THING_MEDIA, .number = number };
}

void host_ice_gather(void *host, uint32_t link, bool controlling)
{
	ice_gather(host, link_of(link), controlling);
}

void host_ice_gather_app(struct host *h, uint32_t app, bool controlling, bool packets)
{
	struct ice_thing of = app_of(app);
	of.packets = packets;
	ice_gather(h, of, controlling);
}

void host_ice_gather_media(struct host *h, uint32_t number, bool controlling, bool relay_only,
	const struct ice_media_ops *ops)
{
	struct ice_thing of = media_of(number);
	of.relay_only = relay_only;
	h->ice->media = ops;
	ice_gather(h, of, controlling);
}

void host_ice_gathered(void *host, uint32_t link, const struct reload_ice_found *found)
{
	ice_gathered(host, link_of(link), found);
}

void host_ice_gathered_app(struct host *h, uint32_t app, const struct reload_ice_found *found)
{
	ice_gathered(h, app_of(app), found);
}

void host_ice_gathered_media(struct host *h, uint32_t number, const struct reload_ice_found *found)
{
	ice_gathered(h, media_of(number), found);
}

void host_ice_check(void *host, uint32_t link, struct span ufrag, struct span password,
	const struct reload_ice_candidate *candidates, size_t count)
{
	ice_check(host, link_of(link), ufrag, password, candidates, count);
}

void host_ice_check_app(struct host *h, uint32_t app, struct span ufrag, struct span password,
	const struct reload_ice_candidate *candidates, size_t count)
{
	ice_check(h, app_of(app), ufrag, password, candidates, count);
}

void host_ice_check_media(struct host *h, uint32_t number, struct span ufrag, struct span password,
	const struct reload_ice_candidate *candidates, size_t count)
{
	ice_check(h, media_of(number), ufrag, password, candidates, count);
}

void host_ice_forget_app(struct host *h, uint32_t app)
{
	ice_forget(h, app_of(app));
}

void host_ice_forget_media(struct host *h, uint32_t number)
{
	ice_forget(h, media_of(number));
}

void host_ice_down_app(struct host *h, uint32_t app)
{
	ice_down(h, app_of(app));
}

void host_ice_forget(struct host *h, uint32_t link)
{
	ice_forget(h, link_of(link));
	if (h->ice)
		reload_stun_servers_lost(&h->ice->stun, link);
}

void host_ice_down(struct host *h, uint32_t link)
{
	ice_down(h, link_of(link));
	host_ice_forget(h, link);
}
