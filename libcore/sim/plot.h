/* Curves as an SVG picture with axes, ticks and a legend, for light and dark backgrounds.  The same data give the same bytes. */
#pragma once

#include "util/bytes.h"

struct reload_sim_point {
	double x, y; /* a point that is not finite is left out */
};

enum reload_sim_mark {
	RELOAD_SIM_MARK_LINE,
	RELOAD_SIM_MARK_DOTS,  /* a line through dots: few points, all measured */
	RELOAD_SIM_MARK_DASHES /* computed, not measured */
};

struct reload_sim_curve {
	const char *name;
	enum reload_sim_mark mark;
	const struct reload_sim_point *points; /* by x */
	size_t count;
};

enum {
	RELOAD_SIM_CURVES_MAX = 8 /* further ones are left out */
};

struct reload_sim_plot {
	const char *title, *desc;    /* desc describes the picture in sentences */
	const char *x_name, *y_name; /* with units */
	bool log_x;                  /* then points with x <= 0 are left out */
	double y_most;               /* end of the y axis; 0: where the data end */
	const struct reload_sim_curve *curves;
	size_t count;
};

/* reload_sim_plot_svg() appends plot as an SVG document. */
void reload_sim_plot_svg(struct wr *w, const struct reload_sim_plot *plot);
