#include "usage/turn.h"

#include "usage/internal.h"
#include "util/text.h"
#include "wire/table.h"

#include <inttypes.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static unsigned number_max(const struct reload_config *config)
{
	const struct reload_kind *kind = reload_config_kind(config, RELOAD_KIND_TURN_SERVICE);
	return kind && kind->max_node_multiple < UINT8_MAX ? kind->max_node_multiple : UINT8_MAX;
}

unsigned reload_turn_records(const struct reload_config *config)
{
	unsigned most = number_max(config);
	return config->turn_density < most ? config->turn_density : most;
}

void reload_turn_record(struct wr *w, const struct reload_ip_port *address, uint8_t d)
{
	struct reload_turn_server t = { .iteration = d, .server_address = *address };
	reload_wire_write(w, &reload_turn_server_wire, &plain, &t);
}

const char *reload_turn_offer_fault(
	const struct reload_ip_port *address, const struct reload_ip_port *seen, size_t count)
{
	const char *fault = reload_ip_port_fault(address);
	if (fault)
		return fault;
	if (reload_ip_port_is_private(address)) /* R-9-02 */
		return "a private address";
	for (size_t i = 0; i < count; i++)
		if (seen[i].type == address->type && !reload_ip_port_same_host(&seen[i], address))
			return "not the address at which others see this node"; /* R-9-01 */
	return NULL;
}

void reload_turn_credential(char user[RELOAD_TURN_USER], char password[RELOAD_TURN_PASSWORD],
	struct span secret, const struct reload_id *node, reload_utc until)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	char hex[RELOAD_ID_HEX];
	snprintf(user, RELOAD_TURN_USER, "%" PRIu64 ":%s", until / RELOAD_SECOND,
		reload_id_hex(hex, node));
	HMAC(EVP_sha1(), secret.at, (int)secret.len, (const uint8_t *)user, strlen(user), digest,
		&len);
	char *text = reload_base64(span_of(digest, len));
	snprintf(password, RELOAD_TURN_PASSWORD, "%s", text);
	OPENSSL_cleanse(text, strlen(text));
	free(text);
}

enum reload_err reload_turn_record_read(struct reload_turn_server *out, struct span value,
	const struct reload_config *config, struct reload_error_text *why)
{
	static const char what[] = "a TURN-SERVICE record";
	struct reload_turn_server t;
	enum reload_err err = reload_wire_decode(value, &reload_turn_server_wire, &plain, &t);
	if (err)
		return reload_error_explain(
			why, RELOAD_BAD_VALUE, what, "no TurnServer: %s", reload_err_text(err));
	if (!t.iteration || t.iteration > number_max(config))
		return reload_error_explain(why, RELOAD_BAD_VALUE, what,
			"iteration %u is not one from 1 to %u", t.iteration, number_max(config));
	const char *fault = reload_ip_port_fault(&t.server_address);
	if (fault)
		return reload_error_explain(
			why, RELOAD_BAD_VALUE, what, "server_address is %s", fault);
	*out = t;
	return RELOAD_OK;
}

static enum reload_err turn_check(
	struct span value, const struct reload_config *config, struct reload_error_text *why)
{
	struct reload_turn_server t;
	return reload_turn_record_read(&t, value, config, why);
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
