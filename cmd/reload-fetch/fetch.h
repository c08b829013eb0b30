/* What the files of reload-fetch share. */
#pragma once

#include "common/call.h"
#include "common/main.h"
#include "util/alloc.h"

/* fetch_print_stat() and fetch_print_found() print the results of store.stat and store.find. */
void fetch_print_stat(FILE *out, const json_t *r, void *arg);
void fetch_print_found(FILE *out, const json_t *r, void *arg);

/* fetch_service() runs --service; returns the exit status. */
int fetch_service(struct cli *cli);

/* fetch_tree() runs --tree with the parameters (taken) of service.tree; returns the exit status. */
int fetch_tree(struct cli *cli, json_t *params);

/* fetch_tree_trouble() returns why the provider of an entry of the tree r is of no use, "" when it is (borrowed from r, or constant). */
const char *fetch_tree_trouble(const json_t *r, const json_t *entry);

/* fetch_tree_svg() draws a result of service.tree as an SVG document. */
void fetch_tree_svg(FILE *out, const json_t *r);

/* fetch_watch() polls store.fetch with params (taken) every --watch; returns the exit status. */
int fetch_watch(struct cli *cli, json_t *params);
extern const char *const fetch_watch_fields; /* for --json-schema */

/* fetch_write_proof() writes the proof of a result to the file of --proof. */
enum reload_err fetch_write_proof(
	struct cli *cli, const json_t *result, struct reload_error_text *why);

/*
 * fetch_check_proof() becomes the program that checks a proof, and returns only when that fails; fetch_proof_schema() is the
 * schema (owned) of what it prints.
 */
int fetch_check_proof(struct cli *cli);
json_t *fetch_proof_schema(const char *title);
