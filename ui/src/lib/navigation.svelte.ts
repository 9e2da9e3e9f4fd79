/** The screens. Home is where one starts; all others are one level down. */
export const screens = ['home', 'pc', 'contribution', 'settings', 'doctor', 'log'] as const;
export type Screen = (typeof screens)[number];

/** Which screen is shown. */
export class Navigation {
  screen = $state<Screen>('home');

  go(screen: Screen): void {
    this.screen = screen;
  }
}

export const navigation = new Navigation();
