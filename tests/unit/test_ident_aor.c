#include "ident/aor.h"
#include "ident/ops.h"
#include "util/id.h"
#include "wire/codes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void addresses_are_normalised(void **state)
{
	(void)state;
	static const struct {
		const char *text, *name, *gr;
		bool sips;
	} rows[] = {
		{ "alice@dht.example.com", "alice@dht.example.com", NULL, false },
		{ "sip:alice@dht.example.com", "alice@dht.example.com", NULL, false },
		{ "SIPS:Al%69ce@DHT.example.com:5061;transport=tls", "Alice@dht.example.com", NULL,
			true },
		{ " <sip:bob@Example.> ", "bob@example", NULL, false },
		{ "<sips:bob:secret@example.com?subject=x>", "bob@example.com", NULL, true },
		{ "sip:a;b=c@example.com;GR=ARAS~;x", "a;b=c@example.com", "ARAS~", false },
		{ "bob@example.com;gr", "bob@example.com", NULL, false },
		{ "bob@example.com;gr=", "bob@example.com", "", false },
		{ "bob@example.com;gr=1;gr=2", "bob@example.com", "1", false },
		{ "b%40c@example.com", "b@c@example.com", NULL, false },
		{ "+15551234@example.com", "+15551234@example.com", NULL, false },
		{ "\xc3\xa4@example.com", "\xc3\xa4@example.com", NULL, false },
		{ "a@x.example?to=b@y.example", "a@x.example", NULL, false },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_aor aor;
		/* R7904-34: no scheme, %-escapes decoded */
		assert_int_equal(reload_aor_parse(&aor, span_str(rows[i].text)), RELOAD_OK);
		assert_string_equal(aor.name, rows[i].name);
		assert_string_equal(aor.domain, strrchr(rows[i].name, '@') + 1);
		assert_int_equal(aor.sips, rows[i].sips);
		assert_int_equal(aor.has_gr, rows[i].gr != NULL);
		assert_true(span_eq(aor.gr, rows[i].gr ? span_str(rows[i].gr) : span_of(NULL, 0)));
	}
}

static void what_is_no_address_is_refused(void **state)
{
	(void)state;
	static const char *const rows[] = { "", "@", "alice", "alice@", "@example.com",
		"sip:", "sips:x", "tel:+15551234", "tel:+1@example.com", "mailto:a@example.com",
		"sip::x@example.com", "a@192.0.2.1", "a@[2001:db8::1]", "a@example..com",
		"a@-x.com", "a@x-.com", "a@exa_mple.com", "a@ex%61mple.com", "a@.",
		"a%@example.com", "a%4@example.com", "a%zz@example.com", "a%00@example.com",
		"a%1f@example.com", "a%7F@example.com", "a\n@example.com", "%ff@example.com",
		"a@\xc3\xa4.example" };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_aor aor;
		if (!reload_aor_parse(&aor, span_str(rows[i])))
			fail_msg("\"%s\" is read as %s", rows[i], aor.name);
	}
	struct reload_aor aor;
	assert_int_equal(reload_aor_parse(&aor, span_of("a\0b@example.com", 15)), RELOAD_BAD_VALUE);
	assert_int_equal(reload_aor_parse(&aor, span_of(NULL, 0)), RELOAD_BAD_VALUE);
}

static void lengths_are_limited(void **state)
{
	(void)state;
	char text[RELOAD_AOR_TEXT_MAX + 2], domain[RELOAD_AOR_DOMAIN_MAX + 2];
	struct reload_aor aor;
	memset(text, 'u', sizeof(text));
	memcpy(text + RELOAD_AOR_USER_MAX, "@example", 9);
	assert_int_equal(reload_aor_parse(&aor, span_str(text)), RELOAD_OK);
	assert_int_equal(strlen(aor.name), RELOAD_AOR_USER_MAX + 8);
	memcpy(text + RELOAD_AOR_USER_MAX, "u@example", 10);
	assert_int_equal(reload_aor_parse(&aor, span_str(text)), RELOAD_BAD_VALUE);
	for (size_t i = 0; i < sizeof(domain); i++)
		domain[i] = i % 50 == 49 ? '.' : 'a';
	assert_true(reload_aor_domain_valid(span_of(domain, RELOAD_AOR_DOMAIN_MAX)));
	assert_false(reload_aor_domain_valid(span_of(domain, RELOAD_AOR_DOMAIN_MAX + 1)));
	memset(domain, 'a', 64);
	assert_false(reload_aor_domain_valid(span_of(domain, 64)));
	assert_true(reload_aor_domain_valid(span_of(domain, 63)));
	memset(text, ';', sizeof(text));
	memcpy(text, "a@example", 9);
	assert_int_equal(reload_aor_parse(&aor, span_of(text, RELOAD_AOR_TEXT_MAX)), RELOAD_OK);
	assert_int_equal(
		reload_aor_parse(&aor, span_of(text, RELOAD_AOR_TEXT_MAX + 1)), RELOAD_BAD_VALUE);
}

static void the_name_is_hashed_without_a_scheme(void **state)
{
	(void)state;
	struct reload_aor aor;
	uint8_t digest[RELOAD_HASH_SIZE_MAX];
	struct reload_id want, got;
	assert_int_equal(reload_aor_parse(&aor, span_str("sip:alice@dht.example.com")), RELOAD_OK);
	struct span name = span_str(aor.name);
	assert_int_equal(reload_hash(digest, RELOAD_HASH_SHA1, &name, 1), 20);
	assert_int_equal(reload_id_from(&got, span_of(digest, 16)), RELOAD_OK);
	assert_int_equal(reload_id_from_hex(&want, "0c51a942f50c828aef82a5af83e8ed59"), RELOAD_OK);
	/* R7904-33: the Resource Name is the AOR */
	assert_true(reload_id_eq(&got, &want));
}

/* C21: however it is written, it is at one place of the overlay. */
static void all_spellings_are_one_name(void **state)
{
	(void)state;
	static const char *const rows[] = { "Alice@dht.example.com",
		"SIPS:Al%69ce@DHT.example.com:5061;transport=tls", "sip:Alice@dht.example.com",
		"SiP:Alice@dht.example.com", "sips:Alice@dht.example.com",
		"sip:%41lice@dht.example.com", "sip:%41%6c%69%63%65@dht.example.com",
		"sip:%41%6C%69%63%65@dht.example.com", "Alice@DHT.EXAMPLE.COM",
		"Alice@dht.example.com.", "Alice@dht.example.com:5060",
		"Alice@dht.example.com.:5060", "<sip:Alice@dht.example.com>",
		" <sip:Alice@dht.example.com> ", "\tsip:Alice@dht.example.com ",
		"sip:Alice:secret@dht.example.com", "sip:Alice@dht.example.com;user=phone",
		"sip:Alice@dht.example.com;maddr=192.0.2.1;lr", "sip:Alice@dht.example.com;gr=x",
		"sip:Alice@dht.example.com?subject=x&to=b@c.example",
		"sip:Alice@dht.example.com:5060;x?y=z" };
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reload_aor aor;
		uint8_t digest[RELOAD_HASH_SIZE_MAX];
		assert_int_equal(reload_aor_parse(&aor, span_str(rows[i])), RELOAD_OK);
		struct span name = span_str(aor.name);
		assert_int_equal(reload_hash(digest, RELOAD_HASH_SHA1, &name, 1), 20);
		struct reload_id got, want;
		assert_int_equal(reload_id_from(&got, span_of(digest, 16)), RELOAD_OK);
		/* of "Alice@dht.example.com", by sha1sum */
		assert_int_equal(
			reload_id_from_hex(&want, "d0f50235f4b442f65eb5430133711f3a"), RELOAD_OK);
		if (!reload_id_eq(&got, &want))
			fail_msg("\"%s\" is %s", rows[i], aor.name);
	}
}

static void a_written_name_is_read_back(void **state)
{
	(void)state;
	static const struct {
		const char *name, *text;
	} rows[] = {
		{ "alice@example.com", "alice@example.com" },
		{ "a b%c@example.com", "a%20b%25c@example.com" },
		{ "b@c:d?e@example.com", "b%40c%3Ad%3Fe@example.com" },
		{ "\xc3\xa4\"<>@example.com", "%C3%A4%22%3C%3E@example.com" },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		char text[256] = "";
		struct wr w = wr_fixed(text, sizeof(text) - 1);
		struct reload_aor aor;
		reload_aor_write(&w, rows[i].name);
		assert_string_equal(text, rows[i].text);
		assert_int_equal(reload_aor_parse(&aor, wr_done(&w)), RELOAD_OK);
		assert_string_equal(aor.name, rows[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_normalised),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(lengths_are_limited),
		cmocka_unit_test(the_name_is_hashed_without_a_scheme),
		cmocka_unit_test(all_spellings_are_one_name),
		cmocka_unit_test(a_written_name_is_read_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
