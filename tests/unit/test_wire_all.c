/* Every vector: decoded and encoded again byte for byte, cut short, and damaged. */
#include "vectors.h"

enum {
	ROOM = 4096
};

static void same_bytes(const struct vector *v, struct span expected, struct wr *w)
{
	if (w->err || w->len != expected.len || memcmp(w->at, expected.at, w->len) != 0)
		fail_msg("%s: encoded differently (%s, %zu of %zu bytes)", v->name,
			reload_err_text(w->err), w->len, expected.len);
	wr_clear(w);
}

/* Header again from its structure. */
static void check_header(const struct vector *v)
{
	struct wire_ctx ctx = vector_ctx(NULL);
	struct reload_header h, slow;
	struct span bytes = vector_span(v);
	assert_int_equal(reload_header_read(&h, bytes, &ctx), RELOAD_OK);
	struct wr w;
	wr_init(&w);
	reload_header_write(&w, &h);
	bytes.len = reload_header_size(&h);
	same_bytes(v, bytes, &w);

	/* the unrolled reader and the table agree */
	assert_int_equal(reload_wire_decode(bytes, &reload_header_wire, &ctx, &slow), RELOAD_OK);
	assert_int_equal(slow.transaction_id, h.transaction_id);
	assert_true(span_eq(slow.options, h.options));

	/* R-6.3.2-15, R-6.3.2-20: lengths count bytes and add up */
	assert_int_equal(h.length, v->len);
	assert_true(h.via_list.at == v->at + RELOAD_HEADER_FIXED);
	assert_true(h.destination_list.at == h.via_list.at + h.via_list.len);
	assert_true(h.options.at == h.destination_list.at + h.destination_list.len);
	assert_int_equal(h.fragment & 0xbf000000, RELOAD_FRAGMENT_ALWAYS);
}

static void check_message(const struct vector *v)
{
	struct wire_ctx ctx = vector_ctx(NULL);
	AUTO(reload_msg) m = NULL;
	assert_int_equal(reload_msg_decode(&m, vector_span(v), &ctx), RELOAD_OK);
	assert_int_equal(reload_msg_body(m, &ctx), RELOAD_OK);

	/* R-6.3-01: header, contents and security block without gaps */
	assert_true(m->contents.at == m->buffer + reload_header_size(&m->header));
	assert_int_equal(
		m->code, rd_u16(&(struct rd){ m->contents.at, m->contents.at + 2, RELOAD_OK }));

	struct wr contents, w;
	wr_init(&contents);
	wr_init(&w);
	reload_contents_write(&contents, &ctx, m->code,
		reload_body_is_empty(m->code) ? NULL : &m->body, m->extensions,
		m->extensions_count);
	/* R-6.3.3-01 */
	assert_true(span_eq(wr_done(&contents), m->contents));
	m->header.length = 0; /* the writer counts */
	reload_msg_write(&w, &ctx, &m->header, wr_done(&contents), &m->security);
	same_bytes(v, vector_span(v), &w);
	wr_clear(&contents);
}

/* The table of a vector that is one structure, NULL for the others. */
static const struct wire_type *type_of(const struct vector *v)
{
	if (strcmp(v->form, "frame") == 0)
		return &reload_frame_wire;
	if (strcmp(v->name, "stored-data-dict") == 0)
		return &reload_stored_data_wire;
	return strcmp(v->name, "config-security-block") == 0 ? &reload_security_block_wire : NULL;
}

static enum reload_data_model dictionary(const void *arg, uint32_t kind)
{
	(void)arg;
	(void)kind;
	return RELOAD_MODEL_DICTIONARY;
}

static void check_structure(const struct vector *v, const struct wire_type *type)
{
	struct reload_arena arena = { 0 };
	struct wire_ctx ctx = { .node_id_len = 16, .arena = &arena, .model = dictionary };
	uint8_t room[ROOM] = { 0 };
	struct wr w;
	wr_init(&w);
	assert_true(reload_wire_size(type) <= sizeof(room));
	assert_int_equal(reload_wire_decode(vector_span(v), type, &ctx, room), RELOAD_OK);
	reload_wire_write(&w, type, &ctx, room);
	same_bytes(v, vector_span(v), &w);
	reload_arena_clear(&arena);
}

static int for_each_vector(void (*check)(const struct vector *v))
{
	json_t *list = vector_json_file("vectors"), *entry;
	size_t i;
	json_array_foreach (list, i, entry) {
		struct vector v;
		vector_load(&v, json_string_value(json_object_get(entry, "name")));
		check(&v);
		vector_clear(&v);
	}
	int count = (int)json_array_size(list);
	json_decref(list);
	return count;
}

static void check_round_trip(const struct vector *v)
{
	if (strcmp(v->form, "tbs") == 0)
		return; /* signature_inputs_are_rebuilt() */
	if (type_of(v))
		check_structure(v, type_of(v));
	else
		check_header(v);
	if (strcmp(v->form, "message") == 0)
		check_message(v);
}

static void vectors_are_encoded_again_byte_for_byte(void **state)
{
	(void)state;
	assert_int_equal(for_each_vector(check_round_trip), 52);
}

/* --- signature inputs ------------------------------------------------------------------------- */

static void same_input(const char *name, struct wr *w)
{
	struct vector v;
	vector_load(&v, name);
	same_bytes(&v, vector_span(&v), w);
	vector_clear(&v);
}

static void check_message_input(const char *name, const char *input)
{
	AUTO(reload_msg) m = vector_msg(name);
	struct wr w;
	wr_init(&w);
	reload_msg_signature_input(&w, m->header.overlay, m->header.transaction_id, m->contents,
		m->security.signature.identity_bytes);
	same_input(input, &w);
}

static void check_stored_input(const char *name, const char *input)
{
	AUTO(reload_msg) m = vector_msg(name);
	const struct reload_store_req *req = &m->body.store_req;
	const struct reload_stored_data *d = &req->kind_data[0].values[0];
	struct wr w;
	wr_init(&w);
	reload_stored_signature_input(
		&w, req->resource, req->kind_data[0].kind, d, d->signature.identity_bytes);
	same_input(input, &w);
}

static void signature_inputs_are_rebuilt(void **state)
{
	(void)state;
	/* R-6.3.4-12: overlay, transaction_id, MessageContents, SignerIdentity */
	check_message_input("ping-req-signed", "ping-req-signed-tbs");
	check_message_input("ping-req-multi-id", "ping-req-multi-id-tbs");
	check_message_input("store-req-dict", "store-req-dict-tbs");
	/* R-7.1-01, R-7.1-02: resource, kind, storage_time, value, identity; neither length nor lifetime */
	check_stored_input("store-req-dict", "stored-data-dict-tbs");
	/* R-7.4.2.2-07: ffffffff on the wire, zero in the input */
	check_stored_input("store-req-cert-append", "stored-data-array-append-tbs");
}

/* --- values ----------------------------------------------------------------------------------- */

/* Fields whose value the JSON must show, by the end of their path. */
static bool is_value(const char *path, size_t length)
{
	size_t n = strlen(path);
	if (n > 7 && strcmp(path + n - 7, ".length") == 0)
		return false;
	return length >= 8 && strncmp(path, "payload", 7) != 0;
}

/* ChordLeaveData and a structured error_info stay bytes; their digits are in the hex of the whole. */
static void check_json(const struct vector *v)
{
	if (strcmp(v->form, "message") != 0)
		return;
	struct wire_ctx ctx = vector_ctx(NULL);
	AUTO(reload_msg) m = NULL;
	assert_int_equal(reload_msg_decode(&m, vector_span(v), &ctx), RELOAD_OK);
	json_t *j = reload_msg_json(m, &ctx);
	char *text = json_dumps(j, JSON_COMPACT);
	size_t i;
	json_t *field;
	json_array_foreach (json_object_get(v->fields, "fields"), i, field) {
		const char *path = json_string_value(json_object_get(field, "path"));
		const char *hex = json_string_value(json_object_get(field, "hex"));
		json_t *value = json_object_get(field, "value");
		size_t length = (size_t)json_integer_value(json_object_get(field, "length"));
		char number[32];
		snprintf(number, sizeof(number), "\"%" JSON_INTEGER_FORMAT "\"",
			json_integer_value(value));
		if (!is_value(path, length) || strchr(hex, '.'))
			continue;
		char *plain = json_dumps(value, JSON_ENCODE_ANY);
		bool shown = strstr(text, hex) ||
			     (json_is_integer(value) && strstr(text, number)) ||
			     (json_is_string(value) && strstr(text, plain));
		if (!shown)
			fail_msg("%s: %s = %s is not in the JSON", v->name, path, plain);
		free(plain);
	}
	free(text);
	json_decref(j);
}

static void json_shows_the_values(void **state)
{
	(void)state;
	for_each_vector(check_json);
}

static void count_lines(void *arg, const char *text)
{
	size_t *lines = arg;
	assert_int_equal(text[strlen(text) - 1], '\n');
	assert_true(strlen(text) < 300);
	++*lines;
}

static void check_print(const struct vector *v)
{
	if (strcmp(v->form, "message") != 0)
		return;
	struct wire_ctx ctx = vector_ctx(NULL);
	AUTO(reload_msg) m = NULL;
	assert_int_equal(reload_msg_decode(&m, vector_span(v), &ctx), RELOAD_OK);
	size_t lines = 0;
	reload_msg_print(m, &ctx, count_lines, &lines);
	assert_in_range(lines, 20, 100);
}

static void print_writes_a_line_a_field(void **state)
{
	(void)state;
	for_each_vector(check_print);
}

/* --- damage ----------------------------------------------------------------------------------- */

/*
 * Everything that reads bytes of a stranger, on a heap block of the exact size; tells whether the whole decoded.
 * show also makes JSON of it, which is the slow part.
 */
static bool decode_all(const struct vector *v, struct span bytes, bool show)
{
	struct wire_ctx ctx = vector_ctx(NULL);
	struct reload_arena arena = { 0 };
	bool good;
	if (type_of(v)) {
		uint8_t room[ROOM];
		ctx.arena = &arena;
		ctx.model = dictionary;
		good = reload_wire_decode(bytes, type_of(v), &ctx, room) == RELOAD_OK;
		if (good && show)
			json_decref(reload_wire_json(type_of(v), &ctx, room));
	} else if (strcmp(v->form, "message") == 0) {
		AUTO(reload_msg) m = NULL;
		good = reload_msg_decode(&m, bytes, &ctx) == RELOAD_OK;
		good = good && reload_msg_body(m, &ctx) == RELOAD_OK;
		assert_true(!m || m->arena.total <= RELOAD_LIMIT_ARENA);
		if (m && show)
			json_decref(reload_msg_json(m, &ctx));
	} else {
		struct reload_header h;
		good = reload_header_read(&h, bytes, &ctx) == RELOAD_OK;
	}
	assert_true(arena.total <= RELOAD_LIMIT_ARENA);
	reload_arena_clear(&arena);
	return good;
}

static void check_prefixes(const struct vector *v)
{
	bool whole = type_of(v) || strcmp(v->form, "message") == 0;
	for (size_t n = 0; n < v->len && strcmp(v->form, "tbs") != 0; n++) {
		uint8_t *copy = reload_memdup(v->at, n);
		bool good = decode_all(v, span_of(n ? copy : NULL, n), true);
		if (good && whole)
			fail_msg(
				"%s: %zu of %zu bytes are taken for the whole", v->name, n, v->len);
		free(copy);
	}
}

static void prefixes_fail(void **state)
{
	(void)state;
	for_each_vector(check_prefixes);
}

static void check_damage(const struct vector *v)
{
	static const uint8_t flips[] = { 0x01, 0x80, 0xff };
	if (strcmp(v->form, "tbs") == 0)
		return;
	uint8_t *copy = reload_memdup(v->at, v->len);
	for (size_t i = 0; i < v->len; i++)
		for (size_t f = 0; f < COUNT_OF(flips); f++) {
			copy[i] ^= flips[f];
			/* anything but a crash, a leak or a flood */
			decode_all(v, span_of(copy, v->len), f == 0);
			copy[i] ^= flips[f];
		}
	assert_true(decode_all(v, span_of(copy, v->len), true));
	free(copy);
}

static void damage_does_no_harm(void **state)
{
	(void)state;
	for_each_vector(check_damage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vectors_are_encoded_again_byte_for_byte),
		cmocka_unit_test(signature_inputs_are_rebuilt),
		cmocka_unit_test(json_shows_the_values),
		cmocka_unit_test(print_writes_a_line_a_field),
		cmocka_unit_test(prefixes_fail),
		cmocka_unit_test(damage_does_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
