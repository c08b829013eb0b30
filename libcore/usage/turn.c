#include "usage/turn.h"

#include "usage/internal.h"
#include "wire/table.h"

/* clang-format off */
static const struct wire_field turn_server_fields[] = {
	{ WIRE_INT(struct reload_turn_server, iteration) },
	{ WIRE_STRUCT(struct reload_turn_server, server_address, reload_ip_port_wire) },
};
/* clang-format on */
const struct wire_type reload_turn_server_wire =
	WIRE_TYPE(struct reload_turn_server, "TurnServer", turn_server_fields);

/* The structure has no Node-ID and no list, so an empty context is enough. */
static const struct wire_ctx plain = { 0 };

void reload_turn_name(struct wr *w, const struct reload_id *node, uint8_t d)
{
	wr_span(w, reload_id_span(node));
	wr_u8(w, d);
}

static enum reload_err turn_check(
	struct span value, const struct reload_config *config, struct reload_error_text *why)
{
	static const char what[] = "a TURN-SERVICE record";
	struct reload_turn_server t;
	const struct reload_kind *kind = reload_config_kind(config, RELOAD_KIND_TURN_SERVICE);
	enum reload_err err = reload_wire_decode(value, &reload_turn_server_wire, &plain, &t);
	if (err)
		return reload_error_explain(
			why, RELOAD_BAD_VALUE, what, "no TurnServer: %s", reload_err_text(err));
	if (!t.iteration || (kind && t.iteration > kind->max_node_multiple))
		return reload_error_explain(why, RELOAD_BAD_VALUE, what,
			"iteration %u is not one from 1 to %u", t.iteration,
			kind ? kind->max_node_multiple : 255u);
	if (t.server_address.type != RELOAD_IPV4 && t.server_address.type != RELOAD_IPV6)
		return reload_error_explain(why, RELOAD_BAD_VALUE, what,
			"address type %u is neither IPv4 nor IPv6", t.server_address.type);
	if (!t.server_address.port)
		return reload_error_explain(why, RELOAD_BAD_VALUE, what, "the port is 0");
	return RELOAD_OK;
}

static json_t *turn_json(struct span value, const struct reload_config *config)
{
	struct reload_turn_server t;
	(void)config;
	if (reload_wire_decode(value, &reload_turn_server_wire, &plain, &t))
		return NULL;
	return reload_wire_json(&reload_turn_server_wire, &plain, &t);
}

static void turn_own_name(struct wr *w, const struct reload_id *node, const char *user)
{
	(void)user;
	reload_turn_name(w, node, 1);
}

const struct reload_usage reload_usage_turn = {
	.kind = RELOAD_KIND_TURN_SERVICE,
	.name = "TURN-SERVICE",
	.check = turn_check,
	.json = turn_json,
	.own_name = turn_own_name,
};
