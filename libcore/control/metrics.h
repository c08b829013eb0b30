/*
 * OpenMetrics text (version 1.0): families, samples and the end.  Names are the program's own; what comes from elsewhere, such as the user name of a
 * peer, is only ever the value of a label, and is made harmless here.
 */
#pragma once

#include "util/bytes.h"

#define RELOAD_METRICS_TYPE "application/openmetrics-text; version=1.0.0; charset=utf-8"

enum {
	RELOAD_METRIC_LABEL =
		256 /* bytes of a label's value, before quotes are escaped; longer ones are cut */
};

struct reload_metric_label {
	const char *name, *value;
};

/*
 * reload_metrics_family() begins a family: its type is one of counter, gauge, info, stateset, histogram; unit NULL: none, else the name ends with it
 * (`_seconds`).  Its samples follow: reload_metrics_u64() and reload_metrics_real(), with a suffix such as "_total", which a counter needs, or "".
 * reload_metrics_end() is the last line.
 */
void reload_metrics_family(
	struct wr *w, const char *name, const char *type, const char *unit, const char *help);
void reload_metrics_u64(struct wr *w, const char *name, const char *suffix,
	const struct reload_metric_label *labels, size_t count, uint64_t value);
void reload_metrics_real(struct wr *w, const char *name, const char *suffix,
	const struct reload_metric_label *labels, size_t count, double value);
void reload_metrics_end(struct wr *w);
