/* What the files of reload-store share. */
#pragma once

#include "common/call.h"
#include "common/main.h"
#include "util/alloc.h"

enum {
	STORE_VALUE_MAX = 700 * 1024
};

/* store_print() prints a result of store.put for people. */
void store_print(FILE *out, const json_t *result, void *arg);

/* store_batch() runs --batch, store_list_kept() --list-kept, store_drop() --drop, store_service() --service; they return the exit status. */
int store_batch(struct cli *cli);
int store_list_kept(struct cli *cli);
int store_drop(struct cli *cli);
int store_service(struct cli *cli);

/*
 * store_verify() reads back what was stored from each peer that result names, with params as they were sent, and adds the
 * list "verified" to result.  Returns the number of peers that do not hold it.
 */
size_t store_verify(struct cli *cli, struct cli_link *link, const json_t *params, json_t *result);
