/* Subcommands of reload-diag. */
#pragma once

#include "common/options.h"

extern const struct cli_opt diag_decode_opts[];
extern const char diag_decode_fields[];

extern const struct cli_opt diag_nat_opts[];

/* diag_nat() prints what an agent measures of the NAT in front of it; returns the exit status. */
int diag_nat(struct cli *cli);

/* diag_decode() prints RELOAD messages and frames from a file, an operand or standard input; returns the exit status. */
int diag_decode(struct cli *cli);
