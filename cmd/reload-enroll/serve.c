/* serve: the configuration document and certificates over HTTPS, until it is stopped. */
#include "common/call.h"
#include "common/notify.h"
#include "link/sockaddr_io.h"
#include "common/password.h"
#include "reload-enroll/accounts.h"
#include "reload-enroll/db.h"
#include "reload-enroll/serve_worker.h"
#include "reload-enroll/serve_command.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PORT = 8443,
	BACKLOG = 128,
	THREADS = 4,
	PEM_MAX = 65536
};

const char enroll_serve_fields[] =
	"type:string overlay:string url:string|"
	"type:string time:string address:string user:string status:integer decision:string "
	"detail:string|"
	"type:string time:string alive:string[] dead:string[] proposal:string?|"
	"type:string issued:integer refused:integer";

static enum reload_err cannot_listen(const char *text, struct reload_error_text *why)
{
	char what[160];
	snprintf(what, sizeof(what), "cannot listen on %.100s", text);
	enum reload_err err = reload_error_explain(why, RELOAD_IO, what, "%s", strerror(errno));
	reload_error_advise(why, "--listen ADDR:PORT with another address or port; 0 picks a port");
	return err;
}

/* Binds the address of --listen; *bound is what the system has made of it. */
static enum reload_err listen_on(
	int *fd, struct reload_ip_port *bound, const struct cli *cli, struct reload_error_text *why)
{
	const char *text = cli_value(cli, "listen", "127.0.0.1");
	struct sockaddr_storage at = { 0 };
	socklen_t len;
	int on = 1;
	if (reload_ip_port_parse(bound, text, PORT))
		return cli_refuse(why, "--listen is no address",
			"expected 192.0.2.1, 192.0.2.1:8443 or [2001:db8::1]:8443");
	len = reload_sockaddr_to(&at, bound);
	*fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd < 0)
		return cannot_listen(text, why);
	(void)setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (at.ss_family == AF_INET6)
		(void)setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(*fd, (struct sockaddr *)&at, len) || listen(*fd, BACKLOG))
		return cannot_listen(text, why);
	len = sizeof(at);
	(void)getsockname(*fd, (struct sockaddr *)&at, &len);
	reload_sockaddr_from(bound, &at);
	return RELOAD_OK;
}

static enum reload_err read_pem(
	char **out, struct cli *cli, const char *option, struct reload_error_text *why)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	const char *path = cli_value(cli, option, NULL);
	if (!path) {
		enum reload_err err = cli_refuse(why, "--tls-cert and --tls-key are needed",
			"enrollment is over HTTPS only (RFC 6940 s11.3)");
		reload_error_advise(why, "reload-enroll serve --tls-cert FILE --tls-key FILE");
		return err;
	}
	enum reload_err err = cli_file_read(&bytes, &len, path, PEM_MAX, cli->deadline, why);
	*out = (char *)bytes;
	return err;
}

static enum reload_err start_http(struct serve *s, int listener, struct reload_error_text *why)
{
	char *cert = NULL, *key = NULL;
	enum reload_err err = read_pem(&cert, s->cli, "tls-cert", why);
	if (!err)
		err = read_pem(&key, s->cli, "tls-key", why);
	if (!err)
		err = serve_http_start(s, listener, cert, key, why);
	if (key)
		OPENSSL_cleanse(key, strlen(key));
	free(key);
	free(cert);
	return err;
}

static enum reload_err no_threads(struct reload_error_text *why)
{
	enum reload_err err = reload_error_explain(why, RELOAD_FAILED, "no thread can be started",
		"passwords are checked, and certificates made, in threads of their own");
	reload_error_advise(why, "ulimit -u, the limit of threads and processes");
	return err;
}

/* A path that does not depend on where the program was started (owned). */
static char *absolute(const char *path)
{
	char here[4096];
	return *path == '/' || !getcwd(here, sizeof(here)) ? reload_strdup(path)
							   : enroll_join(here, path);
}

/* --users: where the users are from now on. */
static enum reload_err move_users(
	struct serve *s, struct enroll_authority *a, struct reload_error_text *why)
{
	const char *where = cli_value(s->cli, "users", NULL);
	char *path = NULL;
	if (!where)
		return RELOAD_OK;
	accounts_close(TAKE(a->accounts));
	if (!db_is_server(where))
		path = absolute(where);
	enum reload_err err = accounts_move(a->dir, a->overlay, path ? path : where, why);
	free(path);
	return err;
}

/* Opens the authority once, so that what is wrong with it is seen at the start. */
static enum reload_err open_all(struct serve *s, struct reload_error_text *why)
{
	struct enroll_authority a = { .lock = -1 };
	enum reload_err err = enroll_overlay(&s->overlay, s->cli, NULL, "ca", why);
	if (!err)
		err = enroll_authority_open(&a, s->overlay, s->cli->deadline, enroll_now(), why);
	if (!err && a.config->shared_secret) {
		err = reload_error_explain(why, RELOAD_BAD_CONFIG,
			"the document is not for everybody",
			"it has the shared-secret of %s, and serve gives it to whoever asks",
			s->overlay);
		reload_error_advise(why, "give the document to each member in private");
	}
	if (!err)
		err = enroll_authority_key(&a, s->cli, &s->passphrase, why);
	if (!err)
		err = move_users(s, &a, why);
	if (!err) {
		s->dir = reload_strdup(a.dir);
		s->config_path = reload_strdup(a.config_path);
		s->refusals = reload_alloc_array(SERVE_REFUSALS_TABLE, sizeof(*s->refusals));
	}
	enroll_authority_close(&a);
	return err;
}

static enum reload_err start_threads(struct serve *s, struct reload_error_text *why)
{
	const struct worker_pool_setup setup = { .threads = THREADS,
		.begin = serve_worker_begin,
		.end = serve_worker_end,
		.work = serve_worker_work,
		.arg = s };
	s->pool = worker_pool_new(&setup);
	return s->pool ? RELOAD_OK : no_threads(why);
}

static void print_listening(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	if (!cli->quiet)
		fprintf(out, "serving %s at %s\n", cli_get_text(o, "overlay"),
			cli_get_text(o, "url"));
}

static void print_summary(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	if (!cli->quiet)
		fprintf(out, "issued %lld, refused %lld\n", cli_get_int(o, "issued"),
			cli_get_int(o, "refused"));
}

static void report_listening(struct serve *s, const struct reload_ip_port *bound)
{
	char address[64], url[96];
	snprintf(url, sizeof(url), "https://%s", reload_ip_port_text(address, bound));
	json_t *o = json_pack(
		"{s:s, s:s, s:s}", "type", "listening", "overlay", s->overlay, "url", url);
	cli_print(s->cli, o, print_listening, s->cli);
	json_decref(o);
}

static void loop(struct serve *s, int stop_fd)
{
	struct pollfd fds[] = { { .fd = stop_fd, .events = POLLIN },
		{ .fd = serve_http_fd(s), .events = POLLIN },
		{ .fd = worker_pool_fd(s->pool), .events = POLLIN } };
	const char *bad;
	struct cli_notify *manager = cli_notify_open(&bad);
	if (bad)
		cli_warn(s->cli, "the service manager cannot be told: NOTIFY_SOCKET=%.200s", bad);
	(void)cli_notify_send(manager, "READY=1");
	do {
		int wait = serve_http_run(s);
		reload_ms feed = cli_notify_feed(manager, cli_monotonic());
		(void)poll(fds, COUNT_OF(fds), feed < (reload_ms)wait ? (int)feed : wait);
	} while (!fds[0].revents);
	(void)cli_notify_send(manager, "STOPPING=1");
	cli_notify_close(manager);
	json_t *o = json_pack("{s:s, s:I, s:I}", "type", "summary", "issued", (json_int_t)s->issued,
		"refused", (json_int_t)s->refused);
	cli_print(s->cli, o, print_summary, s->cli);
	json_decref(o);
}

int enroll_serve(struct cli *cli)
{
	struct serve s = { .cli = cli };
	struct reload_error_text why = { 0 };
	struct reload_ip_port bound = { 0 };
	int listener = -1, stop_fd = cli_stop_signals();
	enum reload_err err = open_all(&s, &why);
	if (!err)
		err = start_threads(&s, &why);
	if (!err)
		err = listen_on(&listener, &bound, cli, &why);
	if (!err)
		err = start_http(&s, listener, &why);
	if (!err) {
		report_listening(&s, &bound);
		loop(&s, stop_fd);
	} else if (listener >= 0) {
		close(listener);
	}
	serve_http_stop(&s);
	cli_stop_end(stop_fd);
	json_decref(s.dead);
	free(s.refusals);
	free(s.overlay);
	free(s.config_path);
	free(s.dir);
	cli_password_free(s.passphrase);
	return err ? cli_fail(cli, err, &why) : 0;
}
