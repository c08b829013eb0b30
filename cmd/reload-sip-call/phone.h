/*
 * The loop of a run: the control socket, the connections (leg.h) with their audio, and signals.  While the program waits for the agent, calls
 * go on.
 */
#pragma once

#include "common/call.h"
#include "reload-sip-call/keys.h"
#include "reload-sip-call/leg.h"

enum {
	PHONE_LEGS_MAX = 64,
	PHONE_MEDIA_MAX = 4 * PHONE_LEGS_MAX /* requests for paths of audio */
};

struct phone;

/* What the command is told by the loop. */
struct phone_ops {
	/* a connection is there for request number id, with its leg (NULL: its stream could not be opened); the phone frees the leg */
	void (*connected)(struct phone *p, json_int_t id, const json_t *object, struct leg *leg);
	/* another progress notification, NULL is legal */
	void (*progress)(struct phone *p, json_int_t id, const json_t *object);
	/* a request has ended: result or error (borrowed) */
	void (*replied)(struct phone *p, json_int_t id, const json_t *result,
		struct reload_call_error *error);
	/* after each pass; returns when the next is due at the latest; sets p->done to end the loop */
	reload_ms (*pass)(struct phone *p, reload_ms now);
	void (*stopped)(struct phone *p); /* Ctrl-C: end politely */
	void (*key)(struct phone *p,
		char key); /* was pressed at the terminal; NULL: keys are not taken */
};

/* The first member of who has one. */
struct phone {
	struct cli *cli;
	const struct phone_ops *ops;
	void *owner;
	struct media_plan plan;
	char *user, *node, *contact; /* owned: own AOR, Node-ID, and the GRUU */
	char *overlay;               /* owned: its name */
	const char *link;            /* of connections: "TLS", or "DTLS" in an overlay with ICE */
	struct reload_client *client;
	struct reload_client_io inner;
	int stop_fd;
	struct keys keys;
	bool stopping, done;
	bool anonymous;         /* set before phone_open(): an agent with --pseudonym is wanted */
	uint32_t session_s;     /* of session timers that calls ask for; 0: none */
	reload_ms traced_since; /* the first message of a ladder; 0: none yet */
	struct leg *legs[PHONE_LEGS_MAX];
	size_t count;
	struct media_agent agent;                /* how legs ask for paths of audio */
	json_int_t media_asked[PHONE_MEDIA_MAX]; /* numbers of their requests */
	size_t media_count;
};

/*
 * phone_open() connects to the agent, and learns who this is; phone_close() frees all.  Failures as those of cli_link_open(), RELOAD_NOT_JOINED, and
 * RELOAD_BAD_CERT when the user name is no AOR, or for an anonymous call is no pseudonym.
 */
enum reload_err phone_open(struct phone *p, struct cli *cli, const struct phone_ops *ops,
	struct reload_error_text *why) MUST_CHECK;
void phone_close(struct phone *p);

/* phone_send() sends a request of the control protocol (params are taken): its number in *id, else the exit status in *failed. */
bool phone_send(struct phone *p, const char *method, json_t *params, json_int_t *id, int *failed);

/* phone_service() makes the parameter "service" of a service that users know by that name, such as "voice-echo" (owned). */
json_t *phone_service(const struct phone *p, const char *name);

/* phone_run() goes on until p->done; returns 0, else the exit status after it has reported that the agent is gone. */
int phone_run(struct phone *p);

/* phone_trace() is leg_ops.traced of all legs, whose owner has the phone: with -v it prints the message as a rung of a ladder. */
void phone_trace(struct leg *leg, bool sent, struct span text);

/* phone_drop() closes a leg, which is freed when that is done, and is not told of any more. */
void phone_drop(struct phone *p, struct leg *leg);
