"""Pictures on the console's pages, as SVG or HTML text: pure functions of their data."""
