/* The addresses of this host that links may use, and when they change. */
#pragma once

#include "link/poll_io.h"
#include "wire/destination.h"

enum {
	RELOAD_ADDRESSES_MAX = 64,       /* those above are not seen */
	RELOAD_ADDRESSES_QUIET_MS = 500, /* changes come in groups: this long without one ends it */
	RELOAD_ADDRESSES_LONGEST_MS = 2000, /* or this long since the first one */
	RELOAD_ADDRESSES_APART_MS = 5000    /* between two reports */
};

/* A set: sorted, of port 0, none twice. */
struct reload_addresses {
	size_t count;
	struct reload_ip_port all[RELOAD_ADDRESSES_MAX];
};

/*
 * reload_addresses_read() reads the addresses of interfaces that are up and have a carrier, but for loopback and link-local ones, which no
 * other host reaches or which need a scope.  0 or a negative errno, and *out is empty.
 */
int reload_addresses_read(struct reload_addresses *out) MUST_CHECK;

/* reload_addresses_have() returns whether a is in the set; ports do not count. */
bool reload_addresses_have(const struct reload_addresses *set, const struct reload_ip_port *a);

struct reload_addresses_watch;
typedef void (*reload_addresses_fn)(void *arg, const struct reload_addresses *now);

/*
 * reload_addresses_watch() calls fn from the loop when the set is another one than at the last call, or at the start.  An interface that flaps
 * leads to a call every RELOAD_ADDRESSES_APART_MS at most.  Owned, reload_addresses_unwatch(); NULL with a negative errno in *err.
 */
struct reload_addresses_watch *reload_addresses_watch(
	struct reload_poll *poll, reload_addresses_fn fn, void *arg, int *err);
void reload_addresses_unwatch(struct reload_addresses_watch *watch);

/* reload_addresses_known() returns the set that was told last, or that of the start (borrowed). */
const struct reload_addresses *reload_addresses_known(const struct reload_addresses_watch *watch);
