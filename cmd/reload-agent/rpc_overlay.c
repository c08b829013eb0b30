/* overlay.*: joining, leaving, waiting, Ping. */
#include "rpc.h"

#include "common/output.h"
#include "names.h"
#include "rpc_request.h"

#include <string.h>
#include <time.h>

/* -- join ------------------------------------------------------------------------------------------------------------ */

static json_t *phases_json(const struct reload_status *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < RELOAD_PHASES; i++)
		json_array_append_new(list,
			json_pack("{s:s, s:f}", "name", reload_phase_name((enum reload_phase)i),
				"ms", (double)s->phase_ms[i]));
	return list;
}

static json_t *neighbors_json(const struct reload_status *s)
{
	struct reload_id all[512];
	size_t count = 0;
	const struct reload_id *lists[] = { s->tables.successors, s->tables.predecessors };
	const size_t counts[] = { s->tables.successors_count, s->tables.predecessors_count };
	for (size_t l = 0; l < COUNT_OF(lists); l++)
		for (size_t i = 0; i < counts[l] && count < COUNT_OF(all); i++) {
			bool again = false;
			for (size_t k = 0; k < count; k++)
				again |= reload_id_eq(&all[k], &lists[l][i]);
			if (!again)
				all[count++] = lists[l][i];
		}
	return json_of_ids(all, count);
}

static json_t *join_json(
	struct agent *agent, const struct reload_status *s, bool already, reload_ms since)
{
	return json_pack("{s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:b, s:f}", "state",
		reload_state_name(s->state), "overlay",
		reload_peer_config(agent->peer)->instance_name, "node_id", json_of_id(&s->node),
		"role", s->role == RELOAD_ROLE_CLIENT ? "client" : "peer", "bootstrap_peer",
		json_of_id(&s->bootstrap_peer), "admitting_peer", json_of_id(&s->admitting_peer),
		"neighbors", neighbors_json(s), "phases", phases_json(s), "already", already,
		"took_ms", (double)(reload_poll_now() - since));
}

/* What to try after one end of a link refused the other, by the reason that it gave. */
static void refused_hint(
	const struct agent *agent, enum reload_err err, struct reload_error_text *why)
{
	const char *text = agent->refused;
	if (strstr(text, "own Node-ID"))
		reload_error_advise(why,
			"an identity runs once: reload-enroll issue USER@%s --identity NAME",
			reload_peer_config(agent->peer)->instance_name);
	else if (err == RELOAD_CERT_EXPIRED || strstr(text, "expired") || strstr(text, "clock"))
		reload_error_advise(why,
			"reload-agent status -a %s shows until when; date -u, at both ends",
			agent->instance);
	else if (err == RELOAD_CERT_REVOKED || strstr(text, "revoked"))
		reload_error_advise(why, "ask the authority of the overlay for a new certificate");
	else if (err == RELOAD_CERT_UNTRUSTED || strstr(text, "authority is unknown"))
		reload_error_advise(why,
			"certificate and overlay.xml of the authority of that overlay: "
			"reload-enroll "
			"show %s names the present ones",
			agent->instance);
	else
		reload_error_advise(why, "reload-enroll show %s, and the same at the other end",
			agent->instance);
}

static bool was_refused(const struct agent *agent, enum reload_err err)
{
	return *agent->refused && err != RELOAD_FORBIDDEN && reload_err_exit(err) == 10;
}

/* Why a join failed, or in which phase of cli.md s5 it is at the time limit. */
static enum reload_err join_failed(struct agent *agent, const struct reload_status *s,
	enum reload_err err, struct reload_error_text *why)
{
	const struct reload_config *config = reload_peer_config(agent->peer);
	char what[160], shown[AGENT_SHORT], address[64];
	snprintf(what, sizeof(what), "%.60s did not join %.80s", agent->instance,
		config->instance_name);
	const char *phase = reload_phase_name(s->phase), *text = reload_err_text(err);
	if (err == RELOAD_CANCELLED) {
		reload_error_explain(why, err, what, "another request made it leave or stop");
		reload_error_advise(why, "reload-agent status -a %s", agent->instance);
		return err;
	}
	if (was_refused(agent, err)) {
		reload_error_explain(why, err, what, "phase %s: %s", phase, agent->refused);
		refused_hint(agent, err, why);
		return err;
	}
	if (s->phase == RELOAD_PHASE_BOOTSTRAP && err != RELOAD_FORBIDDEN) {
		const char *first = agent->rpc->bootstrap;
		if (!*first && config->bootstrap_count)
			first = reload_ip_port_text(address, &config->bootstrap[0]);
		if (*agent->tried)
			reload_error_explain(
				why, err, what, "phase %s: %s: %s", phase, text, agent->tried);
		else
			reload_error_explain(why, err, what, "phase %s: %s%s%s", phase, text,
				*first ? ", the first tried was " : "", first);
		reload_error_advise(
			why, "start a bootstrap node, or name one: --bootstrap ADDR:PORT");
	} else {
		const struct reload_id *with =
			s->admitting_peer.len ? &s->admitting_peer : &s->bootstrap_peer;
		reload_error_explain(why, err, what, "phase %s with peer %s: %s%s%s", phase,
			with->len ? agent_short_id(shown, with) : "none", text,
			*agent->tried ? "; no link: " : "", agent->tried);
		reload_error_advise(why,
			"reload-agent log -a %s debug, then reload-agent log -a %s --follow",
			agent->instance, agent->instance);
	}
	return err;
}

/*
 * The last phase of cli.md s5: a peer that has just been admitted still connects to its other neighbours.  When its tables
 * have not changed for TABLES_QUIET_MS, or after TABLES_WAIT_MS, overlay.join replies.
 */
static bool neighbours_known(struct agent_waiter *w, const struct reload_status *s)
{
	enum {
		TABLES_QUIET_MS = 100,
		TABLES_WAIT_MS = RELOAD_SECOND
	};
	if (s->role == RELOAD_ROLE_CLIENT || !s->links)
		return true;
	reload_ms now = reload_poll_now(), changed = w->agent->rpc->tables_changed;
	reload_ms quiet_since = changed > s->state_since ? changed : s->state_since;
	reload_ms end = quiet_since + TABLES_QUIET_MS < s->state_since + TABLES_WAIT_MS
				? quiet_since + TABLES_QUIET_MS
				: s->state_since + TABLES_WAIT_MS;
	if (now >= end)
		return true;
	agent_wait_again(w, end);
	return false;
}

static bool join_check(struct agent_waiter *w, const struct reload_status *s)
{
	if (s->state == RELOAD_STATE_JOINED) {
		struct reload_status full = *s;
		if (!neighbours_known(w, s))
			return false;
		if (!full.phase_ms[RELOAD_PHASE_NEIGHBOURS])
			full.phase_ms[RELOAD_PHASE_NEIGHBOURS] = reload_poll_now() - s->state_since;
		reload_rpc_reply(w->call, join_json(w->agent, &full, false, w->since));
		return true;
	}
	if (w->agent->resolving && !w->agent->join_err)
		return false; /* host names are being looked up */
	if (w->agent->join_err) {
		reload_rpc_fail_why(w->call, w->agent->join_err, &w->agent->join_why);
		return true;
	}
	struct reload_error_text why;
	const struct agent_rpc *rpc = w->agent->rpc;
	int status = reload_err_exit(rpc->failed_with);
	bool refused = rpc->failures != w->failures && (status == 6 || status == 10);
	bool ends = s->state == RELOAD_STATE_LEAVING && !s->returns;
	if (!refused && s->state != RELOAD_STATE_ENROLLED && !ends)
		return false;
	enum reload_err err = refused ? rpc->failed_with
				      : RELOAD_CANCELLED; /* another request made the node leave */
	reload_rpc_fail_why(w->call, join_failed(w->agent, s, err, &why), &why);
	return true;
}

static void join_late(struct agent_waiter *w)
{
	struct reload_status s;
	struct reload_error_text why;
	reload_peer_status(w->agent->peer, &s);
	enum reload_err err = s.last_error ? s.last_error : RELOAD_TIMEOUT;
	reload_rpc_fail_why(w->call, join_failed(w->agent, &s, err, &why), &why);
}

/* The bootstrap nodes of the request (owned); NULL with RELOAD_OK: it names none. */
static enum reload_err bootstrap_parse(struct agent_names **out, struct agent *agent,
	const json_t *list, struct reload_error_text *why)
{
	size_t i;
	json_t *item;
	if (!json_array_size(list))
		return RELOAD_OK;
	struct agent_names *names = RELOAD_NEW(agent_names);
	names->poll = agent->poll;
	names->log = agent->log;
	json_array_foreach (list, i, item) {
		enum reload_err err =
			agent_names_add(names, "a bootstrap node", json_string_value(item), why);
		if (err) {
			agent_names_clear(names);
			free(names);
			return err;
		}
	}
	*out = names;
	return RELOAD_OK;
}

static enum reload_err join_start(struct agent *agent, enum reload_role role, const json_t *list,
	struct reload_error_text *why)
{
	struct agent_names *names = NULL;
	enum reload_err err = bootstrap_parse(&names, agent, list, why);
	if (!err)
		err = agent->join(agent, role, names, why);
	return err == RELOAD_EXISTS
		       ? RELOAD_OK
		       : err; /* a join is under way: this request waits for its result */
}

enum reload_rpc_end rpc_overlay_join(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent *agent = arg;
	struct reload_status s;
	struct reload_error_text why;
	reload_peer_status(agent->peer, &s);
	const char *as = param_text(params, "role", NULL);
	enum reload_role role = !as            ? agent->role
				: as[0] == 'c' ? RELOAD_ROLE_CLIENT
					       : RELOAD_ROLE_PEER;
	bool under_way = s.state != RELOAD_STATE_ENROLLED && s.state != RELOAD_STATE_LEAVING;
	if (under_way && as && role != s.role) {
		reload_error_explain(&why, RELOAD_EXISTS, "in the overlay in another role",
			"%s is %s as %s", agent->instance, reload_state_name(s.state),
			s.role == RELOAD_ROLE_CLIENT ? "client" : "peer");
		reload_error_advise(&why, "reload-join -a %s --leave", agent->instance);
		return reload_rpc_fail_why(call, RELOAD_EXISTS, &why);
	}
	if (s.state == RELOAD_STATE_JOINED)
		return reload_rpc_reply(call, join_json(agent, &s, true, reload_poll_now()));
	enum reload_err err = join_start(agent, role, json_object_get(params, "bootstrap"), &why);
	if (err)
		return reload_rpc_fail_why(call, err, &why);
	reload_peer_status(agent->peer, &s);
	if (!param_bool(params, "wait", true))
		return reload_rpc_reply(call, join_json(agent, &s, false, reload_poll_now()));
	return agent_wait(agent, call, param_int(params, "timeout_ms", 0), join_check, join_late,
		RELOAD_STATE_JOINED);
}

/* -- leave, wait ------------------------------------------------------------------------------------------------------- */

static json_t *leave_json(
	struct agent *agent, const struct reload_status *s, bool already, reload_ms since)
{
	return json_pack("{s:s, s:s, s:o, s:b, s:f}", "state", reload_state_name(s->state),
		"overlay", reload_peer_config(agent->peer)->instance_name, "node_id",
		json_of_id(&s->node), "already", already, "took_ms",
		(double)(reload_poll_now() - since));
}

static bool leave_check(struct agent_waiter *w, const struct reload_status *s)
{
	if (s->state == RELOAD_STATE_LEAVING || w->agent->withdrawing)
		return false;
	reload_rpc_reply(w->call, leave_json(w->agent, s, false, w->since));
	return true;
}

static void wait_late(struct agent_waiter *w)
{
	struct reload_status s;
	struct reload_error_text why;
	char what[128];
	reload_peer_status(w->agent->peer, &s);
	snprintf(what, sizeof(what), "%.60s is not %s", w->agent->instance,
		reload_state_name(w->state));
	bool refused = w->state == RELOAD_STATE_JOINED && was_refused(w->agent, s.last_error);
	enum reload_err err = refused ? s.last_error : RELOAD_TIMEOUT;
	reload_error_explain(&why, err, what, "its state is %s for %.1f s%s%s",
		reload_state_name(s.state),
		(double)(reload_poll_now() - s.state_since) / RELOAD_SECOND, refused ? "; " : "",
		refused ? w->agent->refused : "");
	if (refused)
		refused_hint(w->agent, err, &why);
	else if (w->state == RELOAD_STATE_JOINED)
		reload_error_advise(&why, "reload-join -a %s", w->agent->instance);
	else
		reload_error_advise(&why, "reload-agent status -a %s, or a longer --timeout",
			w->agent->instance);
	reload_rpc_fail_why(w->call, err, &why);
}

enum reload_rpc_end rpc_overlay_leave(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct agent *agent = arg;
	struct reload_status s;
	agent->join_cancel(agent);
	reload_peer_status(agent->peer, &s);
	if (s.state == RELOAD_STATE_ENROLLED)
		return reload_rpc_reply(call, leave_json(agent, &s, true, reload_poll_now()));
	agent->leave(agent, param_bool(params, "now", false));
	return agent_wait(agent, call, param_int(params, "timeout_ms", 0), leave_check, wait_late,
		RELOAD_STATE_ENROLLED);
}

static bool wait_check(struct agent_waiter *w, const struct reload_status *s)
{
	if (s->state != w->state)
		return false;
	reload_rpc_reply(w->call, json_pack("{s:s, s:f}", "state", reload_state_name(s->state),
					  "waited_ms", (double)(reload_poll_now() - w->since)));
	return true;
}

enum reload_rpc_end rpc_overlay_wait(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	const char *name = param_text(params, "state", "");
	enum reload_state state = RELOAD_STATE_INIT;
	while (state < RELOAD_STATE_STOPPED && strcmp(reload_state_name(state), name) != 0)
		state++;
	return agent_wait(
		arg, call, param_int(params, "timeout_ms", 0), wait_check, wait_late, state);
}
