/*
 * The tree of a service as a picture: a row of boxes for each level, the root at the top, and in each box a dot for each record.  A box is joined to the
 * closest tree node above it that has records.
 */
#include "fetch.h"

#include "util/alloc.h"
#include "util/bytes.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>

enum {
	MARGIN = 20,
	HEAD = 64,  /* for the title and the legend */
	LABEL = 22, /* in a box, above its dots */
	DOT = 12,   /* a dot and the space around it */
	COLUMNS = 10,
	BOX = COLUMNS * DOT + 16,
	GAP = 14,
	ROW_GAP = 44
};

/* A tree node as it is drawn. */
struct box {
	const json_t *node, *entries;
	long long level, number;
	int x, y, height;
};

struct picture {
	const json_t *tree;
	struct box *boxes; /* by level, then by number */
	size_t count;
	long long branching;
	int width, height;
};

/* Text of other nodes, for a picture that may be opened in anything. */
static void put_text(FILE *out, const char *text)
{
	char *safe = NULL;
	size_t len = 0;
	struct wr w;
	FILE *f = open_memstream(&safe, &len);
	if (!f)
		return;
	cli_put_safe(f, text);
	fclose(f);
	wr_init(&w);
	reload_markup_put(&w, safe);
	fwrite(w.at, 1, w.len, out);
	wr_clear(&w);
	free(safe);
}

static int by_place(const void *a, const void *b)
{
	const struct box *x = a, *y = b;
	if (x->level != y->level)
		return x->level < y->level ? -1 : 1;
	return (x->number > y->number) - (x->number < y->number);
}

static void read_boxes(struct picture *p)
{
	size_t i;
	json_t *node;
	const json_t *nodes = json_object_get(p->tree, "nodes");
	p->boxes = reload_alloc_array(json_array_size(nodes) + 1, sizeof(*p->boxes));
	json_array_foreach (nodes, i, node) {
		const json_t *entries = json_object_get(node, "entries");
		int rows = (int)((json_array_size(entries) + COLUMNS - 1) / COLUMNS);
		p->boxes[p->count++] = (struct box){ .node = node,
			.entries = entries,
			.level = cli_get_int(node, "level"),
			.number = cli_get_int(node, "node"),
			.height = LABEL + 8 + DOT * (rows ? rows : 1) };
	}
	qsort(p->boxes, p->count, sizeof(*p->boxes), by_place);
}

/* The first box of the next level after that of box i. */
static size_t next_row(const struct picture *p, size_t i)
{
	size_t end = i;
	while (end < p->count && p->boxes[end].level == p->boxes[i].level)
		end++;
	return end;
}

/* Each level is a row, centred in the width of the widest. */
static void lay_out(struct picture *p)
{
	int least = 3 * (BOX + GAP); /* what the legend needs */
	for (size_t i = 0, end; i < p->count; i = end) {
		end = next_row(p, i);
		int wide = (int)(end - i) * (BOX + GAP) - GAP;
		least = wide > least ? wide : least;
	}
	p->width = least + 2 * MARGIN;
	p->height = HEAD;
	for (size_t i = 0, end; i < p->count; i = end) {
		int tallest = 0, x;
		end = next_row(p, i);
		x = (p->width - (int)(end - i) * (BOX + GAP) + GAP) / 2;
		for (size_t k = i; k < end; k++, x += BOX + GAP) {
			p->boxes[k].x = x;
			p->boxes[k].y = p->height;
			tallest = p->boxes[k].height > tallest ? p->boxes[k].height : tallest;
		}
		p->height += tallest + ROW_GAP;
	}
}

/* The box of the closest tree node above it, NULL: none has records. */
static const struct box *above(const struct picture *p, const struct box *b)
{
	const struct box *best = NULL;
	if (p->branching < 2)
		return NULL;
	for (size_t i = 0; i < p->count && p->boxes[i].level < b->level; i++) {
		long long number = b->number;
		for (long long level = b->level; number && level > p->boxes[i].level; level--)
			number /= p->branching;
		if (number == p->boxes[i].number)
			best = &p->boxes[i];
	}
	return best;
}

static void put_entry(FILE *out, const struct picture *p, const json_t *e, int x, int y)
{
	const char *wrong = fetch_tree_trouble(p->tree, e);
	fprintf(out, "<circle class=\"entry %s\" cx=\"%d\" cy=\"%d\" r=\"4\"><title>",
		*cli_get_text(e, "fault") ? "fault"
		: *wrong                  ? "silent"
					  : "good",
		x, y);
	put_text(out, cli_get_text(e, "node_id"));
	fputc(' ', out);
	put_text(out, cli_get_text(e, "user"));
	fprintf(out, ": %llds old, %llds left", cli_get_int(e, "age_s"),
		cli_get_int(e, "lifetime_s"));
	if (*wrong)
		fputs("; ", out);
	put_text(out, wrong);
	fputs("</title></circle>\n", out);
}

static void put_box(FILE *out, const struct picture *p, const struct box *b)
{
	const char *fault = cli_get_text(b->node, "fault");
	const json_t *e;
	size_t i;
	fprintf(out,
		"<g><rect class=\"node%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
		"rx=\"3\"><title>",
		*fault ? " unread" : "", b->x, b->y, BOX, b->height);
	fprintf(out, "level %lld, node %lld, resource %s", b->level, b->number,
		cli_get_text(b->node, "resource_id"));
	if (*fault)
		fputs("; ", out);
	put_text(out, fault);
	fprintf(out, "</title></rect>\n<text x=\"%d\" y=\"%d\">%lld:%lld  %zu</text>\n", b->x + 8,
		b->y + 16, b->level, b->number, json_array_size(b->entries));
	json_array_foreach (b->entries, i, e)
		put_entry(out, p, e, b->x + 8 + DOT / 2 + (int)(i % COLUMNS) * DOT,
			b->y + LABEL + DOT / 2 + (int)(i / COLUMNS) * DOT);
	fputs("</g>\n", out);
}

static void put_legend(FILE *out)
{
	static const char *const kinds[][2] = { { "good", "provider" },
		{ "silent", "does not answer" }, { "fault", "does not count" } };
	for (size_t i = 0; i < COUNT_OF(kinds); i++)
		fprintf(out,
			"<circle class=\"%s\" cx=\"%zu\" cy=\"44\" r=\"4\"/><text x=\"%zu\" "
			"y=\"48\">%s</text>\n",
			kinds[i][0], MARGIN + 4 + i * 130, MARGIN + 14 + i * 130, kinds[i][1]);
}

static void put_head(FILE *out, const struct picture *p)
{
	const char *service = cli_get_text(p->tree, "service");
	size_t providers = json_array_size(json_object_get(p->tree, "providers"));
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg "
		"xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
		"aria-labelledby=\"t d\">\n<title id=\"t\">Tree of the service ",
		p->width, p->height);
	put_text(out, service);
	fprintf(out,
		"</title>\n<desc id=\"d\">%zu provider%s in %zu tree node%s with records; %lld "
		"branches.</desc>\n",
		providers, cli_plural(providers), p->count, cli_plural(p->count), p->branching);
	fputs("<style>svg{background:#fff}.node{fill:#f4f4f4;stroke:#777}.unread{fill:#fdd;stroke:#"
	      "c22}"
	      ".edge{stroke:#aaa}.good{fill:#284}.silent{fill:#c22}.fault{fill:#e80}"
	      "text{font:12px monospace;fill:#222}.name{font:bold 14px sans-serif}</style>\n",
		out);
	fprintf(out, "<text class=\"name\" x=\"%d\" y=\"26\">", MARGIN);
	put_text(out, service);
	fprintf(out, ": %zu provider%s</text>\n", providers, cli_plural(providers));
	put_legend(out);
}

void fetch_tree_svg(FILE *out, const json_t *r)
{
	struct picture p = { .tree = r, .branching = cli_get_int(r, "branching_factor") };
	read_boxes(&p);
	lay_out(&p);
	put_head(out, &p);
	for (size_t i = 0; i < p.count; i++) {
		const struct box *b = &p.boxes[i], *up = above(&p, b);
		if (up)
			fprintf(out,
				"<line class=\"edge\" x1=\"%d\" y1=\"%d\" x2=\"%d\" "
				"y2=\"%d\"/>\n",
				up->x + BOX / 2, up->y + up->height, b->x + BOX / 2, b->y);
	}
	for (size_t i = 0; i < p.count; i++)
		put_box(out, &p, &p.boxes[i]);
	fputs("</svg>\n", out);
	free(p.boxes);
}
