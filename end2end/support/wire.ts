// The parts of the wire that the browser tests look at; openapi/suntank.json describes it whole.

export interface Reading {
  value: number | null;
  age_ms: number | null;
  validity: string;
}

export interface Override {
  on: boolean;
  remaining_ms: number;
}

export interface Circuit {
  id: number;
  on: boolean;
  demand: boolean;
  voltage_v: Reading;
  current_a: Reading;
  tank_temp_f: Reading;
  power_w: number | null;
  target_f: number;
  hysteresis_f: number;
  reason: { kind: string };
  override: Override | null;
}

export interface Relay {
  id: string;
  closed: boolean;
  override: Override | null;
  closings: number;
}

export interface Status {
  now: string;
  sequence: number;
  circuits: [Circuit, Circuit];
  relays: Relay[];
  all_off: boolean;
  trip: unknown;
}

export interface Regulation {
  circuits: { target_f: number; hysteresis_f: number; mixing_valve_confirmed: boolean }[];
  agreeing_samples: number;
  before_sunset_min: number;
  after_sunrise_min: number;
}

/** What was read of a section: its value, and the revision that a change must name. */
export interface Revised<T> {
  revision: number;
  value: T;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  errors?: { field: string; message: string }[];
}
