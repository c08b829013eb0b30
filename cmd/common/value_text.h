/* Stored values as text for people, from an entry of the list "values" of store.fetch or store.stat. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* cli_put_place() prints the place of a value where there may be several: "[3] " or "key: "; nothing for a single value. */
void cli_put_place(FILE *out, const json_t *v);

/* cli_put_value() prints the place and the contents of a value without a line end; signer: also who signed it. */
void cli_put_value(FILE *out, const json_t *v, bool signer);
