#include "sim/fault.h"

#include <stdio.h>
#include <string.h>

static double seconds(reload_ms t)
{
	return (double)t / 1000;
}

static void cert_text(const struct reload_sim_fault *fault, char *out, size_t size)
{
	if (fault->type == RELOAD_SIM_FAULT_CERT)
		snprintf(out, size, "peer %zu gets a certificate that ends at %.3f s%s",
			fault->node, seconds(fault->number),
			fault->careless ? ", which it will not notice" : "");
	else if (fault->type == RELOAD_SIM_FAULT_RENEW)
		snprintf(out, size, "peer %zu renews its certificate", fault->node);
	else
		snprintf(out, size, "the %scertificate of peer %zu ends",
			fault->renewed ? "former " : "", fault->node);
}

void reload_sim_fault_text(const struct reload_sim_fault *fault, char *out, size_t size)
{
	int64_t jump;
	char name[32];
	reload_sim_fault_name(fault, name, sizeof(name));
	int n = snprintf(out, size, "%s: at %.3f s ", name, seconds(fault->at));
	if (n < 0 || (size_t)n >= size)
		return;
	out += n;
	size -= (size_t)n;
	switch (fault->type) {
	case RELOAD_SIM_FAULT_CRASH:
		snprintf(out, size, "peer %zu crashes (%s%s)", fault->node,
			fault->machine ? "machine" : "process",
			fault->disk ? ", its disk survives" : "");
		break;
	case RELOAD_SIM_FAULT_RESTART:
	case RELOAD_SIM_FAULT_START:
		snprintf(out, size, "peer %zu comes back%s", fault->node,
			fault->disk ? " with its disk" : "");
		break;
	case RELOAD_SIM_FAULT_LEAVE:
		snprintf(out, size, "peer %zu leaves", fault->node);
		break;
	case RELOAD_SIM_FAULT_PARTITION:
		snprintf(out, size, "the network falls into two parts for %.3f s",
			seconds(fault->length));
		break;
	case RELOAD_SIM_FAULT_CUT:
		snprintf(out, size, "nothing passes from peer %zu to peer %zu for %.3f s",
			fault->node, fault->other, seconds(fault->length));
		break;
	case RELOAD_SIM_FAULT_CLOCK:
		memcpy(&jump, &fault->number, sizeof(jump));
		snprintf(out, size, "the clock of peer %zu jumps by %+.3f s", fault->node,
			(double)jump / 1000);
		break;
	case RELOAD_SIM_FAULT_MOVE:
		snprintf(out, size, "peer %zu gets other addresses%s", fault->node,
			fault->number ? "" : ", which its host does not notice");
		break;
	case RELOAD_SIM_FAULT_DISK_ERRORS:
		snprintf(out, size, "writes to the disk of peer %zu fail for %.3f s", fault->node,
			seconds(fault->length));
		break;
	case RELOAD_SIM_FAULT_DISK_FULL:
		snprintf(out, size, "the disk of peer %zu is full for %.3f s", fault->node,
			seconds(fault->length));
		break;
	case RELOAD_SIM_FAULT_CONFIG:
		snprintf(out, size, "peer %zu gets a newer configuration", fault->node);
		break;
	case RELOAD_SIM_FAULT_FREEZE:
		snprintf(out, size, "the process of peer %zu is stopped for %.3f s", fault->node,
			seconds(fault->length));
		break;
	case RELOAD_SIM_FAULT_CERT:
	case RELOAD_SIM_FAULT_RENEW:
	case RELOAD_SIM_FAULT_CERT_ENDS:
		cert_text(fault, out, size);
		break;
	case RELOAD_SIM_FAULT_TYPES:
		break;
	}
}
