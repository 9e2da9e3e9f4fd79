export { en as zhTW } from './en';
