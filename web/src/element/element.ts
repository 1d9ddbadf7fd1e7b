import type { ViewId } from '../app/views';
import { settingAttributes, settingOf, withAttributes } from './attributes';
import type { Events } from './events.js';
import { Figure } from './figure';
import { dress } from './styles';
import { followTheme } from './theme';

/** So far outside the window an element is loaded: it is there when it comes in. */
const NEAR = '400px';
/** An element that plays by itself does so while this share of it, or of the window, is in sight. */
const IN_SIGHT = 0.3;

/** Where there is no DOM, as in Node and on servers, the class is there and does nothing. */
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

/**
 * `<norm-lab>`: one view of the playground as a figure in any page.
 *
 * Attributes: `view` (`lens`, `train`, `modes`, `batches`, `pitfall`; default `train`), `norm`, `groups`, `batch-size`, `lr`,
 * `seed`, `pitfall`, `state` (the hash of a link to the playground; the other attributes go before it), `theme` (`auto`, which
 * follows the page, `light`, `dark`), `loading` (`lazy`: when the element nears the window, or `eager`), `autoplay` (plays while
 * in sight, where motion is wanted). What is inside the element is shown until it is loaded, and where it cannot be.
 *
 * Events: `norm-lab-ready`, `norm-lab-step`, `norm-lab-error`; they bubble and cross shadow roots.
 *
 * Parts for `::part`: `figure`, `view`. Custom properties: `--norm-lab-background`, `--norm-lab-font`, `--norm-lab-font-size`
 * (default `15px`).
 */
export class NormLabElement extends Base {
  static readonly observedAttributes: readonly string[] = [...settingAttributes, 'state', 'theme', 'loading'];

  #figure: Figure | null = null;
  /** Of the figure that was, for one to come; null: that of the attributes. */
  #kept: string | null = null;
  #stops: (() => void)[] = [];
  #theme: ReturnType<typeof followTheme> | null = null;
  /** Whether it was `autoplay` that began what goes on. */
  #playsItself = false;

  /** Plays what there is to play in the view: trains, streams batches, makes the runs of a sweep. */
  play(): void {
    this.#do('play');
  }

  /** Stops at the next step. */
  pause(): void {
    this.#do('pause');
  }

  /** Makes one step. */
  step(): void {
    this.#do('step');
  }

  /** Begins anew. */
  reset(): void {
    this.#do('reset');
  }

  /** The state as the hash of a link to the playground, which `setState` and the attribute `state` take. */
  getState(): string {
    return this.#figure?.state ?? this.#kept ?? this.#wanted();
  }

  /**
   * Takes over a state; what is missing in it has its default, and what cannot be read is told by `norm-lab-error`.
   *
   * @throws TypeError for what is no string
   */
  setState(state: string): void {
    if (typeof state !== 'string') throw new TypeError(`norm-lab: setState: expected a string, got ${typeof state}`);
    if (this.#figure) this.#figure.lab.read(state);
    else this.#kept = state;
  }

  connectedCallback(): void {
    // Moved within its task: everything goes on, and only what is painted behind it may be other.
    if (this.#stops.length > 0) {
      this.#theme?.look();
      return;
    }
    const root = this.shadowRoot ?? this.attachShadow({ mode: 'open' });
    if (!root.querySelector('slot')) root.append(document.createElement('slot'));
    this.#stops = [dress(root)];
    if (this.getAttribute('loading') === 'eager') this.#load();
    else this.#whenInSight({ rootMargin: NEAR }, (near) => near && this.#load());
  }

  disconnectedCallback(): void {
    // What is moved is taken out first.
    queueMicrotask(() => !this.isConnected && this.#release());
  }

  attributeChangedCallback(name: string, old: string | null, value: string | null): void {
    if (old === value) return;
    if (name === 'theme') this.#theme?.look();
    else if (name === 'loading') value === 'eager' && this.#stops.length > 0 && this.#load();
    else if (this.#figure) this.#change(name, value);
    else this.#kept = null;
  }

  #change(name: string, value: string | null): void {
    const figure = this.#figure as Figure;
    if (name === 'state') {
      figure.lab.read(this.#wanted());
      return;
    }
    const hash = new URLSearchParams(figure.state.slice(1));
    const key = settingOf(name, name === 'view' ? '' : (hash.get('view') as ViewId));
    if (!key) return;
    if (value === null) hash.delete(key);
    else hash.set(key, value);
    figure.lab.read(`#${hash}`);
  }

  /** What the attributes say. */
  #wanted(): string {
    const attributes = Object.fromEntries(settingAttributes.map((name) => [name, this.getAttribute(name)]));
    return withAttributes(this.getAttribute('state') ?? '', attributes);
  }

  #load(): void {
    const root = this.shadowRoot;
    if (this.#figure || !root) return;
    this.#theme = followTheme(this, () => this.getAttribute('theme'));
    this.#stops.push(this.#theme.stop);
    const slot = root.querySelector('slot');
    const tell = <K extends keyof Events>(type: K, detail: Events[K]) => {
      // Where the engine cannot run, what stands in for it is shown beneath the reason.
      if (type === 'norm-lab-ready' && slot) slot.hidden = true;
      this.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true, detail }));
    };
    this.#figure = new Figure(root, this.#kept ?? this.#wanted(), this.#theme.theme, tell);
    this.#whenInSight({ threshold: [0, IN_SIGHT] }, (inSight) => this.#autoplay(inSight));
  }

  #autoplay(inSight: boolean): void {
    if (!this.hasAttribute('autoplay') || matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    if (inSight && !this.#figure?.touched) {
      this.#do('play');
      this.#playsItself = true;
    } else if (this.#playsItself && !inSight) {
      this.#do('pause');
      this.#playsItself = false;
    }
  }

  #do(what: 'play' | 'pause' | 'step' | 'reset'): void {
    this.#load();
    this.#figure?.transport().then((transport) => transport[what]());
  }

  #whenInSight(options: IntersectionObserverInit, listener: (inSight: boolean) => void): void {
    const watching = new IntersectionObserver((entries) => {
      const entry = entries.at(-1) as IntersectionObserverEntry;
      const shown = entry.intersectionRect.height;
      const least = IN_SIGHT * Math.min(entry.boundingClientRect.height, innerHeight);
      listener(entry.isIntersecting && (options.rootMargin !== undefined || shown >= least));
    }, options);
    watching.observe(this);
    this.#stops.push(() => watching.disconnect());
  }

  #release(): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
    this.#theme = null;
    this.#playsItself = false;
    if (!this.#figure) return;
    this.#kept = this.#figure.state;
    this.#figure.dispose();
    this.#figure = null;
    const slot = this.shadowRoot?.querySelector('slot');
    if (slot) slot.hidden = false;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'norm-lab': NormLabElement;
  }
  interface GlobalEventHandlersEventMap {
    'norm-lab-ready': CustomEvent<Events['norm-lab-ready']>;
    'norm-lab-step': CustomEvent<Events['norm-lab-step']>;
    'norm-lab-error': CustomEvent<Events['norm-lab-error']>;
  }
}
