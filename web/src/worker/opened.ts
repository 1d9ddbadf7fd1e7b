import type { Model } from 'normlab';
import { NormlabError } from 'normlab/core';
import type { RunConfig } from './protocol';
import type { Data } from './run';

/** What was opened from files, by the names that settings have for it. */
export class Opened {
  readonly data = new Map<string, Data>();
  readonly models = new Map<string, () => Model>();

  /** The images that a run trains on. */
  dataFor({ data }: RunConfig, shipped: Data): Data {
    return this.data.get(data) ?? shipped;
  }

  /** The model that a run begins with where it is one of a file; null where it is to be drawn. */
  modelFor({ weights }: RunConfig, { train }: Data): Model | null {
    const model = this.models.get(weights)?.() ?? null;
    try {
      if (model) checkFit(model, train);
    } catch (error) {
      model?.dispose();
      throw error;
    }
    return model;
  }
}

/** In terms of images and classes, not of the first and the last layer. */
export function checkFit(model: Model, { shape, classes }: Pick<Data['train'], 'shape' | 'classes'>): void {
  const { input } = model.spec;
  const outputs = model.layers.at(-1)?.shape[0] ?? 0;
  if (input.join() !== shape.join()) {
    const [takes, has] = [input, shape].map((sizes) => sizes.join('×'));
    throw new NormlabError('shape', `The model takes images of ${takes}, and those of the data set are ${has}.`);
  }
  if (outputs < classes) {
    throw new NormlabError('shape', `The model has ${outputs} outputs, and the data set ${classes} classes.`);
  }
}
