import { affine, type Four, indexOf } from '../../../worker/lens-input';
import type { LensAnswer, Passed, Returned } from '../../../worker/services/lens';
import type { Sharing } from './lens';

/** The parts of the formula for dx at one cell; the means are over the cells that share its statistics. */
export interface CellGradient {
  /** γ · dy. */
  g: number;
  meanG: number;
  meanGX: number;
  normalized: number;
  /** √(σ² + ε). */
  deviation: number;
  /** As the engine gave it. */
  dx: number;
}

export function gradientAt(
  { question, x }: LensAnswer,
  shown: Passed,
  { dy, dx }: Returned,
  { lit, m, statistic }: Sharing,
  cell: Four,
): CellGradient {
  const { input, layer } = question;
  const [N, C, H, W] = input.shape;
  const { gamma } = affine(layer, C);
  const mean = shown.mean[statistic] as number;
  const deviation = Math.sqrt((shown.variance[statistic] as number) + layer.eps);
  const normalizedAt = (i: number) => ((x[i] as number) - mean) / deviation;
  let [sum, along] = [0, 0];
  for (let n = 0; n < N; n++) {
    for (let c = 0; c < C; c++) {
      if (!lit(n, c)) continue;
      const from = indexOf(input.shape, [n, c, 0, 0]);
      for (let i = from; i < from + H * W; i++) {
        const g = (gamma[c] as number) * (dy[i] as number);
        sum += g;
        along += g * normalizedAt(i);
      }
    }
  }
  const at = indexOf(input.shape, cell);
  return {
    g: (gamma[cell[1]] as number) * (dy[at] as number),
    meanG: sum / m,
    meanGX: along / m,
    normalized: normalizedAt(at),
    deviation,
    dx: dx[at] as number,
  };
}
