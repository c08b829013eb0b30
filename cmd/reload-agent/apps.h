/*
 * Connections of applications as the agent handles them: AppAttaches of this node and of others, their streams (link/app_streams_io.h), and the local
 * sockets at which programs get them.
 *
 * A program that asks for a connection, or listens for an application, is told the path of a Unix socket for each.  It connects there once,
 * within APPS_COME_MS, and has the application's bytes.  The socket is for the agent's user alone (mode 0600 in a directory of mode 0700, and the
 * other end is checked as for the control socket) and is gone when somebody has connected.  A path, and not a passed descriptor, because any
 * language and any tool can connect to one, and one can do it for another program.
 *
 * A connection belongs to the request of the control socket by which it came: when that ends, so does the connection, cut off.
 */
#pragma once

#include "agent.h"
#include "link/app_streams_io.h"

#include <bsd/sys/queue.h>

enum {
	APPS_COME_MS = 10000, /* for the program to connect */
	APPS_OFFERED = 512
};

struct agent_apps;
struct app_connection;

/* Who has a connection. */
struct app_owner {
	TAILQ_ENTRY(app_owner) entry;
	struct agent_apps *apps;
	uint32_t app; /* own AppAttach under way; 0: none */
	/* without ICE the addresses at which this node waits for the other end, by ICE why there is no way to it; "": not known */
	char offered[APPS_OFFERED];
	uint16_t application; /* listened for, when app is 0 */
	bool listens;
	bool packets; /* its connections carry packets, not a stream */
	/* by ICE: there was no way to the other end, no relayed candidate of this node was tried, and the next attempt would have one */
	bool relay_may_help;
	/* an own AppAttach came to nothing; called by the engine: it is only noted */
	void (*failed)(struct app_owner *owner, const struct reload_result *result);
	/* a connection is there; called by the engine: its stream may be waited for already */
	void (*connected)(struct app_owner *owner, struct app_connection *c);
	/* it is gone; err RELOAD_OK: both directions ended as they should */
	void (*ended)(struct app_owner *owner, struct app_connection *c,
		const struct reload_app_stream_end *end);
};

struct app_connection {
	TAILQ_ENTRY(app_connection) entry;
	struct app_owner *owner;
	uint32_t stream;
	json_int_t number; /* since the agent started */
	uint16_t application;
	bool incoming;
	struct reload_id node;
	char *user;            /* owned; NULL: the certificate has none */
	char address[64];      /* of the other end */
	const char *path_name; /* static: "host", "reflexive", "relayed" */
	size_t packet_bytes;   /* of a packet, at most; 0: it carries a stream */
	char relay[64];        /* which relays; "": none does */
	char *path;            /* owned; NULL: none, or somebody has connected */
	int fd;
	uint64_t watch;
	struct reload_poll_pause pause;
	struct reload_timer timer; /* for the program to connect; to end what could not begin */
	enum reload_err err;       /* why it could not */
	struct reload_error_text why;
};

extern const struct reload_app_ops agent_app_ops;

/*
 * agent_apps_new() makes the object (owned) of an agent whose links are there; dir (copied) is where its sockets are made, and what is there is
 * removed.  agent_apps_free() comes after the peer was freed.
 */
struct agent_apps *agent_apps_new(struct agent *agent, struct reload_links *links, const char *dir);
void agent_apps_free(struct agent_apps *apps);

/*
 * agent_apps_listen() returns a Unix socket of that name in the directory of the agent's sockets, or a negative errno; *path (owned) is its path in both cases.
 */
int agent_apps_listen(struct agent_apps *apps, const char *name, bool packets, char **path);

/* agent_apps_check_trust() cuts off whose certificate does not pass any more. */
void agent_apps_check_trust(struct agent_apps *apps);

/* app_packets_refused() explains why connections of this agent can carry no packets; false: they can. */
bool app_packets_refused(const struct agent *agent, struct reload_error_text *why);

/*
 * app_owner_add() enters an owner that is to ask or to listen; app_owner_ask() gives it a number and sends an AppAttach along target.
 * app_owner_remove() ends its AppAttach and cuts off its connections.
 */
void app_owner_add(struct app_owner *owner, struct agent *agent);
enum reload_err app_owner_ask(struct app_owner *owner, uint16_t application,
	const struct reload_request_target *target) MUST_CHECK;
void app_owner_remove(struct app_owner *owner);

/* app_connection_json() returns what programs are told of one (owned); type is "connected" or the like. */
json_t *app_connection_json(const struct app_connection *c, const char *type);
