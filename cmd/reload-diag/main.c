/* reload-diag: decode RELOAD messages. */
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
	{ 0 },
};

static const char *const examples[] = {
	"reload-diag decode message.hex",
	"reload-diag decode --config overlay.xml --json < stream.bin",
	NULL,
};

static const struct cli_program program = {
	.name = "reload-diag",
	.summary = "Look at RELOAD messages.",
	.manual = "reload-diag(1)",
	.commands = commands,
	.opts = common_opts,
	.examples = examples,
	.exits = CLI_EXIT(4) | CLI_EXIT(8) | CLI_EXIT(10),
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
