/* Subcommands of reload-diag. */
#pragma once

#include "common/options.h"

extern const struct cli_opt diag_decode_opts[];
extern const char diag_decode_fields[];

extern const struct cli_opt diag_nat_opts[], diag_tuning_opts[];

extern const struct cli_opt diag_capture_opts[], diag_health_opts[], diag_map_opts[],
	diag_ping_opts[], diag_path_opts[], diag_node_opts[], diag_tables_opts[];
extern const char diag_capture_fields[], diag_health_fields[], diag_path_fields[],
	diag_node_fields[], diag_tables_fields[];

/* diag_ping(), diag_path(), diag_map(), diag_health(), diag_capture(), diag_node() and diag_tables() ask an agent; they return the exit status. */
int diag_ping(struct cli *cli);
int diag_path(struct cli *cli);
int diag_map(struct cli *cli);
int diag_health(struct cli *cli);
int diag_capture(struct cli *cli);
int diag_node(struct cli *cli);
int diag_tables(struct cli *cli);

/* diag_put_end() prints how a path ended, in the form of overlay.path; diag_end_status() is the exit status. */
void diag_put_end(FILE *out, const json_t *result);
int diag_end_status(const json_t *result);

extern const struct cli_opt diag_why_opts[], diag_audit_opts[];
extern const char diag_why_fields[], diag_audit_fields[];

/* diag_audit() compares peers with one another and looks for the copies of stored values; returns the exit status. */
int diag_audit(struct cli *cli);

/* diag_why() prints what the agent remembers of a request; returns the exit status. */
int diag_why(struct cli *cli);

/* diag_tuning() prints at what pace an agent looks after the ring, and why; returns the exit status. */
int diag_tuning(struct cli *cli);

extern const struct cli_opt diag_conform_opts[];
extern const char diag_conform_fields[];

/* diag_conform() asks a node over the wire whether requirements of RFC 6940 hold; returns the exit status. */
int diag_conform(struct cli *cli);

/* diag_nat() prints what an agent measures of the NAT in front of it; returns the exit status. */
int diag_nat(struct cli *cli);

/* diag_decode() prints RELOAD messages and frames from a file, an operand or standard input; returns the exit status. */
int diag_decode(struct cli *cli);
