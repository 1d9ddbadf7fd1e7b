import { signal } from '@preact/signals';
import { pageAddress } from './page-address';

const KEY = 'normlab-tour';

/** The step of the tour that is shown, from 0; null: none. */
export const tour = signal<number | null>(null);

/** Whether whoever opens the page has asked for nothing in particular, and has not been here before. */
export function isFirstVisit(): boolean {
  if (pageAddress.read().length > 1) return false;
  try {
    return localStorage.getItem(KEY) === null;
  } catch {
    // What cannot be remembered would be shown again and again.
    return false;
  }
}

export function startTour(): void {
  tour.value = 0;
}

export function endTour(): void {
  tour.value = null;
  remember();
}

/** The tour is shown once, whether it is gone through or left. */
function remember(): void {
  try {
    localStorage.setItem(KEY, 'seen');
  } catch {
    // Then it was not started by itself either.
  }
}
