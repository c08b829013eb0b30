#include "sim/datagram.h"
#include "sim/disk.h"
#include "sim/ice.h"
#include "sim/job.h"
#include "sim/validity.h"

#include "config/write.h"
#include "sim/ident.h"

/* Making and running the world; starting and stopping its nodes. */

enum {
	KEEP_GENERATION_MS = 15000,
	DOCUMENT_ROOM =
		10000 /* max-message-size: the document fits into a ConfigUpdate, as reload-enroll sees to */
};

/* -- making ---------------------------------------------------------------------------------------------------------------- */

static const struct reload_kind kinds[] = {
	{ .id = RELOAD_SIM_KIND,
		.model = RELOAD_MODEL_SINGLE,
		.access = RELOAD_ACCESS_USER_MATCH,
		.max_count = 1,
		.max_size = 2000 },
	{ .id = RELOAD_SIM_ARRAY,
		.model = RELOAD_MODEL_ARRAY,
		.access = RELOAD_ACCESS_USER_MATCH,
		.max_count = 8 + 32, /* sim/history.h, sim/large.h */
		.max_size = 2000 },
	{ .id = RELOAD_SIM_DICT,
		.model = RELOAD_MODEL_DICTIONARY,
		.access = RELOAD_ACCESS_USER_NODE_MATCH,
		.max_count = 16,
		.max_size = 2000 },
};

static struct reload_config *config_new(
	const struct reload_sim_setup *setup, const struct reload_ident_ops *ops, uint16_t sequence)
{
	struct reload_error_text why = { 0 };
	struct reload_config *config;
	struct reload_id signer_id = { .len = 16, .at = { 0xaa } };
	AUTO(reload_cert)
	cert = reload_sim_cert("signer@" RELOAD_SIM_OVERLAY, RELOAD_SIM_OVERLAY, &signer_id);
	AUTO(reload_key) key = reload_sim_key(cert);
	AUTO(reload_cert) root = reload_sim_cert("", RELOAD_SIM_OVERLAY, NULL);
	struct reload_ip_port bootstrap[RELOAD_SIM_CONFIGURED];
	size_t bootstraps = setup->bootstraps ? setup->bootstraps : 1;
	for (size_t i = 0; i < bootstraps; i++)
		bootstrap[i] = reload_sim_address(i);
	char *elements[COUNT_OF(kinds)];
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		elements[i] = reload_kind_element(&kinds[i]);
	struct reload_config_draft draft = { .instance_name = RELOAD_SIM_OVERLAY,
		.sequence = sequence,
		.max_message_size = setup->configures ? DOCUMENT_ROOM : 0,
		.expiration = RELOAD_SIM_EPOCH + 365ull * 86400 * 1000,
		.roots = &root->der,
		.roots_count = 1,
		.bootstrap = bootstrap,
		.bootstrap_count = bootstraps,
		.no_ice = setup->links != RELOAD_SIM_LINKS_ICE,
		.signers = &signer_id,
		.signers_count = 1,
		.topology_plugin = setup->self_tuning ? RELOAD_CHORD_SELF_TUNING : NULL,
		.no_reactive = setup->no_reactive,
		.chord_update_interval_s = setup->update_interval_s,
		.chord_ping_interval_s = setup->ping_interval_s,
		.kind_elements = (const char *const *)elements,
		.kind_elements_count = COUNT_OF(kinds) };
	struct reload_config_signer signer = { .key = key, .cert = cert, .node = signer_id };
	struct wr w;
	wr_init(&w);
	if (reload_config_write(&w, &draft, &signer, RELOAD_SIM_EPOCH, &why) ||
		reload_config_parse(
			&config, wr_done(&w), RELOAD_SIM_OVERLAY, ops, RELOAD_SIM_EPOCH, &why)) {
		fprintf(stderr, "sim: %s: %s\n", why.what, why.reason);
		abort();
	}
	wr_clear(&w);
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		free(elements[i]);
	return config;
}

/* The number of the user of node i. */
static size_t user_of(const struct reload_sim *s, size_t i)
{
	bool shared = i % 2 &&
		      reload_prng_hash(s->setup.seed, 0xde71, i / 2) % 1000000 < s->setup.devices;
	return i - shared;
}

static void node_init(struct reload_sim *s, size_t i)
{
	struct reload_sim_body *b = &s->nodes[i];
	struct reload_sim_node *n = &b->node;
	char user[64];
	n->sim = s;
	n->index = i;
	n->id.len = 16;
	reload_prng_bytes(&s->prng, n->id.at, n->id.len);
	const struct reload_id *given = s->setup.id ? s->setup.id(s->setup.id_arg, i) : NULL;
	if (given)
		n->id = *given;
	snprintf(user, sizeof(user), "user%zu@" RELOAD_SIM_OVERLAY, user_of(s, i));
	reload_sim_given_add(b, reload_sim_cert(user, RELOAD_SIM_OVERLAY, &n->id));
	n->started = n->joined_at = n->stopped_at = RELOAD_NEVER;
	b->wake = RELOAD_NEVER;
}

struct reload_sim *reload_sim_new(
	const struct reload_sim_setup *setup, const struct reload_sim_hooks *hooks)
{
	struct reload_sim *s = RELOAD_NEW(reload_sim);
	s->setup = *setup;
	if (hooks)
		s->hooks = *hooks;
	if (!s->setup.latency)
		s->setup.latency = reload_sim_latency_find("wan");
	s->now = 1000;
	s->digest = setup->seed;
	reload_prng_seed(&s->prng, setup->seed);
	reload_sim_certs_init(&s->certs, setup->nodes);
	s->newest = 1;
	s->config = config_new(setup, &s->certs.ops, s->newest);
	s->nodes_count = setup->nodes;
	s->nodes = reload_alloc_array(setup->nodes, sizeof(*s->nodes));
	for (size_t i = 0; i < setup->nodes; i++)
		node_init(s, i);
	return s;
}

/* -- after an event ---------------------------------------------------------------------------------------------------------- */

/* Finishes jobs and calls the hook until there is nothing left to do; n has just handled an event (NULL: none has). */
static void settle(struct reload_sim *s, struct reload_sim_body *n)
{
	for (;;) {
		struct reload_sim_body *next;
		while ((next = reload_sim_job_next(s, n)))
			n = next;
		if (!n)
			return;
		struct reload_sim_body *done = TAKE(n);
		if (s->hooks.after)
			s->hooks.after(s->hooks.arg, s, &done->node);
	}
}

/* -- the life of a node ----------------------------------------------------------------------------------------------------- */

static void node_stop(struct reload_sim_body *b, bool reset, bool crash, bool keep_disk)
{
	struct reload_sim_node *n = &b->node;
	struct reload_sim *s = n->sim;
	if (n->peer) {
		b->stopping = true;
		if (b->has_disk && crash)
			reload_sim_disk_crash(n->storage);
		reload_sim_jobs_end(b);
		reload_sim_links_drop(b, reset);
		reload_sim_gathers_clear(b);
		reload_sim_wake_set(b, RELOAD_NEVER);
		reload_peer_free(n->peer);
		n->peer = NULL;
		b->stopping = false;
		n->stopped_at = s->now;
		n->frozen_until = 0;
		n->state = RELOAD_STATE_STOPPED;
		free(TAKE(b->links));
		b->links_cap = 0;
		if (b->has_disk && crash && keep_disk)
			reload_sim_disk_back(n->storage);
	}
	if (!keep_disk) {
		reload_storage_free(TAKE(n->storage));
		b->has_disk = false;
		free(TAKE(b->cached));
		b->cached_count = 0;
	}
}

void reload_sim_free(struct reload_sim *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nodes_count; i++)
		node_stop(&s->nodes[i], false, true, false);
	reload_sim_queue_clear(s);
	for (size_t i = 0; i < s->nodes_count; i++) {
		reload_config_free(s->nodes[i].config);
		reload_sim_given_clear(&s->nodes[i]);
	}
	reload_config_free(s->config);
	reload_sim_certs_clear(&s->certs);
	free(s->nodes);
	free(s->cuts);
	free(s->jobs);
	free(s);
}

static void remember(struct reload_sim_body *b)
{
	struct reload_ip_port addrs[RELOAD_SIM_CACHED_MAX];
	for (size_t i = 0; i < b->cached_count; i++)
		addrs[i] = reload_sim_address(b->cached[i]);
	if (b->cached_count)
		reload_peer_remember(b->node.peer, addrs, b->cached_count);
}

static enum reload_err join(struct reload_sim_node *n, const size_t *bootstrap, size_t count)
{
	enum {
		BOOTSTRAP_MAX = 16
	};
	struct reload_ip_port addrs[BOOTSTRAP_MAX];
	count = count < BOOTSTRAP_MAX ? count : BOOTSTRAP_MAX;
	for (size_t i = 0; i < count; i++)
		addrs[i] = reload_sim_address(bootstrap[i]);
	return reload_peer_join(n->peer, n->role, addrs, count);
}

static void storage_new(struct reload_sim_body *b)
{
	const struct reload_sim_setup *setup = &b->node.sim->setup;
	size_t limit = setup->store_limit ? setup->store_limit : SIZE_MAX;
	b->has_disk = setup->disks && b->node.role == RELOAD_ROLE_PEER; /* as in the agent */
	b->node.storage = b->has_disk ? reload_sim_disk_new(b, limit, KEEP_GENERATION_MS)
				      : reload_storage_memory_new(limit, KEEP_GENERATION_MS);
}

void reload_sim_start(struct reload_sim *s, size_t i, bool first, enum reload_role role,
	const size_t *bootstrap, size_t count)
{
	struct reload_sim_body *b = &s->nodes[i];
	struct reload_sim_node *n = &b->node;
	struct reload_error_text why;
	n->role = role;
	if (!n->storage)
		storage_new(b);
	n->lives++;
	n->state = RELOAD_STATE_ENROLLED;
	n->aside = b->leaving = false;
	n->started = s->now;
	n->joined_at = RELOAD_NEVER;
	b->off = false;
	struct reload_peer_setup setup = { .ops = &reload_sim_host_ops,
		.host = n,
		.config = b->config ? b->config : s->config,
		.credentials = &b->given->credentials,
		.storage = n->storage,
		.role = role };
	if (reload_peer_new(&n->peer, &setup, &why))
		abort();
	reload_sim_note(s, n, "start", first, role);
	remember(b);
	enum reload_err err = first ? reload_peer_first(n->peer) : join(n, bootstrap, count);
	if (err)
		abort();
}

void reload_sim_crash(struct reload_sim *s, size_t i, enum reload_sim_end how, bool keep_disk)
{
	struct reload_sim_body *b = &s->nodes[i];
	reload_sim_note(s, &b->node, "crash", how, keep_disk);
	b->crashes++;
	bool reset = how == RELOAD_SIM_PROCESS && s->setup.links == RELOAD_SIM_LINKS_TLS;
	b->node.silent = b->node.silent || !reset;
	b->node.crashing = true;
	node_stop(b, reset, true, keep_disk);
	b->node.crashing = false;
	b->off = how == RELOAD_SIM_MACHINE;
}

void reload_sim_configure(struct reload_sim *s, size_t i)
{
	AUTO(reload_config) config = config_new(&s->setup, &s->certs.ops, ++s->newest);
	reload_sim_note(s, &s->nodes[i].node, "newest", s->newest, 0);
	reload_peer_configure(s->nodes[i].node.peer, config);
}

uint16_t reload_sim_newest(const struct reload_sim *s)
{
	return s->newest;
}

void reload_sim_leave(struct reload_sim *s, size_t i)
{
	reload_sim_note(s, &s->nodes[i].node, "leave", 0, 0);
	s->nodes[i].leaving = true;
	reload_peer_leave(s->nodes[i].node.peer, false);
}

void reload_sim_stop(struct reload_sim *s, size_t i)
{
	reload_sim_note(s, &s->nodes[i].node, "stop", 0, 0);
	node_stop(&s->nodes[i], true, false, false);
}

void reload_sim_disk_break(
	struct reload_sim *s, size_t i, enum reload_sim_disk_fault fault, bool begins)
{
	struct reload_sim_body *b = &s->nodes[i];
	unsigned *count = fault == RELOAD_SIM_DISK_FULL ? &b->disk_full : &b->disk_errors;
	*count = begins ? *count + 1 : *count - 1;
	reload_sim_note(s, &b->node, begins ? "disk breaks" : "disk mended", fault, 0);
}

/* -- running ---------------------------------------------------------------------------------------------------------------- */

void reload_sim_at(struct reload_sim *s, reload_ms when,
	void (*fn)(void *arg, struct reload_sim *s), void *arg)
{
	struct reload_sim_event *ev =
		reload_sim_event_new(s, RELOAD_SIM_CALL, NULL, 0, span_of(NULL, 0));
	ev->fn = fn;
	ev->arg = arg;
	reload_sim_event_queue(s, ev, when);
}

/* Carries out one event.  True: the engine of *n handled it.  *taken: ev is queued again and not the caller's any more. */
static bool event_run(
	struct reload_sim *s, struct reload_sim_event *ev, struct reload_sim_body **n, bool *taken)
{
	if (ev->type == RELOAD_SIM_CALL) {
		ev->fn(ev->arg, s);
		return false;
	}
	if (ev->type == RELOAD_SIM_GATHERED || ev->type == RELOAD_SIM_UNPAIRED)
		return reload_sim_run_ice(s, ev, n);
	if (ev->type == RELOAD_SIM_JOB)
		return reload_sim_run_job(s, ev, n);
	if (ev->type == RELOAD_SIM_DISK)
		return reload_sim_run_disk(s, ev, n);
	bool arrives = ev->type == RELOAD_SIM_MESSAGE || ev->type == RELOAD_SIM_DATAGRAM;
	*n = ev->link->end[arrives ? !ev->end : ev->end].node;
	switch (ev->type) {
	case RELOAD_SIM_DIAL:
		return reload_sim_run_dial(s, ev);
	case RELOAD_SIM_UP:
		return reload_sim_run_up(s, ev);
	case RELOAD_SIM_DOWN:
		return reload_sim_run_down(s, ev);
	case RELOAD_SIM_MESSAGE:
		return reload_sim_run_message(s, ev, taken);
	case RELOAD_SIM_RETRY:
		return reload_sim_run_retry(s, ev);
	case RELOAD_SIM_HEALTH:
		return reload_sim_run_health(s, ev);
	case RELOAD_SIM_DATAGRAM:
		return reload_sim_run_datagram(s, ev);
	case RELOAD_SIM_DUE:
		return reload_sim_run_due(s, ev);
	case RELOAD_SIM_LATE:
		reload_sim_run_late(s, ev);
		return false;
	case RELOAD_SIM_VALIDITY:
		reload_sim_run_validity(s, ev);
		return false;
	}
	*taken = reload_sim_run_send(s, ev);
	return false;
}

static void step(struct reload_sim *s, reload_ms at)
{
	struct reload_sim_body *n = NULL;
	bool handled, taken = false;
	struct reload_sim_event *ev;
	s->now = at;
	ev = reload_sim_event_take(s, at);
	if (ev && reload_sim_put_off(s, ev)) {
		return;
	} else if (ev) {
		handled = event_run(s, ev, &n, &taken);
		if (!taken)
			reload_sim_event_free(s, ev);
	} else {
		n = reload_sim_wake_take(s);
		if (n && reload_sim_frozen(&n->node)) {
			reload_sim_wake_set(n, n->node.frozen_until);
			n = NULL;
		}
		handled = n;
		if (n)
			reload_peer_wake(n->node.peer);
	}
	s->counts.events += handled;
	settle(s, handled ? n : NULL);
}

bool reload_sim_run(struct reload_sim *s, reload_ms until)
{
	s->halted = false;
	settle(s, NULL);
	while (!s->halted) {
		reload_ms at = reload_sim_event_next(s), wake = reload_sim_wake_next(s);
		if (wake < at)
			at = wake;
		if (at > until || at == RELOAD_NEVER) {
			s->now = until > s->now ? until : s->now;
			return true;
		}
		step(s, at);
	}
	return false;
}

void reload_sim_halt(struct reload_sim *s)
{
	s->halted = true;
}
