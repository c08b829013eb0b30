/* The log in the journal of systemd, with fields: journald's own protocol, a datagram a line. */
#pragma once

#include "engine/host.h"

struct agent_log_journal {
	int fd;               /* -1: no journal */
	const char *instance; /* borrowed; NULL: not known yet */
};

/* agent_log_journal_here() returns whether standard error is the journal, as JOURNAL_STREAM says of it. */
bool agent_log_journal_here(void);

/* agent_log_journal_open() connects to journald; fd stays -1 when there is none. */
void agent_log_journal_open(struct agent_log_journal *j);
void agent_log_journal_close(struct agent_log_journal *j);

/*
 * agent_log_journal_write() sends a line: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, RELOAD_INSTANCE and RELOAD_PART; of an event (NULL: none) also RELOAD_EVENT,
 * and RELOAD_NODE_ID, RELOAD_TRANSACTION, RELOAD_MESSAGE, RELOAD_ERROR as far as it has them.  False: it was not taken.
 */
bool agent_log_journal_write(struct agent_log_journal *j, int priority, const char *part,
	const char *text, const struct reload_event *event);
