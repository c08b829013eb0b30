#include "facts.h"

#include "host.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

enum {
	LINE = 256,
	WHOLE = 100,
	KBIT = 1000 /* in a Mbit */
};

/* Reads the first line of a file of the kernel into line without its end; false: there is none. */
static bool first_line(char line[LINE], const char *path)
{
	FILE *f = fopen(path, "re");
	bool read = f && fgets(line, LINE, f) != NULL;
	if (f)
		fclose(f);
	if (read)
		line[strcspn(line, "\n")] = 0;
	return read;
}

/* A number of a file of the kernel; RELOAD_FACT_UNKNOWN when it has none. */
static uint64_t number_in(const char *path)
{
	char line[LINE], *end;
	if (!first_line(line, path))
		return RELOAD_FACT_UNKNOWN;
	unsigned long long v = strtoull(line, &end, 10);
	return end == line || line[0] == '-' ? RELOAD_FACT_UNKNOWN : v;
}

/* What the kernel measured of all processors at its start, in millions of instructions a second, rounded up. */
static uint64_t mips_read(void)
{
	char line[LINE];
	double sum = 0;
	FILE *f = fopen("/proc/cpuinfo", "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncasecmp(line, "bogomips", 8) && strchr(line, ':'))
			sum += strtod(strchr(line, ':') + 1, NULL);
	if (f)
		fclose(f);
	uint64_t whole = (uint64_t)sum;
	return sum <= 0 ? RELOAD_FACT_UNKNOWN : whole + ((double)whole < sum);
}

static const char *software_text(void)
{
	static char text[128];
	struct utsname u;
	if (!text[0])
		snprintf(text, sizeof(text), "reload/%s (Unix; %.40s)", RELOAD_VERSION,
			uname(&u) ? "unknown" : u.sysname);
	return text;
}

/* Resident memory of this process. */
static uint64_t memory_read(void)
{
	char line[LINE], *end;
	if (!first_line(line, "/proc/self/statm"))
		return RELOAD_FACT_UNKNOWN;
	(void)strtoull(line, &end, 10); /* all of its addresses come first */
	unsigned long long pages = strtoull(end, NULL, 10);
	return pages ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : RELOAD_FACT_UNKNOWN;
}

/* Memory of the machine that is in use and cannot be freed, in percent. */
static uint64_t memory_percent(void)
{
	char line[LINE];
	unsigned long long total = 0, available = 0;
	FILE *f = fopen("/proc/meminfo", "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "MemTotal:", 9))
			total = strtoull(line + 9, NULL, 10);
		else if (!strncmp(line, "MemAvailable:", 13))
			available = strtoull(line + 13, NULL, 10);
	}
	if (f)
		fclose(f);
	return total && available <= total ? (total - available) * WHOLE / total : 0;
}

/* Processes that want a processor, over the last minute, in percent of the processors. */
static uint64_t processor_percent(const struct sysinfo *s)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t load = (uint64_t)s->loads[0] * WHOLE >> SI_LOAD_SHIFT;
	return load / (uint64_t)(processors > 0 ? processors : 1);
}

/* Whether the machine has mains power: 1, 0 on battery, unknown when it says nothing about its power. */
static uint64_t mains_read(void)
{
	DIR *d = opendir("/sys/class/power_supply");
	uint64_t mains = RELOAD_FACT_UNKNOWN;
	struct dirent *e;
	while (d && (e = readdir(d))) {
		char path[LINE + 64], line[LINE];
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/class/power_supply/%.200s/type", e->d_name);
		if (!first_line(line, path))
			continue;
		bool battery = !strcmp(line, "Battery");
		snprintf(path, sizeof(path), "/sys/class/power_supply/%.200s/%s", e->d_name,
			battery ? "status" : "online");
		if (!first_line(line, path))
			continue;
		if (battery && !strcmp(line, "Discharging") && mains != 1)
			mains = 0;
		else if (!battery && !strcmp(line, "1"))
			mains = 1;
	}
	if (d)
		closedir(d);
	return mains;
}

static void machine(struct reload_host_facts *out)
{
	static uint64_t mips;
	struct sysinfo s;
	if (!mips)
		mips = mips_read(); /* it does not change */
	out->software = software_text();
	out->mips = mips;
	out->memory_bytes = memory_read();
	out->on_mains = mains_read();
	if (sysinfo(&s))
		return;
	uint64_t processor = processor_percent(&s), memory = memory_percent(),
		 load = processor > memory ? processor : memory;
	out->machine_uptime_s = number_in("/proc/uptime"); /* sysinfo() rounds it up */
	out->load_percent = load < WHOLE ? load : WHOLE;
}

/* -- the network ------------------------------------------------------------------------------------------------------------ */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* The address from which packets to `to` leave: that of a datagram socket to it, which sends nothing.  False: no way there. */
static bool source_of(union address *out, const struct reload_ip_port *to)
{
	union address a = { 0 };
	socklen_t len = to->type == RELOAD_IPV4 ? sizeof(a.v4) : sizeof(a.v6),
		  out_len = sizeof(*out);
	if (to->type == RELOAD_IPV4) {
		a.v4.sin_family = AF_INET;
		a.v4.sin_port = htons(to->port);
		memcpy(&a.v4.sin_addr, to->addr, sizeof(a.v4.sin_addr));
	} else {
		a.v6.sin6_family = AF_INET6;
		a.v6.sin6_port = htons(to->port);
		memcpy(&a.v6.sin6_addr, to->addr, sizeof(a.v6.sin6_addr));
	}
	int fd = socket(a.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool known = fd >= 0 && !connect(fd, &a.any, len) && !getsockname(fd, &out->any, &out_len);
	if (fd >= 0)
		close(fd);
	return known;
}

static bool same_address(const struct sockaddr *a, const union address *b)
{
	if (!a || a->sa_family != b->any.sa_family)
		return false;
	const union address *x = (const union address *)(const void *)a;
	return a->sa_family == AF_INET
		       ? !memcmp(&x->v4.sin_addr, &b->v4.sin_addr, sizeof(b->v4.sin_addr))
		       : a->sa_family == AF_INET6 && !memcmp(&x->v6.sin6_addr, &b->v6.sin6_addr,
							     sizeof(b->v6.sin6_addr));
}

/* The rate of the interface that has an address, as its driver names it, in kbit/s. */
static uint64_t rate_of(const union address *source)
{
	struct ifaddrs *list = NULL;
	char path[LINE] = "";
	if (getifaddrs(&list))
		return RELOAD_FACT_UNKNOWN;
	for (const struct ifaddrs *i = list; i; i = i->ifa_next)
		if (same_address(i->ifa_addr, source))
			snprintf(path, sizeof(path), "/sys/class/net/%.64s/speed", i->ifa_name);
	freeifaddrs(list);
	uint64_t mbit = path[0] ? number_in(path) : RELOAD_FACT_UNKNOWN;
	return mbit == RELOAD_FACT_UNKNOWN ? mbit : mbit * KBIT;
}

/* The rate of the interface that packets to the other end of a link leave through, and whether that is on this machine. */
static void network(struct reload_host_facts *out, const struct reload_ip_port *to)
{
	union address source = { 0 };
	if ((to->type != RELOAD_IPV4 && to->type != RELOAD_IPV6) || !source_of(&source, to))
		return;
	out->upstream_kbps = out->downstream_kbps = rate_of(&source);
	if (reload_ip_port_is_loopback(to))
		out->ip_hops = 0;
}

void host_facts(void *host, uint32_t link, struct reload_host_facts *out)
{
	struct host *h = host;
	struct reload_link_info info;
	machine(out);
	if (reload_links_info(h->links, link, &info))
		network(out, &info.peer);
}
