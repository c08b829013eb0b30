/*
 * A message for this node, from its arrival until it is answered or dropped, and the rows that say what is done with it.
 *
 *	decoded --> its signature is verified --> (values are verified) --> answered | dropped --> freed
 */
#pragma once

#include "engine/engine.h"
#include "wire/message.h"

#include <bsd/sys/queue.h>

struct reload_exchange;
struct reload_request;

/* One stored value whose signature is checked. */
struct reload_signed_value {
	const struct reload_stored_data *data;
	uint32_t kind;
	bool is_unsigned;         /* it has no signature (STO-06): nothing is checked */
	struct reload_cert *cert; /* a reference; NULL: not at hand */
	struct reload_id signer;
	/* the signer's and those that verify it, as GenericCertificates in the message's arena */
	struct span certificates;
	enum reload_err err;
	uint8_t digest[32];
};

/* The rooms above read it, and set after, values, work and work_free. */
struct reload_incoming {
	TAILQ_ENTRY(reload_incoming) entry;
	struct reload_exchange *exchange;
	struct reload_msg *msg;
	uint32_t link;             /* 0: made by this node itself */
	struct reload_id previous; /* Node-ID of the previous hop; len 0: not known */
	struct wr return_list;     /* Destination List of a response */
	uint64_t originator;       /* reload_originator_digest() of the signer */
	struct reload_cert *cert;  /* signer's, a reference */
	struct reload_id signer;
	struct reload_cert **
		certificates; /* parsed certificates of the message, references; only when one was needed */
	size_t certificates_count;
	uint32_t certificates_tried; /* certificates of the message that were parsed, by place */
	unsigned jobs;
	enum reload_err err;                /* of the message's own signature */
	struct reload_signed_value *values; /* owned */
	size_t values_count;
	bool local;
	bool stands_in; /* a request for a resource of another peer, which has fallen silent (route/stand_in.h) */
	bool signature_checked; /* its own signature is verified, or did not hold */
	bool awaits_earlier;    /* verified, and waits for one before it: exchange/deliver.c */
	bool does_not_fit;      /* an answer that does not fit the request */
	const struct reload_method_row *method;             /* of a request that is being served */
	void (*on_answer_sent)(struct reload_incoming *in); /* once its answer left */
	/* what the method keeps until the message is freed; NULL: nothing */
	void *work;
	void (*work_free)(void *work);
	void (*on_values_verified)(struct reload_incoming
			*in); /* values of a request are being verified: what comes next */
	/* for exchange/ alone: the last of its jobs has ended */
	void (*on_jobs_done)(struct reload_incoming *in);
	/* for exchange/ alone: the answer to a request of this node to itself (owned; NULL: it fits no message) */
	void (*on_local_answer)(struct reload_incoming *in, struct reload_msg *answer);
};

TAILQ_HEAD(reload_incoming_list, reload_incoming);

enum {
	RELOAD_METHOD_REPEATABLE =
		1, /* may be served again without a difference: no answer is kept for a repeat */
	RELOAD_METHOD_UNBOUND = 2, /* taken over a link whose Node-ID is not known yet (HDR-16) */
	RELOAD_METHOD_ANY_SEQUENCE =
		4, /* sent and taken whatever configuration is in force (HDR-08) */
	RELOAD_METHOD_EVERY_LINK =
		8, /* goes over every link: neither it nor its answer shows that one is used */
	/* from the node at the other end of a link: requests are served, and answers taken, in the order in which they came */
	RELOAD_METHOD_IN_ORDER = 16,
	/* a holder of a replica may answer it in place of a peer that has fallen silent (route/stand_in.h) */
	RELOAD_METHOD_BY_REPLICA = 32
};

/* What is done with the request of a method, and with its answer. */
struct reload_method_row {
	uint16_t code; /* of the request; that of the answer is the next one */
	unsigned flags;
	enum reload_err
		moved; /* the error by which a peer says that it is not responsible (STO-04, STO-10); RELOAD_OK: none */
	/* a verified request ends in an answer, an error or a drop */
	void (*serve)(struct reload_incoming *in);
	/* whether a decoded answer is about what r asked for, and names each place once; NULL: any is */
	bool (*fits)(const struct reload_request *r, const struct reload_msg *answer);
	/* verifies stored values that an answer brings, beside the answer itself; NULL: it brings none */
	void (*values)(struct reload_request *r, struct reload_incoming *in);
	/* completes r->result with what the answer brings; NULL: it is complete */
	void (*answered)(struct reload_request *r, struct reload_incoming *in);
	void *arg; /* the room that brought the row */
};

/* reload_incoming_drop() counts and reports why in goes no further, and frees it; reason is static.  A repeat of it may be served. */
void reload_incoming_drop(
	struct reload_incoming *in, enum reload_counter counter, const char *reason);
/* reload_incoming_free() ends it without a word; repeat_may_come: its transaction may be served again. */
void reload_incoming_free(struct reload_incoming *in, bool repeat_may_come);

/* reload_answer() sends the answer with code and body and ends in; reload_answer_bytes() for a body that is encoded already. */
void reload_answer(struct reload_incoming *in, uint16_t code, const void *body);
void reload_answer_bytes(struct reload_incoming *in, uint16_t code, struct span body);
/* reload_answer_with() is reload_answer() with further certificates (wire form) in its security block. */
void reload_answer_with(struct reload_incoming *in, uint16_t code, const void *body,
	const struct span *certificates, size_t count);
/* reload_answer_extended() is reload_answer() with message extensions. */
void reload_answer_extended(struct reload_incoming *in, uint16_t code, const void *body,
	const struct reload_extension *extensions, size_t count);
/* reload_answer_error() answers a request with an error and ends in; reason NULL: that of err. */
void reload_answer_error(struct reload_incoming *in, enum reload_err err, const char *reason);
/* reload_answer_error_info() is reload_answer_error() with an error_info that is no text (MSG-09). */
void reload_answer_error_info(struct reload_incoming *in, enum reload_err err, struct span info);

/*
 * reload_values_verify() submits the verification of in->values (data, kind, is_unsigned filled in), which belong to resource.  Of a request:
 * then() is called when all have been verified, which may be at once.  NULL: they are part of an answer, which waits for them.
 */
void reload_values_verify(
	struct reload_incoming *in, struct span resource, void (*then)(struct reload_incoming *in));
