/* What is fetched with the images: nothing of it is of use without them. */
export { addTraining } from 'normlab/training';
export { Run } from './run';
export { shippedImages } from './shipped-images';
