/* The quota is of what is really used: what a storage says that it holds is compared with what malloc() and the file hold. */
#include "storage_fixture.h"
#include "storage_scratch.h"
#include "storage_version.h"

#include "storage/sqlite_io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <malloc.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LARGE = 1 << 30,
	KEEP_MS = 3600 * 1000,
	TEXT_MAX = 8192
};

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

static size_t allocated(void)
{
#ifdef __SANITIZE_ADDRESS__
	return __sanitizer_get_current_allocated_bytes();
#else
	struct mallinfo2 m = mallinfo2();
	return m.uordblks + m.hblkhd;
#endif
}

/* So many of each; chains: of different certificates. */
struct load {
	const char *name;
	size_t resources, kinds, values, key, value, certificates, chains;
	bool expired; /* of the values nothing is left but the counters */
};

static const struct load loads[] = {
	{ "values of one byte", 1, 1, 6000, 4, 1, 300, 1 },
	{ "long keys", 1, 1, 400, 4000, 1, 300, 1 },
	{ "keys as long as half a page", 1, 1, 400, 1900, 1, 300, 1 },
	{ "Kinds", 1, 4000, 1, 4, 1, 300, 1 },
	{ "resources", 4000, 1, 1, 4, 1, 300, 1 },
	{ "counters", 2000, 2, 1, 4, 1, 300, 1, .expired = true },
	{ "large values", 1, 1, 300, 4, 5000, 300, 1 },
	{ "one signer", 10, 1, 100, 4, 40, 6000, 1 },
	{ "many signers", 10, 1, 50, 4, 40, 3000, 500 },
};

static char text[TEXT_MAX];

static struct bytes numbered(size_t number, size_t len)
{
	snprintf(text, sizeof(text), "%0*zu", (int)len, number);
	return bytes_copy(span_of(text, len));
}

static enum reload_err try_one(
	struct reload_storage *s, const struct load *l, size_t resource, size_t kind, size_t value)
{
	static const uint8_t signer[36];
	struct reload_id at = resource_of(span_of((const uint8_t *)&resource, sizeof(resource)));
	size_t number = (resource * l->kinds + kind) * l->values + value;
	/* not in their order, as keys of strangers are */
	struct bytes key = numbered(number * 7919 % 1000003, l->key ? l->key : 1),
		     words = numbered(number, l->value),
		     certificates = numbered(number % l->chains, l->certificates);
	struct reload_stored_entry e = { .received = T0, .certificates = bytes_span(certificates) };
	e.data =
		(struct reload_stored_data){ .storage_time = T0, .lifetime = l->expired ? 1 : DAY };
	e.data.value = (struct reload_stored_value){ .model = RELOAD_MODEL_DICTIONARY,
		.key = bytes_span(key),
		.exists = true,
		.value = bytes_span(words) };
	e.data.signature = (struct reload_signature){ .hash_alg = RELOAD_HASH_SHA256,
		.sig_alg = RELOAD_SIG_ECDSA,
		.identity = { RELOAD_CERT_HASH, RELOAD_HASH_SHA256, span_of(signer, 32) },
		.identity_bytes = span_of(signer, sizeof(signer)),
		.value = span_str(
			"0123456789012345678901234567890123456789012345678901234567890123456789") };
	struct reload_store_change change = { 0xf0000000u + (uint32_t)kind, 1, &e, 1 };
	struct reload_store_batch batch = { at, &change, 1, T0 };
	enum reload_err err = s->ops->commit(s, &batch, NULL, NULL);
	bytes_free(&key);
	bytes_free(&words);
	bytes_free(&certificates);
	return err;
}

static void put_one(
	struct reload_storage *s, const struct load *l, size_t resource, size_t kind, size_t value)
{
	assert_int_equal(try_one(s, l, resource, kind, value), RELOAD_OK);
}

/* Puts all in, and returns what the storage says. */
static size_t load_all(struct reload_storage *s, const struct load *l)
{
	size_t bytes, done = 0;
	for (size_t r = 0; r < l->resources; r++)
		for (size_t k = 0; k < l->kinds; k++)
			for (size_t v = 0; v < l->values; v++)
				if (put_one(s, l, r, k, v), ++done % 1000 == 0 && s->ops->flush)
					s->ops->flush(s);
	if (s->ops->flush)
		s->ops->flush(s);
	if (l->expired)
		s->ops->expire(s, T0 + 2000);
	if (s->ops->flush)
		s->ops->flush(s);
	s->ops->count(s, T0, NULL, &bytes);
	return bytes;
}

/* At least nine tenths of what is held is accounted, and not many times as much. */
static void memory_is_accounted(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(loads); i++) {
		size_t before = allocated();
		struct reload_storage *s = reload_storage_memory_new(LARGE, KEEP_MS);
		size_t accounted = load_all(s, &loads[i]), real = allocated() - before;
		print_message(
			"memory: %s: %zu bytes, accounted %zu\n", loads[i].name, real, accounted);
		assert_true(accounted >= real - real / 10);
		assert_true(accounted <= 5 * real);
		reload_storage_free(s);
	}
}

static struct reload_storage *open_new(size_t number)
{
	char directory[96];
	struct reload_storage *s = NULL;
	struct reload_error_text why = { 0 };
	snprintf(directory, sizeof(directory), "%s/%zu", root, number);
	struct reload_sqlite_setup setup = { .directory = directory,
		.overlay = "overlay.example.org",
		.id_len = 16,
		.max_bytes = LARGE,
		.keep_generation_ms = KEEP_MS,
		.now = T0 };
	if (reload_storage_sqlite_open(&s, &setup, &why))
		fail_msg("%s: %s", why.what, why.reason);
	return s;
}

static size_t file_size(size_t number)
{
	char path[128];
	struct stat st;
	snprintf(path, sizeof(path), "%s/%zu/store.db", root, number);
	assert_int_equal(stat(path, &st), 0);
	return (size_t)st.st_size;
}

static void the_file_is_accounted(void **state)
{
	(void)state;
	reload_storage_free(open_new(COUNT_OF(loads)));
	size_t empty = file_size(COUNT_OF(loads));
	for (size_t i = 0; i < COUNT_OF(loads); i++) {
		if (loads[i].expired)
			continue; /* what the values took is free in the file, for what comes */
		struct reload_storage *s = open_new(i);
		size_t accounted = load_all(s, &loads[i]);
		reload_storage_free(s);
		size_t real = file_size(i) - empty;
		print_message(
			"file: %s: %zu bytes, accounted %zu\n", loads[i].name, real, accounted);
		assert_true(accounted >= real - real / 10);
	}
}

/* A chain is charged when it is new, for all that have it. */
static void a_chain_counts_once(void **state)
{
	(void)state;
	const struct load l = { "", 1, 1, 3, 4, 1, 6000, 3 }, same = { "", 1, 1, 3, 4, 1, 6000, 1 };
	AUTO(reload_storage) s = reload_storage_memory_new(LARGE, KEEP_MS);
	size_t bytes[4];
	put_one(s, &same, 0, 0, 0);
	s->ops->count(s, T0, NULL, &bytes[0]);
	put_one(s, &same, 0, 0, 1);
	s->ops->count(s, T0, NULL, &bytes[1]);
	assert_in_range(bytes[1] - bytes[0], 1, 2000);
	/* another one in the place of the last: the first is used still */
	put_one(s, &l, 0, 0, 1);
	s->ops->count(s, T0, NULL, &bytes[2]);
	assert_in_range(bytes[2] - bytes[1], 6000, 20000);
	/* and back: what nobody uses any more costs nothing */
	put_one(s, &same, 0, 0, 1);
	s->ops->count(s, T0, NULL, &bytes[3]);
	assert_int_equal(bytes[3], bytes[1]);
}

/* At the maximum a new chain is refused; one that goes makes room for it. */
static void a_new_chain_needs_room(void **state)
{
	(void)state;
	const struct load one = { "", 1, 1, 2, 4, 1, 6000, 1 },
			  two = { "", 1, 1, 2, 4, 1, 6000, 2 };
	struct reload_storage *s = reload_storage_memory_new(LARGE, KEEP_MS);
	size_t bytes, now;
	put_one(s, &one, 0, 0, 0);
	s->ops->count(s, T0, NULL, &bytes);
	reload_storage_free(s);
	s = reload_storage_memory_new(bytes + 2000, KEEP_MS);
	put_one(s, &one, 0, 0, 0);
	assert_int_equal(try_one(s, &two, 0, 0, 1), RELOAD_DATA_TOO_LARGE);
	s->ops->count(s, T0, NULL, &now);
	assert_int_equal(now, bytes);
	/* with the chain that is there it fits */
	put_one(s, &one, 0, 0, 1);
	/* two items have it still: in the place of one of them there is no room */
	assert_int_equal(try_one(s, &two, 0, 0, 1), RELOAD_DATA_TOO_LARGE);
	reload_storage_free(s);
	s = reload_storage_memory_new(bytes, KEEP_MS);
	put_one(s, &two, 0, 0, 1);
	put_one(s, &one, 0, 0, 1); /* in the place of the only one */
	s->ops->count(s, T0, NULL, &now);
	assert_int_equal(now, bytes);
	reload_storage_free(s);
}

/* --- certificates in the file ------------------------------------------------------------------------------------------- */

static const char *path_of(size_t number)
{
	static char path[128];
	snprintf(path, sizeof(path), "%s/%zu/store.db", root, number);
	return path;
}

/* The number that sql asks the closed file for. */
static int ask(size_t number, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *st;
	assert_int_equal(sqlite3_open(path_of(number), &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	int n = sqlite3_column_int(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static void change_file(size_t number, const char *sql)
{
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path_of(number), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* One value of an array; lifetime 10 s, or a day. */
static void put_array(
	struct reload_storage *s, uint32_t index, const char *certificates, bool lasting)
{
	struct reload_id at = resource_of(span_str("array"));
	struct reload_stored_entry e = { .received = T0, .certificates = span_str(certificates) };
	e.data = (struct reload_stored_data){ .storage_time = T0, .lifetime = lasting ? DAY : 10 };
	e.data.value = (struct reload_stored_value){ .model = RELOAD_MODEL_ARRAY,
		.index = index,
		.exists = true,
		.value = span_str("a value") };
	struct reload_store_change change = { K_ARRAY, 1, &e, 1 };
	struct reload_store_batch batch = { at, &change, 1, T0 };
	assert_int_equal(s->ops->commit(s, &batch, NULL, NULL), RELOAD_OK);
	s->ops->flush(s);
}

static size_t values_of(struct reload_storage *s)
{
	size_t values;
	s->ops->count(s, T0, &values, NULL);
	return values;
}

/* A chain is in the file once, as long as a value has it. */
static void chains_are_in_the_file_once(void **state)
{
	(void)state;
	const size_t at = 100;
	struct reload_storage *s = open_new(at);
	for (uint32_t i = 0; i < 9; i++)
		put_array(s, i, i % 2 ? "odd" : i ? "even" : "of the first", i == 8);
	reload_storage_free(s);
	assert_int_equal(ask(at, "SELECT count(*) FROM chain"), 3);
	/* another one in its place */
	s = open_new(at);
	put_array(s, 0, "even", false);
	reload_storage_free(s);
	assert_int_equal(ask(at, "SELECT count(*) FROM value"), 9);
	assert_int_equal(ask(at, "SELECT count(*) FROM chain"), 2);
	s = open_new(at);
	struct reload_id resource = resource_of(span_str("array"));
	struct reload_stored_value place = { .model = RELOAD_MODEL_ARRAY };
	const struct reload_stored_entry *e = s->ops->find(s, &resource, K_ARRAY, &place, T0);
	assert_non_null(e);
	assert_true(span_eq(e->certificates, span_str("even")));
	/* the odd ones expire */
	s->ops->expire(s, T0 + 10000);
	reload_storage_free(s);
	assert_int_equal(ask(at, "SELECT count(*) FROM value"), 1);
	assert_int_equal(ask(at, "SELECT count(*) FROM chain"), 1);
	s = open_new(at);
	s->ops->drop_kind(s, K_ARRAY);
	reload_storage_free(s);
	assert_int_equal(ask(at, "SELECT count(*) FROM chain"), 0);
}

/* Values of one commit keep each its own chain, be it that of the value before or another one. */
static void chains_of_one_commit(void **state)
{
	(void)state;
	static const char *const chains[] = { "one", "one", "two", "one", "", "", "two" };
	const size_t at = 103;
	struct reload_storage *s = open_new(at);
	struct reload_stored_entry e[COUNT_OF(chains)];
	struct reload_id resource = resource_of(span_str("array"));
	struct reload_stored_value place = {
		.model = RELOAD_MODEL_ARRAY, .exists = true, .value = span_str("a value")
	};
	for (uint32_t i = 0; i < COUNT_OF(chains); i++) {
		place.index = i;
		e[i] = (struct reload_stored_entry){ .received = T0,
			.certificates = span_str(chains[i]),
			.data = { .storage_time = T0, .lifetime = DAY, .value = place } };
	}
	struct reload_store_change change = { K_ARRAY, 1, e, COUNT_OF(chains) };
	struct reload_store_batch batch = { resource, &change, 1, T0 };
	assert_int_equal(s->ops->commit(s, &batch, NULL, NULL), RELOAD_OK);
	reload_storage_free(s);
	assert_int_equal(ask(at, "SELECT count(*) FROM chain"), 3);
	s = open_new(at);
	assert_int_equal(values_of(s), COUNT_OF(chains));
	for (uint32_t i = 0; i < COUNT_OF(chains); i++) {
		place.index = i;
		const struct reload_stored_entry *found =
			s->ops->find(s, &resource, K_ARRAY, &place, T0);
		assert_non_null(found);
		assert_true(span_eq(found->certificates, span_str(chains[i])));
	}
	reload_storage_free(s);
}

/* A damaged chain takes along what has it, and is made again with the next value. */
static void a_damaged_chain(void **state)
{
	(void)state;
	const size_t at = 101;
	struct reload_storage *s = open_new(at);
	for (uint32_t i = 0; i < 10; i++)
		put_array(s, i, i % 2 ? "odd" : "even", true);
	reload_storage_free(s);
	change_file(at, "UPDATE chain SET certificates = x'00' WHERE id = 1");
	s = open_new(at);
	assert_int_equal(values_of(s), 5);
	put_array(s, 0, "even", true);
	reload_storage_free(s);
	assert_int_equal(ask(at, "SELECT count(*) FROM chain"), 2);
	s = open_new(at);
	assert_int_equal(values_of(s), 6);
	reload_storage_free(s);
}

/* A file of version 2 is moved over, what is damaged in it stays damaged. */
static void certificates_move_to_their_table(void **state)
{
	(void)state;
	const size_t at = 102;
	uint8_t before[RELOAD_HASH_SIZE_MAX], after[RELOAD_HASH_SIZE_MAX];
	static const char *const chains[] = { "of one", "of another", "" };
	struct reload_storage *s = open_new(at);
	for (uint32_t i = 0; i < 30; i++)
		put_array(s, i, chains[i % 3], true);
	storage_digest(s, T0, before);
	reload_storage_free(s);
	change_file(at, STORAGE_TO_VERSION_2);
	assert_int_equal(
		ask(at, "SELECT count(*) FROM value WHERE certificates = cast('of one' AS BLOB)"),
		10);
	change_file(at, "UPDATE value SET certificates = x'00' WHERE place = 29");
	s = open_new(at);
	assert_int_equal(values_of(s), 29);
	put_array(s, 29, "", true);
	storage_digest(s, T0, after);
	assert_memory_equal(before, after, 32);
	reload_storage_free(s);
	assert_int_equal(ask(at, "PRAGMA user_version"), 3);
	assert_int_equal(ask(at, "SELECT count(*) FROM chain"), 3);
	assert_int_equal(ask(at, "SELECT count(*) FROM sqlite_schema WHERE name = 'moved'"), 0);
	assert_int_equal(
		ask(at, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'value_%'"), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_is_accounted),
		cmocka_unit_test(a_chain_counts_once),
		cmocka_unit_test(a_new_chain_needs_room),
		cmocka_unit_test(the_file_is_accounted),
		cmocka_unit_test(chains_are_in_the_file_once),
		cmocka_unit_test(chains_of_one_commit),
		cmocka_unit_test(a_damaged_chain),
		cmocka_unit_test(certificates_move_to_their_table),
	};
	return cmocka_run_group_tests(tests, scratch_begin, scratch_end);
}
