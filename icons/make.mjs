// Draws every icon from bridge.svg: `node icons/make.mjs`; with --check it only says whether the files are current.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const folder = import.meta.dirname;
const { Resvg } = createRequire(join(folder, '../ui/package.json'))('@resvg/resvg-js');
const source = readFileSync(join(folder, 'bridge.svg'), 'utf8');

// At small sizes lines have to be bolder, and the horizon a whole row of points.
function sized(size) {
  if (size > 32) return source;
  const [arcs, horizon] = size <= 16 ? ['6.2', '4'] : ['5.4', '3.8'];
  return source.replace('stroke-width="4.4"', `stroke-width="${arcs}"`).replace('stroke-width="3.200"', `stroke-width="${horizon}"`);
}

const png = (svg, size) => Buffer.from(new Resvg(svg, { fitTo: { mode: 'width', value: size } }).render().asPng());

// The tray: the ribbon in four states, on no ground, so that it sits on any panel.
const arcs = (strokes) => strokes.map((stroke, index) => {
  const path = ['M5 49C9 -8 55 -8 59 49', 'M15.500 49C19 13 45 13 48.500 49', 'M26 49C28 33 36 33 38 49'][index];
  return stroke ? `<path d="${path}" stroke="${stroke}"/>` : '';
}).join('');
const tray = (inner, line, more = '') =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><g fill="none" stroke-width="8" stroke-linecap="round">${inner}<path d="M5 58H59" stroke="${line}" stroke-width="6"/></g>${more}</svg>`;
const TRAYS = {
  offline: tray(arcs(['#8a95a6', '', '']), '#8a95a6'),
  connected: tray(arcs(['#38bdf8', '', '']), '#8a95a6'),
  hosting: tray(arcs(['#a78bfa', '#38bdf8', '#3ddc97']), '#8a95a6'),
  trouble: tray('<path d="M5 49C7 22 17 8 28 6.500M46 13C53 21 57.500 33 59 49" stroke="#8a95a6"/>', '#8a95a6', '<circle cx="37.500" cy="31" r="9" fill="#f4694c"/>'),
};

// An .ico holds PNGs behind a table of sizes.
function ico(images) {
  const head = Buffer.alloc(6 + 16 * images.length);
  head.writeUInt16LE(1, 2);
  head.writeUInt16LE(images.length, 4);
  let offset = head.length;
  images.forEach(({ size, bytes }, index) => {
    const at = 6 + 16 * index;
    head.writeUInt8(size % 256, at);
    head.writeUInt8(size % 256, at + 1);
    head.writeUInt16LE(1, at + 4);
    head.writeUInt16LE(32, at + 6);
    head.writeUInt32LE(bytes.length, at + 8);
    head.writeUInt32LE(offset, at + 12);
    offset += bytes.length;
  });
  return Buffer.concat([head, ...images.map(({ bytes }) => bytes)]);
}

// An .icns holds PNGs by four letters that say the size.
function icns(images) {
  const parts = images.map(({ kind, bytes }) => {
    const head = Buffer.alloc(8);
    head.write(kind, 'ascii');
    head.writeUInt32BE(bytes.length + 8, 4);
    return Buffer.concat([head, bytes]);
  });
  const head = Buffer.alloc(8);
  head.write('icns', 'ascii');
  head.writeUInt32BE(8 + parts.reduce((sum, part) => sum + part.length, 0), 4);
  return Buffer.concat([head, ...parts]);
}

// The left of the Windows installer's first and last page: the bridge at the foot of a night sky.
const inner = source.slice(source.indexOf('<defs>'), source.lastIndexOf('</svg>')).replace(/<rect id="ground"[^>]*>/, '');
const stars = [[22, 30, 0.9], [61, 74, 0.6], [118, 22, 0.7], [139, 96, 1], [90, 48, 0.5], [38, 118, 0.7], [104, 132, 0.6], [14, 88, 0.5], [150, 52, 0.5], [74, 160, 0.4]]
  .map(([x, y, light]) => `<circle cx="${x}" cy="${y}" r="${light}" fill="#eef2f7" opacity="${light}"/>`).join('');
const SIDE = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 164 314"><rect width="164" height="314" fill="url(#sky)"/>${stars}<g transform="translate(-7 122) scale(2.78)">${inner}</g></svg>`;

// A .bmp of 24 bits: rows from the bottom up, blue before red, each filled up to four bytes.
function bmp(svg, width) {
  const image = new Resvg(svg, { fitTo: { mode: 'width', value: width } }).render();
  const { height, pixels } = image;
  const row = Math.ceil((width * 3) / 4) * 4;
  const out = Buffer.alloc(54 + row * height);
  out.write('BM', 'ascii');
  out.writeUInt32LE(out.length, 2);
  [54, 40, width, height].forEach((value, index) => out.writeUInt32LE(value, 10 + 4 * index));
  out.writeUInt16LE(1, 26);
  out.writeUInt16LE(24, 28);
  out.writeUInt32LE(row * height, 34);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = 4 * (y * width + x);
      const to = 54 + (height - 1 - y) * row + 3 * x;
      [pixels[from + 2], pixels[from + 1], pixels[from]].forEach((value, index) => out.writeUInt8(value, to + index));
    }
  }
  return out;
}

const at = (size) => png(sized(size), size);
const files = new Map([
  ['32x32.png', at(32)],
  ['128x128.png', at(128)],
  ['128x128@2x.png', at(256)],
  ['icon.png', at(512)],
  ['icon.ico', ico([16, 24, 32, 48, 64, 256].map((size) => ({ size, bytes: at(size) })))],
  ['icon.icns', icns([['icp4', 16], ['icp5', 32], ['icp6', 64], ['ic07', 128], ['ic08', 256], ['ic09', 512]].map(([kind, size]) => ({ kind, bytes: at(size) })))],
  ['installer.bmp', bmp(SIDE, 164)],
  ['../ui/public/icon.svg', Buffer.from(source)],
]);
for (const [state, svg] of Object.entries(TRAYS)) {
  files.set(`tray-${state}.png`, png(svg, 32));
  files.set(`tray-${state}@2x.png`, png(svg, 64));
}

let old = 0;
for (const [name, bytes] of files) {
  const path = join(folder, name);
  if (process.argv.includes('--check')) {
    let found = null;
    try {
      found = readFileSync(path);
    } catch {}
    if (!found?.equals(bytes)) {
      console.error(`${name} is old: node icons/make.mjs`);
      old++;
    }
  } else {
    writeFileSync(path, bytes);
  }
}
process.exit(old === 0 ? 0 : 1);
