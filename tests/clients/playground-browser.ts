// The playground of a server with a key, in a real browser.
import axe from 'axe-core';
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { findChromium } from './chromium.ts';
import { model, startTestServer, type TestServer } from './test-server.ts';

export const executablePath = findChromium();
export const apiKey = 'key-of-the-test';
export const phone = { width: 390, height: 844 };
export const desktop = { width: 1280, height: 860 };

export interface Playground {
  readonly server: TestServer;
  /** What the pages complained of, or asked of other servers. A test expects none. */
  readonly complaints: string[];
  /** Opens the page, and types the key. */
  open(options?: BrowserContextOptions): Promise<Page>;
  /** Opens the page in a browser that has nothing stored, without the key. */
  visit(options?: BrowserContextOptions): Promise<Page>;
  end(): Promise<void>;
}

/** `env` has the settings of the server. */
export async function startPlayground(env: NodeJS.ProcessEnv = {}): Promise<Playground> {
  const server = await startTestServer({ API_KEY: apiKey, CONTEXT_SIZE: '1024', ...env });
  const browser = await chromium.launch({
    ...(executablePath !== undefined && { executablePath }),
    // Chromium's sandbox refuses root, as which containers run.
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  const complaints: string[] = [];
  const visit = async (options: BrowserContextOptions = {}) => {
    const context = await browser.newContext({ viewport: desktop, ...options });
    const page = await context.newPage();
    // A page waits for whole answers, which take long on a busy machine.
    page.setDefaultTimeout(60_000);
    page.on('console', (message) => {
      const isComplaint = message.type() === 'error' || message.type() === 'warning';
      // The page's first requests have no key. The console reports their refusal as an error.
      if (isComplaint && !message.text().includes('401')) complaints.push(message.text());
    });
    page.on('pageerror', ({ message }) => complaints.push(message));
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(server.origin) && !/^(?:data|blob):/.test(url)) complaints.push(url);
    });
    await page.goto(server.origin);
    await page.getByText('The API key is missing').waitFor();
    return page;
  };
  return {
    server,
    complaints,
    visit,
    open: async (options) => {
      const page = await visit(options);
      await page.getByLabel('API key').fill(apiKey);
      await page.getByLabel('API key').press('Tab');
      await page.getByText(model.name).waitFor();
      return page;
    },
    end: async () => {
      await browser.close();
      await server.end();
    },
  };
}

export const answerOf = (page: Page) => page.locator('article.assistant').last();

export async function send(page: Page, text: string): Promise<void> {
  await page.locator('#message').fill(text);
  await page.locator('#message').press('Enter');
}

export async function setField(page: Page, name: string, value: string): Promise<void> {
  await page.getByLabel(name, { exact: true }).fill(value);
  await page.getByLabel(name, { exact: true }).press('Tab');
}

export const ended = (page: Page) => page.getByText(/The answer has ended after \d+ tokens/).waitFor();

export const setDetails = (page: Page, open: boolean) =>
  page.evaluate(`for (const each of document.querySelectorAll('details')) each.open = ${open}`);

/** Violations of WCAG 2.2 and of best practices, by axe. */
export async function violations(page: Page): Promise<string[]> {
  return (await page.evaluate(
    `${axe.source}; axe.run().then(({ violations }) => violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => id + ': ' + html + ' ' + failureSummary)))`,
  )) as string[];
}
