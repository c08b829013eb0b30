/* Which ICE parameters of other nodes are taken. */
#include "wire/ice.h"
#include "tests/unit/wire_hex.h"

#define PASSWORD "asd88fgpdd777uzjYhagZg"

static const char *credentials(const char *ufrag, const char *password)
{
	return reload_ice_credentials_fault(span_str(ufrag), span_str(password));
}

static void ufrag_and_password(void **state)
{
	(void)state;
	uint8_t longest[255];
	memset(longest, '+', sizeof(longest));
	struct span l = span_of(longest, sizeof(longest));
	/* R-6.5.1.7-01, RFC 5245 s15.4 */
	assert_null(credentials("8hhY", PASSWORD));
	assert_null(credentials("a/+Z09", PASSWORD "+/"));
	assert_null(reload_ice_credentials_fault(l, l));
	assert_non_null(credentials("", ""));
	assert_non_null(credentials("", PASSWORD));
	assert_non_null(credentials("8hh", PASSWORD));
	assert_non_null(credentials("8hhY", ""));
	assert_non_null(credentials("8hhY", "asd88fgpdd777uzjYhagZ"));
	for (unsigned c = 0; c < 256; c++) {
		bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			    (c >= '0' && c <= '9') || c == '+' || c == '/';
		uint8_t text[23] = PASSWORD;
		text[3] = (uint8_t)c;
		assert_int_equal(
			fine, !reload_ice_credentials_fault(span_of(text, 4), span_str(PASSWORD)));
		assert_int_equal(
			fine, !reload_ice_credentials_fault(span_str("8hhY"), span_of(text, 22)));
	}
}

static struct reload_ice_candidate candidate(void)
{
	return (struct reload_ice_candidate){
		.addr_port = { .type = RELOAD_IPV4, .addr = { 192, 0, 2, 1 }, .port = 6084 },
		.overlay_link = RELOAD_DTLS_UDP_SR,
		.foundation = span_str("1"),
		.priority = 2130706431,
		.type = RELOAD_CAND_HOST
	};
}

static const char *fault(const struct reload_ice_candidate *c)
{
	return reload_ice_candidate_fault(c, false);
}

static void candidates(void **state)
{
	(void)state;
	struct reload_ice_candidate c = candidate();
	assert_null(fault(&c));
	c.type = RELOAD_CAND_SRFLX;
	assert_null(fault(&c));
	c.type = RELOAD_CAND_RELAY;
	assert_null(fault(&c));
	c.type = RELOAD_CAND_RESERVED;
	assert_non_null(fault(&c));
	c = candidate();
	/* R-6.5.1.1-04: a No-ICE link type */
	c.overlay_link = RELOAD_DTLS_UDP_SR_NO_ICE;
	assert_non_null(fault(&c));
	c = candidate();
	c.priority = 0;
	assert_non_null(fault(&c));
	c.priority = 1;
	assert_null(fault(&c));
	c.priority = UINT32_C(0x7fffffff);
	assert_null(fault(&c));
	c.priority = UINT32_C(0x80000000);
	assert_non_null(fault(&c));
	c = candidate();
	c.addr_port.addr[0] = 127;
	assert_string_equal(fault(&c), "a loopback address");
	assert_null(reload_ice_candidate_fault(&c, true));
}

static void foundations(void **state)
{
	(void)state;
	struct reload_ice_candidate c = candidate();
	uint8_t text[255];
	c.foundation = span_str("");
	assert_non_null(fault(&c));
	for (unsigned i = 0; i < 256; i++) {
		memset(text, 'a', sizeof(text));
		text[sizeof(text) - 1] = (uint8_t)i;
		c.foundation = span_of(text, sizeof(text));
		assert_int_equal(!fault(&c), i > ' ' && i < 127);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ufrag_and_password),
		cmocka_unit_test(candidates),
		cmocka_unit_test(foundations),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
