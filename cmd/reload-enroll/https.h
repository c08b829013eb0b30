/* One HTTPS request of a client: limits, certificate checks, and what may be followed (RFC 6940 s11.2, s11.3). */
#pragma once

#include "util/clock.h"
#include "util/err.h"
#include "util/owned.h"

enum {
	HTTPS_BODY_MAX = 1024 * 1024,
	HTTPS_LIMIT_MS = 15000, /* of one request */
	HTTPS_REDIRECTS_MAX = 5 /* of a GET, to https only; a POST follows none */
};

/* The fields of an enrollment; NULL members are not sent. */
struct https_form {
	const char *user, *password, *node_ids, *new_password;
	struct span csr;
};

struct https_request {
	const char *url;
	const char *
		connect_to; /* "HOST:PORT" to connect to instead of the URL's; NULL: that of the URL */
	const char *
		other_name; /* of the server's certificate, where it is not that of the URL (ENR-02); NULL: none */
	const char *ca_file; /* whom to trust; NULL: the system's authorities */
	const char *
		pin; /* "sha256//BASE64" of the public key that the server has to have, whatever its certificate says; NULL: none */
	const struct https_form *form; /* NULL: a GET */
	reload_ms deadline;
};

struct https_answer {
	unsigned status;
	char type[64]; /* Content-Type in lower case, without parameters */
	struct bytes body;
};

/*
 * https_do() makes the request; whatever status the server answers is RELOAD_OK, with *out to be cleared by https_answer_clear().  RELOAD_TIMEOUT,
 * RELOAD_CERT_UNTRUSTED for the server's certificate, RELOAD_LIMIT for a larger body, RELOAD_IO for the rest; why names the URL.
 */
enum reload_err https_do(struct https_answer *out, const struct https_request *request,
	struct reload_error_text *why) MUST_CHECK;
void https_answer_clear(struct https_answer *answer);
