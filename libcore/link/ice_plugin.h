/*
 * The interface of the ICE plug-in: an object that an agent opens at run time, only when its overlay uses ICE, so that no other agent needs an
 * ICE library or pays for its memory.  Plain C on both sides; the plug-in has a thread of its own and links no code of this program.
 *
 * A link has a key that its owner never uses twice.  The order of calls for one: gather, start (when the other end has answered), send as
 * often as wanted, close.  What the plug-in has to say of a link comes as notifications, from its own thread: GATHERED or FAILED, then
 * CONNECTED or FAILED, then DATAGRAM as often as one comes, another CONNECTED when the pair has changed, at last CLOSED, after which the key
 * is unknown.  Notifications of a link that is being closed are to be ignored up to CLOSED.
 */
#pragma once

#include "link/ice.h"
#include "util/clock.h"

enum {
	RELOAD_ICE_PLUGIN_VERSION = 3, /* of this interface; another one is not used */
	RELOAD_ICE_LINKS = 1024,       /* of one plug-in; more fail at once */
	RELOAD_ICE_ADDRESSES = 32,     /* of this host that are named for one link */
	RELOAD_ICE_GATHERED = 128,     /* candidates of a link before the choice */
	RELOAD_ICE_PAIRS = RELOAD_ICE_CANDIDATES_MAX * 4, /* that the text of a failure names */
	RELOAD_ICE_QUEUE = 1024, /* datagrams on their way to the plug-in; those above are lost */
	/* libnice asks a TURN server after 0, 500 and 1500 ms; then none is waited for */
	RELOAD_ICE_GATHER_MS = 1800,
	RELOAD_ICE_RECHECK_MS =
		1800000, /* from one time that all checks of a connected link are made to the next */
	RELOAD_ICE_END_MS = 1000 /* end() waits for relays to be given back */
};

/* The symbol of an object that is a struct reload_ice_plugin. */
#define RELOAD_ICE_PLUGIN_SYMBOL "reload_ice_plugin"

enum reload_ice_server_type {
	RELOAD_ICE_NO_SERVER,
	RELOAD_ICE_STUN,
	RELOAD_ICE_TURN_UDP,
	RELOAD_ICE_TURN_TCP
};

/* A server that tells the address of this host behind its NAT, and relays for TURN. */
struct reload_ice_server {
	enum reload_ice_server_type type;
	struct reload_ip_port at;
	const char *user, *password; /* of TURN; wiped by the owner */
};

struct reload_ice_gather {
	bool controlling;                       /* this end sends the request (RFC 6940 s6.5.1.1) */
	bool relay_only;                        /* no host and no reflexive candidates */
	const struct reload_ip_port *addresses; /* of this host, ports are not used */
	size_t addresses_count;
	struct reload_ice_server server;
	/* a STUN server is waited for so long (reload_stun_wait()), and asked at the beginning, after a quarter and three quarters of it; 0: as a TURN server */
	reload_ms wait_ms;
	reload_ms recheck_ms; /* (RELOAD_ICE_RECHECK_MS) */
};

/* What the other end sent. */
struct reload_ice_remote {
	const char *ufrag,
		*password; /* NULL: it has no ICE, and the one candidate is where it is */
	const struct reload_ice_item *candidates;
	size_t count;
};

/* A pair of candidates. */
struct reload_ice_pair {
	enum reload_ice_type local_type, remote_type;
	struct reload_ip_port local, remote;
	struct reload_ip_port base;   /* of this host, from which packets of the pair leave */
	struct reload_ip_port server; /* that relays for this end; type 0: none does */
	/* of a pair that failed: checks of the other end arrived, so only its answers or ours are lost */
	bool heard;
};

/* What is sent to the other end, before the choice. */
struct reload_ice_found {
	const char *ufrag, *password;
	struct reload_ice_local
		*candidates; /* base is filled in, of host candidates too; may be changed */
	size_t count;
	const char *why; /* what was wrong and does not end it; NULL: nothing */
};

enum reload_ice_notice_type {
	RELOAD_ICE_WAS_GATHERED,
	RELOAD_ICE_CONNECTED,
	RELOAD_ICE_DATAGRAM,
	RELOAD_ICE_FAILED,
	RELOAD_ICE_CLOSED
};

/* Borrowed for the time of the call, with all that it points to. */
struct reload_ice_notice {
	enum reload_ice_notice_type type;
	uint64_t key;
	struct reload_ice_found gathered; /* WAS_GATHERED */
	/* CONNECTED: the one that was chosen; FAILED: those that were tried, as far as they are known */
	const struct reload_ice_pair *pairs;
	size_t pairs_count;
	struct span datagram;
	const char *why; /* FAILED */
};

/* Is called by the thread of the plug-in: takes a copy of what it needs and returns soon. */
typedef void (*reload_ice_notify_fn)(void *arg, const struct reload_ice_notice *notice);

struct reload_ice; /* of the plug-in */

/* Any thread may call these, one at a time; they return at once, but for end(). */
struct reload_ice_plugin {
	uint32_t version, size; /* RELOAD_ICE_PLUGIN_VERSION, sizeof(struct reload_ice_plugin) */

	/* begins (owned); NULL: no thread, or no memory */
	struct reload_ice *(*begin)(reload_ice_notify_fn notify, void *arg);
	/* WAS_GATHERED or FAILED follows */
	void (*gather)(struct reload_ice *ice, uint64_t key, const struct reload_ice_gather *how);
	/* sends checks to the candidates of the other end, or to those of another one, which takes its place; CONNECTED or FAILED follows */
	void (*start)(struct reload_ice *ice, uint64_t key, const struct reload_ice_remote *to);
	/* false: the queue is full, the datagram is lost; one for a link that is not connected is lost, too */
	bool (*send)(struct reload_ice *ice, uint64_t key, struct span datagram);
	/* CLOSED follows, when a relay has been given back or does not answer */
	void (*close)(struct reload_ice *ice, uint64_t key);
	/* closes all and frees; no notification comes afterwards */
	void (*end)(struct reload_ice *ice);
};
