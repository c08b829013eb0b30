/* The enrollment server: what serve.c (the loop), serve_http.c and serve_request.c (HTTP), and serve_enroll.c (decisions) share. */
#pragma once

#include "reload-enroll/accounts.h"
#include "reload-enroll/enroll.h"
#include "reload-enroll/serve_connection.h"
#include "reload-enroll/worker_pool.h"

struct post; /* of serve_request.h */

enum {
	SERVE_CSR_MAX = 16384,       /* bytes of a request for a certificate */
	SERVE_BODY_MAX = 65536,      /* bytes of a POST */
	SERVE_ADDRESS = 64,          /* bytes of an address as text */
	SERVE_REFUSALS_TABLE = 1024, /* at the maximum the oldest is forgotten */
	SERVE_REFUSALS_MS = 60000
};

/* What a thread is given; the first member of its structure. */
enum serve_job {
	SERVE_JOB_ENROLLMENT,
	SERVE_JOB_NOTE,
	SERVE_JOB_PROBE
};

/* What is limited in SERVE_REFUSALS_MS. */
enum serve_counted {
	SERVE_PASSWORDS_OF_ADDRESS, /* wrong ones */
	SERVE_PASSWORDS_OF_ACCOUNT,
	SERVE_REFUSALS_OF_ADDRESS /* of all kinds */
};

struct serve_refusals {
	enum serve_counted what;
	char who[RELOAD_USER_NAME_MAX + 1]; /* a user can have the name of an address */
	reload_ms since;
	unsigned count;
	bool told; /* that the limit is reached is in the log */
};

struct serve {
	struct cli *cli;
	char *overlay, *dir, *config_path;
	char *passphrase; /* of the authority's key; NULL: it is not encrypted */
	struct worker_pool *pool;
	struct MHD_Daemon *daemon;
	struct serve_connections connections;
	struct post *waiting;            /* those that a thread works on */
	struct serve_refusals *refusals; /* SERVE_REFUSALS_TABLE */
	size_t next_refusals;
	uint64_t issued, refused;
	/* of serve_probe.c */
	bool probing;
	reload_ms next_probe;
	json_t *dead; /* bootstrap nodes that could not be reached; NULL: nobody has looked */
};

enum {
	SERVE_DETAIL = 256,
	SERVE_WAITING_MAX = 64, /* enrollments that wait for a thread */
	SERVE_NOTES_MAX = 4096  /* those and decisions that wait to be noted */
};

/* One enrollment: what the client sent, and what it is answered. */
struct serve_enrollment {
	enum serve_job job; /* SERVE_JOB_ENROLLMENT */
	struct serve *serve;
	char address[SERVE_ADDRESS];
	char network
		[SERVE_ADDRESS]; /* what is counted as one address: a host has a whole /64 of IPv6 */
	/* from the client; owned, NUL-terminated, cleansed at the end; NULL: the field is missing */
	char *user, *password, *nodeids, *new_password;
	struct wr csr;
	bool proven;    /* the password, or the invitation, is good */
	bool authentic; /* what a thread has found about it */
	/* the answer */
	unsigned status;           /* of HTTP; 0: not decided yet */
	const char *text;          /* static: the token, or what is wrong */
	char detail[SERVE_DETAIL]; /* for the audit log */
	bool noted;                /* it is in the audit log */
	struct wr certificate;     /* DER, with status 200 */
};

/*
 * serve_enroll_begin() checks the form of e and gives it to a thread; false: the answer is decided already.
 * serve_enroll_next() takes e back from the thread; false: it is given to a thread once more.
 */
bool serve_enroll_begin(struct serve_enrollment *e);
bool serve_enroll_next(struct serve_enrollment *e);

/* serve_enroll_decide() sets the answer; detail is copied. */
void serve_enroll_decide(
	struct serve_enrollment *e, unsigned status, const char *text, const char *detail);

/* The tokens of RFC 6940 s11.3. */
#define SERVE_FAILED_AUTHENTICATION  "failed_authentication"
#define SERVE_USERNAME_NOT_AVAILABLE "username_not_available"
#define SERVE_NODE_IDS_NOT_AVAILABLE "Node-IDs_not_available"
#define SERVE_BAD_CSR                "bad_CSR"

/* serve_http_start() listens and answers HTTPS requests from serve_http_run(); why filled.  serve_http_stop() ends it. */
enum reload_err serve_http_start(struct serve *s, int listener, const char *cert_pem,
	const char *key_pem, struct reload_error_text *why) MUST_CHECK;
void serve_http_stop(struct serve *s);
int serve_http_fd(const struct serve *s);
/* serve_http_run() does what is due and returns when it has to be called again at the latest, in ms from now. */
int serve_http_run(struct serve *s);
