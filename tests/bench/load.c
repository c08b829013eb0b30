/*
 * Load on running agents through their control sockets, and what it took.
 *
 *   load ring DIR N START            waits until agents b1 to bN in DIR form a correct ring; START: monotonic seconds
 *   load one-at-a-time DIR N COUNT [store|fetch]   Stores, then Fetches, or one of them, each behind the other, through
 *                                    changing agents; Fetches alone need the Stores of an earlier run
 *   load in-flight DIR N COUNT WINDOW   the same through agent b1, WINDOW at a time
 *
 * Each prints one JSON object; times are raw samples sorted, no histogram.  Requests are lines of the control protocol,
 * replies are read as they come, so one thread keeps any number in flight.  Values have 1 KiB; the Kind lets a node write
 * at H(Node-ID | i), i from 1 to 255, so there are many resources, spread evenly, without many users.
 */
#include "control/jsonrpc.h"
#include "ident/ops.h"
#include "util/alloc.h"
#include "util/id.h"
#include "util/text.h"
#include "wire/codes.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define KIND "0xf0000101"

enum {
	VALUE_BYTES = 1024,
	NODES_MAX = 256,
	PER_NODE = 255,
	PORTION = 256 * 1024,
	WAIT_MS = 30000,
	RING_LIMIT_S = 120
};

struct agent {
	int fd;
	struct wr in;
	struct reload_id node;
	bool joined;
};

struct load {
	const char *dir;
	struct agent agents[NODES_MAX];
	size_t count;
	char *value; /* base64 */
	json_int_t last_id;
	uint64_t prng;
};

static double now_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "load: %s\n", what);
	exit(1);
}

/* The same sequence in each run: figures differ by what is measured only. */
static size_t below(struct load *l, size_t n)
{
	l->prng ^= l->prng << 13;
	l->prng ^= l->prng >> 7;
	l->prng ^= l->prng << 17;
	return (size_t)(l->prng % n);
}

static bool connected(struct load *l, size_t i)
{
	struct agent *a = &l->agents[i];
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	if (a->fd >= 0)
		return true;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/b%zu.sock", l->dir, i + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		close(fd);
		return false;
	}
	a->fd = fd;
	return true;
}

/* -- lines ------------------------------------------------------------------------------------------------------------- */

static json_int_t request(struct load *l, struct agent *a, const char *method, json_t *params)
{
	struct wr w;
	wr_init(&w);
	reload_rpc_write_request(&w, ++l->last_id, method, params);
	json_decref(params);
	for (size_t done = 0; done < w.len;) {
		ssize_t n = send(a->fd, w.at + done, w.len - done, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			die("an agent closed its socket");
		done += n > 0 ? (size_t)n : 0;
	}
	wr_clear(&w);
	return l->last_id;
}

/* Reads one portion, at most once, when something is there or wait is set. */
static void receive(struct agent *a, bool wait)
{
	static uint8_t portion[PORTION];
	struct pollfd p = { .fd = a->fd, .events = POLLIN };
	if (poll(&p, 1, wait ? WAIT_MS : 0) == 0) {
		if (wait)
			die("no answer in 30 s");
		return;
	}
	ssize_t n = recv(a->fd, portion, sizeof(portion), 0);
	if (n <= 0)
		die("an agent closed its socket");
	wr_bytes(&a->in, portion, (size_t)n);
}

/* The next whole line that has arrived, as JSON (owned); NULL: none. */
static json_t *line(struct agent *a)
{
	uint8_t *end = a->in.len ? memchr(a->in.at, '\n', a->in.len) : NULL;
	if (!end)
		return NULL;
	json_t *reply = json_loadb((const char *)a->in.at, (size_t)(end - a->in.at), 0, NULL);
	if (!reply)
		die("a reply is no JSON");
	a->in.len -= (size_t)(end + 1 - a->in.at);
	memmove(a->in.at, end + 1, a->in.len);
	return reply;
}

static json_t *call(struct load *l, size_t agent, const char *method, json_t *params)
{
	struct agent *a = &l->agents[agent];
	json_t *reply;
	request(l, a, method, params);
	while (!(reply = line(a)))
		receive(a, true);
	return reply;
}

/* -- the ring ------------------------------------------------------------------------------------------------------------ */

static bool learn(struct load *l, size_t i, json_t **status)
{
	const char *hex;
	json_t *reply = call(l, i, "agent.status", NULL),
	       *result = json_object_get(reply, "result");
	hex = json_string_value(json_object_get(result, "node_id"));
	if (!hex || reload_id_from_hex(&l->agents[i].node, hex))
		die("agent.status without a node_id");
	const char *state = json_string_value(json_object_get(result, "state"));
	l->agents[i].joined = state && strcmp(state, "joined") == 0;
	if (status)
		*status = json_incref(json_object_get(result, "successors"));
	json_decref(reply);
	return l->agents[i].joined;
}

static int by_node(const void *a, const void *b)
{
	return reload_id_cmp(a, b);
}

/* Each node's successors are those that follow it among the sorted Node-IDs: three, or all there are. */
static bool ring_is_correct(struct load *l)
{
	struct reload_id sorted[NODES_MAX];
	bool good = true;
	json_t *lists[NODES_MAX];
	for (size_t i = 0; i < l->count; i++) {
		good &= learn(l, i, &lists[i]);
		sorted[i] = l->agents[i].node;
	}
	qsort(sorted, l->count, sizeof(*sorted), by_node);
	size_t want = l->count > 3 ? 3 : l->count - 1;
	for (size_t i = 0; i < l->count; i++) {
		size_t at = 0;
		while (!reload_id_eq(&sorted[at], &l->agents[i].node))
			at++;
		for (size_t k = 0; k < want; k++) {
			char hex[RELOAD_ID_HEX];
			const char *told = json_string_value(json_array_get(lists[i], k));
			reload_id_hex(hex, &sorted[(at + k + 1) % l->count]);
			good &= told && strcmp(told, hex) == 0;
		}
		json_decref(lists[i]);
	}
	return good;
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

/* Asks seldom, and each agent only until it has joined: the machine is busy with joining. */
static json_t *ring(struct load *l, double start)
{
	for (size_t i = 0; i < l->count;) {
		if (now_s() - start > RING_LIMIT_S)
			die("not all agents have joined in two minutes");
		if (connected(l, i) && learn(l, i, NULL))
			i++;
		else
			pause_ms(10);
	}
	double joined = now_s() - start;
	while (!ring_is_correct(l)) {
		if (now_s() - start > RING_LIMIT_S)
			die("the ring is not correct after two minutes");
		pause_ms(20);
	}
	return json_pack("{s:f, s:f}", "joined_s", joined, "ring_s", now_s() - start);
}

/* -- values ---------------------------------------------------------------------------------------------------------------- */

/* Resource number `which` of node i as a target (owned). */
static json_t *target(const struct load *l, size_t i, size_t which)
{
	uint8_t last = (uint8_t)(1 + which % PER_NODE), hash[RELOAD_HASH_SIZE_MAX];
	const struct span parts[] = { reload_id_span(&l->agents[i].node), span_of(&last, 1) };
	char text[16 + 2 * RELOAD_HASH_SIZE_MAX] = "resource:";
	reload_hash(hash, RELOAD_HASH_SHA1, parts, COUNT_OF(parts));
	reload_hex(text + strlen(text), span_of(hash, 16));
	return json_string(text);
}

static json_t *put_params(struct load *l, size_t writer, size_t which)
{
	return json_pack("{s:o, s:s, s:[{s:s}]}", "target", target(l, writer, which), "kind", KIND,
		"values", "value", l->value);
}

static json_t *fetch_params(struct load *l, size_t writer, size_t which)
{
	return json_pack("{s:o, s:s}", "target", target(l, writer, which), "kind", KIND);
}

static bool is_good(json_t *reply)
{
	bool good = json_object_get(reply, "result") != NULL;
	static bool told;
	if (!good && !told) {
		char *text = json_dumps(reply, JSON_COMPACT);
		fprintf(stderr, "load: first failure: %.600s\n", text);
		free(text);
		told = true;
	}
	return good;
}

static int by_time(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static json_t *percentiles(double *ms, size_t count, size_t failed)
{
	qsort(ms, count, sizeof(*ms), by_time);
	double p50 = count ? ms[count / 2] : 0, p95 = count ? ms[count * 95 / 100] : 0,
	       p99 = count ? ms[count * 99 / 100] : 0;
	return json_pack("{s:I, s:I, s:f, s:f, s:f}", "samples", (json_int_t)count, "failed",
		(json_int_t)failed, "p50_ms", p50, "p95_ms", p95, "p99_ms", p99);
}

/* Both for only NULL, else the Stores or the Fetches alone. */
static json_t *one_at_a_time(struct load *l, size_t count, const char *only)
{
	double *ms = reload_alloc_array(count, sizeof(*ms));
	json_t *result = json_object();
	for (int fetch = 0; fetch < 2; fetch++) {
		if (only && strcmp(only, fetch ? "fetch" : "store") != 0)
			continue;
		size_t failed = 0, good = 0;
		for (size_t i = 0; i < count; i++) {
			size_t writer = i % l->count, which = i / l->count;
			size_t reader = (writer + 1 + below(l, l->count - 1)) % l->count;
			json_t *params = fetch ? fetch_params(l, writer, which)
					       : put_params(l, writer, which);
			double begin = now_s();
			json_t *reply = call(l, fetch ? reader : writer,
				fetch ? "store.fetch" : "store.put", params);
			if (is_good(reply))
				ms[good++] = (now_s() - begin) * 1e3;
			else
				failed++;
			json_decref(reply);
		}
		json_object_set_new(
			result, fetch ? "fetch" : "store", percentiles(ms, good, failed));
	}
	free(ms);
	return result;
}

/* All through agent b1: Stores at its own resources, Fetches of those that one_at_a_time() left at all nodes. */
static void start_one(struct load *l, bool fetch, size_t i)
{
	size_t writer = fetch ? 1 + i % (l->count - 1) : 0;
	size_t which = fetch ? i / (l->count - 1) % 8 : i;
	request(l, &l->agents[0], fetch ? "store.fetch" : "store.put",
		fetch ? fetch_params(l, writer, which) : put_params(l, writer, which));
}

static json_t *in_flight(struct load *l, size_t count, size_t window)
{
	json_t *result = json_object();
	struct agent *a = &l->agents[0];
	for (int fetch = 0; fetch < 2; fetch++) {
		size_t sent = 0, done = 0, failed = 0;
		double begin = now_s();
		while (done < count) {
			json_t *reply;
			while (sent < count && sent - done < window)
				start_one(l, fetch, sent++);
			receive(a, true);
			while ((reply = line(a))) {
				failed += !is_good(reply);
				done++;
				json_decref(reply);
			}
		}
		double took = now_s() - begin;
		json_object_set_new(result, fetch ? "fetch" : "store",
			json_pack("{s:I, s:I, s:f}", "requests", (json_int_t)count, "failed",
				(json_int_t)failed, "per_s", (double)(count - failed) / took));
	}
	return result;
}

int main(int argc, char **argv)
{
	static struct load l = { .prng = 88172645463325252u };
	if (argc < 5)
		die("usage: load ring|one-at-a-time|in-flight DIR N ARG...");
	l.dir = argv[2];
	l.count = (size_t)strtoul(argv[3], NULL, 10);
	if (l.count < 2 || l.count > NODES_MAX)
		die("2 to 256 agents");
	for (size_t i = 0; i < l.count; i++) {
		l.agents[i].fd = -1;
		wr_init(&l.agents[i].in);
	}
	uint8_t value[VALUE_BYTES];
	memset(value, 'v', sizeof(value));
	l.value = reload_base64(span_of(value, sizeof(value)));
	json_t *result;
	if (strcmp(argv[1], "ring") == 0) {
		result = ring(&l, strtod(argv[4], NULL));
	} else {
		for (size_t i = 0; i < l.count; i++)
			if (!connected(&l, i) || !learn(&l, i, NULL))
				die("not all agents are joined");
		size_t count = (size_t)strtoul(argv[4], NULL, 10);
		const char *last = argc > 5 ? argv[5] : NULL;
		result = strcmp(argv[1], "in-flight") == 0 && last
				 ? in_flight(&l, count, (size_t)strtoul(last, NULL, 10))
				 : one_at_a_time(&l, count, last);
	}
	json_dumpf(result, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(result);
	for (size_t i = 0; i < l.count; i++) {
		wr_clear(&l.agents[i].in);
		if (l.agents[i].fd >= 0)
			close(l.agents[i].fd);
	}
	free(l.value);
	return 0;
}
