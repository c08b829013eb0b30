/* What a long-lived program says to the service manager that started it: the protocol of sd_notify(3), with its watchdog. */
#pragma once

#include "util/clock.h"

#include <stdbool.h>

struct cli_notify;

/*
 * cli_notify_open() connects to the socket that NOTIFY_SOCKET names: a path, or @ and a name in the abstract namespace.  NULL: the variable is not set, or
 * *bad is set to its value (borrowed from the environment), to which nothing can be sent.  cli_notify_close() frees.  In all functions NULL is legal.
 */
struct cli_notify *cli_notify_open(const char **bad);
void cli_notify_close(struct cli_notify *n);

/* cli_notify_send() sends lines VARIABLE=value, such as READY=1; false: it was not sent, and errno says why.  It never waits. */
bool cli_notify_send(struct cli_notify *n, const char *text);

/*
 * cli_notify_feed() is called in each pass of a loop, with a time of a clock that never goes back: it feeds the watchdog when a third of WATCHDOG_USEC has
 * passed.  Returns after how many milliseconds it is to be called again, RELOAD_NEVER without a watchdog of this process.
 */
reload_ms cli_notify_feed(struct cli_notify *n, reload_ms now);
