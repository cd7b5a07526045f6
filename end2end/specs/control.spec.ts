// What a logged-in person does to the plant: the screen, the API and the plant agree on it.

import { Dashboard, SIZES, byHand, expectLive, logIn, picture, sideways, stat } from "../support/pages.ts";
import { accessibilityFaults, expect, test } from "../support/test.ts";
import { Client, SUNNY } from "../support/suntank.ts";
import type { Regulation, Relay } from "../support/wire.ts";

const suntank = test.suntank(SUNNY);
const client = new Client(suntank);

const relay = async (id: string): Promise<Relay> => {
  const found = (await suntank.status()).relays.find((relay) => relay.id === id);
  if (!found) throw new Error(`there is no relay ${id}`);
  return found;
};
const amperes = async (circuit: 1 | 2) => (await suntank.status()).circuits[circuit - 1]!.current_a.value ?? 0;
const volts = async (circuit: 1 | 2) => (await suntank.status()).circuits[circuit - 1]!.voltage_v.value ?? 0;

/** Both circuits heat in the sun: the targets are out of reach, nothing is forced, all contacts have rested. */
async function letBothHeat(): Promise<void> {
  const { revision, value } = await client.settings<Regulation>("regulation");
  const circuits = value.circuits.map((circuit) => ({ ...circuit, target_f: 150, mixing_valve_confirmed: true }));
  const saved = await client.send("PUT", "settings/regulation", { ...value, circuits }, { "if-match": `"${revision}"` });
  expect(saved.status).toBe(200);
  for (const path of ["circuits/1", "circuits/2", "relays/inside1", "relays/outside1", "relays/inside2", "relays/outside2"]) {
    expect((await client.send("DELETE", `${path}/override`)).ok).toBe(true);
  }
  expect((await client.send("DELETE", "all-off")).ok).toBe(true);
  for (const circuit of [1, 2] as const) {
    await expect.poll(() => amperes(circuit), { message: `circuit ${circuit} heats`, timeout: 40_000 }).toBeGreaterThan(1);
  }
}

test.beforeEach(async () => {
  await client.logIn();
  await letBothHeat();
});

test("a new target reaches the API, the plant and the dashboard", async ({ page }) => {
  await logIn(page, suntank);
  const before = await client.settings<Regulation>("regulation");
  const tank = page.getByRole("group", { name: "Tank 2" });
  await expect(tank.getByLabel("Target")).toHaveValue("150");
  await tank.getByLabel("Target").fill("118.5");
  await expect(page.getByText("Not saved yet")).toBeVisible();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Saved.")).toBeVisible();

  const after = await client.settings<Regulation>("regulation");
  expect(after.revision).toBeGreaterThan(before.revision);
  expect(after.value.circuits[1]).toMatchObject({ target_f: 118.5 });
  expect(after.value.circuits[0]).toEqual(before.value.circuits[0]);
  await expect.poll(async () => (await suntank.status()).circuits[1].target_f).toBe(118.5);
  await page.getByRole("link", { name: "Dashboard" }).click();
  await expect(stat(page, "Tank 2")).toContainText("target 118.5 °F");
});

test("hot water asks for a mixing valve first", async ({ page }) => {
  await logIn(page, suntank);
  const tank = page.getByRole("group", { name: "Tank 1" });
  const valve = tank.getByLabel("A mixing valve is fitted");
  await valve.uncheck();
  await page.getByRole("button", { name: "Save" }).click();
  await expect(valve).toHaveAttribute("aria-invalid", "true");
  await expect(tank.getByRole("alert").filter({ hasText: "scalds" })).toBeVisible();
  expect((await client.settings<Regulation>("regulation")).value.circuits[0]).toMatchObject({
    mixing_valve_confirmed: true,
  });
});

test("a relay forced off, on and back: plant, API and screen agree", async ({ page, context }) => {
  const dashboard = new Dashboard(await context.newPage());
  await dashboard.open(suntank);
  await logIn(page, suntank);
  await page.getByText("Single relays").click();
  const box = byHand(page, "Outside relay 1");

  await box.getByRole("button", { name: "Off" }).click();
  await expect(box).toContainText("Off by hand, ");
  await expect.poll(() => relay("outside1")).toMatchObject({ closed: false, override: { on: false } });
  await expect.poll(() => amperes(1), { message: "the plant's current stops" }).toBeLessThan(0.3);
  await expect.poll(() => volts(1), { message: "the string is cut off" }).toBeLessThan(20);
  await expect(dashboard.fact(1, "Outside relay")).toHaveText("open by hand");
  await expect(dashboard.fact(1, "Amperes")).toHaveText(/^-?0\.[012]\d A/);
  await expect(dashboard.circuit(1).getByText("Off", { exact: true })).toBeVisible();

  await box.getByRole("button", { name: "On" }).click();
  await expect(box).toContainText("On by hand, ");
  await expect.poll(() => relay("outside1"), { timeout: 40_000 }).toMatchObject({ closed: true, override: { on: true } });
  await expect.poll(() => amperes(1), { message: "the plant's current flows", timeout: 40_000 }).toBeGreaterThan(1);
  await expect(dashboard.fact(1, "Outside relay")).toHaveText("closed by hand");
  await expect(dashboard.circuit(1).getByText("On", { exact: true })).toBeVisible();

  await box.getByRole("button", { name: "Auto" }).click();
  await expect(box).toContainText("closed");
  expect(await relay("outside1")).toMatchObject({ override: null });
  await expect(dashboard.fact(1, "Outside relay")).toHaveText("closed");
});

test("a circuit forced off counts down and gives way", async ({ page }) => {
  await logIn(page, suntank);
  const box = byHand(page, "Circuit 2");
  const time = box.getByRole("combobox", { name: "for", exact: true });
  const off = box.getByRole("button", { name: "Off" });
  const left = async () => (await suntank.status()).circuits[1].override?.remaining_ms ?? NaN;

  await time.selectOption("15 min");
  await off.click();
  await expect(off).toHaveAttribute("aria-pressed", "true");
  await expect(box).toContainText(/Off by hand, \d+ min( \d\d s)? more/);
  const first = await left();
  expect(first).toBeLessThanOrEqual(15 * 60_000);
  await expect.poll(left, { message: "it counts down" }).toBeLessThan(first);
  await expect.poll(() => amperes(2)).toBeLessThan(0.3);
  await expect.poll(() => relay("inside2")).toMatchObject({ closed: false });

  // A minute of the plant's time: then it is automatic again, and heats.
  await time.selectOption("1 min 00 s");
  await off.click();
  await expect.poll(left, { message: "the shorter time holds" }).not.toBeGreaterThan(60_000);
  await expect(box.getByRole("button", { name: "Auto" })).toHaveAttribute("aria-pressed", "true", { timeout: 30_000 });
  expect((await suntank.status()).circuits[1].override).toBeNull();
  await expect.poll(() => amperes(2), { timeout: 40_000 }).toBeGreaterThan(1);
});

test("all-off takes one tap on the dashboard, and stays until someone resumes", async ({ page }) => {
  await logIn(page, suntank);
  await page.getByRole("link", { name: "Dashboard" }).click();
  const dashboard = new Dashboard(page);
  await dashboard.allOff.click();
  await expect
    .poll(async () => {
      const { all_off, relays } = await suntank.status();
      return { all_off, closed: relays.filter((relay) => relay.closed).length };
    })
    .toEqual({ all_off: true, closed: 0 });
  for (const circuit of [1, 2] as const) await expect.poll(() => amperes(circuit)).toBeLessThan(0.3);
  await expect(dashboard.headline).toHaveText("Everything is switched off until someone resumes.");
  await expect(dashboard.fact(1, "Inside relay")).toHaveText("open");
  await picture(page, "all-off");
  expect(await accessibilityFaults(page)).toEqual([]);

  await page.getByRole("banner").getByRole("link", { name: "All is off" }).click();
  await page.getByRole("button", { name: "Resume" }).click();
  await expect.poll(async () => (await suntank.status()).all_off).toBe(false);
  await expect.poll(() => amperes(1), { timeout: 40_000 }).toBeGreaterThan(1);
});

for (const colorScheme of ["light", "dark"] as const) {
  test(`the control and login pages are readable by everyone, ${colorScheme}`, async ({ page }) => {
    await page.emulateMedia({ colorScheme });
    await page.goto(`${suntank.url}/login`);
    await expectLive(page);
    await picture(page, `login-${colorScheme}`);
    expect(await accessibilityFaults(page)).toEqual([]);
    await logIn(page, suntank);
    await page.getByText("Single relays").click();
    await expect(page.getByRole("group", { name: "Tank 1" })).toBeVisible();
    await picture(page, `control-${colorScheme}`);
    expect(await accessibilityFaults(page)).toEqual([]);
    await page.setViewportSize(SIZES.phone);
    expect(await sideways(page)).toBeLessThanOrEqual(0);
    await picture(page, `control-phone-${colorScheme}`);
  });
}

test("who logs out is out: the session is worth nothing any more", async ({ page, context }) => {
  await logIn(page, suntank);
  const cookies = await context.cookies();
  expect(cookies.find(({ name }) => name === "suntank_session")).toMatchObject({ httpOnly: true, sameSite: "Strict" });
  await page.getByRole("button", { name: "Log out" }).click();
  await expect(page.getByRole("main").getByRole("button", { name: "Log in" })).toBeVisible();
  await context.addCookies(cookies);
  const answer = await context.request.get(`${suntank.url}/api/v1/session`);
  expect(answer.status()).toBe(401);
});
