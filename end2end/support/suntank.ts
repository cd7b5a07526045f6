// The program under test: the real binary on its simulated plant, with a data folder of its own.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import type { Problem, Revised, Status } from "./wire.ts";

const BINARY =
  process.env.SUNTANK_BIN ?? fileURLToPath(new URL("../../target/debug/suntank", import.meta.url));

/** The administrator that a demo begins with. */
export const OWNER = { name: "owner", password: "sunshine-demo" };

export interface Options {
  /** Simulated seconds a second. */
  speed: number;
  /** The plant's time at the start; a summer's late morning, so that the sun shines whenever the tests run. */
  start: string;
}

/** A summer's late morning where the demo's plant stands. */
export const SUNNY: Options = { speed: 10, start: "2026-06-21T16:30:00Z" };

export class Suntank {
  /** Where it listens, without a slash at the end; the same after a restart. */
  url = "";
  #options: Options;
  #child: ChildProcess | undefined;
  #exited: Promise<number | string> = Promise.resolve(0);
  #folder = "";
  #said = "";

  constructor(options: Options) {
    this.#options = options;
  }

  /** Starts it, anew or again on the same folder and port, and waits until it says where it is. */
  async start(): Promise<void> {
    this.#folder ||= await mkdtemp(join(tmpdir(), "suntank-e2e-"));
    this.url ||= `http://127.0.0.1:${await freePort()}`;
    const child = spawn(
      BINARY,
      [
        "run", "--demo",
        "--speed", String(this.#options.speed),
        "--start", this.#options.start,
        "--listen", new URL(this.url).host,
        "--state", this.#folder,
      ],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    this.#child = child;
    this.#said = "";
    this.#exited = new Promise((resolve) => child.once("exit", (code, signal) => resolve(code ?? signal ?? "?")));
    await new Promise<void>((resolve, reject) => {
      const hear = (chunk: Buffer) => {
        this.#said += chunk;
        if (this.#said.includes(`Suntank is at ${this.url}`)) resolve();
      };
      child.stdout?.on("data", hear);
      child.stderr?.on("data", hear);
      child.once("error", reject);
      void this.#exited.then((how) => reject(new Error(`suntank ended with ${how}; it said:\n${this.#said}`)));
      setTimeout(() => reject(new Error(`suntank did not start in time; it said:\n${this.#said}`)), 60_000).unref();
    });
  }

  /** Asks it to end, and throws unless it does so cleanly and soon. */
  async stop(): Promise<void> {
    this.#child?.kill("SIGTERM");
    const how = await Promise.race([this.#exited, after(10_000, "not at all within 10 s")]);
    this.#child?.kill("SIGKILL");
    this.#child = undefined;
    this.#exited = Promise.resolve(0);
    if (how !== 0) throw new Error(`suntank ended with ${how} and not with 0; it said:\n${this.#said}`);
  }

  /** Pulls the plug. */
  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#exited;
    this.#child = undefined;
    this.#exited = Promise.resolve(0);
  }

  /** Removes its data, once it is stopped. */
  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** What `GET /api/v1/status` says now, asked without a session. */
  async status(): Promise<Status> {
    const answer = await fetch(`${this.url}/api/v1/status`);
    if (!answer.ok) throw new Error(`status answered ${answer.status}`);
    return (await answer.json()) as Status;
  }
}

/** A program that speaks to the REST interface, logged in or not. */
export class Client {
  #suntank: Suntank;
  #token = "";

  constructor(suntank: Suntank) {
    this.#suntank = suntank;
  }

  async logIn(login = OWNER): Promise<void> {
    const answer = await this.send("POST", "session", login);
    if (answer.status !== 201) throw new Error(`login answered ${answer.status}: ${await answer.text()}`);
    const [cookie] = answer.headers.getSetCookie();
    this.#token = cookie?.split(";")[0]?.split("=")[1] ?? "";
  }

  /** Sends a request under /api/v1; a text body goes out as it is, anything else as JSON. */
  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.#suntank.url}/api/v1/${path}`, {
      method,
      headers: {
        ...(this.#token && { authorization: `Bearer ${this.#token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
        ...headers,
      },
      body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
    });
  }

  /** A section of the settings, with the revision that its ETag names. */
  async settings<T>(section: string): Promise<Revised<T>> {
    const path = `settings/${section}`;
    const answer = await this.send("GET", path);
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}: ${await answer.text()}`);
    const tag = answer.headers.get("etag") ?? "";
    const revision = /^"(\d+)"$/.exec(tag)?.[1];
    if (revision === undefined) throw new Error(`${path} came with the ETag ${tag}`);
    return { revision: Number(revision), value: (await answer.json()) as T };
  }

  /** The problem that this request is answered with. */
  async problem(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Problem> {
    const answer = await this.send(method, path, body, headers);
    const type = answer.headers.get("content-type") ?? "";
    if (!type.startsWith("application/problem+json")) {
      throw new Error(`${method} ${path} answered ${answer.status} ${type}: ${await answer.text()}`);
    }
    const problem = (await answer.json()) as Problem;
    if (problem.status !== answer.status) throw new Error(`the body says ${problem.status}, the head ${answer.status}`);
    return problem;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

function after<T>(ms: number, value: T): Promise<T> {
  return new Promise((resolve) => setTimeout(resolve, ms, value).unref());
}
