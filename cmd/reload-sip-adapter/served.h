/*
 * An agent whose user is served: its AOR, the devices that are registered for it, and the connections with other nodes that it makes and takes.  The
 * registration of the AOR in the overlay follows that of the devices.
 *
 *   LOST -> ASKED (agent.status, app.listen) -> READY -> LOST ...
 */
#pragma once

#include "common/call.h"
#include "ident/aor.h"
#include "reload-sip-adapter/transport.h"
#include "sip/bindings.h"
#include "usage/sip.h"

enum served_state {
	SERVED_LOST,
	SERVED_ASKED,
	SERVED_READY
};

enum {
	SERVED_AGAIN_MS = 1000,
	SERVED_OUT_MAX = 1024 * 1024,
	SERVED_PLACES = 256,       /* connections with other nodes for each Application-ID */
	SERVED_PLACES_OF_ONE = 32, /* with one node; more are closed */
	SERVED_ATTACH_MS = 10000,
	SERVED_NODE = 48,        /* characters of a Node-ID in hexadecimal, with a NUL */
	SERVED_OTHERS_MS = 30000 /* other nodes of an own user are looked for again after that */
};

struct served;

/* A connection with another node, as the owner of its struct connection. */
struct overlay_end {
	LIST_ENTRY(overlay_end) entry;
	struct served *served;
	struct connection *connection;
	char node[SERVED_NODE];
	char *user; /* owned: the AOR of the certificate at its other end; "" when it has none */
	bool sips;  /* Application-ID 5061 */
	char path[16];
	struct reload_ip_port peer; /* the address at which the node is */
};

/* What a request to the agent ends with: result or error (borrowed; both NULL: the agent is gone). */
typedef void (*served_done_fn)(
	void *arg, const json_t *result, const struct reload_call_error *error);
/* A progress notification of a request (borrowed). */
typedef void (*served_progress_fn)(void *arg, const json_t *object);
/* A connection is there for app.attach. */
typedef void (*served_connected_fn)(void *arg, struct connection *c);

struct served_ask {
	TAILQ_ENTRY(served_ask) entry;
	json_int_t id;
	served_done_fn done;
	served_connected_fn connected;
	served_progress_fn progress;
	void *arg; /* NULL: whoever asked has gone */
};

struct served {
	struct cli *cli;
	struct reload_poll *poll;
	struct transport *transport;
	char *name, *path; /* owned: how -a names it, and its control socket */
	enum served_state state;
	struct reload_client *client;
	struct reload_client_io inner;
	uint64_t watch;
	struct wr out;
	TAILQ_HEAD(served_asks, served_ask) asks;
	LIST_HEAD(, overlay_end) ends; /* connections with other nodes */
	struct reload_timer again, expiry;
	/* who it is */
	char *user, *node, *gruu; /* owned: AOR, Node-ID, GRUU without a scheme */
	char *overlay;            /* owned */
	const char *domain;       /* inside user */
	bool ice;                 /* the overlay has ICE */
	/* devices */
	struct reload_sip_bindings bindings;
	bool registered, registering; /* in the overlay; a request about it is under way */
	/* other nodes of the same user, as they were resolved last (owned; NULL: they were not) */
	json_t *others;
	reload_ms others_at;
	bool asking_others;
	/* told when the agent is ready for the first time, or has failed */
	void (*changed)(struct served *s);
	void (*registration)(
		struct served *s, const char *what, const struct reload_call_error *error);
	void *arg;
};

/*
 * served_open() connects to the agent with that name or path and learns who it is, until cli->deadline (owned); failures of
 * reload_client_open(), RELOAD_NOT_JOINED, and RELOAD_BAD_CERT when the user name is no AOR.
 */
enum reload_err served_open(struct served **out, struct cli *cli, const char *name,
	struct reload_poll *poll, struct transport *transport,
	struct reload_error_text *why) MUST_CHECK;
void served_free(struct served *s);

/* served_listen() begins to take connections of other nodes. */
void served_listen(struct served *s);

/*
 * served_ask() sends a request to the agent (params are taken); done is called from the loop, once, unless served_forget() was called with arg before.  False: the
 * agent is gone, nothing is called.  connected may be NULL.
 */
bool served_ask(struct served *s, const char *method, json_t *params, served_done_fn done,
	served_connected_fn connected, void *arg);
void served_forget(struct served *s, const void *arg);

/* served_ask_with() is the same for a request whose progress notifications are wanted as they are. */
bool served_ask_with(struct served *s, const char *method, json_t *params, served_done_fn done,
	served_progress_fn progress, void *arg);

/* served_mirror() brings the registration in the overlay to what the bindings are, and sees to it that they end in time. */
void served_mirror(struct served *s);

/* served_leave() removes the registration in the overlay; true when that was begun, and registering says until when. */
bool served_leave(struct served *s);

/* served_idle() returns a connection with a node that carries nothing now, NULL: there is none (R7904-23). */
struct connection *served_idle(const struct served *s, const char *node, bool sips);

/* overlay_end_of() returns the other node of a connection, NULL: it is one of a device. */
struct overlay_end *overlay_end_of(const struct connection *c);
void overlay_end_free(struct overlay_end *e); /* also takes it out of its list */
