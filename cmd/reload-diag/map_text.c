#include "reload-diag/map.h"

#include "common/call.h"

#include <string.h>

enum {
	ID_SHOWN = 8,
	BAR_MAX = 30,
	LINE = 512
};

const char *map_fault(const json_t *fault)
{
	const char *what = cli_get_text(fault, "what");
	return !strcmp(what, "skips")    ? "has another successor:"
	       : !strcmp(what, "misses") ? "gives what follows the peer before it to"
					 : "takes the place of";
}

/* A bar of as many of `most` places as its share of the largest one. */
static void bar(char *out, size_t size, double share, double largest, size_t most, bool utf8)
{
	size_t n = largest > 0 ? (size_t)(share / largest * (double)most + 0.5) : 0, len = 0;
	out[0] = 0;
	for (size_t i = 0; i < n && len + 4 < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s", utf8 ? "\u2588" : "#");
}

static void put_summary(FILE *out, const json_t *map, size_t width)
{
	enum {
		ONE_LINE = 60
	};
	fprintf(out, "peers: %lld answered, %lld unreachable,%c%lld disagreeing\n",
		cli_get_int(map, "answered"), cli_get_int(map, "unreachable"),
		width < ONE_LINE ? '\n' : ' ', cli_get_int(map, "disagreeing"));
	if (!cli_get_bool(map, "complete"))
		fputs("not all of the ring was asked\n", out);
}

/* Puts at most `width` characters of text. */
static void put_cut(FILE *out, const char *text, size_t width)
{
	size_t bytes = 0;
	for (size_t chars = 0; text[bytes] && chars < width; chars++)
		do
			bytes++;
		while ((text[bytes] & 0xc0) == 0x80);
	fprintf(out, "%.*s\n", (int)bytes, text);
}

void map_text(FILE *out, const json_t *map, size_t width, bool utf8)
{
	const json_t *p, *f;
	size_t i, k, most = width > 60 ? BAR_MAX : width / 5;
	double largest = 0;
	char line[LINE], blocks[4 * BAR_MAX + 8];
	json_array_foreach (json_object_get(map, "peers"), i, p) {
		double share = cli_get_real(p, "responsible_percent");
		largest = share > largest ? share : largest;
	}
	json_array_foreach (json_object_get(map, "peers"), i, p) {
		double share = cli_get_real(p, "responsible_percent");
		if (!cli_get_bool(p, "answered")) {
			snprintf(line, sizeof(line), "%.*s  does not answer", ID_SHOWN,
				cli_get_text(p, "node_id"));
			put_cut(out, line, width);
			continue;
		}
		bar(blocks, sizeof(blocks), share, largest, most, utf8);
		snprintf(line, sizeof(line), "%.*s  next %.*s  %6.2f%%  %s", ID_SHOWN,
			cli_get_text(p, "node_id"), ID_SHOWN, cli_get_text(p, "successor"), share,
			blocks);
		put_cut(out, line, width);
		json_array_foreach (json_object_get(p, "faults"), k, f) {
			snprintf(line, sizeof(line), "          %s %.*s", map_fault(f), ID_SHOWN,
				cli_get_text(f, "node_id"));
			put_cut(out, line, width);
		}
	}
	put_summary(out, map, width);
}

void map_describe(FILE *out, const json_t *map)
{
	const json_t *p, *f;
	size_t i, k;
	long long answered = cli_get_int(map, "answered");
	fprintf(out, "The ring has %lld peer%s that answer%s.\n", answered, cli_plural(answered),
		answered == 1 ? "s" : "");
	json_array_foreach (json_object_get(map, "peers"), i, p) {
		const char *id = cli_get_text(p, "node_id");
		if (!cli_get_bool(p, "answered")) {
			fprintf(out, "Peer %s does not answer.\n", id);
			continue;
		}
		fprintf(out,
			"Peer %s is followed by %s, answers for %.2f percent of the ring, holds "
			"%lld resource%s and has %zu finger%s.\n",
			id, cli_get_text(p, "successor"), cli_get_real(p, "responsible_percent"),
			cli_get_int(p, "resources"), cli_plural(cli_get_int(p, "resources")),
			json_array_size(json_object_get(p, "fingers")),
			cli_plural(json_array_size(json_object_get(p, "fingers"))));
		json_array_foreach (json_object_get(p, "faults"), k, f)
			fprintf(out, "Peer %s disagrees: it %s %s.\n", id, map_fault(f),
				cli_get_text(f, "node_id"));
	}
	if (!cli_get_int(map, "disagreeing"))
		fputs("All of them agree about their neighbours.\n", out);
	if (!cli_get_bool(map, "complete"))
		fputs("Not all of the ring was asked.\n", out);
}

void map_dot(FILE *out, const json_t *map)
{
	const json_t *p, *finger;
	size_t i, k;
	fputs("digraph ring {\n\tlayout=circo;\n\tnode [shape=circle, fontname=monospace];\n", out);
	json_array_foreach (json_object_get(map, "peers"), i, p) {
		const char *id = cli_get_text(p, "node_id"), *next = cli_get_text(p, "successor");
		fprintf(out, "\t\"%s\" [label=\"%.8s\"%s];\n", id, id,
			!cli_get_bool(p, "answered") ? ", style=dotted, color=red"
			: json_array_size(json_object_get(p, "faults")) > 0 ? ", color=orange"
									    : "");
		if (*next)
			fprintf(out, "\t\"%s\" -> \"%s\";\n", id, next);
		json_array_foreach (json_object_get(p, "fingers"), k, finger)
			fprintf(out, "\t\"%s\" -> \"%s\" [color=gray, constraint=false];\n", id,
				json_string_value(finger));
	}
	fputs("}\n", out);
}
