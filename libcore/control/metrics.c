#include "control/metrics.h"

#include "util/plain.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void put(struct wr *w, const char *text)
{
	wr_bytes(w, text, strlen(text));
}

/* Backslash, quote and line feed are escaped as the format says; what steers a terminal, or is no UTF-8, as in all other outputs. */
static void put_value(struct wr *w, const char *text)
{
	char plain[RELOAD_METRIC_LABEL];
	reload_plain(plain, sizeof(plain), text ? text : "");
	for (const char *c = plain; *c; c++) {
		if (*c == '\\' || *c == '"')
			wr_u8(w, '\\');
		wr_u8(w, (uint8_t)*c);
	}
}

void reload_metrics_family(
	struct wr *w, const char *name, const char *type, const char *unit, const char *help)
{
	const char *const lines[][2] = { { "TYPE", type }, { "UNIT", unit }, { "HELP", help } };
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (!lines[i][1])
			continue;
		put(w, "# ");
		put(w, lines[i][0]);
		wr_u8(w, ' ');
		put(w, name);
		wr_u8(w, ' ');
		put(w, lines[i][1]);
		wr_u8(w, '\n');
	}
}

static void sample(struct wr *w, const char *name, const char *suffix,
	const struct reload_metric_label *labels, size_t count, const char *value)
{
	put(w, name);
	put(w, suffix);
	for (size_t i = 0; i < count; i++) {
		wr_u8(w, i ? ',' : '{');
		put(w, labels[i].name);
		put(w, "=\"");
		put_value(w, labels[i].value);
		wr_u8(w, '"');
	}
	put(w, count ? "} " : " ");
	put(w, value);
	wr_u8(w, '\n');
}

void reload_metrics_u64(struct wr *w, const char *name, const char *suffix,
	const struct reload_metric_label *labels, size_t count, uint64_t value)
{
	char text[24];
	snprintf(text, sizeof(text), "%" PRIu64, value);
	sample(w, name, suffix, labels, count, text);
}

void reload_metrics_real(struct wr *w, const char *name, const char *suffix,
	const struct reload_metric_label *labels, size_t count, double value)
{
	char text[40];
	if (isfinite(value))
		snprintf(text, sizeof(text), "%.15g", value);
	else
		snprintf(text, sizeof(text), "%s",
			isnan(value) ? "NaN"
			: value > 0  ? "+Inf"
				     : "-Inf");
	sample(w, name, suffix, labels, count, text);
}

void reload_metrics_end(struct wr *w)
{
	put(w, "# EOF\n");
}
