export { en as fil } from './en';
