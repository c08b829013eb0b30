#include "names.h"

#include "wire/codes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum reload_err unreachable(
	const char *option, const char *text, const char *fault, struct reload_error_text *why)
{
	reload_error_explain(why, RELOAD_USAGE, text,
		"%s cannot be %s: nobody can be reached there", option, fault);
	reload_error_advise(
		why, "the address of one node with the port where it listens, ADDR:PORT");
	return RELOAD_USAGE;
}

enum reload_err agent_names_add(
	struct agent_names *n, const char *option, const char *text, struct reload_error_text *why)
{
	struct agent_name *name;
	if (n->count == AGENT_NAMES_MAX)
		return reload_error_explain(
			why, RELOAD_USAGE, text, "at most %d of %s", AGENT_NAMES_MAX, option);
	name = RELOAD_NEW(agent_name);
	name->names = n;
	if (!reload_ip_port_parse(&name->addrs[0], text, RELOAD_DEFAULT_PORT)) {
		const char *fault = reload_ip_port_fault(&name->addrs[0]);
		if (fault) {
			free(name);
			return unreachable(option, text, fault, why);
		}
		name->count = 1;
	} else if (reload_host_port_parse(&name->host, &name->port, text, RELOAD_DEFAULT_PORT)) {
		free(name);
		return reload_error_explain(why, RELOAD_USAGE, text,
			"%s takes ADDR:PORT, [ADDR]:PORT for IPv6, or a host name NAME[:PORT]",
			option);
	}
	n->at[n->count++] = name;
	return RELOAD_OK;
}

void agent_names_stop(struct agent_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		reload_dns_cancel(TAKE(n->at[i]->lookup));
	if (n->poll)
		reload_timer_cancel(reload_poll_timers(n->poll), &n->soon);
	n->pending = 0;
	n->done = NULL;
}

void agent_names_clear(struct agent_names *n)
{
	agent_names_stop(n);
	for (size_t i = 0; i < n->count; i++) {
		free(n->at[i]->host);
		free(n->at[i]);
	}
	n->count = 0;
}

bool agent_names_any(const struct agent_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		if (n->at[i]->host)
			return true;
	return false;
}

static void all_done(void *arg)
{
	struct agent_names *n = arg;
	if (!n->pending && n->done)
		TAKE(n->done)(n->arg);
}

static void found(void *arg, const struct reload_ip_port *addrs, size_t count, const char *reason)
{
	struct agent_name *name = arg;
	struct agent_names *n = name->names;
	size_t good = 0;
	name->lookup = NULL;
	n->pending--;
	name->failure[0] = 0;
	for (size_t i = 0; i < count && good < AGENT_NAME_ADDRESSES; i++)
		if (!reload_ip_port_fault(&addrs[i]))
			name->addrs[good++] = addrs[i];
	if (good) {
		name->count = good;
	} else {
		if (count)
			reason = reload_ip_port_fault(&addrs[0]);
		snprintf(name->failure, sizeof(name->failure), "%s", reason);
		if (n->log)
			agent_log(n->log, "agent", RELOAD_LEVEL_WARN, "host name %s: %s",
				name->host, reason);
	}
	all_done(n);
}

void agent_names_resolve(struct agent_names *n, void (*done)(void *arg), void *arg)
{
	n->done = done;
	n->arg = arg;
	for (size_t i = 0; i < n->count; i++) {
		struct agent_name *name = n->at[i];
		if (!name->host || name->lookup)
			continue;
		n->pending++;
		name->lookup = reload_dns_lookup(n->poll, name->host, name->port, found, name);
	}
	reload_timer_arm(reload_poll_timers(n->poll), &n->soon, reload_poll_now(), all_done, n);
}

size_t agent_names_addresses(const struct agent_names *n, struct reload_ip_port *out, size_t max)
{
	size_t count = 0;
	for (size_t i = 0; i < n->count; i++)
		for (size_t k = 0; k < n->at[i]->count && count < max; k++)
			out[count++] = n->at[i]->addrs[k];
	return count;
}

const char *agent_names_failure(const struct agent_names *n, char *out, size_t size)
{
	for (size_t i = 0; i < n->count; i++) {
		if (n->at[i]->count || !n->at[i]->host)
			continue;
		snprintf(out, size, "%s: %s", n->at[i]->host,
			n->at[i]->failure[0] ? n->at[i]->failure : "not looked up yet");
		return out;
	}
	return NULL;
}
