#include "storage/row.h"

#include "ident/ops.h"
#include "util/bytes.h"
#include "wire/codes.h"

static void digest(uint8_t out[RELOAD_ROW_CHECK], const struct wr *head, const struct span *more)
{
	uint8_t full[RELOAD_HASH_SIZE_MAX];
	const struct span parts[] = { wr_done(head), more[0], more[1], more[2] };
	reload_hash(full, RELOAD_HASH_SHA256, parts, COUNT_OF(parts));
	memcpy(out, full, RELOAD_ROW_CHECK);
}

static reload_utc cut(reload_utc time)
{
	return time > INT64_MAX ? INT64_MAX : time;
}

/* The checksum covers all columns, each after its length where that varies, so that no two rows give the same input. */
static void row_check(uint8_t out[RELOAD_ROW_CHECK], const struct reload_row *row)
{
	uint8_t bytes[128];
	struct wr w = wr_fixed(bytes, sizeof(bytes));
	wr_u8(&w, 'v');
	wr_u8(&w, row->resource.len);
	wr_span(&w, reload_id_span(&row->resource));
	wr_u32(&w, row->kind);
	wr_u8(&w, row->model);
	wr_u32(&w, row->index);
	wr_u64(&w, row->generation);
	wr_u64(&w, row->received);
	wr_u64(&w, row->expires);
	wr_u64(&w, row->key.len);
	wr_u64(&w, row->data.len);
	digest(out, &w, (struct span[]){ row->key, row->data, row->certificates });
}

static void counter_check(uint8_t out[RELOAD_ROW_CHECK], const struct reload_counter_row *row)
{
	uint8_t bytes[64];
	struct wr w = wr_fixed(bytes, sizeof(bytes));
	wr_u8(&w, 'c');
	wr_u8(&w, row->resource.len);
	wr_span(&w, reload_id_span(&row->resource));
	wr_u32(&w, row->kind);
	wr_u64(&w, row->generation);
	wr_u64(&w, row->ends);
	digest(out, &w, (struct span[3]){ { NULL, 0 } });
}

enum reload_err reload_row_make(struct reload_row *row, const struct reload_id *resource,
	uint32_t kind, uint64_t generation, const struct reload_stored_entry *e,
	const struct reload_row *before)
{
	struct wr w;
	bool shared = before && span_eq(before->certificates, e->certificates);
	const struct reload_stored_value *v = &e->data.value;
	wr_init(&w);
	reload_stored_write(&w, &(struct wire_ctx){ .node_id_len = resource->len }, &e->data);
	size_t data = w.len, key = v->model == RELOAD_MODEL_DICTIONARY ? v->key.len : 0;
	wr_bytes(&w, v->key.at, key);
	if (!shared)
		wr_span(&w, e->certificates);
	if (w.err) {
		enum reload_err err = w.err;
		wr_clear(&w);
		return err;
	}
	*row = (struct reload_row){ .resource = *resource,
		.kind = kind,
		.index = v->model == RELOAD_MODEL_ARRAY ? v->index : 0,
		.model = v->model,
		.generation = generation,
		.received = e->received,
		.expires = cut(reload_entry_expires(e)),
		.data = span_of(w.at, data),
		.key = span_of(w.at + data, key),
		.certificates = shared ? before->certificates
				       : span_of(w.at + data + key, e->certificates.len),
		.bytes = w.at };
	row_check(row->check, row);
	return RELOAD_OK;
}

void reload_row_clear(struct reload_row *row)
{
	free(row->bytes);
	row->bytes = NULL;
}

static enum reload_data_model model_of(const void *row, uint32_t kind)
{
	(void)kind;
	return (enum reload_data_model)((const struct reload_row *)row)->model;
}

enum reload_err reload_row_read(struct reload_stored_entry *out, const struct reload_row *row)
{
	uint8_t check[RELOAD_ROW_CHECK];
	struct wire_ctx ctx = {
		.node_id_len = row->resource.len, .model = model_of, .model_arg = row
	};
	row_check(check, row);
	*out = (struct reload_stored_entry){ .received = row->received,
		.certificates = row->certificates };
	if (memcmp(check, row->check, sizeof(check)) ||
		reload_wire_decode(row->data, &reload_stored_data_wire, &ctx, &out->data) ||
		out->data.value.model != row->model || out->data.value.index != row->index ||
		!span_eq(out->data.value.key, row->key) ||
		cut(reload_entry_expires(out)) != row->expires)
		return RELOAD_BAD_VALUE;
	return RELOAD_OK;
}

void reload_counter_row_finish(struct reload_counter_row *row)
{
	row->ends = cut(row->ends);
	counter_check(row->check, row);
}

bool reload_counter_row_intact(const struct reload_counter_row *row)
{
	uint8_t check[RELOAD_ROW_CHECK];
	counter_check(check, row);
	return !memcmp(check, row->check, sizeof(check));
}
