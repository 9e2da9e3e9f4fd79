/** What the system says of its user's likes, kept current. */
class Media {
  light = $state(false);
  still = $state(false);

  constructor() {
    this.follow('(prefers-color-scheme: light)', (yes) => (this.light = yes));
    this.follow('(prefers-reduced-motion: reduce)', (yes) => (this.still = yes));
  }

  private follow(query: string, set: (yes: boolean) => void): void {
    if (typeof matchMedia === 'undefined') return;
    const list = matchMedia(query);
    set(list.matches);
    list.addEventListener('change', (event) => set(event.matches));
  }
}

export const media = new Media();
