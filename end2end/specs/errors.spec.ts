// What can't be taken is answered by a clear problem, and changes nothing.

import { logIn, picture } from "../support/pages.ts";
import { accessibilityFaults, expect, test } from "../support/test.ts";
import { Client, SUNNY } from "../support/suntank.ts";
import type { Regulation, Revised } from "../support/wire.ts";

const suntank = test.suntank(SUNNY);

/** What the form says at a target that can't be; no line breaks between a number and its unit. */
const OUT_OF_RANGE = /Choose 60 to 155\u00a0°F\.$/;
const NO_NUMBER = /Enter a number\.$/;

test.describe("the REST interface", () => {
  let client: Client;
  let before: Revised<Regulation>;

  test.beforeEach(async () => {
    client = new Client(suntank);
    await client.logIn();
    before = await client.settings("regulation");
  });

  test.afterEach(async () => {
    expect(await client.settings<Regulation>("regulation")).toEqual(before);
  });

  const current = () => ({ "if-match": `"${before.revision}"` });
  const withTarget = (target_f: unknown) => {
    const [first, second] = before.value.circuits;
    return { ...before.value, circuits: [{ ...first, target_f, mixing_valve_confirmed: true }, second] };
  };

  test("refuses 400 °F and names the field", async () => {
    const problem = await client.problem("PUT", "settings/regulation", withTarget(400), current());
    expect(problem).toMatchObject({ status: 422, type: "urn:suntank:problem:invalid" });
    expect(problem.errors).toEqual([{ field: "circuits[0].target_f", message: expect.stringContaining("155") }]);
  });

  test("refuses an unknown field and names it", async () => {
    const body = { ...before.value, colour: "blue" };
    const problem = await client.problem("PUT", "settings/regulation", body, current());
    expect(problem).toMatchObject({ status: 422, type: "urn:suntank:problem:invalid" });
    expect(JSON.stringify(problem)).toContain("colour");
  });

  for (const [name, number] of [["NaN", "NaN"], ["infinity", "1e999"], ["null", "null"], ["a word", '"hot"']]) {
    test(`refuses ${name} for a temperature`, async () => {
      const body = JSON.stringify(withTarget(-12345)).replace("-12345", `${number}`);
      const problem = await client.problem("PUT", "settings/regulation", body, current());
      expect([400, 422]).toContain(problem.status);
      expect(problem.detail).not.toBe("");
    });
  }

  test("refuses a change without a login", async () => {
    const nobody = new Client(suntank);
    const put = await nobody.problem("PUT", "settings/regulation", before.value, current());
    expect(put).toMatchObject({ status: 401, type: "urn:suntank:problem:not-logged-in" });
    expect(await nobody.problem("POST", "all-off")).toMatchObject({ status: 401 });
    expect(await nobody.problem("PUT", "relays/inside1/override", { on: true, for_s: 60 })).toMatchObject({ status: 401 });
    const status = await suntank.status();
    expect(status.all_off).toBe(false);
    expect(status.relays.map((relay) => relay.override)).toEqual([null, null, null, null]);
  });

  test("refuses a change to what someone else has changed meanwhile", async () => {
    const stale = { "if-match": `"${before.revision - 1}"` };
    const problem = await client.problem("PUT", "settings/regulation", before.value, stale);
    expect(problem).toMatchObject({ status: 412, type: "urn:suntank:problem:revision-mismatch" });
  });

  test("refuses what is no JSON, and what isn't there", async () => {
    const text = await client.problem("PUT", "settings/regulation", "{", { ...current() });
    expect(text.status).toBe(400);
    const form = await client.problem("PUT", "settings/regulation", "a=1", {
      ...current(),
      "content-type": "application/x-www-form-urlencoded",
    });
    expect(form).toMatchObject({ status: 415, type: "urn:suntank:problem:not-json" });
    expect(await client.problem("GET", "settings/weather")).toMatchObject({ status: 404 });
    expect(await client.problem("PUT", "relays/sideways9/override", { on: true, for_s: 60 })).toMatchObject({ status: 404 });
  });

  test("refuses an override that is too long", async () => {
    const problem = await client.problem("PUT", "circuits/1/override", { on: false, for_s: 1_000_000 });
    expect(problem).toMatchObject({ status: 422 });
    expect(problem.errors?.[0]?.field).toBe("for_s");
    expect((await suntank.status()).circuits[0].override).toBeNull();
  });
});

test.describe("the form", () => {
  test.use({ expectedFaults: [/status of 4(01|22)/] });

  test("shows what is wrong at the field, before asking the server", async ({ page }) => {
    const client = new Client(suntank);
    await client.logIn();
    const before = await client.settings<Regulation>("regulation");
    await logIn(page, suntank);
    const target = page.getByRole("group", { name: "Tank 1" }).getByLabel("Target");
    for (const [typed, answer] of [["400", OUT_OF_RANGE], ["hot", NO_NUMBER], ["NaN", NO_NUMBER]] as const) {
      await target.fill(typed);
      await page.getByRole("button", { name: "Save" }).click();
      await expect(target).toHaveAttribute("aria-invalid", "true");
      await expect(target).toHaveAccessibleDescription(answer);
      await expect(page.getByText("Not saved: please look at the marked fields.")).toBeVisible();
    }
    await picture(page, "field-error");
    expect(await accessibilityFaults(page)).toEqual([]);
    expect(await client.settings<Regulation>("regulation")).toEqual(before);
  });

  test("puts the server's word at the field, too", async ({ page }) => {
    const client = new Client(suntank);
    await client.logIn();
    const before = await client.settings<Regulation>("regulation");
    await logIn(page, suntank);
    await page.route("**/fn/set_regulation", (route) => {
      const body = JSON.parse(route.request().postData() ?? "") as { change: Revised<Regulation> };
      body.change.value.circuits[0]!.target_f = 400;
      return route.continue({ postData: JSON.stringify(body) });
    });
    const target = page.getByRole("group", { name: "Tank 1" }).getByLabel("Target");
    await target.fill("119");
    await page.getByRole("button", { name: "Save" }).click();
    await expect(target).toHaveAttribute("aria-invalid", "true");
    await expect(target).toHaveAccessibleDescription(OUT_OF_RANGE);
    expect(await client.settings<Regulation>("regulation")).toEqual(before);
  });

  test("says that name or password is wrong, and no more", async ({ page }) => {
    for (const login of [{ name: "owner", password: "wrong-password" }, { name: "nobody", password: "wrong-password" }]) {
      await page.goto(`${suntank.url}/login`);
      await page.getByLabel("Name").fill(login.name);
      await page.getByLabel("Password").fill(login.password);
      await page.getByRole("main").getByRole("button", { name: "Log in" }).click();
      await expect(page.getByLabel("Password")).toHaveAccessibleDescription(/Name or password is wrong\./);
    }
    await page.goto(`${suntank.url}/control`);
    await expect(page.getByText("Log in to control Suntank.")).toBeVisible();
    await expect(page.getByRole("group", { name: "Circuit 1" })).toHaveCount(0);
  });
});
