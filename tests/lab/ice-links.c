/*
 * Two ends of RELOAD links over ICE in two network namespaces: how long a link takes from the first candidate to the end of the handshake of
 * DTLS, and what it carries.  Prints one line for each end.
 *
 *   ice-links PLUGIN NETNS NETNS ADDRESSES ADDRESSES [stun=ADDR] [turn=ADDR] [turn-tcp=ADDR] [relay-only] [links=N] [bytes=N] [idle=SECONDS]
 *             [recheck=MS] [wait=MS] [sleeps=N] [abandon] [rounds=N] [fail=K]
 *
 * ADDRESSES: of the host, with commas between them.  rounds: that many links one after the other, each of which is closed when it is up, before
 * those that stay; fail: each K-th of them has an answer that leads nowhere, and is closed while it is checked.
 *
 * up_ms: the quickest link, the median, the slowest; of rounds also how many came up at the first try, and how many descriptors and how much
 * memory the process has more after all of them than after the first tenth.  Exit status 0: all links came up but for those that were to fail,
 * carried what was sent, and left no descriptor behind.
 */
#include "../unit/link_fixture.h"

#include "link/ice_load_io.h"
#include "link/stun_servers.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	LINKS = 200,
	ROUNDS = 1000,
	LIMIT_MS = 40000,
	ECHOES = 20,
	MESSAGE = 1000
};

struct run {
	const char *plugin;
	struct reload_ip_port address[2][RELOAD_ICE_ADDRESSES];
	size_t addresses[2];
	struct reload_ice_server server;
	bool relay_only;
	uint32_t links, rounds, fail;
	uint32_t idle_s, recheck_ms;
	uint32_t wait_ms; /* for a STUN server; 0: as for a TURN server */
	uint32_t
		sleeps; /* of a process, a second, while it is idle: more is a fault; 0: no limit */
	bool abandon;   /* relays are not given back at the end */
	uint32_t bytes;
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
	bool asks, restless, leaky;
	uint32_t first; /* link of those that are made now */
	struct sent offers[LINKS];
	unsigned gathered, ups, downs, back;
	size_t bytes;
	reload_ms start, gather_ms, down_ms, bad_ms, up_ms[LINKS], round_ms[ROUNDS];
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
	struct sent *s = &me.offers[link - me.first];
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
	for (size_t i = 0; i < count && link == me.first; i++) {
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

static void gather_all(uint32_t n)
{
	const struct reload_ice_gather how = { .controlling = me.asks,
		.relay_only = me.run->relay_only,
		.addresses = me.run->address[!me.asks],
		.addresses_count = me.run->addresses[!me.asks],
		.server = me.run->server,
		.wait_ms = me.run->wait_ms,
		.recheck_ms = me.run->recheck_ms };
	me.start = reload_poll_now();
	for (uint32_t i = 0; i < n; i++)
		reload_links_gather(me.node.links, me.first + i, &how);
	TURN_WHILE(me.gathered + me.downs < n);
	me.gather_ms = reload_poll_now() - me.start;
}

/* n links, whose offers are swapped when all are gathered; lost: each end is given its own candidates for those of the other one. */
static void connect_all(uint32_t n, bool lost)
{
	static struct sent other[LINKS];
	gather_all(n);
	if (me.asks) /* in turns, as a socket holds less than all */
		put(me.offers, n * sizeof(*other));
	get(other, n * sizeof(*other));
	if (!me.asks)
		put(me.offers, n * sizeof(*other));
	for (uint32_t i = 0; i < n; i++) {
		const struct sent *from = lost ? &me.offers[i] : &other[i];
		reload_links_check(me.node.links, me.first + i,
			&(struct reload_ice_remote){
				from->ufrag, from->password, from->items, from->count });
	}
	if (!lost)
		TURN_WHILE(me.ups + me.downs < n);
}

static double cpu_ms(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}

static unsigned descriptors(void)
{
	unsigned n = 0;
	DIR *all = opendir("/proc/self/fd");
	while (all && readdir(all))
		n++;
	if (all)
		closedir(all);
	return n;
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

static int by_size(const void *a, const void *b)
{
	reload_ms x = *(const reload_ms *)a, y = *(const reload_ms *)b;
	return (x > y) - (x < y);
}

/* Both ends are here. */
static void meet(void)
{
	char word = 0;
	put(&word, 1);
	get(&word, 1);
}

/* One link that is made and closed; whether it was up. */
static bool make_one(bool lost)
{
	me.gathered = me.ups = me.downs = 0;
	connect_all(1, lost);
	bool up = me.ups > 0;
	meet();
	reload_links_close(me.node.links, me.first++);
	reload_poll_pass(me.loop, 0);
	meet();
	return up;
}

/* Links one after the other; false: one that was not to fail did. */
static bool rounds(void)
{
	uint32_t n = 0, failed = 0, tenth = me.run->rounds / 10 + 1;
	unsigned fds = 0;
	long kb = 0;
	for (uint32_t i = 0; i < me.run->rounds; i++) {
		bool lost = me.run->fail && i % me.run->fail == me.run->fail - 1;
		if (i == tenth) {
			fds = descriptors();
			kb = resident_kb();
		}
		if (make_one(lost))
			me.round_ms[n++] = me.up_ms[0];
		else
			failed += !lost;
	}
	if (me.run->rounds) /* a relay is given back by a request and its answer */
		TURN_WHILE(descriptors() > fds);
	me.leaky = me.run->rounds && descriptors() > fds;
	qsort(me.round_ms, n, sizeof(*me.round_ms), by_size);
	if (n)
		printf("  %u rounds: %u came up at the first try, %u did not; up_ms=%d/%d/%d "
		       "p95=%d "
		       "p99=%d descriptors=%+d kB=%+ld\n",
			me.run->rounds, n, failed, (int)me.round_ms[0], (int)me.round_ms[n / 2],
			(int)me.round_ms[n - 1], (int)me.round_ms[n * 95 / 100],
			(int)me.round_ms[n * 99 / 100], (int)(descriptors() - fds),
			resident_kb() - kb);
	me.gathered = me.ups = me.downs = 0;
	return !failed;
}

/* Serial round trips over the first link, then a stream. */
static void carry(double *echo_ms, double *mb_s)
{
	static uint32_t
		bytes[MESSAGE / 4]; /* no two are equal, as the second would be dropped (LINK-05) */
	char word = 0;
	reload_ms start = reload_poll_now();
	for (unsigned i = 0; me.asks && i < ECHOES; i++) {
		bytes[0]++;
		(void)reload_links_send(me.node.links, me.first, span_of(bytes, 4));
		TURN_WHILE(me.back < i + 1 && !me.downs);
	}
	*echo_ms = (double)(reload_poll_now() - start) / ECHOES;
	start = reload_poll_now();
	for (size_t sent = 0; me.asks && sent < me.run->bytes && !me.downs;)
		if (reload_links_send(me.node.links, me.first, span_of(bytes, sizeof(bytes)))) {
			sent += sizeof(bytes);
			bytes[0]++;
		} else {
			reload_poll_pass(me.loop, 100);
		}
	struct reload_link_info info = { 0 };
	if (me.asks) {
		TURN_WHILE(reload_links_info(me.node.links, me.first, &info) &&
			   (info.unacked || info.queued));
		*mb_s = (double)me.run->bytes / 1000 / (double)(reload_poll_now() - start + 1);
		put(&word, 1);
	} else {
		while (recv(me.fd, &word, 1, MSG_DONTWAIT) < 0)
			reload_poll_pass(me.loop, 20);
	}
}

static int end_main(const struct identity *who, struct reload_trust *trust)
{
	static const char *const types[] = { "host", "srflx", "prflx", "relay" };
	double echo_ms = 0, mb_s = 0;
	char word = 0;
	me.loop = reload_poll_new();
	me.first = 1;
	begin(who, trust);
	bool all = rounds();
	long before = resident_kb();
	connect_all(me.run->links, false);
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
	(void)reload_links_info(
		me.node.links, me.first, &info); /* its pair lives as long as the link */
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
	bool bad = !all || me.ups < me.run->links || me.downs || me.restless || me.leaky;
	if (me.run->abandon)
		_exit(bad);
	reload_links_free(me.node.links);
	reload_poll_free(me.loop);
	return bad;
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
	const struct {
		const char *name;
		uint32_t *out;
	} numbers[] = { { "links", &run->links }, { "rounds", &run->rounds },
		{ "fail", &run->fail }, { "bytes", &run->bytes }, { "sleeps", &run->sleeps },
		{ "recheck", &run->recheck_ms }, { "idle", &run->idle_s },
		{ "wait", &run->wait_ms } };
	for (size_t i = 0; value && i < COUNT_OF(numbers); i++)
		if (strlen(numbers[i].name) == len && !strncmp(arg, numbers[i].name, len))
			*numbers[i].out = (uint32_t)strtoul(value, NULL, 10);
}

static void addresses(struct run *run, int end, char *list)
{
	char *at;
	while ((at = strsep(&list, ",")))
		if (run->addresses[end] == RELOAD_ICE_ADDRESSES ||
			reload_ip_port_parse(&run->address[end][run->addresses[end]++], at, 0))
			die("address");
}

int main(int argc, char **argv)
{
	struct run run = { .links = 1, .bytes = 1000000 };
	struct authority root;
	struct identity who[2];
	int fds[2], status, bad = 0;
	if (argc < 6)
		die("PLUGIN NETNS NETNS ADDRESSES ADDRESSES [OPTION...]");
	run.plugin = argv[1];
	for (int i = 0; i < 2; i++)
		addresses(&run, i, argv[4 + i]);
	for (int i = 6; i < argc; i++)
		option(&run, argv[i]);
	if (!run.links || run.links > LINKS || run.rounds > ROUNDS)
		die("1 to 200 links, 1,000 rounds at most");
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
