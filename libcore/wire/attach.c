#include "wire/attach.h"

#include "wire/internal.h"

const struct wire_name reload_link_type_names[] = {
	{ RELOAD_DTLS_UDP_SR, "DTLS-UDP-SR" },
	{ RELOAD_DTLS_UDP_SR_NO_ICE, "DTLS-UDP-SR-NO-ICE" },
	{ RELOAD_TLS_TCP_FH_NO_ICE, "TLS-TCP-FH-NO-ICE" },
	{ 0, NULL },
};

const char *reload_link_type_name(enum reload_link_type type)
{
	const struct wire_name *n = reload_link_type_names;
	while (n->name && n->value != type)
		n++;
	return n->name;
}

static const struct wire_name cand_types[] = {
	{ RELOAD_CAND_HOST, "host" },
	{ RELOAD_CAND_SRFLX, "srflx" },
	{ RELOAD_CAND_RELAY, "relay" },
	{ 0, NULL },
};

/* clang-format off */
static const struct wire_field ice_extension_fields[] = {
	{ WIRE_BYTES(struct reload_ice_extension, name, 2), WIRE_TEXT },
	{ WIRE_BYTES(struct reload_ice_extension, value, 2), WIRE_TEXT },
};
static const struct wire_type ice_extension_wire =
	WIRE_TYPE(struct reload_ice_extension, "IceExtension", ice_extension_fields);

/* The reserved type 3 once stood for a peer-reflexive candidate, with a related address (interop MSG-03). */
static const struct wire_field ice_candidate_fields[] = {
	{ WIRE_STRUCT(struct reload_ice_candidate, addr_port, reload_ip_port_wire) },
	{ WIRE_INT(struct reload_ice_candidate, overlay_link), WIRE_NAMES(reload_link_type_names) },
	{ WIRE_BYTES(struct reload_ice_candidate, foundation, 1), WIRE_TEXT },
	{ WIRE_INT(struct reload_ice_candidate, priority) },
	{ WIRE_INT(struct reload_ice_candidate, type), WIRE_NAMES(cand_types),
		WIRE_STRICT(RELOAD_CAND_HOST, RELOAD_CAND_RELAY) },
	{ WIRE_STRUCT(struct reload_ice_candidate, rel_addr_port, reload_ip_port_wire),
		WIRE_WHEN(struct reload_ice_candidate, type, RELOAD_CAND_SRFLX, RELOAD_CAND_RELAY) },
	{ WIRE_VEC(struct reload_ice_candidate, extensions, 2, ice_extension_wire), WIRE_LIMIT(RELOAD_LIMIT_ICE_EXTENSIONS) },
};
const struct wire_type reload_ice_candidate_wire =
	WIRE_TYPE(struct reload_ice_candidate, "IceCandidate", ice_candidate_fields);

static const struct wire_field attach_fields[] = {
	{ WIRE_BYTES(struct reload_attach, ufrag, 1), WIRE_TEXT },
	{ WIRE_BYTES(struct reload_attach, password, 1), WIRE_TEXT },
	{ WIRE_BYTES(struct reload_attach, role, 1), WIRE_TEXT },
	{ WIRE_VEC(struct reload_attach, candidates, 2, reload_ice_candidate_wire), WIRE_LIMIT(RELOAD_LIMIT_CANDIDATES) },
	{ WIRE_BOOL(struct reload_attach, send_update) },
};
const struct wire_type reload_attach_wire =
	WIRE_TYPE(struct reload_attach, "AttachReqAns", attach_fields);

static const struct wire_field app_attach_fields[] = {
	{ WIRE_BYTES(struct reload_app_attach, ufrag, 1), WIRE_TEXT },
	{ WIRE_BYTES(struct reload_app_attach, password, 1), WIRE_TEXT },
	{ WIRE_INT(struct reload_app_attach, application) },
	{ WIRE_BYTES(struct reload_app_attach, role, 1), WIRE_TEXT },
	{ WIRE_VEC(struct reload_app_attach, candidates, 2, reload_ice_candidate_wire), WIRE_LIMIT(RELOAD_LIMIT_CANDIDATES) },
};
/* clang-format on */
const struct wire_type reload_app_attach_wire =
	WIRE_TYPE(struct reload_app_attach, "AppAttach", app_attach_fields);
