// Every page of the gallery in a real browser: looks, accessibility, keyboard, without script, as text, and its markup.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { HtmlValidate } from 'html-validate';
import lighthouse from 'lighthouse';
import { GALLERY, keyboardStops, launch, open, tabbable, violations } from './browser.mjs';
import { PAGES } from './pages.mjs';

const PICTURES = new URL('../../.cache/pictures/', import.meta.url).pathname;
const SIZES = { phone: [360, 740], tablet: [768, 1024], desk: [1440, 900] };
const PORT = 9222;
const markup = new HtmlValidate({
  extends: ['html-validate:recommended'],
  rules: {
    'doctype-style': ['error', { style: 'lowercase' }],
    'form-dup-name': ['error', { shared: ['radio', 'checkbox', 'button', 'submit'] }],
    'long-title': 'off',
    'no-trailing-whitespace': 'off',
    // Safari takes a list without bullets for none unless it has the role.
    'no-redundant-role': 'off',
    'prefer-native-element': ['error', { exclude: ['list'] }],
  },
});

let browser;
before(async () => {
  mkdirSync(PICTURES, { recursive: true });
  browser = await launch(`--remote-debugging-port=${PORT}`);
});
after(() => browser.close());

/** The visible text of a page, without what depends on the clock or on a script. */
const mainText = (tab) =>
  tab.evaluate(() => {
    for (const moving of document.querySelectorAll('main time, main button.copy')) moving.remove();
    return document.querySelector('main').innerText.replaceAll(/\s+/g, ' ').trim();
  });

/** What sticks out of a column without a scrollbar of its own. */
const whatSticksOut = (tab) =>
  tab.evaluate(() => {
    const scrolls = (element) => element && (getComputedStyle(element).overflowX !== 'visible' || scrolls(element.parentElement));
    const sticksOut = (element) => element.getBoundingClientRect().right > innerWidth + 1 && !scrolls(element);
    return [...document.querySelectorAll('body *')].filter(sticksOut).map((element) => `${element.localName}.${element.className}`).slice(0, 5);
  });

describe('pages', { concurrency: 2 }, () => {
  for (const page of PAGES) {
    describe(page.name, () => {
      test(`${page.name} is quiet and accessible, and has its pictures`, async () => {
        const { tab, complaints, response, close } = await open(browser, page);
        assert.equal(response.status(), page.status ?? 200);
        for (const [size, [width, height]] of Object.entries(SIZES)) {
          await tab.setViewportSize({ width, height });
          for (const colorScheme of ['light', 'dark']) {
            await tab.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
            await tab.screenshot({ path: `${PICTURES}${page.name}-${size}-${colorScheme}.png`, fullPage: true });
            // Every scheme and both layouts, which differ in nothing else.
            if (size === 'phone' ? colorScheme === 'light' : size === 'desk' && colorScheme === 'dark') assert.deepEqual(await violations(tab), []);
          }
        }
        await tab.setViewportSize({ width: 320, height: 600 });
        assert.deepEqual(await whatSticksOut(tab), []);
        assert.deepEqual(complaints, []);
        await close();
      });

      test(`${page.name} shows the same without script`, async () => {
        const { tab, complaints, close } = await open(browser, page, { script: false });
        const other = await open(browser, page);
        assert.equal(await mainText(tab), await mainText(other.tab));
        assert.deepEqual(complaints, []);
        await close();
        await other.close();
      });

      test(`${page.name} can be walked with the keyboard`, async () => {
        const { tab, close } = await open(browser, page);
        const stops = await keyboardStops(tab);
        assert.deepEqual([stops[0].path, stops[1].path.startsWith('a '), stops[2].path], ['a "Skip to the content"', true, '#q']);
        assert.deepEqual(stops.filter((stop) => !stop.isVisible || !stop.hasRing), []);
        assert.equal(stops.length, await tabbable(tab));
        await close();
      });

      test(`${page.name} is valid, small markup`, async () => {
        const response = await fetch(GALLERY + page.path);
        const html = await response.text();
        const report = await markup.validateString(html);
        const found = report.results.flatMap(({ messages }) => messages.map(({ ruleId, message, line }) => `${line}: ${message} (${ruleId})`));
        assert.deepEqual(found.slice(0, 10), []);
        assert.equal(html.match(/<h1[\s>]/g)?.length, 1);
        assert.ok(html.length <= (page.heavy ? 60_000 : 40_000) && gzipSync(html).length <= 10_000, `${html.length} bytes, ${gzipSync(html).length} compressed`);
        const { tab, close } = await open(browser, page, { script: false });
        const inline = () => [...document.querySelectorAll('*')].flatMap((element) => element.getAttributeNames()).filter((name) => /^(style|on.*)$/.test(name));
        assert.deepEqual(await tab.evaluate(inline), []);
        await close();
      });

      test(`${page.name} is readable as text`, () => {
        const text = execFileSync('w3m', ['-dump', '-cols', '120', '-T', 'text/html', GALLERY + page.path], { encoding: 'utf8' });
        for (const expected of page.text) assert.match(text.replaceAll(/\s+/g, ' '), expected);
      });
    });
  }
});

for (const page of PAGES.filter(({ audited }) => audited)) {
  test(`${page.name} satisfies Lighthouse`, async () => {
    const { lhr } = await lighthouse(GALLERY + page.path, { port: PORT, logLevel: 'error', onlyCategories: ['accessibility', 'best-practices', 'seo'] });
    const failed = Object.values(lhr.audits).filter(({ score }) => score !== null && score < 1).map(({ id, title }) => `${id}: ${title}`);
    for (const { id, score } of Object.values(lhr.categories)) assert.ok(score >= 0.95, `${id} ${score}: ${failed.join(', ')}`);
  });
}

test('the copy button copies the command and says so', async () => {
  const { tab, close } = await open(browser, { path: '/docker/library/nginx:1.27.3' });
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
