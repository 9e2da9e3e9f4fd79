// SPDX-License-Identifier: MIT OR Apache-2.0
//
// Runs a patch as WARP would, on the few parts of its API that ours uses:
//     node mock.mjs SCRIPT NAME IN OUT PHYS VIRT
// PHYS and VIRT are what Allocate answers: the caller has made the room, as WARP makes a section. Prints what onApplied
// copies. Exits with 3 and says why when the patch is not offered.
import { readFileSync, writeFileSync } from 'node:fs';
import vm from 'node:vm';

const [script, name, from, to, phys, virt] = process.argv.slice(2);
const file = readFileSync(from);
const pe = file.readUInt32LE(0x3c);
const base = file.readUInt32LE(pe + 52);
const sections = Array.from({ length: file.readUInt16LE(pe + 6) }, (_, index) => {
  const at = pe + 24 + file.readUInt16LE(pe + 20) + 40 * index;
  const [size, address, raw, pointer] = [8, 12, 16, 20].map((offset) => file.readUInt32LE(at + offset));
  return { address, pointer, raw, size };
});

const inFile = (rva) => {
  const found = sections.find(({ address, raw }) => rva >= address && rva < address + raw);
  return found ? rva - found.address + found.pointer : -1;
};
const text = (at) => file.toString('latin1', at, file.indexOf(0, at));

function findFunc(wanted, library) {
  for (let at = inFile(file.readUInt32LE(pe + 128)); at >= 0 && file.readUInt32LE(at + 12) !== 0; at += 20) {
    if (text(inFile(file.readUInt32LE(at + 12))).toLowerCase() !== library.toLowerCase()) continue;
    const [names, slots] = [file.readUInt32LE(at), file.readUInt32LE(at + 16)];
    for (let index = 0; ; index += 4) {
      const thunk = file.readUInt32LE(inFile((names || slots) + index));
      if (thunk === 0) break;
      if (thunk < 0x80000000 && text(inFile(thunk) + 2) === wanted) return base + slots + index;
    }
  }
  return -1;
}

const copies = [];
const world = {
  Exe: {
    PEoffset: pe,
    ImageBase: base,
    Allocate: () => [Number(phys), Number(virt)],
    FindFunc: findFunc,
    GetUint32: (at) => file.readUInt32LE(at),
    SetUint32: (at, value) => file.writeUInt32LE(value, at),
    SetHex: (at, hex) => {
      if (!/^( [0-9A-F]{2})+$/.test(hex)) throw new Error(`this is no hex as WARP has it: ${hex}`);
      Buffer.from(hex.replaceAll(' ', ''), 'hex').copy(file, at);
    },
    Vir2Phy: (address) => inFile(address - base),
  },
  System: { Copy: (what, where) => copies.push([what, where]), DirPath: (path) => path.replace(/\/[^/]*$/, '') },
  Warp: { Path: 'WARP/', TgtExe: 'client/ragexe.exe' },
};

vm.runInNewContext(readFileSync(script, 'utf8'), world);
const patch = world[name];
if (!patch.validate()) {
  console.log(patch.problem());
  process.exit(3);
}
if (patch() !== true) throw new Error('a patch that is applied returns true');
writeFileSync(to, file);
patch.onApplied();
console.log(JSON.stringify(copies));
