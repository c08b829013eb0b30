/*
 * SelfTuningData as it comes, and CHORD-SELF-TUNING that has to live with it.  The input is a sequence of steps: a byte that selects what happens,
 * a byte that selects the node, and for a Probe a length and the bytes of its extension.
 *
 * Always true: the interval is between 15 s and chord-update-interval, the sizes of the tables within their bounds, and there is one triple of a peer
 * in a period, and none of who is no peer; what is told to others is what was measured here, and can be read back.
 */
#define FAKE_TUNED 1
#include "tests/unit/chord_fake.h"

#include "topology/chord_tuning.h"
#include "wire/message.h"

#include <assert.h>
#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	SELF = 0x10,
	STEPS_MAX = 300,
	LONGEST_S = 600
};

static struct fake f;
static bool peer[256];

static void check(void)
{
	struct reload_topology_tuning t;
	struct reload_self_tuning own;
	struct reload_estimates back;
	assert(ops->tuning(f.t, &t) && ops->estimates(f.t, &own));
	assert(t.interval.s >= 15 && t.interval.s <= LONGEST_S);
	assert(t.period_ms >= 13500 && t.period_ms <= 1100 * (reload_ms)LONGEST_S);
	assert(t.left_ms <= t.period_ms);
	assert(t.neighbours >= 3 && t.neighbours <= 32 && t.fingers >= 16 && t.fingers <= 128);
	assert(t.data_count >= 1 && t.data_count <= CHORD_RECEIVED_MAX + 1);
	assert(t.in_force.size >= 1 && isfinite(t.in_force.size));
	assert(t.in_force.failures >= 0 && isfinite(t.in_force.failures));
	assert(t.in_force.joins >= 0 && isfinite(t.in_force.joins));
	assert(t.failures >= 1 && t.failures <= RELOAD_ESTIMATE_HISTORY_MAX);
	assert(own.network_size >= 1);
	(void)reload_estimate_read(&back, &own);
}

/* What a Probe of node brings, by the way of the wire. */
static void probe(const struct reload_id *node, struct span contents)
{
	struct reload_extension e = { .type = RELOAD_EXTENSION_SELF_TUNING, .contents = contents };
	struct reload_msg m = { .code = RELOAD_PROBE_REQ, .extensions = &e, .extensions_count = 1 };
	const struct wire_ctx ctx = { .node_id_len = 16 };
	struct reload_self_tuning of;
	struct reload_topology_tuning t;
	bool read = reload_msg_self_tuning(&m, &ctx, &of);
	assert(read == (contents.len >= RELOAD_SELF_TUNING_LEN));
	if (read)
		ops->estimates_received(f.t, node, &of);
	assert(ops->tuning(f.t, &t)); /* it counts at the end of the period */
}

static void step(struct rd *r)
{
	uint8_t what = rd_u8(r), which = rd_u8(r);
	struct reload_id node = fake_id(which);
	if (which == SELF)
		return;
	switch (what % 6) {
	case 0: {
		size_t len = rd_u8(r);
		probe(&node, rd_span(r, len < rd_left(r) ? len : rd_left(r)));
		break;
	}
	case 1:
		peer[which] = true;
		fake_peer(&f, which);
		break;
	case 2:
		if (peer[which])
			ops->disconnected(f.t, &node);
		peer[which] = false;
		break;
	case 3: {
		const uint32_t uptime = rd_u32(r);
		ops->probed(f.t, &node, what & 0x80 ? NULL : &uptime);
		break;
	}
	case 4:
		fake_pass(&f, 1000 * (reload_ms)which);
		break;
	case 5:
		f.config.peers_to_probe = which;
		ops->configure(f.t, &f.config);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rd r = rd_of(span_of(data, size));
	struct reload_id self = fake_id(SELF);
	memset(peer, 0, sizeof(peer));
	fake_start_as(&f, &self);
	ops->first(f.t);
	for (unsigned i = 0; i < STEPS_MAX && rd_left(&r) && !r.err; i++) {
		step(&r);
		if (f.t->state ==
			RELOAD_TOPOLOGY_FAILED) { /* all peers were lost: the host begins again */
			memset(peer, 0, sizeof(peer));
			ops->first(f.t);
		}
		f.count = 0;
		check();
	}
	ops->leave(f.t);
	fake_end(&f);
	assert(reload_timers_next(&f.timers) == RELOAD_NEVER);
	return 0;
}
