/*
 * sip.gruu: an anonymous GRUU of this node (RFC 7904 s6).  A Ping goes to a neighbour and back to this node; in its Via List the neighbour has
 * replaced this node's Node-ID by an opaque ID of its own, and calls to it come here as long as the link stands (RFC 6940 s6.1.3).
 */
#include "rpc_request.h"

#include "ident/aor.h"
#include "usage/sip.h"

#include <stdio.h>

enum {
	HELPERS_MAX = 4,  /* neighbours that are asked, one after another */
	HELPER_MS = 3000, /* for each of them */
	LIST_LEN = 2
};

struct gruu {
	struct agent_request base; /* first */
	struct reload_id helpers[HELPERS_MAX];
	size_t count, next;
};

static void add_helpers(struct gruu *q, const struct reload_id *ids, size_t count)
{
	for (size_t i = 0; i < count && q->count < HELPERS_MAX; i++) {
		bool known = !ids[i].len;
		for (size_t k = 0; k < q->count; k++)
			known |= reload_id_eq(&q->helpers[k], &ids[i]);
		if (!known)
			q->helpers[q->count++] = ids[i];
	}
}

/* The peer of a client; the neighbours of a peer, to which it keeps its links. */
static void find_helpers(struct gruu *q)
{
	struct reload_status s;
	reload_peer_status(q->base.agent->peer, &s);
	if (s.role == RELOAD_ROLE_CLIENT) {
		add_helpers(q, &s.admitting_peer, 1);
		return;
	}
	add_helpers(q, s.tables.successors, s.tables.successors_count);
	add_helpers(q, s.tables.predecessors, s.tables.predecessors_count);
}

static void on_answer(void *arg, const struct reload_result *r);

static struct reload_request *ask_next(struct gruu *q, enum reload_err *err)
{
	struct reload_destination list[LIST_LEN] = { reload_dest_node(&q->helpers[q->next++]),
		reload_dest_node(&q->base.agent->credentials->node) };
	struct reload_request_target to = {
		.list = list, .count = LIST_LEN, .timeout_ms = HELPER_MS
	};
	return reload_peer_ping(q->base.agent->peer, &to, 0, on_answer, q, err);
}

/* The neighbour and its opaque ID for this node; false: it has not replaced the Node-ID. */
static bool read_list(struct reload_destination list[LIST_LEN], const struct gruu *q,
	const struct reload_result *r)
{
	struct wire_ctx ctx = reload_config_wire_ctx(q->base.config);
	struct rd in = rd_of(r->way_here);
	return !r->err && reload_dest_next(&in, &ctx, &list[0]) &&
	       reload_dest_next(&in, &ctx, &list[1]) && !rd_more(&in) &&
	       list[0].type == RELOAD_DEST_NODE &&
	       reload_id_eq(&list[0].node, &q->helpers[q->next - 1]) &&
	       list[1].type == RELOAD_DEST_OPAQUE;
}

static json_t *result_json(const struct gruu *q, const struct reload_destination list[LIST_LEN])
{
	struct wire_ctx ctx = reload_config_wire_ctx(q->base.config);
	struct reload_aor own;
	struct wr w;
	wr_init(&w);
	if (!reload_aor_parse(&own, span_str(q->base.agent->credentials->cert->user)))
		reload_gruu_write(&w, &ctx, own.name, list, LIST_LEN);
	wr_u8(&w, 0);
	json_t *o = json_pack(
		"{s:s, s:o}", "gruu", (const char *)w.at, "peer", json_of_id(&list[0].node));
	wr_clear(&w);
	return o;
}

static void fail(struct gruu *q, const struct reload_result *r)
{
	char shown[AGENT_SHORT];
	struct reload_failure f = { .err = r->err ? r->err : RELOAD_FAILED };
	reload_error_explain(&f.why, f.err, "no anonymous GRUU",
		r->err ? "peer %s, and %zu others before it, did not pass a Ping back to this node"
		       : "peer %s, and %zu others before it, did not replace the Node-ID of this "
			 "node by an opaque ID",
		agent_short_id(shown, &q->helpers[q->next - 1]), q->next - 1);
	reload_error_advise(&f.why, "reload-ping -a %s node:%s, then the same again",
		q->base.agent->instance, shown);
	agent_request_fail_with(&q->base, r, &f);
}

static void on_answer(void *arg, const struct reload_result *r)
{
	struct gruu *q = arg;
	struct reload_destination list[LIST_LEN];
	enum reload_err err = RELOAD_OK;
	if (read_list(list, q, r))
		(void)agent_request_reply(&q->base, result_json(q, list));
	else if (q->next == q->count || r->err == RELOAD_NOT_JOINED)
		fail(q, r);
	else
		agent_request_next(&q->base, ask_next(q, &err), err);
}

enum reload_rpc_end rpc_sip_gruu(void *arg, struct reload_rpc_call *call, const json_t *params)
{
	struct gruu *q = RELOAD_NEW(gruu);
	struct reload_failure f = { 0 };
	struct reload_aor own;
	json_t *target = json_pack("{s:s}", "target", "self");
	(void)params;
	f.err = agent_request_begin(&q->base, arg, call, target, &f.why);
	json_decref(target);
	if (!f.err)
		f.err = agent_request_joined(&q->base, "no anonymous GRUU", &f.why);
	if (f.err)
		return agent_request_refuse(&q->base, &f);
	const char *user = q->base.agent->credentials->cert->user;
	find_helpers(q);
	if (!user || reload_aor_parse(&own, span_str(user))) {
		f.err = reload_error_explain(&f.why, RELOAD_BAD_CERT, "no anonymous GRUU",
			"the user name of the certificate, %.200s, is no AOR",
			user ? user : "none");
		reload_error_advise(
			&f.why, "reload-enroll issue USER@%.150s", q->base.config->instance_name);
	} else if (!q->count) {
		f.err = reload_error_explain(&f.why, RELOAD_UNREACHABLE, "no anonymous GRUU",
			"another peer makes it, and this node has no neighbour");
		reload_error_advise(&f.why, "the same again when the overlay has another peer");
	}
	if (f.err)
		return agent_request_refuse(&q->base, &f);
	struct reload_request *r = ask_next(q, &f.err);
	return agent_request_started(&q->base, r, f.err);
}
