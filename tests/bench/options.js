import { Command, Option } from 'commander';

/**
 * @param {string} name
 * @param {string} description
 */
export function benchCommand(name, description) {
  return new Command(name)
    .description(`${description} One JSON line a measurement; words choose the works whose names contain one of them.`)
    .argument('[words...]', 'such as "train smallcnn", gemm, bn_')
    .addOption(
      new Option('--variant <variant...>', 'modules to measure')
        .choices(['scalar', 'simd', 'relaxed'])
        .default(['relaxed']),
    );
}
