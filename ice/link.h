/* One link of the ICE plug-in: an agent of libnice with one stream of one component.  All functions are called from the plug-in's thread. */
#pragma once

#include "link/ice_plugin.h"

#include <nice/agent.h>

/* What is shared by the links of a plug-in. */
struct ice_owner {
	GMainContext *context;
	reload_ice_notify_fn notify;
	void *arg;
	GHashTable *links; /* by key */
};

struct ice_link;

enum {
	ICE_SPARE =
		16 /* descriptors that a link leaves to others, but for those of libnice beside its sockets */
};

/* ice_has_descriptors() returns whether that many can be had: GLib ends the process when it cannot have one for a GCancellable. */
gboolean ice_has_descriptors(gsize count);

/*
 * ice_link_new() enters a link and begins to gather; a notification follows.  What how points to, which was allocated by GLib, is the link's then
 * and *how is empty.
 */
void ice_link_new(struct ice_owner *owner, uint64_t key, struct reload_ice_gather *how);

/* ice_link_find() returns NULL for one that is unknown or is being closed. */
struct ice_link *ice_link_find(const struct ice_owner *owner, uint64_t key);

/* ice_link_start() begins checks; what to points to, which was allocated by GLib, is the link's then and *to is empty. */
void ice_link_start(struct ice_link *l, struct reload_ice_remote *to);

/* ice_remote_clear() and ice_gather_clear() free what it points to, and wipe the password; it is empty then. */
void ice_remote_clear(struct reload_ice_remote *r);
void ice_gather_clear(struct reload_ice_gather *g);

/* ice_link_send() sends a datagram over the chosen pair; without one it is lost. */
void ice_link_send(struct ice_link *l, struct span datagram);

/* ice_link_close() gives the relay back, then forgets the link and reports it; once more is legal until then. */
void ice_link_close(struct ice_link *l);

/* ice_link_drop() ends one at once, for a relay that does not answer when the plug-in ends. */
void ice_link_drop(struct ice_link *l);
