/*
 * reload-diag health: is this node well?  Each check has a row below, and says ok, warn or fail; what is not ok says what to try.  Nothing is
 * green because nothing was heard: a message goes to another peer and back for it.
 */
#include "reload-diag/copies.h"
#include "reload-diag/diag.h"

#include "common/call.h"
#include "util/alloc.h"
#include "wire/destination.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

const struct cli_opt diag_health_opts[] = { CLI_END };

const char diag_health_fields[] = "instance:string level:string "
				  "checks:{check:string level:string text:string try:string?}[]";

enum {
	FINDINGS = 13, /* exit status */
	DAY_S = 86400,
	CERTIFICATE_DAYS = 14,
	DOCUMENT_DAYS = 30,
	CLOCK_MS = 2000, /* more than RFC 7851 requests are allowed to differ by here */
	SLOW_MS = 2000,
	STORE_PERCENT = 90,
	RESOURCES = 24, /* whose copies are looked at */
	CONNECT_MS = 3000,
	TEXT = 256
};

/* What the checks look at, and what they find. */
struct health {
	struct cli *cli;
	const char *instance;
	const json_t *status; /* agent.status with links */
	const json_t
		*ping; /* overlay.ping of the first successor; NULL: none was sent or answered */
	const json_t *bootstrap;     /* config.bootstrap */
	const char *ping_why;        /* why no Ping was answered; "": none was sent */
	const struct copies *copies; /* of own resources; NULL: none were looked at */
	json_t *checks;
	bool warned, failed;
};

static void say(struct health *h, const char *check, const char *level, const char *text,
	const char *advice)
{
	json_array_append_new(
		h->checks, json_pack("{s:s, s:s, s:s, s:s?}", "check", check, "level", level,
				   "text", text, "try", *advice ? advice : NULL));
	h->warned |= !strcmp(level, "warn");
	h->failed |= !strcmp(level, "fail");
}

#define SAY(h, check, level, advice, ...)                                                          \
	do {                                                                                       \
		char text_[TEXT];                                                                  \
		snprintf(text_, sizeof(text_), __VA_ARGS__);                                       \
		say(h, check, level, text_, advice);                                               \
	} while (0)

static const char *with_agent(char out[TEXT], const char *fmt, const struct health *h)
{
	snprintf(out, TEXT, "%s -a %.64s", fmt, h->instance);
	return out;
}

static bool is_joined(const struct health *h)
{
	return !strcmp(cli_get_text(h->status, "state"), "joined");
}

static void check_state(struct health *h)
{
	char advice[TEXT];
	const char *state = cli_get_text(h->status, "state");
	bool isolated = !strcmp(state, "isolated");
	if (is_joined(h))
		SAY(h, "overlay", "ok", "", "joined %s as %s for %lld s",
			cli_get_text(h->status, "overlay"), cli_get_text(h->status, "role"),
			cli_get_int(h->status, "state_s"));
	else
		SAY(h, "overlay", "fail",
			with_agent(advice, isolated ? "reload-diag tables" : "reload-join", h),
			"not joined: the state is %s", state);
}

/* Of a node that has not joined the check before says what is wrong. */
static void check_neighbours(struct health *h)
{
	char advice[TEXT];
	size_t next = json_array_size(json_object_get(h->status, "successors")),
	       before = json_array_size(json_object_get(h->status, "predecessors"));
	if (!is_joined(h))
		return;
	if (!strcmp(cli_get_text(h->status, "role"), "client"))
		SAY(h, "neighbours", "ok", "", "a client has none");
	else if (next)
		SAY(h, "neighbours", "ok", "", "%zu successor%s, %zu predecessor%s", next,
			cli_plural(next), before, cli_plural(before));
	else
		SAY(h, "neighbours", "warn",
			with_agent(advice,
				"start another agent, or reload-join --bootstrap ADDR:PORT", h),
			"this peer is alone: what is stored has no replica");
}

static void check_links(struct health *h)
{
	char advice[TEXT];
	const json_t *l, *list = json_object_get(json_object_get(h->status, "links"), "list");
	size_t i, bad = 0;
	json_array_foreach (list, i, l)
		bad += !cli_get_bool(l, "good");
	if (bad)
		SAY(h, "links", "warn", with_agent(advice, "reload-diag tables", h),
			"%zu of %zu link%s do%s not acknowledge", bad, json_array_size(list),
			cli_plural(json_array_size(list)), bad == 1 ? "es" : "");
	else if (json_array_size(list) == 1)
		SAY(h, "links", "ok", "", "1 link, which acknowledges");
	else
		SAY(h, "links", "ok", "", "%zu links, all acknowledge", json_array_size(list));
}

static void check_round_trip(struct health *h)
{
	char advice[TEXT];
	double rtt = cli_get_real(h->ping, "rtt_ms");
	if (!h->ping && *h->ping_why)
		SAY(h, "round trip", "fail", with_agent(advice, "reload-diag path succ", h),
			"no message came back from another peer: %.180s", h->ping_why);
	else if (!h->ping)
		return; /* not joined, or alone: nobody to send a message to, as the checks before say */
	else if (rtt > SLOW_MS)
		SAY(h, "round trip", "warn", with_agent(advice, "reload-diag path --live succ", h),
			"a message took %.0f ms to %.8s and back", rtt,
			cli_get_text(h->ping, "node_id"));
	else
		SAY(h, "round trip", "ok", "", "%.2f ms to %.8s and back", rtt,
			cli_get_text(h->ping, "node_id"));
}

static void check_clock(struct health *h)
{
	double d = cli_get_real(h->ping, "clock_difference_ms");
	if (!h->ping)
		return; /* nobody to compare with: the check before says so */
	if (d > CLOCK_MS || d < -CLOCK_MS)
		SAY(h, "clock", "fail", "timedatectl set-ntp true, here and there",
			"the clock of %.8s differs by %.1f s", cli_get_text(h->ping, "node_id"),
			d / 1000);
	else
		SAY(h, "clock", "ok", "", "that of %.8s differs by %.0f ms at most",
			cli_get_text(h->ping, "node_id"), d < 0 ? 1 - d : 1 + d);
}

/* Seconds until a time of a result; false: it has none. */
static bool seconds_until(const char *rfc3339, long long *out)
{
	struct tm t = { 0 };
	if (!*rfc3339 || !strptime(rfc3339, "%Y-%m-%dT%H:%M:%S", &t))
		return false;
	*out = (long long)timegm(&t) - (long long)(cli_now() / 1000);
	return true;
}

static void check_end(
	struct health *h, const char *check, const char *key, int days, const char *advice)
{
	long long left;
	const char *until = cli_get_text(h->status, key);
	if (!seconds_until(until, &left))
		SAY(h, check, "ok", "", "without an end");
	else if (left <= 0)
		SAY(h, check, "fail", advice, "ended at %.20s", until);
	else if (left < (long long)days * DAY_S)
		SAY(h, check, "warn", advice, "ends at %.10s, in %lld day%s", until, left / DAY_S,
			cli_plural(left / DAY_S));
	else
		SAY(h, check, "ok", "", "until %.10s, %lld day%s", until, left / DAY_S,
			cli_plural(left / DAY_S));
}

static void check_certificate(struct health *h)
{
	char advice[TEXT];
	snprintf(advice, sizeof(advice),
		"reload-enroll issue %.120s --identity %.40s, then reload-agent refresh",
		cli_get_text(h->status, "user"), h->instance);
	check_end(h, "certificate", "certificate_until", CERTIFICATE_DAYS, advice);
}

static void check_configuration(struct health *h)
{
	check_end(h, "configuration", "configuration_until", DOCUMENT_DAYS,
		"reload-enroll config set --validity 365d, then config publish");
}

static void check_store(struct health *h)
{
	char advice[TEXT];
	const json_t *s = json_object_get(h->status, "stored");
	long long size = cli_get_int(s, "size_bytes"), limit = cli_get_int(s, "limit_bytes");
	const char *failure = cli_get_text(s, "failure");
	if (*failure)
		SAY(h, "store", "fail", "free space on that disk, or --store-path on another one",
			"nothing can be stored: %.200s", failure);
	else if (limit && size / (limit / 100 + 1) >= STORE_PERCENT)
		SAY(h, "store", "warn",
			with_agent(advice, "a larger --store-limit of reload-agent", h),
			"%lld of %lld bytes are used", size, limit);
	else
		SAY(h, "store", "ok", "", "%lld value%s, %lld byte%s", cli_get_int(s, "values"),
			cli_plural(cli_get_int(s, "values")), size, cli_plural(size));
}

/* What this peer is responsible for, and whether its replicas have it. */
static void check_replicas(struct health *h)
{
	char advice[TEXT];
	const json_t *f = h->copies ? json_array_get(h->copies->faults, 0) : NULL;
	if (!h->copies)
		return;
	if (f)
		SAY(h, "replicas", "fail",
			with_agent(advice,
				"at that peer: reload-join --leave, then reload-join; or "
				"reload-diag audit",
				h),
			"%.200s", cli_get_text(f, "text"));
	else if (h->copies->resources)
		SAY(h, "replicas", "ok", "", "%zu cop%s of %zu resource%s %s to be",
			h->copies->copies, h->copies->copies == 1 ? "y" : "ies",
			h->copies->resources, cli_plural(h->copies->resources),
			h->copies->copies == 1 ? "is where it has" : "are where they have");
	else
		SAY(h, "replicas", "ok", "", "this peer is responsible for no value now");
}

static void check_partition(struct health *h)
{
	char advice[TEXT];
	if (!is_joined(h))
		return;
	if (cli_get_bool(h->status, "other_ring"))
		SAY(h, "partition", "fail", with_agent(advice, "reload-diag map", h),
			"another ring of this overlay was found; the two are being merged");
	else
		SAY(h, "partition", "ok", "", "no other ring is known");
}

/* Only in an overlay with ICE there is anything to say of NATs. */
static void check_nat(struct health *h)
{
	char advice[TEXT];
	const char *nat = cli_get_text(h->status, "nat");
	if (!*nat)
		return;
	if (strstr(nat, "no relay"))
		SAY(h, "nat", "warn",
			with_agent(
				advice, "a TURN server and --turn-credentials; reload-diag nat", h),
			"%.200s", nat);
	else
		SAY(h, "nat", "ok", "", "%.200s", nat);
}

/* Connects by TCP and closes again: a peer that serves TLS accepts that. */
static bool accepts(const char *address)
{
	struct reload_ip_port a;
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to = { 0 };
	if (reload_ip_port_parse(&a, address, RELOAD_DEFAULT_PORT))
		return false;
	bool v4 = a.type == RELOAD_IPV4;
	if (v4) {
		to.v4.sin_family = AF_INET;
		to.v4.sin_port = htons(a.port);
		memcpy(&to.v4.sin_addr, a.addr, sizeof(to.v4.sin_addr));
	} else {
		to.v6.sin6_family = AF_INET6;
		to.v6.sin6_port = htons(a.port);
		memcpy(&to.v6.sin6_addr, a.addr, sizeof(to.v6.sin6_addr));
	}
	int fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err = 0;
	socklen_t len = sizeof(err);
	if (fd < 0)
		return false;
	bool up = !connect(fd, &to.any, v4 ? sizeof(to.v4) : sizeof(to.v6));
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	if (!up && errno == EINPROGRESS && poll(&p, 1, CONNECT_MS) == 1)
		up = !getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) && !err;
	close(fd);
	return up;
}

static void check_bootstrap(struct health *h)
{
	const json_t *node, *nodes = json_object_get(h->bootstrap, "nodes");
	size_t i, bad = 0;
	char advice[TEXT];
	snprintf(advice, sizeof(advice),
		"start a peer there, or reload-enroll config set bootstrap-node=ADDR:PORT");
	json_array_foreach (nodes, i, node) {
		if (cli_get_bool(node, "self") || accepts(cli_get_text(node, "address")))
			continue;
		bad++;
		SAY(h, "bootstrap", "warn", advice, "%s does not accept connections by TCP",
			cli_get_text(node, "address"));
	}
	if (!bad)
		SAY(h, "bootstrap", "ok", "", "%zu in the configuration, all reachable",
			json_array_size(nodes));
}

static void (*const checks[])(struct health *h) = { check_state, check_neighbours, check_partition,
	check_links, check_round_trip, check_clock, check_replicas, check_certificate,
	check_configuration, check_store, check_bootstrap, check_nat };

static void print_health(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	const json_t *c;
	size_t i;
	json_array_foreach (json_object_get(o, "checks"), i, c) {
		const char *level = cli_get_text(c, "level"), *advice = cli_get_text(c, "try");
		if (cli->quiet && !strcmp(level, "ok"))
			continue;
		fprintf(out, "%-4s  %-13s  ", level, cli_get_text(c, "check"));
		cli_put_safe(out, cli_get_text(c, "text"));
		fputc('\n', out);
		if (*advice) {
			fputs("      try:  ", out);
			cli_put_safe(out, advice);
			fputc('\n', out);
		}
	}
}

/* Pings the first successor; an agent that is alone or not joined has none. */
static enum reload_err round_trip(struct cli *cli, struct cli_link *link, const json_t *status,
	json_t **ping, struct reload_call_error *error)
{
	enum {
		WAIT_MS = 8000
	};
	if (!json_array_size(json_object_get(status, "successors")) &&
		strcmp(cli_get_text(status, "role"), "client"))
		return RELOAD_NO_NODE;
	/* a client sends to the peer that is responsible for its own place, which is another node */
	bool client = !strcmp(cli_get_text(status, "role"), "client");
	char target[80];
	snprintf(target, sizeof(target), "%s%.40s", client ? "resource:" : "node:",
		client ? cli_get_text(status, "node_id")
		       : json_string_value(
				 json_array_get(json_object_get(status, "successors"), 0)));
	return cli_link_call(link, "overlay.ping",
		json_pack("{s:s, s:i}", "target", target, "timeout_ms", (int)WAIT_MS),
		cli->deadline, NULL, NULL, ping, error);
}

static int by_id(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* This node and its successors, ascending (owned). */
static json_t *near_ring(const json_t *status)
{
	enum {
		NEAR_MAX = 9
	};
	const char *ids[NEAR_MAX];
	const json_t *id;
	size_t i, n = 0;
	json_t *out = json_array();
	ids[n++] = cli_get_text(status, "node_id");
	json_array_foreach (json_object_get(status, "successors"), i, id)
		if (n < NEAR_MAX)
			ids[n++] = json_string_value(id);
	qsort(ids, n, sizeof(ids[0]), by_id);
	for (i = 0; i < n; i++)
		json_array_append_new(out, json_string(ids[i]));
	return out;
}

/* Looks for the replicas of a few resources of this peer; c->faults and c->ring are owned by the caller. */
static enum reload_err look_at_copies(
	struct copies *c, const json_t *status, struct reload_call_error *error)
{
	json_t *kinds = NULL;
	const json_t *id;
	size_t i;
	struct copies_range own = { .from = cli_get_text(status, "range_from") };
	enum reload_err err = cli_link_call(c->link, "config.kinds", json_object(),
		c->cli->deadline, NULL, NULL, &kinds, error);
	if (err)
		return err;
	json_array_foreach (c->ring, i, id)
		if (json_equal(id, json_object_get(status, "node_id")))
			own.peer = i;
	bool fine = copies_check(c, kinds, &own, 1, RESOURCES, error);
	json_decref(kinds);
	return fine ? RELOAD_OK : error->failure.err;
}

static int judge(struct health *h)
{
	h->instance = cli_get_text(h->status, "instance");
	h->checks = json_array();
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		checks[i](h);
	json_t *o = json_pack("{s:s, s:s, s:o}", "instance", h->instance, "level",
		h->failed   ? "fail"
		: h->warned ? "warn"
			    : "ok",
		"checks", h->checks);
	cli_print(h->cli, o, print_health, h->cli);
	json_decref(o);
	return h->failed || h->warned ? FINDINGS : 0;
}

int diag_health(struct cli *cli)
{
	struct cli_link *link;
	struct reload_error_text why;
	struct reload_call_error error, no_ping = { 0 };
	struct health h = { .cli = cli, .ping_why = "" };
	struct copies copies = { .cli = cli };
	json_t *status = NULL, *ping = NULL, *bootstrap = NULL;
	enum reload_err err = cli_link_open(&link, cli, CLI_LINK_NOW, -1, &why);
	if (err)
		return cli_fail(cli, err, &why);
	int result;
	copies.link = link;
	if (cli_link_call(link, "agent.status", json_pack("{s:b}", "links", 1), cli->deadline, NULL,
		    NULL, &status, &error) ||
		cli_link_call(link, "config.bootstrap", json_object(), cli->deadline, NULL, NULL,
			&bootstrap, &error)) {
		result = cli_fail_rpc(cli, &error);
	} else {
		err = round_trip(cli, link, status, &ping, &no_ping);
		if (err && err != RELOAD_NO_NODE)
			h.ping_why = no_ping.failure.why.reason;
		h.status = status;
		h.ping = ping;
		h.bootstrap = bootstrap;
		if (ping && json_is_string(json_object_get(status, "range_from"))) {
			struct reload_call_error ignored;
			copies.ring = near_ring(status);
			copies.faults = json_array();
			if (look_at_copies(&copies, status, &ignored))
				reload_call_error_clear(&ignored);
			else
				h.copies = &copies;
		}
		result = judge(&h);
		reload_call_error_clear(&no_ping);
		json_decref((json_t *)copies.ring);
		json_decref(copies.faults);
	}
	json_decref(status);
	json_decref(ping);
	json_decref(bootstrap);
	cli_link_free(link);
	return result;
}
