// Return each visible text, its element, and its contrast with what is behind it (WCAG 2).
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((part) => {
      const c = part / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const isPainted = (element) => element instanceof SVGElement && !(element instanceof SVGSVGElement);
  const paint = (element) => {
    const style = getComputedStyle(element);
    if (!isPainted(element)) return style.backgroundColor;
    return style.fill === "none" ? null : style.fill;
  };
  // The elements behind a text, from the top: for HTML its ancestors, in pictures what is painted at its middle.
  const behind = (element, box) => {
    const picture = element.closest("svg");
    if (picture && picture !== element) {
      const hit = document.elementsFromPoint(box.x + box.width / 2, box.y + box.height / 2);
      return hit.includes(picture) ? hit.filter((other) => !(other instanceof SVGTextContentElement)) : null;
    }
    const found = [];
    for (let at = element; at; at = at.parentElement) found.push(at);
    return found;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    if (!text || ["SCRIPT", "STYLE", "NOSCRIPT", "TITLE", "title", "OPTION"].includes(element.tagName)) continue;
    if (!element.checkVisibility({ visibilityProperty: true }) || element.closest(":disabled")) continue;
    const range = document.createRange();
    range.selectNode(walker.currentNode);
    const box = range.getBoundingClientRect();
    if (!box.width || !box.height) continue;
    const layers = behind(element, box);
    if (!layers) continue;
    let background = rgba(getComputedStyle(document.body).backgroundColor);
    for (const layer of layers.reverse()) {
      const painted = paint(layer);
      if (painted) background = over(rgba(painted), background);
    }
    const style = getComputedStyle(element);
    const ink = over(rgba(element instanceof SVGElement ? style.fill : style.color), background);
    const [low, high] = [luminance(ink), luminance(background)].sort((a, b) => a - b);
    found.push([text.slice(0, 60), `${element.tagName}.${element.getAttribute("class")}`, (high + 0.05) / (low + 0.05)]);
  }
  return found;
}
