/* reload-sip-call call, message, options: what is asked of a user. */
#include "reload-sip-call/choose.h"
#include "reload-sip-call/outgoing.h"
#include "reload-sip-call/sip_call.h"

#include "common/files.h"
#include "ident/aor.h"
#include "ident/tel.h"
#include "media/dtls_srtp_io.h"
#include "usage/sip_frame.h"
#include "util/text.h"
#include "util/words.h"

#include <stdlib.h>
#include <string.h>

enum {
	RING_MS = 60000,
	ECHO_MS = 5000,
	ECHO_HZ = 440,
	TEXT_MAX = RELOAD_SIP_BODY_MAX
};

static enum reload_err read_target(
	struct outgoing *o, struct cli *cli, struct reload_error_text *why)
{
	struct reload_aor aor;
	struct reload_tel number;
	const char *text = cli->operands[0];
	char what[256];
	o->aor = text;
	o->sips = cli_has(cli, "sips");
	if (!cli_has(cli, "timeout") && !getenv("RELOAD_TIMEOUT"))
		cli->deadline = RELOAD_NEVER; /* a call lasts */
	o->number = !strncasecmp(text, "tel:", 4);
	if (o->number && !reload_tel_parse(&number, span_str(text)))
		return RELOAD_OK;
	if (!reload_utf8_valid(span_str(text)) || reload_aor_parse(&aor, span_str(text))) {
		snprintf(what, sizeof(what), "%.150s is no AOR, no GRUU and no number",
			reload_utf8_valid(span_str(text)) ? text : "the operand");
		return cli_refuse(why, what,
			"a user and a domain, such as bob@calls.example, or tel: and up to 15 "
			"digits");
	}
	o->sips |= aor.sips;
	choose_agent(cli, text, o->phone.anonymous);
	return RELOAD_OK;
}

static int dry(struct outgoing *o, struct cli *cli)
{
	(void)o;
	return sip_lookup(cli);
}

/* --hold AT+FOR */
static enum reload_err read_hold(struct outgoing *o, struct cli *cli, struct reload_error_text *why)
{
	const char *text = cli_value(cli, "hold", NULL), *plus = text ? strchr(text, '+') : NULL;
	char at[RELOAD_TIME_TEXT];
	if (!text)
		return RELOAD_OK;
	snprintf(at, sizeof(at), "%.*s", plus ? (int)(plus - text) : 0, text);
	if (!plus || reload_time_parse(&o->hold_at, at) ||
		reload_time_parse(&o->hold_for, plus + 1) || !o->hold_for)
		return cli_refuse(why, "--hold is no AT+FOR", "two times, such as 10s+5s");
	return RELOAD_OK;
}

/* --session: RFC 4028 has a least. */
static enum reload_err read_session(
	struct outgoing *o, struct cli *cli, struct reload_error_text *why)
{
	reload_ms session = 0;
	enum reload_err err = cli_time(
		cli, "session", (reload_ms)RELOAD_SESSION_DEFAULT_S * RELOAD_SECOND, &session, why);
	if (err)
		return err;
	session /= RELOAD_SECOND;
	if (session && (session < RELOAD_SESSION_MIN_S || session > RELOAD_SESSION_MAX_S))
		return cli_refuse(why, "--session is out of range", "0, or from 90s to 1d");
	o->phone.session_s = (uint32_t)session;
	return RELOAD_OK;
}

int sip_call(struct cli *cli)
{
	struct outgoing o = { .method = "INVITE", .phone.anonymous = cli_has(cli, "anonymous") };
	struct reload_error_text why;
	enum reload_err err = read_target(&o, cli, &why);
	if (!err)
		err = cli_time(cli, "duration", 0, &o.duration, &why);
	if (!err)
		err = cli_time(cli, "ring", RING_MS, &o.ring, &why);
	if (!err)
		err = cli_time(cli, "wait", 0, &o.wait, &why);
	if (!err)
		err = read_hold(&o, cli, &why);
	if (!err)
		err = read_session(&o, cli, &why);
	if (!err)
		err = media_plan_read(&o.phone.plan, cli, false, &why);
	o.phone.plan.duration = o.duration;
	if (!err && !cli->dry_run)
		return outgoing_run(&o, cli);
	media_plan_clear(&o.phone.plan);
	return err ? cli_fail(cli, err, &why) : dry(&o, cli);
}

int sip_echo(struct cli *cli)
{
	struct outgoing o = { .method = "INVITE", .service = "voice-echo", .aor = "voice-echo" };
	struct reload_error_text why;
	enum reload_err err = cli_time(cli, "duration", ECHO_MS, &o.duration, &why);
	o.dry = cli->dry_run;
	o.phone.session_s = RELOAD_SESSION_DEFAULT_S;
	o.ring = RING_MS;
	o.phone.plan.tone_hz = ECHO_HZ;
	o.phone.plan.cert = reload_dtls_cert_new();
	o.phone.plan.duration = o.duration;
	if (!cli_has(cli, "timeout") && !getenv("RELOAD_TIMEOUT"))
		cli->deadline = RELOAD_NEVER; /* a call lasts */
	if (!err)
		return outgoing_run(&o, cli);
	media_plan_clear(&o.phone.plan);
	return cli_fail(cli, err, &why);
}

int sip_options(struct cli *cli)
{
	struct outgoing o = { .method = "OPTIONS" };
	struct reload_error_text why;
	enum reload_err err = read_target(&o, cli, &why);
	if (err)
		return cli_fail(cli, err, &why);
	return cli->dry_run ? dry(&o, cli) : outgoing_run(&o, cli);
}

int sip_message(struct cli *cli)
{
	struct outgoing o = { .method = "MESSAGE" };
	struct reload_error_text why;
	const char *text = cli->operands[1];
	uint8_t *read = NULL;
	size_t len = strlen(text);
	enum reload_err err = read_target(&o, cli, &why);
	if (!err && !strcmp(text, "-")) {
		err = cli_file_read(&read, &len, "-", TEXT_MAX, cli->deadline, &why);
		text = (const char *)read;
	}
	o.text = span_of(text, len);
	if (!err && len > TEXT_MAX) {
		err = reload_error_explain(&why, RELOAD_LIMIT, "the message is too long",
			"it has %zu bytes, and SIP carries %d", len, TEXT_MAX);
		reload_error_advise(&why, "two messages");
	}
	if (!err && (!len || !reload_utf8_valid(o.text)))
		err = cli_refuse(&why, "that is no message", "UTF-8 text of at least one byte");
	int status = err            ? cli_fail(cli, err, &why)
		     : cli->dry_run ? dry(&o, cli)
				    : outgoing_run(&o, cli);
	free(read);
	return status;
}
