#include "reload-enroll/serve_probe.h"

#include "link/sockaddr_io.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ANSWER_MS = 5000
};

/* -- on a thread ---------------------------------------------------------------------------------------------------------------- */

static int dial(const struct reload_ip_port *at)
{
	struct sockaddr_storage to = { 0 };
	socklen_t len = reload_sockaddr_to(&to, at);
	int fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, len) && errno != EINPROGRESS) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool is_connected(int fd)
{
	int code = 0;
	socklen_t len = sizeof(code);
	return !getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) && !code;
}

void serve_probe_run(struct serve_probe *p, const struct reload_config *config)
{
	struct pollfd fds[SERVE_PROBES_MAX];
	reload_ms until = cli_monotonic() + ANSWER_MS;
	size_t open = 0;
	while (p->count < config->bootstrap_count && p->count < SERVE_PROBES_MAX) {
		p->at[p->count] = config->bootstrap[p->count];
		fds[p->count] = (struct pollfd){ dial(&p->at[p->count]), POLLOUT, 0 };
		open += fds[p->count++].fd >= 0;
	}
	for (reload_ms now; open && (now = cli_monotonic()) < until;) {
		if (poll(fds, (nfds_t)p->count, (int)(until - now)) <= 0)
			continue;
		for (size_t i = 0; i < p->count; i++) {
			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			p->alive[i] = is_connected(fds[i].fd);
			close(fds[i].fd);
			fds[i].fd = -1;
			open--;
		}
	}
	for (size_t i = 0; i < p->count; i++)
		if (fds[i].fd >= 0)
			close(fds[i].fd);
}

/* -- in the loop ---------------------------------------------------------------------------------------------------------------- */

void serve_probe_begin(struct serve *s, reload_ms now)
{
	if (s->probing || now < s->next_probe)
		return;
	struct serve_probe *p = RELOAD_NEW(serve_probe);
	p->job = SERVE_JOB_PROBE;
	s->next_probe = now + SERVE_PROBE_EVERY_MS;
	s->probing = worker_pool_add(s->pool, p, SERVE_WAITING_MAX);
	if (!s->probing)
		free(p);
}

static void print_probe(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	const json_t *address;
	size_t i;
	if (cli->quiet)
		return;
	json_array_foreach (json_object_get(o, "dead"), i, address)
		fprintf(out, "bootstrap node %s cannot be reached\n", json_string_value(address));
	if (!json_array_size(json_object_get(o, "dead")))
		fputs("all bootstrap nodes can be reached\n", out);
	if (json_is_string(json_object_get(o, "proposal")))
		fprintf(out, "next: %s\n", json_string_value(json_object_get(o, "proposal")));
}

/* The command that takes the dead ones out; null: none is dead, or all are, and nobody could enter any more. */
static json_t *proposal(const json_t *alive, const json_t *dead)
{
	const json_t *address;
	struct wr w;
	size_t i;
	if (!json_array_size(dead) || !json_array_size(alive))
		return json_null();
	wr_init(&w);
	wr_text(&w, "reload-enroll config set bootstrap-node=");
	json_array_foreach (alive, i, address) {
		wr_text(&w, i ? "," : "");
		wr_text(&w, json_string_value(address));
	}
	json_t *text = json_stringn((const char *)w.at, w.len);
	wr_clear(&w);
	return text;
}

void serve_probe_done(struct serve *s, struct serve_probe *p)
{
	json_t *alive = json_array(), *dead = json_array();
	char text[64];
	for (size_t i = 0; i < p->count; i++)
		json_array_append_new(p->alive[i] ? alive : dead,
			json_string(reload_ip_port_text(text, &p->at[i])));
	if (json_array_size(dead) ? !json_equal(dead, s->dead) : json_array_size(s->dead) > 0) {
		json_t *o = json_pack("{s:s, s:o, s:O, s:O, s:o}", "type", "bootstrap", "time",
			cli_json_time(cli_now()), "alive", alive, "dead", dead, "proposal",
			proposal(alive, dead));
		cli_print(s->cli, o, print_probe, s->cli);
		json_decref(o);
	}
	json_decref(s->dead);
	s->dead = dead;
	s->probing = false;
	json_decref(alive);
	free(p);
}
