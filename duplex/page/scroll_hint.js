// Says at the edge of an element that scrolls that there is more: `data-more` is set while there is.

export function hintAtMore(element) {
  const look = () => {
    const rest = element.scrollHeight - element.clientHeight - element.scrollTop;
    element.toggleAttribute("data-more", rest > 8);
  };
  element.addEventListener("scroll", look, { passive: true });
  const watching = new ResizeObserver(look);
  watching.observe(element);
  for (const child of element.children) watching.observe(child);
}
