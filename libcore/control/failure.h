/* A failure as the control protocol sends it and as programs print it (cli.md s1.2). */
#pragma once

#include "util/err.h"
#include "util/id.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct reload_failure {
	enum reload_err err;
	int status;            /* exit status when it is not that of err, else 0 */
	uint16_t overlay_code; /* error_code of an ErrorResponse, 0: the overlay sent none */
	uint64_t transaction;  /* 0: none */
	bool has_generation;
	uint64_t generation; /* the present one, with RELOAD_GENERATION_TOO_LOW */
	json_t *values; /* the values stored at the place, with RELOAD_GENERATION_TOO_LOW; borrowed; NULL: not known */
	struct reload_error_text why;
	/* of the answer, for the agent's own record; not in the JSON */
	struct reload_id responder; /* len 0: nobody answered */
	unsigned hops, transmissions;
};

/*
 * reload_exit_name() returns the name of an exit status (cli.md s1.3): "not-found"; reload_exit_when() when a program ends
 * with it; reload_exit_retry() whether a repetition may help.
 */
const char *reload_exit_name(int status);
const char *reload_exit_when(int status);
bool reload_exit_retry(int status);

/* reload_failure_json() returns the `error` object of cli.md s1.2 (owned). */
json_t *reload_failure_json(const struct reload_failure *f);

/* reload_failure_read() fills f from the `error` member of a reply; what is missing or of a wrong type is left zero. */
void reload_failure_read(struct reload_failure *f, const json_t *rpc_error);
