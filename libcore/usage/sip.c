#include "usage/sip.h"

#include "ident/aor.h"
#include "usage/internal.h"
#include "util/text.h"
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

const char *reload_sip_list_fault(const struct reload_destination *list, size_t count)
{
	if (!count)
		return "it is empty";
	if (count > RELOAD_SIP_LIST_MAX)
		return "it has more than 32 entries";
	if (count == 1 && list[0].type == RELOAD_DEST_OPAQUE && list[0].short_form)
		return "it has fewer than 3 bytes";
	for (size_t i = 0; i < count; i++) {
		if (list[i].type != RELOAD_DEST_NODE && list[i].type != RELOAD_DEST_OPAQUE)
			return "it has an entry that leads to no node";
		if (list[i].type == RELOAD_DEST_NODE &&
			(reload_id_is_zero(&list[i].node) || reload_id_is_wildcard(&list[i].node)))
			return "it has a Node-ID that no node has";
	}
	return NULL;
}

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

/* -- GRUUs --------------------------------------------------------------------------------------------------------------- */

void reload_gruu_write(struct wr *w, const struct wire_ctx *ctx, const char *aor,
	const struct reload_destination *list, size_t count)
{
	struct wr bytes;
	wr_init(&bytes);
	for (size_t i = 0; i < count; i++)
		reload_wire_write(&bytes, &reload_destination_wire, ctx, &list[i]);
	char *text = reload_base64(wr_done(&bytes));
	for (char *c = text; *c; c++)
		if (*c == '=')
			*c = '~';
	reload_aor_write(w, aor);
	wr_span(w, span_str(";gr="));
	wr_span(w, span_str(text));
	if (bytes.err)
		wr_fail(w, bytes.err);
	free(text);
	wr_clear(&bytes);
}

/* Base64 with "~" or nothing for "=", and perhaps with %-escapes; *out is owned. */
static enum reload_err unbase64(uint8_t **out, size_t *len, struct span gr)
{
	struct wr w;
	wr_init(&w);
	enum reload_err err =
		gr.len > RELOAD_AOR_TEXT_MAX ? RELOAD_BAD_VALUE : reload_aor_unescape(&w, gr);
	for (size_t i = 0; !err && i < w.len; i++)
		if (w.at[i] == '~')
			w.at[i] = '=';
	while (!err && w.len % 4 && w.len % 4 != 1)
		wr_u8(&w, '=');
	if (!err)
		err = reload_unbase64(out, len, (const char *)w.at, w.len);
	wr_clear(&w);
	return err;
}

enum reload_err reload_gruu_read(
	struct reload_destination **list, size_t *count, struct span gr, const struct wire_ctx *ctx)
{
	uint8_t *raw = NULL;
	size_t len = 0, n = 0;
	enum reload_err err = gr.len ? unbase64(&raw, &len, gr) : RELOAD_BAD_VALUE;
	if (err)
		return err;
	struct span bytes = reload_arena_copy(ctx->arena, span_of(raw, len));
	free(raw);
	/* no Destination has the type 0, so it can only be the length of a vector */
	if (bytes.len >= 2 && !bytes.at[0] && bytes.at[1] == bytes.len - 2)
		bytes = span_of(bytes.at + 2, bytes.len - 2);
	struct reload_destination *all =
		reload_arena_take(ctx->arena, RELOAD_SIP_LIST_MAX * sizeof(*all));
	struct rd r = rd_of(bytes);
	while (n < RELOAD_SIP_LIST_MAX && reload_dest_next(&r, ctx, &all[n]))
		n++;
	if (r.err || rd_more(&r) || reload_sip_list_fault(all, n))
		return RELOAD_BAD_VALUE;
	*list = all;
	*count = n;
	return RELOAD_OK;
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
