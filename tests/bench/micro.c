/*
 * What one operation costs on this core, as one JSON object: decoding and encoding, a message that only passes through an
 * engine, signatures.  Each figure is the best of several rounds: on a machine that is shared the others measure it.
 */
#include "link/reliable.h"
#include "peer/peer.h"
#include "route/lists.h"
#include "sim/world.h"
#include "util/text.h"
#include "wire/header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	ROUNDS = 5,
	ROUND_NS = 60000000,
	LINK_IN = 1,
	LINK_OUT = 2,
	MESSAGE_MAX = 8192
};

static uint64_t cpu_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "micro: %s\n", what);
	exit(1);
}

/* CPU nanoseconds per call of fn, the least of the rounds. */
static double cost(void (*fn)(void *arg), void *arg)
{
	double best = 0;
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t begin = cpu_ns(), end, calls = 0;
		do {
			for (int i = 0; i < 16; i++)
				fn(arg);
			calls += 16;
			end = cpu_ns();
		} while (end - begin < ROUND_NS);
		double ns = (double)(end - begin) / (double)calls;
		if (!round || ns < best)
			best = ns;
	}
	return best;
}

/* -- codec --------------------------------------------------------------------------------------------------------------- */

struct codec {
	struct span message;
	struct wire_ctx ctx;
	struct reload_msg *msg; /* decoded, for encoding */
	struct wr out;
};

static enum reload_data_model model_of(const void *arg, uint32_t kind)
{
	(void)arg, (void)kind;
	return RELOAD_MODEL_DICTIONARY;
}

static void parse_header(void *arg)
{
	struct codec *c = arg;
	struct reload_header h;
	must(!reload_header_read(&h, c->message, &c->ctx), "the header does not decode");
}

static struct reload_msg *decoded(const struct codec *c)
{
	struct reload_msg *msg;
	must(!reload_msg_decode(&msg, c->message, &c->ctx) && !reload_msg_body(msg, &c->ctx),
		"the message does not decode");
	return msg;
}

static void decode(void *arg)
{
	reload_msg_free(decoded(arg));
}

static void encode(void *arg)
{
	struct codec *c = arg;
	struct wr contents;
	wr_init(&contents);
	c->out.len = 0;
	reload_contents_write(&contents, &c->ctx, c->msg->code, &c->msg->body, NULL, 0);
	reload_msg_write(&c->out, &c->ctx, &c->msg->header, wr_done(&contents), &c->msg->security);
	wr_clear(&contents);
}

static void read_vector(struct wr *out, const char *path)
{
	static char digits[4 * MESSAGE_MAX];
	size_t n = 0;
	FILE *f = fopen(path, "r");
	must(f, "the vector cannot be read");
	for (int c; (c = fgetc(f)) != EOF && n < sizeof(digits);)
		if (c != '\n' && c != ' ')
			digits[n++] = (char)c;
	fclose(f);
	must(!reload_unhex(wr_room(out, n / 2), digits, n), "the vector is not in hex");
}

static void codec(json_t *out, const char *path)
{
	struct wr bytes;
	wr_init(&bytes);
	read_vector(&bytes, path);
	struct codec c = { .message = wr_done(&bytes),
		.ctx = { .node_id_len = 16, .model = model_of } };
	wr_init(&c.out);
	c.msg = decoded(&c);
	json_object_set_new(out, "header_parse_ns", json_real(cost(parse_header, &c)));
	json_object_set_new(out, "store_req_decode_ns", json_real(cost(decode, &c)));
	json_object_set_new(out, "store_req_encode_ns", json_real(cost(encode, &c)));
	must(span_eq(wr_done(&c.out), c.message), "what was encoded differs from what was decoded");
	reload_msg_free(c.msg);
	wr_clear(&c.out);
	wr_clear(&bytes);
}

/* -- a message in transit ----------------------------------------------------------------------------------------------- */

struct quiet_host {
	struct reload_peer *peer;
	uint64_t sent;
	struct wr message;
};

static reload_ms quiet_now(void *host)
{
	(void)host;
	return 1000;
}

static reload_utc quiet_wall(void *host)
{
	(void)host;
	return RELOAD_SIM_EPOCH + 1000;
}

static void quiet_random(void *host, void *out, size_t len)
{
	(void)host;
	memset(out, 0x5a, len);
}

static void quiet_wake_at(void *host, reload_ms when)
{
	(void)host, (void)when;
}

static void quiet_open(void *host, uint32_t link, const struct reload_link_target *to, size_t count)
{
	(void)host, (void)link, (void)to, (void)count;
}

static void quiet_send(void *host, uint32_t link, struct span message)
{
	(void)message;
	((struct quiet_host *)host)->sent += (link & 0x7fffffff) == LINK_OUT;
}

static void quiet_close(void *host, uint32_t link)
{
	(void)host, (void)link;
}

/* No signature of this engine matters here, and none is measured: they wait in a list until the end. */
static struct reload_job *jobs;

static void quiet_job(void *host, struct reload_job *job)
{
	(void)host;
	job->next = jobs;
	jobs = job;
}

static size_t quiet_addresses(void *host, struct reload_link_target *out, size_t max)
{
	(void)host, (void)out, (void)max;
	return 0;
}

static void quiet_event(void *host, const struct reload_event *event)
{
	(void)host, (void)event;
}

static void quiet_config_changed(void *host, const struct reload_config *config)
{
	(void)host, (void)config;
}

static const struct reload_host_ops quiet_ops = {
	.now = quiet_now,
	.wall = quiet_wall,
	.random = quiet_random,
	.wake_at = quiet_wake_at,
	.link_open = quiet_open,
	.link_send = quiet_send,
	.link_close = quiet_close,
	.job = quiet_job,
	.addresses = quiet_addresses,
	.event = quiet_event,
	.config_changed = quiet_config_changed,
};

static void forward(void *arg)
{
	struct quiet_host *h = arg;
	reload_peer_message(h->peer, LINK_IN | 0x80000000u, wr_done(&h->message));
}

/* A Fetch of 32 bytes with a security block of the usual size: what it says is of no interest to a forwarder. */
static void transit_message(
	struct wr *w, const struct reload_config *config, const struct reload_id *to)
{
	static const uint8_t rest[1024];
	struct wr list;
	wr_init(&list);
	struct reload_destination d = reload_dest_node(to);
	reload_list_write(&list, &(struct wire_ctx){ .node_id_len = 16 }, &d, 1);
	struct reload_header h = { .relo_token = RELOAD_TOKEN,
		.overlay = config->overlay_hash,
		.configuration_sequence = config->sequence,
		.version = RELOAD_VERSION_BYTE,
		.ttl = 100,
		.fragment = RELOAD_FRAGMENT_WHOLE,
		.transaction_id = 0x123456789abcdef,
		.destination_list = wr_done(&list) };
	h.length = (uint32_t)(reload_header_size(&h) + 2 + sizeof(rest));
	reload_header_write(w, &h);
	wr_u16(w, RELOAD_FETCH_REQ);
	wr_bytes(w, rest, sizeof(rest));
	wr_clear(&list);
}

static void transit(json_t *out)
{
	struct reload_sim *s =
		reload_sim_new(&(struct reload_sim_setup){ .seed = 1, .nodes = 3 }, NULL);
	struct quiet_host h = { 0 };
	struct reload_storage *storage = reload_storage_memory_new(1 << 20, 15000);
	struct reload_peer_setup setup = { .ops = &quiet_ops,
		.host = &h,
		.config = reload_sim_config(s),
		.credentials = &reload_sim_node(s, 0)->credentials,
		.storage = storage };
	must(!reload_peer_new(&h.peer, &setup, NULL) && !reload_peer_first(h.peer), "no engine");
	reload_peer_link_up(h.peer, LINK_IN | 0x80000000u, reload_sim_node(s, 1)->credentials.cert);
	reload_peer_link_up(
		h.peer, LINK_OUT | 0x80000000u, reload_sim_node(s, 2)->credentials.cert);
	wr_init(&h.message);
	transit_message(&h.message, reload_sim_config(s), &reload_sim_node(s, 2)->id);
	h.sent = 0;
	forward(&h);
	must(h.sent == 1, "the engine does not forward");
	json_object_set_new(out, "forward_ns", json_real(cost(forward, &h)));
	for (struct reload_job *job; (job = jobs);) {
		jobs = job->next;
		reload_job_run(job);
		reload_peer_job_done(h.peer, job);
	}
	reload_peer_free(h.peer);
	reload_storage_free(storage);
	wr_clear(&h.message);
	reload_sim_free(s);
}

/* -- Simple Reliability ----------------------------------------------------------------------------------------------------- */

enum {
	FRAME_MESSAGE = 1100
};

struct ends {
	struct reload_reliable a, b;
	reload_ms now;
};

/* what `from` gives out reaches `to`: how many messages */
static unsigned cross(struct reload_reliable *from, struct reload_reliable *to, reload_ms now)
{
	struct span datagram;
	struct reload_framing_item item;
	unsigned n = 0;
	while (reload_reliable_next(from, now, &datagram))
		while (reload_reliable_input(to, &datagram, now, &item) == RELOAD_FRAMING_DATA)
			n++;
	return n;
}

/* a message and its ACK */
static void reliable_message(void *arg)
{
	static uint8_t message[FRAME_MESSAGE];
	struct ends *e = arg;
	memcpy(message, &e->now, sizeof(e->now));
	must(reload_reliable_queue(&e->a, span_of(message, sizeof(message))), "the queue is full");
	must(cross(&e->a, &e->b, ++e->now) == 1, "no message");
	cross(&e->b, &e->a, e->now);
	must(!e->a.queued, "no ACK");
}

static void reliable(json_t *out)
{
	struct ends e = { 0 };
	struct reload_reliable_setup setup = { .max_message = FRAME_MESSAGE,
		.max_queue = 32,
		.max_queue_bytes = 32 * FRAME_MESSAGE,
		.repeat_ms = 1500 };
	reload_reliable_init(&e.a, &setup);
	reload_reliable_init(&e.b, &setup);
	json_object_set_new(out, "reliable_message_ns", json_real(cost(reliable_message, &e)));
	reload_reliable_clear(&e.a);
	reload_reliable_clear(&e.b);
}

/* -- signatures ----------------------------------------------------------------------------------------------------------- */

struct signing {
	struct reload_key *key;
	struct reload_cert *cert;
	uint8_t hash_alg, sig_alg;
	struct wr input, signature;
};

static void sign(void *arg)
{
	struct signing *s = arg;
	s->signature.len = 0;
	must(!s->key->ops->sign(
		     s->key, wr_done(&s->input), &s->hash_alg, &s->sig_alg, &s->signature),
		"cannot sign");
}

static void verify(void *arg)
{
	struct signing *s = arg;
	must(!s->cert->ops->verify(
		     s->cert, s->hash_alg, s->sig_alg, wr_done(&s->input), wr_done(&s->signature)),
		"cannot verify");
}

static void signatures(
	json_t *out, enum reload_key_type type, const char *sign_name, const char *verify_name)
{
	struct signing s = { 0 };
	struct wr der;
	const struct reload_cert_request req = { .authority_name = "bench",
		.not_before = RELOAD_SIM_EPOCH,
		.not_after = RELOAD_SIM_EPOCH + 86400000,
		.serial = { 1 } };
	wr_init(&der);
	wr_init(&s.input);
	wr_init(&s.signature);
	must(!reload_key_new(&s.key, type) && !reload_cert_make(&der, &req, s.key, NULL, NULL) &&
			!reload_cert_parse(&s.cert, s.key->ops, wr_done(&der), NULL),
		"no key and certificate");
	memset(wr_room(&s.input, 1024), 's', 1024);
	json_object_set_new(out, sign_name, json_real(1e9 / cost(sign, &s)));
	json_object_set_new(out, verify_name, json_real(1e9 / cost(verify, &s)));
	reload_cert_free(s.cert);
	reload_key_free(s.key);
	wr_clear(&s.input);
	wr_clear(&s.signature);
	wr_clear(&der);
}

int main(int argc, char **argv)
{
	json_t *out = json_object();
	codec(out, argc > 1 ? argv[1] : "tests/vectors/store-req-dict.hex");
	transit(out);
	reliable(out);
	signatures(out, RELOAD_KEY_P256, "p256_sign_per_s", "p256_verify_per_s");
	signatures(out, RELOAD_KEY_RSA2048, "rsa2048_sign_per_s", "rsa2048_verify_per_s");
	json_dumpf(out, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	json_decref(out);
	return 0;
}
