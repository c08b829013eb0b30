#include "relay.h"

#include "log.h"

#include "common/files.h"
#include "wire/codes.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	SECRET_MIN =
		16, /* bytes: what is shorter can be tried out by anybody who sees an allocation */
	FILE_MAX = 4096
};

/* -- the secret ------------------------------------------------------------------------------------------------------------- */

enum reload_err agent_relay_secret(
	struct agent_relay *r, const char *path, struct reload_error_text *why)
{
	uint8_t *bytes = NULL;
	size_t size = 0;
	enum reload_err err = cli_file_read(
		&bytes, &size, path, FILE_MAX, reload_poll_now() + RELOAD_SECOND, why);
	if (err)
		return err;
	size_t len = strcspn((char *)bytes, "\r\n");
	if (len < SECRET_MIN || len > RELOAD_TURN_SECRET_MAX) {
		err = reload_error_explain(why, RELOAD_BAD_KEY, path,
			"its first line is to be the secret of the TURN servers, %d to %d bytes, "
			"and has %zu",
			SECRET_MIN, RELOAD_TURN_SECRET_MAX, len);
		reload_error_advise(why, "openssl rand -hex 32 > %s", path);
	} else {
		bytes_free(&r->secret);
		r->secret = bytes_copy(span_of(bytes, len));
	}
	OPENSSL_cleanse(bytes, size);
	free(bytes);
	return err;
}

/* -- the search ------------------------------------------------------------------------------------------------------------- */

static void next(struct agent_relay *r);
static void next_provider(struct agent_relay *r);

static void end(struct agent_relay *r)
{
	r->searching = false;
	r->ended = reload_poll_now();
	agent_log(r->agent->log, "link", RELOAD_LEVEL_INFO,
		"search for TURN servers ended tries=%u known=%zu", r->search.tries,
		r->search.count);
	if (r->done)
		r->done(r->arg);
}

static void take(struct agent_relay *r, const struct reload_fetched *f)
{
	struct reload_error_text why = { 0 };
	char hex[RELOAD_ID_HEX], text[64];
	size_t before = r->search.count;
	if (f->err || f->synthetic || !f->data->value.exists)
		return;
	enum reload_err err = reload_turn_search_take(&r->search, &f->signer, f->data->value.value,
		reload_peer_config(r->agent->peer), r->loopback, &why);
	if (err == RELOAD_OK && r->search.count > before)
		agent_log(r->agent->log, "link", RELOAD_LEVEL_INFO,
			"TURN server found address=%s node=%s by=%s",
			reload_ip_port_text(text, &r->search.servers[before].address),
			reload_id_hex(hex, &f->signer), r->by_service ? "service" : "chance");
	else if (err == RELOAD_BAD_VALUE)
		agent_log(r->agent->log, "link", RELOAD_LEVEL_INFO,
			"TURN server not used node=%s: %s: %s", reload_id_hex(hex, &f->signer),
			why.what, why.reason);
}

static void fetched(void *arg, const struct reload_result *result)
{
	struct agent_relay *r = arg;
	r->request = NULL;
	size_t before = r->search.count;
	for (size_t i = 0; i < result->values_count; i++)
		take(r, &result->values[i]);
	if (r->search.count > before && r->done)
		r->done(r->arg);
	if (r->by_service)
		next_provider(r);
	else
		next(r);
}

/* The answer says where a record is. */
static bool fetch(struct agent_relay *r, struct span where)
{
	enum reload_err err = RELOAD_OK;
	struct reload_id resource;
	if (!where.len || reload_id_from(&resource, where))
		return false;
	struct reload_destination to = reload_dest_resource(&resource);
	struct reload_request_target target = {
		.list = &to, .count = 1, .timeout_ms = AGENT_RELAY_FIND_MS
	};
	struct reload_specifier s = { .kind = RELOAD_KIND_TURN_SERVICE,
		.model = RELOAD_MODEL_SINGLE };
	r->request = reload_peer_fetch(r->agent->peer, &target, &resource, &s, 1, fetched, r, &err);
	return r->request != NULL;
}

static void found(void *arg, const struct reload_result *result)
{
	struct agent_relay *r = arg;
	r->request = NULL;
	struct span where = { 0 };
	if (!result->err && result->answer && result->answer->body_decoded)
		where = reload_turn_search_where(&result->answer->body.find_ans);
	if (!fetch(r, where))
		next(r);
}

static void next(struct agent_relay *r)
{
	static const uint32_t kind = RELOAD_KIND_TURN_SERVICE;
	uint8_t name[16];
	enum reload_err err = RELOAD_OK;
	struct reload_id at;
	if (getrandom(name, sizeof(name), 0) != (ssize_t)sizeof(name) ||
		!reload_turn_search_next(&r->search, reload_poll_now())) {
		end(r);
		return;
	}
	reload_peer_resource_id(r->agent->peer, &at, span_of(name, sizeof(name)));
	struct reload_destination to = reload_dest_resource(&at);
	struct reload_request_target target = {
		.list = &to, .count = 1, .timeout_ms = AGENT_RELAY_FIND_MS
	};
	r->request = reload_peer_find(r->agent->peer, &target, &at, &kind, 1, found, r, &err);
	if (r->request)
		return;
	end(r);
	r->ended = 0; /* it has no link */
}

/* -- by ReDiR --------------------------------------------------------------------------------------------------------------- */

/* A provider's first TURN-SERVICE record has the address of its server. */
static void provider_found(void *arg)
{
	struct agent_relay *r = arg;
	uint8_t bytes[RELOAD_ID_MAX + 1];
	struct wr name = wr_fixed(bytes, sizeof(bytes));
	struct reload_id at;
	if (!r->walk.lookup.err) {
		reload_turn_name(&name, &r->walk.lookup.provider, 1);
		reload_peer_resource_id(r->agent->peer, &at, wr_done(&name));
		if (fetch(r, reload_id_span(&at)))
			return;
	}
	r->by_service = false;
	next(r);
}

/* The next provider, as long as too few servers are known; then random places. */
static void next_provider(struct agent_relay *r)
{
	bool more = agent_redir_walk_pass_over(&r->walk) &&
		    reload_turn_search_wanted(&r->search, reload_poll_now());
	if (more && !agent_redir_walk_begin(&r->walk, &r->agent->credentials->node))
		return;
	r->by_service = false;
	next(r);
}

static void search(struct agent_relay *r)
{
	r->walk = (struct agent_redir_walk){ .agent = r->agent,
		.service = RELOAD_SERVICE_TURN,
		.each_ms = AGENT_RELAY_FIND_MS,
		.done = provider_found,
		.arg = r };
	r->by_service = true;
	if (!agent_redir_walk_begin(&r->walk, &r->agent->credentials->node))
		return;
	r->by_service = false;
	next(r);
}

bool agent_relay_search(struct agent_relay *r)
{
	reload_ms now = reload_poll_now();
	if (r->searching)
		return true;
	if (!r->secret.len || !reload_turn_search_wanted(&r->search, now) ||
		(r->ended && now - r->ended < AGENT_RELAY_PAUSE_MS))
		return false;
	r->searching = true;
	reload_turn_search_begin(&r->search);
	search(r);
	return r->searching;
}

void agent_relay_clear(struct agent_relay *r)
{
	if (r->request)
		reload_request_cancel(r->agent->peer, TAKE(r->request));
	agent_redir_walk_stop(&r->walk);
	r->searching = false;
	if (r->secret.len)
		OPENSSL_cleanse(r->secret.at, r->secret.len);
	bytes_free(&r->secret);
}

void agent_relay_add(struct agent_relay *r, const struct reload_ip_port *at)
{
	if (!r->search.count)
		r->search.servers[r->search.count++] =
			(struct reload_turn_known){ .node = r->agent->credentials->node,
				.address = *at };
}
