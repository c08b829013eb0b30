/* A ring whose document lets a read all diagnostic Kinds and b the first one, and messages of RFC 7851 made by hand. */
#pragma once

#include "engine_expect.h"

#define flag(KIND) reload_diagnostic_flag(RELOAD_DIAGNOSTIC_##KIND)

static inline void diagnostics_facts(void *host, uint32_t link, struct reload_host_facts *out)
{
	(void)host, (void)link;
	out->software = "test/1.0";
	out->mips = 4000;
	out->upstream_kbps = 1000000;
	out->machine_uptime_s = 86400;
	out->memory_bytes = 2049;
	out->load_percent = 50;
	out->ip_hops = 5;
	out->on_mains = 1;
}

static inline int diagnostics_setup(void **state)
{
	static struct reload_host_ops ops;
	struct reload_diagnostic_grant grants[RELOAD_DIAGNOSTIC_LAST + 1];
	struct net *net = net_new();
	struct net_document d = net_document(net);
	size_t n = 0;
	for (uint16_t k = RELOAD_DIAGNOSTIC_STATUS_INFO; k <= RELOAD_DIAGNOSTIC_LAST; k++) {
		grants[n++] = (struct reload_diagnostic_grant){ k, id_at(0x20) };
		if (k == RELOAD_DIAGNOSTIC_STATUS_INFO)
			grants[n++] = (struct reload_diagnostic_grant){ k, id_at(0xc0) };
	}
	d.draft.grants = grants;
	d.draft.grants_count = n;
	net_configure(net, &d);
	ops = net_ops;
	ops.facts = diagnostics_facts;
	net->ops = &ops;
	struct ring *r = ring_new_in(net, NULL);
	net_link(r->c, r->u);
	forget(r->c);
	*state = r;
	return 0;
}

#define diagnostics_test(f) cmocka_unit_test_setup_teardown(f, diagnostics_setup, ring_teardown)

/* wall() is the time that u reads. */
static inline reload_utc wall(const struct ring *r)
{
	return RELOAD_SIM_EPOCH + r->net->now;
}

/* A request, and the extension that holds it; it stays where it is. */
struct asked {
	struct reload_diagnostics_request q;
	struct reload_diagnostic_extension list[2];
	struct reload_extension extension;
};

/* asked_now() makes it a request of this moment. */
static inline void asked_now(const struct ring *r, struct asked *a)
{
	a->q.timestamp_initiated = wall(r);
	a->q.expiration = wall(r) + 60000;
}

static inline struct asked asked(const struct ring *r, uint64_t flags)
{
	struct asked a = { .q = { .flags = flags },
		.extension = { .type = RELOAD_EXTENSION_DIAGNOSTIC_PING } };
	asked_now(r, &a);
	return a;
}

static inline struct craft diagnostic_ping(
	struct node *from, struct asked *a, const struct reload_destination *to)
{
	struct wire_ctx ctx = net_ctx(from->net);
	struct wr w;
	a->q.extensions = a->list;
	wr_init(&w);
	reload_wire_write(&w, &reload_diagnostics_request_wire, &ctx, &a->q);
	assert(!w.err);
	a->extension.contents = reload_arena_copy(&from->net->arena, wr_done(&w));
	wr_clear(&w);
	struct craft c = craft_ping(from, to);
	c.extensions = &a->extension;
	c.extensions_count = 1;
	return c;
}

/* path_track() asks `asked` for the next hop to traced. */
static inline struct craft path_track(struct node *from, const struct asked *a,
	const struct reload_destination *traced, struct node *at)
{
	struct reload_path_track_req req = { .destination = *traced, .request = a->q };
	struct reload_destination to = dest(at);
	return craft(from, RELOAD_PATH_TRACK_REQ, &req, &to);
}

/* response_of() returns what the answer to a Ping says. */
static inline struct reload_diagnostics_response response_of(
	const struct ring *r, struct reload_msg *m)
{
	struct reload_diagnostics_response s;
	struct wire_ctx ctx = net_ctx(r->net);
	assert_int_equal(reload_msg_diagnostics_response(m, &ctx, &s), RELOAD_OK);
	return s;
}

/* kind_value() returns the value of a Kind (owned), NULL: the response has none. */
static inline json_t *kind_value(const struct reload_diagnostics_response *s, uint16_t kind)
{
	for (size_t i = 0; i < s->info_count; i++)
		if (s->info[i].kind == kind)
			return reload_diagnostic_value(kind, s->info[i].contents);
	return NULL;
}

static inline void value_is_of(
	const struct reload_diagnostics_response *s, uint16_t kind, const char *json)
{
	json_t *j = kind_value(s, kind);
	assert_non_null(j);
	char *text = json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT);
	assert_string_equal(text, json);
	free(text);
	json_decref(j);
}

static inline void value_is(
	const struct reload_diagnostics_response *s, size_t i, uint16_t kind, const char *json)
{
	assert_int_equal(s->info[i].kind, kind);
	value_is_of(s, kind, json);
}

/* entry_of() returns the entry of an array Kind whose member key is v (borrowed), NULL: there is none. */
static inline json_t *entry_of(json_t *list, const char *key, long long v)
{
	size_t i;
	json_t *entry;
	json_array_foreach (list, i, entry)
		if (json_integer_value(json_object_get(entry, key)) == v)
			return entry;
	return NULL;
}
