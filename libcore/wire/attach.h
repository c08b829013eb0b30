/* Attach and AppAttach (RFC 6940 s6.5.1, s6.5.2). */
#pragma once

#include "wire/destination.h"

struct reload_ice_extension {
	struct span name, value;
};

struct reload_ice_candidate {
	struct reload_ip_port addr_port;
	uint8_t overlay_link; /* enum reload_link_type */
	struct span foundation;
	uint32_t priority;
	uint8_t type;                        /* enum reload_cand_type */
	struct reload_ip_port rel_addr_port; /* not for host */
	struct reload_ice_extension *extensions;
	size_t extensions_count;
};

/* AttachReq and AttachAns */
struct reload_attach {
	struct span ufrag, password, role;
	struct reload_ice_candidate *candidates;
	size_t candidates_count;
	bool send_update;
};

/* AppAttachReq and AppAttachAns */
struct reload_app_attach {
	struct span ufrag, password;
	uint16_t application;
	struct span role;
	struct reload_ice_candidate *candidates;
	size_t candidates_count;
};

/* reload_link_type_name() returns the RFC's name of a link type (static): "TLS-TCP-FH-NO-ICE". */
const char *reload_link_type_name(enum reload_link_type type);

extern const struct wire_type reload_attach_wire, reload_app_attach_wire, reload_ice_candidate_wire;
