import { presetSpec } from 'normlab';
import { SWEEP_MODELS } from '../protocol';
import type { LaneData } from '../sweep-lane';
import type { Context } from '.';

/** Values behind each mean and variance of a model's BatchNorms, per image of the batch: fewest and most. */
export interface ValuesPerImage {
  least: number;
  most: number;
}

export type BatchNormValues = Record<(typeof SWEEP_MODELS)[number], ValuesPerImage>;

export default ({ engine, data }: Context) => ({
  /** Of each model that can be swept: m of its BatchNorms at batch size 1, of which m at any other is the multiple. */
  values(): BatchNormValues {
    const entries = SWEEP_MODELS.map((name) => {
      const model = engine.model(presetSpec(name, { norm: 'batch' }));
      const values = Object.values(model.valuesPerStatistic(1));
      model.dispose();
      return [name, { least: Math.min(...values), most: Math.max(...values) }];
    });
    return Object.fromEntries(entries);
  },

  /** Sends a copy of the images through the port, to a worker that makes runs. */
  async sendData(port: MessagePort): Promise<void> {
    const { train, test } = await data;
    // Functions cannot be sent: the other side makes a data set of the rest again.
    const plain = ({ slice: _, batch: __, ...rest }: typeof train) => rest;
    port.postMessage({ train: plain(train), test: plain(test) } satisfies LaneData);
    port.close();
  },
});
