import {
  createEngine,
  type Dataset,
  type Engine,
  type History,
  type ModelSpec,
  NormlabError,
  presetSpec,
  type Tensor,
} from 'normlab';

const nl: Engine = await createEngine({ variant: 'auto' });
const { train }: { train: Dataset } = await nl.loadDataset('fashion-mnist');
const spec: ModelSpec = presetSpec('mlp', { norm: 'batch' });
const trainer = nl.trainer(nl.model(spec), { optimizer: { type: 'sgd', lr: 0.1 } });
export const history: History = await trainer.fit(train, { epochs: 1, batchSize: 8 });
export const output: Tensor = nl.groupNorm(2, 4).forward({ data: new Float32Array(8), shape: [2, 4] });
export const codeOf = (error: unknown): string => (error instanceof NormlabError ? error.code : '');

// @ts-expect-error there is no such variant
await createEngine({ variant: 'fast' });
// @ts-expect-error a number of groups is a number
nl.groupNorm('2', 4);
