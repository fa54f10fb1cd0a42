import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const server = process.env['VIRAGE_URL'] ?? 'https://127.0.0.1:8443';
const proxy = Object.fromEntries(
  ['/api', '/live', '/media', '/highlights'].map((path) => [path, { target: server, secure: false }]),
);

export default defineConfig({
  plugins: [svelte()],
  build: {
    // Browsers with requestVideoFrameCallback, which is what the desk's frame truth needs.
    target: ['chrome107', 'safari16', 'firefox132'],
    // The server's policy is default-src 'self': no data: fonts, and no inline preload polyfill.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // hls.js is most of it; the budget that counts is scripts/size.mjs.
    chunkSizeWarningLimit: 900,
    rolldownOptions: { input: { index: 'index.html', desk: 'desk.html', lost: 'not-found.html' } },
  },
  server: { proxy },
});
