import './styles/tokens.css';
import './styles/base.css';
import './fonts/fonts.css';
import { mount } from 'svelte';
import App from './App.svelte';
import { openBackend } from './lib/backend';
import { Session } from './lib/session.svelte';

const target = document.getElementById('app');
if (target) {
  const session = new Session(await openBackend());
  session.open();
  mount(App, { target, props: { session } });
}
