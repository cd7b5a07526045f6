// What anyone sees without logging in: whole, live, crisp, readable by everyone.

import type { Locator } from "@playwright/test";

import { Dashboard, SIZES, picture, sideways, stat } from "../support/pages.ts";
import { accessibilityFaults, expect, test } from "../support/test.ts";
import { SUNNY } from "../support/suntank.ts";

const suntank = test.suntank(SUNNY);
const PLOTS = ["Power", "Tank temperatures"];

/** How the sentence begins, by the reason's kind on the wire. */
const WHY: Record<string, RegExp> = {
  heating: /^On: the tank is at .+, heating up to \d/,
  at_target: /^Off: the tank is at .+, target .+ Back on below \d/,
  boot_hold: /^Off: just started\./,
  minimum_off: /^Off: the contacts rest/,
  switching: /^Switching (on|off):/,
  night: /^Off until .+: night window\./,
};

for (const [name, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ["light", "dark"] as const) {
    test.describe(`on a ${name}, ${colorScheme}`, () => {
      test.use({ viewport, colorScheme });

      test("the dashboard is whole and readable", async ({ page }) => {
        const dashboard = new Dashboard(page);
        await dashboard.open(suntank);
        await expect(dashboard.headline).toHaveText(/\.$/);
        await expect(stat(page, "Last 24 hours")).toContainText(/\d+\.\d kWh/);
        for (const id of [1, 2]) {
          await expect(stat(page, `Tank ${id}`)).toContainText(/\d+\.\d ?°F/);
          await expect(dashboard.fact(id, "Volts")).toHaveText(/^-?\d+\.\d V/);
          await expect(dashboard.fact(id, "Inside relay")).toHaveText(/open|closed/);
          await expect(dashboard.circuit(id).getByRole("img")).toHaveAccessibleName(/Outside relay: (open|closed)/);
        }
        for (const plot of PLOTS) await expectDrawn(dashboard.chart(plot));
        expect(await sideways(page)).toBeLessThanOrEqual(0);
        await picture(page, `dashboard-${name}-${colorScheme}`);
        expect(await accessibilityFaults(page)).toEqual([]);
      });
    });
  }
}

test("values move by themselves and are those of the API", async ({ page }) => {
  const dashboard = new Dashboard(page);
  await dashboard.open(suntank);
  const volts = dashboard.fact(1, "Volts");
  const first = await volts.textContent();
  await expect.poll(() => volts.textContent()).not.toBe(first);
  await expect
    .poll(async () => {
      const shown = parseFloat((await stat(page, "Tank 1").locator(".stat-value").textContent()) ?? "");
      const told = (await suntank.status()).circuits[0].tank_temp_f.value ?? NaN;
      return Math.abs(shown - told);
    })
    .toBeLessThan(0.5);
});

test("one sentence a circuit says why", async ({ page }) => {
  const dashboard = new Dashboard(page);
  await dashboard.open(suntank);
  for (const id of [1, 2] as const) {
    await expect
      .poll(async () => {
        const said = (await dashboard.why(id).textContent()) ?? "";
        const { kind } = (await suntank.status()).circuits[id - 1]!.reason;
        return WHY[kind]?.test(said) || `${kind}: ${said}`;
      })
      .toBe(true);
  }
});

for (const deviceScaleFactor of [1, 2]) {
  test.describe(`with ${deviceScaleFactor} device pixels a CSS pixel`, () => {
    test.use({ deviceScaleFactor });

    test("the plots are crisp, and stay so when the window changes", async ({ page }) => {
      const dashboard = new Dashboard(page);
      await dashboard.open(suntank);
      for (const viewport of [SIZES.laptop, SIZES.phone]) {
        await page.setViewportSize(viewport);
        for (const plot of PLOTS) {
          await expectDrawn(dashboard.chart(plot));
          await expect
            .poll(() =>
              dashboard.chart(plot).locator("canvas").evaluate((canvas: HTMLCanvasElement) => ({
                width: canvas.width / devicePixelRatio - canvas.clientWidth,
                height: canvas.height / devicePixelRatio - canvas.clientHeight,
                ratio: devicePixelRatio,
              })),
            )
            .toEqual({ width: 0, height: 0, ratio: deviceScaleFactor });
        }
      }
    });
  });
}

test("the plots follow the colour scheme", async ({ page }) => {
  const dashboard = new Dashboard(page);
  await dashboard.open(suntank);
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const plot of PLOTS) await expectDrawn(dashboard.chart(plot));
  }
});

test("a plot can be read by keyboard and as a table", async ({ page }) => {
  const dashboard = new Dashboard(page);
  await dashboard.open(suntank);
  const chart = dashboard.chart("Tank temperatures");
  const cursor = chart.getByRole("slider", { name: "Tank temperatures" });
  await cursor.focus();
  await page.keyboard.press("Home");
  await expect(cursor).toHaveAttribute("aria-valuenow", "0");
  await page.keyboard.press("ArrowRight");
  await expect(cursor).toHaveAttribute("aria-valuenow", "1");
  await expect(cursor).toHaveAttribute("aria-valuetext", /Tank 1 \d+\.\d °F, Tank 2 \d+\.\d °F/);
  await chart.getByText("As a table").click();
  // One row an hour: 24, or 25 while both ends of the day fall on the hour; each with its temperatures.
  const hours = chart.getByRole("rowheader");
  await expect(hours.first()).toBeVisible();
  const clock = await hours.allTextContents();
  expect([24, 25]).toContain(clock.length);
  expect(clock.map(hourOfDay)).toEqual(clock.map((_, row) => (hourOfDay(clock[0]!) + row) % 24));
  await expect(chart.getByRole("row").nth(12)).toHaveText(/\d+\.\d °F\d+\.\d °F$/);
});

test("temperatures can be had in °C", async ({ page }) => {
  const dashboard = new Dashboard(page);
  await dashboard.open(suntank);
  await page.getByRole("button", { name: "°C" }).click();
  await expect(stat(page, "Tank 1")).toContainText(/\d+\.\d ?°C/);
  await page.reload();
  await expect(stat(page, "Tank 1")).toContainText(/\d+\.\d ?°C/);
});

test("the files come compressed, of the right kind, and are kept for ever if hashed", async ({ page }) => {
  const seen: { path: string; type: string; encoding: string; cache: string }[] = [];
  page.on("response", (response) => {
    const { pathname } = new URL(response.url());
    const headers = response.headers();
    const of = (name: string) => headers[name] ?? "";
    seen.push({
      path: pathname,
      type: of("content-type").split(";")[0]!,
      encoding: of("content-encoding"),
      cache: of("cache-control"),
    });
  });
  await new Dashboard(page).open(suntank);
  const kind = (suffix: string) => seen.filter(({ path }) => path.endsWith(suffix));
  for (const [suffix, type] of [[".wasm", "application/wasm"], [".js", "text/javascript"], [".css", "text/css"]] as const) {
    expect(kind(suffix).length, suffix).toBeGreaterThan(0);
    for (const file of kind(suffix)) {
      expect(file).toMatchObject({ type, encoding: "br", cache: expect.stringContaining("immutable") });
    }
  }
  expect(kind("/")[0]).toMatchObject({ type: "text/html", cache: expect.not.stringContaining("immutable") });
});

test("an address that isn't there says so", async ({ page }) => {
  await page.goto(`${suntank.url}/nowhere`);
  await expect(page.getByRole("heading", { name: "No such page" })).toBeVisible();
  await page.getByRole("link", { name: "To the dashboard" }).click();
  await expect(new Dashboard(page).circuit(1)).toBeVisible();
});

test("the description of the interface can be read from the program itself", async ({ page }) => {
  await page.goto(`${suntank.url}/api/docs/`);
  await expect(page.getByText("/api/v1/status").first()).toBeVisible();
});

/** The hour that "5:00 PM" names, 0 to 23; not a number for what is no whole hour. */
function hourOfDay(clock: string): number {
  const [, hour, half] = /^(\d+):00\s([AP])M$/.exec(clock) ?? [];
  return (Number(hour) % 12) + (half === "P" ? 12 : 0);
}

/** Both lines of a chart are on its canvas, in the colours that the style sheet gives them now. */
async function expectDrawn(chart: Locator): Promise<void> {
  const inked = () =>
    chart.locator("canvas").evaluate((canvas: HTMLCanvasElement) => {
      // Read from a copy: reading the page's own canvas would make the browser draw it differently from then on.
      const copy = new OffscreenCanvas(Math.max(canvas.width, 1), Math.max(canvas.height, 1));
      const context = copy.getContext("2d", { willReadFrequently: true })!;
      const ofColour = (property: string) => {
        context.fillStyle = getComputedStyle(canvas).getPropertyValue(property).trim();
        context.fillRect(0, 0, 1, 1);
        return [...context.getImageData(0, 0, 1, 1).data];
      };
      const colours = ["--plot-1", "--plot-2"].map(ofColour);
      context.clearRect(0, 0, copy.width, copy.height);
      context.drawImage(canvas, 0, 0);
      const pixels = context.getImageData(0, 0, copy.width, copy.height).data;
      const near = (at: number, colour: number[]) => colour.every((value, n) => Math.abs(value - pixels[at + n]!) < 24);
      return colours.map((colour) => {
        let found = 0;
        for (let at = 0; at < pixels.length; at += 4) if (near(at, colour)) found += 1;
        return found > copy.width / 20;
      });
    });
  await expect.poll(inked, { message: "both lines are drawn" }).toEqual([true, true]);
}
