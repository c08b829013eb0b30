/*
 * A request that is forwarded (RFC 3261 s16): it goes to one or more targets, and the best of their answers goes back.
 *
 *   ROUTING -> (fork_target() for each, fork_routed()) -> the branches run -> all have ended, or one has succeeded
 *
 * A branch: WAITING -> ATTACHING (a connection with another node is made) or LOCATING (outside.h) -> GATHERING (a path for its audio) -> CALLING -> ENDED.
 * Up to RELOAD_SIP_ATTEMPTS nodes are attached to at a time.
 *
 * Branches in turn, to gateways, begin one after another: the next one when the one before failed with a 5xx, could not be reached, or has not rung within
 * FORK_TURN_MS, from which on its answer is not waited for.
 */
#pragma once

#include "reload-sip-adapter/adapter.h"

enum {
	FORK_BRANCHES_MAX = 32,
	FORK_TIMER_C_MS = 185000, /* more than three minutes (RFC 3261 s16.6 step 11) */
	FORK_TURN_MS = 4000,
	FORK_CANCEL_MS = 32000, /* after a CANCEL without an answer to the INVITE */
	FORK_LATE_MAX = 8,      /* late answers of a branch that are ended, each by a BYE */
	FORK_BRANCH_ID = 7 + 2 * MESSAGE_TAG
};

enum branch_state {
	BRANCH_WAITING,
	BRANCH_ATTACHING,
	BRANCH_GATHERING,
	BRANCH_LOCATING,
	BRANCH_CALLING,
	BRANCH_ENDED
};

struct branch {
	TAILQ_ENTRY(branch) entry;
	struct fork *fork;
	enum branch_state state;
	char *uri; /* owned: Request-URI; NULL: that of the request */
	struct reload_sip_hop hop;
	bool has_hop;
	/* another node */
	struct served *served; /* whose agent connects; NULL: a device */
	char *target, *node;   /* owned: for app.attach, and who has to be there */
	bool sips;
	int unreachable;         /* status when it is not there */
	struct outside *outside; /* owned: servers outside the overlay; NULL: none */
	bool in_turn, passed;    /* passed: it took too long */
	struct reload_timer turn;
	struct reload_sip_txn *txn;
	bool cancelled, provisional, cancel_sent;
	struct relay *relay; /* owned, until the call has it; NULL: none */
	int status;
	unsigned late; /* answers that came when nobody waited for them any more */
	struct message *final;
	struct connection *connection; /* on which it waits for an answer; NULL: none */
	LIST_ENTRY(branch) on_connection;
	struct reload_timer timer; /* C, or what ends it after a CANCEL */
};

struct fork;

/* Who knows where requests go (route.h). */
struct fork_router {
	/* finds the targets of f, now or later: fork_target() for each, then fork_routed() once, unless forget() comes first */
	void (*route)(struct fork *f);
	void (*forget)(struct fork *f);
};

struct fork {
	TAILQ_ENTRY(fork) entry, foreign_entry;
	struct adapter *a;
	const struct fork_router *router;
	void (*check)(struct fork *f); /* fork_check() */
	struct message *request;
	struct reload_sip_txn *server; /* NULL: it has ended */
	struct call *call;             /* NULL: no dialog comes of it */
	struct call_end *receiver;     /* of a request within a dialog */
	struct call_end *sender;
	struct served *caller;    /* device: who it is of; NULL: from another node */
	struct overlay_end *node; /* another node: which; for the time of routing */
	char *to;                 /* owned: AOR that is asked for; "" when it is none */
	TAILQ_HEAD(, branch) branches;
	size_t count;
	bool routed, cancelled, finished; /* finished: a final answer has gone back */
	bool busy;                        /* fork_check() is called by somebody up the stack */
	bool in_dialog;
	struct served *side; /* from another node: through whose agent; NULL: from a device */
	bool side_sips;
	struct served *asked; /* whose agent resolves; NULL: none does */
	bool as_number;       /* its user part is looked for as a telephone number */
	int no_target;        /* status when there is no target */
	char *identity; /* owned: AOR of the caller, as its password or its certificate says; NULL: another domain says who it is */
	char *foreign;  /* owned: what another domain says */
	char tag[MESSAGE_TAG];
	char loop[MESSAGE_TAG]; /* of our branches */
};

/* What fork_target() is given; texts are borrowed. */
struct fork_target {
	const char *uri;                  /* NULL: the Request-URI stays */
	const struct reload_sip_hop *hop; /* a device, or a connection that is there */
	struct served *served;            /* else: a node is to be attached to through this agent */
	const char *target, *node; /* for app.attach; node: who has to be there, NULL: anybody */
	bool sips;
	int unreachable;     /* status when it is not there; 0: 480 */
	const char *outside; /* else: a URI, whose servers are asked for */
	bool trunk;          /* they belong to a trunk */
	bool local;          /* they may be on this host */
	bool in_turn;
};

/*
 * fork_begin() takes a request with its transaction, and has it routed.  call, sender and receiver are NULL outside of dialogs.
 */
struct fork_start {
	const struct fork_router *router;
	struct call *call;
	struct call_end *sender, *receiver;
	struct served *caller;
	struct overlay_end *node;
	const char *foreign;
	const char *to;
};
void fork_begin(struct adapter *a, struct message *m, struct reload_sip_txn *server,
	const struct fork_start *start);

/* fork_target() adds a target; false: there are too many, or it is there already. */
bool fork_target(struct fork *f, const struct fork_target *target);

/* fork_routed() says that there are no more targets; status is the answer when there is none.  The fork may have been freed afterwards. */
void fork_routed(struct fork *f, int status);

/* fork_cancel() handles a CANCEL of the caller. */
void fork_cancel(struct fork *f);

/* fork_response() takes a response of a branch. */
void fork_response(struct branch *b, struct message *m);

/* fork_timeout() and fork_txn_ended() are what happens to the transactions of a fork. */
void fork_timeout(struct reload_sip_txn *t);
void fork_txn_ended(struct reload_sip_txn *t);

/* fork_lost() ends the branches that wait for an answer on a connection that was lost. */
void fork_lost(struct connection *c);

/* fork_refused() ends the branches that wait for a device that is not there, as ICMP says; arg is the adapter. */
void fork_refused(void *arg, const struct reload_ip_port *at);

/* fork_foreign_of() returns how many requests of other domains are under way from that host. */
size_t fork_foreign_of(const struct adapter *a, const struct reload_ip_port *host);

/* fork_any() returns whether a request waits for its final answer. */
bool fork_any(const struct adapter *a);

/* fork_stop_all() cancels what is under way, fork_clear_all() frees it. */
void fork_stop_all(struct adapter *a);
void fork_clear_all(struct adapter *a);

/* -- fork_branch.c: one target ------------------------------------------------------------------------------------------------ */

/* What is done for the servers of a branch (outside.h). */
extern const struct outside_ops branch_outside_ops;

/* branch_start() sends the request, or has a connection made first; branch_end() ends it with a status when it had no answer. */
void branch_start(struct branch *b);
void branch_end(struct branch *b, int status);
void branch_cancel(struct branch *b);

/* branch_refused() ends it when nobody is where it was sent to, and repeats it there no more: whoever comes next would take it for a new request. */
void branch_refused(struct branch *b);
void branch_free(struct branch *b);

/* fork_check() goes on after a branch has changed; the fork may have been freed afterwards. */
void fork_check(struct fork *f);

/* -- fork_late.c ------------------------------------------------------------------------------------------------------------------ */

/* fork_late() acknowledges and ends the call that a 2xx to an INVITE has made for which nobody waits any more. */
void fork_late(struct branch *b, const struct message *m);

/* -- fork_edit.c: what is changed on the way ------------------------------------------------------------------------------------- */

/* fork_request_large() returns whether the request is too large for a datagram on a path that nobody knows (RFC 3261 s18.1.1). */
bool fork_request_large(const struct fork *f);

/* fork_write_contacts() appends a Contact for each target that is not the Request-URI itself; returns how many there are. */
size_t fork_write_contacts(struct wr *w, const struct fork *f);

/* fork_write_request() appends the request as a branch sends it; fork_write_response() a response as the caller gets it. */
void fork_write_request(struct wr *w, struct branch *b, const char *branch_id);
void fork_write_response(struct wr *w, struct branch *b, const struct message *m);

/* fork_loops() returns whether the request has been here before with the same targets (RFC 5393 s4.2); it sets f->loop. */
bool fork_loops(struct fork *f);

/* fork_branch_id() makes the branch of a request that is sent, after fork_loops(); whoever gets another branch of the fork cannot guess it. */
void fork_branch_id(char out[FORK_BRANCH_ID], const struct fork *f);
