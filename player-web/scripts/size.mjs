// The bundle budget: gzip bytes a phone or a desk downloads before the first picture.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const budget = JSON.parse(readFileSync(new URL('../size-budget.json', import.meta.url), 'utf8'));
const dist = new URL('../dist/', import.meta.url);

/** Every script and style a page names, and what those scripts import at once. */
function closure(page) {
  const seen = new Set();
  const queue = [page];
  while (queue.length > 0) {
    const name = queue.pop();
    if (seen.has(name)) continue;
    seen.add(name);
    const text = readFileSync(new URL(name, dist), 'utf8');
    if (name.endsWith('.html')) {
      for (const [, file] of text.matchAll(/(?:src|href)="\/(assets\/[^"]+\.(?:js|css))"/g)) queue.push(file);
    } else if (name.endsWith('.js')) {
      for (const [, file] of text.matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g))
        queue.push(`assets/${file}`);
    }
  }
  return [...seen];
}

let over = false;
for (const [page, limit] of Object.entries(budget)) {
  const size = closure(page)
    .map((name) => gzipSync(readFileSync(new URL(name, dist)), { level: 9 }).length)
    .reduce((a, b) => a + b, 0);
  over ||= size > limit;
  console.log(`${page}: ${size} of ${limit} gzip bytes${size > limit ? ': OVER BUDGET' : ''}`);
}
process.exit(over ? 1 : 0);
