/* reload-diag: overlay diagnostics, the NAT of an agent, RELOAD messages. */
#include "common/call.h"
#include "common/main.h"
#include "reload-diag/diag.h"

static const struct cli_opt common_opts[] = { CLI_COMMON, CLI_END };

static const struct cli_command commands[] = {
	{ .name = "decode",
		.operands = "[FILE|HEX|-]",
		.max = 1,
		.summary = "RELOAD messages and frames as text, without an agent",
		.opts = diag_decode_opts,
		.result = diag_decode_fields,
		.run = diag_decode },
	{ .name = "ping",
		.operands = "TARGET",
		.min = 1,
		.max = 1,
		.summary = "values of a node: load, tables, software, amounts, as far as permitted",
		.opts = diag_ping_opts,
		.result = "@overlay.ping",
		.run = diag_ping },
	{ .name = "path",
		.operands = "TARGET",
		.min = 1,
		.max = 1,
		.summary = "the way to a node or a resource, hop by hop",
		.opts = diag_path_opts,
		.result = diag_path_fields,
		.run = diag_path },
	{ .name = "map",
		.summary = "the ring, peer by peer, as text or a picture",
		.opts = diag_map_opts,
		.result = "@overlay.map",
		.run = diag_map },
	{ .name = "node",
		.operands = "[TARGET]",
		.max = 1,
		.summary = "what may be known of a node (default: this one)",
		.opts = diag_node_opts,
		.result = diag_node_fields,
		.run = diag_node },
	{ .name = "tables",
		.summary = "neighbours, fingers and links of this node",
		.opts = diag_tables_opts,
		.result = diag_tables_fields,
		.run = diag_tables },
	{ .name = "tuning",
		.summary = "the pace of this node: interval, estimates of the ring, and why",
		.opts = diag_tuning_opts,
		.result = "@node.tuning",
		.run = diag_tuning },
	{ .name = "health",
		.summary = "is this node well: links, clock, certificate, store, bootstrap nodes",
		.opts = diag_health_opts,
		.result = diag_health_fields,
		.run = diag_health },
	{ .name = "audit",
		.summary = "do neighbours agree, is each value at its peer and its replicas",
		.opts = diag_audit_opts,
		.result = diag_audit_fields,
		.run = diag_audit },
	{ .name = "why",
		.operands = "[TRANSACTION|last]",
		.max = 1,
		.summary = "what happened to a request of the past, and the cause of its failure",
		.opts = diag_why_opts,
		.result = diag_why_fields,
		.run = diag_why },
	{ .name = "capture",
		.operands = "[FILTER]",
		.max = 1,
		.summary = "the messages of an agent, as lines or as a capture for Wireshark",
		.opts = diag_capture_opts,
		.result = diag_capture_fields,
		.run = diag_capture },
	{ .name = "nat",
		.summary = "what is between an agent and the others: NAT, servers, candidates",
		.opts = diag_nat_opts,
		.result = "@node.nat",
		.run = diag_nat },
	{ 0 },
};

static const char *const examples[] = {
	"reload-diag path -a alice bob@calls.example",
	"reload-diag ping -a alice -k STATUS_INFO,APP_UPTIME node:c90e",
	"reload-diag decode --config overlay.xml --json < stream.bin",
	NULL,
};

static const struct cli_program program = {
	.name = "reload-diag",
	.summary = "See how a RELOAD overlay works: paths, values of nodes, NATs, messages.",
	.manual = "reload-diag(1)",
	.commands = commands,
	.opts = common_opts,
	.examples = examples,
	.complete = cli_complete_agent,
	.exits = CLI_EXIT(3) | CLI_EXIT(4) | CLI_EXIT(5) | CLI_EXIT(6) | CLI_EXIT(8) | CLI_EXIT(9) |
		 CLI_EXIT(10) | CLI_EXIT(11) | CLI_EXIT(13),
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
