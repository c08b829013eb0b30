/* Which of the answers of a forked request goes to its caller (RFC 3261 s16.7 step 6). */
#pragma once

#include <stdbool.h>

/*
 * reload_sip_better() returns whether the final status a says more to the caller than b, neither of them a success; b 0: there is none yet.  A
 * global failure is best, then the lowest class; within 4xx what the caller can mend, and 408 and 503, which say the least, last in their class.
 */
bool reload_sip_better(int a, int b);
