/** @jsxImportSource react */
import 'normlab/element';

export const plain = <norm-lab view="lens" batch-size="2" />;
export const full = (
  <norm-lab
    id="figure"
    className="wide"
    groups={4}
    lr={0.1}
    autoplay
    ref={(lab) => void lab?.play()}
    onnorm-lab-step={({ detail }) => detail.loss.toFixed(3)}
  >
    <p>What is shown until it is loaded</p>
  </norm-lab>
);

// @ts-expect-error there is no such view
export const view = <norm-lab view="telescope" />;
// @ts-expect-error a batch size is a number
export const size = <norm-lab batch-size="two" />;
// @ts-expect-error nothing is lost
export const event = <norm-lab onnorm-lab-step={({ detail }) => detail.lost} />;
