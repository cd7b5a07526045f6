// Playwright's test with what every spec here needs: a running Suntank, and a page whose faults fail the test.

import { test as base, expect, type Page } from "@playwright/test";
import axe from "axe-core";

import { type Options, Suntank } from "./suntank.ts";

export { expect };

interface Fixtures {
  /** Console errors that belong to the test, such as the 401 of a wrong password. */
  expectedFaults: RegExp[];
}

const extended = base.extend<Fixtures>({
  expectedFaults: [[], { option: true }],

  page: async ({ page, expectedFaults }, use) => {
    const faults = await watch(page);
    await use(page);
    expect(faults.filter((fault) => !expectedFaults.some((expected) => expected.test(fault)))).toEqual([]);
  },
});

export const test = Object.assign(extended, {
  /** Starts a Suntank of its own for this spec file and stops it at the end; its clean exit is part of the tests. */
  suntank(options: Options): Suntank {
    const suntank = new Suntank(options);
    extended.beforeAll(() => suntank.start());
    extended.afterAll(async () => {
      await suntank.stop();
      await suntank.remove();
    });
    return suntank;
  },
});

/** Gathers what goes wrong in a page: console errors and warnings, exceptions, violations of the security policy. */
async function watch(page: Page): Promise<string[]> {
  const faults: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) {
      faults.push(`${message.type()}: ${message.text()} (${message.location().url})`);
    }
  });
  page.on("pageerror", (error) => faults.push(`exception: ${error.stack ?? error.message}`));
  await page.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) => {
      console.error(`security policy: ${event.violatedDirective} forbids ${event.blockedURI}`);
    });
  });
  return faults;
}

/** What axe finds wrong on the page as it stands, in a readable form; nothing, if all is well. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => (window as unknown as { axe: typeof axe }).axe.run());
  return violations.map((violation) => {
    const where = violation.nodes.map((node) => `${node.target.join(" ")}: ${node.failureSummary}`);
    return `${violation.id} (${violation.impact}): ${violation.help}\n  ${where.join("\n  ")}`;
  });
}
