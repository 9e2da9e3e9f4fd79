// Holds the size of scripts and styles that every start loads, compressed as a server would: at most 150 kB.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUDGET = 150_000;
const folder = new URL('../dist/assets/', import.meta.url).pathname;
let all = 0;
let fonts = 0;
for (const name of (await readdir(folder)).sort()) {
  const bytes = await readFile(join(folder, name));
  if (/\.(js|css)$/.test(name)) {
    const size = gzipSync(bytes, { level: 9 }).length;
    all += size;
    console.log(`${String(size).padStart(7)}  ${name}`);
  } else {
    fonts += bytes.length;
  }
}
console.log(`${String(all).padStart(7)}  scripts and styles, gzip, all languages (budget ${BUDGET}); other files ${fonts}`);
if (all > BUDGET) process.exit(1);
