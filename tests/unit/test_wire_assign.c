/* From JSON to the wire: what reload_msg_json() prints becomes the same message again, and what cannot be is named. */
#include "vectors.h"

#include "wire/assign.h"

#include <glob.h>

static struct wire_ctx context(struct reload_arena *arena)
{
	return (struct wire_ctx){ .node_id_len = 16, .arena = arena };
}

/* The message that an object describes; len 0: err is what it failed with, why names the member. */
static struct span assigned(
	struct wr *w, const json_t *object, enum reload_err *err, struct reload_error_text *why)
{
	struct reload_arena arena = { 0 };
	struct wire_ctx ctx = context(&arena);
	*why = (struct reload_error_text){ 0 };
	wr_init(w);
	*err = reload_msg_assign(w, &ctx, object, why);
	reload_arena_clear(&arena);
	return *err ? span_of(NULL, 0) : wr_done(w);
}

static json_t *json_of(struct span bytes)
{
	struct reload_arena arena = { 0 };
	struct wire_ctx ctx = context(&arena);
	struct reload_msg *m = NULL;
	assert_int_equal(reload_msg_decode(&m, bytes, &ctx), RELOAD_OK);
	json_t *j = reload_msg_json(m, &ctx);
	reload_msg_free(m);
	reload_arena_clear(&arena);
	return j;
}

/* Every message of the vectors comes back byte by byte. */
static void messages_come_back(void **state)
{
	(void)state;
	glob_t found;
	unsigned messages = 0;
	assert_int_equal(glob("tests/vectors/*.hex", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char name[64];
		struct vector v;
		struct wr w;
		enum reload_err err;
		struct reload_error_text why;
		const char *file = strrchr(found.gl_pathv[i], '/') + 1;
		snprintf(name, sizeof(name), "%.*s", (int)(strlen(file) - 4), file);
		vector_load(&v, name);
		if (!strcmp(v.form, "message")) {
			json_t *j = json_of(vector_span(&v));
			struct span again = assigned(&w, j, &err, &why);
			if (err || !span_eq(again, vector_span(&v)))
				fail_msg("%s: %s: %s", name, why.what, why.reason);
			messages++;
			json_decref(j);
			wr_clear(&w);
		}
		vector_clear(&v);
	}
	globfree(&found);
	assert_true(messages >= 30);
}

static json_t *ping(void)
{
	struct vector v;
	vector_load(&v, "ping-req-signed");
	json_t *j = json_of(vector_span(&v));
	vector_clear(&v);
	return j;
}

static void set(json_t *root, const char *object, const char *key, json_t *value)
{
	json_t *at = *object ? json_object_get(root, object) : root;
	assert_int_equal(value ? json_object_set_new(at, key, value) : json_object_del(at, key), 0);
}

/* Numbers may be numbers, and the length is computed. */
static void forms_of_numbers(void **state)
{
	(void)state;
	struct wr w, usual;
	enum reload_err err;
	struct reload_error_text why;
	json_t *j = ping();
	struct span before = assigned(&usual, j, &err, &why);
	set(j, "header", "overlay", json_integer(0x9aa32b8d));
	set(j, "header", "transaction_id", json_string("81985529216486895"));
	set(j, "header", "length", json_integer(1));
	set(j, "", "message_code", json_integer(RELOAD_PING_REQ));
	set(j, "", "comment", json_string("not of the message"));
	struct span after = assigned(&w, j, &err, &why);
	assert_int_equal(err, RELOAD_OK);
	assert_true(span_eq(before, after));
	wr_clear(&w);
	/* HDR-09: an opaque id of two bytes with the top bit is sent in its short form */
	json_t *to = json_pack("[{s:s, s:s}]", "type", "opaque_id_type", "opaque", "802a");
	set(j, "header", "destination_list", to);
	after = assigned(&w, j, &err, &why);
	assert_int_equal(err, RELOAD_OK);
	assert_int_equal(after.at[37], 0);
	assert_int_equal(after.at[35], 2);
	assert_memory_equal(after.at + RELOAD_HEADER_FIXED, "\x80\x2a", 2);
	wr_clear(&w);
	wr_clear(&usual);
	json_decref(j);
}

static void what_cannot_be_is_named(void **state)
{
	(void)state;
	json_t *many = json_array();
	for (int i = 0; i < RELOAD_LIMIT_EXTENSIONS + 1; i++)
		json_array_append_new(many,
			json_pack("{s:i, s:b, s:s}", "type", 9, "critical", 0, "contents", ""));
	const struct {
		const char *object, *key;
		json_t *value; /* NULL: removed */
		const char *what;
		enum reload_err err;
	} rows[] = {
		{ "header", "ttl", json_integer(256), "ttl", RELOAD_BAD_VALUE },
		{ "header", "ttl", json_integer(-1), "ttl", RELOAD_BAD_VALUE },
		{ "header", "ttl", json_string("12x"), "ttl", RELOAD_BAD_VALUE },
		{ "header", "ttl", NULL, "ttl", RELOAD_BAD_VALUE },
		{ "header", "transaction_id", json_string("18446744073709551616"), "transaction_id",
			RELOAD_BAD_VALUE },
		{ "header", "via_list", json_string(""), "via_list", RELOAD_BAD_VALUE },
		{ "header", "destination_list",
			json_pack("[{s:s, s:s}]", "type", "node", "node", "00"), "node",
			RELOAD_BAD_VALUE },
		{ "header", "destination_list",
			json_pack("[{s:s, s:s}]", "type", "node", "node",
				"00000000000000000000000000000000"),
			"destination_list", RELOAD_BAD_VALUE },
		{ "", "header", json_null(), "ForwardingHeader", RELOAD_BAD_VALUE },
		{ "", "message_code", json_string("no_such_req"), "message_code",
			RELOAD_BAD_VALUE },
		{ "", "body", json_pack("{s:s}", "padding", "abc"), "padding", RELOAD_BAD_VALUE },
		{ "", "body", json_string("xy"), "body", RELOAD_BAD_VALUE },
		{ "", "security", NULL, "SecurityBlock", RELOAD_BAD_VALUE },
		{ "", "extensions", many, "extensions", RELOAD_LIMIT },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct wr w;
		enum reload_err err;
		struct reload_error_text why;
		json_t *j = ping();
		set(j, rows[i].object, rows[i].key, rows[i].value);
		assigned(&w, j, &err, &why);
		if (err != rows[i].err || strcmp(why.what, rows[i].what) != 0 || !why.reason[0])
			fail_msg("row %zu: %d %s: %s", i, err, why.what, why.reason);
		json_decref(j);
		wr_clear(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_come_back),
		cmocka_unit_test(forms_of_numbers),
		cmocka_unit_test(what_cannot_be_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
