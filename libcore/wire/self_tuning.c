#include "wire/self_tuning.h"

#include "wire/internal.h"

static const struct wire_field self_tuning_fields[] = {
	{ WIRE_INT(struct reload_self_tuning, network_size) },
	{ WIRE_INT(struct reload_self_tuning, join_rate) },
	{ WIRE_INT(struct reload_self_tuning, leave_rate) },
};
const struct wire_type reload_self_tuning_wire =
	WIRE_TYPE(struct reload_self_tuning, "SelfTuningData", self_tuning_fields);
