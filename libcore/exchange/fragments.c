#include "exchange/fragments.h"

#include "wire/message.h"

enum {
	OFFSET_FRAGMENT = 12,
	OFFSET_LENGTH = 16,
	SHARES = 64,
	SHARE_PART = 4 /* of max_bytes at most for the senders of one share */
};

/* Writes the two header fields by which fragments of one message differ. */
static void header_patch(uint8_t *message, uint32_t fragment, uint32_t length)
{
	struct wr w = wr_fixed(message + OFFSET_FRAGMENT, 8);
	wr_u32(&w, fragment);
	wr_u32(&w, length);
}

void reload_fragment_send(struct span message, const struct wire_ctx *ctx, size_t size,
	void (*send)(void *arg, struct span piece), void *arg)
{
	struct reload_header h;
	if (!size || message.len <= size || reload_header_read(&h, message, ctx) ||
		reload_header_size(&h) + RELOAD_FRAGMENT_MIN > size) {
		send(arg, message);
		return;
	}
	size_t head = reload_header_size(&h), payload = message.len - head, room = size - head;
	size_t pieces = (payload + room - 1) / room, part = (payload + pieces - 1) / pieces;
	if (part < RELOAD_FRAGMENT_MIN)
		part = RELOAD_FRAGMENT_MIN;
	uint8_t *piece = reload_alloc(head + part);
	memcpy(piece, message.at, head);
	for (size_t done = 0; done < payload; done += part) {
		size_t n = payload - done < part ? payload - done : part;
		uint32_t last = done + n == payload ? h.fragment & RELOAD_FRAGMENT_LAST : 0;
		uint32_t offset = (h.fragment & RELOAD_FRAGMENT_OFFSET) + (uint32_t)done;
		header_patch(piece,
			RELOAD_FRAGMENT_ALWAYS | last | (offset & RELOAD_FRAGMENT_OFFSET),
			(uint32_t)(head + n));
		memcpy(piece + head, message.at + head + done, n);
		send(arg, span_of(piece, head + n));
	}
	free(piece);
}

struct piece {
	uint32_t offset;
	size_t len;
	uint8_t *bytes;
};

struct set {
	RB_ENTRY(set) entry;
	struct reload_reassembly *owner;
	uint32_t overlay, link; /* link of the piece with offset 0 */
	uint64_t opener;        /* share of who sent the first one to come */
	uint64_t transaction_id;
	struct reload_timer timer;
	struct piece *pieces;           /* ascending, without overlap */
	size_t count, cap, have, total; /* total: payload size, known once the last piece came */
	uint8_t *head;                  /* header of the piece with offset 0 */
	size_t head_len;
	bool last_seen;
};

RB_HEAD(set_tree, set);

struct reload_reassembly {
	struct set_tree sets;
	struct reload_timers *timers;
	size_t bytes, max_bytes;
	size_t *shares; /* SHARES of bytes, by who opened the sets; NULL: there are none */
	reload_ms lifetime;
};

static int set_cmp(struct set *a, struct set *b)
{
	if (a->overlay != b->overlay)
		return a->overlay < b->overlay ? -1 : 1;
	return (a->transaction_id > b->transaction_id) - (a->transaction_id < b->transaction_id);
}

RELOAD_TREE(set_tree, set, entry, set_cmp)

struct reload_reassembly *reload_reassembly_new(
	struct reload_timers *timers, size_t max_bytes, reload_ms lifetime)
{
	struct reload_reassembly *r = RELOAD_NEW(reload_reassembly);
	r->timers = timers;
	r->max_bytes = max_bytes;
	r->lifetime = lifetime;
	return r;
}

/*
 * What a set and a piece cost beside the payload, so that many empty sets and pieces of one byte are bounded as well: the list
 * of pieces may be half empty, and a block of the heap has at least 32 bytes.
 */
enum {
	SET_COST = sizeof(struct set) + 8 * sizeof(struct piece),
	PIECE_COST = 2 * sizeof(struct piece) + 32
};

static bool has_room(const struct reload_reassembly *r, uint64_t opener, size_t len)
{
	size_t share = r->shares ? r->shares[opener % SHARES] : 0;
	return r->bytes + len <= r->max_bytes && share + len <= r->max_bytes / SHARE_PART;
}

static void account(struct set *s, size_t len)
{
	if (!s->owner->shares)
		s->owner->shares = reload_alloc_array(SHARES, sizeof(*s->owner->shares));
	s->owner->bytes += len;
	s->owner->shares[s->opener % SHARES] += len;
}

static void set_free(struct set *s)
{
	struct reload_reassembly *r = s->owner;
	RB_REMOVE(set_tree, &r->sets, s);
	reload_timer_cancel(r->timers, &s->timer);
	for (size_t i = 0; i < s->count; i++)
		free(s->pieces[i].bytes);
	size_t len = s->have + s->count * PIECE_COST + s->head_len + SET_COST;
	r->bytes -= len;
	r->shares[s->opener % SHARES] -= len;
	if (!r->bytes)
		free(TAKE(r->shares));
	free(s->pieces);
	free(s->head);
	free(s);
}

static void set_expired(void *arg)
{
	set_free(arg);
}

void reload_reassembly_free(struct reload_reassembly *r)
{
	if (!r)
		return;
	struct set *s;
	while ((s = RB_MIN(set_tree, &r->sets)))
		set_free(s);
	free(r);
}

size_t reload_reassembly_bytes(const struct reload_reassembly *r)
{
	return r->bytes;
}

static struct set *set_of(
	struct reload_reassembly *r, const struct reload_header *h, uint64_t share, reload_ms now)
{
	struct set key = { .overlay = h->overlay, .transaction_id = h->transaction_id };
	struct set *s = RB_FIND(set_tree, &r->sets, &key);
	if (s || !has_room(r, share, SET_COST))
		return s;
	s = RELOAD_NEW(set);
	s->overlay = h->overlay;
	s->transaction_id = h->transaction_id;
	s->opener = share;
	s->owner = r;
	account(s, SET_COST);
	RB_INSERT(set_tree, &r->sets, s);
	reload_timer_arm(r->timers, &s->timer, now + r->lifetime, set_expired, s);
	return s;
}

/*
 * Puts the bytes of a payload that are not held yet into the set.  RELOAD_BAD_VALUE when bytes that are held differ.
 */
static enum reload_err set_insert(struct set *s, uint32_t offset, struct span payload)
{
	size_t i = 0;
	while (payload.len) {
		while (i < s->count && s->pieces[i].offset + s->pieces[i].len <= offset)
			i++;
		struct piece *next = i < s->count ? &s->pieces[i] : NULL;
		if (next && next->offset <= offset) { /* held already: must be equal */
			size_t skip = offset - next->offset, n = next->len - skip;
			n = n < payload.len ? n : payload.len;
			if (memcmp(next->bytes + skip, payload.at, n))
				return RELOAD_BAD_VALUE;
			payload = span_of(payload.at + n, payload.len - n);
			offset += (uint32_t)n;
			continue;
		}
		size_t n = next && next->offset - offset < payload.len ? next->offset - offset
								       : payload.len;
		if (s->count == RELOAD_FRAGMENT_PIECES_MAX ||
			!has_room(s->owner, s->opener, n + PIECE_COST))
			return RELOAD_LIMIT;
		reload_grow(&s->pieces, &s->cap, s->count, sizeof(*s->pieces));
		memmove(&s->pieces[i + 1], &s->pieces[i], (s->count - i) * sizeof(*s->pieces));
		s->pieces[i] = (struct piece){ offset, n, reload_memdup(payload.at, n) };
		s->count++;
		s->have += n;
		account(s, n + PIECE_COST);
		payload = span_of(payload.at + n, payload.len - n);
		offset += (uint32_t)n;
	}
	return RELOAD_OK;
}

static struct bytes set_join(const struct set *s)
{
	size_t len = s->head_len + s->total, at = s->head_len;
	uint8_t *whole = reload_alloc(len);
	memcpy(whole, s->head, s->head_len);
	for (size_t i = 0; i < s->count; at += s->pieces[i++].len)
		memcpy(whole + at, s->pieces[i].bytes, s->pieces[i].len);
	header_patch(whole, RELOAD_FRAGMENT_WHOLE, (uint32_t)len);
	return (struct bytes){ whole, len };
}

/* Checks the ends of a fragment against what is known of the whole. */
static enum reload_err set_bounds(struct set *s, size_t end, bool last)
{
	if (s->last_seen ? end > s->total || (last && end != s->total) : false)
		return RELOAD_BAD_VALUE;
	if (last && s->count && s->pieces[s->count - 1].offset + s->pieces[s->count - 1].len > end)
		return RELOAD_BAD_VALUE;
	if (last) {
		s->last_seen = true;
		s->total = end;
	}
	return RELOAD_OK;
}

enum reload_err reload_reassembly_add(struct reload_reassembly *r, struct span fragment,
	const struct reload_header *h, uint32_t link, uint64_t share, size_t max_message,
	reload_ms now, struct bytes *message, uint32_t *from)
{
	*message = (struct bytes){ NULL, 0 };
	size_t head = reload_header_size(h);
	uint32_t offset = h->fragment & RELOAD_FRAGMENT_OFFSET;
	struct span payload = span_of(fragment.at + head, fragment.len - head);
	if (head + offset + payload.len > max_message)
		return RELOAD_LIMIT;
	struct set *s = set_of(r, h, share, now);
	if (!s)
		return RELOAD_LIMIT;
	enum reload_err err =
		set_bounds(s, offset + payload.len, h->fragment & RELOAD_FRAGMENT_LAST);
	if (!err && !offset && !s->head) {
		s->head = reload_memdup(fragment.at, head);
		s->head_len = head;
		s->link = link;
		account(s, head);
	}
	if (!err)
		err = set_insert(s, offset, payload);
	if (err == RELOAD_BAD_VALUE)
		set_free(s);
	if (err || !s->head || !s->last_seen || s->have != s->total)
		return err;
	if (s->head_len + s->total > max_message) {
		set_free(s);
		return RELOAD_LIMIT;
	}
	*message = set_join(s);
	*from = s->link;
	set_free(s);
	return RELOAD_OK;
}
