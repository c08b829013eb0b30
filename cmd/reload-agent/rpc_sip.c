/* sip.register, sip.unregister: the registration of this node under the AOR of its user (RFC 7904 s3). */
#include "rpc_store.h"

#include "registrations.h"

#include "config/kind.h"
#include "ident/aor.h"
#include "usage/sip.h"
#include "usage/sip_prefs.h"
#include "util/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is to be registered. */
struct registration {
	struct agent *agent;
	struct reload_aor aor;
	const char *forward; /* borrowed; NULL: to this node */
	struct wr prefs;     /* as a predicate */
	struct reload_status status;
	struct reload_destination list[2];
	size_t count;
};

static enum reload_err refuse(const struct registration *r, enum reload_err err,
	struct reload_error_text *why, const char *aor, const char *reason)
{
	char what[256];
	const char *user = r->agent->credentials->cert->user;
	snprintf(what, sizeof(what), "cannot register %.200s", aor);
	(void)reload_error_explain(why, err, what, "%s", reason);
	reload_error_advise(why, "reload-sip-call -a %s register %.150s", r->agent->instance,
		user ? user : "USER@DOMAIN");
	return err;
}

/* The AOR has to be the user name of the certificate, or every peer would refuse to store it (RFC 7904 s3.3). */
static enum reload_err read_aor(
	struct registration *r, const char *text, struct reload_error_text *why)
{
	struct reload_aor own;
	char reason[400];
	const char *user = r->agent->credentials->cert->user;
	const struct reload_config *config = reload_peer_config(r->agent->peer);
	if (reload_aor_parse(&r->aor, span_str(text)) || r->aor.has_gr)
		return refuse(r, RELOAD_USAGE, why, text, "it is no AOR: a user and a domain");
	if (!user || reload_aor_parse(&own, span_str(user)) || strcmp(own.name, r->aor.name)) {
		snprintf(reason, sizeof(reason), "the certificate of this node is that of %.300s",
			user ? user : "nobody");
		return refuse(r, RELOAD_FORBIDDEN, why, text, reason);
	}
	if (!reload_config_kind(config, RELOAD_KIND_SIP_REGISTRATION)) {
		(void)refuse(r, RELOAD_UNKNOWN_KIND, why, text,
			"the overlay does not define SIP-REGISTRATION");
		reload_error_advise(why, "a Kind file for reload-enroll init --kind");
		return RELOAD_UNKNOWN_KIND;
	}
	if (reload_sip_hosted(config, r->aor.domain)) /* R7904-5 */
		return RELOAD_OK;
	snprintf(reason, sizeof(reason), "the configuration of %.200s allows no names of %.150s",
		config->instance_name, r->aor.domain);
	(void)refuse(r, RELOAD_FORBIDDEN, why, text, reason);
	reload_error_advise(why, "reload-enroll config show %.150s", config->instance_name);
	return RELOAD_FORBIDDEN;
}

/* Who is registered can be looked up by everybody. */
static enum reload_err check_pseudonym(
	const struct registration *r, const char *text, struct reload_error_text *why)
{
	if (!r->agent->pseudonym)
		return RELOAD_OK;
	(void)refuse(r, RELOAD_FORBIDDEN, why, text,
		"this agent runs with --pseudonym, and everybody can read registrations");
	reload_error_advise(why, "the agent of another identity");
	return RELOAD_FORBIDDEN;
}

static enum reload_err read_forward(
	struct registration *r, const json_t *params, struct reload_error_text *why)
{
	struct reload_aor to;
	r->forward = param_text(params, "forward", NULL);
	if (!r->forward)
		return RELOAD_OK;
	if (reload_aor_parse(&to, span_str(r->forward)))
		return refuse(r, RELOAD_USAGE, why, r->aor.name,
			"what it is to be forwarded to is no AOR and no GRUU");
	if (!to.has_gr && !strcmp(to.name, r->aor.name))
		return refuse(r, RELOAD_USAGE, why, r->aor.name, "it would be forwarded to itself");
	if (param_text(params, "prefs", NULL))
		return refuse(r, RELOAD_USAGE, why, r->aor.name,
			"preferences are those of a device, and forwarded calls go to another");
	return RELOAD_OK;
}

static enum reload_err read_prefs(
	struct registration *r, const json_t *params, struct reload_error_text *why)
{
	struct reload_prefs prefs;
	if (reload_prefs_read(&prefs, span_str(param_text(params, "prefs", "")))) {
		(void)refuse(r, RELOAD_USAGE, why, r->aor.name,
			"the contact preferences are neither a predicate nor parameters of a "
			"Contact header field (RFC 3840)");
		reload_error_advise(why, "'(sip.schemes=SIPS)', or 'audio;schemes=\"SIPS\"'");
		return RELOAD_USAGE;
	}
	reload_prefs_predicate(&r->prefs, &prefs);
	return r->prefs.err;
}

static enum reload_err write_value(struct registration *r, struct wr *value)
{
	struct wire_ctx ctx = reload_config_wire_ctx(reload_peer_config(r->agent->peer));
	if (r->forward)
		return reload_sip_forward(value, r->forward);
	reload_peer_status(r->agent->peer, &r->status);
	r->count = agent_registration_list(&r->status, r->list);
	reload_sip_route(value, &ctx, r->list, r->count, wr_done(&r->prefs));
	return value->err;
}

/* What the result has beside that of store.put. */
static json_t *result_of(const struct registration *r)
{
	struct wire_ctx ctx = reload_config_wire_ctx(reload_peer_config(r->agent->peer));
	json_t *list = json_array(), *o;
	struct wr gruu;
	wr_init(&gruu);
	for (size_t i = 0; i < r->count; i++)
		json_array_append_new(list, json_of_id(&r->list[i].node));
	if (r->count)
		reload_gruu_write(&gruu, &ctx, r->aor.name, r->list, r->count);
	o = json_pack("{s:s, s:o, s:o, s:o, s:o}", "aor", r->aor.name, "forward",
		json_of_text(r->forward), "contact_prefs",
		r->prefs.len ? json_of_utf8(wr_done(&r->prefs)) : json_null(), "destination_list",
		list, "gruu", gruu.len ? json_of_utf8(wr_done(&gruu)) : json_null());
	wr_clear(&gruu);
	return o;
}

/* The parameters of store.put (owned); value NULL: of a removal. */
static json_t *store_params(
	const struct registration *r, const struct wr *value, const json_t *params)
{
	char target[RELOAD_AOR_NAME + 8];
	json_t *v = json_pack("{s:b}", "exists", value != NULL);
	snprintf(target, sizeof(target), "name:%s", r->aor.name);
	uint64_t lifetime = param_int(params, "lifetime_s", AGENT_REGISTRATION_LIFETIME_S);
	json_object_set_new(v, "lifetime_s", json_integer((json_int_t)lifetime));
	if (value) {
		char *base64 = reload_base64(wr_done(value));
		json_object_set_new(v, "value", json_string(base64));
		free(base64);
	}
	json_t *o = json_pack("{s:s, s:i, s:[o], s:b, s:b, s:I}", "target", target, "kind",
		(int)RELOAD_KIND_SIP_REGISTRATION, "values", v, "keep", value != NULL, "dry_run",
		(int)param_bool(params, "dry_run", false), "timeout_ms",
		(json_int_t)param_int(params, "timeout_ms", 0));
	return o;
}

enum reload_rpc_end rpc_sip_register(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct registration r = { .agent = arg };
	struct reload_error_text why;
	const char *text = param_text(params, "aor", "");
	struct wr value;
	wr_init(&value);
	wr_init(&r.prefs);
	enum reload_err err = check_pseudonym(&r, text, &why);
	if (!err)
		err = read_aor(&r, text, &why);
	if (!err)
		err = read_forward(&r, params, &why);
	if (!err)
		err = read_prefs(&r, params, &why);
	if (!err && write_value(&r, &value))
		err = refuse(&r, RELOAD_LIMIT, &why, text, "the registration is too large");
	enum reload_rpc_end end;
	if (err) {
		end = reload_rpc_fail_why(call, err, &why);
	} else {
		json_t *put = store_params(&r, &value, params);
		end = agent_store_put(r.agent, call, put, result_of(&r));
		json_decref(put);
	}
	wr_clear(&value);
	wr_clear(&r.prefs);
	return end;
}

enum reload_rpc_end rpc_sip_unregister(
	void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct registration r = { .agent = arg };
	struct reload_error_text why;
	enum reload_err err = read_aor(&r, param_text(params, "aor", ""), &why);
	if (err)
		return reload_rpc_fail_why(call, err, &why);
	json_t *put = store_params(&r, NULL, params);
	enum reload_rpc_end end =
		agent_store_put(r.agent, call, put, json_pack("{s:s}", "aor", r.aor.name));
	json_decref(put);
	return end;
}

enum reload_rpc_end rpc_sip_hosts(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	const struct agent *agent = arg;
	struct reload_error_text why;
	struct reload_aor aor;
	const char *text = param_text(params, "aor", "");
	const struct reload_config *config = reload_peer_config(agent->peer);
	const struct reload_kind *kind = reload_config_kind(config, RELOAD_KIND_SIP_REGISTRATION);
	if (reload_aor_parse(&aor, span_str(text))) {
		char what[256];
		snprintf(what, sizeof(what), "%.200s has no domain", text);
		(void)reload_error_explain(&why, RELOAD_USAGE, what, "it is no AOR");
		reload_error_advise(&why, "a user and a domain, such as bob@calls.example");
		return reload_rpc_fail_why(call, RELOAD_USAGE, &why);
	}
	return reload_rpc_reply(
		call, json_pack("{s:s, s:o, s:b, s:b, s:b}", "overlay", config->instance_name,
			      "user", json_of_text(agent->credentials->cert->user), "hosted",
			      (int)reload_sip_hosted(config, aor.domain), "restricted",
			      (int)(kind && kind->domains_restricted), "pseudonym",
			      (int)agent->pseudonym));
}
