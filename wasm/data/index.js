/*
 * Images, for pages that have what reads them fetched with them: `normlab/data`.
 */
export { makeDataset } from './dataset.js';
export { loadFashionMnist } from './fashion-mnist.js';
