#include "exchange/fragments.h"

#include "wire/message.h"

enum {
	OFFSET_FRAGMENT = 12,
	OFFSET_LENGTH = 16,
	SHARES = 64,
	SHARE_DIVISOR = 4 /* the senders of one share may use max_bytes / SHARE_DIVISOR */
};

/* Writes the two header fields by which fragments of one message differ. */
static void header_patch(uint8_t *message, uint32_t fragment, uint32_t length)
{
	struct wr w = wr_fixed(message + OFFSET_FRAGMENT, 8);
	wr_u32(&w, fragment);
	wr_u32(&w, length);
}

void reload_fragment_send(struct span message, const struct wire_ctx *ctx, size_t size,
	void (*send)(void *arg, struct span fragment), void *arg)
{
	struct reload_header h;
	if (!size || message.len <= size || reload_header_read(&h, message, ctx) ||
		reload_header_size(&h) + RELOAD_FRAGMENT_MIN > size) {
		send(arg, message);
		return;
	}
	size_t head = reload_header_size(&h), payload = message.len - head, room = size - head;
	size_t fragments = (payload + room - 1) / room,
	       part = (payload + fragments - 1) / fragments;
	if (part < RELOAD_FRAGMENT_MIN)
		part = RELOAD_FRAGMENT_MIN;
	uint8_t *fragment = reload_alloc(head + part);
	memcpy(fragment, message.at, head);
	for (size_t done = 0; done < payload; done += part) {
		size_t n = payload - done < part ? payload - done : part;
		uint32_t last = done + n == payload ? h.fragment & RELOAD_FRAGMENT_LAST : 0;
		uint32_t offset = (h.fragment & RELOAD_FRAGMENT_OFFSET) + (uint32_t)done;
		header_patch(fragment,
			RELOAD_FRAGMENT_ALWAYS | last | (offset & RELOAD_FRAGMENT_OFFSET),
			(uint32_t)(head + n));
		memcpy(fragment + head, message.at + head + done, n);
		send(arg, span_of(fragment, head + n));
	}
	free(fragment);
}

struct fragment {
	uint32_t offset;
	size_t len;
	uint8_t *bytes;
};

struct partial_message {
	RB_ENTRY(partial_message) entry;
	struct reload_reassembly *owner;
	uint32_t overlay, link; /* link of the fragment with offset 0 */
	uint64_t first_sender;  /* share of the node whose fragment came first */
	uint64_t transaction_id;
	struct reload_timer timer;
	struct fragment *fragments;     /* ascending, without overlap */
	size_t count, cap, have, total; /* total: payload size, known once the last fragment came */
	uint8_t *head;                  /* header of the fragment with offset 0 */
	size_t head_len;
	bool last_received;
};

RB_HEAD(partial_tree, partial_message);

struct reload_reassembly {
	struct partial_tree partials;
	struct reload_timers *timers;
	size_t bytes, max_bytes;
	size_t *shares; /* SHARES sums of bytes, by first_sender; NULL: no message is incomplete */
	reload_ms lifetime;
};

static int partial_cmp(struct partial_message *a, struct partial_message *b)
{
	if (a->overlay != b->overlay)
		return a->overlay < b->overlay ? -1 : 1;
	return (a->transaction_id > b->transaction_id) - (a->transaction_id < b->transaction_id);
}

RELOAD_TREE(partial_tree, partial_message, entry, partial_cmp)

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
 * What an incomplete message and each of its fragments cost beside the payload, so that many messages without payload and
 * fragments of one byte are bounded as well: the list of fragments may be half empty, and a block of the heap has at
 * least 32 bytes.
 */
enum {
	PARTIAL_COST = sizeof(struct partial_message) + 8 * sizeof(struct fragment),
	FRAGMENT_COST = 2 * sizeof(struct fragment) + 32
};

static bool has_room(const struct reload_reassembly *r, uint64_t first_sender, size_t len)
{
	size_t share = r->shares ? r->shares[first_sender % SHARES] : 0;
	return r->bytes + len <= r->max_bytes && share + len <= r->max_bytes / SHARE_DIVISOR;
}

static void count_bytes(struct partial_message *s, size_t len)
{
	if (!s->owner->shares)
		s->owner->shares = reload_alloc_array(SHARES, sizeof(*s->owner->shares));
	s->owner->bytes += len;
	s->owner->shares[s->first_sender % SHARES] += len;
}

static void partial_free(struct partial_message *s)
{
	struct reload_reassembly *r = s->owner;
	RB_REMOVE(partial_tree, &r->partials, s);
	reload_timer_cancel(r->timers, &s->timer);
	for (size_t i = 0; i < s->count; i++)
		free(s->fragments[i].bytes);
	size_t len = s->have + s->count * FRAGMENT_COST + s->head_len + PARTIAL_COST;
	r->bytes -= len;
	r->shares[s->first_sender % SHARES] -= len;
	if (!r->bytes)
		free(TAKE(r->shares));
	free(s->fragments);
	free(s->head);
	free(s);
}

static void partial_expired(void *arg)
{
	partial_free(arg);
}

void reload_reassembly_free(struct reload_reassembly *r)
{
	if (!r)
		return;
	struct partial_message *s;
	while ((s = RB_MIN(partial_tree, &r->partials)))
		partial_free(s);
	free(r);
}

size_t reload_reassembly_bytes(const struct reload_reassembly *r)
{
	return r->bytes;
}

static struct partial_message *partial_of(
	struct reload_reassembly *r, const struct reload_header *h, uint64_t share, reload_ms now)
{
	struct partial_message key = { .overlay = h->overlay, .transaction_id = h->transaction_id };
	struct partial_message *s = RB_FIND(partial_tree, &r->partials, &key);
	if (s || !has_room(r, share, PARTIAL_COST))
		return s;
	s = RELOAD_NEW(partial_message);
	s->overlay = h->overlay;
	s->transaction_id = h->transaction_id;
	s->first_sender = share;
	s->owner = r;
	count_bytes(s, PARTIAL_COST);
	RB_INSERT(partial_tree, &r->partials, s);
	reload_timer_arm(r->timers, &s->timer, now + r->lifetime, partial_expired, s);
	return s;
}

/*
 * Puts the bytes of a payload that are not held yet into the incomplete message.  RELOAD_BAD_VALUE when bytes that are held differ.
 */
static enum reload_err partial_insert(
	struct partial_message *s, uint32_t offset, struct span payload)
{
	size_t i = 0;
	while (payload.len) {
		while (i < s->count && s->fragments[i].offset + s->fragments[i].len <= offset)
			i++;
		struct fragment *next = i < s->count ? &s->fragments[i] : NULL;
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
		if (s->count == RELOAD_FRAGMENTS_MAX ||
			!has_room(s->owner, s->first_sender, n + FRAGMENT_COST))
			return RELOAD_LIMIT;
		reload_grow(&s->fragments, &s->cap, s->count, sizeof(*s->fragments));
		memmove(&s->fragments[i + 1], &s->fragments[i],
			(s->count - i) * sizeof(*s->fragments));
		s->fragments[i] = (struct fragment){ offset, n, reload_memdup(payload.at, n) };
		s->count++;
		s->have += n;
		count_bytes(s, n + FRAGMENT_COST);
		payload = span_of(payload.at + n, payload.len - n);
		offset += (uint32_t)n;
	}
	return RELOAD_OK;
}

static struct bytes partial_join(const struct partial_message *s)
{
	size_t len = s->head_len + s->total, at = s->head_len;
	uint8_t *whole = reload_alloc(len);
	memcpy(whole, s->head, s->head_len);
	for (size_t i = 0; i < s->count; at += s->fragments[i++].len)
		memcpy(whole + at, s->fragments[i].bytes, s->fragments[i].len);
	header_patch(whole, RELOAD_FRAGMENT_WHOLE, (uint32_t)len);
	return (struct bytes){ whole, len };
}

/* Checks the ends of a fragment against what is known of the whole. */
static enum reload_err partial_bounds(struct partial_message *s, size_t end, bool last)
{
	if (s->last_received ? end > s->total || (last && end != s->total) : false)
		return RELOAD_BAD_VALUE;
	if (last && s->count &&
		s->fragments[s->count - 1].offset + s->fragments[s->count - 1].len > end)
		return RELOAD_BAD_VALUE;
	if (last) {
		s->last_received = true;
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
	struct partial_message *s = partial_of(r, h, share, now);
	if (!s)
		return RELOAD_LIMIT;
	enum reload_err err =
		partial_bounds(s, offset + payload.len, h->fragment & RELOAD_FRAGMENT_LAST);
	if (!err && !offset && !s->head) {
		s->head = reload_memdup(fragment.at, head);
		s->head_len = head;
		s->link = link;
		count_bytes(s, head);
	}
	if (!err)
		err = partial_insert(s, offset, payload);
	if (err == RELOAD_BAD_VALUE)
		partial_free(s);
	if (err || !s->head || !s->last_received || s->have != s->total)
		return err;
	if (s->head_len + s->total > max_message) {
		partial_free(s);
		return RELOAD_LIMIT;
	}
	*message = partial_join(s);
	*from = s->link;
	partial_free(s);
	return RELOAD_OK;
}
