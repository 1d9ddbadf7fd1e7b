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

  'src/base/series.c': [
    {
      name: 'half a logarithm',
      from: 'power = 2 * t;',
      to: 'power = t;',
      caught: ['test_rng series', 'test_rng normal_values'],
    },
  ],

  'src/net/synthetic.c': [
    {
      name: 'labels in turn',
      from: 'order[k] = order[other];',
      to: 'order[k] = k;',
      caught: ['test_synthetic balanced'],
    },
    {
      name: 'each piece begins a round',
      from: 'place = (first + i) % classes;',
      to: 'place = i % classes;',
      caught: ['test_synthetic any_piece_is_part_of_the_whole'],
    },
    {
      name: 'the test part has the samples of the training part',
      from: 'nl_rng rng = stream_of(seed, PARTS + part, (uint64_t)(first + i));\n    nl_rng_normals(',
      to: 'nl_rng rng = stream_of(seed, PARTS, (uint64_t)(first + i));\n    nl_rng_normals(',
      caught: ['test_synthetic parts_seeds_and_noise_differ'],
    },
    {
      name: 'every sample has the same noise',
      from: 'nl_rng rng = stream_of(seed, PARTS + part, (uint64_t)(first + i));\n    nl_rng_normals(',
      to: 'nl_rng rng = stream_of(seed, PARTS + part, 0);\n    nl_rng_normals(',
      caught: ['test_synthetic blobs_are_gaussian'],
    },
    {
      name: 'centres farther apart in more dimensions',
      from: 'scale = 1 / sqrt(size);',
      to: 'scale = 1 / sqrt(1);',
      caught: ['test_synthetic blobs_are_gaussian'],
    },
    {
      name: 'patches of a wrong size',
      from: '(int32_t)((int64_t)at * cells / side)',
      to: 'at < cells ? at : cells - 1',
      caught: ['test_synthetic images_of_patches'],
    },
    {
      name: 'orientations of half the range',
      from: '0.5 * labels[i] / classes',
      to: '0.25 * labels[i] / classes',
      caught: ['test_synthetic textures_have_orientations'],
    },
    {
      name: 'checks that are waves',
      from: 'if (checks) value *=',
      to: 'if (!checks) value *=',
      caught: ['test_synthetic textures_have_orientations'],
    },
    {
      name: 'a phase that is always the same',
      from: 'start = nl_rng_next(&rng)',
      to: 'start = 0',
      caught: ['test_synthetic textures_are_about_grey'],
    },
    {
      name: 'noise of another size',
      from: '/ 147.801',
      to: '/ 127.5',
      caught: ['test_synthetic textures_are_about_grey'],
    },
  ],
};
