/* reload-diag: decode RELOAD messages, look at the NAT of an agent. */
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
	{ .name = "nat",
		.summary = "what is between an agent and the others: NAT, servers, candidates",
		.opts = diag_nat_opts,
		.result = "@node.nat",
		.run = diag_nat },
	{ 0 },
};

static const char *const examples[] = {
	"reload-diag decode message.hex",
	"reload-diag nat -a alice",
	"reload-diag decode --config overlay.xml --json < stream.bin",
	NULL,
};

static const struct cli_program program = {
	.name = "reload-diag",
	.summary = "Look at RELOAD messages and at what is between nodes.",
	.manual = "reload-diag(1)",
	.commands = commands,
	.opts = common_opts,
	.examples = examples,
	.complete = cli_complete_agent,
	.exits = CLI_EXIT(3) | CLI_EXIT(4) | CLI_EXIT(8) | CLI_EXIT(10),
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
