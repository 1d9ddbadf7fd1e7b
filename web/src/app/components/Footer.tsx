import { startFresh } from '../state/keep';
import type { LabModel } from '../state/lab';
import { startTour } from '../state/tour';

const variants: Record<string, string> = {
  scalar: 'without SIMD, which this browser lacks',
  simd: 'with 128-bit SIMD',
  relaxed: 'with relaxed SIMD',
};

export function Footer({ lab }: { lab: LabModel }) {
  const engine = lab.engine.value;
  return (
    <footer class="colophon">
      <p>
        Nothing here is simulated. The network is trained by C code compiled to WebAssembly
        {engine.phase === 'ready' && ` (${variants[engine.variant] ?? engine.variant})`}, in a worker of this page, and
        no data leaves it. Layer names, defaults and formulas are PyTorch's.
      </p>
      <p>Images: Fashion-MNIST, © Zalando SE, MIT licence; 10,000 to train on and 2,000 to test with.</p>
      <div class="keys-row">
        <button type="button" class="quiet" onClick={startTour}>
          Show the tour
        </button>
        <button type="button" class="quiet" onClick={() => startFresh(lab)}>
          Start fresh
        </button>
      </div>
    </footer>
  );
}
