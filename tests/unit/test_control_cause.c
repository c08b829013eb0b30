/* The cause of a failure: each row of a table of failures as agents report them, and what has to come before what. */
#include "control/cause.h"

#include "util/alloc.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define SEEN(type) (1ull << RELOAD_EV_##type)

static enum reload_cause cause(
	const char *method, enum reload_err err, const char *reason, uint64_t seen)
{
	return reload_cause_find(&(struct reload_cause_facts){
		.method = method, .err = err, .reason = reason, .seen = seen });
}

/* What failures said when the fault was made on purpose, and which fault it was. */
static const struct {
	const char *method;
	enum reload_err err;
	const char *reason;
	uint64_t seen;
	enum reload_cause cause;
} made[] = {
	{ "overlay.join", RELOAD_UNREACHABLE,
		"phase bootstrap: no bootstrap node answers: TLS 127.0.0.1:1: Connection refused; "
		"DTLS 127.0.0.1:1: Connection refused",
		SEEN(JOIN_FAILED), RELOAD_CAUSE_REFUSED },
	{ "overlay.join", RELOAD_UNREACHABLE,
		"phase bootstrap: no bootstrap node answers: TLS 127.0.0.1:1: no answer in time; "
		"DTLS 127.0.0.1:1: Connection refused",
		SEEN(JOIN_FAILED), RELOAD_CAUSE_SILENT_ADDRESS },
	{ "overlay.join", RELOAD_UNREACHABLE,
		"phase bootstrap: no bootstrap node answers: TLS 127.0.0.1:1: wrong version "
		"number; DTLS 127.0.0.1:1: Connection refused",
		0, RELOAD_CAUSE_NOT_RELOAD },
	{ "overlay.join", RELOAD_UNREACHABLE, "TLS 10.0.0.1:1: Network is unreachable", 0,
		RELOAD_CAUSE_UNROUTED },
	{ "overlay.join", RELOAD_UNREACHABLE, "nosuch.invalid: no such host name", 0,
		RELOAD_CAUSE_NO_BOOTSTRAP_NAME },
	{ "overlay.join", RELOAD_UNREACHABLE,
		"neither the configuration nor --bootstrap names another node", 0,
		RELOAD_CAUSE_NO_BOOTSTRAP },
	{ "overlay.join", RELOAD_BAD_CERT,
		"phase bootstrap: certificate of erin@other.example: it is for the overlay "
		"\"other.example\", not for \"calls.example\"",
		0, RELOAD_CAUSE_OTHER_OVERLAY },
	{ "overlay.join", RELOAD_CERT_REVOKED,
		"phase attach: 127.0.0.1:1: the other end refused our certificate: it is revoked "
		"there",
		SEEN(LINK_REFUSED), RELOAD_CAUSE_CERTIFICATE_REVOKED },
	{ "overlay.join", RELOAD_CERT_EXPIRED,
		"its validity begins at 2026-11-30T07:24:31Z; it is 2024-01-23T15:24:49Z: the "
		"clock here is behind, or that of the authority was ahead",
		0, RELOAD_CAUSE_CLOCK },
	{ "overlay.join", RELOAD_CERT_EXPIRED, "phase bootstrap: ended at 2026-11-01", 0,
		RELOAD_CAUSE_CERTIFICATE_EXPIRED },
	{ "overlay.join", RELOAD_FORBIDDEN, "the configuration does not permit clients", 0,
		RELOAD_CAUSE_CLIENTS },
	{ "overlay.join", RELOAD_TIMEOUT, "phase attach with peer 1f0c77d0: no answer in time",
		SEEN(NODE_ID_TAKEN), RELOAD_CAUSE_NODE_ID_TAKEN },
	{ "overlay.join", RELOAD_UNREACHABLE, "no pair of candidates connects",
		SEEN(ICE_PAIR_FAILED), RELOAD_CAUSE_ICE },
	{ "store.put", RELOAD_FORBIDDEN,
		"peer 3db2cc1a answered Error_Forbidden after 2 hops: the signer may not write "
		"this Kind here",
		SEEN(ERROR_RECEIVED), RELOAD_CAUSE_ACCESS },
	{ "store.put", RELOAD_FORBIDDEN,
		"peer 3db2cc1a answered Error_Forbidden after 1 hop: storage_time is more than a "
		"day ahead of this node's clock",
		SEEN(ERROR_RECEIVED), RELOAD_CAUSE_CLOCK },
	{ "store.put", RELOAD_GENERATION_TOO_LOW,
		"peer b4a6ea9d answered Error_Generation_Counter_Too_Low: it is 1, not 77", 0,
		RELOAD_CAUSE_GENERATION },
	{ "store.put", RELOAD_DATA_TOO_LARGE,
		"Kind 0xf0000002: the value has 3000 bytes, max-size is 2000", 0,
		RELOAD_CAUSE_TOO_LARGE },
	{ "store.put", RELOAD_DATA_TOO_LARGE,
		"peer e067ed96 answered Error_Data_Too_Large after 1 hop: more values than "
		"max-count",
		0, RELOAD_CAUSE_TOO_MANY },
	{ "store.put", RELOAD_DATA_TOO_LARGE,
		"peer 293489e0 answered Error_Data_Too_Large after 0 hops: no room", 0,
		RELOAD_CAUSE_QUOTA },
	{ "store.put", RELOAD_NOT_JOINED, "dave is not part of calls.example", 0,
		RELOAD_CAUSE_NOT_JOINED },
	{ "store.put", RELOAD_TIMEOUT, "no answer after 2 transmissions", SEEN(REQUEST_REPEATED),
		RELOAD_CAUSE_SILENT },
	{ "store.fetch", RELOAD_NO_VALUE,
		"the responsible peer 05e6f577 answered exists = False after 1 hop", 0,
		RELOAD_CAUSE_NO_VALUE },
	{ "store.fetch", RELOAD_TIMEOUT, "no answer after 5 transmissions", SEEN(BAD_SIGNATURE),
		RELOAD_CAUSE_BAD_SIGNATURE },
	{ "overlay.ping", RELOAD_FORBIDDEN,
		"peer 05e6f577 answered Error_Forbidden: denied STATUS_INFO", 0,
		RELOAD_CAUSE_DIAGNOSTICS },
	{ "overlay.ping", RELOAD_FORBIDDEN,
		"peer 05e6f577 answered Error_Forbidden: it limits how often one node may ask", 0,
		RELOAD_CAUSE_LIMITED },
	{ "overlay.ping", RELOAD_MESSAGE_EXPIRED, "the request has expired", 0,
		RELOAD_CAUSE_CLOCK },
	{ "app.attach", RELOAD_NOT_FOUND, "no such application here", 0,
		RELOAD_CAUSE_NOT_LISTENING },
	{ "app.attach", RELOAD_NO_NODE,
		"no other node has stored a certificate with that user name", 0,
		RELOAD_CAUSE_NO_USER },
	{ "app.attach", RELOAD_FORBIDDEN, "all places of the application are taken", 0,
		RELOAD_CAUSE_CALL_BUSY },
	{ "app.attach", RELOAD_LINK_DOWN, "peer 1f0c77d0: lost, 5 bytes were sent and 0 received",
		0, RELOAD_CAUSE_CUT_OFF },
	{ "app.attach", RELOAD_TIMEOUT, "no pair of candidates connects", SEEN(ICE_PAIR_FAILED),
		RELOAD_CAUSE_ICE },
	{ "app.attach", RELOAD_TIMEOUT, "no answer after 5 transmissions", 0, RELOAD_CAUSE_SILENT },
	{ "app.attach", RELOAD_TIMEOUT, "peer answered, but made no connection in time", 0,
		RELOAD_CAUSE_FIREWALL },
	{ "sip.resolve", RELOAD_NO_VALUE, "", 0, RELOAD_CAUSE_NOT_REGISTERED },
	{ "store.put", RELOAD_CANCELLED, "", 0, RELOAD_CAUSE_CANCELLED },
};

static void test_made_on_purpose(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(made); i++)
		assert_string_equal(reload_cause_name(cause(made[i].method, made[i].err,
					    made[i].reason, made[i].seen)),
			reload_cause_name(made[i].cause));
}

/* D16: an error of the list has a cause of its own, whatever it was about and without a word of explanation. */
static void test_no_error_is_unknown(void **state)
{
	static const enum reload_err errors[] = { RELOAD_FORBIDDEN, RELOAD_NOT_FOUND,
		RELOAD_REQUEST_TIMEOUT, RELOAD_GENERATION_TOO_LOW, RELOAD_INCOMPATIBLE,
		RELOAD_UNSUPPORTED_OPTION, RELOAD_DATA_TOO_LARGE, RELOAD_DATA_TOO_OLD,
		RELOAD_TTL_EXCEEDED, RELOAD_MESSAGE_TOO_LARGE, RELOAD_UNKNOWN_KIND,
		RELOAD_UNKNOWN_EXTENSION, RELOAD_RESPONSE_TOO_LARGE, RELOAD_CONFIG_TOO_OLD,
		RELOAD_CONFIG_TOO_NEW, RELOAD_IN_PROGRESS, RELOAD_INVALID_MESSAGE,
		RELOAD_UNDERLAY_UNREACHABLE, RELOAD_UNDERLAY_TIME_EXCEEDED, RELOAD_MESSAGE_EXPIRED,
		RELOAD_UPSTREAM_MISROUTING, RELOAD_LOOP_DETECTED, RELOAD_TTL_HOPS_EXCEEDED,
		RELOAD_TIMEOUT, RELOAD_NO_VALUE, RELOAD_NO_NODE, RELOAD_NOT_JOINED,
		RELOAD_UNREACHABLE, RELOAD_LIMIT, RELOAD_LINK_DOWN, RELOAD_CERT_EXPIRED,
		RELOAD_CERT_UNTRUSTED, RELOAD_CERT_REVOKED, RELOAD_BAD_SIGNATURE,
		RELOAD_NO_SIGNER };
	static const char *const methods[] = { "overlay.join", "overlay.ping", "store.put",
		"store.fetch", "app.attach", "sip.resolve", "service.lookup", "update_req" };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(errors); i++)
		for (size_t k = 0; k < COUNT_OF(methods); k++)
			assert_int_not_equal(
				cause(methods[k], errors[i], "", 0), RELOAD_CAUSE_UNKNOWN);
	assert_int_equal(cause("store.put", RELOAD_OK, "", 0), RELOAD_CAUSE_NONE);
	assert_int_equal(cause("store.put", RELOAD_BUG, "", 0), RELOAD_CAUSE_UNKNOWN);
}

/* D16: final answers of SIP; the phrase is of the other end, and decides nothing. */
static void test_answers_of_sip(void **state)
{
	static const struct {
		unsigned status;
		enum reload_cause cause;
	} answers[] = {
		{ 302, RELOAD_CAUSE_CALLEE_MOVED },
		{ 401, RELOAD_CAUSE_CALL_PASSWORD },
		{ 403, RELOAD_CAUSE_CALL_FORBIDDEN },
		{ 404, RELOAD_CAUSE_CALLEE_UNKNOWN },
		{ 405, RELOAD_CAUSE_CALL_UNSUPPORTED },
		{ 407, RELOAD_CAUSE_CALL_PASSWORD },
		{ 408, RELOAD_CAUSE_NOBODY_ANSWERS },
		{ 415, RELOAD_CAUSE_NO_COMMON_MEDIA },
		{ 420, RELOAD_CAUSE_CALL_UNSUPPORTED },
		{ 480, RELOAD_CAUSE_CALLEE_AWAY },
		{ 481, RELOAD_CAUSE_CALL_REFUSED },
		{ 482, RELOAD_CAUSE_CALL_LOOP },
		{ 483, RELOAD_CAUSE_CALL_LOOP },
		{ 484, RELOAD_CAUSE_CALLEE_UNKNOWN },
		{ 486, RELOAD_CAUSE_CALLEE_BUSY },
		{ 487, RELOAD_CAUSE_CANCELLED },
		{ 488, RELOAD_CAUSE_NO_COMMON_MEDIA },
		{ 500, RELOAD_CAUSE_CALLEE_FAILED },
		{ 503, RELOAD_CAUSE_CALLEE_FAILED },
		{ 600, RELOAD_CAUSE_CALLEE_BUSY },
		{ 603, RELOAD_CAUSE_CALLEE_DECLINES },
		{ 604, RELOAD_CAUSE_CALLEE_UNKNOWN },
		{ 606, RELOAD_CAUSE_NO_COMMON_MEDIA },
	};
	struct reload_cause_facts facts = { .method = "sip.request",
		.err = RELOAD_CALL_REJECTED,
		.reason = "INVITE was answered 486 the clock here is behind" };
	(void)state;
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		facts.sip_status = answers[i].status;
		assert_string_equal(reload_cause_name(reload_cause_find(&facts)),
			reload_cause_name(answers[i].cause));
	}
	for (facts.sip_status = 300; facts.sip_status < 700; facts.sip_status++)
		assert_int_not_equal(reload_cause_find(&facts), RELOAD_CAUSE_UNKNOWN);
	assert_int_equal(cause("sip.request", RELOAD_TIMEOUT, "INVITE was not answered", 0),
		RELOAD_CAUSE_NOBODY_ANSWERS);
}

static void test_texts(void **state)
{
	(void)state;
	for (int i = 0; i < RELOAD_CAUSES; i++) {
		const char *name = reload_cause_name((enum reload_cause)i);
		assert_true(strspn(name, "abcdefghijklmnopqrstuvwxyz_") == strlen(name) && *name);
		assert_true(*reload_cause_text((enum reload_cause)i));
		assert_true(i == RELOAD_CAUSE_NONE || *reload_cause_advice((enum reload_cause)i));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(name, reload_cause_name((enum reload_cause)k));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_made_on_purpose),
		cmocka_unit_test(test_no_error_is_unknown),
		cmocka_unit_test(test_answers_of_sip),
		cmocka_unit_test(test_texts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
