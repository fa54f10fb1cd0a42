import '../tokens.css';
import { mount } from 'svelte';
import { language } from '../lib/i18n';
import App from './App.svelte';

document.documentElement.lang = language;
document.documentElement.dataset['app'] = 'fan';

const target = document.getElementById('app');
if (target) mount(App, { target });
