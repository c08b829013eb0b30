/*
 * What belongs together as a dialog (RFC 3261 s12): both ends, and by which way each of them is reached.  Requests within a dialog go that way, whatever
 * their Request-URI says; a connection with another node that has ended is made anew.  Subscriptions have one too.
 *
 *   EARLY -> UP (2xx) -> OVER (BYE, or all branches failed)
 */
#pragma once

#include "reload-sip-adapter/message.h"
#include "util/clock.h"
#include "util/tree.h"

#include <sys/queue.h>

struct served;
struct adapter;
struct overlay_end;
struct relay;

enum {
	CALLS_MAX = 20000,
	CALLS_QUIET_MS = 60000, /* one that had no message for so long makes room for another */
	CALL_QUIET_END_MS =
		24 * 3600 *
		1000, /* one that had no message for so long is over: its ends are gone */
	CALLS_FOREIGN_MAX = 5000, /* of callers of other domains, who are asked for no password */
	CALL_FORKS_MAX = 32,      /* requests of a call that are under way */
	CALL_CALLEES_MAX = 16,    /* of a fork */
	CALL_OVER_MS = 32000,     /* kept after its end, for what is repeated */
	CALL_EARLY_MS = 300000    /* kept without an answer */
};

enum call_state {
	CALL_EARLY,
	CALL_UP,
	CALL_OVER
};

/* An end; texts are owned. */
struct call_end {
	char *tag;
	char *contact; /* where its requests go: its Contact; NULL: none was there */
	char *routes;  /* through which proxies they go (message_routes()); NULL: none */
	struct reload_sip_hop hop;
	struct served *
		served; /* of another node: the agent through which it is reached; of a device: who has it */
	char *node;       /* of another node: its Node-ID; NULL: a device */
	bool sips, holds; /* holds: it is among the uses of its connection */
	bool outside;     /* neither a device nor a node */
	char *foreign; /* owned: own address of a caller of another domain, where nodes are shown another */
};

struct call {
	RB_ENTRY(call) entry;
	TAILQ_ENTRY(call) used_entry;
	char *key;  /* owned: Call-ID and tag of the caller */
	char *side; /* owned: the user whose agent has taken the first request from another node; empty: it came from a device */
	struct calls *all;
	enum call_state state;
	bool is_call;  /* INVITE: it is reported */
	bool foreign;  /* the caller is of another domain */
	bool replaced; /* its key is that of another, which was made when this had been over */
	uint32_t cseq; /* of the request that has made it */
	struct call_end caller, callees[CALL_CALLEES_MAX];
	size_t callees_count;
	char *from, *to;     /* owned: AORs, as far as they are known */
	struct relay *relay; /* owned; NULL: the audio goes another way */
	reload_ms begun, answered, used;
	struct reload_timer timer;
	unsigned forks; /* requests of it that are under way */
};

RB_HEAD(call_tree, call);

struct calls {
	struct adapter *adapter;
	struct call_tree tree;
	TAILQ_HEAD(calls_list, call) by_use; /* the one that was used last is the last */
	struct calls_list over;              /* CALL_OVER; they make room first */
	size_t count, foreign;
};

void calls_init(struct calls *calls, struct adapter *adapter);
void calls_clear(struct calls *calls);

/* call_new() makes one for a request that may begin a dialog, from a node or (NULL) a device, or from another domain; NULL: there are too many. */
struct call *call_new(struct calls *calls, const struct message *request,
	const struct overlay_end *node, bool foreign, const char *from, const char *to);

/*
 * call_find() returns the dialog of a request that a node or (NULL) a device sends, NULL: there is none, and its ends: who sent it and who is to get it (NULL: several, or none has this tag).
 */
struct call *call_find(struct calls *calls, const struct message *request,
	const struct overlay_end *node, struct call_end **sender, struct call_end **receiver);

/* call_caller() notes where the first request came from; a device of `served`, or another node. */
void call_caller(struct call *call, const struct message *request, struct served *served,
	const struct overlay_end *node);

/* call_callee() notes an end that has answered with a tag (NULL: there are too many); its way is that of the branch. */
struct call_end *call_callee(struct call *call, const struct message *response);

/* call_end_set() sets the way to an end, and its Contact when the message has one. */
void call_end_way(struct calls *calls, struct call_end *end, const struct reload_sip_hop *hop,
	struct served *served, const char *node, bool sips);
void call_end_contact(struct call_end *end, const struct message *m);

/* call_up() and call_over() change its state and report it; call_use() notes that a message of it came. */
void call_up(struct call *call);
void call_over(struct call *call, const char *by, int status);
void call_use(struct call *call);

/* call_forget() frees a dialog, for a server that has gone. */
void call_forget(struct call *call);
