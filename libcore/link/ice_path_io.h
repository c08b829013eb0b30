/*
 * A path that ICE has found, for datagrams of somebody else's (the audio of a call): they pass as they are, without DTLS of the overlay.
 *
 *   new --> gather --> gathered --> check --> connected --> datagrams        and from each of them: failed
 *
 * Freed by its owner, also from one of its operations, which are called from the loop and not from the functions here.
 */
#pragma once

#include "link/ice_plugin.h"
#include "link/links_io.h"

struct reload_ice_path;

struct reload_ice_path_ops {
	void (*gathered)(void *arg, const struct reload_ice_found *found);
	/* pair: the first, or another one later; borrowed */
	void (*connected)(void *arg, const struct reload_ice_pair *pair);
	void (*datagram)(void *arg, struct span datagram);
	/* pairs: those that were tried; nothing follows */
	void (*failed)(
		void *arg, const struct reload_ice_pair *pairs, size_t count, const char *why);
};

/* reload_ice_path_new() makes a path (owned) of links that use ICE; NULL: they do not.  Free all before the links. */
struct reload_ice_path *reload_ice_path_new(
	struct reload_links *links, const struct reload_ice_path_ops *ops, void *arg);
void reload_ice_path_free(struct reload_ice_path *path);

/* reload_ice_path_gather() gathers candidates, once; reload_ice_path_check() connects to the other end afterwards, or to another one in its place. */
void reload_ice_path_gather(struct reload_ice_path *path, const struct reload_ice_gather *how);
void reload_ice_path_check(struct reload_ice_path *path, const struct reload_ice_remote *to);

/* reload_ice_path_send() sends a datagram; false: it is lost, as when the path is not connected. */
bool reload_ice_path_send(struct reload_ice_path *path, struct span datagram);
