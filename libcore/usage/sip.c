#include "usage/sip.h"

#include "ident/aor.h"
#include "usage/internal.h"
#include "wire/table.h"

#include <stdlib.h>

static const struct wire_name registration_types[] = {
	{ RELOAD_SIP_URI, "sip_registration_uri" },
	{ RELOAD_SIP_ROUTE, "sip_registration_route" },
	{ 0, NULL },
};

/* clang-format off */
/* RFC 7904 s3.2 */
static const struct wire_field registration_fields[] = {
	{ WIRE_INT(struct reload_sip_registration, type), WIRE_NAMES(registration_types) },
	{ WIRE_REST(2) },
	{ WIRE_BYTES(struct reload_sip_registration, uri, 2), WIRE_TEXT,
		WIRE_IS(struct reload_sip_registration, type, RELOAD_SIP_URI) },
	{ WIRE_BYTES(struct reload_sip_registration, contact_prefs, 2), WIRE_TEXT,
		WIRE_IS(struct reload_sip_registration, type, RELOAD_SIP_ROUTE) },
	{ WIRE_VEC(struct reload_sip_registration, destination_list, 2, reload_destination_wire),
		WIRE_LIMIT(RELOAD_SIP_LIST_MAX),
		WIRE_IS(struct reload_sip_registration, type, RELOAD_SIP_ROUTE) },
	{ WIRE_BYTES(struct reload_sip_registration, raw, 0),
		WIRE_UNLESS(struct reload_sip_registration, type, RELOAD_SIP_URI, RELOAD_SIP_ROUTE) },
};
/* clang-format on */
const struct wire_type reload_sip_registration_wire =
	WIRE_TYPE(struct reload_sip_registration, "SipRegistration", registration_fields);

static const char *fault_of(const struct reload_sip_registration *r)
{
	struct reload_aor aor;
	if (r->type == RELOAD_SIP_ROUTE)
		return reload_sip_list_fault(r->destination_list, r->destination_list_count);
	return reload_aor_parse(&aor, r->uri) ? "it is no AOR" : NULL;
}

enum reload_err reload_sip_registration_read(struct reload_sip_registration *out, struct span value,
	const struct wire_ctx *ctx, struct reload_error_text *why)
{
	static const char what[] = "a SIP-REGISTRATION value";
	struct reload_sip_registration r;
	enum reload_err err = reload_wire_decode(value, &reload_sip_registration_wire, ctx, &r);
	if (err)
		return reload_error_explain(why, RELOAD_BAD_VALUE, what, "no SipRegistration: %s",
			reload_err_text(err));
	if (r.type != RELOAD_SIP_URI && r.type != RELOAD_SIP_ROUTE)
		return reload_error_explain(why, RELOAD_UNKNOWN_TYPE, what,
			"its type %u is neither uri (1) nor route (2)", r.type);
	const char *fault = fault_of(&r);
	if (fault)
		return reload_error_explain(why, RELOAD_BAD_VALUE, what, "its %s: %s",
			r.type == RELOAD_SIP_URI ? "uri" : "destination_list", fault);
	*out = r;
	return RELOAD_OK;
}

/* The structure of a URI has no Node-ID and no list. */
static const struct wire_ctx plain = { 0 };

enum reload_err reload_sip_forward(struct wr *w, const char *aor)
{
	struct reload_sip_registration r = { .type = RELOAD_SIP_URI, .uri = span_str(aor) };
	struct reload_aor parsed;
	enum reload_err err = reload_aor_parse(&parsed, r.uri);
	if (!err)
		reload_wire_write(w, &reload_sip_registration_wire, &plain, &r);
	return err ? err : w->err;
}

void reload_sip_route(struct wr *w, const struct wire_ctx *ctx,
	const struct reload_destination *list, size_t count, struct span prefs)
{
	struct reload_sip_registration r = { .type = RELOAD_SIP_ROUTE,
		.contact_prefs = prefs,
		.destination_list = (struct reload_destination *)list,
		.destination_list_count = count };
	reload_wire_write(w, &reload_sip_registration_wire, ctx, &r);
}

bool reload_sip_hosted(const struct reload_config *config, const char *domain)
{
	const struct reload_kind *kind = reload_config_kind(config, RELOAD_KIND_SIP_REGISTRATION);
	return kind && reload_kind_domain_allowed(kind, domain);
}

/* -- the usage ------------------------------------------------------------------------------------------------------------ */

static enum reload_err registration_check(
	struct span value, const struct reload_config *config, struct reload_error_text *why)
{
	struct reload_arena arena = { 0 };
	struct wire_ctx ctx = reload_config_wire_ctx(config);
	struct reload_sip_registration r;
	ctx.arena = &arena;
	enum reload_err err = reload_sip_registration_read(&r, value, &ctx, why);
	reload_arena_clear(&arena);
	return err;
}

static json_t *registration_json(struct span value, const struct reload_config *config)
{
	struct reload_arena arena = { 0 };
	struct wire_ctx ctx = reload_config_wire_ctx(config);
	struct reload_sip_registration r;
	json_t *o = NULL;
	ctx.arena = &arena;
	if (!reload_wire_decode(value, &reload_sip_registration_wire, &ctx, &r))
		o = reload_wire_json(&reload_sip_registration_wire, &ctx, &r);
	reload_arena_clear(&arena);
	return o;
}

static void registration_own_name(struct wr *w, const struct reload_id *node, const char *user)
{
	(void)node;
	wr_span(w, span_str(user));
}

const struct reload_usage reload_usage_sip = {
	.kind = RELOAD_KIND_SIP_REGISTRATION,
	.name = "SIP-REGISTRATION",
	.check = registration_check,
	.json = registration_json,
	.own_name = registration_own_name,
};
