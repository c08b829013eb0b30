/* The list of all failures, and the text that explains a failure to a person. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define MUST_CHECK __attribute__((warn_unused_result))

enum reload_err {
#define X(name, text, rpc, status) RELOAD_##name,
#include "util/err.def"
#undef X
};

/* reload_err_text() returns the English text of err, a static string. */
const char *reload_err_text(enum reload_err err);

/* reload_err_name() returns the name of err in lower case ("not_joined"), good until the next call of this thread. */
const char *reload_err_name(enum reload_err err);

/* reload_err_too_large() returns whether err means that a request or its answer was too large for a message, so that a smaller request may succeed. */
bool reload_err_too_large(enum reload_err err);

/* reload_err_rpc() returns the JSON-RPC error code of err, 0 for RELOAD_OK. */
int reload_err_rpc(enum reload_err err);

/* reload_err_exit() returns the exit status that programs use for err. */
int reload_err_exit(enum reload_err err);

/* reload_err_from_rpc() returns the failure with JSON-RPC code rpc, RELOAD_FAILED when there is none. */
enum reload_err reload_err_from_rpc(int rpc);

/*
 * reload_err_overlay_code() returns the error_code of RFC 6940 s6.3.3.1 that err stands for, 0 when err is not an
 * error of the overlay.
 */
uint16_t reload_err_overlay_code(enum reload_err err);

/* reload_err_from_overlay() is the inverse; an unknown error_code gives RELOAD_FAILED. */
enum reload_err reload_err_from_overlay(uint16_t error_code);

/* Explains one failure: what was tried and the value at fault, why it failed, and what may help. */
struct reload_error_text {
	char what[256];
	char reason[512];
	char advice[256];
};

/* reload_error_explain() fills w (NULL is legal) and returns err, so that it ends a function: return reload_error_explain(...). */
enum reload_err reload_error_explain(struct reload_error_text *w, enum reload_err err,
	const char *what, const char *reason_fmt, ...) __attribute__((format(printf, 4, 5)));

/* reload_error_advise() sets the advice behind "try:"; w may be NULL. */
void reload_error_advise(struct reload_error_text *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
