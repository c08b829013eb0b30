/*
 * The interface of the mDNS plug-in: an object that an agent opens at run time, only when it was told to look for nodes on the local
 * network, so that no other agent needs the libraries of Avahi.  It has a thread of its own, since the library waits for the daemon
 * in most of its calls; what it has to say it writes into a pipe, as records of one size.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	RELOAD_MDNS_PLUGIN_VERSION = 1, /* of this interface; another one is not used */
	RELOAD_MDNS_PLACES = 16,        /* where one node listens */
	RELOAD_MDNS_FOUND_MAX =
		64, /* services that are watched at a time; further ones are left out */
	RELOAD_MDNS_RENAMES_MAX = 32, /* of one service; then it is not announced */
	RELOAD_MDNS_TEXT = 160
};

/* The symbol of an object that is a struct reload_mdns_plugin. */
#define RELOAD_MDNS_PLUGIN_SYMBOL "reload_mdns_plugin"

/* The type of the services, which is announced and looked for. */
#define RELOAD_MDNS_SERVICE "_reload._tcp"

enum reload_mdns_notice_type {
	RELOAD_MDNS_FOUND, /* a service of this overlay, of another host or agent: address and port */
	RELOAD_MDNS_ANNOUNCED, /* the own service, under the name text */
	RELOAD_MDNS_RENAMED,   /* its name was taken: the next one is text */
	RELOAD_MDNS_FAILED     /* text says what */
};

/* One record of the pipe; shorter than PIPE_BUF, so that it is written as a whole. */
struct reload_mdns_notice {
	uint8_t type, family; /* enum reload_mdns_notice_type; 4 or 6 */
	uint16_t port;
	uint8_t addr[16];
	char text[RELOAD_MDNS_TEXT];
};

/* Where this node listens. */
struct reload_mdns_place {
	int interface;  /* index; 0: every interface, each with its own addresses */
	uint8_t family; /* 4, 6; 0: both */
	uint16_t port;
};

struct reload_mdns;

struct reload_mdns_plugin {
	unsigned version;
	size_t size; /* of this structure */
	/*
	 * start() begins to look for services of the overlay (copied) and returns at once; NULL when no thread can be made.  pipe is
	 * written to and does not block: what does not fit is lost.  end() ends that and withdraws what was announced; it waits for the daemon for
	 * END_MS at most.
	 */
	struct reload_mdns *(*start)(const char *overlay, int pipe);
	void (*end)(struct reload_mdns *m);
	/* announce() takes the place of what was announced before; count 0: nothing is.  All is copied, and it returns at once. */
	void (*announce)(struct reload_mdns *m, const char *name,
		const struct reload_mdns_place *places, size_t count);
};
