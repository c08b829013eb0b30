#include "sip/best.h"

/* How little a status says: lower is better. */
static int rank_of(int status)
{
	int within;
	switch (status) {
	case 401:
	case 407:
	case 415:
	case 420:
	case 484:
		within = 0;
		break;
	case 408:
	case 480:
	case 487: /* of a branch that was cancelled as another had answered */
	case 503:
		within = 2;
		break;
	default:
		within = 1;
	}
	int class = status >= 600 ? 0 : status / 100;
	return class * 10 + within;
}

bool reload_sip_better(int a, int b)
{
	return !b || rank_of(a) < rank_of(b);
}
