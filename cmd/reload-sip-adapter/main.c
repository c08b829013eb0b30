/* reload-sip-adapter: ordinary SIP devices take part in an overlay (RFC 7904). */
#include "common/main.h"
#include "common/call.h"
#include "reload-sip-adapter/serve.h"

static const struct cli_opt serve_opts[] = {
	{ 'l', "listen", "TRANSPORT:ADDR:PORT",
		"where devices come to: udp, tcp or tls, and a numeric address", true },
	{ 0, "mode", "proxy|redirect",
		"forward the requests of devices, or tell them where to go (default proxy)" },
	{ 0, "gateway", "PREFIX=SIP-URI",
		"calls to telephone numbers with that prefix go to that trunk", true },
	{ 0, "users", "FILE", "AORs and their digest hashes; passwd writes it" },
	{ 0, "certificate", "FILE", "PEM certificate, with its chain, of tls" },
	{ 0, "key", "FILE", "PEM private key of tls (default: in the file of --certificate)" },
	{ 0, "ca", "FILE",
		"PEM certificates that servers of other domains are checked against (default: "
		"those of this host)" },
	{ 0, "media", "auto|relay|pass",
		"audio goes through this host: where one side lacks ICE, always, never (default "
		"auto)" },
	{ 0, "media-ports", "FIRST-LAST", "UDP ports of audio (default 20000-29999)" },
	{ 0, "metrics", "ADDR:PORT|PATH",
		"serve OpenMetrics over HTTP there, at /metrics (default: nowhere)" },
	{ 0, "min-expires", "TIME", "shortest registration of a device (default 1m)" },
	{ 0, "max-expires", "TIME", "longest registration of a device (default 1h)" },
	{ 0, "nonce-lifetime", "TIME", "of a digest nonce (default 5m)" },
	{ 0, "per-host", "N", "connections that one host may open (default 1000)" },
	{ 0, "idle", "TIME", "unused connections are kept so long (default 3m)" },
	CLI_END,
};

static const struct cli_opt passwd_opts[] = {
	{ 0, "digest", "sha-256|md5|both",
		"hashes that are written: devices are offered these (default both)" },
	{ 0, "password-file", "FILE", "its first line is the password (default: ask)" },
	CLI_END,
};

static const struct cli_opt common_opts[] = {
	{ 'a', "agent", "NAME|PATH",
		"agent whose user is served: an instance name, or a path if it contains /", true },
	CLI_COMMON_REST,
	CLI_END,
};

#define SERVE_RESULT                                                                               \
	"type:string transport:string address:string"                                              \
	" | type:string aor:string"                                                                \
	" | type:string aor:string devices:integer"                                                \
	" | type:string aor:string error:object"                                                   \
	" | type:string aor:string service:string"                                                 \
	" | type:string aor:string service:string error:object"                                    \
	" | type:string call_id:string from:string to:string setup_ms:integer"                     \
	" | type:string call_id:string from:string to:string duration_s:number ended_by:string "   \
	"media:{from_caller:integer from_callee:integer strangers:integer encrypted:boolean "      \
	"fault:string?}?"                                                                          \
	" | type:string call_id:string from:string to:string sip_status:integer"                   \
	" | type:string received:integer rubbish:integer requests:integer responses:integer "      \
	"registers:integer calls:integer answered:integer refused:integer challenges:integer "     \
	"forged:integer looped:integer"

static const struct cli_command commands[] = {
	{ .name = "serve",
		.summary = "serve the devices of the users of agents, until stopped",
		.opts = serve_opts,
		.result = SERVE_RESULT,
		.run = adapter_serve },
	{ .name = "passwd",
		.operands = "FILE USER",
		.min = 2,
		.max = 2,
		.summary = "set the password of the devices of a user in a users file",
		.opts = passwd_opts,
		.result = "aor:string file:string",
		.run = adapter_passwd },
	{ 0 },
};

static const char *const examples[] = {
	"reload-sip-adapter passwd users alice@calls.example",
	"reload-sip-adapter -a alice -a bob --listen udp:192.0.2.1:5060 --users users",
	NULL,
};

static const struct cli_program program = {
	.name = "reload-sip-adapter",
	.summary = "Let ordinary SIP devices call, and be called by, the users of a RELOAD "
		   "overlay.",
	.manual = "reload-sip-adapter(1)",
	.commands = commands,
	.fallback = "serve",
	.opts = common_opts,
	.examples = examples,
	.exits = CLI_EXIT(3) | CLI_EXIT(4) | CLI_EXIT(6) | CLI_EXIT(8) | CLI_EXIT(9) | CLI_EXIT(10),
	.complete = cli_complete_agent,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
