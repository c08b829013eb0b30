/*
 * From a failure to its cause.  Rows are tried from the first to the last, so that what is told of an error (a word of its reason, an event beside it)
 * comes before the error alone: "no bootstrap node answers" is a symptom, "Connection refused" in its reason the cause.
 */
#include "control/cause.h"

#include "util/alloc.h"

#include <string.h>

_Static_assert(RELOAD_EVENTS <= 64, "the types of events fit into the bits of `seen`");

static const struct {
	const char *name, *text, *advice;
} causes[RELOAD_CAUSES] = {
#define X(NAME, name, text, advice) [RELOAD_CAUSE_##NAME] = { #name, text, advice },
#include "control/causes.def"
#undef X
};

#define ANY      RELOAD_OK /* a row of a failure is never about it */
#define NO_EVENT RELOAD_EVENTS

struct row {
	const char *method; /* the request's begins with it; NULL: any */
	enum reload_err err;
	const char *says;             /* the reason has it; NULL: whatever it says */
	enum reload_event_type event; /* happened meanwhile; NO_EVENT: not needed */
	enum reload_cause cause;
};

#define ROW(method, err, says, NAME)                                                               \
	{                                                                                          \
		method, err, says, NO_EVENT, RELOAD_CAUSE_##NAME                                   \
	}
#define EVENT(method, err, type, NAME)                                                             \
	{                                                                                          \
		method, err, NULL, RELOAD_EV_##type, RELOAD_CAUSE_##NAME                           \
	}

static const struct row rows[] = {
	ROW(NULL, RELOAD_CANCELLED, NULL, CANCELLED),

	/* certificates and configurations, of either end */
	ROW(NULL, ANY, "own Node-ID", NODE_ID_TAKEN),
	EVENT("overlay.join", ANY, NODE_ID_TAKEN, NODE_ID_TAKEN),
	ROW(NULL, ANY, "the clock here is behind", CLOCK),
	ROW(NULL, ANY, "ahead of this node's clock", CLOCK),
	ROW(NULL, ANY, "clock", CLOCK),
	ROW(NULL, ANY, "it is for the overlay", OTHER_OVERLAY),
	ROW(NULL, ANY, "no chain of at most", OTHER_OVERLAY),
	ROW(NULL, ANY, "authority is unknown", OTHER_OVERLAY),
	ROW(NULL, ANY, "bad-node", CERTIFICATE_REVOKED),
	ROW(NULL, ANY, "revoked", CERTIFICATE_REVOKED),
	ROW(NULL, RELOAD_CERT_REVOKED, NULL, CERTIFICATE_REVOKED),
	ROW(NULL, RELOAD_CERT_EXPIRED, NULL, CERTIFICATE_EXPIRED),
	EVENT(NULL, ANY, CERTIFICATE_ENDED, CERTIFICATE_EXPIRED),
	ROW(NULL, ANY, "certificate expired", CERTIFICATE_EXPIRED),
	ROW(NULL, RELOAD_CERT_UNTRUSTED, NULL, OTHER_OVERLAY),
	ROW(NULL, RELOAD_BAD_CERT, NULL, CERTIFICATE_BAD),
	ROW(NULL, RELOAD_BAD_KEY, NULL, CERTIFICATE_BAD),
	ROW(NULL, RELOAD_CONFIG_TOO_OLD, NULL, CONFIGURATION),
	ROW(NULL, RELOAD_CONFIG_TOO_NEW, NULL, CONFIGURATION),
	ROW(NULL, RELOAD_INCOMPATIBLE, NULL, OTHER_OVERLAY),
	EVENT("overlay.join", ANY, CONFIG_UNMET, CONFIGURATION),
	ROW(NULL, RELOAD_CONFIG_EXPIRED, NULL, CONFIGURATION_EXPIRED),
	ROW(NULL, RELOAD_BAD_CONFIG, NULL, CONFIGURATION_EXPIRED),
	ROW(NULL, RELOAD_CONFIG_UNSIGNED, NULL, CONFIGURATION_EXPIRED),

	/* joining */
	ROW("overlay.join", RELOAD_FORBIDDEN, NULL, CLIENTS),
	ROW("overlay.join", ANY, "no such host name", NO_BOOTSTRAP_NAME),
	ROW("overlay.join", ANY, "host name", NO_BOOTSTRAP_NAME),
	ROW("overlay.join", ANY, "names another node", NO_BOOTSTRAP),
	ROW("overlay.join", ANY, "not a RELOAD", NOT_RELOAD),
	ROW("overlay.join", ANY, "wrong version number", NOT_RELOAD),
	ROW("overlay.join", ANY, "unexpected message", NOT_RELOAD),
	ROW("overlay.join", ANY, "unreachable", UNROUTED),
	ROW("overlay.join", ANY, "No route", UNROUTED),
	ROW("overlay.join", ANY, "no pair of candidates", ICE),
	ROW("overlay.join", ANY, "onnection reset", PORT_CLOSES),
	ROW("overlay.join", ANY, "closed", PORT_CLOSES),
	/* where TCP is silent a refused datagram says less: some hosts refuse only these */
	ROW("overlay.join", ANY, "no answer in time", SILENT_ADDRESS),
	ROW("overlay.join", ANY, "timed out", SILENT_ADDRESS),
	ROW("overlay.join", ANY, "refused", REFUSED),
	ROW("overlay.join", RELOAD_UNREACHABLE, NULL, SILENT_ADDRESS),
	ROW("overlay.join", RELOAD_TIMEOUT, "phase bootstrap", SILENT_ADDRESS),
	ROW("overlay.join", RELOAD_TIMEOUT, NULL, SILENT),
	ROW(NULL, RELOAD_NOT_JOINED, NULL, NOT_JOINED),

	/* connections and calls */
	ROW("sip.request", RELOAD_TIMEOUT, NULL, NOBODY_ANSWERS),
	ROW("sip.resolve", RELOAD_NO_VALUE, NULL, NOT_REGISTERED),
	ROW("sip.resolve", RELOAD_NOT_FOUND, NULL, NOT_REGISTERED),
	ROW("app.attach", RELOAD_NO_NODE, NULL, NO_USER),
	ROW("app.attach", RELOAD_NOT_FOUND, NULL, NOT_LISTENING),
	ROW("app.attach", RELOAD_FORBIDDEN, NULL, CALL_BUSY),
	ROW("app.attach", ANY, "was cut off", CUT_OFF),
	ROW("app.attach", ANY, "bytes were sent", CUT_OFF),
	ROW("app.attach", ANY, "pair", ICE),
	ROW("app.attach", ANY, "candidates", ICE),
	ROW("app.attach", RELOAD_TIMEOUT, "made no connection", FIREWALL),

	/* values */
	ROW(NULL, RELOAD_UNKNOWN_KIND, NULL, KIND),
	ROW(NULL, RELOAD_USAGE, "nor the registry has it", KIND),
	ROW(NULL, RELOAD_GENERATION_TOO_LOW, NULL, GENERATION),
	ROW(NULL, RELOAD_DATA_TOO_OLD, NULL, OLDER),
	ROW(NULL, ANY, "max-count", TOO_MANY),
	ROW(NULL, ANY, "max-size", TOO_LARGE),
	ROW("store.", ANY, "disk", DISK),
	ROW("store.", ANY, "quota", QUOTA),
	ROW("store.", ANY, "room", QUOTA),
	ROW("store.", ANY, "store-limit", QUOTA),
	ROW(NULL, RELOAD_DATA_TOO_LARGE, NULL, TOO_LARGE),
	ROW(NULL, RELOAD_MESSAGE_TOO_LARGE, NULL, TOO_LARGE),
	ROW(NULL, RELOAD_RESPONSE_TOO_LARGE, NULL, TOO_LARGE),
	ROW("store.", RELOAD_FORBIDDEN, NULL, ACCESS),
	ROW("sip.", RELOAD_FORBIDDEN, NULL, ACCESS),
	ROW("service.", RELOAD_FORBIDDEN, NULL, ACCESS),
	ROW(NULL, RELOAD_NO_VALUE, NULL, NO_VALUE),
	ROW(NULL, RELOAD_PARTIAL, NULL, REPLICAS),

	/* what other nodes answer, or do not */
	ROW(NULL, RELOAD_FORBIDDEN, "limits how often", LIMITED),
	ROW(NULL, RELOAD_FORBIDDEN, "reason=rate", LIMITED),
	ROW(NULL, RELOAD_FORBIDDEN, "denied", DIAGNOSTICS),
	ROW(NULL, RELOAD_FORBIDDEN, NULL, ACCESS),
	ROW(NULL, RELOAD_MESSAGE_EXPIRED, NULL, CLOCK),
	ROW(NULL, ANY, "expiration", CLOCK),
	ROW(NULL, RELOAD_UNDERLAY_UNREACHABLE, NULL, UNROUTED),
	ROW(NULL, RELOAD_UNDERLAY_TIME_EXCEEDED, NULL, UNROUTED),
	ROW(NULL, RELOAD_TTL_EXCEEDED, NULL, TTL),
	ROW(NULL, RELOAD_TTL_HOPS_EXCEEDED, NULL, TTL),
	ROW(NULL, RELOAD_LOOP_DETECTED, NULL, TTL),
	ROW(NULL, RELOAD_UPSTREAM_MISROUTING, NULL, TTL),
	ROW(NULL, RELOAD_BAD_SIGNATURE, NULL, BAD_SIGNATURE),
	ROW(NULL, RELOAD_NO_SIGNER, NULL, BAD_SIGNATURE),
	ROW(NULL, RELOAD_NOT_FOUND, NULL, NO_NODE),
	ROW(NULL, RELOAD_NO_NODE, NULL, NO_NODE),
	ROW(NULL, RELOAD_IN_PROGRESS, NULL, BUSY),
	ROW(NULL, RELOAD_UNKNOWN_EXTENSION, NULL, UNSUPPORTED),
	ROW(NULL, RELOAD_UNSUPPORTED_OPTION, NULL, UNSUPPORTED),
	ROW(NULL, RELOAD_INVALID_MESSAGE, NULL, UNSUPPORTED),
	ROW(NULL, RELOAD_LINK_DOWN, NULL, LINK_LOST),
	ROW(NULL, RELOAD_BAD_ANSWER, NULL, BAD_ANSWER),
	EVENT(NULL, RELOAD_TIMEOUT, BAD_SIGNATURE, BAD_SIGNATURE),
	EVENT(NULL, RELOAD_TIMEOUT, CONFIG_MISMATCH, CONFIGURATION),
	EVENT(NULL, RELOAD_TIMEOUT, ISOLATED, SILENT),
	ROW(NULL, RELOAD_TIMEOUT, NULL, SILENT),
	ROW(NULL, RELOAD_REQUEST_TIMEOUT, NULL, SILENT),
	ROW(NULL, RELOAD_UNREACHABLE, NULL, NO_NODE),

	/* this node */
	ROW(NULL, RELOAD_LIMIT, NULL, OWN_LIMIT),
	ROW(NULL, RELOAD_USAGE, NULL, WRONG_USE),
	ROW(NULL, RELOAD_EXISTS, NULL, WRONG_USE),
	ROW(NULL, RELOAD_IO, NULL, DISK),
};

/* Final answers of SIP (RFC 3261 s21, RFC 4028, RFC 5393): from the special to the class. */
static const struct {
	unsigned first, last;
	enum reload_cause cause;
} sip_rows[] = {
	{ 401, 401, RELOAD_CAUSE_CALL_PASSWORD },
	{ 403, 403, RELOAD_CAUSE_CALL_FORBIDDEN },
	{ 404, 404, RELOAD_CAUSE_CALLEE_UNKNOWN },
	{ 405, 405, RELOAD_CAUSE_CALL_UNSUPPORTED },
	{ 406, 406, RELOAD_CAUSE_NO_COMMON_MEDIA },
	{ 407, 407, RELOAD_CAUSE_CALL_PASSWORD },
	{ 408, 408, RELOAD_CAUSE_NOBODY_ANSWERS },
	{ 410, 410, RELOAD_CAUSE_CALLEE_UNKNOWN },
	{ 413, 414, RELOAD_CAUSE_CALL_UNSUPPORTED },
	{ 415, 415, RELOAD_CAUSE_NO_COMMON_MEDIA },
	{ 416, 422, RELOAD_CAUSE_CALL_UNSUPPORTED },
	{ 433, 433, RELOAD_CAUSE_CALL_FORBIDDEN },
	{ 480, 480, RELOAD_CAUSE_CALLEE_AWAY },
	{ 482, 483, RELOAD_CAUSE_CALL_LOOP },
	{ 440, 440, RELOAD_CAUSE_CALL_LOOP },
	{ 484, 485, RELOAD_CAUSE_CALLEE_UNKNOWN },
	{ 486, 486, RELOAD_CAUSE_CALLEE_BUSY },
	{ 487, 487, RELOAD_CAUSE_CANCELLED },
	{ 488, 488, RELOAD_CAUSE_NO_COMMON_MEDIA },
	{ 501, 501, RELOAD_CAUSE_CALL_UNSUPPORTED },
	{ 505, 505, RELOAD_CAUSE_CALL_UNSUPPORTED },
	{ 513, 513, RELOAD_CAUSE_CALL_UNSUPPORTED },
	{ 600, 600, RELOAD_CAUSE_CALLEE_BUSY },
	{ 604, 604, RELOAD_CAUSE_CALLEE_UNKNOWN },
	{ 606, 606, RELOAD_CAUSE_NO_COMMON_MEDIA },
	{ 300, 399, RELOAD_CAUSE_CALLEE_MOVED },
	{ 400, 499, RELOAD_CAUSE_CALL_REFUSED },
	{ 500, 599, RELOAD_CAUSE_CALLEE_FAILED },
	{ 600, 699, RELOAD_CAUSE_CALLEE_DECLINES },
};

static enum reload_cause sip_cause(unsigned status)
{
	for (size_t i = 0; i < COUNT_OF(sip_rows); i++)
		if (status >= sip_rows[i].first && status <= sip_rows[i].last)
			return sip_rows[i].cause;
	return RELOAD_CAUSE_UNKNOWN;
}

static bool fits(const struct row *row, const struct reload_cause_facts *f)
{
	if (row->method && strncmp(f->method, row->method, strlen(row->method)) != 0)
		return false;
	if (row->err != ANY && row->err != f->err)
		return false;
	if (row->says && !strstr(f->reason, row->says))
		return false;
	return row->event == NO_EVENT || (f->seen & 1ull << row->event);
}

enum reload_cause reload_cause_find(const struct reload_cause_facts *facts)
{
	if (!facts->err)
		return RELOAD_CAUSE_NONE;
	if (facts->sip_status)
		return sip_cause(facts->sip_status);
	for (size_t i = 0; i < COUNT_OF(rows); i++)
		if (fits(&rows[i], facts))
			return rows[i].cause;
	return RELOAD_CAUSE_UNKNOWN;
}

const char *reload_cause_name(enum reload_cause cause)
{
	return causes[cause].name;
}

const char *reload_cause_text(enum reload_cause cause)
{
	return causes[cause].text;
}

const char *reload_cause_advice(enum reload_cause cause)
{
	return causes[cause].advice;
}
