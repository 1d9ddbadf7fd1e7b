// Wrong orders, crops and draws of the data sets.

/** @type {Record<string, Omit<import('./mutants.js').Mutant, 'file'>[]>} */
export const data = {
  'src/base/rng.c': [
    {
      name: 'a stride that forgets the increments',
      from: 'addend *= factor + 1;',
      to: 'addend *= factor;',
      caught: ['test_rng skips'],
    },
  ],

  'src/net/dataset.c': [
    {
      name: 'classes sorted from their last sample on',
      from: 'for (int32_t i = 0; i < dataset->count; i++) dataset->order[',
      to: 'for (int32_t i = dataset->count - 1; i >= 0; i--) dataset->order[',
      caught: ['test_dataset class_after_class', 'test_dataset sorted_for_evaluation'],
    },
    {
      name: 'sorted data shuffled across classes',
      from: 'while (end < count && labels[order[end]] == labels[order[first]]) end++;',
      to: 'end = count;',
      caught: ['test_dataset shuffled_within_classes'],
    },
    {
      name: 'sorted data evaluated as they lie',
      from: 'dataset->order ? dataset->order[first + i] : first + i',
      to: 'first + i',
      caught: ['test_dataset sorted_for_evaluation'],
    },
    {
      name: 'mirrored about a column too far',
      from: 'mirrored ? width - 1 - i : i',
      to: 'mirrored ? width - i : i',
      caught: ['test_dataset crops_and_flips', 'test_dataset crop_or_flip_alone'],
    },
    {
      name: 'never moved to the last row',
      from: 'up = one_of(&rng, 2 * crop + 1) - crop',
      to: 'up = one_of(&rng, 2 * crop + (crop == 0)) - crop',
      caught: ['test_dataset crops_and_flips'],
    },
    {
      name: 'rows and columns moved alike',
      from: 'left = one_of(&rng, 2 * crop + 1) - crop',
      to: 'left = one_of(&rng, 2 * crop + 1) >= 0 ? up : up',
      caught: ['test_dataset crops_and_flips'],
    },
    {
      name: 'the mean beyond the edge, not black',
      from: '? dataset->fill[c]',
      to: '? 0',
      caught: ['test_dataset crops_and_flips'],
    },
    {
      name: 'mirrored though nobody asked',
      from: 'mirrored && dataset->flip',
      to: 'mirrored',
      caught: ['test_dataset crop_or_flip_alone'],
    },
    {
      name: 'each batch draws as the first one',
      from: 'nl_rng_skip(&rng, 3 * (uint64_t)first);',
      to: '',
      caught: ['test_dataset crops_and_flips', 'test_dataset draws_have_a_place'],
    },
    {
      name: 'each epoch draws as the first one',
      from: 'AUGMENTATIONS + (uint64_t)epoch',
      to: 'AUGMENTATIONS',
      caught: ['test_dataset crops_and_flips', 'test_dataset draws_have_a_place'],
    },
    {
      name: 'draws whatever the seed',
      from: 'nl_rng_make(seed, AUGMENTATIONS',
      to: 'nl_rng_make(0 * seed, AUGMENTATIONS',
      caught: ['test_dataset draws_have_a_place'],
    },
  ],
};
