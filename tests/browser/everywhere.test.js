import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createEngine, makeDataset, presetSpec } from 'normlab';
import {
  axeViolations,
  choose,
  inEachBrowser,
  keepFiles,
  press,
  regionText,
  role,
  status,
  stepsMade,
  type,
  untilMeasured,
  untilStatus,
  untilSteps,
} from './harness.js';

const hash = (page) => page.evaluate(() => location.hash);

inEachBrowser('what can be done on every tab', ({ open }, test) => {
  test('Copy link gives the configuration, in a page opened anew', async () => {
    const page = await open('#norm=group&groups=4&model=mlp&batch=12&lr=0.003', { beforeLoad: keepCopies });
    await choose(page, 'RMSNorm');
    await press(page, 'Copy link');
    await untilSaid(page, /^Copied: link\.$/);
    const link = await lastCopy(page);
    const other = await open(new URL(link).hash);
    assert.equal(await other.evaluate(() => location.href), link);
    assert.equal(await (await role(other, 'radio', 'RMSNorm')).evaluate((input) => input.checked), true);
    assert.equal(await (await role(other, 'spinbutton', 'Batch size')).evaluate((input) => input.value), '12');
  });

  test('Copy embed code gives a frame of this page in this state', async () => {
    const page = await open('#norm=layer&seed=9', { beforeLoad: keepCopies });
    await press(page, 'Copy embed code');
    await untilSaid(page, /^Copied: embed code\.$/);
    const code = await lastCopy(page);
    const source = await page.evaluate((text) => {
      const frame = new DOMParser().parseFromString(text, 'text/html').querySelector('iframe');
      return frame.getAttribute('src');
    }, code);
    const [address, state] = source.split('#');
    assert.equal(address, await page.evaluate(() => new URL('embed.html', location.href).href));
    for (const same of [`embed.html#${state}`, `#${state}&embed=1`]) {
      const inside = await open(same);
      assert.equal(await inside.$('footer'), null);
      assert.equal((await hash(inside)).replace('&embed=1', ''), `#${state}`);
    }
  });

  test('where the browser does not let the page copy, the text is there to be copied by hand', async () => {
    const page = await open('#seed=5', { beforeLoad: refuseCopying });
    await press(page, 'Copy link');
    const field = await page.waitForSelector('textarea');
    assert.match(await field.evaluate((element) => element.value), /#v=1&.*seed=5/);
    assert.equal(await field.evaluate((element) => element.selectionEnd - element.selectionStart > 20), true);
  });

  test('CSV, JSON and model file are those of the run, as Node computes it; a chart is an image', async () => {
    const page = await open('#norm=batch&model=mlp&batch=16&lr=0.03&seed=4', { beforeLoad: keepFiles });
    await untilMeasured(page);
    for (let step = 1; step <= 3; step++) {
      await press(page, 'Step');
      await untilStatus(page, new RegExp(`^Paused at step ${step},`));
    }
    await untilMeasured(page);
    const [table, everything] = [await saved(page, 'Curves (CSV)'), await savedRun(page)];
    const node = await runInNode(everything.variant, { model: 'mlp', batchSize: 16, lr: 0.03, seed: 4, steps: 3 });

    assert.deepEqual(
      everything.history.map(({ step, loss, accuracy }) => [step, loss, accuracy]),
      node.steps.map(({ step, loss, accuracy }) => [step, Math.fround(loss), Math.fround(accuracy)]),
    );
    const { norm, batch, lr, seed } = everything.configuration;
    assert.deepEqual({ norm, batch, lr, seed }, { norm: 'batch', batch: 16, lr: 0.03, seed: 4 });
    const last = everything.evaluations.at(-1);
    assert.equal(last.step, 3);
    assert.equal(last.eval.accuracy, node.eval.accuracy);
    assert.equal(last.train.accuracy, node.train.accuracy);
    const [head, ...lines] = table.trim().split('\r\n');
    const rows = lines.map((line) => Object.fromEntries(line.split(',').map((cell, i) => [head.split(',')[i], cell])));
    assert.deepEqual(
      rows.map(({ step }) => step),
      ['0', '1', '2', '3'],
    );
    rows.slice(1).forEach((row, i) => {
      assert.deepEqual(
        [Number(row.loss), Number(row.accuracy)],
        [everything.history[i].loss, everything.history[i].accuracy],
      );
    });
    assert.equal(Number(rows[3].evalAccuracy), node.eval.accuracy);
    assert.equal(Number(rows[3].trainModeLoss), last.train.loss);

    assert.deepEqual(
      await logitsOf(everything.variant, await savedBytes(page, 'Model file (safetensors)')),
      node.logits,
    );
  });

  test('Copy PyTorch code gives the script that Node writes of the same run', async () => {
    const page = await open('#norm=group&groups=4&model=mlp&batch=12&lr=0.003&decay=0.001&seed=6', {
      beforeLoad: keepCopies,
    });
    await untilMeasured(page);
    await press(page, 'Copy PyTorch code');
    await untilSaid(page, /^Copied: PyTorch code\.$/);
    const nl = await createEngine();
    const model = nl.model(presetSpec('mlp', { norm: 'group', groups: 4, seed: 6 }));
    const trainer = { optimizer: { type: 'sgd', lr: 0.003, momentum: 0.9, weightDecay: 0.001 } };
    const code = nl.toPyTorch(model, { trainer, run: { batchSize: 12, seed: 6 } });
    nl.dispose();
    assert.equal(await lastCopy(page), code);
    assert.match(code, /GroupNorm\(4, 256\)/);
    await choose(page, 'InstanceNorm');
    await press(page, 'Copy PyTorch code');
    const alert = await page.waitForSelector('.copy .error');
    assert.match(await alert.evaluate((element) => element.textContent), /^Nothing was copied: .*instanceNorm/i);
  });

  test('changes are undone and done again, by button and by key, and said', async () => {
    const page = await open('#norm=batch&model=mlp&batch=32');
    await untilMeasured(page);
    await choose(page, 'LayerNorm');
    await type(page, 'Batch size', '8');
    await press(page, 'Undo');
    await untilSaid(page, /^Undone: Batch size is 32\.$/);
    assert.match(await hash(page), /norm=layer.*batch=32/);
    await page.evaluate(() => document.activeElement.blur());
    await page.keyboard.down('Control');
    await page.keyboard.press('z');
    await page.keyboard.up('Control');
    await untilSaid(page, /^Undone: Normalization is BatchNorm\.$/);
    assert.match(await hash(page), /norm=batch.*batch=32/);
    await press(page, 'Redo');
    await untilSaid(page, /^Done again: Normalization is LayerNorm\.$/);
    await press(page, 'Redo');
    assert.match(await hash(page), /norm=layer.*batch=8/);
    const redo = await role(page, 'button', 'Redo');
    assert.equal(await redo.evaluate((button) => button.getAttribute('aria-disabled')), 'true');

    // In a text field the keys are the field's own.
    const seed = await role(page, 'spinbutton', 'Seed');
    await seed.focus();
    await page.keyboard.down('Control');
    await page.keyboard.press('z');
    await page.keyboard.up('Control');
    assert.match(await hash(page), /norm=layer.*batch=8/);
  });

  test('each arm has its own figures, code and model, and what is done to arms is undone', async () => {
    const page = await open('#norm=batch&model=mlp&batch=8&seed=2&arms=norm:none,batch:4&arm=b', {
      beforeLoad: keepCopiesAndFiles,
    });
    await untilMeasured(page);
    await press(page, 'Step');
    await page.waitForFunction(() => /step 1\b/.test(document.querySelector('[role="status"]').textContent));
    const { variant, arms } = JSON.parse(await saved(page, 'Everything (JSON)'));
    for (const [i, [norm, batchSize]] of [
      ['batch', 8],
      ['none', 4],
    ].entries()) {
      const node = await runInNode(variant, { model: 'mlp', norm, batchSize, lr: 0.02, seed: 2, steps: 1 });
      assert.equal(arms[i].history[0].loss, Math.fround(node.steps[0].loss));
      if (i === 1) {
        assert.deepEqual(await logitsOf(variant, await savedBytes(page, 'Model file (safetensors)')), node.logits);
      }
    }
    assert.deepEqual((await saved(page, 'Curves (CSV)')).match(/^[AB],1,/gm), ['A,1,', 'B,1,']);
    await press(page, 'Copy PyTorch code');
    await untilSaid(page, /^Copied: PyTorch code\.$/);
    assert.doesNotMatch(await lastCopy(page), /BatchNorm/);
    await choose(page, 'LayerNorm');
    assert.match(await hash(page), /arms=norm:layer,batch:4/);
    await press(page, 'Undo');
    await untilSaid(page, /^Undone: arm B, Normalization is now None\.$/);
    assert.match(await hash(page), /arms=norm:none,batch:4/);
  });

  test('a slider that is drawn over many values is one change', async () => {
    const page = await open('#model=mlp&lr=0.02');
    await untilMeasured(page);
    const slider = await role(page, 'slider', 'Learning rate slider');
    await slider.focus();
    for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowRight');
    assert.doesNotMatch(await hash(page), /lr=0\.02&/);
    await press(page, 'Undo');
    assert.match(await hash(page), /lr=0\.02&/);
  });

  test('without a state in its address the page is as it was left, or fresh on demand', async () => {
    const page = await open('#norm=group&model=mlp&batch=6');
    await untilMeasured(page);
    await choose(page, 'LayerNorm');
    await page.waitForFunction(() => /norm=layer/.test(localStorage.getItem('normlab-state')));
    const address = await page.evaluate(() => location.href.split('#')[0]);
    await page.goto('about:blank');
    await page.goto(address);
    await untilMeasured(page);
    assert.match(await hash(page), /norm=layer.*batch=6/);
    assert.match(await regionText(page, 'Last visit'), /as you left them/);
    await press(page, 'Start fresh');
    assert.match(await hash(page), /norm=batch.*batch=32/);
    await page.waitForFunction(() => /norm=batch/.test(localStorage.getItem('normlab-state')));
    await press(page, 'Undo');
    assert.match(await hash(page), /norm=layer.*batch=6/);
    await page.waitForFunction(() => /norm=layer/.test(localStorage.getItem('normlab-state')));
    await page.evaluate(() => localStorage.setItem('normlab-state', '#v=1&norm=%%%&batch=lots'));
    await page.goto('about:blank');
    await page.goto(address);
    await untilMeasured(page);
    assert.match(await hash(page), /norm=batch.*batch=32/);
  });
});

inEachBrowser('the tour', ({ open }, test) => {
  const title = (page) =>
    page.waitForSelector('[role="dialog"] h2').then((found) => found.evaluate((h) => h.textContent));
  const gone = (page) => page.waitForFunction(() => document.querySelector('[role="dialog"]') === null);

  test('comes on the first visit, beside real controls, and never again', async () => {
    const page = await open('', { firstVisit: true });
    const titles = [];
    for (let step = 1; step <= 4; step++) {
      await page.waitForFunction(
        (n) => document.querySelector('.tour-count')?.textContent === `Step ${n} of 4`,
        {},
        step,
      );
      titles.push(await title(page));
      await page.waitForSelector('.toured');
      const clear = await page.evaluate(() => {
        const card = document.querySelector('[role="dialog"]').getBoundingClientRect();
        return card.left >= 0 && card.top >= 0 && card.right <= innerWidth && card.bottom <= innerHeight;
      });
      assert.ok(clear, `step ${step} is within the window`);
      await press(page, step < 4 ? 'Next' : 'Done');
    }
    assert.equal(new Set(titles).size, 4);
    await gone(page);
    const address = await page.evaluate(() => location.href.split('#')[0]);
    await page.goto('about:blank');
    await page.goto(address);
    await untilMeasured(page);
    assert.equal(await page.$('[role="dialog"]'), null);
  });

  test('is left by Escape or Skip, started again from the footer, and gives the focus back', async () => {
    const page = await open('', { firstVisit: true });
    await title(page);
    assert.equal(
      await page.evaluate(() => document.activeElement === document.body),
      true,
      'it takes no focus unasked',
    );
    await press(page, 'Play');
    await untilStatus(page, /^Training/);
    await page.keyboard.press('Escape');
    await gone(page);
    await press(page, 'Pause');
    await untilMeasured(page);
    await press(page, 'Show the tour');
    assert.equal(await title(page), 'Choose a normalization');
    await page.waitForFunction(() => document.activeElement.matches('[role="dialog"] h2'));
    await press(page, 'Next');
    await page.waitForFunction(() => document.activeElement.textContent === 'Press Play');
    await press(page, 'Skip');
    await gone(page);
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Show the tour');
  });

  test('does not come where the address names a state, nor in a frame', async () => {
    for (const state of ['#model=mlp', '#model=mlp&embed=1']) {
      const page = await open(state, { firstVisit: true });
      await untilMeasured(page);
      assert.equal(await page.$('[role="dialog"]'), null);
    }
  });
});

inEachBrowser('looks', ({ open }, test) => {
  test('axe finds nothing in tour, menu, target and messages, in either theme; nothing sticks out at 360 pixels', async () => {
    for (const width of [1280, 360]) {
      const page = await open('', { firstVisit: true, width, height: 800 });
      await page.waitForSelector('[role="dialog"]');
      await untilMeasured(page);
      await drop(page, { 'photo.jpg': new Uint8Array(9) });
      await page.waitForSelector('.refused-file');
      for (const opener of width === 360 ? ['Menu', 'Export'] : ['Export']) await press(page, opener);
      const shown = await role(page, 'button', 'Everything (JSON)');
      assert.equal(await shown.isVisible(), true);
      await drag(page, 'dragenter');
      await page.waitForSelector('.drop-target');
      for (let i = 0; i < 2; i++) {
        assert.deepEqual(await axeViolations(page), [], `${width} pixels`);
        await page.evaluate(() => {
          [...document.querySelectorAll('button')].find(({ textContent }) => textContent === 'Dark theme').click();
        });
      }
      const excess = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      assert.equal(excess, 0);
    }
  });
});

inEachBrowser('what goes wrong', (context, test) => {
  const { open } = context;

  test('training goes on in a new worker where it was, as if the old one had not died', async () => {
    const page = await open('#norm=batch&model=mlp&batch=256&lr=0.02&seed=5', { beforeLoad: keepWorkersAndFiles });
    await untilMeasured(page);
    await press(page, 'Play');
    await untilSteps(page, 20);
    await press(page, 'Pause');
    await untilMeasured(page);
    const before = await stepsMade(page);
    // The pause has had a checkpoint asked for, and nothing on the page shows that it has come.
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await kill(page);
    await untilStatus(page, /^The engine has stopped: out of luck/);
    await press(page, `Restart engine and go on from step ${before.toLocaleString('en')}`);
    await untilSteps(page, before + 20);
    await press(page, 'Pause');
    await untilMeasured(page);
    const { variant, history, evaluations } = await savedRun(page);
    const made = history.length;
    const node = await runInNode(variant, { model: 'mlp', batchSize: 256, lr: 0.02, seed: 5, steps: made });
    assert.ok(made >= before + 20);
    assert.deepEqual(
      history.map(({ step, loss }) => [step, loss]),
      node.steps.map(({ step, loss }) => [step, Math.fround(loss)]),
    );
    assert.equal(evaluations.at(-1).eval.accuracy, node.eval.accuracy);
  });

  test('what was opened from files is there again in a new worker', async () => {
    const page = await open('#model=mlp&batch=10&seed=2', { beforeLoad: keepWorkersAndFiles });
    await untilMeasured(page);
    const { images, labels } = await idxFiles();
    await drop(page, { 'a-images': images, 'a-labels': labels });
    await untilStatus(page, /^Started over: .*Ready/);
    await kill(page);
    await press(page, 'Restart engine');
    await untilStatus(page, /^Ready/);
    await press(page, 'Step');
    await untilStatus(page, /^Paused at step 1,/);
    assert.match(await hash(page), /data=a-images/);
    assert.match(await regionText(page, 'Data set from files'), /50 to train on/);
  });

  test('memory that is refused is said, and less of it is a way on', async () => {
    context.site.change = (path, bytes) => (path.endsWith('.wasm') ? withPages(bytes, PAGES) : null);
    try {
      const page = await open('#model=resnet&norm=batch&batch=256');
      assert.match(await untilStatus(page, /^(Cannot start|Stopped)/), /memory/);
      await choose(page, 'Small CNN');
      await type(page, 'Batch size', '4');
      await untilStatus(page, /Ready/);
      await press(page, 'Step');
      await untilStatus(page, /^Paused at step 1,/);
    } finally {
      context.site.change = null;
    }
  });

  test('a hash full of nonsense is a page that works', async () => {
    const page = await open(`#${'%00&=&&v=%F0%9F&data=../../x&weights=%3Cscript%3E&norm=&batch=1e999&'.repeat(20)}`);
    await untilMeasured(page);
    assert.match(await regionText(page, 'Notes on this link'), /Normalization/);
    assert.doesNotMatch(await hash(page), /data=|weights=/);
    await press(page, 'Step');
    await untilStatus(page, /^Paused at step 1,/);
    const narrow = await open(`#arms=${'norm:batch,batch:2;'.repeat(9)}`, { width: 360, height: 740 });
    assert.match(await regionText(narrow, 'Notes on this link'), /room for 3 further arms/);
    const { scrollWidth, clientWidth } = await narrow.evaluate(() => ({
      scrollWidth: document.documentElement.scrollWidth,
      clientWidth: document.documentElement.clientWidth,
    }));
    assert.equal(scrollWidth, clientWidth);
  });
});

/** Of 64 KiB: enough for the images and a small network. */
const PAGES = 1500;

/** A WebAssembly module whose memory cannot grow beyond this many pages. */
function withPages(bytes, pages) {
  const module = Buffer.from(bytes);
  const number = (at) => {
    let [value, shift, next] = [0, 0, at];
    for (;;) {
      const byte = module[next++];
      value |= (byte & 127) << shift;
      shift += 7;
      if (byte < 128) return { value, next };
    }
  };
  // Sections from byte 8 on: id, length, content. Section 5 is: one memory, flags, least, most.
  for (let at = 8; at < module.length; ) {
    const { value: length, next } = number(at + 1);
    if (module[at] === 5) {
      assert.deepEqual([...module.subarray(next, next + 2)], [1, 1]);
      const most = number(next + 2).next;
      const end = number(most).next;
      for (let i = most, rest = pages; i < end; i++, rest >>= 7) module[i] = (rest & 127) | (i < end - 1 ? 128 : 0);
      assert.equal(number(most).value, pages);
      return module;
    }
    at = next + length;
  }
  throw new Error('the module has no memory');
}

/** Lets the page believe that its newest worker has failed. */
function kill(page) {
  return page.evaluate(() =>
    globalThis.workers.at(-1).dispatchEvent(new ErrorEvent('error', { message: 'out of luck' })),
  );
}

/** Runs in the page, before its scripts. */
function keepWorkersAndFiles() {
  globalThis.workers = [];
  globalThis.Worker = class extends Worker {
    constructor(...args) {
      super(...args);
      globalThis.workers.push(this);
    }
  };
  globalThis.files = [];
  const address = URL.createObjectURL;
  URL.createObjectURL = (blob) => {
    globalThis.files.push(blob);
    return address.call(URL, blob);
  };
  HTMLAnchorElement.prototype.click = () => {};
}

inEachBrowser('files that are opened', ({ open }, test) => {
  test('images and labels that are dropped are trained on, as Node does', async () => {
    const page = await open('#norm=group&model=smallcnn&batch=10&lr=0.05&seed=2', { beforeLoad: keepFiles });
    await untilMeasured(page);
    const { images, labels, data } = await idxFiles();
    await drop(page, { 'digits-images-idx3-ubyte.gz': gzipSync(images), 'digits-labels-idx1-ubyte': labels });
    const about = await untilRegion(page, 'Data set from files');
    assert.match(about, /digits-images.*1×16×16, 4 classes, 50 to train on and 10 to test with/);
    assert.match(about, /the last 10 of 60 images are kept for the test.*A link cannot carry it/);
    await untilStatus(page, /^Started over: .*Ready/);
    await press(page, 'Step');
    await press(page, 'Step');
    await untilStatus(page, /^Paused at step 2,/);
    await untilMeasured(page);
    const { variant, history, evaluations } = await savedRun(page);
    const node = await runInNode(variant, {
      ...{ model: 'smallcnn', norm: 'group', batchSize: 10, lr: 0.05, seed: 2, steps: 2, data },
    });
    assert.deepEqual(
      history.map(({ loss }) => loss),
      node.steps.map(({ loss }) => Math.fround(loss)),
    );
    assert.equal(evaluations.at(-1).eval.loss, node.eval.loss);

    await press(page, 'Back to Fashion-MNIST');
    await untilMeasured(page);
    await press(page, 'Undo');
    await untilMeasured(page);
    assert.match(await hash(page), /data=digits-images/);
    assert.equal(await page.$('.trouble'), null);

    const link = await page.evaluate(() => location.href);
    const other = await open(new URL(link).hash);
    assert.match(await regionText(other, 'Notes on this link'), /digits-images.*a link cannot carry; Fashion-MNIST/);
    assert.doesNotMatch(await hash(other), /data=/);
  });

  test('a model file goes on in training, with the settings that describe it', async () => {
    const page = await open('#norm=batch&model=smallcnn&batch=8&lr=0.02&seed=3', { beforeLoad: keepFiles });
    await untilMeasured(page);
    const { variant } = await savedRun(page);
    const file = await runInNode(variant, { model: 'mlp', norm: 'layer', batchSize: 20, lr: 0.1, seed: 8, steps: 5 });
    await openByButton(page, { 'my model.safetensors': file.bytes });
    assert.match(await untilRegion(page, 'Model from a file'), /weights of my-model\.safetensors/);
    await untilStatus(page, /Ready: Multilayer perceptron with LayerNorm/);
    await untilMeasured(page);
    assert.match(await hash(page), /norm=layer.*model=mlp.*weights=my-model\.safetensors/);
    assert.deepEqual(await logitsOf(variant, await savedBytes(page, 'Model file (safetensors)')), file.logits);
    await choose(page, 'BatchNorm');
    await untilMeasured(page);
    assert.doesNotMatch(await hash(page), /weights=/);
  });

  test('tensors of PyTorch go into the present network, or every mismatch is listed', async () => {
    const page = await open('#norm=batch&model=mlp&batch=8', { beforeLoad: keepFiles });
    await untilMeasured(page);
    const { fitting, other } = await tensorFiles();
    await drop(page, { 'other.safetensors': other });
    const refusal = await (await page.waitForSelector('.refused-file[role="alert"]')).evaluate(
      (element) => element.textContent,
    );
    assert.match(refusal, /other\.safetensors could not be opened/);
    for (const line of [
      'Missing key(s) in state_dict: "1.bias"',
      'Unexpected key(s) in state_dict: "9.weight"',
      'size mismatch for 1.weight',
    ]) {
      assert.ok(refusal.includes(line), `${line} is missing in: ${refusal}`);
    }
    await drop(page, { 'fitting.safetensors': fitting.bytes });
    await untilRegion(page, 'Model from a file');
    await untilMeasured(page);
    const { variant } = await savedRun(page);
    assert.deepEqual(await logitsOf(variant, await savedBytes(page, 'Model file (safetensors)')), fitting.logits);
  });

  test('garbage is said in place, and what trains goes on', async () => {
    const page = await open('#norm=layer&model=mlp&batch=4');
    await untilMeasured(page);
    await press(page, 'Play');
    await untilSteps(page, 5);
    const { images, labels } = await idxFiles();
    const garbage = {
      'photo.jpg': [{ 'photo.jpg': Uint8Array.from({ length: 300 }, (_, i) => (7 * i) % 256) }, /none of the files/],
      'labels alone': [{ 'some-labels-idx1-ubyte': labels }, /come in pairs/],
      truncated: [{ 'a-images-idx3-ubyte': images.subarray(0, 500), 'a-labels-idx1-ubyte': labels }, /truncated/],
      'cut model': [
        { 'm.safetensors': Uint8Array.of(200, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x22, 0x61) },
        /corrupt or cut off/,
      ],
    };
    for (const [what, [files, message]] of Object.entries(garbage)) {
      await drop(page, files);
      await page.waitForFunction(
        (source) => new RegExp(source).test(document.querySelector('.refused-file')?.textContent ?? ''),
        {},
        message.source,
      );
      const before = await stepsMade(page);
      await untilSteps(page, before + 1);
      assert.match(await status(page), /^Training/, what);
    }
    await press(page, 'Dismiss');
    assert.equal(await page.$('.refused-file'), null);
    assert.match(await hash(page), /norm=layer.*batch=4/);
  });

  test('a target is shown while files are dragged over the page', async () => {
    const page = await open('#seed=1');
    await drag(page, 'dragenter');
    await page.waitForSelector('.drop-target');
    await drag(page, 'dragleave');
    await page.waitForFunction(() => document.querySelector('.drop-target') === null);
  });
});

/** Runs in the page, before its scripts: keeps what it copies and saves. */
function keepCopiesAndFiles() {
  globalThis.copies = [];
  const writeText = async (text) => globalThis.copies.push(text);
  Object.defineProperty(navigator, 'clipboard', { value: { writeText } });
  globalThis.files = [];
  const address = URL.createObjectURL;
  URL.createObjectURL = (blob) => {
    globalThis.files.push(blob);
    return address.call(URL, blob);
  };
  HTMLAnchorElement.prototype.click = () => {};
}

/** Runs in the page, before its scripts: keeps what it copies. */
function keepCopies() {
  globalThis.copies = [];
  Object.defineProperty(navigator, 'clipboard', {
    value: {
      writeText: async (text) => {
        globalThis.copies.push(text);
      },
    },
  });
}

/** Runs in the page, before its scripts. */
function refuseCopying() {
  Object.defineProperty(navigator, 'clipboard', { value: undefined });
  document.execCommand = () => false;
}

function lastCopy(page) {
  return page.evaluate(() => globalThis.copies.at(-1));
}

/** Waits until the page's short message matches. */
async function untilSaid(page, pattern) {
  await page.waitForFunction(
    (source) => new RegExp(source).test(document.querySelector('.said').textContent),
    { polling: 50 },
    pattern.source,
  );
}

/** Chooses this of what can be exported. */
async function exported(page, label) {
  const count = await page.evaluate(() => globalThis.files.length);
  const opener = await role(page, 'button', 'Export');
  if (await opener.evaluate((button) => button.getAttribute('aria-expanded') === 'false')) await opener.click();
  await press(page, label);
  await page.waitForFunction((before) => globalThis.files.length > before, {}, count);
}

async function saved(page, label) {
  await exported(page, label);
  return page.evaluate(() => globalThis.files.at(-1).text());
}

/** What arm A has in the file of everything. */
async function savedRun(page) {
  const { variant, arms } = JSON.parse(await saved(page, 'Everything (JSON)'));
  return { variant, ...arms[0] };
}

async function savedBytes(page, label) {
  await exported(page, label);
  const numbers = await page.evaluate(async () => [...new Uint8Array(await globalThis.files.at(-1).arrayBuffer())]);
  return Uint8Array.from(numbers);
}

/** The same run in Node: its steps, its scores, and what it makes of the first test images. */
async function runInNode(variant, { model: preset, norm = 'batch', batchSize, lr, seed, steps, data }) {
  const nl = await createEngine({ variant });
  try {
    const { train, test } = data ?? (await nl.loadDataset('fashion-mnist'));
    const model = nl.model(presetSpec(preset, { norm, seed, input: train.shape, classes: train.classes }));
    const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr, momentum: 0.9 } });
    const run = trainer.start(train, { batchSize, seed });
    const done = [];
    while (done.length < steps) done.push(...run.steps(1).steps);
    const scores = {
      eval: model.evaluate(test, { batchSize: 100, mode: 'eval' }),
      train: model.evaluate(test, { batchSize, mode: 'train' }),
    };
    return { steps: done, ...scores, logits: logits(model, test), bytes: model.save() };
  } finally {
    nl.dispose();
  }
}

/** 60 images of 16 × 16 in four classes as a pair of IDX files, and as Node reads and divides them. */
async function idxFiles() {
  const nl = await createEngine();
  try {
    const { images, labels } = nl.textures({ length: 60, classes: 4, shape: [1, 16, 16], seed: 1 });
    const header = (...numbers) => {
      const view = new DataView(new ArrayBuffer(4 * numbers.length));
      numbers.forEach((number, i) => {
        view.setUint32(4 * i, number);
      });
      return new Uint8Array(view.buffer);
    };
    const whole = nl.idx(
      Uint8Array.of(...header(0x803, 60, 16, 16), ...images),
      Uint8Array.of(...header(0x801, 60), ...labels),
    );
    const part = (from, to) => {
      const { shape, classes, images: some, labels: theirs } = whole.slice(from, to);
      return { shape, classes, images: some, labels: theirs };
    };
    const train = makeDataset(part(0, 50));
    const { mean, std } = train;
    return {
      images: Uint8Array.of(...header(0x803, 60, 16, 16), ...images),
      labels: Uint8Array.of(...header(0x801, 60), ...labels),
      data: { train, test: makeDataset({ ...part(50, 60), mean, std }) },
    };
  } finally {
    nl.dispose();
  }
}

/** Tensors without a word on who wrote them: those of the network mlp, and of another. */
async function tensorFiles() {
  const nl = await createEngine();
  try {
    const { test } = await nl.loadDataset('fashion-mnist');
    const model = nl.model(presetSpec('mlp', { norm: 'batch', seed: 77 }));
    const tensors = model.stateDict();
    const { '1.bias': _, ...rest } = tensors;
    const wrong = { data: new Float32Array(6), shape: [2, 3] };
    return {
      fitting: { bytes: safetensors(tensors), logits: logits(model, test) },
      other: safetensors({ ...rest, '1.weight': wrong, '9.weight': wrong }),
    };
  } finally {
    nl.dispose();
  }
}

/** The format as its specification has it, of float32 tensors and counters. */
function safetensors(dict) {
  const header = {};
  const parts = [];
  let at = 0;
  for (const [key, value] of Object.entries(dict)) {
    const counter = typeof value === 'number';
    const data = new Uint8Array((counter ? BigInt64Array.of(BigInt(value)) : value.data).buffer);
    const [dtype, shape] = counter ? ['I64', []] : ['F32', value.shape];
    header[key] = { dtype, shape, data_offsets: [at, at + data.length] };
    parts.push(data);
    at += data.length;
  }
  const text = Buffer.from(JSON.stringify(header).padEnd(8 * Math.ceil(JSON.stringify(header).length / 8)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...parts]);
}

/** Drops files on the page: their bytes by their names. */
async function drop(page, files) {
  const list = Object.entries(files).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]);
  await page.evaluate((named) => {
    const dataTransfer = new DataTransfer();
    for (const [name, text] of named) {
      const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      dataTransfer.items.add(new File([bytes], name));
    }
    document
      .querySelector('main')
      .dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
  }, list);
}

function drag(page, kind) {
  return page.evaluate((type) => {
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File(['x'], 'x.npz'));
    document
      .querySelector('main')
      .dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
  }, kind);
}

/** Chooses files in the dialog that "Open file…" brings. */
async function openByButton(page, files) {
  const folder = await mkdtemp(join(tmpdir(), 'normlab-files-'));
  try {
    const paths = Object.keys(files).map((name) => join(folder, name));
    await Promise.all(Object.values(files).map((bytes, i) => writeFile(paths[i], bytes)));
    await role(page, 'button', 'Open file…');
    const input = await page.$('.actions input[type="file"]');
    await input.uploadFile(...paths);
    await page.waitForFunction(() => /Opened|could not/.test(document.querySelector('.page').textContent));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function untilRegion(page, label) {
  await role(page, 'region', label);
  return regionText(page, label);
}

async function logitsOf(variant, bytes) {
  const nl = await createEngine({ variant });
  try {
    return logits(nl.loadModel(bytes), (await nl.loadDataset('fashion-mnist')).test);
  } finally {
    nl.dispose();
  }
}

function logits(model, test) {
  return [...model.eval().forward(test.batch([0, 1, 2, 3]).x).data];
}
