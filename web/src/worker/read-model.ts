import type { Engine, Model, ModelSpec } from 'normlab';
import { NormlabError } from 'normlab/core';
import { presetSpec, presets } from 'normlab/training';
import { checkFit } from './opened';
import type { NormName, Placement, RunConfig } from './protocol';
import { type Data, modelOf } from './run';

export interface ReadModel {
  make: () => Model;
  /** The settings that describe the network; null where there are none for one like it. */
  settings: Partial<RunConfig> | null;
  note: string;
}

const NORMS: readonly (NormName | 'renorm')[] = ['batch', 'layer', 'group', 'instance', 'rms', 'none', 'renorm'];
const PLACEMENTS: readonly Placement[] = ['before', 'after'];
const GROUPS = [1, 2, 4, 8, 16];

/** safetensors begins with the length of its header, a JSON object: https://huggingface.co/docs/safetensors */
export function isSafetensors(bytes: Uint8Array): boolean {
  return bytes.length > 9 && bytes[8] === 0x7b && bytes[7] === 0 && bytes[6] === 0;
}

/** Reads a model of this project, or tensors of anybody's for the network of the configuration. */
export function readModel(engine: Engine, bytes: Uint8Array, config: RunConfig, { train }: Data): ReadModel {
  const own = ofNormlab(bytes);
  const model = own ? engine.loadModel(bytes) : modelOf(engine, config, train);
  try {
    if (!own) model.loadStateDict(engine.safetensors(bytes));
    checkFit(model, train);
    const saved = model.save();
    return {
      make: () => engine.loadModel(saved).train(),
      settings: own ? settingsOf(model.spec, model.layers.at(-1)?.shape[0] ?? 0) : {},
      note: own ? '' : 'The tensors fit the present network, name by name.',
    };
  } finally {
    model.dispose();
  }
}

/** Whether the file says of itself that this project wrote it. What it then is, its reader finds out. */
function ofNormlab(bytes: Uint8Array): boolean {
  const { buffer, byteOffset } = bytes;
  const length = Number(new DataView(buffer, byteOffset).getBigUint64(0, true));
  try {
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
    return Object.hasOwn(Object(header.__metadata__), 'normlab');
  } catch {
    throw new NormlabError('format', 'The header of the safetensors file cannot be read: it is corrupt or cut off.');
  }
}

/** Tries what the settings can make. */
function settingsOf({ input, layers }: ModelSpec, classes: number): Partial<RunConfig> | null {
  const wanted = JSON.stringify(layers);
  for (const model of Object.keys(presets)) {
    for (const norm of NORMS) {
      for (const groups of norm === 'group' ? GROUPS : [8]) {
        for (const placement of PLACEMENTS) {
          const spec = presetSpec(model, { norm, groups, placement, input, classes });
          if (JSON.stringify(spec.layers) !== wanted) continue;
          const renorm = norm === 'renorm';
          return { model, norm: renorm ? 'batch' : norm, renorm, placement, ...(norm === 'group' && { groups }) };
        }
      }
    }
  }
  return null;
}
