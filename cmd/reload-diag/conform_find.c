/* At which address the node is that is to be checked. */
#include "reload-diag/conform.h"

#include "common/call.h"
#include "link/sockaddr_io.h"

#include <string.h>
#include <unistd.h>

static enum reload_err no_address(const char *target, struct reload_error_text *why)
{
	reload_error_explain(why, RELOAD_NO_NODE, target,
		"no address is known at which that node takes links over TLS");
	reload_error_advise(why, "give its ADDR:PORT, as reload-agent status shows it there");
	return RELOAD_NO_NODE;
}

/* The address at which an agent itself listens, the first of agent.status. */
static enum reload_err own_address(
	struct reload_ip_port *out, const json_t *status, struct reload_error_text *why)
{
	static const uint8_t any[16];
	const char *text = json_string_value(json_array_get(json_object_get(status, "listen"), 0));
	if (!text || reload_ip_port_parse(out, text, RELOAD_DEFAULT_PORT))
		return no_address("self", why);
	if (!memcmp(out->addr, any, out->type == RELOAD_IPV4 ? 4 : 16)) {
		memset(out->addr, 0, sizeof(out->addr));
		if (out->type == RELOAD_IPV4)
			memcpy(out->addr, (uint8_t[]){ 127, 0, 0, 1 }, 4);
		else
			out->addr[15] = 1;
	}
	return RELOAD_OK;
}

/* A socket that listens at this end of the link, at a port of its own; -1: there is none. */
static int listen_beside(struct conform *c, struct reload_ip_port *at)
{
	struct sockaddr_storage here;
	socklen_t len = sizeof(here);
	if (getsockname(c->link.fd, (struct sockaddr *)&here, &len))
		return -1;
	reload_sockaddr_from(at, &here);
	at->port = 0;
	len = reload_sockaddr_to(&here, at);
	int fd = socket(here.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&here, len) && !listen(fd, 1) &&
		!getsockname(fd, (struct sockaddr *)&here, &len)) {
		reload_sockaddr_from(at, &here);
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/*
 * An Attach of this program to that node, over a link to the agent: the answer has the addresses at which the node takes links.  It dials the candidate
 * of the request meanwhile, and finds somebody who hangs up.
 */
static bool attached_address(
	struct conform *c, struct reload_ip_port *out, const struct reload_id *node)
{
	struct draft d;
	struct reload_ip_port here;
	bool found = false;
	int fd = conform_up(c) ? listen_beside(c, &here) : -1;
	if (fd < 0)
		return false;
	draft_begin(c, &d, RELOAD_ATTACH_REQ);
	draft_to_node(&d.to, node);
	struct reload_ice_candidate candidate = { .addr_port = here,
		.overlay_link = RELOAD_TLS_TCP_FH_NO_ICE,
		.foundation = span_str("1"),
		.priority = 1,
		.type = RELOAD_CAND_HOST };
	struct reload_attach attach = {
		.role = span_str("passive"), .candidates = &candidate, .candidates_count = 1
	};
	reload_wire_write(&d.body, &reload_attach_wire, &c->ctx, &attach);
	if (conform_ask(c, &d) && c->answer->code == RELOAD_ATTACH_ANS &&
		reload_id_eq(&c->signer, node))
		for (size_t i = 0; i < c->answer->body.attach.candidates_count && !found; i++) {
			*out = c->answer->body.attach.candidates[i].addr_port;
			found = c->answer->body.attach.candidates[i].overlay_link ==
					RELOAD_TLS_TCP_FH_NO_ICE &&
				!reload_ip_port_claim_fault(out, reload_ip_port_is_loopback(&here));
		}
	draft_end(&d);
	close(fd);
	return found;
}

/* The address of the agent itself, of a node to which it made a link, or the one that the node tells: behind a link that came in nobody listens. */
static enum reload_err known_address(struct conform *c, const json_t *status, const char *node,
	const char *target, struct reload_error_text *why)
{
	const json_t *l;
	size_t i;
	struct reload_id id;
	struct reload_ip_port found;
	if (!strcmp(cli_get_text(status, "node_id"), node))
		return own_address(&c->address, status, why);
	json_array_foreach (json_object_get(json_object_get(status, "links"), "list"), i, l)
		if (!strcmp(cli_get_text(l, "node_id"), node) && !cli_get_bool(l, "incoming") &&
			!reload_ip_port_parse(&c->address, cli_get_text(l, "address"), 0) &&
			c->address.port)
			return RELOAD_OK;
	if (own_address(&c->address, status, why) || reload_id_from_hex(&id, node) ||
		!attached_address(c, &found, &id))
		return no_address(target, why);
	conform_hang_up(&c->link);
	c->address = found;
	return RELOAD_OK;
}

/* Asks the agent who the target is, and where; 0, else the exit status. */
static int ask_agent(struct conform *c, const char *target)
{
	struct reload_error_text why;
	json_t *ping = NULL, *status = NULL;
	int r = cli_request(c->cli, "overlay.ping", json_pack("{s:s}", "target", target), &ping);
	if (!r)
		r = cli_request(c->cli, "agent.status", json_pack("{s:b}", "links", 1), &status);
	if (!r) {
		enum reload_err err =
			known_address(c, status, cli_get_text(ping, "node_id"), target, &why);
		r = err ? cli_fail(c->cli, err, &why) : 0;
	}
	json_decref(ping);
	json_decref(status);
	return r;
}

int conform_find(struct conform *c)
{
	const char *text = c->cli->operands[0];
	if (reload_ip_port_parse(&c->address, text, RELOAD_DEFAULT_PORT))
		return ask_agent(c, text);
	const char *fault = reload_ip_port_fault(&c->address);
	struct reload_error_text why;
	if (!fault)
		return 0;
	reload_error_explain(&why, RELOAD_USAGE, text, "no node is reached at it: it is %s", fault);
	reload_error_advise(&why, "the ADDR:PORT at which the node listens");
	return cli_fail(c->cli, RELOAD_USAGE, &why);
}
