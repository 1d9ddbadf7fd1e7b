import type { PitfallId } from '../../app/settings/pitfall';
import { accumulation } from './accumulation';
import { averaged } from './averaged';
import { backward } from './backward';
import { bias } from './bias';
import { cancellation } from './cancellation';
import { classSorted } from './class-sorted';
import { coldStatistics } from './cold-statistics';
import { cumulative } from './cumulative';
import { dropout } from './dropout';
import { folding } from './folding';
import { forgotEval } from './forgot-eval';
import { half } from './half';
import { lastBatch } from './last-batch';
import { leak } from './leak';
import { learningRate } from './learning-rate';
import { momentum } from './momentum';
import { noRunningStats } from './no-running-stats';
import { oneGroup } from './one-group';
import { oneValue } from './one-value';
import type { Pitfall } from './pitfall';
import { pooled } from './pooled';
import { replicas } from './replicas';
import { sameBatchTwice } from './same-batch-twice';
import { thawed } from './thawed';
import { unbiased } from './unbiased';

/** What is computed for each scenario of the page. */
export const pitfalls: Record<PitfallId, Pitfall> = {
  'forgot-eval': forgotEval,
  'same-batch-twice': sameBatchTwice,
  'cold-statistics': coldStatistics,
  'no-running-stats': noRunningStats,
  thawed,
  'class-sorted': classSorted,
  'one-value': oneValue,
  pooled,
  'last-batch': lastBatch,
  accumulation,
  replicas,
  leak,
  momentum,
  cumulative,
  unbiased,
  averaged,
  cancellation,
  half,
  backward,
  'learning-rate': learningRate,
  'one-group': oneGroup,
  dropout,
  bias,
  folding,
};
