#include "refresh.h"

#include "log.h"

#include "common/json.h"
#include "common/output.h"

#include <stdlib.h>
#include <string.h>

enum {
	CHECK_MS =
		30000, /* maximum time between two checks of the certificate, because clocks can be set */
	WARN_AGAIN_MS = 3600 * 1000 /* between two warnings */
};

/* -- taking what is new ------------------------------------------------------------------------------------------------ */

/* An identity that the engine and signatures under way may still use; freed when no signature is under way. */
struct retired {
	struct cli_identity identity;
	struct retired *next;
};

static void retired_free(struct host *h)
{
	for (struct retired *r; (r = h->retired);) {
		h->retired = r->next;
		cli_identity_clear(&r->identity);
		free(r);
	}
}

static void part_set(json_t *result, const char *part, const char *state, const char *why)
{
	char key[32];
	json_object_set_new(result, part, json_string(state));
	snprintf(key, sizeof(key), "%s_why", part);
	json_object_set_new(result, key, why ? json_string(why) : json_null());
}

static void log_refresh(struct host *h, json_t *result)
{
	struct reload_error_text why = { 0 };
	enum reload_err err = agent_log_reopen(h->agent.log, &why);
	if (err)
		agent_log(
			h->agent.log, "agent", RELOAD_LEVEL_ERROR, "%s: %s", why.what, why.reason);
	part_set(result, "log", err ? "failed" : "reopened", err ? why.reason : NULL);
}

static void configuration_refresh(struct host *h, const struct cli_identity *fresh, json_t *result)
{
	struct reload_error_text why = { 0 };
	const struct reload_config *present = reload_peer_config(h->agent.peer);
	const char *state = "unchanged";
	bool same = span_eq(fresh->config->document, present->document);
	enum reload_err err = RELOAD_OK;
	if (!same && !reload_config_newer(fresh->config, present))
		err = reload_error_explain(&why, RELOAD_CONFIG_TOO_OLD, "an older document",
			"sequence %u does not follow %u: each document's is 1 to 32767 above the "
			"one before, and where the numbers begin anew it ends no earlier",
			fresh->config->sequence, present->sequence);
	else if (!same)
		err = reload_config_verify(fresh->config, present, reload_poll_wall(), &why);
	if (err) {
		agent_log(h->agent.log, "agent", RELOAD_LEVEL_ERROR,
			"new configuration refused: %s: %s", why.what, why.reason);
		state = "refused";
	} else if (!same) {
		reload_peer_configure(h->agent.peer, fresh->config);
		state = "taken";
	} else {
		agent_log(h->agent.log, "agent", RELOAD_LEVEL_INFO,
			"configuration unchanged sequence=%u", present->sequence);
	}
	part_set(result, "configuration", state, strcmp(state, "refused") ? NULL : why.reason);
}

static enum reload_err may_replace(
	const struct host *h, const struct cli_identity *fresh, struct reload_error_text *why)
{
	const struct reload_credentials *old = &h->identity.credentials, *new = &fresh->credentials;
	if (!reload_id_eq(&old->node, &new->node) ||
		old->cert->node_ids_count != new->cert->node_ids_count)
		return reload_error_explain(why, RELOAD_BAD_CERT, h->identity.dir,
			"the new certificate has another Node-ID; that takes a restart");
	if (strcmp(old->cert->user, new->cert->user) != 0)
		return reload_error_explain(why, RELOAD_BAD_CERT, h->identity.dir,
			"the new certificate is for %s; that takes a restart", new->cert->user);
	return RELOAD_OK;
}

static void credentials_take(struct host *h, struct cli_identity *fresh)
{
	struct retired *old = RELOAD_NEW(retired);
	if (!reload_pool_counters(h->pool).waiting)
		retired_free(h);
	old->identity = h->identity;
	old->next = h->retired;
	h->retired = old;
	h->identity = *fresh;
	*fresh = (struct cli_identity){ 0 };
	/* these stay those of the start: others have borrowed the names of instance and directory */
	char *dir = h->identity.dir, *instance = h->identity.instance;
	h->identity.dir = old->identity.dir;
	h->identity.instance = old->identity.instance;
	old->identity.dir = dir;
	old->identity.instance = instance;
	reload_peer_credentials(h->agent.peer, &h->identity.credentials);
}

static void certificate_refresh(struct host *h, struct cli_identity *fresh, json_t *result)
{
	struct reload_error_text why = { 0 };
	const struct reload_credentials *new = &fresh->credentials;
	char until[RELOAD_UTC_TEXT];
	if (span_eq(h->identity.credentials.cert->der, new->cert->der)) {
		part_set(result, "certificate", "unchanged", NULL);
		return;
	}
	enum reload_err err = may_replace(h, fresh, &why);
	if (!err)
		err = reload_links_set_credentials(
			h->links, new->cert, new->key, new->others, new->others_count, &why);
	if (err) {
		agent_log(h->agent.log, "agent", RELOAD_LEVEL_ERROR,
			"new certificate refused: %s: %s", why.what, why.reason);
		part_set(result, "certificate", "refused", why.reason);
		return;
	}
	credentials_take(h, fresh);
	agent_log(h->agent.log, "agent", RELOAD_LEVEL_INFO, "new certificate taken until=%s",
		reload_utc_text(until, h->identity.credentials.cert->not_after));
	part_set(result, "certificate", "taken", NULL);
	host_validity_start(h);
}

json_t *host_refresh(struct host *h)
{
	struct cli_identity fresh = { 0 };
	struct reload_error_text why = { 0 };
	json_t *result = json_object();
	log_refresh(h, result);
	if (cli_identity_load(&fresh, h->identity.dir,
		    agent_setting_value(h->settings, "config", 0), reload_poll_wall(), &why)) {
		char text[1024];
		snprintf(text, sizeof(text), "%s: %s", why.what, why.reason);
		agent_log(h->agent.log, "agent", RELOAD_LEVEL_ERROR, "not refreshed: %s", text);
		part_set(result, "certificate", "refused", text);
		part_set(result, "configuration", "refused", text);
	} else {
		configuration_refresh(h, &fresh, result);
		certificate_refresh(h, &fresh, result);
		cli_identity_clear(&fresh);
	}
	json_object_set_new(result, "certificate_until",
		cli_json_time(h->identity.credentials.cert->not_after));
	json_object_set_new(result, "configuration_sequence",
		json_integer(reload_peer_config(h->agent.peer)->sequence));
	return result;
}

/* -- the end of the own certificate --------------------------------------------------------------------------------------- */

static void emit(struct host *h, enum reload_event_type type)
{
	agent_event(
		&h->agent, &(struct reload_event){ .type = type,
				   .node = &h->identity.credentials.node,
				   .err = type == RELOAD_EV_CERTIFICATE_ENDED ? RELOAD_CERT_EXPIRED
									      : RELOAD_OK });
}

static void validity_check(void *arg)
{
	struct host *h = arg;
	const struct reload_cert *cert = h->identity.credentials.cert;
	reload_ms mono = reload_poll_now(), next;
	reload_utc now = reload_poll_wall();
	bool soon = reload_cert_ends_soon(cert, now, &next);
	if (now >= cert->not_after && !h->outdated) {
		h->outdated = true;
		emit(h, RELOAD_EV_CERTIFICATE_ENDED);
		h->join_when_valid = !h->stopping && reload_peer_wants_overlay(h->agent.peer);
		reload_peer_leave(h->agent.peer, true);
	} else if (soon && (!h->warned || mono - h->warned >= WARN_AGAIN_MS)) {
		h->warned = mono;
		emit(h, RELOAD_EV_CERTIFICATE_ENDS);
	}
	if (!next || next > CHECK_MS)
		next = CHECK_MS;
	reload_timer_arm(
		reload_poll_timers(h->agent.poll), &h->validity, mono + next, validity_check, h);
}

void host_validity_start(struct host *h)
{
	struct reload_error_text why = { 0 };
	bool again = h->outdated && h->identity.credentials.cert->not_after > reload_poll_wall();
	if (again) {
		h->outdated = false;
		h->warned = 0;
		if (h->join_when_valid && !h->stopping &&
			h->agent.join(&h->agent, h->joining_as, TAKE(h->asked), &why))
			agent_log(h->agent.log, "agent", RELOAD_LEVEL_ERROR,
				"not joined again: %s: %s", why.what, why.reason);
	}
	reload_timer_arm(reload_poll_timers(h->agent.poll), &h->validity, reload_poll_now(),
		validity_check, h);
}

void host_refresh_clear(struct host *h)
{
	if (h->agent.poll)
		reload_timer_cancel(reload_poll_timers(h->agent.poll), &h->validity);
	retired_free(h);
}
