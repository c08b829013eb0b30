/* The user of an agent, as programs that make calls need to know it (RFC 7904). */
#pragma once

#include "util/err.h"

#include <jansson.h>
#include <stdbool.h>

/* Texts are owned. */
struct cli_own_user {
	char *user;    /* the AOR */
	char *node;    /* the Node-ID */
	char *overlay; /* its name */
	char *gruu; /* without a scheme: by the Node-ID, and of a client by its peer first, as others reach it */
	bool ice; /* the overlay has ICE */
};

/*
 * cli_own_user_read() reads a result of agent.status; out is zero, or has another one, before.  RELOAD_NOT_JOINED with why, RELOAD_BAD_CERT when the user name is no AOR.
 */
enum reload_err cli_own_user_read(
	struct cli_own_user *out, const json_t *status, struct reload_error_text *why) MUST_CHECK;

/* cli_own_user_clear() frees the texts. */
void cli_own_user_clear(struct cli_own_user *u);
