#include "wire/stored.h"

#include "wire/internal.h"

/* clang-format off */
static const struct wire_field stored_value_fields[] = {
	{ WIRE_MODEL(struct reload_stored_value, model) },
	{ WIRE_INT(struct reload_stored_value, index),
		WIRE_IS(struct reload_stored_value, model, RELOAD_MODEL_ARRAY) },
	{ WIRE_BYTES(struct reload_stored_value, key, 2),
		WIRE_IS(struct reload_stored_value, model, RELOAD_MODEL_DICTIONARY) },
	{ WIRE_BOOL(struct reload_stored_value, exists),
		WIRE_KNOWN_MODEL(struct reload_stored_value, model) },
	{ WIRE_BYTES(struct reload_stored_value, value, 4),
		WIRE_KNOWN_MODEL(struct reload_stored_value, model) },
	{ WIRE_SINCE(struct reload_stored_value, raw),
		WIRE_KNOWN_MODEL(struct reload_stored_value, model) },
	{ WIRE_BYTES(struct reload_stored_value, raw, 0),
		WIRE_UNKNOWN_MODEL(struct reload_stored_value, model) },
};
const struct wire_type reload_stored_value_wire =
	WIRE_TYPE(struct reload_stored_value, "StoredDataValue", stored_value_fields);

/* Without the data model the end of the value is unknown: the signature is part of it then. */
static const struct wire_field stored_data_fields[] = {
	{ WIRE_REST(4) },
	{ WIRE_INT(struct reload_stored_data, storage_time) },
	{ WIRE_INT(struct reload_stored_data, lifetime) },
	{ WIRE_STRUCT(struct reload_stored_data, value, reload_stored_value_wire) },
	{ WIRE_STRUCT(struct reload_stored_data, signature, reload_signature_wire),
		WIRE_KNOWN_MODEL(struct reload_stored_data, value.model) },
	{ WIRE_SINCE(struct reload_stored_data, raw) },
};
/* clang-format on */
const struct wire_type reload_stored_data_wire =
	WIRE_TYPE(struct reload_stored_data, "StoredData", stored_data_fields);

void reload_stored_write(
	struct wr *w, const struct wire_ctx *ctx, const struct reload_stored_data *d)
{
	reload_wire_write(w, &reload_stored_data_wire, ctx, d);
}

void reload_stored_value_write(struct wr *w, const struct reload_stored_value *v)
{
	reload_wire_write(w, &reload_stored_value_wire, &(struct wire_ctx){ 0 }, v);
}

void reload_stored_signature_input(struct wr *w, struct span resource, uint32_t kind,
	const struct reload_stored_data *d, struct span identity_bytes)
{
	struct reload_stored_value v = d->value;
	v.index = 0; /* RFC 6940 s7.4.2.2: an appended value is signed before its index is known */
	if (v.model == RELOAD_MODEL_UNKNOWN)
		wr_fail(w, RELOAD_UNKNOWN_KIND);
	wr_int(w, resource.len, 1);
	wr_span(w, resource);
	wr_u32(w, kind);
	wr_u64(w, d->storage_time);
	reload_stored_value_write(w, &v);
	wr_span(w, identity_bytes);
}
