/* reload-attach: a connection of one's own to another node, through the overlay. */
#include "common/main.h"
#include "reload-attach/attach.h"

#define FORMS                                                                                      \
	{ 0, "stream", NULL, "it carries bytes in order (default)" },                              \
	{                                                                                          \
		0, "datagram", NULL, "it carries packets, which may be lost"                       \
	}

static const struct cli_opt connect_opts[] = {
	{ 0, "unix", "PATH",
		"serve the local socket PATH: a connection for each program that comes" },
	FORMS,
	{ 'c', "count", "COUNT", "end after so many with --unix, 0: until stopped (default 0)" },
	{ 'W', "wait", "TIME", "until it is connected (default 20s)" },
	CLI_END,
};

static const struct cli_opt listen_opts[] = {
	{ 0, "unix", "PATH", "join each connection to the local socket PATH" },
	FORMS,
	{ 'c', "count", "COUNT", "end after so many, 0: until stopped (default 1, 0 with --unix)" },
	{ 0, "places", "COUNT", "so many at a time with --unix (default 16)" },
	CLI_END,
};

static const struct cli_opt common_opts[] = { CLI_COMMON, CLI_END };

#define CONNECTED                                                                                  \
	"type:string connection:integer application:integer node_id:string user:string? "          \
	"address:string path:string relay:string? packet_bytes:integer?"

static const struct cli_command commands[] = {
	{ .name = "connect",
		.operands = "APP-ID TARGET",
		.min = 2,
		.max = 2,
		.summary = "ask a node, or the nodes of a user, for a connection",
		.opts = connect_opts,
		.result = CONNECTED " | type:string connection:integer application:integer "
				    "node_id:string user:string? sent_bytes:integer "
				    "received_bytes:integer | type:string connections:integer "
				    "sent_bytes:integer received_bytes:integer",
		.run = attach_connect },
	{ .name = "listen",
		.operands = "APP-ID",
		.min = 1,
		.max = 1,
		.summary = "take connections of an application",
		.opts = listen_opts,
		.result = "type:string application:integer | " CONNECTED
			  " | type:string connection:integer sent_bytes:integer "
			  "received_bytes:integer error:object? | type:string "
			  "connections:integer sent_bytes:integer received_bytes:integer",
		.run = attach_listen },
	{ 0 },
};

static const char *const examples[] = {
	"reload-attach -a bob listen 61441 >received",
	"reload-attach -a alice connect 61441 bob@calls.example <file",
	NULL,
};

static const struct cli_program program = {
	.name = "reload-attach",
	.summary = "Connect standard input and output, or a local socket, to another user of a "
		   "RELOAD overlay.",
	.manual = "reload-attach(1)",
	.commands = commands,
	.opts = common_opts,
	.examples = examples,
	.exits = CLI_EXIT(3) | CLI_EXIT(4) | CLI_EXIT(5) | CLI_EXIT(6) | CLI_EXIT(7) | CLI_EXIT(8) |
		 CLI_EXIT(9) | CLI_EXIT(10),
	.timeout_ms = RELOAD_NEVER,
	.complete = cli_complete_agent,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
