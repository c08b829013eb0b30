/*
 * One end of a pair of ICE plug-ins, without a RELOAD agent: gathers, swaps offers with the other end over a Unix socket, connects and sends
 * datagrams that come back.  Prints one line:  gather_ms=… connect_ms=… echo_ms=… close_ms=… local=host remote=srflx ...
 *
 *   ice-pair PLUGIN SOCKET offer|answer [stun=ADDR] [turn=ADDR] [turn-tcp=ADDR] [relay-only] ADDRESS...
 *
 * The answering end listens at SOCKET.  Exit status 0: connected and echoed, 1: not, with the reason.
 */
#include "link/ice_plugin.h"
#include "wire/codes.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	KEY = 7,
	LIMIT_S = 60,
	ECHOES = 20,
	TEXT = 300
};

struct offer {
	char ufrag[TEXT], password[TEXT];
	size_t count;
	struct reload_ice_item items[RELOAD_ICE_CANDIDATES_MAX];
};

struct end {
	const struct reload_ice_plugin *plugin;
	struct reload_ice *ice;
	bool offers, relay_only;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct offer own;
	bool gathered, connected, failed, closed;
	struct reload_ice_pair pair;
	unsigned echoes, pairs;
	char note[TEXT];
};

static double now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void die(const char *what)
{
	fprintf(stderr, "ice-pair: %s\n", what);
	exit(1);
}

static const char *type_text(enum reload_ice_type type)
{
	static const char *const names[] = { "host", "srflx", "prflx", "relay" };
	return names[type];
}

/* -- notices --------------------------------------------------------------------------------------------------------------- */

static void take_candidates(struct end *e, const struct reload_ice_notice *n)
{
	struct reload_ice_local all[RELOAD_ICE_GATHERED];
	memcpy(all, n->gathered.candidates, n->gathered.count * sizeof(*all));
	snprintf(e->own.ufrag, TEXT, "%s", n->gathered.ufrag);
	snprintf(e->own.password, TEXT, "%s", n->gathered.password);
	e->own.count = reload_ice_choose(all, n->gathered.count, true, e->relay_only);
	for (size_t i = 0; i < e->own.count; i++) {
		char at[64];
		e->own.items[i] = all[i].item;
		fprintf(stderr, "candidate %s %s priority %u\n", type_text(all[i].item.type),
			reload_ip_port_text(at, &all[i].item.address), all[i].item.priority);
	}
	e->gathered = true;
}

static void take_failure(struct end *e, const struct reload_ice_notice *n)
{
	for (size_t i = 0; i < n->pairs_count; i++) {
		char a[64], b[64];
		fprintf(stderr, "pair %s %s - %s %s%s\n", type_text(n->pairs[i].local_type),
			reload_ip_port_text(a, &n->pairs[i].local),
			type_text(n->pairs[i].remote_type),
			reload_ip_port_text(b, &n->pairs[i].remote),
			n->pairs[i].heard ? " (heard)" : "");
	}
	e->failed = true;
}

static void on_notice(void *arg, const struct reload_ice_notice *n)
{
	struct end *e = arg;
	pthread_mutex_lock(&e->lock);
	const char *why = n->why ? n->why : n->gathered.why;
	if (why)
		snprintf(e->note, sizeof(e->note), "%s", why);
	switch (n->type) {
	case RELOAD_ICE_WAS_GATHERED:
		take_candidates(e, n);
		break;
	case RELOAD_ICE_CONNECTED:
		e->pair = n->pairs[0];
		e->pairs++;
		e->connected = true;
		break;
	case RELOAD_ICE_DATAGRAM:
		e->echoes++;
		if (!e->offers)
			e->plugin->send(e->ice, KEY, n->datagram);
		break;
	case RELOAD_ICE_FAILED:
		take_failure(e, n);
		break;
	case RELOAD_ICE_CLOSED:
		e->closed = true;
		break;
	}
	pthread_cond_signal(&e->changed);
	pthread_mutex_unlock(&e->lock);
}

/* waits until *flag, or failure; false: neither in time, or failed */
static bool wait_for(struct end *e, const bool *flag, double seconds)
{
	struct timespec by;
	clock_gettime(CLOCK_REALTIME, &by);
	by.tv_sec += (time_t)seconds;
	by.tv_nsec += (long)((seconds - (double)(time_t)seconds) * 1e9);
	by.tv_sec += by.tv_nsec / 1000000000;
	by.tv_nsec %= 1000000000;
	pthread_mutex_lock(&e->lock);
	while (!*flag && !e->failed && !pthread_cond_timedwait(&e->changed, &e->lock, &by))
		;
	bool good = *flag;
	pthread_mutex_unlock(&e->lock);
	return good;
}

/* -- the other end ------------------------------------------------------------------------------------------------------------ */

static int meet(const char *path, bool offers)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (!offers) {
		unlink(path);
		if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 1))
			die("cannot listen at the socket");
		return accept(fd, NULL, NULL);
	}
	for (int i = 0; connect(fd, (struct sockaddr *)&at, sizeof(at)); i++) {
		if (i == 500)
			die("nobody listens at the socket");
		usleep(10000);
	}
	return fd;
}

static void put(int fd, const void *at, size_t len)
{
	if (write(fd, at, len) != (ssize_t)len)
		die("the other end has gone");
}

static void get(int fd, void *at, size_t len)
{
	if (recv(fd, at, len, MSG_WAITALL) != (ssize_t)len)
		die("the other end has gone");
}

/* -- the run ------------------------------------------------------------------------------------------------------------------ */

static bool is_server(struct reload_ice_server *server, const char *arg)
{
	static const struct {
		const char *name;
		enum reload_ice_server_type type;
	} types[] = { { "stun=", RELOAD_ICE_STUN }, { "turn=", RELOAD_ICE_TURN_UDP },
		{ "turn-tcp=", RELOAD_ICE_TURN_TCP } };
	for (size_t i = 0; i < 3; i++) {
		if (strncmp(arg, types[i].name, strlen(types[i].name)) != 0)
			continue;
		*server = (struct reload_ice_server){
			.type = types[i].type, .user = "lab", .password = "lab"
		};
		if (reload_ip_port_parse(&server->at, arg + strlen(types[i].name), 3478))
			die("server address");
		return true;
	}
	return false;
}

static void echo(struct end *e, int fd, double *echo_ms)
{
	char word = 'x';
	double start = now_ms();
	for (unsigned i = 0; e->offers && i < ECHOES; i++) {
		unsigned want = e->echoes + 1;
		e->plugin->send(e->ice, KEY, span_str("echo"));
		pthread_mutex_lock(&e->lock);
		struct timespec by;
		clock_gettime(CLOCK_REALTIME, &by);
		by.tv_sec += 1;
		while (e->echoes < want && !pthread_cond_timedwait(&e->changed, &e->lock, &by))
			;
		pthread_mutex_unlock(&e->lock);
	}
	*echo_ms = (now_ms() - start) / ECHOES;
	if (e->offers)
		put(fd, &word, 1);
	else
		get(fd, &word, 1);
}

int main(int argc, char **argv)
{
	static struct end e = { .lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER };
	static struct offer other;
	struct reload_ip_port addresses[RELOAD_ICE_ADDRESSES];
	struct reload_ice_gather how = { .addresses = addresses };
	if (argc < 5)
		die("PLUGIN SOCKET offer|answer [SERVER] ADDRESS...");
	void *object = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (!object)
		die(dlerror());
	e.plugin = dlsym(object, RELOAD_ICE_PLUGIN_SYMBOL);
	if (!e.plugin || e.plugin->version != RELOAD_ICE_PLUGIN_VERSION)
		die("no plug-in of this version");
	how.controlling = e.offers = !strcmp(argv[3], "offer");
	for (int i = 4; i < argc; i++) {
		if (!strcmp(argv[i], "relay-only"))
			how.relay_only = e.relay_only = true;
		else if (!is_server(&how.server, argv[i]) &&
			 reload_ip_port_parse(&addresses[how.addresses_count++], argv[i], 0))
			die("address");
	}
	e.ice = e.plugin->begin(on_notice, &e);
	int fd = meet(argv[2], e.offers);
	double start = now_ms(), gather_ms, connect_ms, echo_ms = 0;
	e.plugin->gather(e.ice, KEY, &how);
	bool good = wait_for(&e, &e.gathered, LIMIT_S);
	gather_ms = now_ms() - start;
	if (!good)
		die(e.note);
	put(fd, &e.own, sizeof(e.own));
	get(fd, &other, sizeof(other));
	e.plugin->start(e.ice, KEY,
		&(struct reload_ice_remote){
			other.ufrag, other.password, other.items, other.count });
	good = wait_for(&e, &e.connected, LIMIT_S);
	connect_ms = now_ms() - start;
	if (good)
		echo(&e, fd, &echo_ms);
	e.failed = false;
	double closing = now_ms();
	e.plugin->close(e.ice, KEY);
	bool closed = wait_for(&e, &e.closed, 10);
	printf("%s %s gather_ms=%.0f total_ms=%.0f echo_ms=%.2f echoes=%u close_ms=%.0f%s "
	       "pair=%s-%s pairs=%u note=%s\n",
		argv[3], good ? "connected" : "FAILED", gather_ms, connect_ms, echo_ms, e.echoes,
		now_ms() - closing, closed ? "" : "(not closed)", type_text(e.pair.local_type),
		type_text(e.pair.remote_type), e.pairs, e.note);
	e.plugin->end(e.ice);
	return !good;
}
