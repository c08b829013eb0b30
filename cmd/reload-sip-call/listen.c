/* reload-sip-call listen: calls and messages of others. */
#include "reload-sip-call/mailbox.h"
#include "reload-sip-call/phone.h"
#include "reload-sip-call/sip_call.h"
#include "usage/sip.h"

#include <stdlib.h>
#include <string.h>

enum {
	PLACES = 16,
	PLACES_OF_ONE = 4, /* with one node */
	IDLE_MS = 32000,   /* a connection without a call and without a message is kept so long */
	COUNT_MAX = 1000000
};

struct listener {
	struct phone phone; /* first */
	bool answer;
	int reject;            /* status; 0: not */
	const char *voicemail; /* directory; NULL: none */
	const char *service;   /* that is offered as long as it listens; NULL: none */
	json_int_t offering,
		ending;        /* numbers of service.register and service.remove; 0: not sent */
	uint64_t count, calls; /* count: of calls, then it ends; 0: until stopped */
	unsigned listening, wanted;
	bool was_up; /* the call that is printed as ended */
	int status;
};

static void print_event(FILE *out, const json_t *o, void *arg)
{
	const struct listener *l = arg;
	const char *type = cli_get_text(o, "type");
	const json_t *media = json_object_get(o, "media");
	char node[CLI_SHORT_ID];
	fprintf(out, "%-10s ", type);
	if (!strcmp(type, "summary")) {
		long long n = cli_get_int(o, "calls");
		fprintf(out, "%lld call%s\n", n, cli_plural(n));
		return;
	}
	cli_put_safe(out, cli_get_text(o, !strcmp(type, "offered") ? "service" : "aor"));
	if (*cli_get_text(o, "node_id"))
		fprintf(out, " (%s)", cli_short_id(node, cli_get_text(o, "node_id")));
	if (!strcmp(type, "digit")) {
		fprintf(out, "  %s", cli_get_text(o, "digit"));
	} else if (!strcmp(type, "message")) {
		fputs("  ", out);
		cli_put_safe(out, cli_get_text(o, "text"));
	} else if (!strcmp(type, "voicemail")) {
		fputs("  for ", out);
		cli_put_safe(out, cli_get_text(o, "callee"));
		fputs("  ", out);
		cli_put_safe(out, cli_get_text(o, "file"));
	} else if (!strcmp(type, "ended") && l->was_up) {
		fputs("  ", out);
		media_text(out, media, cli_get_real(o, "duration_s"), l->phone.cli->verbose);
	} else if (!strcmp(type, "ended")) {
		fprintf(out, "  not answered, %lld", cli_get_int(o, "sip_status"));
	}
	fputc('\n', out);
}

static void print(struct listener *l, json_t *object)
{
	struct cli *cli = l->phone.cli;
	if (!cli->quiet || cli->format != CLI_TEXT)
		cli_print(cli, object, print_event, l);
	json_decref(object);
}

static json_t *event(const struct leg *leg, const char *type)
{
	return json_pack("{s:s, s:s, s:s}", "type", type, "aor",
		leg->peer_user ? leg->peer_user : "", "node_id", leg->node);
}

/* -- calls -------------------------------------------------------------------------------------------------------------------- */

/* The call is for the mailbox; false: that is full. */
static bool take_message(struct listener *l, struct leg *leg)
{
	const char *file = mailbox_take(leg, l->voicemail);
	if (!file) {
		cli_warn(l->phone.cli, "there are %d messages in %s: no more are taken",
			MAILBOX_MESSAGES_MAX, l->voicemail);
		return false;
	}
	json_t *e = event(leg, "voicemail");
	json_object_set_new(e, "callee", json_string(leg->called));
	json_object_set_new(e, "file", json_string(file));
	print(l, e);
	return true;
}

static void on_invited(struct leg *leg)
{
	struct listener *l = leg->owner;
	struct reload_error_text why;
	print(l, event(leg, "incoming"));
	if (l->reject || l->phone.stopping) {
		leg_refuse(leg, l->reject ? l->reject : 480);
		return;
	}
	if (l->voicemail && leg->offered &&
		(!leg->offer.streams || !(leg->offer.direction & RELOAD_SDP_SENDONLY))) {
		leg_refuse(leg, 488); /* nothing would be recorded */
		return;
	}
	if (l->voicemail && !take_message(l, leg)) {
		leg_refuse(leg, 480);
		return;
	}
	leg_ring(leg);
	if (!l->answer || leg->state != LEG_RINGING || !leg_accept(leg, &why))
		return;
	cli_warn(l->phone.cli, "%s: %s", why.what, why.reason);
	leg_refuse(leg, 500);
}

static void on_answered(struct leg *leg)
{
	print(leg->owner, event(leg, "answered"));
}

static void print_digits(struct leg *leg)
{
	char digit[2] = "";
	while (leg->media && (*digit = media_digit(leg->media))) {
		json_t *e = event(leg, "digit");
		json_object_set_new(e, "digit", json_string(digit));
		print(leg->owner, e);
	}
}

static void on_ended(struct leg *leg)
{
	struct listener *l = leg->owner;
	print_digits(leg);
	json_t *e = event(leg, "ended");
	l->was_up = leg->answered_at != 0;
	json_object_set_new(e, "call_id", json_string(leg->call_id ? leg->call_id : ""));
	json_object_set_new(e, "sip_status", json_integer(leg->status));
	json_object_set_new(e, "duration_s",
		json_real(l->was_up ? (double)(leg->ended_at - leg->answered_at) / RELOAD_SECOND
				    : 0));
	json_object_set_new(
		e, "ended_by", leg->ended_by ? json_string(leg->ended_by) : json_null());
	json_object_set_new(
		e, "media", l->was_up && leg->media ? media_json(leg->media) : json_null());
	print(l, e);
	l->calls++;
}

static void on_held(struct leg *leg, int status)
{
	(void)status;
	print(leg->owner, event(leg, leg->on_hold ? "held" : "resumed"));
}

static void on_message(struct leg *leg, struct span text)
{
	json_t *e = event(leg, "message");
	json_object_set_new(
		e, "text", json_stringn(text.len ? (const char *)text.at : "", text.len));
	print(leg->owner, e);
}

static const struct leg_ops leg_ops = {
	.traced = phone_trace,
	.invited = on_invited,
	.answered = on_answered,
	.ended = on_ended,
	.message = on_message,
	.held = on_held,
};

/* -- the loop ------------------------------------------------------------------------------------------------------------------ */

/* Connections with the node of leg that are neither lost nor being closed. */
static size_t count_of_node(const struct phone *p, const struct leg *leg)
{
	size_t n = 0;
	for (size_t i = 0; i < p->count; i++) {
		const struct leg *l = p->legs[i];
		n += l->fd >= 0 && !l->closing && !l->cut && !strcmp(l->node, leg->node);
	}
	return n;
}

static void on_connected(struct phone *p, json_int_t id, const json_t *object, struct leg *leg)
{
	(void)id, (void)object;
	if (!leg)
		return;
	leg->ops = &leg_ops;
	leg->owner = p->owner;
	leg->any_callee = ((struct listener *)p->owner)->voicemail != NULL;
	leg->cut = count_of_node(p, leg) > PLACES_OF_ONE; /* on_pass() drops it */
}

static void on_progress(struct phone *p, json_int_t id, const json_t *object)
{
	struct listener *l = p->owner;
	(void)id;
	if (!strcmp(cli_get_text(object, "type"), "listening") && ++l->listening == l->wanted)
		print(l, json_pack("{s:s, s:s}", "type", "listening", "aor", p->user));
}

/* A listener ends only by a failure, or when the service that it offers is removed. */
static void on_replied(
	struct phone *p, json_int_t id, const json_t *result, struct reload_call_error *error)
{
	struct listener *l = p->owner;
	if (id == l->offering && result) {
		print(l, json_pack("{s:s, s:O, s:O}", "type", "offered", "service",
				 json_object_get(result, "service"), "node_id",
				 json_object_get(result, "node_id")));
		return;
	}
	if (!result)
		l->status = cli_fail_rpc(p->cli, error);
	p->done = true;
}

/* What was offered is offered no longer; then it ends. */
static void end(struct listener *l)
{
	struct phone *p = &l->phone;
	if (!l->offering)
		p->done = true;
	else if (!l->ending && !phone_send(p, "service.remove", phone_service(p, l->service),
				       &l->ending, &l->status))
		p->done = true;
}

static reload_ms on_pass(struct phone *p, reload_ms now)
{
	struct listener *l = p->owner;
	size_t calls = 0;
	reload_ms next = RELOAD_NEVER;
	for (size_t i = p->count; i-- > 0;) {
		struct leg *leg = p->legs[i];
		bool busy = leg->state != LEG_IDLE && leg->state != LEG_ENDED;
		calls += busy;
		if (busy)
			print_digits(leg);
		if (busy && leg->state == LEG_UP && leg->media && media_played(leg->media))
			leg_hang_up(leg, "callee");
		if (busy && l->voicemail && leg->state == LEG_UP) {
			reload_ms longest = leg->answered_at + MAILBOX_MESSAGE_MS;
			if (now >= longest)
				leg_hang_up(leg, "time");
			else if (longest < next)
				next = longest;
		}
		if (busy || leg->closing)
			continue;
		reload_ms idle_to = leg->used + IDLE_MS;
		if (leg->fd < 0 || leg->cut || now >= idle_to)
			phone_drop(p, leg);
		else if (idle_to < next)
			next = idle_to;
	}
	bool over = ((l->count && l->calls >= l->count) || p->stopping) && !calls;
	for (size_t i = 0; over && i < p->count; i++)
		phone_drop(p, p->legs[i]); /* the last answers arrive */
	if (over && !p->count)
		end(l);
	return next;
}

static void on_stopped(struct phone *p)
{
	for (size_t i = 0; i < p->count; i++)
		leg_hang_up(p->legs[i], "callee");
}

/* h holds all calls, and resumes them. */
static void on_key(struct phone *p, char key)
{
	for (size_t i = 0; key == 'h' && i < p->count; i++)
		leg_hold(p->legs[i], !p->legs[i]->on_hold);
}

static const struct phone_ops ops = {
	.key = on_key,
	.connected = on_connected,
	.progress = on_progress,
	.replied = on_replied,
	.pass = on_pass,
	.stopped = on_stopped,
};

static bool listen_for(struct listener *l, int application)
{
	json_int_t id;
	l->wanted++;
	return phone_send(&l->phone, "app.listen",
		json_pack("{s:i, s:i}", "application", application, "places", PLACES), &id,
		&l->status);
}

static bool offer(struct listener *l)
{
	struct phone *p = &l->phone;
	return !l->service || phone_send(p, "service.register", phone_service(p, l->service),
				      &l->offering, &l->status);
}

static int run(struct listener *l, struct cli *cli)
{
	struct reload_error_text why;
	enum reload_err err = phone_open(&l->phone, cli, &ops, &why);
	l->phone.owner = l;
	if (err) {
		l->status = cli_fail(cli, err, &why);
	} else if ((cli_has(cli, "sips") || listen_for(l, RELOAD_APP_SIP)) && /* R7904-26 */
		   listen_for(l, RELOAD_APP_SIPS) && offer(l)) {
		int failed = phone_run(&l->phone);
		l->status = failed ? failed : l->status;
		if (!l->status)
			print(l, json_pack("{s:s, s:I}", "type", "summary", "calls",
					 (json_int_t)l->calls));
	}
	phone_close(&l->phone);
	return l->status;
}

static enum reload_err read_options(
	struct listener *l, struct cli *cli, struct reload_error_text *why)
{
	uint64_t reject = 0;
	enum reload_err err = cli_number(cli, "count", 0, 0, COUNT_MAX, &l->count, why);
	if (!err && cli_has(cli, "reject"))
		err = cli_number(cli, "reject", 0, 400, 699, &reject, why);
	if (!err)
		err = media_plan_read(&l->phone.plan, cli, true, why);
	if (err)
		return err;
	l->reject = (int)reject;
	l->voicemail = cli_value(cli, "voicemail", NULL);
	l->answer = cli_has(cli, "answer") || l->voicemail;
	bool audio = l->phone.plan.record || l->phone.plan.echo || l->phone.plan.play.len;
	if (l->reject && l->answer)
		return cli_refuse(why, "--answer with --reject", "a call is answered or rejected");
	if (audio && !l->answer)
		return cli_refuse(why, "audio without --answer", "only answered calls have any");
	if (l->voicemail && (l->phone.plan.record || l->phone.plan.echo))
		return cli_refuse(why, "--voicemail with --record or --echo",
			"messages are recorded to the directory");
	if (cli_has(cli, "offer") && !l->phone.plan.echo)
		return cli_refuse(why, "--offer without --echo", "the service is an echo");
	l->service = l->voicemail ? "voice-mail" : cli_has(cli, "offer") ? "voice-echo" : NULL;
	if (l->voicemail && mailbox_check(l->voicemail, why))
		return RELOAD_IO;
	if (l->phone.plan.record && l->count != 1)
		return cli_refuse(why, "--record without --count 1", "a file is for one call");
	if (!cli_has(cli, "timeout") && !getenv("RELOAD_TIMEOUT"))
		cli->deadline = RELOAD_NEVER;
	return RELOAD_OK;
}

int sip_listen(struct cli *cli)
{
	struct listener l = { 0 };
	struct reload_error_text why;
	enum reload_err err = read_options(&l, cli, &why);
	if (err) {
		media_plan_clear(&l.phone.plan);
		return cli_fail(cli, err, &why);
	}
	if (!cli->dry_run)
		return run(&l, cli);
	media_plan_clear(&l.phone.plan);
	json_t *status;
	int failed = cli_request(cli, "agent.status", NULL, &status);
	if (!failed && cli->format == CLI_TEXT)
		printf("would listen for calls of %s\n", cli_get_text(status, "user"));
	if (!failed)
		json_decref(status);
	return failed;
}
