import type { Draw } from '../../../worker/modes-plan';
import { LineKey } from '../../components/LineKey';
import { deviation, figure, mean } from './modes-explain';

/** Height of a strip: eval above its middle, train beneath. */
const TALL = 26;
const MIDDLE = 13;

/** The logits of one image over draws: a strip for each class, the former draws faint. */
export function LogitStrips({ draws, names }: { draws: readonly Draw[]; names: readonly string[] }) {
  const evals = draws.map((draw) => draw.eval);
  const trains = draws.flatMap(({ train }) => ('failure' in train ? [] : [train]));
  const values = [...evals, ...trains].flat().filter(Number.isFinite);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = 0.03 * (high - low) || 1;
  const at = (value: number) => (1000 * (value - low + room)) / (high - low + 2 * room);
  return (
    <table class="strips">
      <thead>
        <tr>
          <th scope="col">class</th>
          <th scope="col">
            <span class="visually-hidden">logits of all draws</span>
          </th>
          {(['eval', 'train'] as const).map((mode) => (
            <th key={mode} scope="col">
              <LineKey mode={mode} />
              {mode} <small>mean ± std</small>
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {names.map((name, k) => {
          const of = (logits: readonly number[][]) => logits.map((row) => row[k] ?? Number.NaN);
          return (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>
                <Strip evals={of(evals)} trains={of(trains)} at={at} zero={at(0)} />
              </td>
              <Spread values={of(evals)} />
              <Spread values={of(trains)} />
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

interface StripProps {
  evals: readonly number[];
  trains: readonly number[];
  at: (value: number) => number;
  zero: number;
}

function Strip({ evals, trains, at, zero }: StripProps) {
  const ticks = (values: readonly number[], from: number, to: number) =>
    values
      .filter(Number.isFinite)
      .map((value) => `M${at(value).toFixed(1)} ${from}V${to}`)
      .join('');
  return (
    <svg class="strip" viewBox={`0 0 1000 ${TALL}`} preserveAspectRatio="none" aria-hidden="true" focusable="false">
      <path class="strip-rule" d={`M0 ${MIDDLE}H1000M${zero} 9V17`} />
      <path class="strip-trail" d={ticks(evals.slice(0, -1), 3, MIDDLE)} />
      <path class="strip-trail" d={ticks(trains.slice(0, -1), MIDDLE, TALL - 3)} />
      <path class="strip-now" data-mode="eval" d={ticks(evals.slice(-1), 0, MIDDLE)} />
      <path class="strip-now" data-mode="train" d={ticks(trains.slice(-1), MIDDLE, TALL)} />
    </svg>
  );
}

function Spread({ values }: { values: readonly number[] }) {
  if (values.length === 0) return <td>refused</td>;
  return (
    <td>
      <span class={values.length > 1 ? 'wide' : ''}>{figure(mean(values))} </span>
      {values.length > 1 && `± ${figure(deviation(values))}`}
    </td>
  );
}
