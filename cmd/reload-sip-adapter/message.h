/*
 * SIP messages, as sofia/message.h reads them.  What is forwarded is written anew, header
 * field by header field.  No name in a message is ever looked up by sofia-sip.
 */
#pragma once

#include "dns/locate.h"
#include "ident/tel.h"
#include "sip/hop.h"
#include "util/bytes.h"

#include <sofia-sip/sip.h>

enum {
	MESSAGE_MAX = 80 * 1024, /* bytes */
	MESSAGE_DATAGRAM_MAX =
		65000,    /* that a datagram takes; what is larger is answered with 513 */
	MESSAGE_TAG = 17, /* with a NUL */
	MESSAGE_VIAS_MAX = 70,
	MESSAGE_URI = 1024, /* of a URI that is kept, with a NUL */
	MESSAGE_ROUTES_MAX = 16,
	MESSAGE_ROUTES = 2048 /* bytes of a route set that is kept */
};

/* A message that came; counted, as forks and calls keep it. */
struct message {
	msg_t *msg;
	sip_t *sip;
	struct reload_sip_hop from;
	unsigned refs;
};

/*
 * message_read() parses a whole message (owned).  *fault is the status with which a request is to be refused whatever it asks, 0: none; with one there may
 * be no message, NULL.  The topmost Via of a request says where it came from afterwards (RFC 3261 s18.2.1, RFC 3581).
 */
struct message *message_read(struct span bytes, const struct reload_sip_hop *from, int *fault);
struct message *message_ref(struct message *m);
void message_unref(struct message *m);

/* message_body() returns the body (borrowed), empty: none. */
struct span message_body(const struct message *m);

/* message_is() returns whether it is a request with that method, or a response to one. */
bool message_is(const struct message *m, const char *method);

/* message_method() returns the method of a request, or of the request of a response. */
const char *message_method(const struct message *m);

/* message_uri() writes a URI of a message to out; false when it is too long. */
bool message_uri(char out[MESSAGE_URI], const url_t *url);

/* message_param() returns the value of a parameter of a URI in out, false: it has none. */
bool message_param(char out[MESSAGE_URI], const url_t *url, const char *name);

/*
 * message_place() takes the parts of a SIP URI apart that say where it leads; host has room for it.  False: it is none, or names a transport that nobody
 * here has.
 */
bool message_place(struct reload_locate_uri *out, char host[MESSAGE_URI], const char *uri);

/* message_number() writes the Request-URI with which a number is called at a trunk: its URI with the number as the user; false when it is too long. */
bool message_number(char out[MESSAGE_URI], const char *trunk, const char *number);

/* message_wants_privacy() returns whether the caller's identity is not to be told ("Privacy: id", RFC 3325 s9.3). */
bool message_wants_privacy(const struct message *m);

/* message_address() writes the address of a From or To to out, without a display name and a tag; false when it is too long. */
bool message_address(char out[MESSAGE_URI], const sip_addr_t *a);

/* Whether a URI in a message names this process itself. */
typedef bool (*message_own_fn)(const void *arg, const url_t *url);

/*
 * message_routes() returns the Route header fields (owned text) of requests to who sent m: the proxies between here and there, as they have recorded themselves
 * in it before, or behind, this process (RFC 3261 s12.1).  NULL: there are none, or too many to be kept.
 */
char *message_routes(const struct message *m, message_own_fn is_own, const void *arg);

/* message_first_route() writes the URI of the first of such header fields to out; false: it is too long, or routes is NULL. */
bool message_first_route(char out[MESSAGE_URI], const char *routes);

/* message_random() writes random digits. */
void message_random(char out[MESSAGE_TAG]);

/* message_phrase() returns the reason phrase of a status. */
const char *message_phrase(int status);

/* How a response is made. */
struct message_answer {
	int status;
	const char *phrase; /* NULL: the usual one */
	const char *tag;    /* of the To, when it has none; NULL: none */
	const char *lines;  /* more header fields, each with its line end; NULL: none */
};

/* message_answer() appends a response of ours to a request. */
void message_answer(struct wr *w, const struct message *request, const struct message_answer *a);

/* What is changed in a message that is forwarded; zero: nothing, texts are borrowed. */
struct message_edit {
	const char *uri;       /* of the request line */
	const char *on_top;    /* header fields before all others, each with its line end */
	const char *contact;   /* in place of all Contact header fields: a whole value */
	unsigned drop_vias;    /* from the top */
	unsigned drop_routes;  /* from the top */
	bool decrement;        /* Max-Forwards; it is added where there is none */
	const char *drop_auth; /* Proxy-Authorization with this realm */
	message_own_fn drop_record_route; /* those that are own */
	const void *own;
	bool drop_identity;    /* what claims who somebody is */
	const char *from, *to; /* addresses in place of those that are there; their tags stay */
	bool replace_body;
	struct span body;
};

/* message_forward() appends the message with its changes. */
void message_forward(struct wr *w, const struct message *m, const struct message_edit *e);

/* message_put_challenges() appends the challenges of a response, header field by header field. */
void message_put_challenges(struct wr *w, const struct message *m);

/* message_ack() appends the ACK for a response of 300 and above to an INVITE that was sent as those bytes; message_cancel() the CANCEL. */
void message_ack(struct wr *w, struct span invite, const struct message *response);
void message_cancel(struct wr *w, struct span invite);

/* message_within() appends ACK or BYE within the dialog that a 2xx to that INVITE has made, with a Via like its topmost one; routes: message_routes() of the 2xx. */
void message_within(struct wr *w, struct span invite, const struct message *response,
	const char *method, const char *routes);
