/*
 * The control line: a session of an agent whose handlers accept whatever passed the table.  The first byte says how the
 * rest is cut into reads and whether the socket is the reading one.
 */
#include "control/session.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum reload_rpc_end pend(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	(void)arg;
	assert(json_is_object(params));
	json_t *object = json_pack("{s:s}", "type", "begun");
	reload_rpc_progress(call, object);
	json_decref(object);
	return reload_rpc_pend(call, NULL, NULL);
}

static enum reload_rpc_end refuse(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	(void)arg;
	assert(json_is_object(params));
	return reload_rpc_fail_why(call, RELOAD_NO_VALUE, NULL);
}

/* Each line that comes out is JSON. */
static void drain(struct reload_rpc_session *s)
{
	struct span out;
	while ((out = reload_rpc_session_output(s)).len) {
		const uint8_t *end = memchr(out.at, '\n', out.len);
		assert(end);
		json_t *line = json_loadb((const char *)out.at, (size_t)(end - out.at), 0, NULL);
		assert(json_is_object(line));
		json_decref(line);
		reload_rpc_session_sent(s, (size_t)(end - out.at) + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	static reload_rpc_handler handlers[RELOAD_METHODS];
	for (size_t i = 0; i < RELOAD_METHODS; i++)
		handlers[i] = i % 2 ? pend : refuse;
	static const struct reload_rpc_service service = { .handlers = handlers };
	struct reload_rpc_session *s = reload_rpc_session_new(&service, data[0] & 1, NULL, NULL);
	size_t piece = 1 + (data[0] >> 1);
	for (size_t at = 1; at < size && reload_rpc_session_hungry(s);) {
		size_t n = size - at < piece ? size - at : piece;
		uint8_t *copy = reload_memdup(data + at, n); /* one byte too far is seen */
		reload_rpc_session_feed(s, span_of(copy, n));
		free(copy);
		at += n;
		if (piece % 3)
			drain(s);
	}
	drain(s);
	reload_rpc_session_free(s);
	return 0;
}
