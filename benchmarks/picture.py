"""A bar chart of steps in SVG, readable on light and on dark, with a description in words."""

from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape

from .sampled import STEPS

#: of the picture, in units of about a pixel
WIDTH, LEFT, RIGHT, BAR, ROW, TOP = 840, 118, 76, 26, 40, 92
#: one per step, in order; distinguishable on white and on black, and for colour-blind readers
COLOURS = ("#bfbfbf", "#808080", "#56b4e9", "#cc79a7", "#0072b2", "#009e73", "#e69f00", "#d55e00")
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1f2328 }
.quiet { fill: #59636e }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .quiet { fill: #9198a1 } }
"""


def drawn(found: Mapping[str, Mapping[str, float]]) -> str:
    """All bars on one scale, then all but the longest on a larger one, as they would be hardly visible."""
    totals = {name: sum(steps.values()) for name, steps in found.items()}
    longest = max(totals, key=totals.__getitem__)
    rest = {name: steps for name, steps in found.items() if name != longest}
    second = TOP + len(found) * ROW + 40
    height = second + len(rest) * ROW + 10
    words = "; ".join(f"{name} {milliseconds(total)}" for name, total in totals.items())
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
            'aria-labelledby="title words">',
            '<title id="title">Where the time of a large answer goes</title>',
            f'<desc id="words">{escape(words)}. The steps of each are in the table of the page.</desc>',
            f"<style>{STYLE}</style>",
            *legend(),
            *panel(found, TOP, max(totals.values())),
            text(0, second - 16, "The same without the longest, enlarged:", "quiet"),
            *panel(rest, second, max(totals[name] for name in rest)),
            "</svg>\n",
        ]
    )


def legend() -> Iterator[str]:
    """The colour of each step, in two rows."""
    for number, (step, colour) in enumerate(zip(STEPS, COLOURS, strict=True)):
        x, y = number % 4 * 190, number // 4 * 26 + 10
        yield f'<rect x="{x}" y="{y}" width="14" height="14" rx="3" fill="{colour}"/>'
        yield text(x + 22, y + 12, step)


def panel(found: Mapping[str, Mapping[str, float]], top: int, longest: float) -> Iterator[str]:
    """A row for each contender: its name, its steps side by side, and its total time."""
    scale = (WIDTH - LEFT - RIGHT) / longest
    for number, (name, steps) in enumerate(found.items()):
        x, y = float(LEFT), top + number * ROW
        yield text(0, y + 18, name)
        for (step, seconds), colour in zip(steps.items(), COLOURS, strict=True):
            hint = escape(f"{name}: {step} {milliseconds(seconds)}")
            yield (
                f'<rect x="{x:.1f}" y="{y}" width="{seconds * scale:.1f}" height="{BAR}" fill="{colour}">'
                f"<title>{hint}</title></rect>"
            )
            x += seconds * scale
        yield text(round(x) + 8, y + 18, milliseconds(sum(steps.values())), "quiet")


def text(x: int, y: int, words: str, kind: str = "") -> str:
    return f'<text x="{x}" y="{y}" class="{kind}">{escape(words)}</text>'


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"
