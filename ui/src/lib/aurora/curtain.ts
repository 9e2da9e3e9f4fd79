import type { Scene } from './scene';

/** The aurora's colours from here to the realm; used for the band alone. */
const COLOURS = ['#3ddc97', '#34cfc0', '#38bdf8', '#6f9bf8', '#a78bfa'] as const;
const STEPS = 64;
const SPRITE_HEIGHT = 128;

let sprites: HTMLCanvasElement | null = null;

/** One upright strip of light for each step of colour: faint above, bright at its foot. Drawn once, stretched ever after. */
function strips(): HTMLCanvasElement {
  if (sprites) return sprites;
  const colours = document.createElement('canvas');
  colours.width = STEPS;
  colours.height = SPRITE_HEIGHT;
  const context = colours.getContext('2d');
  if (context) {
    const across = context.createLinearGradient(0, 0, STEPS, 0);
    COLOURS.forEach((colour, index) => across.addColorStop(index / (COLOURS.length - 1), colour));
    context.fillStyle = across;
    context.fillRect(0, 0, STEPS, SPRITE_HEIGHT);
    const upwards = context.createLinearGradient(0, 0, 0, SPRITE_HEIGHT);
    for (const [at, alpha] of [[0, 0], [0.35, 0.1], [0.7, 0.38], [0.9, 0.85], [0.95, 1], [1, 0]] as const) {
      upwards.addColorStop(at, `rgba(0,0,0,${alpha})`);
    }
    context.globalCompositeOperation = 'destination-in';
    context.fillStyle = upwards;
    context.fillRect(0, 0, STEPS, SPRITE_HEIGHT);
  }
  sprites = colours;
  return colours;
}

/** Height of the ribbon at a place, as a share of the band's height. */
export function ribbonAt(x: number, time: number): number {
  return (
    0.42 -
    0.06 * Math.sin(x * 3.1 + 0.4) +
    0.035 * Math.sin(x * 7.3 - time * 0.23) +
    0.02 * Math.sin(x * 13.7 + time * 0.31) +
    0.02 * (1 - x)
  );
}

/** How much of the ribbon is there: it fades at both ends and is gone around a break. */
function presence(x: number, broken: number | null): number {
  const ends = Math.min(1, x / 0.1, (1 - x) / 0.05);
  if (broken === null) return Math.max(0, ends);
  const apart = Math.abs(x - broken);
  const healed = Math.min(1, Math.max(0, (apart - 0.05) / 0.1));
  // Behind the break nothing arrives.
  return Math.max(0, ends) * healed * (x > broken ? 0.16 : 1);
}

function shimmer(x: number, time: number): number {
  const slow = Math.sin(x * 9 + time * 0.35) * Math.sin(x * 4.3 - time * 0.17);
  const fine = Math.sin(x * 61 + time * 0.9) * 0.5 + Math.sin(x * 113 - time * 0.7) * 0.5;
  return 0.62 + 0.26 * slow + 0.12 * fine;
}

/** Three veils of light, one behind the other. */
export function drawCurtain(context: CanvasRenderingContext2D, width: number, height: number, scene: Scene, time: number): void {
  const source = strips();
  const step = Math.max(2, Math.round(width / 420));
  context.globalCompositeOperation = 'lighter';
  for (const veil of [
    { lift: 0.13, tall: 0.4, strength: 0.24, speed: 0.6, shift: 2.1 },
    { lift: 0.05, tall: 0.52, strength: 0.4, speed: 0.8, shift: 5.2 },
    { lift: 0, tall: 0.6, strength: 0.72, speed: 1, shift: 0 },
  ]) {
    for (let at = 0; at < width; at += step) {
      const x = at / width;
      const there = presence(x, scene.broken);
      if (there <= 0) continue;
      const glimmer = shimmer(x + veil.shift, time * veil.speed);
      const gleam = scene.seeking ? Math.exp(-(((x - ((time * 0.22) % 1.3)) / 0.12) ** 2)) * 1.6 : 0;
      const strength = veil.strength * there * scene.glow * (glimmer + gleam);
      if (strength < 0.01) continue;
      const foot = (ribbonAt(x, time * veil.speed + veil.shift) - veil.lift) * height;
      const tall = veil.tall * height * (0.55 + 0.45 * glimmer) * (0.45 + 0.55 * scene.glow);
      const colour = Math.min(STEPS - 1, Math.floor(x * STEPS));
      context.globalAlpha = Math.min(1, strength);
      context.drawImage(source, colour, 0, 1, SPRITE_HEIGHT, at, foot - tall * 0.95, step + 0.5, tall);
    }
  }
  context.globalAlpha = 1;
}

/** The line under the light: all there is when offline, and what shows where a break is. */
export function drawLine(context: CanvasRenderingContext2D, width: number, height: number, scene: Scene, time: number): void {
  context.lineWidth = Math.max(1, height / 180);
  context.lineCap = 'round';
  const gap = scene.broken;
  const pieces: [number, number][] = gap === null ? [[0.03, 0.97]] : [[0.03, gap - 0.035], [gap + 0.035, 0.97]];
  pieces.forEach(([from, to], index) => {
    context.beginPath();
    for (let x = from; x <= to + 1e-9; x += 0.01) context.lineTo(x * width, ribbonAt(x, scene.glow === 0 ? 8 : time) * height);
    context.strokeStyle = index === 1 ? 'rgba(190,200,215,0.28)' : 'rgba(200,210,225,0.42)';
    context.stroke();
  });
  if (gap === null) return;
  for (const x of [gap - 0.035, gap + 0.035]) {
    context.beginPath();
    context.arc(x * width, ribbonAt(x, time) * height, height / 55, 0, Math.PI * 2);
    context.fillStyle = '#ff8a73';
    context.fill();
  }
}
