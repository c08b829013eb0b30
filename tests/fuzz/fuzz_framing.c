/*
 * The framing of a link on hostile bytes.  The first byte chooses the limit and how the rest is cut into pieces: the
 * same frames must come out of the whole and of the pieces, and no more memory is held than one frame needs.  Every ACK
 * is also taken as one of frames that were sent.
 */
#include "link/framing.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
}

/* what came out, as one number; *end is the last thing that was told */
static uint64_t run(struct span all, size_t max, size_t piece, enum reload_framing_step *end)
{
	struct reload_framing f;
	struct reload_framing_item item;
	struct wr acks;
	uint64_t sum = 1;
	reload_framing_init(&f, max);
	wr_init(&acks);
	for (uint64_t i = 0; i < 100; i++)
		reload_framing_data_write(&f, &acks, span_of("m", 1), i);
	*end = RELOAD_FRAMING_MORE;
	for (size_t at = 0; at < all.len; at += piece) {
		size_t n = all.len - at < piece ? all.len - at : piece;
		uint8_t *copy = reload_memdup(all.at + at, n); /* one byte too far is seen */
		struct span in = span_of(copy, n);
		enum reload_framing_step step;
		while ((step = reload_framing_next(&f, &in, &item)) != RELOAD_FRAMING_MORE) {
			assert(*end != RELOAD_FRAMING_BROKEN && *end != RELOAD_FRAMING_OVERSIZED);
			assert(item.message.len <= max);
			*end = step;
			sum = mix(mix(sum, step), item.sequence);
			if (step == RELOAD_FRAMING_DATA) {
				for (size_t k = 0; k < item.message.len; k++)
					sum = mix(sum, item.message.at[k]);
				acks.len = 0;
				reload_framing_received(&f, item.sequence, 100);
				reload_framing_acks_write(&f, &acks);
				assert(acks.len == RELOAD_FRAME_ACK_SIZE && !(acks.at[8] & 1));
			}
			reload_ms rtt;
			uint32_t before = reload_framing_unacked(&f);
			if (step == RELOAD_FRAMING_ACK) {
				bool news = reload_framing_acked(&f, item.sequence, 100, &rtt);
				assert(!news || item.sequence < 100);
				assert(rtt == RELOAD_NEVER || rtt <= 100);
				assert(reload_framing_unacked(&f) <= before);
			}
		}
		assert(!in.len && f.partial.cap <= 2 * (max + 8) + 256);
		free(copy);
	}
	wr_clear(&acks);
	reload_framing_clear(&f);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t limits[] = { 0, 37, 100, 5000 };
	static const size_t pieces[] = { 1, 7, 64, 1000 };
	if (!size)
		return 0;
	struct span all = span_of(data + 1, size - 1);
	size_t max = limits[data[0] & 3];
	enum reload_framing_step end_whole, end_pieces;
	uint64_t whole = run(all, max, all.len + 1, &end_whole);
	uint64_t cut = run(all, max, pieces[data[0] >> 2 & 3], &end_pieces);
	assert(whole == cut && end_whole == end_pieces);
	return 0;
}
