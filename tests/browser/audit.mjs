// Prints the medians of Lighthouse's scores over three runs. Times of a busy machine say nothing, so this is no part of CI.

import lighthouse from 'lighthouse';
import { GALLERY, launch } from './browser.mjs';
import { PAGES } from './pages.mjs';

const PORT = 9222;
const RUNS = 3;
const browser = await launch(`--remote-debugging-port=${PORT}`);
let isGood = true;
for (const page of PAGES.filter(({ audited }) => audited)) {
  const scores = {};
  for (let run = 0; run < RUNS; run += 1) {
    const { lhr } = await lighthouse(GALLERY + page.path, { port: PORT, logLevel: 'error' });
    for (const { id, score } of Object.values(lhr.categories)) (scores[id] ??= []).push(Math.round(score * 100));
    (scores['largest-contentful-paint, ms'] ??= []).push(Math.round(lhr.audits['largest-contentful-paint'].numericValue));
  }
  const medians = Object.entries(scores).map(([id, values]) => [id, values.sort((one, other) => one - other)[Math.floor(RUNS / 2)]]);
  isGood &&= medians.every(([id, median]) => id.endsWith('ms') || median >= 95);
  console.log(page.name, Object.fromEntries(medians));
}
await browser.close();
process.exit(isGood ? 0 : 1);
