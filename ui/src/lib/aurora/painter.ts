import { drawCurtain, drawLine } from './curtain';
import { LightField } from './lights';
import type { Scene } from './scene';

/** Pictures a second: slow light needs no more, and the processor belongs to the game. */
const FRAME_MS = 1_000 / 20;
/** Half of the screen's points are enough for something this soft. */
const SHARPNESS = 0.75;

/** Draws the band on a canvas. Still where motion is not wanted; stops while nobody sees it. */
export class Painter {
  private scene: Scene | null = null;
  private readonly lights = new LightField();
  private glow = 0;
  private frame = 0;
  private last = 0;
  private time = 8;
  private still = false;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly context: CanvasRenderingContext2D,
  ) {}

  show(scene: Scene, still: boolean): void {
    const first = this.scene === null;
    this.scene = scene;
    this.still = still;
    this.lights.aim(scene.lights, first || still);
    if (first || still) this.glow = scene.glow;
    if (still) this.draw();
    else this.start();
  }

  resize(width: number, height: number, ratio: number): void {
    const scale = Math.min(ratio, 2) * SHARPNESS;
    this.canvas.width = Math.max(1, Math.round(width * scale));
    this.canvas.height = Math.max(1, Math.round(height * scale));
    this.draw();
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
  }

  private start(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame((now) => this.turn(now));
  }

  private turn(now: number): void {
    this.frame = 0;
    if (this.still) return;
    const passed = now - this.last;
    if (passed >= FRAME_MS) {
      const seconds = Math.min(passed, 100) / 1_000;
      this.last = now;
      this.time += seconds;
      const target = this.scene?.glow ?? 0;
      this.glow += (target - this.glow) * Math.min(1, seconds * 1.5);
      this.lights.move(seconds);
      this.draw();
    }
    this.start();
  }

  private draw(): void {
    const { scene, context, canvas } = this;
    if (!scene) return;
    const { width, height } = canvas;
    context.globalCompositeOperation = 'source-over';
    context.clearRect(0, 0, width, height);
    drawLine(context, width, height, scene, this.time);
    if (this.glow > 0.02) drawCurtain(context, width, height, { ...scene, glow: this.glow }, this.time);
    this.lights.draw(context, width, height, this.time, scene.leaving);
  }
}
