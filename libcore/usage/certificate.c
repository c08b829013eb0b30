/* The Certificate Store Usage (RFC 6940 s8): a value is one certificate in DER (STO-14). */
#include "usage/internal.h"

#include "ident/cert.h"

static enum reload_err certificate_check(
	struct span value, const struct reload_config *config, struct reload_error_text *why)
{
	AUTO(reload_cert) cert = NULL;
	if (reload_cert_parse(&cert, reload_trust_ops(config->trust), value, why))
		return RELOAD_BAD_VALUE; /* why has the reason */
	if (!cert->user || !cert->node_ids_count)
		return reload_error_explain(why, RELOAD_BAD_VALUE, "a certificate to be stored",
			"it names no user and Node-ID, as that of a node does");
	return RELOAD_OK;
}

static void set_text(json_t *o, const char *name, const char *text)
{
	if (text)
		json_object_set_new(o, name, json_string(text));
}

static json_t *certificate_json(struct span value, const struct reload_config *config)
{
	AUTO(reload_cert) cert = NULL;
	struct reload_error_text why;
	char text[RELOAD_UTC_TEXT], hex[RELOAD_ID_HEX];
	if (reload_cert_parse(&cert, reload_trust_ops(config->trust), value, &why))
		return NULL;
	json_t *o = json_object(), *nodes = json_array();
	for (size_t i = 0; i < cert->node_ids_count; i++)
		json_array_append_new(nodes, json_string(reload_id_hex(hex, &cert->node_ids[i])));
	set_text(o, "user", cert->user);
	set_text(o, "overlay", cert->overlay);
	json_object_set_new(o, "node_ids", nodes);
	set_text(o, "not_before", reload_utc_text(text, cert->not_before));
	set_text(o, "not_after", reload_utc_text(text, cert->not_after));
	return o;
}

static void node_own_name(struct wr *w, const struct reload_id *node, const char *user)
{
	(void)user;
	wr_span(w, reload_id_span(node));
}

static void user_own_name(struct wr *w, const struct reload_id *node, const char *user)
{
	(void)node;
	wr_span(w, span_str(user));
}

const struct reload_usage reload_usage_cert_by_node = {
	.kind = RELOAD_KIND_CERT_BY_NODE,
	.name = "CERTIFICATE_BY_NODE",
	.check = certificate_check,
	.json = certificate_json,
	.own_name = node_own_name,
};

const struct reload_usage reload_usage_cert_by_user = {
	.kind = RELOAD_KIND_CERT_BY_USER,
	.name = "CERTIFICATE_BY_USER",
	.check = certificate_check,
	.json = certificate_json,
	.own_name = user_own_name,
};
