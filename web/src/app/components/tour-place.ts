const GAP = 14;
/** Narrower than this there is no beside: the card stands at the lower edge. */
const WIDE = 700;

/**
 * Puts the card beside the first element that matches, frames that element, and keeps both so while the page is scrolled and
 * changed. Gives what undoes it.
 */
export function place(card: HTMLElement, target: string): () => void {
  // Above everything, also above what has made a layer of its own.
  if ('popover' in card && !card.popover) card.popover = 'manual';
  if (card.popover && !card.matches(':popover-open')) card.showPopover();
  let element: HTMLElement | null = null;
  let frame = 0;
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const look = () => {
    const found = document.querySelector<HTMLElement>(target);
    if (found !== element) {
      element?.classList.remove('toured');
      element = found;
      element?.classList.add('toured');
      if (element && !inSight(element)) element.scrollIntoView({ block: 'center', behavior: calm ? 'auto' : 'smooth' });
    }
    put(card, element);
    frame = requestAnimationFrame(look);
  };
  look();
  return () => {
    cancelAnimationFrame(frame);
    element?.classList.remove('toured');
  };
}

function inSight(element: HTMLElement): boolean {
  const { top, bottom } = element.getBoundingClientRect();
  return top >= 0 && Math.min(bottom, top + 200) <= innerHeight;
}

/** Where the window ends, or begins to be covered: on phones the buttons that train stand at its lower edge. */
function floor(): number {
  const docked = document.querySelector('.transport')?.getBoundingClientRect();
  return innerWidth < WIDE && docked && docked.bottom > innerHeight - 2 ? docked.top : innerHeight;
}

/** To the right of a narrow element, at its lower end; else beneath it, at its right end. */
function put(card: HTMLElement, element: HTMLElement | null): void {
  const { width, height } = card.getBoundingClientRect();
  let [left, top] = [innerWidth - width - GAP, floor() - height - GAP];
  if (element && innerWidth >= WIDE) {
    const box = element.getBoundingClientRect();
    const beside = box.right + GAP + width < innerWidth - GAP && box.height > height;
    left = beside ? box.right + GAP : box.right - width;
    top = beside ? box.bottom - height : box.bottom + GAP;
    left = Math.max(GAP, Math.min(left, innerWidth - width - GAP));
    top = Math.max(GAP, Math.min(top, innerHeight - height - GAP));
  }
  const text = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  if (card.style.transform !== text) card.style.transform = text;
}
