import { ribbonAt } from './curtain';
import { placeOf } from './scene';

/** Seconds that a light takes to come or to go. */
const CHANGE_SECONDS = 1.1;

/** The players' lights: each comes up from the ribbon to its place, and glides on when it leaves. */
export class LightField {
  /** How far each light is here, 0 to 1, by its number. */
  private here: number[] = [];
  private target = 0;

  aim(count: number, atOnce: boolean): void {
    this.target = count;
    if (atOnce) this.here = Array.from({ length: count }, () => 1);
  }

  move(seconds: number): void {
    const step = seconds / CHANGE_SECONDS;
    while (this.here.length < this.target) this.here.push(0);
    this.here = this.here.map((share, index) => Math.min(1, Math.max(0, share + (index < this.target ? step : -step))));
    while (this.here.length > this.target && this.here.at(-1) === 0) this.here.pop();
  }

  draw(context: CanvasRenderingContext2D, width: number, height: number, time: number, leaving: boolean): void {
    context.globalCompositeOperation = 'lighter';
    this.here.forEach((share, index) => {
      if (share <= 0) return;
      const place = placeOf(index);
      const eased = share * share * (3 - 2 * share);
      const goes = index >= this.target;
      const x = place.x + (goes ? (1 - eased) * 0.12 : 0);
      const from = ribbonAt(x, time);
      const y = from + (place.y - from) * (goes ? 1 : eased) + 0.006 * Math.sin(time * 0.9 + index * 2.4);
      const glow = eased * (0.78 + 0.22 * Math.sin(time * 1.3 + index * 1.7));
      const crowd = this.target > 24 ? 0.7 : 1;
      this.thread(context, x * width, from * height, y * height, glow * crowd * (leaving ? 0.5 : 1));
      this.light(context, x * width, y * height, height * crowd, glow);
    });
    context.globalAlpha = 1;
  }

  private thread(context: CanvasRenderingContext2D, x: number, from: number, to: number, glow: number): void {
    const colour = context.createLinearGradient(x, from, x, to);
    colour.addColorStop(0, 'rgba(125,211,252,0)');
    colour.addColorStop(1, 'rgba(190,230,255,0.55)');
    context.globalAlpha = glow * 0.6;
    context.strokeStyle = colour;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(x, from);
    context.lineTo(x, to);
    context.stroke();
  }

  private light(context: CanvasRenderingContext2D, x: number, y: number, height: number, glow: number): void {
    const radius = height / 16;
    const halo = context.createRadialGradient(x, y, 0, x, y, radius);
    halo.addColorStop(0, 'rgba(255,255,255,1)');
    halo.addColorStop(0.13, 'rgba(255,255,255,0.95)');
    halo.addColorStop(0.2, 'rgba(190,235,255,0.4)');
    halo.addColorStop(1, 'rgba(120,200,255,0)');
    context.globalAlpha = glow;
    context.fillStyle = halo;
    context.fillRect(x - radius, y - radius, radius * 2, radius * 2);
  }
}
