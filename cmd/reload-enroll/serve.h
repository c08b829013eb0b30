/* The enrollment server: what serve.c (the loop), serve_http.c (HTTP) and serve_enroll.c (decisions) share. */
#pragma once

#include "reload-enroll/accounts.h"
#include "reload-enroll/enroll.h"
#include "reload-enroll/hash_pool.h"
#include "reload-enroll/serve_connection.h"

struct post; /* of serve_http.c */

enum {
	SERVE_CSR_MAX = 16384,       /* bytes of a request for a certificate */
	SERVE_BODY_MAX = 65536,      /* bytes of a POST */
	SERVE_ADDRESS = 64,          /* bytes of an address as text */
	SERVE_REFUSALS_TABLE = 1024, /* at the maximum the oldest is forgotten */
	SERVE_REFUSALS_MS = 60000
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
	char *overlay, *config_path, *lock_path;
	char *passphrase; /* of the authority's key; NULL: it is not encrypted */
	struct accounts *accounts;
	struct hash_pool *pool;
	struct MHD_Daemon *daemon;
	struct serve_connections connections;
	struct post *waiting; /* those whose passwords are being checked, or which are delayed */
	struct serve_refusals *refusals; /* SERVE_REFUSALS_TABLE */
	size_t next_refusals;
	uint64_t issued, refused;
};

/* One enrollment: what the client sent, and what it is answered. */
struct serve_enrollment {
	struct serve *serve;
	char address[SERVE_ADDRESS];
	char network
		[SERVE_ADDRESS]; /* what is counted as one address: a host has a whole /64 of IPv6 */
	/* from the client; owned, NUL-terminated, cleansed at the end; NULL: the field is missing */
	char *user, *password, *nodeids, *new_password;
	struct wr csr;
	/* another program works with the authority; until then it is tried again */
	bool delayed;
	reload_ms until;
	/* the answer */
	unsigned status;       /* of HTTP; 0: not decided yet */
	const char *text;      /* static: the token, or what is wrong */
	struct wr certificate; /* DER, with status 200 */
};

/*
 * serve_enroll_begin() checks the form of e and starts the check of its password; false: the answer is decided already.
 * serve_enroll_end() decides about e after the check of the password: authentic is its result; false: it is delayed, and not decided before
 * serve_enroll_again() returns true.
 */
bool serve_enroll_begin(struct serve_enrollment *e);
bool serve_enroll_end(struct serve_enrollment *e, bool authentic);
bool serve_enroll_again(struct serve_enrollment *e);

/* serve_http_start() listens and answers HTTPS requests from serve_http_run(); why filled.  serve_http_stop() ends it. */
enum reload_err serve_http_start(struct serve *s, int listener, const char *cert_pem,
	const char *key_pem, struct reload_error_text *why) MUST_CHECK;
void serve_http_stop(struct serve *s);
int serve_http_fd(const struct serve *s);
/* serve_http_run() does what is due and returns when it has to be called again at the latest, in ms from now. */
int serve_http_run(struct serve *s);
