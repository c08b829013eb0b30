/* A session: the client of the control protocol (control/client.h) with texts in the place of JSON values, and its own limit. */
#include "libreload/internal.h"

#include "common/home.h"
#include "control/client_io.h"
#include "control/json_write.h"
#include "util/alloc.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	PROTOCOL = 1 /* the version of the control protocol that this library knows */
};

struct reload_session {
	struct reload_client *client; /* NULL: not connected */
	int fd;
	unsigned timeout_ms;
	struct reload_failure failure; /* of the last call that failed */
	char *error;                   /* the same as JSON; NULL: none has failed */
	reload_progress_callback progress;
	void *progress_arg;
};

static reload_ms now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (reload_ms)t.tv_sec * 1000 + (reload_ms)t.tv_nsec / 1000000;
}

static reload_ms deadline_of(const struct reload_session *s)
{
	return s->timeout_ms ? now_ms() + s->timeout_ms : RELOAD_NEVER;
}

char *library_text(json_t *json)
{
	struct wr w;
	wr_init(&w);
	reload_json_write(&w, json);
	wr_u8(&w, 0);
	return (char *)w.at;
}

static int fail_with(struct reload_session *s, const struct reload_failure *failure, json_t *data)
{
	s->failure = *failure;
	s->failure.values = NULL;
	free(s->error);
	s->error = library_text(data);
	return failure->status ? failure->status : reload_err_exit(failure->err);
}

static int fail_why(
	struct reload_session *s, enum reload_err err, const struct reload_error_text *why)
{
	struct reload_failure failure = { .err = err, .why = *why };
	json_t *data = reload_failure_json(&failure);
	int status = fail_with(s, &failure, data);
	json_decref(data);
	return status;
}

int library_usage(struct reload_session *s, const char *what, const char *reason)
{
	struct reload_error_text why = { 0 };
	reload_error_explain(&why, RELOAD_USAGE, what, "%s", reason);
	return fail_why(s, RELOAD_USAGE, &why);
}

int library_failed(
	struct reload_session *s, enum reload_err err, const char *what, const char *reason)
{
	struct reload_error_text why = { 0 };
	reload_error_explain(&why, err, what, "%s", reason);
	return fail_why(s, err, &why);
}

static int fail_call(struct reload_session *s, struct reload_call_error *error)
{
	int status = fail_with(s, &error->failure, error->data);
	reload_call_error_clear(error);
	return status;
}

static int not_connected(struct reload_session *s)
{
	struct reload_error_text why = { 0 };
	if (s->error)
		return reload_err_exit(s->failure.err);
	reload_error_explain(&why, RELOAD_NO_AGENT, "no agent", "the session is not connected");
	return fail_why(s, RELOAD_NO_AGENT, &why);
}

static bool on_progress(void *arg, json_int_t id, json_t *object)
{
	struct reload_session *s = arg;
	char *text = library_text(object);
	bool more = !s->progress || s->progress(s->progress_arg, id, text);
	free(text);
	return more;
}

static bool on_own_progress(void *arg, json_t *object)
{
	return on_progress(arg, 0, object);
}

int library_call(struct reload_session *s, const char *method, json_t *params, json_t **result)
{
	struct reload_call_error error = { 0 };
	if (!s->client) {
		json_decref(params);
		return not_connected(s);
	}
	return reload_client_call(s->client, method, params, deadline_of(s), on_own_progress, s,
		       result, &error)
		       ? fail_call(s, &error)
		       : RELOAD_STATUS_OK;
}

/* An agent that does not know the method is one of version 1, as is this library. */
static int negotiate(struct reload_session *s)
{
	json_t *result = NULL;
	int status = library_call(
		s, "rpc.negotiate", json_pack("{s:[i]}", "versions", PROTOCOL), &result);
	json_decref(result);
	return status && s->failure.err != RELOAD_NO_METHOD ? status : RELOAD_STATUS_OK;
}

int reload_session_open(struct reload_session **session, const char *agent, unsigned timeout_ms)
{
	struct reload_session *s = *session = RELOAD_NEW(reload_session);
	const char *named = agent ? agent : getenv("RELOAD_AGENT");
	struct reload_error_text why = { 0 };
	struct reload_client_io io;
	char *path = NULL;
	s->timeout_ms = timeout_ms;
	s->fd = -1;
	enum reload_err err = cli_agent_of(&path, named && *named ? named : NULL, &why);
	if (!err)
		err = reload_client_open(
			&io, path, named && *named ? named : NULL, deadline_of(s), -1, &why);
	if (!err) {
		s->fd = reload_client_io_fd(&io);
		s->client = reload_client_new(&io);
	}
	free(path);
	return err ? fail_why(s, err, &why) : negotiate(s);
}

void reload_session_close(struct reload_session *s)
{
	if (!s)
		return;
	reload_client_free(s->client);
	free(s->error);
	free(s);
}

void reload_session_set_timeout(struct reload_session *s, unsigned timeout_ms)
{
	s->timeout_ms = timeout_ms;
}

const char *reload_session_what(const struct reload_session *s)
{
	return s->failure.why.what;
}

const char *reload_session_why(const struct reload_session *s)
{
	return s->failure.why.reason;
}

const char *reload_session_advice(const struct reload_session *s)
{
	return s->failure.why.advice;
}

bool reload_session_retry(const struct reload_session *s)
{
	int status = s->failure.status ? s->failure.status : reload_err_exit(s->failure.err);
	return s->error && reload_exit_retry(status);
}

const char *reload_session_error(const struct reload_session *s)
{
	return s->error ? s->error : "";
}

int reload_session_fd(const struct reload_session *s)
{
	return s->fd;
}

void reload_session_on_progress(struct reload_session *s, reload_progress_callback fn, void *arg)
{
	s->progress = fn;
	s->progress_arg = arg;
}

/* The parameters as a JSON value (owned), NULL for none; false: the text is no JSON object. */
static bool params_read(json_t **out, const char *text)
{
	*out = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (!text || json_is_object(*out))
		return true;
	json_decref(*out);
	return false;
}

int reload_session_call(
	struct reload_session *s, const char *method, const char *params, char **result)
{
	json_t *asked, *answer = NULL;
	if (!params_read(&asked, params))
		return library_usage(s, method, "the parameters are no JSON object");
	int status = library_call(s, method, asked, &answer);
	if (!status)
		*result = library_text(answer);
	json_decref(answer);
	return status;
}

int reload_session_send(
	struct reload_session *s, const char *method, const char *params, int64_t *id)
{
	struct reload_call_error error = { 0 };
	json_t *asked;
	json_int_t number = 0;
	if (!s->client)
		return not_connected(s);
	if (!params_read(&asked, params))
		return library_usage(s, method, "the parameters are no JSON object");
	if (reload_client_send(s->client, method, asked, deadline_of(s), &number, &error))
		return fail_call(s, &error);
	*id = number;
	return RELOAD_STATUS_OK;
}

int reload_session_next(struct reload_session *s, int64_t *id, char **result)
{
	struct reload_call_error error = { 0 };
	json_t *answer = NULL;
	json_int_t number = 0;
	*id = 0;
	if (!s->client)
		return not_connected(s);
	reload_client_on_progress(s->client, on_progress, s);
	enum reload_err err =
		reload_client_next(s->client, deadline_of(s), &number, &answer, &error);
	*id = err ? 0 : number;
	if (err || error.data)
		return fail_call(s, &error);
	*result = library_text(answer);
	json_decref(answer);
	return RELOAD_STATUS_OK;
}

int reload_session_cancel(struct reload_session *s, int64_t id)
{
	struct reload_call_error error = { 0 };
	if (!s->client)
		return not_connected(s);
	return reload_client_cancel(s->client, id, deadline_of(s), &error) ? fail_call(s, &error)
									   : RELOAD_STATUS_OK;
}

const char *reload_library_version(void)
{
	return RELOAD_VERSION;
}
