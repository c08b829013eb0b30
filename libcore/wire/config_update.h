/* ConfigUpdate (RFC 6940 s6.5.4). */
#pragma once

#include "wire/schema.h"

struct reload_kind_description {
	struct span kind_block; /* one kind-block element, UTF-8 */
};

struct reload_config_update {
	uint8_t type;       /* enum reload_config_update_type */
	struct span config; /* XML document */
	struct reload_kind_description *kinds;
	size_t kinds_count;
	struct span raw; /* unknown type */
};

extern const struct wire_type reload_config_update_wire;
