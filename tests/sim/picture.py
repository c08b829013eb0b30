"""Pictures of the report: panels with points, and bars, as SVG text."""
import math

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 300, 210, 52, 28, 38
COLOURS = ["#c0392b", "#1f618d", "#2e86c1", "#85c1e9", "#196f3d", "#27ae60", "#82e0aa"]
TEXT = 'font-family="sans-serif" font-size="11"'


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def words(x, y, text, more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" {TEXT} {more}>{escaped(text)}</text>'


def line(x1, y1, x2, y2, colour="#888"):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def document(width, height, title, parts):
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-labelledby="title">\n' \
           f'<title id="title">{escaped(title)}</title>\n<rect width="{width}" height="{height}" fill="white"/>\n{body}\n</svg>\n'


def legend(names, x, y, step=150, wide=900):
    parts, at = [], x
    for i, name in enumerate(names):
        if at + step > wide:
            at, y = x, y + 16
        parts += [f'<circle cx="{at:.1f}" cy="{y - 4:.1f}" r="4" fill="{COLOURS[i % len(COLOURS)]}"/>', words(at + 8, y, name)]
        at += step
    return parts


def points(title, panels, names, x_words, y_words):
    """panels: titles and dictionaries of name to (x, its interval, y, its interval).  x is drawn by its logarithm.  Returns the document."""
    parts, columns = [], 3
    for k, (heading, marks) in enumerate(panels):
        x0, y0 = k % columns * WIDTH, k // columns * HEIGHT
        width, height = WIDTH - LEFT - 12, HEIGHT - TOP - BOTTOM
        low_x, high_x = min(m[0] for m in marks.values()) / 1.3, max(m[0] for m in marks.values()) * 1.3
        low_y, high_y = min(m[2] - m[3] for m in marks.values()), max(m[2] + m[3] for m in marks.values())
        pad = max((high_y - low_y) * 0.1, 0.05)
        low_y, high_y = low_y - pad, high_y + pad
        place_x = lambda v: x0 + LEFT + width * (math.log(max(v, low_x)) - math.log(low_x)) / (math.log(high_x) - math.log(low_x))
        place_y = lambda v: y0 + TOP + height * (high_y - v) / (high_y - low_y)
        parts += [words(x0 + LEFT, y0 + 18, heading, 'font-weight="bold"'),
                  line(x0 + LEFT, y0 + TOP, x0 + LEFT, y0 + TOP + height), line(x0 + LEFT, y0 + TOP + height, x0 + LEFT + width, y0 + TOP + height)]
        for v in (low_y + pad, high_y - pad):
            parts.append(words(x0 + LEFT - 4, place_y(v) + 4, f"{v:.2f}", 'text-anchor="end"'))
        for v in (low_x * 1.3, high_x / 1.3):
            parts.append(words(place_x(v), y0 + TOP + height + 14, f"{v:.0f}", 'text-anchor="middle"'))
        parts.append(words(x0 + LEFT + width / 2, y0 + TOP + height + 28, x_words, 'text-anchor="middle"'))
        if k % columns == 0:
            parts.append(words(0, 0, y_words, f'text-anchor="middle" transform="translate({x0 + 11},{y0 + TOP + height / 2:.0f}) rotate(-90)"'))
        for name, (x, dx, y, dy) in marks.items():
            colour = COLOURS[names.index(name) % len(COLOURS)]
            parts += [line(place_x(x - dx), place_y(y), place_x(x + dx), place_y(y), colour),
                      line(place_x(x), place_y(y - dy), place_x(x), place_y(y + dy), colour),
                      f'<circle cx="{place_x(x):.1f}" cy="{place_y(y):.1f}" r="4" fill="{colour}"/>']
    rows = -(-len(panels) // columns)
    return document(columns * WIDTH, rows * HEIGHT + 44, title, parts + legend(names, LEFT, rows * HEIGHT + 16))


def bars(title, groups, names, unit, limit=None):
    """groups: titles and dictionaries of name to (value, its interval); a bar that is longer than limit is cut there.  Returns the document."""
    parts, y, left, width = [], 24, 190, 560
    top = max(m[0] + m[1] for _, marks in groups for m in marks.values())
    top = min(top, limit) if limit else top
    for heading, marks in groups:
        parts.append(words(8, y, heading, 'font-weight="bold"'))
        for name, (value, spread) in marks.items():
            length = lambda v: width * min(max(v, 0), top) / top if top else 0
            parts += [f'<rect x="{left}" y="{y - 9}" width="{length(value):.1f}" height="11" fill="{COLOURS[names.index(name) % len(COLOURS)]}"/>',
                      line(left + length(value - spread), y - 3, left + length(value + spread), y - 3, "#222"),
                      words(left + length(value + spread) + 5, y, f"{value:.3g}{unit}")]
            y += 14
        y += 10
    return document(900, y + 40, title, parts + legend(names, left, y + 6, 215))
