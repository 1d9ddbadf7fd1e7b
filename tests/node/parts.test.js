import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createEngine, presetSpec } from 'normlab';
import { createCore } from 'normlab/core';
import { extendEngine } from 'normlab/extend';
import { addLayers } from 'normlab/layers';
import { addProbing } from 'normlab/probing';
import { addTraining } from 'normlab/training';
import { failure } from './support/assertions.js';

const spec = presetSpec('mlp', { norm: 'batch', seed: 3, input: [1, 2, 3], classes: 4 });
const x = { data: Float32Array.from({ length: 48 }, (_, i) => Math.sin(i)), shape: [8, 1, 2, 3] };
const labels = [0, 1, 2, 3, 0, 1, 2, 3];

describe('an engine that is put together part by part', () => {
  test('has what was added, and computes the same as a whole one', async () => {
    const nl = await createEngine({ variant: 'scalar' });
    const core = await createCore({ variant: 'scalar' });
    assert.deepEqual(
      ['model', 'trainer', 'batchNorm2d', 'toPyTorch'].filter((name) => name in core),
      [],
    );
    const parts = addTraining(addLayers(core));
    assert.equal(parts, core);
    addProbing(parts);
    const [one, whole] = [parts, nl].map((engine) => engine.model(spec));
    assert.deepEqual(one.forward(x), whole.forward(x));
    assert.deepEqual(one.compareModes(x, { labels }), whole.compareModes(x, { labels }));
    assert.deepEqual(one.gradients(x, labels), whole.gradients(x, labels));
    const steps = [parts, nl].map((engine, i) => engine.trainer([one, whole][i]).step(x, labels, { measure: true }));
    assert.deepEqual(steps[0], steps[1]);
    const layers = [parts, nl].map((engine) => engine.groupNorm(2, 4).forward({ data: x.data, shape: [2, 4, 2, 3] }));
    assert.deepEqual(layers[0], layers[1]);
    for (const engine of [core, nl]) engine.dispose();
  });

  test('says of what it lacks where that comes from, and goes on', async () => {
    const core = addTraining(await createCore({ variant: 'scalar' }));
    const model = core.model(spec);
    const trainer = core.trainer(model);
    const calls = {
      'model.save': () => model.save(),
      'model.fold': () => model.fold(),
      'model.gradients': () => model.gradients(x, labels),
      'model.compareModes': () => model.compareModes(x),
      'model.freeze': () => model.freeze(),
      'trainer.step': () => trainer.step(x, labels),
      'trainer.state': () => trainer.state(),
      'trainer.loadState': () => trainer.loadState(new Uint8Array(8)),
    };
    for (const [name, call] of Object.entries(calls)) {
      assert.throws(call, failure('unsupported', new RegExp(`^${name}: an engine of normlab/core does without`)));
    }
    extendEngine(core);
    assert.ok(model.save().length > 0);
    assert.deepEqual(core.loadModel(model.save()).stateDict(), model.stateDict());
    core.dispose();
  });
});
