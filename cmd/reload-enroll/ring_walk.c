#include "reload-enroll/ring_walk.h"

#include <stdio.h>

enum {
	PAUSE_MS = 100, /* between two Pings of the same place, while the document is on its way */
	PING_MS = 5000
};

/* The place behind a node: its successor is responsible for it. */
static void place_after(struct reload_id *id)
{
	for (size_t i = id->len; i-- > 0 && !++id->at[i];)
		;
}

/* Whether the Ping may succeed later: the document is still on its way, or the ring is changing because of it. */
static bool is_passing(enum reload_err err)
{
	return err == RELOAD_CONFIG_TOO_OLD || err == RELOAD_CONFIG_TOO_NEW ||
	       err == RELOAD_TIMEOUT || err == RELOAD_LINK_DOWN || err == RELOAD_REQUEST_TIMEOUT;
}

/* One Ping to the place behind *at: *at becomes the peer that answered; false: it has to be tried again, or err is set. */
static bool ping_next(struct ring_walk *w, struct reload_id *at, enum reload_err *err)
{
	char hex[RELOAD_ID_HEX], target[RELOAD_ID_HEX + 16];
	struct reload_id place = *at;
	struct reload_call_error error = { 0 };
	json_t *answer = NULL;
	place_after(&place);
	snprintf(target, sizeof(target), "resource:%s", reload_id_hex(hex, &place));
	reload_ms limit = cli_monotonic() + PING_MS;
	*err = cli_link_call(w->link, "overlay.ping", json_pack("{s:s}", "target", target),
		limit < w->cli->deadline ? limit : w->cli->deadline, NULL, NULL, &answer, &error);
	bool ok = !*err && !reload_id_from_hex(at, cli_get_text(answer, "node_id"));
	if (*err)
		snprintf(w->last_error, sizeof(w->last_error), "%.150s", error.failure.why.reason);
	reload_call_error_clear(&error);
	json_decref(answer);
	return ok;
}

static void found(struct ring_walk *w, const struct reload_id *at)
{
	w->complete = reload_id_eq(at, &w->own);
	if (w->complete)
		return;
	w->peers++;
	if (w->met)
		w->met(w->arg, at);
	cli_progress(w->cli, "%zu peer%s answered", w->peers, cli_plural(w->peers));
}

enum reload_err ring_walk(struct ring_walk *w)
{
	struct reload_id at = w->own;
	enum reload_err err = RELOAD_OK;
	while (!w->complete) {
		if (ping_next(w, &at, &err)) {
			found(w, &at);
			if (cli_monotonic() >= w->cli->deadline && !w->complete)
				return RELOAD_PARTIAL;
			continue;
		}
		if (!is_passing(err))
			return err;
		if (cli_monotonic() + PAUSE_MS >= w->cli->deadline)
			return RELOAD_PARTIAL;
		if (!cli_sleep(w->stop_fd, cli_monotonic() + PAUSE_MS))
			return RELOAD_CANCELLED;
	}
	return RELOAD_OK;
}
