/*
 * sip-locate URI...: prints where a request of each URI would go, one line for each, in milliseconds and in the order of the answers:
 * "URI 12 udp 192.0.2.1:5060 tcp 192.0.2.2:5060", or "URI 3 no_value: reason".  All are asked at once.
 */
#include "dns/locate_io.h"
#include "util/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t open_questions;

struct asked {
	const char *uri;
	reload_ms begun;
};

static void on_located(void *arg, const struct reload_locate_server *servers, size_t count,
	enum reload_err err, const struct reload_error_text *why)
{
	const struct asked *a = arg;
	printf("%s %u", a->uri, (unsigned)(reload_poll_now() - a->begun));
	for (size_t i = 0; i < count; i++) {
		char text[64];
		const char *t = servers[i].transport == RELOAD_LOCATE_UDP   ? "udp"
				: servers[i].transport == RELOAD_LOCATE_TCP ? "tcp"
									    : "tls";
		printf(" %s %s", t, reload_ip_port_text(text, &servers[i].at));
	}
	if (err)
		printf(" %s: %s", reload_err_name(err), why->reason);
	printf("\n");
	open_questions--;
}

/* "sip:HOST[:PORT][;transport=T]"; host is cut out of text. */
static struct reload_locate_uri parse(char *text)
{
	struct reload_locate_uri uri = { .transports = RELOAD_LOCATE_UDP | RELOAD_LOCATE_TCP |
						       RELOAD_LOCATE_TLS,
		.families = RELOAD_LOCATE_IPV4 | RELOAD_LOCATE_IPV6 };
	char *at = strchr(text, ':');
	char *param = strstr(text, ";transport=");
	if (!at || (param && !reload_locate_parse_transport(&uri.transport, param + 11))) {
		fprintf(stderr, "not understood: %s\n", text);
		exit(2);
	}
	uri.sips = !strncmp(text, "sips:", 5);
	uri.host = at + 1;
	if (param)
		*param = 0;
	char *colon = strchr(at + 1, ':');
	if (colon && at[1] != '[') {
		uri.port = (uint16_t)strtoul(colon + 1, NULL, 10);
		*colon = 0;
	}
	return uri;
}

int main(int argc, char **argv)
{
	struct reload_poll *poll = reload_poll_new();
	struct asked *asked = reload_alloc_array((size_t)argc, sizeof(*asked));
	for (int i = 1; i < argc; i++) {
		char *text = reload_strdup(argv[i]);
		struct reload_locate_uri uri = parse(text);
		asked[i] = (struct asked){ argv[i], reload_poll_now() };
		open_questions++;
		(void)reload_location_ask(poll, &uri, on_located, &asked[i]);
		free(text);
	}
	while (open_questions)
		reload_poll_pass(poll, RELOAD_NEVER);
	reload_poll_free(poll);
	free(asked);
	return fflush(stdout) != 0;
}
