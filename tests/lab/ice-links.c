/*
 * Two ends of RELOAD links over ICE in two network namespaces: how long a link takes from the first candidate to the end of the handshake of
 * DTLS, and what it carries.  Prints one line for each end.
 *
 *   ice-links PLUGIN NETNS NETNS ADDRESS ADDRESS [stun=ADDR] [turn=ADDR] [turn-tcp=ADDR] [relay-only] [links=N] [bytes=N] [idle=SECONDS]
 *             [recheck=MS] [sleeps=N] [abandon]
 *
 * up_ms: the quickest link, the median, the slowest.  Exit status 0: all links came up, and carried what was sent.
 */
#include "../unit/link_fixture.h"

#include "link/ice_load_io.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	LINKS = 200,
	LIMIT_MS = 40000,
	ECHOES = 20,
	MESSAGE = 1000
};

struct run {
	const char *plugin;
	struct reload_ip_port address[2];
	struct reload_ice_server server;
	bool relay_only;
	uint32_t links;
	unsigned idle_s, recheck_ms;
	long sleeps;  /* of a process, a second, while it is idle: more is a fault; 0: no limit */
	bool abandon; /* relays are not given back at the end */
	size_t bytes;
};

struct sent {
	char ufrag[64], password[64];
	size_t count;
	struct reload_ice_item items[RELOAD_ICE_CANDIDATES_MAX];
};

static struct {
	struct reload_poll *loop;
	struct node node;
	const struct run *run;
	int fd; /* to the other end */
	bool asks, restless;
	struct sent offers[LINKS + 1];
	unsigned gathered, ups, downs, back;
	size_t bytes;
	reload_ms start, gather_ms, down_ms, bad_ms, up_ms[LINKS];
	char why[512];
} me;

static void die(const char *what)
{
	fprintf(stderr, "ice-links: %s\n", what);
	exit(1);
}

static void put(const void *at, size_t len)
{
	if (write(me.fd, at, len) != (ssize_t)len)
		die("the other end has gone");
}

static void get(void *at, size_t len)
{
	if (recv(me.fd, at, len, MSG_WAITALL) != (ssize_t)len)
		die("the other end has gone");
}

/* -- what links tell ----------------------------------------------------------------------------------------------------------- */

static void on_gathered(void *arg, uint32_t link, const struct reload_ice_found *found)
{
	(void)arg;
	struct sent *s = &me.offers[link];
	snprintf(s->ufrag, sizeof(s->ufrag), "%s", found->ufrag);
	snprintf(s->password, sizeof(s->password), "%s", found->password);
	s->count = reload_ice_choose(found->candidates, found->count, true, me.run->relay_only);
	for (size_t i = 0; i < s->count; i++)
		s->items[i] = found->candidates[i].item;
	me.gathered++;
}

static void on_up(void *arg, uint32_t link, struct reload_cert *cert,
	const struct reload_ip_port *peer, bool incoming)
{
	(void)arg, (void)link, (void)cert, (void)peer, (void)incoming;
	me.up_ms[me.ups++ % LINKS] = reload_poll_now() - me.start;
}

static void on_message(void *arg, uint32_t link, struct span message)
{
	(void)arg;
	me.back++;
	me.bytes += message.len;
	if (!me.asks && message.len < MESSAGE)
		(void)reload_links_send(me.node.links, link, message);
}

static void on_down(
	void *arg, uint32_t link, enum reload_err err, const struct reload_error_text *why)
{
	(void)arg, (void)link, (void)err;
	me.downs++;
	me.down_ms = reload_poll_now() - me.start;
	snprintf(me.why, sizeof(me.why), "%s", why->reason);
}

static void on_pairs(void *arg, uint32_t link, const struct reload_ice_pair *pairs, size_t count)
{
	static const char *const types[] = { "host", "srflx", "prflx", "relay" };
	(void)arg;
	for (size_t i = 0; i < count && link == 1; i++) {
		char a[64], b[64];
		fprintf(stderr, "  pair %s %s - %s %s%s\n", types[pairs[i].local_type],
			reload_ip_port_text(a, &pairs[i].local), types[pairs[i].remote_type],
			reload_ip_port_text(b, &pairs[i].remote), pairs[i].heard ? " heard" : "");
	}
}

static void on_health(void *arg, uint32_t link, bool good)
{
	(void)arg, (void)link;
	if (!good)
		me.bad_ms = reload_poll_now() - me.start;
}

static const struct reload_links_ops ops = { .up = on_up,
	.message = on_message,
	.health = on_health,
	.down = on_down,
	.gathered = on_gathered,
	.pairs_failed = on_pairs };

/* -- one end ------------------------------------------------------------------------------------------------------------------- */

#define TURN_WHILE(condition)                                                                      \
	for (reload_ms limit_ = reload_poll_now() + LIMIT_MS;                                      \
		(condition) && reload_poll_now() < limit_;)                                        \
	reload_poll_pass(me.loop, 100)

static void begin(const struct identity *who, struct reload_trust *trust)
{
	struct reload_error_text why;
	const struct reload_ice_plugin *plugin;
	struct reload_links_setup set = { .poll = me.loop,
		.ops = &ops,
		.cert = who->cert,
		.key = who->key,
		.trust = trust,
		.repeat_ms = 1500,
		.max_message = 5000 };
	if (reload_ice_load(&plugin, me.run->plugin, &why))
		die(why.reason);
	if (reload_links_new(&me.node.links, &set, &why))
		die(why.reason);
	if (reload_links_use_ice(me.node.links, plugin, &why))
		die(why.reason);
}

/* All links, whose offers are swapped when all are gathered. */
static void connect_all(void)
{
	static struct sent other[LINKS + 1];
	const struct reload_ice_gather how = { .controlling = me.asks,
		.relay_only = me.run->relay_only,
		.addresses = &me.run->address[!me.asks],
		.addresses_count = 1,
		.server = me.run->server,
		.recheck_ms = me.run->recheck_ms };
	uint32_t n = me.run->links;
	me.start = reload_poll_now();
	for (uint32_t i = 1; i <= n; i++)
		reload_links_gather(me.node.links, i, &how);
	TURN_WHILE(me.gathered + me.downs < n);
	me.gather_ms = reload_poll_now() - me.start;
	if (me.asks) /* in turns, as a socket holds less than all */
		put(me.offers, (n + 1) * sizeof(*other));
	get(other, (n + 1) * sizeof(*other));
	if (!me.asks)
		put(me.offers, (n + 1) * sizeof(*other));
	for (uint32_t i = 1; i <= n; i++)
		reload_links_check(me.node.links, i,
			&(struct reload_ice_remote){ other[i].ufrag, other[i].password,
				other[i].items, other[i].count });
	TURN_WHILE(me.ups + me.downs < n);
}

static double cpu_ms(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static long resident_kb(void)
{
	long pages = 0, unused;
	FILE *f = fopen("/proc/self/statm", "r");
	if (f && fscanf(f, "%ld %ld", &unused, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * sysconf(_SC_PAGESIZE) / 1024;
}

/* How often the threads of this process have gone to sleep, which is how often they were woken. */
static long sleeps(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return u.ru_nvcsw;
}

static void idle(void)
{
	double before = cpu_ms();
	long slept = sleeps();
	unsigned downs = me.downs;
	reload_ms end = reload_poll_now() + me.run->idle_s * 1000;
	for (reload_ms now; (now = reload_poll_now()) < end;)
		reload_poll_pass(me.loop, end - now);
	long a_second = me.run->idle_s ? (sleeps() - slept) / me.run->idle_s : 0;
	me.restless = me.run->sleeps && a_second > me.run->sleeps;
	if (me.run->idle_s)
		printf("  idle %u s: %u of %u links lost, %.0f ms of CPU, slept %ld times a "
		       "second\n",
			me.run->idle_s, me.downs - downs, me.ups, cpu_ms() - before, a_second);
}

/* Serial round trips over link 1, then a stream. */
static void carry(double *echo_ms, double *mb_s)
{
	static uint32_t
		bytes[MESSAGE / 4]; /* no two are equal, as the second would be dropped (LINK-05) */
	char word = 0;
	reload_ms start = reload_poll_now();
	for (unsigned i = 0; me.asks && i < ECHOES; i++) {
		bytes[0]++;
		(void)reload_links_send(me.node.links, 1, span_of(bytes, 4));
		TURN_WHILE(me.back < i + 1 && !me.downs);
	}
	*echo_ms = (double)(reload_poll_now() - start) / ECHOES;
	start = reload_poll_now();
	for (size_t sent = 0; me.asks && sent < me.run->bytes && !me.downs;)
		if (reload_links_send(me.node.links, 1, span_of(bytes, sizeof(bytes)))) {
			sent += sizeof(bytes);
			bytes[0]++;
		} else {
			reload_poll_pass(me.loop, 100);
		}
	struct reload_link_info info = { 0 };
	if (me.asks) {
		TURN_WHILE(reload_links_info(me.node.links, 1, &info) &&
			   (info.unacked || info.queued));
		*mb_s = (double)me.run->bytes / 1000 / (double)(reload_poll_now() - start + 1);
		put(&word, 1);
	} else {
		while (recv(me.fd, &word, 1, MSG_DONTWAIT) < 0)
			reload_poll_pass(me.loop, 20);
	}
}

static int by_size(const void *a, const void *b)
{
	reload_ms x = *(const reload_ms *)a, y = *(const reload_ms *)b;
	return (x > y) - (x < y);
}

static int end_main(const struct identity *who, struct reload_trust *trust)
{
	static const char *const types[] = { "host", "srflx", "prflx", "relay" };
	double echo_ms = 0, mb_s = 0;
	char word = 0;
	me.loop = reload_poll_new();
	begin(who, trust);
	long before = resident_kb();
	connect_all();
	if (me.run->links > 1)
		printf("  %ld kB for a link, of %ld kB\n",
			(resident_kb() - before) / (long)me.run->links, resident_kb());
	struct reload_link_info info = { 0 };
	bool good = me.ups > 0;
	put(&good, 1);
	get(&word, 1);
	if (good && word) {
		idle();
		carry(&echo_ms, &mb_s);
	}
	(void)reload_links_info(me.node.links, 1, &info); /* its pair lives as long as the link */
	struct reload_ice_pair pair = info.pair ? *info.pair : (struct reload_ice_pair){ 0 };
	qsort(me.up_ms, me.ups, sizeof(*me.up_ms), by_size);
	put(&good, 1); /* the other end has its figures, too */
	get(&word, 1);
	printf("%s up=%u/%u gather_ms=%d up_ms=%d/%d/%d echo_ms=%.2f MB/s=%.1f bytes=%zu "
	       "pair=%s-%s "
	       "bad_ms=%d down_ms=%d %s\n",
		me.asks ? "asks   " : "answers", me.ups, me.run->links, (int)me.gather_ms,
		(int)me.up_ms[0], (int)me.up_ms[me.ups / 2], (int)me.up_ms[me.ups ? me.ups - 1 : 0],
		echo_ms, mb_s, me.bytes, types[pair.local_type], types[pair.remote_type],
		(int)me.bad_ms, (int)me.down_ms, me.why);
	fflush(stdout);
	if (me.run->abandon)
		_exit(me.ups < me.run->links || me.downs || me.restless);
	reload_links_free(me.node.links);
	reload_poll_free(me.loop);
	return me.ups < me.run->links || me.downs || me.restless;
}

/* -- both -------------------------------------------------------------------------------------------------------------------------- */

static void enter(const char *netns)
{
	char path[128];
	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die("cannot enter the network namespace");
	close(fd);
}

static void option(struct run *run, const char *arg)
{
	const char *value = strchr(arg, '=');
	size_t len = value ? (size_t)(value++ - arg) : strlen(arg);
	const struct {
		const char *name;
		enum reload_ice_server_type type;
	} servers[] = { { "stun", RELOAD_ICE_STUN }, { "turn", RELOAD_ICE_TURN_UDP },
		{ "turn-tcp", RELOAD_ICE_TURN_TCP } };
	run->relay_only |= !strcmp(arg, "relay-only");
	run->abandon |= !strcmp(arg, "abandon");
	for (size_t i = 0; value && i < COUNT_OF(servers); i++)
		if (strlen(servers[i].name) == len && !strncmp(arg, servers[i].name, len)) {
			run->server = (struct reload_ice_server){
				.type = servers[i].type, .user = "lab", .password = "lab"
			};
			if (reload_ip_port_parse(&run->server.at, value, 3478))
				die("server address");
		}
	if (value && !strncmp(arg, "links", len))
		run->links = (uint32_t)strtoul(value, NULL, 10);
	if (value && !strncmp(arg, "bytes", len))
		run->bytes = strtoul(value, NULL, 10);
	if (value && !strncmp(arg, "sleeps", len))
		run->sleeps = strtol(value, NULL, 10);
	if (value && !strncmp(arg, "recheck", len))
		run->recheck_ms = (unsigned)strtoul(value, NULL, 10);
	if (value && !strncmp(arg, "idle", len))
		run->idle_s = (unsigned)strtoul(value, NULL, 10);
}

int main(int argc, char **argv)
{
	struct run run = { .links = 1, .bytes = 1000000 };
	struct authority root;
	struct identity who[2];
	int fds[2], status, bad = 0;
	if (argc < 6)
		die("PLUGIN NETNS NETNS ADDRESS ADDRESS [OPTION...]");
	run.plugin = argv[1];
	for (int i = 0; i < 2; i++)
		if (reload_ip_port_parse(&run.address[i], argv[4 + i], 0))
			die("address");
	for (int i = 6; i < argc; i++)
		option(&run, argv[i]);
	if (!run.links || run.links > LINKS)
		die("1 to 200 links");
	authority_init(&root, "Root");
	identity_init(&who[0], &root, 1, OVERLAY, 3600 * 1000);
	identity_init(&who[1], &root, 2, OVERLAY, 3600 * 1000);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		die("socketpair");
	for (int i = 0; i < 2; i++) {
		if (fork())
			continue;
		close(fds[!i]);
		fds[!i] = -1;
		me.fd = fds[i];
		me.asks = !i;
		me.run = &run;
		enter(argv[2 + i]);
		bad = end_main(&who[i], root.trust);
		break;
	}
	close(fds[0]);
	close(fds[1]);
	while (wait(&status) > 0)
		bad |= status;
	identity_clear(&who[1]);
	identity_clear(&who[0]);
	authority_clear(&root);
	return bad != 0;
}
