// The line is lost and comes back: the page says how old it is, and mends itself.

import { Dashboard, SIZES, expectLive, logIn, picture, sideways } from "../support/pages.ts";
import { expect, test } from "../support/test.ts";
import { SUNNY } from "../support/suntank.ts";

const suntank = test.suntank(SUNNY);

test.use({ expectedFaults: [/net::ERR_/] });

for (const [how, end] of [["killed", () => suntank.kill()], ["stopped", () => suntank.stop()]] as const) {
  test(`the page outlives a server that is ${how} and started again`, async ({ page }) => {
    const dashboard = new Dashboard(page);
    await dashboard.open(suntank);
    const last = (await suntank.status()).now;

    await end();
    await expect(page.getByRole("banner").getByRole("status")).toHaveText("Offline");
    const strip = page.getByText("Connection lost, trying again. What you see is from");
    const age = async () => Number(/(\d+) s ago/.exec((await strip.textContent()) ?? "")?.[1]);
    const first = await age();
    await expect.poll(age, { message: "it ages" }).toBeGreaterThan(first);
    await expect(dashboard.fact(1, "Volts")).toHaveText(/ V$/);
    await picture(page, `lost-${how}`);

    await suntank.start();
    await expectLive(page, 45_000);
    await expect(strip).toBeHidden();
    // A restarted plant goes on where it was, and the page with it.
    await expect.poll(async () => Date.parse((await suntank.status()).now)).toBeGreaterThan(Date.parse(last) - 60_000);
    const volts = await dashboard.fact(1, "Volts").textContent();
    await expect.poll(() => dashboard.fact(1, "Volts").textContent(), { message: "values move again" }).not.toBe(volts);
  });
}

test("on a phone, all-off stays in reach while the line is lost, and says that it failed", async ({ page }) => {
  await page.setViewportSize(SIZES.phone);
  await logIn(page, suntank);
  const head = page.getByRole("banner");

  await suntank.kill();
  await expect(head.getByRole("status")).toHaveText("Offline");
  await head.getByRole("button", { name: "All off" }).click();
  const failed = head.getByRole("button", { name: "All off: try again" });
  await expect(failed).toBeInViewport({ ratio: 1 });
  expect(await sideways(page)).toBeLessThanOrEqual(0);
  await picture(page, "lost-phone");

  await suntank.start();
  await expectLive(page, 45_000);
  await failed.click();
  await expect(head.getByRole("link", { name: "All is off" })).toBeInViewport({ ratio: 1 });
  expect((await suntank.status()).all_off).toBe(true);
  expect(await sideways(page)).toBeLessThanOrEqual(0);
});
