/*
 * A joined engine between a neighbour, a client and a node with several Node-IDs, all three hostile.  The input is a
 * sequence of steps: a byte that selects what happens, a byte that selects who and how, a length of two bytes, and that
 * many bytes: a message as it comes, or the body of one that is signed well, or options of it.
 *
 * Always true: every table is within its limit, every request is told exactly once, a message is forwarded or delivered
 * once at most, and at the end nothing is left (the leak check).
 */
#include "tests/unit/engine_craft.h"

#include "exchange/internal.h"
#include "peer/internal.h"

enum {
	STEP_RAW,
	STEP_SIGNED,
	STEP_ANSWER,
	STEP_PIECE,
	STEP_TIME,
	STEP_LINK,
	STEP_REQUEST,
	STEP_JOBS,
	STEP_OVERSIZED,
	STEP_LIFE,
	STEPS,
	STEPS_MAX = 60,
	REQUESTS_MAX = 8,
	WORK_MAX = 8,
	LINKS_MAX = 5,
	REASSEMBLY_MAX = 8192,
	OWN_REQUESTS_MAX = 256, /* what the engine itself may have under way in STEPS_MAX steps */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fixture {
	struct net *net;
	struct node *u, *others[3];
	uint64_t asked; /* transaction id of the newest request that was heard from u */
	struct reload_request *request;
	size_t begun, told;
};

static void told(void *arg, const struct reload_result *result)
{
	struct fixture *w = arg;
	w->told++;
	w->request = NULL;
	assert(result->err || result->answer);
	for (size_t i = 0; i < result->values_count; i++)
		assert(result->values[i].data);
}

static struct reload_destination destination(const struct fixture *w, uint8_t choice)
{
	static const uint8_t points[] = { 0x50, 0x80, 0xa0, 0x01 };
	struct reload_id wildcard = reload_id_wildcard(16), point = id_at(points[choice >> 2 & 3]);
	static struct reload_id resource;
	switch (choice & 3) {
	case 0:
		return dest(w->u);
	case 1:
		return reload_dest_node(choice & 0x10 ? &wildcard : &point);
	case 2:
		resource = point;
		return reload_dest_resource(&resource);
	default:
		return dest(w->others[choice >> 2 & 1]);
	}
}

static struct node *other(const struct fixture *w, uint8_t choice)
{
	return w->others[choice % COUNT_OF(w->others)];
}

/* What b has to say, over its link if it stands. */
static void speak(struct fixture *w, struct node *from, struct span message)
{
	if (net_link_between(from, w->u))
		say(from, w->u, message);
}

/* The newest request of u is kept in mind, all else forgotten. */
static void listen(struct fixture *w)
{
	struct wire_ctx ctx = net_ctx(w->net);
	for (size_t i = 0; i < COUNT_OF(w->others); i++) {
		struct packet *p;
		while ((p = TAILQ_FIRST(&w->others[i]->inbox))) {
			struct reload_header h;
			enum reload_err err = reload_header_read(&h, span_of(p->at, p->len), &ctx);
			assert(!err && h.length == p->len); /* what u sends is well formed */
			size_t head = reload_header_size(&h);
			if (!(h.fragment & RELOAD_FRAGMENT_OFFSET) && p->at[head + 1] % 2)
				w->asked = h.transaction_id;
			TAILQ_REMOVE(&w->others[i]->inbox, p, entry);
			packet_free(p);
		}
	}
}

static void signed_message(struct fixture *w, uint8_t how, struct span s)
{
	struct rd r = rd_of(s);
	uint8_t to = rd_u8(&r), flags = rd_u8(&r);
	uint16_t code = rd_u8(&r);
	if (r.err)
		return;
	struct reload_destination d = destination(w, to);
	struct craft c =
		craft_raw(other(w, how), flags & 0x80 ? code << 8 | 0xff : code, rd_rest(&r), &d);
	if (flags & 0x01) {
		c.to[c.to_count++] = destination(w, flags >> 4);
		if (reload_dest_eq(&c.to[0], &c.to[1]) || d.type == RELOAD_DEST_RESOURCE)
			c.to_count--;
	}
	if (flags & 0x02)
		c.via[c.via_count++] = dest(w->others[flags >> 5 & 1]);
	if (flags & 0x04)
		c.h.ttl = how >> 4;
	if (flags & 0x08)
		c.h.configuration_sequence = flags & 0x10 ? RELOAD_SEQUENCE_ANY : 6;
	c.bad_signature = how & 0x80 && flags & 0x40;
	speak(w, how & 0x40 ? other(w, (uint8_t)(how + 1)) : c.from, craft_bytes(&c));
}

static void answer_message(struct fixture *w, uint8_t how, struct span s)
{
	struct rd r = rd_of(s);
	uint16_t code = rd_u8(&r);
	struct reload_destination d = dest(w->u);
	struct craft c =
		craft_raw(other(w, how), code == 0xff ? RELOAD_ERROR : code, rd_rest(&r), &d);
	c.h.transaction_id = w->asked;
	speak(w, c.from, craft_bytes(&c));
}

/* One piece of a signed Ping: offset, length and last bit as the input says. */
static void piece_message(struct fixture *w, uint8_t how, struct span s)
{
	struct rd r = rd_of(s);
	uint32_t offset = rd_u16(&r), len = rd_u16(&r);
	struct reload_destination d = dest(w->u);
	uint8_t padding[1200] = { how };
	struct reload_ping_req ping = { .padding = span_of(padding, sizeof(padding)) };
	struct craft c = craft(other(w, how), RELOAD_PING_REQ, &ping, &d);
	c.h.transaction_id = rd_u8(&r) % 4;
	struct span whole = craft_bytes(&c);
	struct wire_ctx ctx = net_ctx(w->net);
	struct reload_header h;
	if (r.err || reload_header_read(&h, whole, &ctx))
		return;
	size_t head = reload_header_size(&h), payload = whole.len - head;
	offset = how & 0x40 ? offset : (uint32_t)(offset % payload);
	size_t from = offset % payload, n = len % (payload - from) + 1;
	struct wr piece;
	wr_init(&piece);
	h.fragment = RELOAD_FRAGMENT_ALWAYS | offset |
		     (how & 0x20 || from + n == payload ? RELOAD_FRAGMENT_LAST : 0);
	h.length = (uint32_t)(head + n);
	reload_header_write(&piece, &h);
	wr_bytes(&piece, whole.at + head + from, n);
	speak(w, c.from, wr_done(&piece));
	wr_clear(&piece);
}

static void link_event(struct fixture *w, uint8_t how)
{
	struct node *n = other(w, how);
	struct net_link *l = net_link_between(n, w->u);
	if (!l) {
		if (how & 0x10)
			node_ready(n, w->u);
		else
			net_link(n, w->u);
		return;
	}
	uint32_t number = number_at(w->u, n);
	if (how & 0x10) {
		reload_peer_link_health(w->u->peer, number, how & 0x20);
	} else {
		l->state = NET_LINK_NONE;
		reload_peer_link_down(w->u->peer, number, RELOAD_LINK_DOWN);
	}
}

static void request(struct fixture *w, uint8_t how, struct span s)
{
	struct reload_peer *p = w->u->peer;
	struct reload_destination list[] = { destination(w, how) };
	struct reload_request_target target = {
		.list = list, .count = 1, .timeout_ms = how & 0x80 ? 2000 : 0
	};
	struct reload_id resource = id_at(how);
	struct reload_specifier spec = { .kind = how & 0x40 ? K_DICT : K_VALUE };
	struct reload_store_item item = {
		.kind = K_VALUE, .lifetime_s = 100, .value = { .exists = true, .value = s }
	};
	uint32_t kinds[] = { K_VALUE, K_DICT };
	enum reload_err err;
	struct reload_request *r = NULL;
	switch (how >> 3 & 7) {
	case 0:
		r = reload_peer_ping(p, &target, s.len, told, w, &err);
		break;
	case 1:
		reload_peer_resource_id(p, &resource, span_str(w->u->credentials.cert->user));
		r = reload_peer_store(p, &target, &resource, &item, 1, told, w, &err);
		break;
	case 2:
		r = reload_peer_fetch(p, &target, &resource, &spec, 1, told, w, &err);
		break;
	case 3:
		r = reload_peer_stat(p, &target, &resource, &spec, 1, told, w, &err);
		break;
	case 4:
		r = reload_peer_find(p, &target, &resource, kinds, 2, told, w, &err);
		break;
	case 5:
		r = reload_peer_probe(
			p, &target, span_of(s.at, s.len < 4 ? s.len : 4), told, w, &err);
		break;
	case 6:
		r = reload_peer_route_query(p, &target, &list[0], how & 0x40, told, w, &err);
		break;
	default:
		if (w->request) {
			reload_request_cancel(p, w->request);
			w->request = NULL;
			w->begun--;
		}
		return;
	}
	if (r) {
		w->request = r;
		w->begun++;
	}
}

static void life(struct fixture *w, uint8_t how)
{
	if (w->u->state == RELOAD_STATE_ENROLLED) {
		if (reload_peer_first(w->u->peer) && how)
			w->u->state = RELOAD_STATE_ENROLLED;
	} else if (how & 1) {
		reload_peer_leave(w->u->peer, how & 2);
	}
}

static void invariants(struct fixture *w)
{
	struct reload_peer *p = w->u->peer;
	struct reload_status s;
	reload_peer_status(p, &s);
	assert(s.work <= WORK_MAX + REQUESTS_MAX + OWN_REQUESTS_MAX);
	assert(s.links <= LINKS_MAX);
	assert(s.requests <= REQUESTS_MAX + OWN_REQUESTS_MAX);
	assert(reload_reassembly_bytes(p->exchange->reassembly) <= REASSEMBLY_MAX);
	assert(s.value_bytes <= 1024 * 1024);
	assert(reload_peer_counter(p, RELOAD_COUNT_FORWARDED) +
			reload_peer_counter(p, RELOAD_COUNT_DELIVERED) <=
		reload_peer_counter(p, RELOAD_COUNT_RECEIVED));
	assert(w->told <= w->begun);
}

static void step(struct fixture *w, uint8_t what, uint8_t how, struct span s)
{
	uint8_t *own = s.len ? reload_memdup(s.at, s.len) : NULL; /* of its exact size */
	struct span body = span_of(own, s.len);
	switch (what % STEPS) {
	case STEP_RAW:
		speak(w, other(w, how), body);
		break;
	case STEP_SIGNED:
		signed_message(w, how, body);
		break;
	case STEP_ANSWER:
		answer_message(w, how, body);
		break;
	case STEP_PIECE:
		piece_message(w, how, body);
		break;
	case STEP_TIME:
		net_pass(w->net, (reload_ms)how * how);
		break;
	case STEP_LINK:
		link_event(w, how);
		break;
	case STEP_REQUEST:
		request(w, how, body);
		break;
	case STEP_JOBS:
		w->net->hold_jobs = how & 1;
		break;
	case STEP_OVERSIZED:
		if (net_link_between(other(w, how), w->u))
			reload_peer_oversized(w->u->peer, number_at(w->u, other(w, how)), body);
		break;
	case STEP_LIFE:
		life(w, how);
		break;
	}
	net_settle(w->net);
	free(own);
	listen(w);
	invariants(w);
}

static const struct reload_config *config(void)
{
	static struct reload_config *once;
	if (!once) {
		struct net *net = net_new();
		once = reload_config_ref(net->config);
		net_free(net);
	}
	return once;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fixture w = { .net = net_new_of(config()) };
	struct reload_id several[] = { id_at(0xd0), id_at(0xd1) };
	w.u = node_new(w.net, 0x80);
	w.u->policy = (struct reload_policy){ .max_links = LINKS_MAX,
		.max_requests = REQUESTS_MAX,
		.max_work = WORK_MAX,
		.max_reassembly = REASSEMBLY_MAX,
		.fragment_size = size % 3 ? 0 : 600,
		.report_header_errors = size & 1,
		.via = (size >> 1) % 3 };
	w.others[0] = node_new(w.net, 0x20);
	w.others[1] = node_new(w.net, 0x60);
	w.others[2] = node_new_of(
		w.net, &(struct reload_sim_cert_form){ .user = "several@" RELOAD_SIM_OVERLAY,
			       .overlay = RELOAD_SIM_OVERLAY,
			       .nodes = several,
			       .nodes_count = 2 });
	node_first(w.u);
	node_ready(w.others[0], w.u);
	net_link(w.others[1], w.u);
	net_link(w.others[2], w.u);
	listen(&w);
	struct rd r = rd_of(span_of(data, size));
	for (int i = 0; i < STEPS_MAX && rd_more(&r); i++) {
		uint8_t what = rd_u8(&r), how = rd_u8(&r);
		struct rd body = rd_open(&r, 2);
		if (!r.err)
			step(&w, what, how, rd_rest(&body));
	}
	w.net->hold_jobs = false;
	node_stop(w.u);
	assert(w.told == w.begun);
	net_free(w.net);
	return 0;
}
