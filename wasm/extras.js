import { fit } from './fit.js';
import { foldModel } from './fold.js';
import { probing } from './probing.js';
import { asFormat, saveModel } from './saved-model.js';
import { readState, same, saveState } from './trainer-state.js';

/*
 * What methods of models and trainers are made of that a page which only trains does without. `extendEngine` gives it to an
 * engine, and so the core, which must not import it, can be small.
 */

/** @typedef {typeof extras} Extras */

export const extras = { ...probing, asFormat, fit, foldModel, readState, same, saveModel, saveState };
