/* The table of methods. */
#include "control/methods.h"

#include "util/alloc.h"

#include <string.h>

/* Words and rows that several methods share. */
/* clang-format off */
#define RPC_STATES \
	"init configured enrolled bootstrapping attaching joining joined leaving isolated stopped"
#define RPC_LEVELS "error warn info debug trace"
#define RPC_MODELS "SINGLE ARRAY DICTIONARY"
#define RPC_TIMEOUT { INT("timeout_ms", 0, INT32_MAX), OPTIONAL, HELP("0 or left out: that of the protocol") }
#define RPC_HOP \
	{ NUMBER("hop"), HELP("0: this node") }, { HEX("node_id") }, \
	{ WORD("state", "answered refused limited silent unsupported lost error"), \
	  HELP("refused: the values; limited: it was asked too often; silent: no answer, but one to a RouteQuery; lost: neither") }, \
	{ REAL("rtt_ms"), OPTIONAL }, { REAL("one_way_ms"), OPTIONAL, HELP("null when the two clocks differ") }, \
	{ REAL("clock_difference_ms"), OPTIONAL }, \
	{ NUMBER("overlay_hops"), OPTIONAL, HELP("links that the question crossed") }, { HEX("next_hop"), OPTIONAL }, \
	{ ANY("values"), HELP("by names of diagnostic Kinds, RFC 7851") }, \
	{ LIST("denied", TEXT("")), HELP("diagnostic Kinds that this node may not read") }, \
	{ TEXT("error"), OPTIONAL }, { TEXT("error_info"), OPTIONAL }
#define RPC_WHERE { HEX("resource_id") }, { TEXT("name"), OPTIONAL }
#define RPC_KIND { TEXT("kind"), HELP("name, or 0x number") }, { INT("kind_id", 0, UINT32_MAX) }
#define RPC_WHAT \
	{ TEXT("target") }, { KIND("kind") }, \
	{ OBJECT("index", { INT("first", 0, UINT32_MAX) }, { INT("last", 0, UINT32_MAX) }), OPTIONAL }, \
	{ LIST("keys", TEXT("")), OPTIONAL, ATMOST(256), HELP("text, hex:DIGITS, node:HEX or self; none: all") }, \
	{ U64("generation"), OPTIONAL, HELP("nothing is returned when this is the stored one") }, \
	{ TEXT("at"), OPTIONAL, HELP("ask this node, a replica for instance, and not the responsible peer") }
#define RPC_PLACE \
	{ NUMBER("index"), OPTIONAL }, { HEX("key"), OPTIONAL, ATMOST(131072) }, \
	{ TEXT("key_text"), OPTIONAL, ATMOST(65536) }
#define RPC_ESTIMATES \
	{ REAL("network_size") }, { REAL("failures_per_day"), HELP("of each peer") }, \
	{ REAL("joins_per_day"), HELP("of the overlay") }
#define RPC_LINK \
	{ HEX("node_id") }, { TEXT("user"), OPTIONAL }, { BOOL("incoming") }, \
	{ TEXT("link_type"), HELP("TLS-TCP-FH-NO-ICE, DTLS-UDP-SR-NO-ICE or DTLS-UDP-SR") }, { TEXT("version") }, { TEXT("cipher") }, \
	{ TEXT("address"), HELP("of the other end") }, \
	{ WORD("path", "host reflexive relayed"), HELP("straight between two addresses, through holes in NATs, or by a TURN server") }, \
	{ TEXT("relay"), OPTIONAL, HELP("the TURN server of this end, or the address that the one of the other end gave it") }, \
	{ NUMBER("rto_ms") }, { REAL("rtt_ms"), OPTIONAL, HELP("smoothed; null before the first is measured") }, \
	{ NUMBER("queued_bytes") }, { NUMBER("unacked_frames") }, \
	{ BOOL("good"), HELP("false: its last frames were not acknowledged in time") }, { TIME("since") }, \
	{ OBJECT("datagrams", { U64("sent"), HELP("DATA frames, without further copies of the same message") }, \
		 { U64("repeated"), HELP("further copies") }, { U64("lost"), HELP("copies that later ones overtook") }, \
		 { NUMBER("window"), HELP("frames that may be in flight") }), OPTIONAL, HELP("of a link over UDP") }
#define RPC_STORED \
	RPC_WHERE, RPC_KIND, { U64("generation") }, { HEX("responsible"), OPTIONAL }, { LIST("replicas", HEX("")) }, \
	{ NUMBER("hops") }, { NUMBER("values") }, { BOOL("exists") }, { NUMBER("lifetime_s") }, { TIME("storage_time") }, \
	{ TIME("expires") }, { BOOL("kept") }, { BOOL("dry_run") }, { HEX("transaction"), OPTIONAL }
#define RPC_RENEWAL \
	RPC_WHERE, RPC_KIND, { WORD("data_model", RPC_MODELS) }, RPC_PLACE, { NUMBER("size_bytes") }, \
	{ NUMBER("lifetime_s") }, { TIME("stored") }, { TIME("expires") }, \
	{ TIME("next"), OPTIONAL, HELP("when it is stored again; null while the node is not joined") }, \
	{ U64("generation") }, { NUMBER("renewals") }, { NUMBER("failures"), HELP("since it was last stored") }, \
	{ WORD("state", "kept renewing waiting failing superseded") }, { TEXT("last_error"), OPTIONAL }
#define RPC_RECORD \
	{ HEX("transaction"), OPTIONAL }, { TEXT("method"), HELP("of this protocol, or the message of RELOAD") }, \
	{ WORD("origin", "user agent engine") }, { TEXT("target"), OPTIONAL }, { TIME("began") }, { NUMBER("took_ms") }, { BOOL("ok") }, \
	{ TEXT("cause"), HELP("its code") }, { TEXT("cause_text") }
#define RPC_SERVICE { TEXT("service"), HELP("its namespace") }, { NUMBER("lifetime_s") }
#define RPC_PLACE_OF_TREE { NUMBER("level") }, { NUMBER("node") }, { HEX("resource_id") }
/* clang-format on */

#define P(...) FIELDS(__VA_ARGS__)
#define R(...) FIELDS(__VA_ARGS__)
#define X(method, access, handler, summary, params, result)                                        \
	[RELOAD_METHOD_##handler] = { method, RELOAD_METHOD_##access, summary, params, result },
const struct reload_method reload_methods[RELOAD_METHODS] = {
#include "control/methods.def"
};
#undef X

/* Former names of methods; the next release no longer accepts them. */
static const struct {
	const char *name, *present;
} old_names[] = {
	{ "store.kept", "store.renewals" },
	{ "store.drop", "store.renew_stop" },
};

const struct reload_method *reload_method_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(old_names); i++)
		if (strcmp(old_names[i].name, name) == 0)
			name = old_names[i].present;
	for (size_t i = 0; i < RELOAD_METHODS; i++)
		if (strcmp(reload_methods[i].name, name) == 0)
			return &reload_methods[i];
	return NULL;
}

const char *reload_method_nearest(const char *name)
{
	const char *verb = strrchr(name, '.');
	size_t noun = strcspn(name, ".");
	const char *found = NULL;
	for (size_t i = 0; i < RELOAD_METHODS; i++) {
		const char *have = reload_methods[i].name;
		if (verb && strcmp(strrchr(have, '.'), verb) == 0)
			return have;
		if (!found && noun && strncmp(have, name, noun) == 0 && have[noun] == '.')
			found = have;
	}
	return found;
}

json_t *reload_method_schema(const struct reload_method *method, bool params)
{
	json_t *s = reload_fields_schema(params ? method->params : method->result);
	json_object_set_new(
		s, "$schema", json_string("https://json-schema.org/draft/2020-12/schema"));
	json_object_set_new(s, "title", json_string(method->name));
	return s;
}

json_t *reload_methods_json(void)
{
	json_t *list = json_array();
	for (size_t i = 0; i < RELOAD_METHODS; i++) {
		const struct reload_method *m = &reload_methods[i];
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s, s:o, s:o}", "method", m->name, "access",
				      m->access == RELOAD_METHOD_READ ? "read" : "write", "summary",
				      m->summary, "params", reload_fields_schema(m->params),
				      "result", reload_fields_schema(m->result)));
	}
	return json_pack("{s:o}", "methods", list);
}
