/* What the files of the library share; none of it is exported (libreload.map). */
#pragma once

#include "libreload/reload.h"

#include "util/err.h"

#include <jansson.h>

/* library_text() returns the compact text (owned) of a JSON value. */
char *library_text(json_t *json);

/* library_call() calls a method; params are taken, *result is owned.  The status; the session has the failure. */
int library_call(
	struct reload_session *session, const char *method, json_t *params, json_t **result);

/* library_failed() notes in the session that something failed and returns the status of err; library_usage() for RELOAD_USAGE. */
int library_failed(
	struct reload_session *session, enum reload_err err, const char *what, const char *reason);
int library_usage(struct reload_session *session, const char *what, const char *reason);
