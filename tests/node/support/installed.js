import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/**
 * An empty project in which npm has installed the package from its tarball, as `make dist` packs it. Nothing is downloaded and
 * no cache is asked: what the package depends on is packed from the repository's own `node_modules`.
 *
 * @param {string | URL} sources a folder whose files the project has
 */
export async function installPackage(sources) {
  const folder = await mkdtemp(join(tmpdir(), 'normlab-installed-'));
  /** @param {string} command @param {string[]} args */
  const run = (command, ...args) => {
    const { status, stdout, stderr, error } = spawnSync(command, args, { cwd: folder, encoding: 'utf8' });
    if (error) throw error;
    return { status, stdout, stderr };
  };
  /** @param {string[]} args */
  const npm = (...args) => {
    const { status, stdout, stderr } = run('npm', ...args, '--offline', `--cache=${join(folder, 'cache')}`);
    if (status !== 0) throw new Error(`npm ${args[0]}: ${stderr || stdout}`);
    return stdout;
  };
  await cp(sources, folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'application', private: true, type: 'module' }));
  const { packages } = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8'));
  const needed = Object.keys(packages).filter((path) => !packages[path].dev);
  const packed = JSON.parse(npm('pack', '--json', '--ignore-scripts', ...needed.map((path) => join(ROOT, path))));
  const tarballs = packed.map((/** @type {{ filename: string }} */ { filename }) => join(folder, filename));
  npm('install', '--no-audit', '--no-fund', ...tarballs);
  const [own] = packed;
  return {
    folder,
    tarball: /** @type {string} */ (tarballs[0]),
    /** @type {{ files: { path: string, size: number }[], size: number, unpackedSize: number }} */
    packed: own,
    run,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** @param {string} file */
export const digestOf = async (file) =>
  createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
