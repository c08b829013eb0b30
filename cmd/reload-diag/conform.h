/*
 * reload-diag conform: checks of RFC 6940 that are asked of a running node over the wire.  A check is a row of one of the tables here: it
 * sends what it is about, mostly one message with something wrong in it, and says whether the requirement holds.
 *
 * All that comes from the node is hostile: frames and messages are bounded by the max-message-size of the overlay, every wait by a limit.
 */
#pragma once

#include "common/identity.h"
#include "common/options.h"
#include "common/output.h"
#include "wire/message.h"

#include <openssl/ssl.h>

/* Kinds from here on have values of no form; those of the registry have one. */
#define CONFORM_PRIVATE_KIND 0xf0000001u

enum conform_verdict {
	CONFORM_HOLDS,
	CONFORM_VIOLATED,
	CONFORM_UNJUDGED
};

enum {
	CONFORM_EVIDENCE = 320,
	CONFORM_STRAYS = 64, /* answers that nobody waited for and that are remembered */
	CONFORM_SENT = 64    /* DATA frames of a link whose ACK is remembered */
};

/* A link to the node.  Frames are acknowledged as they are read. */
struct conform_link {
	int fd; /* -1: none */
	SSL *ssl;
	struct wr in; /* what was read, from the frame on whose message was returned last */
	size_t taken; /* bytes of that frame */
	size_t max_message;
	uint32_t sequence; /* of the next DATA frame */
	uint64_t acked;    /* bit n: DATA frame n was acknowledged, of the first CONFORM_SENT */
	uint32_t mask;     /* of the newest ACK, whose sequence is mask_of */
	uint32_t mask_of;
	uint32_t received; /* DATA frames of the node so far */
	bool jumped;       /* their numbers were not 0, 1, 2 ... */
	char end[160];     /* why it is no more, "": it is up */
};

/* What a link shows of this end. */
enum conform_shown {
	CONFORM_SHOW_OWN,      /* the identity */
	CONFORM_SHOW_NOTHING,  /* no certificate */
	CONFORM_SHOW_STRANGER, /* a certificate that signed itself */
	CONFORM_SHOW_WEAK /* the identity, but only suites without encryption or authentication */
};

struct conform_check;

struct conform {
	struct cli *cli;
	struct cli_identity me;
	struct wire_ctx ctx;
	struct reload_ip_port address;
	struct reload_id target; /* Node-ID of the node, as it signs */
	struct reload_id other;  /* another peer to which it routes; len 0: none is known */
	struct conform_link link;
	struct wr identity; /* SignerIdentity of this end */
	struct reload_key *stranger_key;
	struct reload_cert *stranger; /* made when it is asked for first */
	reload_ms wait_ms;            /* for an answer, or for the end of a link */
	reload_ms deadline;           /* of all checks */
	unsigned failed_dials;

	/* the answer to the newest request */
	struct reload_msg *answer;
	struct reload_id signer; /* of the answer */
	char fault[160];         /* why the answer cannot be relied on, "": it can */
	reload_ms took;
	struct {
		uint64_t transaction;
		uint16_t code;
	} strays[CONFORM_STRAYS]; /* answers that nobody waited for, a ring */
	size_t strays_count;
	uint32_t updates; /* ConfigUpdate requests that came from the node */

	/* a place of the overlay where this identity may store and the node is responsible */
	const struct reload_kind *kind;
	struct reload_id place;
	const struct reload_kind *far_kind;
	struct reload_id
		far; /* where it may store as well, and another node is responsible; no far_kind: none is known */
	char no_place[160]; /* why there is none, "": there is one, or nobody has looked */
	bool place_tried, stored;
	uint64_t generation;   /* of what was stored there */
	uint64_t storage_time; /* of the newest value */

	char evidence[CONFORM_EVIDENCE];
};

struct conform_check {
	const char *id;   /* of the requirement */
	const char *text; /* what it asks, in a few words */
	enum conform_verdict (*run)(struct conform *c);
	bool writes; /* it stores, or would change the node if the node were wrong */
};

/* Tables, each ended by a row without id, in the order in which they are run. */
extern const struct conform_check conform_links[], conform_headers[], conform_ways[],
	conform_options[], conform_contents[], conform_security[], conform_fragments[],
	conform_methods[], conform_rules[], conform_reads[], conform_stores[];

/* conform_say() notes the evidence of a verdict, and returns the verdict. */
enum conform_verdict conform_say(struct conform *c, enum conform_verdict v, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
#define HOLDS(c, ...)    conform_say((c), CONFORM_HOLDS, __VA_ARGS__)
#define VIOLATED(c, ...) conform_say((c), CONFORM_VIOLATED, __VA_ARGS__)
#define UNJUDGED(c, ...) conform_say((c), CONFORM_UNJUDGED, __VA_ARGS__)

/*
 * conform_find() sets the address of the node that the operand says, asking the agent and, by an Attach, the node where that is needed; 0, else the exit status after it has
 * reported the failure.
 */
int conform_find(struct conform *c);

/* -- conform_link.c ------------------------------------------------------------------------------------------------------ */

/* conform_dial() makes a link to address and shows what how says; false with link->end: there is none.  conform_hang_up() ends it. */
bool conform_dial(struct conform *c, struct conform_link *link, enum conform_shown how);
void conform_hang_up(struct conform_link *link);

/* conform_bytes() sends bytes as they are; conform_frame() sends message as the next DATA frame; false: the link has ended. */
bool conform_bytes(struct conform *c, struct conform_link *link, struct span bytes);
bool conform_frame(struct conform *c, struct conform_link *link, struct span message);

/* conform_frame_head() writes the head of the next DATA frame, of a message of len bytes. */
void conform_frame_head(struct conform_link *link, struct wr *w, size_t len);

/* conform_read() waits for the next message until `until` (borrowed until the next call); false: none came, or the link has ended. */
bool conform_read(
	struct conform *c, struct conform_link *link, reload_ms until, struct span *message);

/* conform_closed() returns whether the node ends the link within c->wait_ms. */
bool conform_closed(struct conform *c, struct conform_link *link);

/* -- conform_draft.c ------------------------------------------------------------------------------------------------------- */

enum conform_signing {
	CONFORM_SIGN,          /* as this identity */
	CONFORM_SIGN_NOT,      /* identity none, algorithms 0 */
	CONFORM_SIGN_FLIPPED,  /* a bit of the signature is wrong */
	CONFORM_SIGN_STRANGER, /* a certificate that signed itself */
	CONFORM_SIGN_OTHER     /* over another transaction */
};

/* A message that is being made: fields may be changed before it is sent. */
struct draft {
	struct reload_header header;
	uint16_t code;
	struct wr body, extensions, via, to, options;
	enum conform_signing signing;
	/* bytes of the finished message that are overwritten: width 0: none */
	struct {
		size_t offset;
		unsigned width;
		uint64_t value;
	} patch;
	size_t claimed; /* added to the length of the message in its header */
};

/*
 * draft_begin() begins a request to the node with an empty body; draft_ping() a Ping.  draft_to_node() and draft_to_resource() append to its Destination
 * List.  draft_end() frees it; draft_write() appends the whole message.
 */
void draft_begin(struct conform *c, struct draft *d, uint16_t code);
void draft_ping(struct conform *c, struct draft *d);
void draft_to_node(struct wr *list, const struct reload_id *id);
void draft_to_resource(struct wr *list, const struct reload_id *id);
void draft_write(struct conform *c, struct draft *d, struct wr *w);
void draft_end(struct draft *d);

/* conform_random() fills len bytes; conform_random_id() makes a Node-ID. */
void conform_random(void *out, size_t len);
struct reload_id conform_random_id(const struct conform *c);

/* conform_stranger() makes key and certificate of a stranger when they are not there; false: OpenSSL cannot. */
bool conform_stranger(struct conform *c);

/* -- conform_answer.c ----------------------------------------------------------------------------------------------------- */

/*
 * conform_ask() sends d over the link, which is made when there is none, and waits for its answer, which is then in c->answer with its signer and body
 * decoded.  False: no answer, or one that breaks the rules that every answer keeps (c->fault).  conform_answer() does so for a message that was sent already.
 */
bool conform_ask(struct conform *c, struct draft *d);
bool conform_answer(struct conform *c, uint64_t transaction, reload_ms wait);

/* conform_up() makes the link when there is none; false: it cannot be made. */
bool conform_up(struct conform *c);

/* conform_error() is the error code of the answer, 0: it is none. */
uint16_t conform_error(const struct conform *c);

/* conform_stray() returns the code of an answer to the transaction for which nobody waited, 0: none came. */
uint16_t conform_stray(const struct conform *c, uint64_t transaction);

/* -- conform_expect.c: what is expected of a message, which is sent and freed ------------------------------------------------ */

/* conform_wants() returns whether d was answered by `code` of this node; *v is the verdict when it was not. */
bool conform_wants(struct conform *c, struct draft *d, uint16_t code, enum conform_verdict *v);

/* conform_wants_error(): the answer is that error, and the node's own. */
enum conform_verdict conform_wants_error(struct conform *c, struct draft *d, uint16_t error);

/* conform_wants_refusal(): an error of any code, or no answer at all; anything else says that it was served. */
enum conform_verdict conform_wants_refusal(struct conform *c, struct draft *d);

/* conform_wants_silence(): neither an answer nor an error, while Pings behind it are answered. */
enum conform_verdict conform_wants_silence(struct conform *c, struct draft *d);

/* conform_no_answer() is the verdict when an answer was needed and there is none; the next check has another link. */
enum conform_verdict conform_no_answer(struct conform *c);

/* conform_answer_text() names the answer: "Error_Forbidden (2)", "ping_ans". */
const char *conform_answer_text(const struct conform *c);

/* conform_needs_other() returns whether another peer is known; else *v is the verdict. */
bool conform_needs_other(struct conform *c, enum conform_verdict *v);

/* -- conform_place.c ------------------------------------------------------------------------------------------------------- */

/* conform_place() returns whether there is a place to store at; else *v is the verdict.  conform_far_place() does so for one of another node. */
bool conform_place(struct conform *c, enum conform_verdict *v);
bool conform_far_place(struct conform *c, enum conform_verdict *v);

/* One value to be stored, and what may be wrong with it. */
struct conform_value {
	struct span text;
	bool exists;
	uint32_t kind;         /* 0: that of the place */
	uint64_t generation;   /* 0: not checked */
	uint64_t storage_time; /* 0: now, and newer than the one before */
	unsigned replica,
		times; /* times: how often the Kind stands in the request, at least once */
	enum conform_signing signing; /* of the value */
	const struct reload_id *at;   /* NULL: the place */
};

/* conform_store() makes a StoreReq to the node. */
void conform_store(struct conform *c, struct draft *d, const struct conform_value *v);

/* conform_fetch() makes a FetchReq or StatReq (code) for single values of a Kind to the node. */
void conform_fetch(struct conform *c, struct draft *d, uint16_t code, const struct reload_id *at,
	const uint32_t *kinds, size_t count, uint64_t generation);

/* conform_clean_up() removes what was stored. */
void conform_clean_up(struct conform *c);
