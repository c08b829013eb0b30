/* reload-sip-call: SIP in an overlay without a server (RFC 7904). */
#include "common/main.h"
#include "reload-sip-call/sip_call.h"

static const struct cli_opt register_opts[] = {
	{ 0, "forward", "AOR", "callers go to that AOR or GRUU, not to this node" },
	{ 0, "prefs", "TEXT", "contact preferences of this device, such as (sip.schemes=SIPS)" },
	{ 0, "lifetime", "TIME", "of the registration, which is renewed (default 1h)" },
	CLI_END,
};

static const struct cli_opt call_opts[] = {
	{ 0, "play", "WAV", "what the callee hears: a file, to whose end the call lasts" },
	{ 0, "tone", "HZ", "what the callee hears: a tone" },
	{ 0, "record", "WAV", "what the callee says goes to that file" },
	{ 0, "dtmf", "DIGITS", "digits to send after the answer (RFC 4733)" },
	{ 0, "codec", "NAME",
		"the codec that is offered first: PCMU, PCMA or opus (default PCMU)" },
	{ 0, "duration", "TIME", "of the call from its answer on, then it is ended" },
	{ 0, "ring", "TIME", "until somebody answers (default 1m)" },
	{ 0, "session", "TIME",
		"in which both ends show that the call goes on, 0: never (default 30m)" },
	{ 0, "hold", "AT+FOR", "hold the call AT after its answer, and resume it after FOR" },
	{ 0, "wait", "TIME", "until the callee is registered and listens (default 0)" },
	{ 0, "sips", NULL, "SIPS, whatever the callee prefers" },
	{ 0, "sips-media-only", NULL, "end a call whose audio the callee does not encrypt" },
	{ 0, "no-media", NULL, "a call without audio: SIP alone" },
	{ 0, "anonymous", NULL,
		"with an agent that runs with --pseudonym: neither who calls nor where from is "
		"told" },
	CLI_END,
};

static const struct cli_opt listen_opts[] = {
	{ 0, "answer", NULL, "answer calls at once (default: they ring)" },
	{ 0, "play", "WAV", "what callers hear: a file, to whose end a call lasts" },
	{ 0, "echo", NULL, "callers hear what they say" },
	{ 0, "record", "WAV", "what the caller says goes to that file" },
	{ 0, "offer", NULL, "offer the echo to everybody, as a service of the overlay" },
	{ 0, "voicemail", "DIR",
		"answer calls for any user that nobody took, and record them to files there" },
	{ 0, "reject", "CODE", "refuse calls with that status, such as 486" },
	{ 'c', "count", "COUNT", "end after so many calls, 0: until stopped (default 0)" },
	{ 0, "sips", NULL, "take SIPS alone" },
	CLI_END,
};

static const struct cli_opt echo_opts[] = {
	{ 0, "duration", "TIME", "of the call (default 5s)" },
	CLI_END,
};

static const struct cli_opt ask_opts[] = {
	{ 0, "sips", NULL, "SIPS, whatever the callee prefers" },
	CLI_END,
};

#define OF_DEVICE " | type:string node_id:string "
#define ON_THE_WAY                                                                                 \
	"type:string aor:string nodes:string[]" OF_DEVICE                                          \
	"took_ms:integer application:integer link:string path:string"
#define MEDIA_RESULT                                                                               \
	"{path:string? encrypted:boolean sent:integer received:integer lost:integer "              \
	"jitter_ms:number "                                                                        \
	"rtt_ms:number? "                                                                          \
	"remote_lost:integer? mos:number? digits:string}"
#define CALL_RESULT                                                                                \
	ON_THE_WAY OF_DEVICE                                                                       \
		"sip_status:integer" OF_DEVICE "setup_ms:integer codec:string?" OF_DEVICE          \
		"sip_status:integer phrase:string" OF_DEVICE "aor:string"                          \
		" | type:string call_id:string aor:string node_id:string gruu:string "             \
		"sip_status:integer setup_ms:integer duration_s:number ended_by:string "           \
		"media:" MEDIA_RESULT "? "                                                         \
		"link:string path:string"
#define ASK_RESULT ON_THE_WAY OF_DEVICE "aor:string sip_status:integer phrase:string allow:string[]"
#define LISTEN_RESULT                                                                              \
	"type:string aor:string | type:string aor:string node_id:string"                           \
	" | type:string aor:string node_id:string text:string"                                     \
	" | type:string aor:string node_id:string call_id:string sip_status:integer "              \
	"duration_s:number ended_by:string? media:" MEDIA_RESULT "? | type:string aor:string "     \
	"node_id:string digit:string | type:string aor:string node_id:string callee:string "       \
	"file:string | type:string service:string node_id:string | type:string calls:integer"

static const struct cli_opt common_opts[] = { CLI_COMMON, CLI_END };

static const struct cli_command commands[] = {
	{ .name = "call",
		.operands = "AOR|GRUU|tel:NUMBER",
		.min = 1,
		.max = 1,
		.summary = "call a user, or a telephone number",
		.opts = call_opts,
		.result = CALL_RESULT,
		.run = sip_call },
	{ .name = "listen",
		.summary = "take calls and messages",
		.opts = listen_opts,
		.result = LISTEN_RESULT,
		.run = sip_listen },
	{ .name = "echo",
		.summary = "call the echo service of the overlay: delay, jitter, loss, quality",
		.opts = echo_opts,
		.result = CALL_RESULT,
		.run = sip_echo },
	{ .name = "message",
		.operands = "AOR|GRUU TEXT|-",
		.min = 2,
		.max = 2,
		.summary = "send a message to a user who listens",
		.opts = ask_opts,
		.result = ASK_RESULT,
		.run = sip_message },
	{ .name = "options",
		.operands = "AOR|GRUU",
		.min = 1,
		.max = 1,
		.summary = "ask a user who listens what its device can do",
		.opts = ask_opts,
		.result = ASK_RESULT,
		.run = sip_options },
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
		.operands = "AOR|GRUU|tel:NUMBER",
		.min = 1,
		.max = 1,
		.summary = "the devices of a user, and where calls are forwarded to; the gateways "
			   "to a number",
		.result = "@sip.resolve",
		.run = sip_lookup },
	{ 0 },
};

static const char *const examples[] = {
	"reload-sip-call -a bob register bob@calls.example",
	"reload-sip-call -a bob listen --answer --echo",
	"reload-sip-call -a alice bob@calls.example --tone 440 --duration 3s",
	NULL,
};

static const struct cli_program program = {
	.name = "reload-sip-call",
	.summary = "Call, and be called by, other users of a RELOAD overlay, with SIP.",
	.manual = "reload-sip-call(1)",
	.commands = commands,
	.fallback = "call",
	.opts = common_opts,
	.examples = examples,
	.exits = CLI_EXIT(3) | CLI_EXIT(4) | CLI_EXIT(5) | CLI_EXIT(6) | CLI_EXIT(7) | CLI_EXIT(8) |
		 CLI_EXIT(9) | CLI_EXIT(10) | CLI_EXIT(12),
	.complete = cli_complete_agent,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
