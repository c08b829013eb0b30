#include "service/diagnostics_internal.h"

/* The values of the base Kinds (RFC 7851 s5.3), each as it is at the moment of the question. */

struct collecting {
	struct reload_diagnostics *d;
	struct reload_incoming *in;
	struct reload_host_facts facts;
	uint64_t
		next_hops; /* IP hops to the next hop; RELOAD_FACT_UNKNOWN: not known, or this node is the last one */
};

static bool put_known(struct wr *w, uint64_t v, unsigned width)
{
	if (v == RELOAD_FACT_UNKNOWN)
		return false;
	wr_int(w, v, width);
	return true;
}

/* R7851-20: four bits; the most loaded of the host and the queue of messages whose signatures are being verified. */
static bool status_info(struct collecting *c, struct wr *w)
{
	enum {
		LEVEL_MAX = 15,
		WHOLE = 100
	};
	uint64_t host = c->facts.load_percent == RELOAD_FACT_UNKNOWN ? 0 : c->facts.load_percent,
		 own = reload_exchange_work(c->d->exchange) * WHOLE / c->d->policy.max_work,
		 load = host > own ? host : own;
	wr_u8(w, (uint8_t)((load > WHOLE ? WHOLE : load) * LEVEL_MAX / WHOLE));
	return true;
}

static bool routing_table_size(struct collecting *c, struct wr *w)
{
	struct reload_topology_tables t;
	const struct reload_route *route = c->d->route;
	route->topology->tables(route->plugin, &t);
	const struct reload_id *lists[] = { t.predecessors, t.successors, t.fingers };
	const size_t counts[] = { t.predecessors_count, t.successors_count, t.fingers_count };
	uint32_t peers = 0;
	for (size_t i = 0; i < COUNT_OF(lists); i++)
		for (size_t k = 0; k < counts[i]; k++) {
			bool before = reload_id_listed(lists[i], k, &lists[i][k]);
			for (size_t j = 0; j < i; j++)
				before |= reload_id_listed(lists[j], counts[j], &lists[i][k]);
			peers += !before;
		}
	wr_u32(w, peers);
	return true;
}

static bool process_power(struct collecting *c, struct wr *w)
{
	return put_known(w, c->facts.mips, 8);
}

static bool upstream(struct collecting *c, struct wr *w)
{
	return put_known(w, c->facts.upstream_kbps, 8);
}

static bool downstream(struct collecting *c, struct wr *w)
{
	return put_known(w, c->facts.downstream_kbps, 8);
}

static bool software(struct collecting *c, struct wr *w)
{
	if (!c->facts.software)
		return false;
	wr_bytes(w, c->facts.software, strlen(c->facts.software) + 1);
	return true;
}

static bool machine_uptime(struct collecting *c, struct wr *w)
{
	return put_known(w, c->facts.machine_uptime_s, 8);
}

static bool app_uptime(struct collecting *c, struct wr *w)
{
	wr_u64(w, (c->d->engine->now - c->d->engine->started) / RELOAD_SECOND);
	return true;
}

/* R7851-21: in units of 1024 bytes, rounded up. */
static bool memory_footprint(struct collecting *c, struct wr *w)
{
	enum {
		UNIT = 1024
	};
	uint64_t bytes = c->facts.memory_bytes;
	return put_known(
		w, bytes == RELOAD_FACT_UNKNOWN ? bytes : bytes / UNIT + (bytes % UNIT > 0), 8);
}

static bool datasize_stored(struct collecting *c, struct wr *w)
{
	size_t values, bytes;
	(void)reload_replica_counts(c->d->replica, c->d->engine->wall, &values, &bytes);
	wr_u64(w, bytes);
	return true;
}

static bool instances_stored(struct collecting *c, struct wr *w)
{
	struct reload_kind_total totals[RELOAD_CONFIG_KINDS_MAX];
	size_t n = reload_replica_totals(c->d->replica, totals, COUNT_OF(totals));
	for (size_t i = 0; i < n; i++) {
		wr_u32(w, totals[i].kind);
		wr_u64(w, totals[i].count);
	}
	return true;
}

static bool messages(struct collecting *c, struct wr *w)
{
	struct reload_traffic_count counts[RELOAD_TRAFFIC_CODES + 1];
	size_t n = reload_traffic_counts(
		reload_exchange_traffic(c->d->exchange), counts, COUNT_OF(counts));
	for (size_t i = 0; i < n; i++) {
		if (!counts[i].code)
			continue;
		wr_u16(w, counts[i].code);
		wr_u64(w, counts[i].sent);
		wr_u64(w, counts[i].received);
	}
	return true;
}

static bool ewma_sent(struct collecting *c, struct wr *w)
{
	struct reload_traffic *t = reload_exchange_traffic(c->d->exchange);
	wr_u32(w, reload_rate_now(&t->out, c->d->engine->now));
	return true;
}

static bool ewma_received(struct collecting *c, struct wr *w)
{
	struct reload_traffic *t = reload_exchange_traffic(c->d->exchange);
	wr_u32(w, reload_rate_now(&t->in, c->d->engine->now));
	return true;
}

static bool underlay_hop(struct collecting *c, struct wr *w)
{
	return put_known(w, c->next_hops > UINT8_MAX ? RELOAD_FACT_UNKNOWN : c->next_hops, 1);
}

/* R7851-24: the top bit is clear on battery; the others are 0. */
static bool battery(struct collecting *c, struct wr *w)
{
	enum {
		MAINS = 0x80
	};
	uint64_t mains = c->facts.on_mains;
	return put_known(w, mains == RELOAD_FACT_UNKNOWN ? mains : mains ? MAINS : 0, 1);
}

static bool (*const kinds[RELOAD_DIAGNOSTIC_LAST + 1])(struct collecting *c, struct wr *w) = {
	[RELOAD_DIAGNOSTIC_STATUS_INFO] = status_info,
	[RELOAD_DIAGNOSTIC_ROUTING_TABLE_SIZE] = routing_table_size,
	[RELOAD_DIAGNOSTIC_PROCESS_POWER] = process_power,
	[RELOAD_DIAGNOSTIC_UPSTREAM_BANDWIDTH] = upstream,
	[RELOAD_DIAGNOSTIC_DOWNSTREAM_BANDWIDTH] = downstream,
	[RELOAD_DIAGNOSTIC_SOFTWARE_VERSION] = software,
	[RELOAD_DIAGNOSTIC_MACHINE_UPTIME] = machine_uptime,
	[RELOAD_DIAGNOSTIC_APP_UPTIME] = app_uptime,
	[RELOAD_DIAGNOSTIC_MEMORY_FOOTPRINT] = memory_footprint,
	[RELOAD_DIAGNOSTIC_DATASIZE_STORED] = datasize_stored,
	[RELOAD_DIAGNOSTIC_INSTANCES_STORED] = instances_stored,
	[RELOAD_DIAGNOSTIC_MESSAGES_SENT_RCVD] = messages,
	[RELOAD_DIAGNOSTIC_EWMA_BYTES_SENT] = ewma_sent,
	[RELOAD_DIAGNOSTIC_EWMA_BYTES_RCVD] = ewma_received,
	[RELOAD_DIAGNOSTIC_UNDERLAY_HOP] = underlay_hop,
	[RELOAD_DIAGNOSTIC_BATTERY_STATUS] = battery,
};

static struct reload_host_facts facts_of(const struct reload_diagnostics *d, uint32_t link)
{
	struct reload_host_facts f = { .mips = RELOAD_FACT_UNKNOWN,
		.upstream_kbps = RELOAD_FACT_UNKNOWN,
		.downstream_kbps = RELOAD_FACT_UNKNOWN,
		.machine_uptime_s = RELOAD_FACT_UNKNOWN,
		.memory_bytes = RELOAD_FACT_UNKNOWN,
		.load_percent = RELOAD_FACT_UNKNOWN,
		.ip_hops = RELOAD_FACT_UNKNOWN,
		.on_mains = RELOAD_FACT_UNKNOWN };
	if (d->engine->ops->facts)
		d->engine->ops->facts(d->engine->host, link, &f);
	return f;
}

size_t reload_diagnostics_collect(struct reload_diagnostics *d, struct reload_incoming *in,
	uint64_t flags, uint32_t next, struct reload_diagnostic_info info[RELOAD_DIAGNOSTIC_LAST])
{
	struct collecting c = { .d = d, .in = in, .next_hops = RELOAD_FACT_UNKNOWN };
	size_t count = 0;
	if (!flags)
		return 0;
	c.facts = facts_of(d, in->link);
	if (next && flags & reload_diagnostic_flag(RELOAD_DIAGNOSTIC_UNDERLAY_HOP))
		c.next_hops = facts_of(d, next).ip_hops;
	for (uint16_t k = RELOAD_DIAGNOSTIC_STATUS_INFO; k <= RELOAD_DIAGNOSTIC_LAST; k++) {
		struct wr w;
		if (!(flags & reload_diagnostic_flag(k)))
			continue;
		wr_init(&w);
		if (kinds[k](&c, &w))
			info[count++] = (struct reload_diagnostic_info){ k,
				reload_arena_copy(&in->msg->arena, wr_done(&w)) };
		wr_clear(&w);
	}
	return count;
}
