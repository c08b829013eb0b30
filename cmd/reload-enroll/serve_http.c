/*
 * HTTPS by libmicrohttpd: the daemon.  A connection lasts IDLE_S without data, half-closed ones as well, and an address has
 * CONNECTIONS_EACH of them; serve_connection.c ends those that are slow, serve_request.c answers requests.
 */
#include "reload-enroll/serve_probe.h"
#include "reload-enroll/serve_request.h"
#include "reload-enroll/serve_worker.h"

#include <stdlib.h>

enum {
	IDLE_S = 15,
	CONNECTIONS = 512,
	CONNECTIONS_EACH = 64,
	CONNECTION_MEMORY = 32768, /* headers have to fit */
	WAIT_MAX_MS = 1000
};

/* -- the daemon ------------------------------------------------------------------------------------------------------------------- */

enum reload_err serve_http_start(struct serve *s, int listener, const char *cert_pem,
	const char *key_pem, struct reload_error_text *why)
{
	s->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME, 0,
		NULL, NULL, serve_request, s, MHD_OPTION_LISTEN_SOCKET, listener,
		MHD_OPTION_HTTPS_MEM_CERT, cert_pem, MHD_OPTION_HTTPS_MEM_KEY, key_pem,
		MHD_OPTION_HTTPS_PRIORITIES, "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1",
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS,
		MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS_EACH,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_MEMORY, MHD_OPTION_NOTIFY_COMPLETED, serve_request_completed, s,
		MHD_OPTION_NOTIFY_CONNECTION, serve_connection_changed, &s->connections,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (s->daemon)
		return RELOAD_OK;
	enum reload_err err = reload_error_explain(why, RELOAD_BAD_CERT, "HTTPS cannot be served",
		"the certificate and the key of TLS cannot be used together");
	reload_error_advise(
		why, "openssl x509 -noout -pubkey -in CERT; openssl pkey -pubout -in KEY");
	return err;
}

/* Lets the connection of a post go on. */
static void resume(struct post *p)
{
	struct post **at = &p->enrollment.serve->waiting;
	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
	serve_connection_hold(p->connection, false);
	MHD_resume_connection(p->connection);
}

/* An enrollment is answered all the same. */
static void dropped(void *job)
{
	if (*(enum serve_job *)job == SERVE_JOB_NOTE)
		serve_note_free(job);
	else if (*(enum serve_job *)job == SERVE_JOB_PROBE)
		free(job);
}

void serve_http_stop(struct serve *s)
{
	worker_pool_free(TAKE(s->pool), dropped);
	while (s->waiting) { /* the daemon cannot end before */
		struct serve_enrollment *e = &s->waiting->enrollment;
		if (!e->status)
			serve_enroll_decide(e, MHD_HTTP_SERVICE_UNAVAILABLE, "busy", "");
		resume(s->waiting);
	}
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	s->daemon = NULL;
}

int serve_http_fd(const struct serve *s)
{
	return MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

/* What the threads have done: enrollments that are decided are answered. */
static void take_back(struct serve *s)
{
	enum serve_job *job;
	while ((job = worker_pool_next(s->pool))) {
		struct post *p = (struct post *)
			job; /* begins with its enrollment, and that with what it is */
		if (*job == SERVE_JOB_NOTE)
			serve_note_free((struct serve_note *)job);
		else if (*job == SERVE_JOB_PROBE)
			serve_probe_done(s, (struct serve_probe *)job);
		else if (serve_enroll_next(&p->enrollment))
			resume(p);
	}
}

int serve_http_run(struct serve *s)
{
	MHD_UNSIGNED_LONG_LONG wait = 0;
	take_back(s);
	serve_probe_begin(s, cli_monotonic());
	serve_connections_end(&s->connections, cli_monotonic());
	MHD_run(s->daemon);
	if (MHD_get_timeout(s->daemon, &wait) != MHD_YES || wait > WAIT_MAX_MS)
		wait = WAIT_MAX_MS;
	return (int)wait;
}
