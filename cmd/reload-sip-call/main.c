/* reload-sip-call: SIP in an overlay without a server (RFC 7904). */
#include "common/main.h"
#include "reload-sip-call/sip_call.h"

static const struct cli_opt register_opts[] = {
	{ 0, "forward", "AOR", "callers go to that AOR or GRUU, not to this node" },
	{ 0, "prefs", "TEXT", "contact preferences of this device, such as (sip.schemes=SIPS)" },
	{ 0, "lifetime", "TIME", "of the registration, which is renewed (default 1h)" },
	CLI_END,
};

static const struct cli_opt common_opts[] = { CLI_COMMON, CLI_END };

static const struct cli_command commands[] = {
	{ .name = "register",
		.operands = "AOR",
		.min = 1,
		.max = 1,
		.summary = "register the own AOR, and keep it registered",
		.opts = register_opts,
		.result = "@sip.register",
		.run = sip_register },
	{ .name = "unregister",
		.operands = "AOR",
		.min = 1,
		.max = 1,
		.summary = "remove the registration of this node",
		.result = "@sip.unregister",
		.run = sip_unregister },
	{ .name = "lookup",
		.operands = "AOR|GRUU",
		.min = 1,
		.max = 1,
		.summary = "the devices of a user, and where calls are forwarded to",
		.result = "@sip.resolve",
		.run = sip_lookup },
	{ 0 },
};

static const char *const examples[] = {
	"reload-sip-call -a bob register bob@calls.example",
	"reload-sip-call -a alice lookup bob@calls.example",
	NULL,
};

static const struct cli_program program = {
	.name = "reload-sip-call",
	.summary = "Register addresses of record of SIP in a RELOAD overlay, and look them up.",
	.manual = "reload-sip-call(1)",
	.commands = commands,
	.opts = common_opts,
	.examples = examples,
	.exits = CLI_EXIT(3) | CLI_EXIT(4) | CLI_EXIT(5) | CLI_EXIT(6) | CLI_EXIT(7) | CLI_EXIT(8) |
		 CLI_EXIT(9) | CLI_EXIT(10),
	.complete = cli_complete_agent,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
