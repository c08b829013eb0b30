/* Where a SIP request goes (RFC 3263), with a zone in a table instead of a name server. */
#include "dns/locate.h"
#include "util/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

enum {
	ALL = RELOAD_LOCATE_UDP | RELOAD_LOCATE_TCP | RELOAD_LOCATE_TLS,
	BOTH = RELOAD_LOCATE_IPV4 | RELOAD_LOCATE_IPV6,
	RECORDS = 40
};

/* "N order preference flags service replacement", "S priority weight port target" ("." is none), "A address ...", "! " does not answer. */
struct record {
	const char *name, *data;
};

static uint32_t first(void *arg, uint32_t below)
{
	(void)arg, (void)below;
	return 0;
}

static struct reload_naptr naptr(const char *data)
{
	struct reload_naptr r = { 0 };
	unsigned order, preference;
	char service[32], replacement[128];
	assert_int_equal(sscanf(data, "N %u %u %3s %31s %127s", &order, &preference, r.flags,
				 service, replacement),
		5);
	r.order = (uint16_t)order;
	r.preference = (uint16_t)preference;
	snprintf(r.service, sizeof(r.service), "%.15s", service);
	snprintf(r.replacement, sizeof(r.replacement), "%s", replacement);
	return r;
}

static struct reload_srv srv(const char *data)
{
	struct reload_srv r = { 0 };
	unsigned priority, weight, port;
	char target[128];
	assert_int_equal(sscanf(data, "S %u %u %u %127s", &priority, &weight, &port, target), 4);
	r.priority = (uint16_t)priority;
	r.weight = (uint16_t)weight;
	r.port = (uint16_t)port;
	snprintf(r.target, sizeof(r.target), "%s", target);
	return r;
}

static void answer(
	struct reload_locate *l, const struct record *zone, const struct reload_locate_question *q)
{
	static const char types[] = { 'N', 'S', 'A' };
	struct reload_naptr naptrs[RECORDS];
	struct reload_srv srvs[RECORDS];
	struct reload_ip_port addrs[RECORDS];
	size_t n = 0;
	bool no_service = false;
	for (; zone->name; zone++) {
		if (strcmp(zone->name, q->name) != 0)
			continue;
		if (zone->data[0] == '!') {
			reload_locate_failed(l, q->id);
			return;
		}
		if (zone->data[0] != types[q->type])
			continue;
		if (q->type == RELOAD_LOCATE_NAPTR)
			naptrs[n++] = naptr(zone->data);
		else if (q->type == RELOAD_LOCATE_ADDRESS)
			assert_int_equal(
				reload_ip_port_parse(&addrs[n++], zone->data + 2, 1), RELOAD_OK);
		else if (!strcmp(zone->data, "S ."))
			no_service = true;
		else
			srvs[n++] = srv(zone->data);
	}
	if (q->type == RELOAD_LOCATE_NAPTR)
		reload_locate_naptr(l, q->id, naptrs, n);
	else if (q->type == RELOAD_LOCATE_SRV)
		reload_locate_srv(l, q->id, srvs, n, no_service);
	else
		reload_locate_addresses(l, q->id, addrs, n);
}

/* "sip:HOST[:PORT][;transport=T]" or "sips:..." */
static struct reload_locate_uri parse(char host[256], const char *text)
{
	struct reload_locate_uri uri = { .host = host, .transports = ALL, .families = BOTH };
	const char *at = strchr(text, ':') + 1, *param = strchr(at, ';');
	const char *end = param ? param : at + strlen(at);
	const char *colon = at[0] == '[' ? strchr(strchr(at, ']'), ':') : strchr(at, ':');
	uri.sips = !strncmp(text, "sips:", 5);
	if (param)
		assert_true(reload_locate_parse_transport(&uri.transport, strchr(param, '=') + 1));
	if (colon && colon < end) {
		uri.port = (uint16_t)strtoul(colon + 1, NULL, 10);
		end = colon;
	}
	snprintf(host, 256, "%.*s", (int)(end - at), at);
	return uri;
}

/* What was asked, such as "N:a S:_sip._udp.a A:b", and what came out of it, such as "udp 192.0.2.1:5060". */
struct outcome {
	char asked[600], found[1200];
};

static void put(char *out, size_t cap, const char *a, const char *b)
{
	size_t n = strlen(out);
	snprintf(out + n, cap - n, "%s%s%s", n ? " " : "", a, b);
}

static struct outcome run_uri(const struct record *zone, const struct reload_locate_uri *uri)
{
	static const char *const types[] = { "N:", "S:", "A:" };
	struct outcome o = { 0 };
	struct reload_locate *l = NULL;
	struct reload_locate_question q;
	const struct reload_locate_server *servers;
	struct reload_error_text why;
	size_t count;
	enum reload_err err = reload_locate_new(&l, uri, first, NULL, &why);
	if (!err) {
		while (reload_locate_next(l, &q)) {
			put(o.asked, sizeof(o.asked), types[q.type], q.name);
			answer(l, zone, &q);
		}
		assert_true(reload_locate_done(l));
		err = reload_locate_servers(l, &servers, &count, &why);
	}
	for (size_t i = 0; !err && i < count; i++) {
		unsigned t = servers[i].transport;
		char text[64];
		put(o.found, sizeof(o.found),
			t == RELOAD_LOCATE_UDP   ? "udp "
			: t == RELOAD_LOCATE_TCP ? "tcp "
						 : "tls ",
			reload_ip_port_text(text, &servers[i].at));
	}
	if (err)
		snprintf(o.found, sizeof(o.found), "%s: %s", reload_err_name(err), why.reason);
	reload_locate_free(l);
	return o;
}

static struct outcome run(const struct record *zone, const char *text)
{
	char host[256];
	struct reload_locate_uri uri = parse(host, text);
	return run_uri(zone, &uri);
}

static const struct record example[] = { { "example.com",
						 "N 50 50 s SIPS+D2T _sips._tcp.example.com" },
	{ "example.com", "N 90 50 s SIP+D2T _sip._tcp.example.com" },
	{ "example.com", "N 100 50 s SIP+D2U _sip._udp.example.com" },
	{ "_sip._tcp.example.com", "S 0 1 5060 server1.example.com" },
	{ "_sip._tcp.example.com", "S 1 2 5070 server2.example.com" },
	{ "_sip._udp.example.com", "S 0 0 5060 server2.example.com" },
	{ "_sips._tcp.example.com", "S 0 0 5061 server1.example.com" },
	{ "server1.example.com", "A 192.0.2.1" }, { "server2.example.com", "A 192.0.2.2" },
	{ "server2.example.com", "A 2001:db8::2" }, { "example.com", "A 192.0.2.9" }, { 0 } };

/* RFC 3263 s4.1 and s4.2: numeric hosts and ports choose without any question, a port without SRV. */
static void without_services(void **state)
{
	(void)state;
	static const struct {
		const char *uri, *asked, *found;
	} cases[] = {
		{ "sip:192.0.2.7", "", "udp 192.0.2.7:5060" },
		{ "sip:192.0.2.7:5099", "", "udp 192.0.2.7:5099" },
		{ "sip:192.0.2.7;transport=tcp", "", "tcp 192.0.2.7:5060" },
		{ "sip:192.0.2.7;transport=TLS", "", "tls 192.0.2.7:5061" },
		{ "sips:192.0.2.7", "", "tls 192.0.2.7:5061" },
		{ "sips:192.0.2.7;transport=tcp", "", "tls 192.0.2.7:5061" },
		{ "sip:[2001:db8::7]:5099", "", "udp [2001:db8::7]:5099" },
		{ "sip:[::ffff:192.0.2.7]", "", "udp 192.0.2.7:5060" },
		{ "sip:example.com:5099", "A:example.com", "udp 192.0.2.9:5099" },
		{ "sips:example.com:5099", "A:example.com", "tls 192.0.2.9:5099" },
		{ "sip:server2.example.com:5099;transport=tcp", "A:server2.example.com",
			"tcp [2001:db8::2]:5099 tcp 192.0.2.2:5099" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct outcome o = run(example, cases[i].uri);
		assert_string_equal(o.asked, cases[i].asked);
		assert_string_equal(o.found, cases[i].found);
	}
}

/* RFC 3263 s4.1: NAPTR says which transports a domain has; s4.2: SRV says where; IPv6 goes first. */
static void with_services(void **state)
{
	(void)state;
	static const struct record bare[] = { { "bare.example", "A 192.0.2.4" }, { 0 } };
	static const struct record tcp[] = { { "_sip._tcp.t.example", "S 0 0 5060 t.example" },
		{ "t.example", "A 192.0.2.5" }, { 0 } };
	static const struct {
		const struct record *zone;
		const char *uri, *asked, *found;
	} cases[] = {
		{ example, "sip:example.com",
			"N:example.com S:_sips._tcp.example.com A:server1.example.com",
			"tls 192.0.2.1:5061" },
		{ example, "sips:example.com.",
			"N:example.com S:_sips._tcp.example.com A:server1.example.com",
			"tls 192.0.2.1:5061" },
		{ example, "sip:example.com;transport=tcp",
			"S:_sip._tcp.example.com A:server1.example.com A:server2.example.com",
			"tcp 192.0.2.1:5060 tcp [2001:db8::2]:5070 tcp 192.0.2.2:5070" },
		/* neither NAPTR nor SRV: the domain's own address, the default transport and port */
		{ bare, "sip:bare.example",
			"N:bare.example S:_sip._udp.bare.example S:_sip._tcp.bare.example "
			"S:_sips._tcp.bare.example A:bare.example",
			"udp 192.0.2.4:5060" },
		{ bare, "sips:bare.example",
			"N:bare.example S:_sips._tcp.bare.example A:bare.example",
			"tls 192.0.2.4:5061" },
		/* SRV of the transports that the caller has, without NAPTR */
		{ tcp, "sip:t.example",
			"N:t.example S:_sip._udp.t.example S:_sip._tcp.t.example "
			"S:_sips._tcp.t.example A:t.example",
			"tcp 192.0.2.5:5060" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct outcome o = run(cases[i].zone, cases[i].uri);
		assert_string_equal(o.asked, cases[i].asked);
		assert_string_equal(o.found, cases[i].found);
	}
}

/* What a caller cannot send over is not asked for. */
static void as_the_caller_can(void **state)
{
	(void)state;
	char host[256];
	struct reload_locate_uri uri = parse(host, "sip:example.com");
	uri.transports = RELOAD_LOCATE_UDP | RELOAD_LOCATE_TCP;
	struct outcome o = run_uri(example, &uri);
	assert_string_equal(
		o.found, "tcp 192.0.2.1:5060 tcp [2001:db8::2]:5070 tcp 192.0.2.2:5070");
	uri.transports = RELOAD_LOCATE_UDP;
	uri.families = RELOAD_LOCATE_IPV4;
	o = run_uri(example, &uri);
	assert_string_equal(o.found, "udp 192.0.2.2:5060");
	uri.families = RELOAD_LOCATE_IPV6;
	o = run_uri(example, &uri);
	assert_string_equal(o.found, "udp [2001:db8::2]:5060");
	uri = parse(host, "sip:192.0.2.7;transport=tls");
	uri.transports = RELOAD_LOCATE_UDP;
	assert_non_null(strstr(run_uri(example, &uri).found, "limit: "));
	uri = parse(host, "sip:192.0.2.7");
	uri.families = RELOAD_LOCATE_IPV6;
	assert_non_null(strstr(run_uri(example, &uri).found, "over IPv4"));
	uri = parse(host, "sip:192.0.2.7");
	uri.transports = RELOAD_LOCATE_TLS;
	assert_string_equal(run_uri(example, &uri).found, "tls 192.0.2.7:5061");
}

/* RFC 3261 s18.1.1: a request that is too large for a datagram goes over TCP, and over UDP when there is no TCP. */
static void a_large_request(void **state)
{
	(void)state;
	static const struct record both[] = { { "a.example", "N 1 1 s SIP+D2U _u.a.example" },
		{ "a.example", "N 1 2 s SIP+D2T _t.a.example" },
		{ "_u.a.example", "S 0 0 1 h.example" }, { "_t.a.example", "S 0 0 2 h.example" },
		{ "h.example", "A 192.0.2.1" }, { 0 } };
	static const struct {
		const char *uri, *found;
	} cases[] = {
		{ "sip:192.0.2.7", "tcp 192.0.2.7:5060 udp 192.0.2.7:5060" },
		{ "sip:192.0.2.7;transport=udp", "udp 192.0.2.7:5060" },
		{ "sip:a.example", "tcp 192.0.2.1:2 udp 192.0.2.1:1" },
		{ "sip:h.example", "tcp 192.0.2.1:5060 udp 192.0.2.1:5060" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char host[256];
		struct reload_locate_uri uri = parse(host, cases[i].uri);
		uri.large = true;
		assert_string_equal(run_uri(both, &uri).found, cases[i].found);
	}
	assert_string_equal(run(both, "sip:a.example").found, "udp 192.0.2.1:1 tcp 192.0.2.1:2");
}

/* NAPTR records that are not for SIP, not usable, or of a higher order are not followed (RFC 3403 s4.1). */
static void other_naptr_records(void **state)
{
	(void)state;
	static const struct record zone[] = { { "a.example", "N 1 1 s SIP+D2S _x.a.example" },
		{ "a.example", "N 1 1 u E2U+sip _x.a.example" },
		{ "a.example", "N 1 1 a SIP+D2U _x.a.example" },
		{ "a.example", "N 2 9 S sip+d2u _second.a.example" },
		{ "a.example", "N 2 3 s SIP+D2T _first.a.example" },
		{ "a.example", "N 2 4 s SIP+D2U 192.0.2.1" },
		{ "a.example", "N 3 1 s SIP+D2T _x.a.example" },
		{ "_first.a.example", "S 0 0 1 h.example" },
		{ "_second.a.example", "S 0 0 2 h.example" }, { "h.example", "A 192.0.2.1" },
		{ 0 } };
	struct outcome o = run(zone, "sip:a.example");
	assert_string_equal(
		o.asked, "N:a.example S:_first.a.example S:_second.a.example A:h.example");
	assert_string_equal(o.found, "tcp 192.0.2.1:1 udp 192.0.2.1:2");
	/* "sips:" discards all but SIPS (s4.1), and asks for the usual name then */
	o = run(zone, "sips:a.example");
	assert_string_equal(o.asked, "N:a.example S:_sips._tcp.a.example A:a.example");
}

/* C25: what leads nowhere is said, and whether another time may help */
static void nowhere(void **state)
{
	(void)state;
	static const struct record zone[] = { { "none.example", "A 192.0.2.1" },
		{ "_sip._udp.none.example", "S ." }, { "silent.example", "!" },
		{ "lost.example", "A 192.0.2.1" }, { "_sip._udp.lost.example", "!" },
		{ "_sip._udp.dead.example", "S 0 0 5060 gone.example" },
		{ "_sip._udp.mute.example", "S 0 0 5060 silent.example" },
		{ "zero.example", "A 0.0.0.0" }, { "group.example", "A 224.0.0.1" },
		{ "_sip._udp.odd.example", "S 0 0 5060 192.0.2.1" },
		{ "_sip._udp.odd.example", "S 0 0 0 none.example" }, { 0 } };
	static const struct {
		const char *uri, *found;
	} cases[] = {
		{ "sip:absent.example", "no_value: the name has no address" },
		{ "sip:none.example", "no_value: its domain says that it takes no calls" },
		{ "sip:silent.example", "timeout: the name servers gave no answer" },
		{ "sip:silent.example:5060", "timeout: the name servers gave no answer" },
		/* an SRV record that was not seen may lead elsewhere: the domain's address is not taken */
		{ "sip:lost.example", "timeout: the name servers gave no answer" },
		{ "sip:dead.example", "no_value: the name has no address" },
		{ "sip:mute.example", "timeout: the name servers gave no answer" },
		{ "sip:zero.example", "no_value: the name has no address" },
		{ "sip:group.example", "no_value: the name has no address" },
		{ "sip:odd.example", "no_value: the name has no address" },
		{ "sip:0.0.0.0", "bad_value: its host is" },
		{ "sip:224.0.0.1", "bad_value: its host is" },
		{ "sips:192.0.2.1;transport=udp", "bad_value: sips: needs TLS" },
		{ "sip:127.1", "bad_value: its host is neither" },
		{ "sip:a..example", "bad_value: its host is neither" },
		{ "sip:[192.0.2.1", "bad_value: its host is neither" },
		{ "sip:", "bad_value: its host is neither" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char host[256] = "[192.0.2.1";
		struct reload_locate_uri uri = {
			.host = host, .transports = ALL, .families = BOTH
		};
		if (!strchr(cases[i].uri, '['))
			uri = parse(host, cases[i].uri);
		struct outcome o = run_uri(zone, &uri);
		if (strncmp(o.found, cases[i].found, strlen(cases[i].found)) != 0)
			fail_msg("%s: %s", cases[i].uri, o.found);
	}
	unsigned transport;
	assert_false(reload_locate_parse_transport(&transport, "sctp"));
	assert_false(reload_locate_parse_transport(&transport, ""));
}

static void long_names(void **state)
{
	(void)state;
	static const struct record zone[] = { { 0 } };
	char host[300];
	memset(host, 'a', sizeof(host));
	for (size_t i = 63; i < 253; i += 64)
		host[i] = '.';
	host[253] = 0;
	struct reload_locate_uri uri = { .host = host, .transports = ALL, .families = BOTH };
	/* no room for _sip._udp in front: its address is asked for */
	struct outcome o = run_uri(zone, &uri);
	assert_memory_equal(o.asked + 256, "A:", 2);
	host[253] = 'a';
	host[254] = 0;
	assert_memory_equal(run_uri(zone, &uri).found, "bad_value", 9);
}

/* What a hostile name server can make of one question is bounded. */
static void bounds(void **state)
{
	(void)state;
	struct reload_locate_uri uri = { .host = "a.example",
		.transports = ALL,
		.families = BOTH,
		.transport = RELOAD_LOCATE_UDP };
	struct reload_locate *l = NULL;
	struct reload_locate_question q, other;
	struct reload_error_text why;
	const struct reload_locate_server *servers;
	struct reload_srv records[100] = { 0 };
	struct reload_ip_port addrs[100];
	size_t count, asked = 0;
	assert_int_equal(reload_locate_new(&l, &uri, first, NULL, &why), RELOAD_OK);
	assert_true(reload_locate_next(l, &q));
	assert_false(reload_locate_next(l, &other));
	for (uint16_t i = 0; i < 100; i++) {
		records[i].priority = i;
		records[i].port = (uint16_t)(i + 1);
		snprintf(records[i].target, sizeof(records[i].target), "h%u.example", i);
		assert_int_equal(reload_ip_port_parse(&addrs[i], "192.0.2.1", 1), RELOAD_OK);
		addrs[i].addr[3] = (uint8_t)i;
	}
	/* an answer of another type, to another question, or a second time is none */
	reload_locate_addresses(l, q.id, addrs, 100);
	reload_locate_naptr(l, q.id, NULL, 0);
	reload_locate_failed(l, q.id + 1);
	reload_locate_failed(l, 12345);
	reload_locate_srv(l, q.id, records, 100, false);
	reload_locate_srv(l, q.id, records, 1, false);
	while (reload_locate_next(l, &other)) {
		asked++;
		if (asked == 1)
			q = other;
		else
			reload_locate_addresses(l, other.id, addrs + 1, asked == 2 ? 1 : 99);
		if (asked == 2)
			reload_locate_addresses(l, other.id, addrs + 50, 1);
	}
	assert_int_equal(asked, RELOAD_LOCATE_HOSTS);
	assert_false(reload_locate_done(l));
	reload_locate_expire(l); /* the first has no answer: it is left out */
	assert_true(reload_locate_done(l));
	assert_int_equal(reload_locate_servers(l, &servers, &count, &why), RELOAD_OK);
	assert_int_equal(count, RELOAD_LOCATE_SERVERS);
	assert_int_equal(servers[0].at.port, 2);
	assert_int_equal(servers[1].at.port, 3);
	reload_locate_addresses(l, q.id, addrs, 1); /* too late */
	reload_locate_free(l);
	/* a search that ends before its first answer */
	uri.transport = RELOAD_LOCATE_ANY;
	assert_int_equal(reload_locate_new(&l, &uri, first, NULL, &why), RELOAD_OK);
	reload_locate_expire(l);
	assert_int_equal(reload_locate_servers(l, &servers, &count, &why), RELOAD_TIMEOUT);
	reload_locate_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_services),
		cmocka_unit_test(with_services),
		cmocka_unit_test(as_the_caller_can),
		cmocka_unit_test(a_large_request),
		cmocka_unit_test(other_naptr_records),
		cmocka_unit_test(nowhere),
		cmocka_unit_test(long_names),
		cmocka_unit_test(bounds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
