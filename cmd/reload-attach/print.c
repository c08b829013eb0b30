#include "reload-attach/attach.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum reload_err attach_form(const struct cli *cli, struct reload_error_text *why)
{
	if (!cli_has(cli, "stream") || !cli_has(cli, "datagram"))
		return RELOAD_OK;
	return cli_refuse(why, "--stream and --datagram", "a connection carries one of them");
}

enum reload_err attach_application(
	const struct cli *cli, uint16_t *out, struct reload_error_text *why)
{
	const char *text = cli->operands[0];
	char *end;
	unsigned long n = strtoul(text, &end, 0);
	if (text[0] >= '0' && text[0] <= '9' && !*end && n <= UINT16_MAX) {
		*out = (uint16_t)n;
		return RELOAD_OK;
	}
	char what[96];
	snprintf(what, sizeof(what), "not an Application-ID: %.60s", text);
	return cli_refuse(why, what,
		"it is a number from 0 to 65535; those from 61441 to 65534 are "
		"for private use");
}

void attach_payload(int *in, int *out)
{
	*in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	*out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	dup2(STDERR_FILENO, STDOUT_FILENO);
}

static void print_object(FILE *out, const json_t *o, void *arg)
{
	(void)arg;
	const char *type = cli_get_text(o, "type"), *user = cli_get_text(o, "user");
	if (!strcmp(type, "listening")) {
		fprintf(out, "listening  application %lld\n", cli_get_int(o, "application"));
	} else if (!strcmp(type, "connected")) {
		fprintf(out, "connected  node:%s  ", cli_get_text(o, "node_id"));
		cli_put_safe(out, *user ? user : "without a user name");
		fprintf(out, "  application %lld  at %s", cli_get_int(o, "application"),
			cli_get_text(o, "address"));
		if (*cli_get_text(o, "relay"))
			fprintf(out, "  relayed by %s", cli_get_text(o, "relay"));
		if (cli_get_int(o, "packet_bytes"))
			fprintf(out, "  packets of %lld bytes at most",
				cli_get_int(o, "packet_bytes"));
		fputc('\n', out);
	} else if (json_object_get(o, "connection")) {
		const json_t *error = json_object_get(o, "error");
		fprintf(out, "ended      connection %lld  sent %lld  received %lld byte%s%s",
			cli_get_int(o, "connection"), cli_get_int(o, "sent_bytes"),
			cli_get_int(o, "received_bytes"),
			cli_plural(cli_get_int(o, "received_bytes")),
			json_is_object(error) ? "  cut off: " : "");
		cli_put_safe(out, cli_get_text(error, "why"));
		fputc('\n', out);
	} else {
		long long n = cli_get_int(o, "connections");
		fprintf(out, "%lld connection%s, sent %lld, received %lld byte%s\n", n,
			cli_plural(n), cli_get_int(o, "sent_bytes"),
			cli_get_int(o, "received_bytes"),
			cli_plural(cli_get_int(o, "received_bytes")));
	}
}

void attach_print(struct cli *cli, const json_t *object)
{
	if (cli->quiet && cli->format == CLI_TEXT)
		return;
	json_t *copy = json_copy((json_t *)object);
	json_object_del(copy, "stream"); /* it is gone once this program has it */
	cli_print(cli, copy, print_object, NULL);
	json_decref(copy);
}

void attach_add(struct attach_sum *sum, const json_t *object)
{
	sum->connections++;
	sum->sent += cli_get_int(object, "sent_bytes");
	sum->received += cli_get_int(object, "received_bytes");
}

void attach_summary(struct cli *cli, const struct attach_sum *sum)
{
	json_t *o = json_pack("{s:s, s:I, s:I, s:I}", "type", "summary", "connections",
		sum->connections, "sent_bytes", sum->sent, "received_bytes", sum->received);
	attach_print(cli, o);
	json_decref(o);
}

int attach_dry(struct cli *cli, const struct attach_sum *sum, const char *action)
{
	json_t *status;
	int failed = cli_request(cli, "agent.status", NULL, &status);
	if (failed)
		return failed;
	json_decref(status);
	if (cli->format == CLI_TEXT)
		printf("would %s application %s\n", action, cli->operands[0]);
	else
		attach_summary(cli, sum);
	return 0;
}
