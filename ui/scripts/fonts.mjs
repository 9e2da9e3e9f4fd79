// Makes the fonts of the UI from the Noto Sans packages: for each script the letters that the catalogues use, two weights.
// What else appears (names of realms, players' words) falls back to the system's fonts.
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import subsetFont from 'subset-font';

const require = createRequire(import.meta.url);
const ui = dirname(dirname(fileURLToPath(import.meta.url)));
const locales = join(ui, 'src/lib/i18n/locales');
const out = join(ui, 'src/fonts');
const WEIGHTS = [400, 600];

const FAMILIES = [
  { package: '@fontsource/noto-sans', family: 'Noto Sans', slices: /noto-sans-(latin|latin-ext|vietnamese|greek|cyrillic)-/, locales: [], extra: latin() },
  { package: '@fontsource/noto-sans-thai', family: 'Noto Sans Thai', slices: /thai-thai-/, locales: ['th'], extra: '' },
  { package: '@fontsource/noto-sans-kr', family: 'Noto Sans KR', locales: ['ko'], extra: '' },
  { package: '@fontsource/noto-sans-sc', family: 'Noto Sans SC', locales: ['zh-CN'], extra: '简体中文' },
  { package: '@fontsource/noto-sans-tc', family: 'Noto Sans TC', locales: ['zh-TW'], extra: '繁體中文' },
];

function latin() {
  let text = '';
  for (let code = 0x20; code < 0x17f; code++) text += String.fromCodePoint(code);
  return `${text}–—‘’“”…±×·•→≥≤`;
}

// The @font-face rules of a package's sheet: file and range of letters.
function faces(sheet) {
  return [...sheet.matchAll(/url\(\.\/files\/([^)]+\.woff2)\)[^}]*?unicode-range:\s*([^;]+);/g)].map(([, file, range]) => ({ file, holds: ranges(range) }));
}

function ranges(text) {
  const all = text.split(',').map((part) => part.trim().slice(2).split('-').map((code) => Number.parseInt(code, 16)));
  return (code) => all.some(([from, to = from]) => code >= from && code <= to);
}

async function lettersOf(names) {
  const found = new Set();
  for (const name of names) for (const letter of await readFile(join(locales, `${name}.ts`), 'utf8')) found.add(letter);
  return found;
}

await mkdir(out, { recursive: true });
const existing = new Set((await readdir(locales)).map((name) => name.replace(/\.ts$/, '')));
let sheet = '/* Made by scripts/fonts.mjs. */\n';
for (const { package: name, family, locales: uses, extra } of FAMILIES) {
  const letters = await lettersOf(uses.filter((locale) => existing.has(locale)));
  for (const letter of extra) letters.add(letter);
  const folder = dirname(require.resolve(`${name}/package.json`));
  for (const weight of WEIGHTS) {
    const slices = faces(await readFile(join(folder, `${weight}.css`), 'utf8'));
    const left = new Set([...letters].filter((letter) => letter.codePointAt(0) >= 0x20 && (uses.length === 0 || letter.codePointAt(0) > 0x17f)));
    for (const [index, { file, holds }] of slices.entries()) {
      const here = [...left].filter((letter) => holds(letter.codePointAt(0)));
      if (here.length === 0) continue;
      for (const letter of here) left.delete(letter);
      const bytes = await subsetFont(await readFile(join(folder, 'files', file)), here.join(''), { targetFormat: 'woff2', noLayoutClosure: false });
      const made = `${family.toLowerCase().replaceAll(' ', '-')}-${weight}-${index}.woff2`;
      await writeFile(join(out, made), bytes);
      const codes = here.map((letter) => letter.codePointAt(0)).sort((a, b) => a - b);
      sheet += `@font-face{font-family:'${family}';font-weight:${weight};font-display:swap;src:url(./${made}) format('woff2');unicode-range:${compact(codes)}}\n`;
    }
  }
}
await writeFile(join(out, 'fonts.css'), sheet);

function compact(codes) {
  const parts = [];
  for (const code of codes) {
    const last = parts.at(-1);
    if (last && code === last[1] + 1) last[1] = code;
    else parts.push([code, code]);
  }
  return parts.map(([from, to]) => (from === to ? `U+${from.toString(16)}` : `U+${from.toString(16)}-${to.toString(16)}`)).join(',');
}
