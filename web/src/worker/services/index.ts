import type { Engine } from 'normlab';
import type { Core } from 'normlab/core';
import type { Opened } from '../opened';
import type { Data, Run } from '../run';

/** What a service has at hand. */
export interface Context<E extends Core = Engine> {
  readonly engine: E;
  /** Here as soon as the images are, which are fetched when this is first read. */
  readonly data: Promise<Data>;
  readonly opened: Opened;
  /** The training under way, of arm A where there are several. */
  readonly run: Run | null;
  /** That of all arms. */
  readonly runs: readonly Run[];
}

/** What tabs ask of the worker, each loaded when it is first asked. A service makes its methods from a context. */
const services = {
  train: () => import('./train'),
  batches: () => import('./batches'),
  lens: () => import('./lens'),
  variances: () => import('./variances'),
  modes: () => import('./modes'),
  pitfall: () => import('./pitfall'),
  page: () => import('./page'),
};

/** Those that need no more of the engine than a page which trains. */
const ofCore: readonly string[] = ['lens', 'train', 'variances'];

export type ServiceName = keyof typeof services;
type Made = { [S in ServiceName]: ReturnType<Awaited<ReturnType<(typeof services)[S]>>['default']> };
export type Method<S extends ServiceName> = keyof Made[S] & string;
export type Arguments<S extends ServiceName, M extends Method<S>> = Made[S][M] extends (...args: infer A) => unknown
  ? A
  : never;
export type Result<S extends ServiceName, M extends Method<S>> = Made[S][M] extends (...args: never[]) => infer R
  ? Awaited<R>
  : never;

/** Makes each service once, with the same context. */
export class Services {
  readonly #context: Context<Core>;
  readonly #extend: () => Promise<unknown>;
  readonly #made = new Map<ServiceName, Promise<Record<string, (...args: unknown[]) => unknown>>>();

  /** `extend` makes the context's engine a whole one. */
  constructor(context: Context<Core>, extend: () => Promise<unknown>) {
    this.#context = context;
    this.#extend = extend;
  }

  async ask(name: ServiceName, method: string, args: unknown[]): Promise<unknown> {
    let service = this.#made.get(name);
    if (!service) {
      const extended = ofCore.includes(name) ? null : this.#extend();
      service = Promise.all([services[name](), extended]).then(
        ([module]) => module.default(this.#context as Context) as never,
      );
      this.#made.set(name, service);
      // What could not be fetched is fetched again when it is asked for again.
      service.catch(() => this.#made.delete(name));
    }
    return (await service)[method]?.(...args);
  }
}
