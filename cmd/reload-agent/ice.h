/*
 * What an agent does in an overlay with ICE (RFC 6940 s6.5.1): it opens the plug-in, gathers candidates for the engine's Attaches with the
 * help of a STUN or TURN server, and has links checked.
 *
 *   link_gather: waits for what is known of the NAT, and for a TURN server when one is needed --> gathering --> reload_peer_gathered()
 *   link_check:  --> reload_links_check() --> link_up() or pairs_failed() and link_down()
 */
#pragma once

#include "host.h"

struct host_ice;

/*
 * host_ice_prepare() reads the settings of ICE, and host_ice_start() opens the plug-in for h->links; both do nothing in an overlay without ICE.
 * RELOAD_USAGE, RELOAD_FAILED with why.  host_ice_stop() ends what is under way; call it before the links are freed.  host_ice_clear() frees all.
 */
enum reload_err host_ice_prepare(
	struct host *h, const struct agent_settings *s, struct reload_error_text *why) MUST_CHECK;
enum reload_err host_ice_start(struct host *h, struct reload_error_text *why) MUST_CHECK;
void host_ice_stop(struct host *h);
void host_ice_clear(struct host *h);

/* host_ice_refresh() reads the secret of the TURN servers again; a failure is logged, and the former one stays. */
void host_ice_refresh(struct host *h);

/* Operations of the engine. */
void host_ice_gather(void *host, uint32_t link, bool controlling);
void host_ice_check(void *host, uint32_t link, struct span ufrag, struct span password,
	const struct reload_ice_candidate *candidates, size_t count);

/* What the links say. */
void host_ice_gathered(void *host, uint32_t link, const struct reload_ice_found *found);
void host_ice_pairs_failed(
	void *host, uint32_t link, const struct reload_ice_pair *pairs, size_t count);

/* The same for the connections of applications, by the numbers of their AppAttaches. */
void host_ice_gather_app(struct host *h, uint32_t app, bool controlling, bool packets);
void host_ice_check_app(struct host *h, uint32_t app, struct span ufrag, struct span password,
	const struct reload_ice_candidate *candidates, size_t count);
void host_ice_gathered_app(struct host *h, uint32_t app, const struct reload_ice_found *found);
void host_ice_pairs_failed_app(
	struct host *h, uint32_t app, const struct reload_ice_pair *pairs, size_t count);
void host_ice_down_app(struct host *h, uint32_t app);
void host_ice_forget_app(struct host *h, uint32_t app);
const char *host_ice_tried_app(
	const struct host *h, uint32_t app, const char *reason, char *out, size_t size);

/* What is done with the paths for audio (media_paths.h); the first count candidates are those to be sent. */
struct ice_media_ops {
	void (*gather)(struct agent *agent, uint32_t number, const struct reload_ice_gather *how);
	void (*check)(struct agent *agent, uint32_t number, const struct reload_ice_remote *remote);
	void (*gathered)(struct agent *agent, uint32_t number, const struct reload_ice_found *found,
		size_t count);
	void (*no_way)(struct agent *agent, uint32_t number);
};

/* The same for paths for audio, by their numbers; relay_only: no other candidates than relayed ones.  ops are always the same. */
void host_ice_gather_media(struct host *h, uint32_t number, bool controlling, bool relay_only,
	const struct ice_media_ops *ops);
void host_ice_pairs_failed_media(
	struct host *h, uint32_t number, const struct reload_ice_pair *pairs, size_t count);
const char *host_ice_tried_media(
	const struct host *h, uint32_t number, const char *reason, char *out, size_t size);
void host_ice_check_media(struct host *h, uint32_t number, struct span ufrag, struct span password,
	const struct reload_ice_candidate *candidates, size_t count);
void host_ice_gathered_media(struct host *h, uint32_t number, const struct reload_ice_found *found);
void host_ice_forget_media(struct host *h, uint32_t number);

/* host_ice_relay_only() returns whether other nodes are told no address but those of relays. */
bool host_ice_relay_only(const struct host *h);

/* host_ice_may_relay() returns whether relayed candidates are gathered from now on, if a TURN server is found. */
bool host_ice_may_relay(const struct host *h);

void host_ice_addresses_changed(void *host, const struct reload_addresses *now);

/* host_ice_up() and host_ice_down() note that a link is up, that leads to peer, or gone. */
void host_ice_up(struct host *h, uint32_t link, const struct reload_ip_port *peer, bool incoming);
void host_ice_down(struct host *h, uint32_t link);

/* host_ice_forget() notes that the engine closes a link. */
void host_ice_forget(struct host *h, uint32_t link);

/*
 * host_ice_tried() returns why a link could not be made: reason, and of a link by ICE all pairs that were tried, with what the node lacks
 * ("host 10.0.1.2:5 > relayed 192.0.2.1:6: no answer; ..."), written to out.
 */
const char *host_ice_tried(
	const struct host *h, uint32_t link, const char *reason, char *out, size_t size);
