// What a person finds on the pages, by the names that a person reads there.

import { expect, type Locator, type Page } from "@playwright/test";

import { OWNER, type Suntank } from "./suntank.ts";

/** The smallest phone and a laptop. */
export const SIZES = { phone: { width: 360, height: 740 }, laptop: { width: 1280, height: 800 } };

export class Dashboard {
  readonly headline: Locator;
  readonly allOff: Locator;

  constructor(readonly page: Page) {
    this.headline = page.getByRole("heading", { level: 1 });
    this.allOff = page.getByRole("button", { name: "All off" });
  }

  /** Opens it and waits for live values. */
  async open(suntank: Suntank): Promise<void> {
    await this.page.goto(suntank.url);
    await expectLive(this.page);
  }

  circuit(id: number): Locator {
    return this.page.getByRole("region", { name: `Circuit ${id}` });
  }

  why(id: number): Locator {
    return this.circuit(id).locator(".why");
  }

  /** One of a circuit's facts, such as "Volts" or "Inside relay". */
  fact(id: number, name: string): Locator {
    return this.circuit(id).locator(".fact").filter({ hasText: name }).getByRole("definition");
  }

  chart(name: string): Locator {
    return this.page.locator("figure").filter({ hasText: name });
  }
}

/** The big number of a card, such as "Tank 1" or "Now". */
export function stat(page: Page, name: string): Locator {
  return page.locator(".stat").filter({ hasText: name });
}

/** Pictures arrive, or do so in time. */
export async function expectLive(page: Page, timeout?: number): Promise<void> {
  await expect(page.getByRole("banner").getByRole("status")).toHaveText("Live", { timeout });
}

/** How many pixels the page is wider than its window; a page must never scroll sideways. */
export async function sideways(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
}

/** Logs in on the page for it, which leads to the control page. */
export async function logIn(page: Page, suntank: Suntank, { name, password } = OWNER): Promise<void> {
  await page.goto(`${suntank.url}/login`);
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("main").getByRole("button", { name: "Log in" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Control" })).toBeVisible();
}

/** The box of a circuit or a relay on the control page, by its name. */
export function byHand(page: Page, name: string): Locator {
  return page.getByRole("group", { name, exact: true });
}

/** A screenshot for people to look at. */
export async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `output/${name}.png`, fullPage: true, animations: "disabled" });
}
