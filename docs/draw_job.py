"""Draw `pictures/job.svg`, the life cycle of a job; run this script after changing it."""

from pathlib import Path

BOXES = [
    ("registered", 10, "#e8eef7"),
    ("submitted", 170, "#e8eef7"),
    ("ready", 330, "#e8eef7"),
    ("running", 490, "#fdf1d8"),
]
ENDS = [("succeeded", 20, "#dff2e1"), ("failed", 80, "#f8dfdf"), ("cancelled", 140, "#ececec")]
WIDTH, HEIGHT, MIDDLE = 120, 40, 80


def box(name: str, x: float, y: float, colour: str) -> str:
    """Draw one state."""
    return (
        f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="8" fill="{colour}" stroke="#556"/>'
        f'<text x="{x + WIDTH / 2}" y="{y + 25}" text-anchor="middle">{name}</text>'
    )


def arrow(x1: float, y1: float, x2: float, y2: float) -> str:
    """Draw the arrow from one state to the next."""
    return f'<path d="M{x1} {y1} L{x2} {y2}" stroke="#556" fill="none" marker-end="url(#head)"/>'


def picture() -> str:
    """Return the drawing as SVG."""
    states = [box(name, x, MIDDLE, colour) for name, x, colour in BOXES]
    ends = [box(name, 680, y, colour) for name, y, colour in ENDS]
    middle = MIDDLE + HEIGHT / 2
    steps = [arrow(x + WIDTH, middle, x + 158, middle) for _, x, _ in BOXES[:-1]]
    out = [arrow(490 + WIDTH, middle, 677, y + HEIGHT / 2) for _, y, _ in ENDS]
    labels = [
        f'<text x="{x}" y="{MIDDLE - 12}" text-anchor="middle" font-size="11" fill="#556">{text}</text>'
        for x, text in [(150, "upload, submit"), (310, "queue"), (470, "transpile")]
    ]
    head = '<defs><marker id="head" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
    head += '<path d="M0 0 L8 4 L0 8 z" fill="#556"/></marker></defs>'
    frame = '<rect width="810" height="200" fill="white"/>'
    style = 'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 810 200" font-family="sans-serif" font-size="14"'
    return f"<svg {style}>{head}{frame}{''.join(states + ends + steps + out + labels)}</svg>\n"


if __name__ == "__main__":
    (Path(__file__).parent / "pictures" / "job.svg").write_text(picture(), encoding="utf-8")
