#include "media/jitter.h"

enum reload_jitter_put reload_jitter_put(struct reload_jitter *j, const struct reload_rtp *p)
{
	if (!j->begun) {
		j->begun = true;
		j->next = p->sequence;
	}
	int16_t ahead = (int16_t)(p->sequence - j->next);
	struct reload_jitter_slot *slot = &j->slots[p->sequence % RELOAD_JITTER_PACKETS];
	if (ahead >= RELOAD_JITTER_PACKETS)
		return RELOAD_JITTER_FAR;
	if (ahead < 0 || slot->used || p->payload.len > sizeof(slot->bytes))
		return RELOAD_JITTER_DROPPED;
	slot->used = true;
	slot->p = *p;
	if (p->payload.len)
		memcpy(slot->bytes, p->payload.at, p->payload.len);
	slot->p.payload = span_of(slot->bytes, p->payload.len);
	j->count++;
	return RELOAD_JITTER_KEPT;
}

enum reload_jitter_step reload_jitter_next(
	struct reload_jitter *j, struct reload_rtp *out, size_t depth)
{
	struct reload_jitter_slot *slot = &j->slots[j->next % RELOAD_JITTER_PACKETS];
	if (!j->count || (!slot->used && j->count <= depth))
		return RELOAD_JITTER_WAITS;
	j->next++;
	if (!slot->used)
		return RELOAD_JITTER_LOST;
	slot->used = false;
	j->count--;
	*out = slot->p;
	return RELOAD_JITTER_PLAY;
}

void reload_jitter_reset(struct reload_jitter *j)
{
	for (size_t i = 0; i < RELOAD_JITTER_PACKETS; i++)
		j->slots[i].used = false;
	j->count = 0;
	j->begun = false;
}
