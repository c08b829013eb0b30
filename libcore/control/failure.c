/* Failures as JSON and back. */
#include "control/failure.h"

#include "util/alloc.h"
#include "wire/error.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cli.md s1.3: the one list of exit statuses. */
static const struct {
	int status;
	const char *name, *when;
	bool retry;
} exits[] = {
	{ 0, "ok", "done", false },
	{ 1, "failed", "refused or failed, none of the below", false },
	{ 2, "usage", "wrong option or operand, ambiguous prefix, answer needed", false },
	{ 3, "agent", "no socket, no permission, stopped, other protocol version", true },
	{ 4, "timeout", "no answer in time; partial results were printed", true },
	{ 5, "not-found", "no value, no such node, AOR or service", false },
	{ 6, "forbidden", "access control, bad signature, certificate refused", false },
	{ 7, "conflict", "generation too low, data too old, name or instance taken", false },
	{ 8, "limit", "data, message or response too large, max-count, TTL exceeded", false },
	{ 9, "not-joined", "the agent is not part of the overlay", true },
	{ 10, "credentials", "configuration or certificate missing, invalid or expired", false },
	{ 11, "partial", "some replicas, values or lines failed", false },
	{ 12, "call-rejected", "final SIP answer 4xx, 5xx or 6xx", false },
	{ 13, "findings", "a check found a problem", false },
	{ 70, "bug", "internal error", false },
};

/* A status that has no row counts as "failed". */
static size_t exit_row(int status)
{
	for (size_t i = 0; i < COUNT_OF(exits); i++)
		if (exits[i].status == status)
			return i;
	return 1;
}

const char *reload_exit_name(int status)
{
	return exits[exit_row(status)].name;
}

const char *reload_exit_when(int status)
{
	return exits[exit_row(status)].when;
}

bool reload_exit_retry(int status)
{
	return exits[exit_row(status)].retry;
}

static json_t *text_or_null(const char *text)
{
	json_t *j = text && *text ? json_string(text) : NULL;
	return j ? j : json_null(); /* NULL when the text was cut inside a UTF-8 sequence */
}

static json_t *u64_or_null(bool have, uint64_t v, const char *format)
{
	char text[24];
	snprintf(text, sizeof(text), format, v);
	return have ? json_string(text) : json_null();
}

json_t *reload_failure_json(const struct reload_failure *f)
{
	int status = f->status ? f->status : reload_err_exit(f->err);
	json_t *o = json_object();
	json_object_set_new(o, "code", json_integer(status));
	json_object_set_new(o, "name", json_string(reload_exit_name(status)));
	json_object_set_new(o, "reason", json_string(reload_err_name(f->err)));
	json_object_set_new(
		o, "reload_error", f->overlay_code ? json_integer(f->overlay_code) : json_null());
	json_object_set_new(o, "reload_error_name",
		text_or_null(f->overlay_code ? reload_error_code_name(f->overlay_code) : NULL));
	json_object_set_new(
		o, "what", text_or_null(f->why.what[0] ? f->why.what : reload_err_text(f->err)));
	json_object_set_new(o, "why", text_or_null(f->why.reason));
	json_object_set_new(o, "try", text_or_null(f->why.advice));
	json_object_set_new(o, "retry", json_boolean(reload_exit_retry(status)));
	json_object_set_new(
		o, "transaction", u64_or_null(f->transaction != 0, f->transaction, "%016" PRIx64));
	json_object_set_new(
		o, "generation", u64_or_null(f->has_generation, f->generation, "%" PRIu64));
	json_object_set_new(o, "values", f->values ? json_incref(f->values) : json_null());
	return o;
}

static void copy_text(char *out, size_t size, const json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));
	snprintf(out, size, "%s", s ? s : "");
}

void reload_failure_read(struct reload_failure *f, const json_t *rpc_error)
{
	*f = (struct reload_failure){ 0 };
	json_int_t rpc = json_integer_value(json_object_get(rpc_error, "code"));
	f->err = rpc >= INT32_MIN && rpc < 0 ? reload_err_from_rpc((int)rpc) : RELOAD_FAILED;
	const json_t *data = json_object_get(rpc_error, "data");
	json_int_t code = json_integer_value(json_object_get(data, "reload_error"));
	f->overlay_code = code > 0 && code <= UINT16_MAX ? (uint16_t)code : 0;
	copy_text(f->why.what, sizeof(f->why.what), data, "what");
	if (!f->why.what[0])
		copy_text(f->why.what, sizeof(f->why.what), rpc_error, "message");
	if (!f->why.what[0])
		snprintf(f->why.what, sizeof(f->why.what), "%s", reload_err_text(f->err));
	copy_text(f->why.reason, sizeof(f->why.reason), data, "why");
	copy_text(f->why.advice, sizeof(f->why.advice), data, "try");
	const char *s = json_string_value(json_object_get(data, "transaction"));
	f->transaction = s ? strtoull(s, NULL, 16) : 0;
	s = json_string_value(json_object_get(data, "generation"));
	f->has_generation = s != NULL;
	f->generation = s ? strtoull(s, NULL, 10) : 0;
}
