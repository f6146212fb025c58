// Every page of the gallery in a real browser: looks, accessibility, keyboard, without script, as text, and its markup.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { HtmlValidate } from 'html-validate';
import lighthouse from 'lighthouse';
import { GALLERY, keyboardStops, launch, open, violations } from './browser.mjs';
import { PAGES } from './pages.mjs';

const PICTURES = new URL('../../.cache/pictures/', import.meta.url).pathname;
const SIZES = { phone: [360, 740], tablet: [768, 1024], desk: [1440, 900] };
const PORT = 9222;
const markup = new HtmlValidate({
  extends: ['html-validate:recommended'],
  rules: { 'doctype-style': ['error', { style: 'lowercase' }], 'no-trailing-whitespace': 'off', 'long-title': 'off' },
});

let browser;
before(async () => {
  mkdirSync(PICTURES, { recursive: true });
  browser = await launch(`--remote-debugging-port=${PORT}`);
});
after(() => browser.close());

for (const page of PAGES) {
  describe(page.name, () => {
    for (const scheme of ['light', 'dark']) {
      test(`${page.name} is quiet, accessible and has its pictures, ${scheme}`, async () => {
        for (const [size, [width, height]] of Object.entries(SIZES)) {
          const { tab, complaints, response, close } = await open(browser, page, { width, height, scheme });
          assert.equal(response.status(), page.status ?? 200);
          await tab.screenshot({ path: `${PICTURES}${page.name}-${size}-${scheme}.png`, fullPage: true });
          if (size !== 'tablet') assert.deepEqual(await violations(tab), []);
          assert.deepEqual(complaints, []);
          await close();
        }
      });
    }

    test(`${page.name} fits a column of 320 pixels`, async () => {
      const { tab, close } = await open(browser, page, { width: 320, height: 600 });
      const wide = await tab.evaluate(() => {
        const scrolls = (element) => element && (getComputedStyle(element).overflowX !== 'visible' || scrolls(element.parentElement));
        const sticksOut = (element) => element.getBoundingClientRect().right > innerWidth + 1 && !scrolls(element);
        return [...document.querySelectorAll('body *')].filter(sticksOut).map((element) => `${element.localName}.${element.className}`).slice(0, 5);
      });
      assert.deepEqual(wide, []);
      await close();
    });

    test(`${page.name} shows the same without script`, async () => {
      const text = async (script) => {
        const { tab, complaints, close } = await open(browser, page, { script });
        const shown = await tab.locator('main').innerText();
        assert.deepEqual(complaints, []);
        await close();
        return shown.replaceAll(/^Copy$/gm, '').replaceAll(/\s+/g, ' ');
      };
      assert.equal(await text(false), await text(true));
    });

    test(`${page.name} can be walked with the keyboard`, async () => {
      const { tab, close } = await open(browser, page);
      const stops = await keyboardStops(tab);
      assert.deepEqual([stops[0].path, stops[1].path.startsWith('a '), stops[2].path], ['a "Skip to the content"', true, '#q']);
      assert.deepEqual(stops.filter((stop) => !stop.isVisible || !stop.hasRing), []);
      const focusable = 'a[href], button:not([hidden]), input:not([type=hidden]), select, summary, pre[tabindex="0"], [tabindex="0"]';
      const reachable = await tab.evaluate((selector) => {
        const radios = new Set();
        const counts = (element) => element.checkVisibility() && !(element.type === 'radio' && (radios.has(element.name) || !radios.add(element.name)));
        return [...document.querySelectorAll(selector)].filter(counts).length;
      }, focusable);
      assert.ok(stops.length >= reachable, `${stops.length} stops, ${reachable} elements`);
      await close();
    });

    test(`${page.name} is valid, small markup`, async () => {
      const response = await fetch(GALLERY + page.path);
      const html = await response.text();
      const report = await markup.validateString(html);
      const found = report.results.flatMap(({ messages }) => messages.map(({ ruleId, message, line }) => `${line}: ${message} (${ruleId})`));
      assert.deepEqual(found.slice(0, 10), []);
      assert.equal(html.match(/<[^>]*\s(style|on[a-z]+)\s*=\s*["']?/gi)?.[0], undefined);
      assert.equal(html.match(/<h1[\s>]/g)?.length, 1);
      if (!page.heavy) assert.ok(html.length <= 40_000 && gzipSync(html).length <= 10_000, `${html.length} bytes, ${gzipSync(html).length} compressed`);
    });

    test(`${page.name} is readable as text`, () => {
      const text = execFileSync('w3m', ['-dump', '-cols', '120', '-T', 'text/html', GALLERY + page.path], { encoding: 'utf8' });
      for (const expected of page.text) assert.match(text.replaceAll(/\s+/g, ' '), expected);
    });
  });
}

for (const page of PAGES.filter(({ audited }) => audited)) {
  test(`${page.name} satisfies Lighthouse`, async () => {
    const { lhr } = await lighthouse(GALLERY + page.path, { port: PORT, logLevel: 'error', onlyCategories: ['accessibility', 'best-practices', 'seo'] });
    const failed = Object.values(lhr.audits).filter(({ score }) => score !== null && score < 1).map(({ id, title }) => `${id}: ${title}`);
    for (const { id, score } of Object.values(lhr.categories)) assert.ok(score >= 0.95, `${id} ${score}: ${failed.join(', ')}`);
  });
}

test('the copy button copies the command and says so', async () => {
  const { tab, close } = await open(browser, { path: '/docker/library/nginx' });
  await tab.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await tab.locator('button.copy').first().click();
  assert.match(await tab.getByRole('status').innerText(), /Copied/);
  assert.match(await tab.evaluate(() => navigator.clipboard.readText()), /^docker pull \S+\/docker\/library\/nginx:/);
  await close();
});

test('a slash leads to the search box, and is an ordinary character in it', async () => {
  const { tab, close } = await open(browser, { path: '/-/help' });
  await tab.keyboard.press('/');
  await tab.keyboard.type('nginx/nginx');
  assert.equal(await tab.locator('#q').inputValue(), 'nginx/nginx');
  await close();
});
