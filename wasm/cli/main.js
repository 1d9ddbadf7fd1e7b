#!/usr/bin/env node
import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { NormlabError } from '../errors.js';
import { presets } from '../presets/index.js';
import { EXIT, UsageError } from './failure.js';
import { addOptions, checkOptions, exportOptions, sweepOptions, trainingOptions, trainOptions } from './options.js';

const { version, description } = createRequire(import.meta.url)('../../package.json');

const PRESETS = Object.entries(presets)
  .map(([name, { description }]) => `  ${name.padEnd(10)}${description}`)
  .join('\n');

/**
 * The commands; what does the work is loaded when it is asked for.
 *
 * @type {{ name: string, text: string, more?: string, argument?: string, options: import('./options.js').OptionSpec[], examples: string[],
 *   load: () => Promise<(options: any, given: (name: string) => boolean) => Promise<number>> }[]}
 */
const COMMANDS = [
  {
    name: 'train',
    text: 'Train a model, and measure it in eval mode and in train mode after each epoch.',
    more:
      '\nOf each layer --measure-every shows mean and standard deviation of the output, of the gradient that reaches it, and\n' +
      'the norm of the gradients of its parameters; of normalizations how many values each mean is taken over, how far the\n' +
      'means of the batch are from the running ones (in standard deviations of eval mode), and the factor between variances.\n' +
      'With --json the document has a series of them for each layer.',
    options: trainOptions,
    examples: [
      'normlab train --norm batch --batch-size 32 --epochs 3 --seed 1',
      'normlab train --preset resnet --norm group --groups 4 --limit 2000',
      'normlab train --preset deepcnn --batch-size 2 --limit 2000 --measure-every 100',
      'normlab train --data /usr/share/datasets/fashion-mnist --json > run.json',
      'normlab train --epochs 20 --checkpoint run.safetensors --resume --save model.safetensors',
    ],
    load: async () => (await import('./train.js')).train,
  },
  {
    name: 'compare',
    text: 'Train a model, then show layer by layer how its output differs between train mode and eval mode.',
    options: trainingOptions({ epochs: 1 }),
    examples: [
      'normlab compare --norm batch --batch-size 4',
      'normlab compare --preset deepcnn --norm batch --batch-size 2',
      'normlab compare --preset mlp --norm batch --placement after --json',
      'normlab compare --model model.safetensors --epochs 0',
    ],
    load: async () => (await import('./compare.js')).compare,
  },
  {
    name: 'sweep',
    text: 'Train a model for each of norms × batch sizes × seeds, in worker threads, and compare the test errors.',
    more:
      '\nThe learning rate grows with the batch size unless --lr fixes it. A run that diverges or fails is reported, and\n' +
      'the others go on. With --out a sweep that was stopped is resumed by the same command; give each shard a file of\n' +
      'its own, and join them with --merge. Exit status 1: no run succeeded.',
    options: sweepOptions,
    examples: [
      'normlab sweep --norm batch,group,layer --batch-size 2,4,8,16,32,64 --preset mlp --limit 6000 --epochs 2 --seed 0,1',
      'normlab sweep --preset deepcnn --seed 0,1,2,3 --shard 1/4 --out shard-1.jsonl',
      'normlab sweep --merge shard-1.jsonl shard-2.jsonl shard-3.jsonl shard-4.jsonl --json',
    ],
    load: async () => (await import('./sweep.js')).sweep,
  },
  {
    name: 'check',
    text: "Check a model's gradients against those of a float64 network, and show the worst error of each parameter.",
    more:
      '\nThe model is new and gets noise of the shape of its input. Parameters that start all equal, as normalization\n' +
      'weights (1) and biases (0) do, are moved by noise first, since a factor or a term that is missing would not\n' +
      'show there. Errors are relative to the largest gradient of a parameter. Exit status 1: an error is too large.',
    options: checkOptions,
    examples: [
      'normlab check --preset smallcnn --norm batch',
      'normlab check --preset resnet --norm group --groups 4 --mode eval --seed 7',
      'normlab check --model model.json --batch-size 2 --samples 64 --tolerance 1e-4 --json',
    ],
    load: async () => (await import('./check.js')).check,
  },
  {
    name: 'export',
    text: 'Write a model for others: as a Python script for PyTorch, or its weights.',
    argument: '<file>',
    more:
      '\nFILE is what train --save wrote, or JSON as nl.model() takes it, of which the options of the model are. The script\n' +
      'has no weights in it: it says how to load those of safetensors, whose keys are the same.',
    options: exportOptions,
    examples: [
      'normlab export model.safetensors --to pytorch > model.py',
      'normlab export model.json --norm group --to pytorch --train --lr 0.02 --epochs 5 --out train.py',
      'normlab export model.safetensors --to pytorch --distributed --replicas 4 --sync-batch-norm --out train.py',
    ],
    load: async () => (await import('./export.js')).exportModel,
  },
];

/** @param {string[]} lines */
const examples = (lines) => `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`;

/** @type {number} */
let status = EXIT.done;
const program = new Command('normlab')
  .description(description)
  .version(version)
  .exitOverride()
  .configureOutput({ outputError: () => {} })
  .addHelpText('after', examples(COMMANDS.map((command) => command.examples[0])))
  .addHelpText('after', '\nnormlab help COMMAND lists the options of a command.');
for (const { name, text, more = '', argument, options, examples: lines, load } of COMMANDS) {
  const command = program.command(argument ? `${name} ${argument}` : name).description(text);
  addOptions(command, options)
    .addHelpText('after', `${more && `${more}\n`}\nPresets:\n${PRESETS}\n${examples(lines)}`)
    .action(async () => {
      const run = await load();
      const [model] = command.args;
      const values = { ...command.opts(), ...(argument && { model }) };
      status = await run(values, (option) => command.getOptionValueSource(option) === 'cli');
    });
}

/**
 * @param {unknown} error
 * @param {string} name of the program and its command
 */
function report(error, name) {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return EXIT.done;
    // Without a command commander has printed the help.
    if (error.code !== 'commander.help') complain(name, error.message.replace(/^error: /, ''));
    return EXIT.usage;
  }
  if (error instanceof UsageError) {
    complain(name, error.message);
    return EXIT.usage;
  }
  if (error instanceof NormlabError) {
    complain(name, error.message);
    return EXIT.failed;
  }
  throw error;
}

/** @param {string} name @param {string} message */
const complain = (name, message) => process.stderr.write(`${name}: ${message.replace(/\s*\n\s*/g, ' ')}\n`);

// A reader that has seen enough, such as head, closes the pipe: no reason for a stack trace.
process.stdout.on('error', (error) => {
  if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EPIPE') throw error;
  process.exit(EXIT.failed);
});

try {
  await program.parseAsync();
} catch (error) {
  const command = program.commands.find((candidate) => candidate.name() === process.argv[2]);
  status = report(error, command ? `normlab ${command.name()}` : 'normlab');
}
process.exitCode = status;
