#include "reload-diag/map.h"

#include "common/call.h"

#include <math.h>
#include <string.h>
#include <stdlib.h>

/* The ring as a circle: the Node-ID 0 is at its top, and they grow clockwise. */

enum {
	SIZE = 900,
	CENTRE = SIZE / 2,
	RADIUS = 340,
	LABELS_MAX = 48, /* more peers have no labels */
	FINGERS_DRAWN =
		400 /* peers; fingers of more are only in the page, for the one that is selected */
};

/* Where a Node-ID is on the circle, by its first 13 digits: as much as a double has. */
static double angle_of(const char *node_id)
{
	char digits[14];
	snprintf(digits, sizeof(digits), "%.13s", node_id);
	return 2 * M_PI * (double)strtoull(digits, NULL, 16) / 0x1p52;
}

static double x_of(double angle, double radius)
{
	return CENTRE + radius * sin(angle);
}

static double y_of(double angle, double radius)
{
	return CENTRE - radius * cos(angle);
}

static void put_edge(FILE *out, const char *from, const char *to, const char *kind)
{
	double a = angle_of(from), b = angle_of(to);
	fprintf(out,
		"<line class=\"%s\" data-from=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" "
		"y2=\"%.1f\"/>\n",
		kind, from, x_of(a, RADIUS), y_of(a, RADIUS), x_of(b, RADIUS), y_of(b, RADIUS));
}

static void put_edges(FILE *out, const json_t *map)
{
	const json_t *peers = json_object_get(map, "peers"), *p, *finger;
	size_t i, k;
	bool fingers = json_array_size(peers) <= FINGERS_DRAWN;
	json_array_foreach (peers, i, p) {
		const char *id = cli_get_text(p, "node_id"), *next = cli_get_text(p, "successor");
		json_array_foreach (json_object_get(p, "fingers"), k, finger)
			if (fingers)
				put_edge(out, id, json_string_value(finger), "finger");
		if (*next)
			put_edge(out, id, next, "next");
	}
}

static const char *state_of(const json_t *p)
{
	return !cli_get_bool(p, "answered")                        ? "silent"
	       : json_array_size(json_object_get(p, "faults")) > 0 ? "disagrees"
								   : "good";
}

static void put_peer(FILE *out, const json_t *p, bool label)
{
	const char *id = cli_get_text(p, "node_id"), *state = state_of(p);
	double a = angle_of(id);
	const json_t *f;
	size_t k;
	fprintf(out,
		"<circle class=\"peer %s\" id=\"n%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"6\"><title>%s",
		state, id, x_of(a, RADIUS), y_of(a, RADIUS), id);
	if (cli_get_bool(p, "answered"))
		fprintf(out, ": %.2f%% of the ring, %lld resource%s",
			cli_get_real(p, "responsible_percent"), cli_get_int(p, "resources"),
			cli_plural(cli_get_int(p, "resources")));
	else
		fputs(": does not answer", out);
	json_array_foreach (json_object_get(p, "faults"), k, f)
		fprintf(out, "; %s %.8s", map_fault(f), cli_get_text(f, "node_id"));
	fputs("</title></circle>\n", out);
	if (label)
		fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%.8s</text>\n",
			x_of(a, RADIUS + 16), y_of(a, RADIUS + 16) + 4,
			sin(a) < 0 ? "end" : "start", id);
}

/* "3 peers answered, 1 does not answer, 2 disagree" */
static void put_counts(FILE *out, const json_t *map)
{
	long long answered = cli_get_int(map, "answered"), silent = cli_get_int(map, "unreachable"),
		  disagreeing = cli_get_int(map, "disagreeing");
	fprintf(out, "%lld peer%s answered, %lld do%s not answer, %lld disagree%s", answered,
		cli_plural(answered), silent, silent == 1 ? "es" : "", disagreeing,
		disagreeing == 1 ? "s" : "");
}

static void put_picture(FILE *out, const json_t *map)
{
	const json_t *peers = json_object_get(map, "peers"), *p;
	size_t i;
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
		"aria-labelledby=\"t d\">\n<title id=\"t\">RELOAD ring of %lld peer%s</title>\n"
		"<desc id=\"d\">",
		SIZE, SIZE, cli_get_int(map, "answered"), cli_plural(cli_get_int(map, "answered")));
	put_counts(out, map);
	fputs(" about their neighbours.</desc>\n", out);
	fputs("<style>.ring{fill:none;stroke:#bbb}.next{stroke:#446}.finger{stroke:#9ac;stroke-"
	      "opacity:.4}"
	      ".peer{fill:#284;stroke:#fff}.silent{fill:#c22}.disagrees{fill:#e80}"
	      "text{font:11px monospace;fill:#333}.chosen{stroke:#000;stroke-width:3}"
	      ".lit{stroke:#05f;stroke-opacity:1;stroke-width:2}</style>\n",
		out);
	fprintf(out, "<circle class=\"ring\" cx=\"%d\" cy=\"%d\" r=\"%d\"/>\n", CENTRE, CENTRE,
		RADIUS);
	put_edges(out, map);
	json_array_foreach (peers, i, p)
		put_peer(out, p, json_array_size(peers) <= LABELS_MAX);
	fputs("</svg>\n", out);
}

void map_svg(FILE *out, const json_t *map)
{
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", out);
	put_picture(out, map);
}

static const char page_head[] =
	"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
	"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
	"'unsafe-inline'; "
	"script-src 'unsafe-inline'\">\n"
	"<title>RELOAD ring</title>\n"
	"<style>body{font:14px sans-serif;margin:1em;display:flex;gap:1em;flex-wrap:wrap}"
	"svg{width:min(90vh,95vw);height:auto}aside{flex:1 1 "
	"20em}pre{white-space:pre-wrap;max-width:38em}"
	"input{font:14px monospace;width:22em}</style></head><body>\n<main>";

/* The page shows only what is in the data: text is set as text, never as markup. */
static const char page_script[] =
	"<script>\n\"use strict\";\n"
	"const map = JSON.parse(document.getElementById('data').textContent);\n"
	"const by = new Map(map.peers.map(p => [p.node_id, p]));\n"
	"const said = document.getElementById('said'), search = "
	"document.getElementById('search');\n"
	"const words = {skips: 'has another successor:', misses: 'gives what follows the peer "
	"before it to', "
	"claims: 'takes the place of'};\n"
	"function choose(id) {\n"
	"  document.querySelectorAll('.chosen').forEach(e => e.classList.remove('chosen'));\n"
	"  document.querySelectorAll('.lit').forEach(e => e.remove());\n"
	"  const p = by.get(id), dot = p && document.getElementById('n' + id);\n"
	"  if (!p) { said.textContent = 'no peer begins with that'; return; }\n"
	"  dot.classList.add('chosen');\n"
	"  for (const f of p.fingers.concat(p.successor || [])) {\n"
	"    const to = document.getElementById('n' + f);\n"
	"    if (!to) continue;\n"
	"    const l = document.createElementNS('http://www.w3.org/2000/svg', 'line');\n"
	"    for (const [k, v] of [['x1', dot.getAttribute('cx')], ['y1', dot.getAttribute('cy')], "
	"['x2', to.getAttribute('cx')], ['y2', to.getAttribute('cy')], ['class', 'lit']]) "
	"l.setAttribute(k, v);\n"
	"    dot.parentNode.insertBefore(l, dot);\n"
	"  }\n"
	"  said.textContent = ['peer       ' + p.node_id, p.answered ? 'round trip ' + "
	"p.rtt_ms.toFixed(2) + ' ms' : "
	"'does not answer',\n"
	"    'successor  ' + (p.successor || '-'), 'fingers    ' + (p.fingers.join('\\n           "
	"') || '-'),\n"
	"    'ring       ' + (p.responsible_percent === null ? '-' : "
	"p.responsible_percent.toFixed(3) + '%'),\n"
	"    'resources  ' + (p.resources ?? '-'), 'up         ' + (p.uptime_s ?? '-') + ' s',\n"
	"    ...p.faults.map(f => 'disagrees: ' + words[f.what] + ' ' + f.node_id)].join('\\n');\n"
	"}\n"
	"document.querySelectorAll('.peer').forEach(e => e.addEventListener('click', () => "
	"choose(e.id.slice(1))));\n"
	"search.addEventListener('input', () => {\n"
	"  const text = search.value.trim().toLowerCase();\n"
	"  const found = map.peers.find(p => text && p.node_id.startsWith(text));\n"
	"  choose(found ? found.node_id : '');\n"
	"});\n"
	"</script>\n";

/* Puts map into an element script, which would end at a `</script>` in any string of it. */
static void put_data(FILE *out, const json_t *map)
{
	char *data = json_dumps(map, JSON_COMPACT | JSON_ENSURE_ASCII);
	for (const char *c = data; c && *c; c++)
		if (*c == '<')
			fputs("\\u003c", out);
		else
			fputc(*c, out);
	free(data);
}

void map_html(FILE *out, const json_t *map)
{
	fputs(page_head, out);
	put_picture(out, map);
	fprintf(out, "</main>\n<aside><p><label>Find a Node-ID: <input id=\"search\" "
		     "autocomplete=\"off\"></label></p>\n"
		     "<p>");
	put_counts(out, map);
	fprintf(out,
		".%s</p>\n"
		"<pre id=\"said\">Choose a peer.</pre></aside>\n"
		"<script type=\"application/json\" id=\"data\">",
		cli_get_bool(map, "complete") ? "" : " Not all of the ring was asked.");
	put_data(out, map);
	fputs("</script>\n", out);
	fputs(page_script, out);
	fputs("</body></html>\n", out);
}
