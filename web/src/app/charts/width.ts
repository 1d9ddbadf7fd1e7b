/**
 * Tells how wide an element is, a frame after that is known: what is drawn at that width may make the element higher, and
 * within the frame browsers report this to the page as an error. Returns what ends it.
 */
export function watchWidth(element: Element, tell: (width: number) => void): () => void {
  let frame = 0;
  const resizing = new ResizeObserver(() => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(() => tell(element.clientWidth));
  });
  resizing.observe(element);
  return () => {
    resizing.disconnect();
    cancelAnimationFrame(frame);
  };
}
