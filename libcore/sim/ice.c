#include "sim/ice.h"

#include "wire/codes.h"

enum {
	GATHER_LEAST_MS = 10,
	GATHER_MS = 200,
	CHECK_MS = 5000,    /* until an end gives up */
	NONE_FOUND = 5000,  /* per million: gathers that find nothing */
	PAIR_FAILS = 30000, /* per million: pairs of ends that do not connect */
	NAME_LEN = 20,
	PASSWORD_LEN = 24
};

/* A link of one life of a node: what a user fragment says. */
struct name {
	uint32_t node, life, number;
};

struct reload_sim_gather {
	struct name own, other;
	bool controlling, checks, in_vain;
};

static struct reload_sim_gather *find(struct reload_sim_body *n, uint32_t number)
{
	for (size_t i = 0; i < n->gathers_count; i++)
		if (n->gathers[i].own.number == number)
			return &n->gathers[i];
	return NULL;
}

/* The link of a name that is neither connected nor gone. */
static struct reload_sim_gather *named(struct reload_sim *s, const struct name *name)
{
	struct reload_sim_body *n = name->node < s->nodes_count ? &s->nodes[name->node] : NULL;
	return n && n->node.lives == name->life ? find(n, name->number) : NULL;
}

static void later(struct reload_sim *s, enum reload_sim_event_type type, const struct name *name,
	reload_ms ms)
{
	reload_sim_event_queue(s,
		reload_sim_event_new(
			s, type, NULL, 0, span_of((const uint8_t *)name, sizeof(*name))),
		s->now + ms);
}

void reload_sim_gather(struct reload_sim_body *n, uint32_t number, bool controlling)
{
	struct reload_sim *s = n->node.sim;
	struct name own = { (uint32_t)n->node.index, n->node.lives, number };
	reload_grow(&n->gathers, &n->gathers_cap, n->gathers_count, sizeof(*n->gathers));
	n->gathers[n->gathers_count++] =
		(struct reload_sim_gather){ .own = own, .controlling = controlling };
	later(s, RELOAD_SIM_GATHERED, &own,
		GATHER_LEAST_MS + reload_prng_below(&s->prng, GATHER_MS));
}

bool reload_sim_gather_end(struct reload_sim_body *n, uint32_t number)
{
	struct reload_sim_gather *g = find(n, number);
	if (g)
		*g = n->gathers[--n->gathers_count];
	return g;
}

void reload_sim_gathers_clear(struct reload_sim_body *n)
{
	free(TAKE(n->gathers));
	n->gathers_count = n->gathers_cap = 0;
}

/* -- the messages between the ends ------------------------------------------------------------------------------------------- */

static const char digits[] = "0123456789abcdef";

static void name_write(char out[NAME_LEN], const struct name *name)
{
	uint64_t high = (uint64_t)name->node << 16 | (name->life & 0xffff);
	for (int i = 0; i < 12; i++)
		out[i] = digits[high >> 4 * (11 - i) & 15];
	for (int i = 0; i < 8; i++)
		out[12 + i] = digits[name->number >> 4 * (7 - i) & 15];
}

/* What was changed on the way names no link. */
static struct name name_read(struct span ufrag)
{
	struct name none = { .node = UINT32_MAX };
	uint64_t part[2] = { 0, 0 };
	if (ufrag.len != NAME_LEN)
		return none;
	for (size_t i = 0; i < NAME_LEN; i++) {
		const char *digit = memchr(digits, ufrag.at[i], 16);
		if (!digit)
			return none;
		part[i >= 12] = part[i >= 12] << 4 | (uint64_t)(digit - digits);
	}
	return (struct name){ (uint32_t)(part[0] >> 16), (uint32_t)(part[0] & 0xffff),
		(uint32_t)part[1] };
}

static bool gathered(struct reload_sim *s, const struct reload_sim_gather *g)
{
	struct reload_sim_node *n = reload_sim_node(s, g->own.node);
	uint32_t number = g->own.number;
	char ufrag[NAME_LEN], password[PASSWORD_LEN];
	name_write(ufrag, &g->own);
	memset(password, 'p', sizeof(password));
	struct reload_ice_candidate host = { .addr_port = reload_sim_address(n->index),
		.overlay_link = RELOAD_DTLS_UDP_SR,
		.foundation = span_str("1"),
		.priority = INT32_MAX,
		.type = RELOAD_CAND_HOST };
	struct reload_ice_gathered found = { .ufrag = span_of((uint8_t *)ufrag, sizeof(ufrag)),
		.password = span_of((uint8_t *)password, sizeof(password)),
		.candidates = &host,
		.count = !reload_prng_chance(&s->prng, NONE_FOUND) };
	reload_sim_note(s, n, "gathered", number, found.count);
	reload_peer_gathered(n->peer, number, &found);
	return true;
}

/* -- checks ---------------------------------------------------------------------------------------------------------------- */

static void connect_pair(
	struct reload_sim *s, struct reload_sim_gather *a, struct reload_sim_gather *b)
{
	struct name client = a->controlling ? b->own : a->own,
		    server = a->controlling ? a->own : b->own;
	reload_sim_gather_end(&s->nodes[client.node], client.number);
	reload_sim_gather_end(&s->nodes[server.node], server.number);
	reload_sim_link_connect(
		&s->nodes[client.node], client.number, &s->nodes[server.node], server.number);
}

static bool is_same(const struct name *a, const struct name *b)
{
	return a->node == b->node && a->life == b->life && a->number == b->number;
}

void reload_sim_check_pairs(struct reload_sim_body *n, uint32_t number, struct span ufrag)
{
	struct reload_sim *s = n->node.sim;
	struct reload_sim_gather *g = find(n, number);
	if (!g)
		return;
	g->checks = true;
	g->other = name_read(ufrag);
	later(s, RELOAD_SIM_UNPAIRED, &g->own, CHECK_MS);
	struct reload_sim_gather *other = named(s, &g->other);
	if (!other || other == g || !other->checks || !is_same(&other->other, &g->own))
		return; /* it may come to check, too */
	struct reload_sim_body *to = &s->nodes[g->other.node];
	g->in_vain = other->in_vain = g->controlling == other->controlling || to == n ||
				      reload_prng_chance(&s->prng, PAIR_FAILS) ||
				      !reload_sim_open(s, n, to) || !reload_sim_open(s, to, n);
	if (!g->in_vain)
		connect_pair(s, g, other);
}

const struct reload_sim_node *reload_sim_ice_node(
	const struct reload_sim *s, const struct reload_sim_event *ev)
{
	struct name name;
	memcpy(&name, ev->data, sizeof(name));
	return &s->nodes[name.node].node;
}

bool reload_sim_run_ice(
	struct reload_sim *s, struct reload_sim_event *ev, struct reload_sim_body **n)
{
	struct name name;
	memcpy(&name, ev->data, sizeof(name));
	struct reload_sim_gather *g = named(s, &name);
	*n = &s->nodes[name.node];
	if (!g)
		return false;
	if (ev->type == RELOAD_SIM_GATHERED)
		return gathered(s, g);
	reload_sim_gather_end(*n, name.number);
	reload_sim_note(s, &(*n)->node, "unpaired", name.number, 0);
	reload_peer_link_down((*n)->node.peer, name.number, RELOAD_TIMEOUT);
	return true;
}
