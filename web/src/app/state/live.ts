import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Failure } from '../../worker/protocol';
import { Refusal } from './client';
import type { LabModel } from './lab';

export interface Live<T> {
  /** The latest answer, also while a newer one is awaited; null before the first. */
  value: T | null;
  /** Why the latest question was not answered. */
  failure: Failure | null;
  /** A newer answer is on its way. */
  awaited: boolean;
}

/**
 * Keeps an answer of the worker up to date: asks when one of `inputs` is another, and again when the engine has been
 * restarted. One question is asked at a time; of those that came up meanwhile, only the newest.
 */
export function useLive<T>(lab: LabModel, ask: () => Promise<T>, inputs: readonly unknown[]): Live<T> {
  const state = useSignal<Live<T>>({ value: null, failure: null, awaited: true });
  const line = useRef({ asking: false, next: null as (() => Promise<T>) | null });
  const opened = lab.opened.value;
  useEffect(() => {
    line.current.next = ask;
    pump();
  }, [opened, ...inputs]);

  async function pump(): Promise<void> {
    const queue = line.current;
    if (queue.asking) return;
    queue.asking = true;
    for (let question = queue.next; question; question = queue.next) {
      queue.next = null;
      state.value = { ...state.peek(), awaited: true };
      try {
        const value = await question();
        state.value = { value, failure: null, awaited: queue.next !== null };
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        state.value = { ...state.peek(), failure: error.failure, awaited: queue.next !== null };
      }
    }
    queue.asking = false;
  }
  return state.value;
}
