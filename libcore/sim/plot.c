#include "sim/plot.h"

#include "util/text.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/*
 * The picture is 760 units wide: the title on top, the curves on the left, the legend on the right.  The y axis begins at 0.  Colour-blind people can
 * distinguish the colours, which are brighter on a dark background; curves also differ by their marks.
 */

enum {
	WIDTH = 760,
	HEIGHT = 420,
	LEFT = 80,
	RIGHT = 570,
	TOP = 48,
	BOTTOM = 350,
	LEGEND = 590,
	ROW = 22,
	TICKS_MAX = 32
};

/* An axis: data from low to high are drawn from `from` to `to`. */
struct axis {
	double low, high;
	bool log;
	double from, to;
	double ticks[TICKS_MAX];
	size_t ticks_count;
};

static double place(const struct axis *a, double v)
{
	double part = a->log ? log(v / a->low) / log(a->high / a->low)
			     : (v - a->low) / (a->high - a->low);
	return a->from + part * (a->to - a->from);
}

static bool usable(const struct reload_sim_plot *p, const struct reload_sim_point *at)
{
	return isfinite(at->x) && isfinite(at->y) && (!p->log_x || at->x > 0);
}

static size_t curves_of(const struct reload_sim_plot *p)
{
	return p->count < RELOAD_SIM_CURVES_MAX ? p->count : RELOAD_SIM_CURVES_MAX;
}

/* Finds the range of all points; false when there are none. */
static bool extent(const struct reload_sim_plot *p, struct axis *x, struct axis *y)
{
	bool any = false;
	for (size_t c = 0; c < curves_of(p); c++)
		for (size_t i = 0; i < p->curves[c].count; i++) {
			const struct reload_sim_point *at = &p->curves[c].points[i];
			if (!usable(p, at))
				continue;
			x->low = any ? fmin(x->low, at->x) : at->x;
			x->high = any ? fmax(x->high, at->x) : at->x;
			y->low = any ? fmin(y->low, at->y) : fmin(0, at->y);
			y->high = any ? fmax(y->high, at->y) : at->y;
			any = true;
		}
	if (p->y_most > 0)
		y->high = p->y_most;
	return any;
}

/* The least of 1, 2, 5, 10, 20, ... that is not below v. */
static double nice(double v)
{
	double power = pow(10, floor(log10(v)));
	double digit = v / power;
	return power * (digit <= 1.000001 ? 1 : digit <= 2.000001 ? 2 : digit <= 5.000001 ? 5 : 10);
}

/* Extends the axis to whole steps, about count of them. */
static void linear_ticks(struct axis *a, double count, bool widen)
{
	if (!(a->high > a->low))
		a->high = a->low + (a->low > 0 ? a->low : 1);
	double step = nice((a->high - a->low) / count);
	if (widen) {
		a->low = floor(a->low / step + 1e-9) * step;
		a->high = ceil(a->high / step - 1e-9) * step;
	}
	double first = ceil(a->low / step - 1e-9);
	for (double k = first; k * step <= a->high + step * 1e-9 && a->ticks_count < TICKS_MAX; k++)
		a->ticks[a->ticks_count++] = k * step;
}

/* Makes ticks at 1, 2 and 5 times each power of ten, or at the powers only when there are many. */
static void log_ticks(struct axis *a)
{
	static const double digits[] = { 1, 2, 5 };
	if (!(a->high > a->low)) {
		a->low /= 2;
		a->high *= 2;
	}
	double first = floor(log10(a->low) + 1e-9), last = ceil(log10(a->high) - 1e-9);
	for (double k = first; k <= last && a->ticks_count < TICKS_MAX; k++)
		for (size_t i = 0; i < (last - first > 3 ? 1 : COUNT_OF(digits)); i++) {
			double v = digits[i] * pow(10, k);
			if (v >= a->low * 0.999999 && v <= a->high * 1.000001 &&
				a->ticks_count < TICKS_MAX)
				a->ticks[a->ticks_count++] = v;
		}
}

static void element(struct wr *w, const char *name, const char *text)
{
	wr_format(w, "<%s id=\"%s\">", name, name);
	reload_markup_put(w, text);
	wr_format(w, "</%s>\n", name);
}

/* Writes text at a point; anchor: start, middle or end. */
static void text_at(struct wr *w, double x, double y, const char *anchor, const char *text)
{
	wr_format(w, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchor);
	reload_markup_put(w, text);
	wr_format(w, "</text>\n");
}

/* Writes 12000 as 12k and 3400000 as 3.4M, small numbers as they are. */
static void amount(char out[32], double v)
{
	static const char *const units[] = { "", "k", "M", "G", "T" };
	size_t unit = 0;
	for (; fabs(v) >= 999.9999 && unit + 1 < COUNT_OF(units); unit++)
		v /= 1000;
	snprintf(out, 32, "%.4g%s", fabs(v) < 1e-12 ? 0 : v, units[unit]);
}

static void style(struct wr *w)
{
	static const char *const colors[RELOAD_SIM_CURVES_MAX][2] = { { "#0072b2", "#56b4e9" },
		{ "#d55e00", "#ff9a52" }, { "#008a63", "#2dd4a2" }, { "#a8437f", "#e79ac8" },
		{ "#7a6a00", "#f0e442" }, { "#5a5a5a", "#bdbdbd" }, { "#6a3fb5", "#b79bf0" },
		{ "#8c3b2a", "#e6937f" } };
	wr_format(w, "<style>\n"
		     "text{font:13px sans-serif;fill:#222}\n"
		     ".ground{fill:#fff}.axis{stroke:#555}.grid{stroke:#ddd}\n"
		     ".curve{fill:none;stroke-width:2}.dashes{stroke-dasharray:7 4}\n"
		     ".title{font-size:16px;font-weight:bold}\n");
	for (size_t i = 0; i < RELOAD_SIM_CURVES_MAX; i++)
		wr_format(w, ".s%zu{stroke:%s}.f%zu{fill:%s}\n", i, colors[i][0], i, colors[i][0]);
	wr_format(w,
		"@media (prefers-color-scheme:dark){\n"
		"text{fill:#ddd}.ground{fill:#16181c}.axis{stroke:#999}.grid{stroke:#3a3d44}\n");
	for (size_t i = 0; i < RELOAD_SIM_CURVES_MAX; i++)
		wr_format(w, ".s%zu{stroke:%s}.f%zu{fill:%s}\n", i, colors[i][1], i, colors[i][1]);
	wr_format(w, "}\n</style>\n");
}

static void draw_axes(
	struct wr *w, const struct reload_sim_plot *p, const struct axis *x, const struct axis *y)
{
	char label[32];
	for (size_t i = 0; i < y->ticks_count; i++) {
		double at = place(y, y->ticks[i]);
		wr_format(w, "<path class=\"grid\" d=\"M%d %.1fH%d\"/>\n", LEFT, at, RIGHT);
		amount(label, y->ticks[i]);
		text_at(w, LEFT - 8, at + 4, "end", label);
	}
	for (size_t i = 0; i < x->ticks_count; i++) {
		double at = place(x, x->ticks[i]);
		wr_format(w, "<path class=\"axis\" d=\"M%.1f %dv5\"/>\n", at, BOTTOM);
		amount(label, x->ticks[i]);
		text_at(w, at, BOTTOM + 20, "middle", label);
	}
	wr_format(w, "<path class=\"axis\" fill=\"none\" d=\"M%d %dV%dH%d\"/>\n", LEFT, TOP, BOTTOM,
		RIGHT);
	text_at(w, (LEFT + RIGHT) / 2.0, BOTTOM + 44, "middle", p->x_name);
	wr_format(w, "<g transform=\"translate(22 %d) rotate(-90)\">\n", (TOP + BOTTOM) / 2);
	text_at(w, 0, 0, "middle", p->y_name);
	wr_format(w, "</g>\n");
}

static const char *class_of(enum reload_sim_mark mark)
{
	return mark == RELOAD_SIM_MARK_DASHES ? "curve dashes" : "curve";
}

static void draw_curve(struct wr *w, const struct reload_sim_plot *p, size_t index,
	const struct axis *x, const struct axis *y)
{
	const struct reload_sim_curve *c = &p->curves[index];
	const char *verb = "M";
	wr_format(w, "<g clip-path=\"url(#frame)\">\n");
	wr_format(w, "<path class=\"%s s%zu\" d=\"", class_of(c->mark), index);
	for (size_t i = 0; i < c->count; i++) {
		if (!usable(p, &c->points[i]))
			continue;
		wr_format(
			w, "%s%.1f %.1f", verb, place(x, c->points[i].x), place(y, c->points[i].y));
		verb = "L";
	}
	wr_format(w, "%s\"/>\n", *verb == 'M' ? "M0 0" : "");
	for (size_t i = 0; i < c->count && c->mark == RELOAD_SIM_MARK_DOTS; i++)
		if (usable(p, &c->points[i]))
			wr_format(w, "<circle class=\"f%zu\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"/>\n",
				index, place(x, c->points[i].x), place(y, c->points[i].y));
	wr_format(w, "</g>\n");
}

static void draw_legend(struct wr *w, const struct reload_sim_plot *p)
{
	for (size_t i = 0; i < curves_of(p); i++) {
		double at = TOP + 8 + (double)(i * ROW);
		wr_format(w, "<path class=\"%s s%zu\" d=\"M%d %.1fh28\"/>\n",
			class_of(p->curves[i].mark), i, LEGEND, at);
		if (p->curves[i].mark == RELOAD_SIM_MARK_DOTS)
			wr_format(w, "<circle class=\"f%zu\" cx=\"%d\" cy=\"%.1f\" r=\"3.5\"/>\n",
				i, LEGEND + 14, at);
		text_at(w, LEGEND + 36, at + 4, "start", p->curves[i].name);
	}
}

void reload_sim_plot_svg(struct wr *w, const struct reload_sim_plot *p)
{
	struct axis x = { .log = p->log_x, .from = LEFT, .to = RIGHT },
		    y = { .from = BOTTOM, .to = TOP };
	wr_format(w,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
		"height=\"%d\" role=\"img\" aria-labelledby=\"title desc\">\n",
		WIDTH, HEIGHT, WIDTH, HEIGHT);
	element(w, "title", p->title);
	element(w, "desc", p->desc);
	style(w);
	wr_format(w,
		"<clipPath id=\"frame\"><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>"
		"</clipPath>\n<rect class=\"ground\" width=\"%d\" height=\"%d\"/>\n",
		LEFT - 4, TOP - 4, RIGHT - LEFT + 8, BOTTOM - TOP + 8, WIDTH, HEIGHT);
	wr_format(w, "<text class=\"title\" x=\"%d\" y=\"28\">", LEFT);
	reload_markup_put(w, p->title);
	wr_format(w, "</text>\n");
	if (!extent(p, &x, &y)) {
		text_at(w, (LEFT + RIGHT) / 2.0, (TOP + BOTTOM) / 2.0, "middle", "no data");
	} else {
		if (x.log)
			log_ticks(&x);
		else
			linear_ticks(&x, 7, false);
		linear_ticks(&y, 6, !(p->y_most > 0));
		draw_axes(w, p, &x, &y);
		for (size_t i = 0; i < curves_of(p); i++)
			draw_curve(w, p, i, &x, &y);
		draw_legend(w, p);
	}
	wr_format(w, "</svg>\n");
}
