#include "link/ice_link_io.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

int reload_ice_inbox_init(struct reload_ice_inbox *inbox)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	*inbox = (struct reload_ice_inbox){ .fd = fd, .lock = PTHREAD_MUTEX_INITIALIZER };
	STAILQ_INIT(&inbox->letters);
	return 0;
}

void reload_ice_letter_free(struct reload_ice_letter *letter)
{
	free(letter);
}

void reload_ice_inbox_clear(struct reload_ice_inbox *inbox)
{
	struct reload_ice_letters all = STAILQ_HEAD_INITIALIZER(all);
	struct reload_ice_letter *letter;
	reload_ice_inbox_take(inbox, &all);
	while ((letter = STAILQ_FIRST(&all))) {
		STAILQ_REMOVE_HEAD(&all, entry);
		reload_ice_letter_free(letter);
	}
	pthread_mutex_destroy(&inbox->lock);
	close(inbox->fd);
}

/* -- copies ------------------------------------------------------------------------------------------------------------------ */

static size_t text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

/* copies len bytes to *to, behind which the next ones come; returns where they are, NULL for none */
static void *put(uint8_t **to, const void *from, size_t len)
{
	uint8_t *at = *to;
	if (!len)
		return NULL;
	memcpy(at, from, len);
	*to += len;
	return at;
}

static struct reload_ice_letter *letter_of(const struct reload_ice_notice *n)
{
	const struct reload_ice_found *g = &n->gathered;
	size_t candidates = g->count * sizeof(*g->candidates),
	       pairs = n->pairs_count * sizeof(*n->pairs);
	size_t rest = n->datagram.len + text_size(n->why) + text_size(g->ufrag) +
		      text_size(g->password) + text_size(g->why);
	struct reload_ice_letter *letter =
		reload_alloc(sizeof(*letter) + candidates + pairs + rest);
	uint8_t *to = (uint8_t *)(letter + 1);
	letter->notice = *n;
	/* arrays come first: their structs are aligned like this one */
	letter->notice.gathered.candidates = put(&to, g->candidates, candidates);
	letter->notice.pairs = put(&to, n->pairs, pairs);
	letter->notice.datagram.at = put(&to, n->datagram.at, n->datagram.len);
	letter->notice.why = put(&to, n->why, text_size(n->why));
	letter->notice.gathered.ufrag = put(&to, g->ufrag, text_size(g->ufrag));
	letter->notice.gathered.password = put(&to, g->password, text_size(g->password));
	letter->notice.gathered.why = put(&to, g->why, text_size(g->why));
	return letter;
}

/* -- in and out ---------------------------------------------------------------------------------------------------------------- */

/* Of a link there are few others than datagrams and changes of its pair. */
static bool may_be_lost(const struct reload_ice_inbox *inbox, const struct reload_ice_notice *n)
{
	size_t waiting = inbox->count;
	if (n->type == RELOAD_ICE_DATAGRAM)
		return waiting >= RELOAD_ICE_INBOX ||
		       n->datagram.len > RELOAD_ICE_INBOX_BYTES - inbox->bytes;
	return n->type == RELOAD_ICE_CONNECTED && waiting >= 2 * RELOAD_ICE_INBOX;
}

void reload_ice_inbox_put(void *arg, const struct reload_ice_notice *notice)
{
	struct reload_ice_inbox *inbox = arg;
	struct reload_ice_letter *letter = letter_of(notice);
	uint64_t one = 1;
	pthread_mutex_lock(&inbox->lock);
	bool first = !inbox->count;
	if (may_be_lost(inbox, notice)) {
		reload_ice_letter_free(letter);
	} else {
		STAILQ_INSERT_TAIL(&inbox->letters, letter, entry);
		inbox->count++;
		inbox->bytes += notice->datagram.len;
	}
	pthread_mutex_unlock(&inbox->lock);
	if (first && write(inbox->fd, &one, sizeof(one)) != sizeof(one))
		return; /* it cannot fail: the counter is far below its limit */
}

void reload_ice_inbox_take(struct reload_ice_inbox *inbox, struct reload_ice_letters *out)
{
	uint64_t count;
	if (read(inbox->fd, &count, sizeof(count)) != sizeof(count))
		count = 0; /* nothing was there, or another call has taken it */
	pthread_mutex_lock(&inbox->lock);
	STAILQ_CONCAT(out, &inbox->letters);
	inbox->count = inbox->bytes = 0;
	pthread_mutex_unlock(&inbox->lock);
}
