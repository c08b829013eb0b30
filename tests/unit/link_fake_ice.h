/* An ICE plug-in of the tests in place of one that uses the network: two ends in one process, datagrams that are lost as the test says. */
#pragma once

#include "link_fixture.h"

enum {
	FAKES = 8
};

/* A link of the fake plug-in; its user fragment is "fake" and its number. */
struct fake {
	struct reload_ice *ice;
	uint64_t key;
	bool started, connected, closed;
	struct fake *other;
};

struct reload_ice {
	reload_ice_notify_fn notify;
	void *arg;
};

static struct {
	struct fake links[FAKES];
	size_t count;
	bool silent;   /* answers nothing to gather() */
	bool no_path;  /* no pair works */
	bool dead;     /* nothing arrives */
	uint64_t lose; /* bit n: datagram n of all is lost */
	unsigned lose_every,
		delay_every;      /* 0, or: every so many is lost, or arrives behind the next one */
	const struct fake *mute;  /* whose datagrams are lost */
	struct fake *delayed_for; /* NULL: none is delayed */
	struct wr delayed;
	unsigned sent, closes, ends;
	const struct fake *first; /* that has sent a datagram */
	size_t longest;
} net;

static inline void say(struct fake *f, struct reload_ice_notice notice)
{
	notice.key = f->key;
	f->ice->notify(f->ice->arg, &notice);
}

static inline struct fake *fake_of(struct reload_ice *ice, uint64_t key)
{
	for (size_t i = 0; i < net.count; i++)
		if (net.links[i].ice == ice && net.links[i].key == key)
			return &net.links[i];
	return NULL;
}

static inline struct reload_ice *fake_begin(reload_ice_notify_fn notify, void *arg)
{
	struct reload_ice *ice = RELOAD_NEW(reload_ice);
	*ice = (struct reload_ice){ notify, arg };
	return ice;
}

static inline struct reload_ip_port at(uint8_t host, uint16_t port)
{
	return (struct reload_ip_port){
		.type = RELOAD_IPV4, .addr = { 192, 0, 2, host }, .port = port
	};
}

static inline void say_gathered(struct fake *f)
{
	char ufrag[16], password[] = "0123456789012345678901";
	unsigned n = (unsigned)(f - net.links);
	struct reload_ice_local all[] = {
		{ .item = { RELOAD_ICE_HOST, "1", 2000, at((uint8_t)(n + 1), 1000) } },
		{ .item = { RELOAD_ICE_RELAY, "2", 1000, at((uint8_t)(n + 101), 2000) } },
	};
	snprintf(ufrag, sizeof(ufrag), "fake%u", n);
	say(f, (struct reload_ice_notice){ .type = RELOAD_ICE_WAS_GATHERED,
		       .gathered = { ufrag, password, all, COUNT_OF(all), NULL } });
}

static inline void fake_gather(
	struct reload_ice *ice, uint64_t key, const struct reload_ice_gather *how)
{
	(void)how;
	assert_true(net.count < FAKES);
	struct fake *f = &net.links[net.count++];
	*f = (struct fake){ .ice = ice, .key = key };
	if (!net.silent)
		say_gathered(f);
}

static inline void say_pair(struct fake *f, enum reload_ice_type local, enum reload_ice_type remote)
{
	struct reload_ice_pair pair = { .local_type = local,
		.remote_type = remote,
		.local = at(1, 1000),
		.remote = at(2, 1000) };
	f->connected = true;
	say(f, (struct reload_ice_notice){
		       .type = RELOAD_ICE_CONNECTED, .pairs = &pair, .pairs_count = 1 });
}

static inline void say_failed(struct fake *f)
{
	struct reload_ice_pair pairs[3] = { 0 };
	say(f, (struct reload_ice_notice){ .type = RELOAD_ICE_FAILED,
		       .pairs = pairs,
		       .pairs_count = COUNT_OF(pairs),
		       .why = "no pair works" });
}

static inline void fake_start(
	struct reload_ice *ice, uint64_t key, const struct reload_ice_remote *to)
{
	struct fake *f = fake_of(ice, key);
	assert_int_equal(to->count, 2);
	f->other = &net.links[to->ufrag[4] - '0'];
	f->started = true;
	if (net.no_path)
		say_failed(f);
	else if (f->other->started) {
		say_pair(f, RELOAD_ICE_HOST, RELOAD_ICE_SRFLX);
		say_pair(f->other, RELOAD_ICE_SRFLX, RELOAD_ICE_HOST);
	}
}

static inline void say_datagram(struct fake *f, struct span datagram)
{
	say(f, (struct reload_ice_notice){ .type = RELOAD_ICE_DATAGRAM, .datagram = datagram });
}

static inline bool fake_send(struct reload_ice *ice, uint64_t key, struct span datagram)
{
	struct fake *f = fake_of(ice, key);
	unsigned number = net.sent++;
	net.first = net.first ? net.first : f;
	net.longest = datagram.len > net.longest ? datagram.len : net.longest;
	bool lost = f == net.mute || (number < 64 && net.lose >> number & 1) ||
		    (net.lose_every && number % net.lose_every == 0);
	if (lost || net.dead || !f->connected || !f->other->connected || f->other->closed)
		return true;
	if (net.delay_every && number % net.delay_every == 1 && !net.delayed_for) {
		net.delayed_for = f->other;
		wr_span(&net.delayed, datagram);
		return true;
	}
	say_datagram(f->other, datagram);
	if (net.delayed_for)
		say_datagram(TAKE(net.delayed_for), wr_done(&net.delayed));
	wr_clear(&net.delayed);
	return true;
}

static inline void fake_close(struct reload_ice *ice, uint64_t key)
{
	struct fake *f = fake_of(ice, key);
	assert_false(f->closed);
	f->closed = true;
	net.closes++;
	say(f, (struct reload_ice_notice){ .type = RELOAD_ICE_CLOSED });
}

static inline void fake_end(struct reload_ice *ice)
{
	net.ends++;
	free(ice);
}

static const struct reload_ice_plugin fake_plugin = { RELOAD_ICE_PLUGIN_VERSION,
	sizeof(struct reload_ice_plugin), fake_begin, fake_gather, fake_start, fake_send,
	fake_close, fake_end };
