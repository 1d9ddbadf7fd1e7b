import { signal } from '@preact/signals';
import { type Config, format, type Setting, settings } from '../settings';
import type { LabModel } from './lab';
import { say } from './said';
import { describeValue } from './status';
import { toldStart } from './training-status';

/** Changes of one number that follow each other this fast are one: a slider that is drawn. */
const COALESCE_MS = 1000;
const DEPTH = 100;
/** Settings that are named when a change is undone; the rest is counted. */
const NAMED = 3;

type Key = keyof Config;

interface Change {
  before: Partial<Config>;
  after: Partial<Config>;
  at: number;
}

/** The changes of the settings, to be undone and done again. Which tab is open is none of them. */
export class Undo {
  readonly #lab: LabModel;
  readonly #done = signal<readonly Change[]>([]);
  readonly #undone = signal<readonly Change[]>([]);
  #last: Config;
  #own = false;

  constructor(lab: LabModel) {
    this.#lab = lab;
    this.#last = lab.config.peek();
    lab.onChange((changed, next) => {
      const before = this.#last;
      this.#last = next;
      const keys = changed.filter((key) => key !== 'view' && key !== 'embed');
      // Nor is which arm is shown.
      if (!this.#own && keys.some((key) => key !== 'arm')) this.#push(keys, before, next);
    });
  }

  get possible(): boolean {
    return this.#done.value.length > 0;
  }

  get redoable(): boolean {
    return this.#undone.value.length > 0;
  }

  undo(): void {
    const change = this.#done.peek().at(-1);
    if (!change) return;
    this.#done.value = this.#done.peek().slice(0, -1);
    this.#undone.value = [...this.#undone.peek(), change];
    this.#take(change.before, 'Undone');
  }

  redo(): void {
    const change = this.#undone.peek().at(-1);
    if (!change) return;
    this.#undone.value = this.#undone.peek().slice(0, -1);
    this.#done.value = [...this.#done.peek(), change];
    this.#take(change.after, 'Done again');
  }

  #push(keys: readonly Key[], before: Config, after: Config): void {
    const at = performance.now();
    const change = { before: only(keys, before), after: only(keys, after), at };
    const last = this.#done.peek().at(-1);
    this.#undone.value = [];
    if (!last || !isDrag(keys, last, at)) {
      this.#done.value = [...this.#done.peek().slice(1 - DEPTH), change];
      return;
    }
    const [key] = keys as [Key];
    const setting: Setting = settings[key];
    const back = format(setting, last.before[key] as never) === format(setting, after[key]);
    // A slider that is back where it was has changed nothing.
    this.#done.value = [...this.#done.peek().slice(0, -1), ...(back ? [] : [{ ...change, before: last.before }])];
  }

  #take(values: Partial<Config>, what: string): void {
    const previous = this.#lab.config.peek();
    this.#own = true;
    try {
      this.#lab.apply({ ...previous, ...values });
    } finally {
      this.#own = false;
    }
    say(`${what}: ${told(Object.keys(values) as Key[], previous, this.#lab.config.peek())}.`);
  }
}

/** What is now what; of arms, what one of them has other than before. */
function told(keys: readonly Key[], previous: Config, config: Config): string {
  if (keys.includes('arms'))
    return toldStart(previous, config) || (config.arms.length > 0 ? `${config.arms.length + 1} arms` : 'one arm');
  const named = keys.slice(0, NAMED).map((key) => {
    const value = describeValue(key, config);
    return value === '' ? settings[key].label : `${settings[key].label} is ${value}`;
  });
  const rest = keys.length > NAMED ? `, and ${keys.length - NAMED} more` : '';
  return named.join(', ') + rest;
}

function only(keys: readonly Key[], config: Config): Partial<Config> {
  return Object.fromEntries(keys.map((key) => [key, config[key]]));
}

function isDrag(keys: readonly Key[], last: Change, at: number): boolean {
  const [key, ...others] = keys;
  const same = key !== undefined && others.length === 0 && Object.keys(last.before).join() === key;
  const drawn = key !== undefined && (settings[key].kind === 'number' || key === 'arms');
  return same && drawn && at - last.at < COALESCE_MS;
}

/** What types text has an undo of its own. */
const TEXT = 'textarea, [contenteditable], input:not([type="range"], [type="radio"], [type="checkbox"])';

/** Ctrl or Cmd with Z, with Shift and Z, or with Y. */
export function undoKey(undo: Undo, event: KeyboardEvent): void {
  const key = event.key.toLowerCase();
  if (!(event.ctrlKey || event.metaKey) || event.altKey || (key !== 'z' && key !== 'y')) return;
  if (event.target instanceof Element && event.target.matches(TEXT)) return;
  event.preventDefault();
  if (key === 'y' || event.shiftKey) undo.redo();
  else undo.undo();
}
