/* What comes on the stream is taken apart into messages, and what is due is done. */
#include "reload-sip-call/leg_internal.h"

#include "usage/sip_frame.h"

#include <errno.h>
#include <sofia-sip/sip.h>
#include <sofia-sip/sip_parser.h>
#include <string.h>
#include <sys/socket.h>

enum {
	READ_CHUNK = 16 * 1024
};

/* Takes the whole messages out of what was received; false: the stream cannot be understood any more. */
static bool take_messages(struct leg *leg)
{
	for (;;) {
		size_t skip, len;
		enum reload_err err = reload_sip_frame(&skip, &len, wr_done(&leg->in));
		size_t used = skip + (err ? 0 : len);
		if (!err) {
			msg_t *msg =
				msg_make(sip_default_mclass(), 0, leg->in.at + skip, (ssize_t)len);
			if (!msg)
				return false;
			leg_take(leg, sip_object(msg), msg);
			msg_destroy(msg);
			if (leg->fd < 0)
				return true;
		}
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

reload_ms leg_due(const struct leg *leg)
{
	reload_ms audio = leg->media ? media_due(leg->media) : RELOAD_NEVER;
	reload_ms due = audio < leg->deadline ? audio : leg->deadline;
	return due < leg->hold_again ? due : leg->hold_again;
}

static void late(struct leg *leg)
{
	leg->deadline = RELOAD_NEVER;
	if (leg->state == LEG_ACCEPTED ||
		leg->state == LEG_UP) /* no ACK, no answer to leg_hold() */
		leg_hang_up(leg, "time");
	else if (leg->state == LEG_IDLE) {
		leg->status = 408; /* no answer to leg_ask() */
		leg_cut(leg);
	} else
		leg_end(leg);
}

void leg_run(struct leg *leg, reload_ms now)
{
	if (leg->media)
		media_run(leg->media, now);
	if (now >= leg->hold_again)
		leg_hold(leg, leg->on_hold);
	if (now >= leg->deadline)
		late(leg);
}
