/*
 * A nonce is the time at which it was made and a number, in hexadecimal, and the MAC of both: whose it is and how old needs no table.  The table
 * has the counts of those that were used.
 */
#include "sip/digest.h"

#include "util/alloc.h"
#include "util/text.h"
#include "util/tree.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <sys/queue.h>

enum {
	PLAIN = 32,  /* digits of the time and the number */
	MAC = 16,    /* bytes of the MAC that are sent */
	WINDOW = 64, /* counts below the highest that are told apart */
	NC_DIGITS = 8
};

struct used {
	RB_ENTRY(used) entry;
	TAILQ_ENTRY(used) age;
	char plain[PLAIN + 1];
	reload_ms made;
	uint32_t highest;
	uint64_t window; /* bit i: highest - i was there */
};

RB_HEAD(used_tree, used);

static int cmp(const struct used *a, const struct used *b)
{
	return memcmp(a->plain, b->plain, PLAIN);
}

RELOAD_TREE(used_tree, used, entry, cmp)

struct reload_nonces {
	uint8_t secret[RELOAD_NONCE_SECRET];
	reload_ms life, floor; /* floor: made before or then, it is stale */
	bool has_floor;
	uint64_t last;
	size_t max, count;
	struct used_tree tree;
	TAILQ_HEAD(, used) ages; /* as they were used first */
};

struct reload_nonces *reload_nonces_new(
	const uint8_t secret[RELOAD_NONCE_SECRET], reload_ms life_ms, size_t max)
{
	struct reload_nonces *n = RELOAD_NEW(reload_nonces);
	memcpy(n->secret, secret, sizeof(n->secret));
	n->life = life_ms;
	n->max = max;
	TAILQ_INIT(&n->ages);
	return n;
}

static void forget(struct reload_nonces *n, struct used *u)
{
	TAILQ_REMOVE(&n->ages, u, age);
	RB_REMOVE(used_tree, &n->tree, u);
	n->count--;
	free(u);
}

void reload_nonces_free(struct reload_nonces *n)
{
	if (!n)
		return;
	while (!TAILQ_EMPTY(&n->ages))
		forget(n, TAILQ_FIRST(&n->ages));
	OPENSSL_cleanse(n->secret, sizeof(n->secret));
	free(n);
}

static void mac_of(char out[2 * MAC + 1], const struct reload_nonces *n, const char *plain)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	if (!HMAC(EVP_sha256(), n->secret, sizeof(n->secret), (const uint8_t *)plain, PLAIN, mac,
		    &len))
		abort();
	reload_hex(out, span_of(mac, MAC));
}

void reload_nonce_make(char out[RELOAD_NONCE_TEXT], struct reload_nonces *n, reload_ms now)
{
	snprintf(out, PLAIN + 1, "%016llx%016llx", (unsigned long long)now,
		(unsigned long long)++n->last);
	mac_of(out + PLAIN, n, out);
}

static bool read_hex(uint64_t *out, const char *text, size_t digits)
{
	uint8_t bytes[8];
	*out = 0;
	if (reload_unhex(bytes, text, digits))
		return false;
	for (size_t i = 0; i < digits / 2; i++)
		*out = *out << 8 | bytes[i];
	return true;
}

static bool is_ours(const struct reload_nonces *n, const char *nonce, reload_ms *made)
{
	char mac[2 * MAC + 1];
	if (strlen(nonce) != PLAIN + 2 * MAC || !read_hex(made, nonce, 16))
		return false;
	mac_of(mac, n, nonce);
	return !CRYPTO_memcmp(mac, nonce + PLAIN, 2 * MAC);
}

/* Those that have ended are not needed, and there is room for one more afterwards. */
static void make_room(struct reload_nonces *n, reload_ms now)
{
	struct used *u;
	while ((u = TAILQ_FIRST(&n->ages)) && (n->count >= n->max || now >= u->made + n->life)) {
		if (now < u->made + n->life && (!n->has_floor || u->made > n->floor)) {
			n->floor = u->made;
			n->has_floor = true;
		}
		forget(n, u);
	}
}

static enum reload_nonce_use count_of(struct used *u, uint32_t nc)
{
	uint32_t back = u->highest - nc;
	if (nc > u->highest) {
		uint32_t ahead = nc - u->highest;
		u->window = ahead < WINDOW ? u->window << ahead | 1 : 1;
		u->highest = nc;
		return RELOAD_NONCE_GOOD;
	}
	if (back >= WINDOW || u->window >> back & 1)
		return RELOAD_NONCE_REPLAYED;
	u->window |= 1ull << back;
	return RELOAD_NONCE_GOOD;
}

enum reload_nonce_use reload_nonce_use(
	struct reload_nonces *n, const char *nonce, const char *nc, reload_ms now)
{
	reload_ms made;
	uint64_t count = UINT32_MAX; /* without a count there is no next one */
	struct used like;
	if (!is_ours(n, nonce, &made))
		return RELOAD_NONCE_FORGED;
	if (*nc && (strlen(nc) != NC_DIGITS || !read_hex(&count, nc, NC_DIGITS) || !count))
		return RELOAD_NONCE_FORGED;
	if (now >= made + n->life || made > now || (n->has_floor && made <= n->floor))
		return RELOAD_NONCE_STALE;
	memcpy(like.plain, nonce, PLAIN);
	struct used *u = RB_FIND(used_tree, &n->tree, &like);
	if (!u) {
		make_room(n, now);
		u = RELOAD_NEW(used);
		memcpy(u->plain, nonce, PLAIN);
		u->made = made;
		RB_INSERT(used_tree, &n->tree, u);
		TAILQ_INSERT_TAIL(&n->ages, u, age);
		n->count++;
	}
	return count_of(u, (uint32_t)count);
}
