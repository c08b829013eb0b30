/* What comes on the stream is taken apart into messages, and what is due is done. */
#include "reload-sip-call/leg_internal.h"

#include "usage/sip_frame.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum {
	READ_CHUNK = 16 * 1024
};

static void take_message(struct leg *leg, struct span text)
{
	struct sip_message m;
	sip_message_read(&m, text);
	leg_take(leg, &m, text);
	sip_message_clear(&m);
}

/* What came between messages: to each CRLF CRLF a CRLF is sent (R7904-30), also when it came in pieces. */
static void take_blank(struct leg *leg, struct span text)
{
	static const char ping[] = "\r\n\r\n";
	for (size_t i = 0; i < text.len && leg->fd >= 0; i++) {
		leg->blank = text.at[i] == ping[leg->blank] ? leg->blank + 1 : text.at[i] == '\r';
		if (leg->blank < sizeof(ping) - 1)
			continue;
		leg->blank = 0;
		leg_blank(leg, "\r\n");
	}
}

/* Takes the whole messages out of what was received; false: nothing behind can be found any more. */
static bool take_messages(struct leg *leg)
{
	for (;;) {
		size_t skip, len;
		enum reload_err err = reload_sip_frame(&skip, &len, wr_done(&leg->in));
		size_t used = skip + (err ? 0 : len);
		take_blank(leg, span_of(leg->in.at, skip));
		if (leg->in.len > skip)
			leg->blank = 0;
		if (!err)
			take_message(leg, span_of(leg->in.at + skip, len));
		else if (err != RELOAD_SHORT)
			(void)leg_refuse_text(leg, span_of(leg->in.at + skip, leg->in.len - skip),
				err == RELOAD_LIMIT ? 413 : 400);
		if (leg->fd < 0)
			return true;
		leg->in.len -= used;
		if (leg->in.len)
			memmove(leg->in.at, leg->in.at + used, leg->in.len);
		if (err)
			return err == RELOAD_SHORT;
	}
}

void leg_input(struct leg *leg)
{
	uint8_t chunk[READ_CHUNK];
	ssize_t n = recv(leg->fd, chunk, sizeof(chunk), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		leg_cut(leg);
		return;
	}
	wr_bytes(&leg->in, chunk, (size_t)n);
	if (!take_messages(leg))
		leg_cut(leg);
}

/* -- time --------------------------------------------------------------------------------------------------------------------- */

static reload_ms first_of(reload_ms a, reload_ms b)
{
	return a < b ? a : b;
}

reload_ms leg_due(const struct leg *leg)
{
	reload_ms due = leg->media ? media_due(leg->media) : RELOAD_NEVER;
	due = first_of(first_of(due, leg->deadline), leg->hold_again);
	due = first_of(due, first_of(leg->again_at, leg->again_end));
	due = first_of(due, leg->ping_at);
	return first_of(due, first_of(leg->session.refresh_at, leg->session.end_at));
}

static void late(struct leg *leg)
{
	leg->deadline = RELOAD_NEVER;
	if (leg->state == LEG_ACCEPTED || leg->state == LEG_UP)
		leg_hang_up(leg, "time"); /* no ACK, no answer to leg_hold() or leg_refresh() */
	else if (leg->state == LEG_IDLE) {
		leg->status = 408; /* no answer to leg_ask() */
		leg_cut(leg);
	} else
		leg_end(leg);
}

/* RFC 3262 s3: a reliable response that nobody acknowledges ends the call. */
static void unacknowledged(struct leg *leg)
{
	leg_again_end(leg);
	if (leg->state == LEG_RINGING)
		leg_refuse(leg, 504);
}

void leg_run(struct leg *leg, reload_ms now)
{
	if (leg->media)
		media_run(leg->media, now);
	leg_prepared(leg);
	if (now >= leg->hold_again)
		leg_hold(leg, leg->on_hold);
	if (now >= leg->ping_at) {
		leg_ping_later(leg);
		leg_blank(leg, "\r\n\r\n");
	}
	if (now >= leg->session.refresh_at)
		leg_refresh(leg);
	if (now >= leg->again_end)
		unacknowledged(leg);
	else if (now >= leg->again_at)
		leg_again(leg, now);
	if (now >= leg->session.end_at) {
		reload_session_clear(&leg->session);
		leg_hang_up(leg, "time"); /* the other end has not refreshed the call */
	}
	if (now >= leg->deadline)
		late(leg);
}
