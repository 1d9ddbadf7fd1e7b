import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';
import { createEngine, presetSpec } from '../../wasm/index.js';
import { choose, inEachBrowser, press, regionText, role, tick, untilMeasured, untilStatus } from './harness.js';

const path = (name) => fileURLToPath(new URL(`../../web/${name}`, import.meta.url));

/** The text of numbers on the page. */
const { module } = await runnerImport(path('src/app/charts/ticks.ts'), { configFile: path('vite.config.ts') });
const { brief } = module;

const BATCH = 8;
const STEPS = 2;
const spec = (normOptions) => presetSpec('smallcnn', { norm: 'batch', seed: 5, normOptions });

/** The same run in Node: what its layers do with the batch that the page looks at, and that batch's statistics. */
async function inNode() {
  const engine = await createEngine();
  const { train } = await engine.loadDataset('fashion-mnist');
  const model = engine.model(spec());
  const trainer = engine.trainer(model, { optimizer: { type: 'sgd', lr: 0.02, momentum: 0.9 } });
  trainer.start(train, { batchSize: BATCH, seed: 5 }).steps(STEPS);
  // What a BatchNorm with momentum 1 keeps is the batch's own.
  const copy = engine.model(spec({ momentum: 1 }));
  copy.loadStateDict(model.stateDict());
  const { x, labels } = train.batch(Array.from({ length: BATCH }, (_, i) => i));
  const { layers } = engine.trainer(copy, { optimizer: { type: 'sgd', lr: 0 } }).step(x, labels, { measure: true });
  return { layers, state: copy.stateDict(), running: model.stateDict() };
}

/** A figure of the chosen layer by its name. */
function figure(page, name) {
  return page.$$eval(
    '.look-figures dt',
    (terms, wanted) => terms.find((term) => term.textContent.startsWith(wanted))?.nextElementSibling.textContent,
    name,
  );
}

/** Heights of the bars in the small histogram of each layer, its tallest being 1. */
function histograms(page) {
  return page.$$eval('.mini', (charts) =>
    charts.map((chart) => {
      const heights = [
        ...chart
          .querySelector('path')
          .getAttribute('d')
          .matchAll(/V([\d.]+)h/g),
      ];
      return heights.map(([, y]) => 1 - Number(y) / chart.viewBox.baseVal.height);
    }),
  );
}

async function column(page, title) {
  const region = await role(page, 'region', 'Values of layer 1');
  return region.$$eval(
    'tr',
    (rows, wanted) => {
      const at = [...rows[0].cells].findIndex((cell) => cell.textContent === wanted);
      return rows.slice(1).map((row) => Number(row.cells[at].textContent.replace('−', '-')));
    },
    title,
  );
}

function assertClose(found, expected, what) {
  assert.equal(found.length, expected.length);
  // Four decimals are shown.
  for (const [i, value] of expected.entries()) {
    assert.ok(Math.abs(found[i] - value) <= 1e-4 * Math.max(1, Math.abs(value)), `${what} ${i}: ${found[i]}, ${value}`);
  }
}

inEachBrowser('inside the network', ({ open }, test) => {
  test('histograms, figures and batch statistics of each layer are those of Node', async () => {
    const page = await open(`#model=smallcnn&norm=batch&batch=${BATCH}&seed=5&lr=0.02`);
    await untilMeasured(page);
    await tick(page, 'Watch inside');
    for (let step = 1; step <= STEPS; step++) {
      await press(page, 'Step');
      await untilStatus(page, new RegExp(`^Paused at step ${step},`));
    }
    await page.waitForFunction(() => /after step 2\./.test(document.querySelector('.looks .note')?.textContent));
    const { layers, state, running } = await inNode();

    const drawn = await histograms(page);
    assert.equal(drawn.length, layers.length);
    for (const [i, { activation }] of layers.entries()) {
      const most = Math.max(...activation.histogram.counts);
      for (const [bin, count] of activation.histogram.counts.entries()) {
        // A value on the edge of two bins may fall in either where builds round differently.
        assert.ok(Math.abs(drawn[i][bin] - count / most) < 0.01, `layer ${i}, bin ${bin}`);
      }
    }

    const layer = layers.find(({ key }) => key === '1');
    const spread = ({ mean, std, min, max }) => `${brief(mean)} ± ${brief(std)}, ${brief(min)} … ${brief(max)}`;
    assert.equal(await figure(page, 'activations'), spread(layer.activation));
    assert.equal(await figure(page, 'gradients'), spread(layer.gradient));
    assert.equal(await figure(page, 'gradient norm of its'), brief(layer.gradNorm));
    assert.equal(await figure(page, 'values behind each mean'), '6,272');
    assert.equal(await figure(page, 'batch mean off'), brief(layer.statistics.meanShift));
    assertClose(await column(page, 'batch_mean'), [...state['1.running_mean'].data], 'batch_mean');
    assertClose(await column(page, 'batch_var'), [...state['1.running_var'].data], 'batch_var');
    assertClose(await column(page, 'running_mean'), [...running['1.running_mean'].data], 'running_mean');
  });

  test('every layer can be chosen; without watching only normalizations have something to show', async () => {
    const page = await open('#model=smallcnn&norm=batch&batch=8');
    await untilMeasured(page);
    await choose(page, 'conv 32×14×14');
    assert.match(await page.evaluate(() => location.hash), /&layer=4$/);
    assert.equal(await page.$('.table-box'), null);
    assert.match(await regionText(page, 'Inside the network'), /Only normalization layers collect statistics/);
    await tick(page, 'Watch inside');
    assert.match(await regionText(page, 'Measured in layer 4'), /gradient norm of its parameters/);
    assert.match(await page.evaluate(() => location.hash), /&watch=1&layer=4$/);
    const names = await page.$$eval('.heat canvas', (charts) =>
      charts.map((chart) => chart.getAttribute('aria-label')),
    );
    assert.match(names.join(' '), /^Activations over time, from .* Gradients over time, from /);
    await tick(page, 'Watch inside');
    await page.waitForFunction(() => document.querySelector('.looks') === null);
    await choose(page, 'BatchNorm 32×14×14');
    await role(page, 'region', 'Values of layer 5');
  });
});
