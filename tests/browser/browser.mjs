// Debian's Chromium, and what a page does in it.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

export const GALLERY = process.env.GALLERY;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** @param {string[]} more arguments of Chromium. Its sandbox does not work for root. */
export const launch = (...more) =>
  chromium.launch({ executablePath: process.env.CHROME_PATH ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu', ...more] });

/** Opens a page. `complaints` are console messages, exceptions, and requests to other hosts or in vain. */
export async function open(browser, page, { width = 1440, height = 900, scheme = 'light', script = true } = {}) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, reducedMotion: 'reduce', javaScriptEnabled: script });
  const tab = await context.newPage();
  const complaints = [];
  const isExpected = (url) => url === GALLERY + page.path && (page.status ?? 200) !== 200;
  tab.on('console', (message) => isExpected(message.location().url) || complaints.push(`console: ${message.text()}`));
  tab.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  tab.on('request', (request) => request.url().startsWith(`${GALLERY}/`) || complaints.push(`request to another host: ${request.url()}`));
  tab.on('response', (response) => response.ok() || response.status() === 304 || isExpected(response.url()) || complaints.push(`${response.status()}: ${response.url()}`));
  const response = await tab.goto(GALLERY + page.path, { waitUntil: 'load' });
  return { tab, complaints, response, close: () => context.close() };
}

/** The violations that axe finds, each with the elements concerned. */
export async function violations(tab) {
  await tab.evaluate(AXE);
  const results = await tab.evaluate((rules) => window.axe.run(document, { runOnly: rules }), RULES);
  return results.violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 5).map((node) => `${node.target.join(' ')} (${node.any.concat(node.all, node.none).map((check) => check.message).join('; ')})`).join(', ')}`);
}

/** What the Tab key stops at, in order. */
export async function keyboardStops(tab, most = 600) {
  const stops = [];
  for (let count = 0; count < most; count += 1) {
    await tab.keyboard.press('Tab');
    const stop = await tab.evaluate(() => {
      const element = document.activeElement;
      if (!element || element === document.body) return null;
      const { width, height, top, bottom, left, right } = element.getBoundingClientRect();
      const style = getComputedStyle(element);
      const isInView = bottom > 0 && right > 0 && top < innerHeight && left < innerWidth;
      const hasRing = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
      const path = element.id ? `#${element.id}` : `${element.localName} "${(element.textContent || element.value || '').trim().slice(0, 40)}"`;
      return { path, isVisible: width > 0 && height > 0 && isInView, hasRing };
    });
    if (!stop) break;
    stops.push(stop);
  }
  return stops;
}

/** The number of elements that the Tab key should stop at: one of a group of radio buttons, and none in closed details. */
export const tabbable = (tab) =>
  tab.evaluate(() => {
    const groups = new Set();
    const isFirst = ({ type, name }) => type !== 'radio' || (!groups.has(name) && groups.add(name));
    const selector = 'a[href], button, input:not([type=hidden]), select, summary, [tabindex="0"]';
    return [...document.querySelectorAll(selector)].filter((element) => element.checkVisibility() && isFirst(element)).length;
  });
