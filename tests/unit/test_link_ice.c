/* Candidates to and from an ICE library. */
#include "link/ice.h"
#include "util/alloc.h"
#include "wire/codes.h"

#include <stddef.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

enum {
	PRIORITY = 2130706431
};

static struct reload_ip_port at(const char *text)
{
	struct reload_ip_port a;
	assert_int_equal(reload_ip_port_parse(&a, text, 0), RELOAD_OK);
	return a;
}

static void at_is(const struct reload_ip_port *a, const char *text)
{
	char written[64];
	assert_string_equal(reload_ip_port_text(written, a), text);
}

static struct reload_ice_candidate candidate(uint8_t type, const char *address)
{
	struct reload_ice_candidate c = { .addr_port = at(address),
		.overlay_link = RELOAD_DTLS_UDP_SR,
		.foundation = span_str("1"),
		.priority = PRIORITY,
		.type = type };
	if (type != RELOAD_CAND_HOST)
		c.rel_addr_port = at("10.0.0.1:7");
	return c;
}

/* -- of another node ---------------------------------------------------------------------------- */

static void of_another_node(void **state)
{
	(void)state;
	struct reload_ice_item out[RELOAD_ICE_CANDIDATES_MAX];
	const char *why;
	struct reload_ice_candidate in[] = {
		candidate(RELOAD_CAND_HOST, "10.0.0.1:6084"),
		candidate(RELOAD_CAND_SRFLX, "192.0.2.1:6085"),
		candidate(RELOAD_CAND_RELAY, "[2001:db8::1]:6086"),
		candidate(RELOAD_CAND_HOST, "[::ffff:192.0.2.9]:6087"),
	};
	in[1].foundation = span_str("another");
	in[1].priority = 5;
	/* R-6.5.1.1-05: the numbers of the types differ */
	assert_int_equal(reload_ice_remote(out, &why, in, COUNT_OF(in), false), 4);
	assert_null(why);
	assert_int_equal(out[0].type, RELOAD_ICE_HOST);
	assert_int_equal(out[1].type, RELOAD_ICE_SRFLX);
	assert_int_equal(out[2].type, RELOAD_ICE_RELAY);
	assert_int_equal(out[0].priority, PRIORITY);
	assert_int_equal(out[1].priority, 5);
	assert_string_equal(out[0].foundation, "1");
	assert_string_equal(out[1].foundation, "another");
	at_is(&out[1].address, "192.0.2.1:6085");
	at_is(&out[2].address, "[2001:db8::1]:6086");
	at_is(&out[3].address, "192.0.2.9:6087");
	assert_int_equal(out[0].base.type, 0);
	at_is(&out[1].base, "10.0.0.1:7");
	/* a related address is information only */
	in[1].rel_addr_port = at("224.0.0.1:7");
	assert_int_equal(reload_ice_remote(out, &why, in, COUNT_OF(in), false), 4);
	assert_int_equal(out[1].base.type, 0);
	assert_int_equal(reload_ice_remote(out, &why, NULL, 0, false), 0);
	assert_null(why);
}

static void what_is_left_out(void **state)
{
	(void)state;
	struct reload_ice_item out[RELOAD_ICE_CANDIDATES_MAX];
	const char *why;
	struct reload_ice_candidate in[] = {
		candidate(RELOAD_CAND_HOST, "192.0.2.1:6084"),
		candidate(RELOAD_CAND_SRFLX, "[::ffff:192.0.2.1]:6084"),
		candidate(RELOAD_CAND_HOST, "127.0.0.1:6084"),
		candidate(RELOAD_CAND_HOST, "[64:ff9b::169.254.169.254]:80"),
		candidate(RELOAD_CAND_HOST, "192.0.2.2:6084"),
	};
	in[4].foundation = span_str("a\nb");
	assert_int_equal(reload_ice_remote(out, &why, in, COUNT_OF(in), false), 1);
	assert_string_equal(why, "at the address of another candidate");
	assert_int_equal(reload_ice_remote(out, &why, in, COUNT_OF(in), true), 2);
	at_is(&out[1].address, "127.0.0.1:6084");
	assert_int_equal(reload_ice_remote(out, &why, in + 3, 1, false), 0);
	assert_string_equal(why, "a link-local address");
	/* of a thousand the first 25 are looked at */
	struct reload_ice_candidate *many = reload_alloc_array(1000, sizeof(*many));
	for (size_t i = 0; i < 1000; i++) {
		many[i] = candidate(RELOAD_CAND_HOST, i < 20 ? "127.0.0.1:6084" : "10.0.0.1:1");
		many[i].addr_port.port = (uint16_t)(i + 1);
	}
	assert_int_equal(reload_ice_remote(out, &why, many, 1000, false), 5);
	assert_int_equal(reload_ice_remote(out, &why, many, 1000, true), 25);
	free(many);
}

static void long_foundations(void **state)
{
	(void)state;
	struct reload_ice_item out[RELOAD_ICE_CANDIDATES_MAX];
	const char *why;
	char text[256];
	memset(text, 'f', sizeof(text));
	struct reload_ice_candidate in[] = {
		candidate(RELOAD_CAND_HOST, "192.0.2.1:1"),
		candidate(RELOAD_CAND_HOST, "192.0.2.1:2"),
		candidate(RELOAD_CAND_HOST, "192.0.2.1:3"),
		candidate(RELOAD_CAND_HOST, "192.0.2.1:4"),
	};
	in[0].foundation = span_of(text, 32);
	in[1].foundation = span_of(text, 33);
	in[2].foundation = span_of(text, 33);
	in[3].foundation = span_of(text, 255);
	assert_int_equal(reload_ice_remote(out, &why, in, COUNT_OF(in), false), 4);
	/* R-6.5.1.1-05: equal ones stay equal, others stay different */
	assert_memory_equal(out[0].foundation, text, 32);
	assert_int_equal(strlen(out[0].foundation), 32);
	assert_int_equal(strlen(out[1].foundation), 32);
	assert_int_equal(strlen(out[3].foundation), 32);
	assert_string_equal(out[1].foundation, out[2].foundation);
	assert_string_not_equal(out[1].foundation, out[0].foundation);
	assert_string_not_equal(out[1].foundation, out[3].foundation);
	assert_string_not_equal(out[0].foundation, out[3].foundation);
}

/* -- of this node ------------------------------------------------------------------------------- */

static struct reload_ice_local local(
	enum reload_ice_type type, const char *address, uint32_t priority)
{
	struct reload_ice_local l = { .item = { .type = type,
					      .foundation = "7",
					      .priority = priority,
					      .address = at(address) } };
	if (type != RELOAD_ICE_HOST)
		l.item.base = at("10.0.0.1:7");
	return l;
}

static const char *why_not(const struct reload_ice_local *all, size_t count, const char *address)
{
	struct reload_ip_port a = at(address);
	for (size_t i = 0; i < count; i++)
		if (!memcmp(all[i].item.address.addr, a.addr, 16) &&
			all[i].item.address.port == a.port && all[i].left_out)
			return all[i].left_out;
	return "";
}

static void few_candidates(void **state)
{
	(void)state;
	struct reload_ice_local all[] = {
		local(RELOAD_ICE_RELAY, "192.0.2.9:1", 100),
		local(RELOAD_ICE_HOST, "[fe80::1]:6084", 5000),
		local(RELOAD_ICE_SRFLX, "192.0.2.1:1", 2000),
		local(RELOAD_ICE_HOST, "10.0.0.1:6084", 3000),
		local(RELOAD_ICE_HOST, "169.254.7.7:6084", 3500),
		local(RELOAD_ICE_HOST, "[2001:db8::1]:6084", 4000),
		local(RELOAD_ICE_SRFLX, "[2001:db8::1]:6084", 2500), /* no NAT here */
		local(RELOAD_ICE_PRFLX, "192.0.2.7:1", 2200),
		local(RELOAD_ICE_HOST, "127.0.0.1:6084", 6000),
		local(RELOAD_ICE_HOST, "10.0.0.1:6084", 1000),
	};
	const size_t count = COUNT_OF(all);
	assert_int_equal(reload_ice_choose(all, count, false, false), 4);
	at_is(&all[0].item.address, "[2001:db8::1]:6084");
	at_is(&all[1].item.address, "10.0.0.1:6084");
	assert_int_equal(all[1].item.priority, 3000);
	at_is(&all[2].item.address, "192.0.2.1:1");
	at_is(&all[3].item.address, "192.0.2.9:1");
	assert_string_equal(why_not(all, count, "[fe80::1]:6084"), "a link-local address");
	assert_string_equal(why_not(all, count, "169.254.7.7:6084"), "a link-local address");
	assert_string_equal(why_not(all, count, "127.0.0.1:6084"), "a loopback address");
	assert_string_equal(
		why_not(all, count, "[2001:db8::1]:6084"), "at the address of another candidate");
	assert_string_equal(
		why_not(all, count, "192.0.2.7:1"), "peer-reflexive candidates are not sent");
	/* the next choice begins anew */
	assert_int_equal(reload_ice_choose(all, count, true, false), 5);
	at_is(&all[0].item.address, "127.0.0.1:6084");
	assert_int_equal(reload_ice_choose(NULL, 0, false, false), 0);
}

static size_t of_type(
	const struct reload_ice_local *all, size_t count, enum reload_ice_type type, uint8_t family)
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		n += all[i].item.type == type && all[i].item.address.type == family;
	return n;
}

/* A19: a host with 64 interfaces, each with a link-local address too, and one server of each sort */
static void many_interfaces(void **state)
{
	(void)state;
	static struct reload_ice_local all[64 * 4 + 2];
	size_t count = 0;
	for (unsigned i = 0; i < 64; i++) {
		all[count] = local(RELOAD_ICE_HOST, "10.0.0.0:6084", 300000 + i);
		all[count].routed = i == 17;
		all[count++].item.address.addr[3] = (uint8_t)i;
		all[count] = local(RELOAD_ICE_HOST, "[2001:db8::]:6084", 400000 + i);
		all[count++].item.address.addr[7] = (uint8_t)i;
		all[count] = local(RELOAD_ICE_HOST, "[fe80::]:6084", 500000 + i);
		all[count++].item.address.addr[15] = (uint8_t)i;
		all[count] = local(RELOAD_ICE_SRFLX, "192.0.2.1:1", 2000 + i);
		all[count++].item.address.port = (uint16_t)(1000 + i);
	}
	all[count++] = local(RELOAD_ICE_RELAY, "192.0.2.9:1", 10);
	all[count++] = local(RELOAD_ICE_RELAY, "[2001:db8:9::1]:1", 11);
	assert_int_equal(reload_ice_choose(all, count, false, false), RELOAD_ICE_CANDIDATES_MAX);
	/* by turns: nothing is displaced by a crowd of something else */
	assert_int_equal(of_type(all, 25, RELOAD_ICE_RELAY, RELOAD_IPV4), 1);
	assert_int_equal(of_type(all, 25, RELOAD_ICE_RELAY, RELOAD_IPV6), 1);
	assert_int_equal(of_type(all, 25, RELOAD_ICE_HOST, RELOAD_IPV6), 8);
	assert_int_equal(of_type(all, 25, RELOAD_ICE_HOST, RELOAD_IPV4), 8);
	assert_int_equal(of_type(all, 25, RELOAD_ICE_SRFLX, RELOAD_IPV4), 7);
	bool routed = false;
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(!all[i].left_out, i < 25);
		if (i < 25) {
			routed |= all[i].routed;
			assert_true(!i || all[i].item.priority <= all[i - 1].item.priority);
			assert_int_not_equal(all[i].item.address.addr[0], 0xfe);
		}
	}
	assert_true(routed); /* whatever its priority */
	assert_string_equal(all[count - 1].left_out, "a link-local address");
	/* the order in which they were gathered does not matter */
	static struct reload_ice_local turned[COUNT_OF(all)];
	for (size_t i = 0; i < count; i++)
		turned[i] = all[count - 1 - i];
	assert_int_equal(reload_ice_choose(turned, count, false, false), RELOAD_ICE_CANDIDATES_MAX);
	for (size_t i = 0; i < 25; i++)
		assert_memory_equal(&turned[i].item, &all[i].item, sizeof(all[i].item));
}

static void where_packets_leave(void **state)
{
	(void)state;
	struct reload_ice_local all[] = {
		local(RELOAD_ICE_HOST, "10.0.0.1:6084", 3000),
		local(RELOAD_ICE_HOST, "10.0.0.2:6084", 3000),
		local(RELOAD_ICE_SRFLX, "192.0.2.1:1", 2000), /* its base is 10.0.0.1:7 */
		local(RELOAD_ICE_HOST, "[2001:db8::1]:6084", 1000),
	};
	struct reload_ip_port sources[2];
	all[0].item.base.type = all[1].item.base.type = all[3].item.base.type = 0;
	all[1].routed = true;
	assert_int_equal(reload_ip_port_parse(&sources[0], "10.0.0.1:50000", 0), RELOAD_OK);
	assert_int_equal(reload_ip_port_parse(&sources[1], "[2001:db8::1]:50000", 0), RELOAD_OK);
	reload_ice_mark_routed(all, COUNT_OF(all), sources, 1);
	assert_true(all[0].routed && !all[1].routed && all[2].routed && !all[3].routed);
	reload_ice_mark_routed(all, COUNT_OF(all), sources, 2);
	assert_true(all[3].routed);
}

static void relayed_ones_only(void **state)
{
	(void)state;
	struct reload_ice_local all[] = {
		local(RELOAD_ICE_HOST, "10.0.0.1:6084", 3000),
		local(RELOAD_ICE_RELAY, "192.0.2.9:1", 100),
		local(RELOAD_ICE_SRFLX, "192.0.2.1:1", 2000),
		local(RELOAD_ICE_RELAY, "[2001:db8:9::1]:1", 11),
	};
	struct reload_ice_candidate c;
	assert_int_equal(reload_ice_choose(all, COUNT_OF(all), false, true), 2);
	reload_ice_offer(&c, &all[0]);
	assert_int_equal(c.type, RELOAD_CAND_RELAY);
	at_is(&c.addr_port, "192.0.2.9:1");
	at_is(&c.rel_addr_port, "0.0.0.0:9");
	reload_ice_offer(&c, &all[1]);
	assert_int_equal(c.type, RELOAD_CAND_RELAY);
	at_is(&c.rel_addr_port, "[::]:9");
	assert_string_equal(
		why_not(all, COUNT_OF(all), "192.0.2.1:1"), "only relayed candidates are wanted");
}

static void what_is_sent_is_taken(void **state)
{
	(void)state;
	static const uint8_t wanted[] = { RELOAD_CAND_HOST, RELOAD_CAND_SRFLX, RELOAD_CAND_RELAY };
	struct reload_ice_local all[] = {
		local(RELOAD_ICE_HOST, "10.0.0.1:6084", 3000),
		local(RELOAD_ICE_SRFLX, "192.0.2.1:1", 2000),
		local(RELOAD_ICE_RELAY, "[2001:db8:9::1]:1", 11),
	};
	all[2].item.base.type = 0;
	struct reload_ice_candidate sent[3];
	struct reload_ice_item taken[RELOAD_ICE_CANDIDATES_MAX];
	const char *why;
	assert_int_equal(reload_ice_choose(all, 3, false, false), 3);
	for (size_t i = 0; i < 3; i++) {
		reload_ice_offer(&sent[i], &all[i]);
		/* R-6.5.1.1-05 */
		assert_int_equal(sent[i].type, wanted[i]);
		assert_int_equal(sent[i].overlay_link, RELOAD_DTLS_UDP_SR);
	}
	assert_int_equal(sent[0].rel_addr_port.type, 0);
	at_is(&sent[1].rel_addr_port, "10.0.0.1:7");
	at_is(&sent[2].rel_addr_port, "[::]:9");
	assert_int_equal(reload_ice_remote(taken, &why, sent, 3, false), 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(taken[i].type, all[i].item.type);
		assert_int_equal(taken[i].priority, all[i].item.priority);
		assert_string_equal(taken[i].foundation, "7");
		assert_memory_equal(
			&taken[i].address, &all[i].item.address, sizeof(taken[i].address));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_another_node),
		cmocka_unit_test(what_is_left_out),
		cmocka_unit_test(long_foundations),
		cmocka_unit_test(few_candidates),
		cmocka_unit_test(many_interfaces),
		cmocka_unit_test(where_packets_leave),
		cmocka_unit_test(relayed_ones_only),
		cmocka_unit_test(what_is_sent_is_taken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
