#include "usage/sip_session.h"

enum {
	BEFORE_END_S =
		32 /* RFC 4028 s10: so long before its end, or a third of the interval, who does not refresh sends BYE */
};

void reload_session_clear(struct reload_session *s)
{
	*s = (struct reload_session){ .refresh_at = RELOAD_NEVER, .end_at = RELOAD_NEVER };
}

int reload_session_answer(
	struct reload_session_fields *out, const struct reload_session_fields *request)
{
	*out = (struct reload_session_fields){ .supported = true };
	if (!request->expires_s)
		return 0;
	if (request->expires_s < RELOAD_SESSION_MIN_S && request->supported) {
		out->min_s = RELOAD_SESSION_MIN_S;
		return 422;
	}
	if (request->expires_s < RELOAD_SESSION_MIN_S)
		return 0; /* a proxy wants that, whom a 422 would not help: the call has no timer */
	out->expires_s = request->expires_s;
	if (out->expires_s > RELOAD_SESSION_MAX_S && request->min_s <= RELOAD_SESSION_MAX_S)
		out->expires_s = RELOAD_SESSION_MAX_S;
	out->refresher = !request->supported ? RELOAD_REFRESHER_UAS : request->refresher;
	if (out->refresher == RELOAD_REFRESHER_OPEN)
		out->refresher = RELOAD_REFRESHER_UAC;
	return 0;
}

void reload_session_agree(struct reload_session *s, const struct reload_session_fields *answer,
	bool uac, reload_ms now)
{
	reload_session_clear(s);
	if (!answer->expires_s)
		return;
	uint32_t interval =
		answer->expires_s < RELOAD_SESSION_MIN_S ? RELOAD_SESSION_MIN_S : answer->expires_s;
	uint32_t before = interval / 3 < BEFORE_END_S ? interval / 3 : BEFORE_END_S;
	bool uac_refreshes = answer->refresher != RELOAD_REFRESHER_UAS;
	s->interval_s = interval;
	s->refreshes = uac == uac_refreshes;
	s->end_at = now + (reload_ms)(interval - before) * RELOAD_SECOND;
	if (s->refreshes)
		s->refresh_at = now + (reload_ms)interval * RELOAD_SECOND / 2;
}

uint32_t reload_session_longer(uint32_t asked_s, uint32_t min_s)
{
	return asked_s && min_s > asked_s && min_s <= RELOAD_SESSION_MAX_S ? min_s : 0;
}
