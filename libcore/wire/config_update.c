#include "wire/config_update.h"

#include "wire/internal.h"

static const struct wire_name config_update_types[] = {
	{ RELOAD_CONFIG_UPDATE_CONFIG, "config" },
	{ RELOAD_CONFIG_UPDATE_KIND, "kind" },
	{ 0, NULL },
};

/* clang-format off */
static const struct wire_field kind_description_fields[] = {
	{ WIRE_BYTES(struct reload_kind_description, kind_block, 2), WIRE_TEXT },
};
static const struct wire_type kind_description_wire =
	WIRE_TYPE(struct reload_kind_description, "KindDescription", kind_description_fields);

static const struct wire_field config_update_fields[] = {
	{ WIRE_INT(struct reload_config_update, type), WIRE_NAMES(config_update_types) },
	{ WIRE_REST(4) },
	{ WIRE_BYTES(struct reload_config_update, config, 3), WIRE_TEXT,
		WIRE_IS(struct reload_config_update, type, RELOAD_CONFIG_UPDATE_CONFIG) },
	{ WIRE_VEC(struct reload_config_update, kinds, 3, kind_description_wire),
		WIRE_IS(struct reload_config_update, type, RELOAD_CONFIG_UPDATE_KIND) },
	{ WIRE_BYTES(struct reload_config_update, raw, 0),
		WIRE_UNLESS(struct reload_config_update, type,
			RELOAD_CONFIG_UPDATE_CONFIG, RELOAD_CONFIG_UPDATE_KIND) },
};
/* clang-format on */
const struct wire_type reload_config_update_wire =
	WIRE_TYPE(struct reload_config_update, "ConfigUpdateReq", config_update_fields);
