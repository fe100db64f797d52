"""Draw `pictures/job.svg`, the life cycle of a job; run this script after changing it."""

from pathlib import Path

WIDTH, HEIGHT = 120, 40
LEFT = {"registered": 20, "submitted": 190, "ready": 360, "running": 530}
TOP, LOW, END = 120, 210, 770  # of the states that a job passes through; of those after a cancellation; of final ones
STEPS = ("upload, submit", "queue", "transpile")
BASE = 285  # the way of a cancellation, below all states
BLUE, YELLOW, GREEN, RED, GREY, INK = "#e8eef7", "#fdf1d8", "#dff2e1", "#f8dfdf", "#e6e6e6", "#334"
DASHED = ' stroke-dasharray="5 4"'  # requests of the user
TITLE = (
    "A job is registered, submitted, ready and running, and then succeeded or failed. It fails if it cannot be "
    "transpiled or run. It can be cancelled in each of these states. On newer servers, a running job is cancelling "
    "first, and may still succeed or fail."
)


def box(name: str, x: float, y: float, colour: str) -> str:
    """Draw one state."""
    return (
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{colour}" stroke="{INK}"/>'
        f'<text x="{x + WIDTH / 2}" y="{y + 26}" text-anchor="middle">{name}</text>'
    )


def line(*points: tuple[float, float], style: str = "") -> str:
    """Draw a line along some points."""
    path = "M" + " L".join(f"{x} {y}" for x, y in points)
    return f'<path d="{path}" stroke="{INK}" fill="none"{style}/>'


def arrow(*points: tuple[float, float], style: str = "") -> str:
    """Draw the arrow along some points."""
    return line(*points, style=f'{style} marker-end="url(#head)"')


def label(text: str, x: float, y: float) -> str:
    """Write what happens at an arrow."""
    return f'<text x="{x}" y="{y}" text-anchor="middle" font-size="13" fill="{INK}">{text}</text>'


def states() -> list[str]:
    """Draw all states."""
    passed = [box(name, x, TOP, YELLOW if name == "running" else BLUE) for name, x in LEFT.items()]
    ends = [
        box(*end) for end in (("failed", END, 30, RED), ("succeeded", END, TOP, GREEN), ("cancelled", END, LOW, GREY))
    ]
    return [*passed, box("cancelling", 590, LOW, YELLOW), *ends]


def progress() -> list[str]:
    """Draw how a job succeeds or fails."""
    row, fails, edge = TOP + HEIGHT / 2, 50, END - 3
    starts = [x + WIDTH for x in LEFT.values()]
    steps = [arrow((start, row), (start + 47, row)) for start in starts[:-1]]
    steps += [label(text, start + 25, TOP - 8) for text, start in zip(STEPS, starts, strict=False)]
    errors = [arrow((LEFT[name] + 60, TOP), (LEFT[name] + 60, fails), (edge, fails)) for name in ("ready", "running")]
    return [*steps, arrow((starts[-1], row), (edge, row)), *errors, label("error", 505, fails - 8)]


def cancellation() -> list[str]:
    """Draw how a job is cancelled from each state."""
    first, *others = [*(x + 60 for name, x in LEFT.items() if name != "running"), LEFT["running"] + 30]
    below, target, edge = TOP + HEIGHT, LOW + HEIGHT + 3, END - 3
    direct = [line((x, below), (x, BASE), style=DASHED) for x in others]
    direct.append(arrow((first, below), (first, BASE), (END + 60, BASE), (END + 60, target), style=DASHED))
    late = [arrow((710, 222), (740, 222), (740, y), (edge, y)) for y in (152, 62)]  # it may have ended already
    return [
        *direct,
        arrow((630, below), (630, LOW - 3), style=DASHED),
        arrow((710, 236), (edge, 236)),
        *late,
        label("cancel", 335, BASE - 8),
        label("newer servers", 680, LOW - 12),
    ]


def picture() -> str:
    """Return the drawing as SVG, on a light card that is legible on a dark page as well."""
    head = '<defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
    head += f'<path d="M0 0 L8 4 L0 8 z" fill="{INK}"/></marker></defs>'
    card = '<rect width="910" height="305" rx="10" fill="#fff"/>'
    style = (
        'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 910 305" font-family="sans-serif" font-size="17" fill="#112"'
    )
    body = "".join([head, card, *progress(), *cancellation(), *states()])
    return f'<svg {style} role="img"><title>{TITLE}</title>{body}</svg>\n'


if __name__ == "__main__":
    (Path(__file__).parent / "pictures" / "job.svg").write_text(picture(), encoding="utf-8")
