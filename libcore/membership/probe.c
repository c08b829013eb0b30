#include "membership/probe.h"

/* The own estimates as a message extension, whose bytes are in w; false: there are none. */
static bool extension_of(
	const struct reload_route *route, struct wr *w, struct reload_extension *out)
{
	struct reload_self_tuning own;
	if (!route->topology->estimates(route->plugin, &own))
		return false;
	reload_wire_write(w, &reload_self_tuning_wire, route->ctx, &own);
	*out = (struct reload_extension){ .type = RELOAD_EXTENSION_SELF_TUNING,
		.contents = wr_done(w) };
	return true;
}

void reload_probe_send(const struct reload_route *route, struct reload_request *r,
	const struct reload_probe_req *req)
{
	struct reload_extension extension;
	struct wr w;
	wr_init(&w);
	size_t count = extension_of(route, &w, &extension);
	reload_request_send_extended(r, req, &extension, count);
	wr_clear(&w);
}

void reload_probe_answer(const struct reload_route *route, struct reload_incoming *in,
	const struct reload_probe_ans *ans)
{
	struct reload_extension extension;
	struct wr w;
	wr_init(&w);
	reload_probe_heard(route, in);
	size_t count = extension_of(route, &w, &extension);
	reload_answer_extended(in, RELOAD_PROBE_ANS, ans, &extension, count);
	wr_clear(&w);
}

void reload_probe_heard(const struct reload_route *route, struct reload_incoming *in)
{
	struct reload_self_tuning of;
	if (reload_msg_self_tuning(in->msg, route->ctx, &of))
		route->topology->estimates_received(route->plugin, &in->signer, &of);
}

bool reload_probe_uptime(const struct reload_result *result, uint32_t *uptime_s)
{
	if (result->err)
		return false;
	const struct reload_probe_ans *ans = &result->answer->body.probe_ans;
	for (size_t i = 0; i < ans->probe_info_count; i++)
		if (ans->probe_info[i].type == RELOAD_PROBE_UPTIME) {
			*uptime_s = ans->probe_info[i].value;
			return true;
		}
	return false;
}
