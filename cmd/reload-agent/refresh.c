#include "refresh.h"

#include "log.h"

#include "common/files.h"
#include "common/json.h"
#include "common/output.h"

#include <stdlib.h>
#include <string.h>

enum {
	CHECK_MS =
		30000, /* maximum time between two checks of the certificate, because clocks can be set */
	WARN_AGAIN_MS = 3600 * 1000 /* between two warnings */
};

char *host_document_path(const struct host *h)
{
	size_t len = strlen(h->identity.dir) + sizeof("/overlay.xml");
	char *path = reload_alloc(len);
	snprintf(path, len, "%s/overlay.xml", h->identity.dir);
	return path;
}

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

/* Whether config may take the place of the present document, as a ConfigUpdate with it might. */
static enum reload_err may_configure(const struct reload_config *config,
	const struct reload_config *present, struct reload_error_text *why)
{
	if (reload_config_newer(config, present))
		return reload_config_verify(config, present, reload_poll_wall(), why);
	enum reload_err err = reload_error_explain(why, RELOAD_CONFIG_TOO_OLD, "an older document",
		"sequence %u does not follow %u: each document's is 1 to 32767 above the "
		"one before, and where the numbers begin anew it ends no earlier",
		config->sequence, present->sequence);
	reload_error_advise(
		why, "reload-enroll config show, which names the sequence of a document");
	return err;
}

static void configuration_refresh(struct host *h, const struct cli_identity *fresh, json_t *result)
{
	struct reload_error_text why = { 0 };
	const struct reload_config *present = reload_peer_config(h->agent.peer);
	const char *state = "unchanged";
	bool same = span_eq(fresh->config->document, present->document);
	enum reload_err err = same ? RELOAD_OK : may_configure(fresh->config, present, &why);
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

/*
 * R-11.1-49: a document that the authority has signed and that this program does not understand cannot be used, but the node may not go on
 * with the one before it either.
 */
static void leave_unsupported(struct host *h)
{
	AUTO(reload_config) config = NULL;
	const struct reload_config *present = reload_peer_config(h->agent.peer);
	const char *given = agent_setting_value(h->settings, "config", 0);
	char *path = given ? reload_strdup(given) : host_document_path(h);
	struct reload_error_text ignored;
	uint8_t *bytes = NULL;
	size_t len = 0;
	bool read = !cli_file_read(&bytes, &len, path, RELOAD_CONFIG_SIZE_MAX,
			    reload_poll_now() + RELOAD_SECOND, &ignored) &&
		    !reload_config_parse_any(&config, span_of(bytes, len), present->instance_name,
			    &reload_ident_openssl, reload_poll_wall(), &ignored);
	if (read && reload_config_supported(config, &ignored) &&
		!may_configure(config, present, &ignored))
		reload_peer_configure(h->agent.peer, config);
	free(bytes);
	free(path);
}

/* -- a document to be published ------------------------------------------------------------------------------------------ */

/* The peers take messages up to the limit of the document that they have. */
static enum reload_err may_send(const struct reload_config *config,
	const struct reload_config *present, struct reload_error_text *why)
{
	size_t need = config->document.len + RELOAD_CONFIG_UPDATE_OVERHEAD;
	if (need <= present->max_message_size)
		return RELOAD_OK;
	enum reload_err err = reload_error_explain(why, RELOAD_LIMIT,
		"the document is too large to be published",
		"an update of it takes about %zu bytes, and a message of the overlay has at most "
		"%u",
		need, present->max_message_size);
	reload_error_advise(why,
		"publish first the present document with another limit: reload-enroll config set "
		"max-message-size=%zu",
		2 * need);
	return err;
}

static enum reload_err may_publish(
	const struct host *h, const struct reload_config *config, struct reload_error_text *why)
{
	const struct reload_config *present = reload_peer_config(h->agent.peer);
	struct reload_status s;
	reload_peer_status(h->agent.peer, &s);
	if (s.state != RELOAD_STATE_JOINED) {
		enum reload_err err = reload_error_explain(why, RELOAD_NOT_JOINED,
			"nothing can be published", "%s is not part of %s, its state is %s",
			h->agent.instance, present->instance_name, reload_state_name(s.state));
		reload_error_advise(why, "reload-join -a %s", h->agent.instance);
		return err;
	}
	if (span_eq(config->document, present->document))
		return RELOAD_OK;
	enum reload_err err = may_configure(config, present, why);
	return err ? err : may_send(config, present, why);
}

static enum reload_err publish_asked(struct agent *agent, struct span document, bool dry_run,
	json_t **result, struct reload_error_text *why)
{
	struct host *h = (struct host *)agent; /* its first member */
	AUTO(reload_config) config = NULL;
	const struct reload_config *present = reload_peer_config(h->agent.peer);
	enum reload_err err = cli_config_parse(
		&config, document, "the document", present->instance_name, reload_poll_wall(), why);
	if (!err)
		err = may_publish(h, config, why);
	if (err)
		return err;
	bool same = span_eq(config->document, present->document);
	*result = json_pack("{s:s, s:i, s:i, s:b, s:o}", "overlay", config->instance_name,
		"sequence", (int)config->sequence, "previous_sequence", (int)present->sequence,
		"taken", !same, "node_id", json_of_id(&h->identity.credentials.node));
	if (!same && !dry_run)
		reload_peer_configure(h->agent.peer, config);
	return RELOAD_OK;
}

/* -- a newer certificate ---------------------------------------------------------------------------------------------------- */

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
		leave_unsupported(h);
	} else {
		configuration_refresh(h, &fresh, result);
		certificate_refresh(h, &fresh, result);
		cli_identity_clear(&fresh);
		host_validity_start(h);
	}
	json_object_set_new(result, "certificate_until",
		cli_json_time(h->identity.credentials.cert->not_after));
	json_object_set_new(result, "configuration_sequence",
		json_integer(reload_peer_config(h->agent.peer)->sequence));
	return result;
}

void host_refresh_offer(struct host *h)
{
	h->agent.publish = publish_asked;
}

/* -- the end of the own certificate, and of the document -------------------------------------------------------------------- */

static void emit(struct host *h, enum reload_event_type type, enum reload_err err)
{
	agent_event(&h->agent,
		&(struct reload_event){
			.type = type, .node = &h->identity.credentials.node, .err = err });
}

/* Whether this node may be in the overlay at that time: RELOAD_CERT_EXPIRED, or R-11.1-08: RELOAD_CONFIG_EXPIRED. */
static enum reload_err has_ended(const struct host *h, reload_utc now)
{
	reload_utc expiration = reload_peer_config(h->agent.peer)->expiration;
	return now >= h->identity.credentials.cert->not_after ? RELOAD_CERT_EXPIRED
	       : expiration && now >= expiration              ? RELOAD_CONFIG_EXPIRED
							      : RELOAD_OK;
}

static void validity_check(void *arg)
{
	struct host *h = arg;
	const struct reload_cert *cert = h->identity.credentials.cert;
	reload_ms mono = reload_poll_now(), next;
	reload_utc now = reload_poll_wall(),
		   expiration = reload_peer_config(h->agent.peer)->expiration;
	bool soon = reload_cert_ends_soon(cert, now, &next);
	enum reload_err err = has_ended(h, now);
	if (err && !h->outdated) {
		h->outdated = true;
		emit(h,
			err == RELOAD_CERT_EXPIRED ? RELOAD_EV_CERTIFICATE_ENDED
						   : RELOAD_EV_CONFIG_ENDED,
			err);
		h->join_when_valid = !h->stopping && reload_peer_wants_overlay(h->agent.peer);
		reload_peer_leave(h->agent.peer, true);
	} else if (soon && (!h->warned || mono - h->warned >= WARN_AGAIN_MS)) {
		h->warned = mono;
		emit(h, RELOAD_EV_CERTIFICATE_ENDS, RELOAD_OK);
	}
	if (expiration > now && (!next || expiration - now < next))
		next = expiration - now;
	if (!next || next > CHECK_MS)
		next = CHECK_MS;
	reload_timer_arm(
		reload_poll_timers(h->agent.poll), &h->validity, mono + next, validity_check, h);
}

void host_validity_start(struct host *h)
{
	struct reload_error_text why = { 0 };
	if (h->outdated && !has_ended(h, reload_poll_wall())) {
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
