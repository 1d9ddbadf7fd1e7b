import type { Columns } from '../../charts/chart';

/** Columns that have their points at the same x, ascending. */
export interface Track {
  length: number;
  x: (i: number) => number;
  columns: readonly ((i: number) => number | null)[];
}

/** Brings tracks on one x axis, with gaps where one has no point: x, then the columns in their order. */
export function merge(tracks: readonly Track[]): Columns {
  const x: number[] = [];
  const columns = tracks.map((track) => track.columns.map(() => [] as (number | null)[]));
  const at = tracks.map(() => 0);
  for (;;) {
    let next = Number.POSITIVE_INFINITY;
    tracks.forEach((track, t) => {
      const i = at[t] as number;
      if (i < track.length) next = Math.min(next, track.x(i));
    });
    if (next === Number.POSITIVE_INFINITY) return [x, ...columns.flat()];
    x.push(next);
    tracks.forEach((track, t) => {
      const i = at[t] as number;
      const here = i < track.length && track.x(i) === next;
      track.columns.forEach((column, c) => {
        columns[t]?.[c]?.push(here ? column(i) : null);
      });
      if (here) at[t] = i + 1;
    });
  }
}
