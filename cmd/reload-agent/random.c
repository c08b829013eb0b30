#include "reload-agent/random.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/types.h>

static void from_kernel(uint8_t *to, size_t len)
{
	while (len) {
		ssize_t n = getrandom(to, len, 0);
		if (n < 0 && errno != EINTR)
			abort(); /* a node cannot work without randomness */
		if (n > 0) {
			to += n;
			len -= (size_t)n;
		}
	}
}

uint64_t agent_chance(void)
{
	uint64_t r = 0;
	if (getrandom(&r, sizeof(r), GRND_NONBLOCK) != (ssize_t)sizeof(r))
		return 0;
	return r;
}

void agent_random_take(struct agent_random *r, void *out, size_t len)
{
	if (len > sizeof(r->bytes)) {
		from_kernel(out, len);
		return;
	}
	if (len > r->left) {
		from_kernel(r->bytes, sizeof(r->bytes));
		r->left = sizeof(r->bytes);
	}
	r->left -= len;
	memcpy(out, r->bytes + r->left, len);
	explicit_bzero(r->bytes + r->left, len);
}
