import type { Core } from 'normlab/core';
import { addLayers } from 'normlab/layers';
import { farValues, type Variances, variance64, variances32 } from '../variances';
import type { Context } from '.';
import { type Layers, passed } from './lens';

export interface VarianceAnswer extends Variances {
  mean: number;
  count: number;
  exact: number;
  engine: number;
  /** Relative errors over means from 1 to 10⁶. */
  curve: { mean: number[]; naive: number[]; twoPass: number[]; welford: number[]; engine: number[] };
}

/** Numbers of which the variance is taken. */
const VARIANCE_COUNT = 4096;
const VARIANCE_EPS = 1e-12;
export default ({ engine: core }: Context<Core>) => {
  const engine = addLayers(core);
  return {
    /** The variance of numbers about a mean, taken in several ways, and how wrong each is at other means. */
    at(mean: number, seed: number): VarianceAnswer {
      const points = Array.from({ length: 13 }, (_, i) => 10 ** (i / 2)).map((far) => varianceAt(engine, far, seed));
      const error = (way: 'naive' | 'twoPass' | 'welford' | 'engine') =>
        points.map((point) => Math.abs(point[way] - point.exact) / point.exact);
      return {
        ...varianceAt(engine, mean, seed),
        count: VARIANCE_COUNT,
        curve: {
          mean: points.map((point) => point.mean),
          naive: error('naive'),
          twoPass: error('twoPass'),
          welford: error('welford'),
          engine: error('engine'),
        },
      };
    },
  };
};

function varianceAt(engine: Layers, mean: number, seed: number) {
  const values = farValues(mean, VARIANCE_COUNT, seed);
  const layer = engine.batchNorm1d(1, { eps: VARIANCE_EPS });
  const { variance } = passed(layer, { data: values, shape: [VARIANCE_COUNT, 1] }, VARIANCE_EPS);
  layer.dispose();
  return { mean, ...variances32(values), exact: variance64(values), engine: variance[0] as number };
}
