//! What people do to the outputs: overrides, all-off, the watchdog's reset and the self-test before it.

use app::types::control::{OverrideOrder, OverrideRequest, OverrideTarget};
use app::types::problem::{Problem, ProblemKind};
use app::types::status::Status;
use engine::inputs::{CircuitId, RelayId};
use engine::{Command, Refused};
use serde_json::json;

use super::{Person, Services, loop_problem};

/// How long an override may last, seconds.
const OVERRIDE_S: std::ops::RangeInclusive<u32> = 10..=86_400;

/// An output that exists.
#[derive(Debug, Clone, Copy)]
enum Output {
    Circuit(CircuitId),
    Relay(RelayId),
}

impl Services {
    pub(super) async fn take_in_hand(&self, person: Person<'_>, order: OverrideOrder) -> Result<Status, Problem> {
        let output = output(&order.target)?;
        let command = match order.forced {
            Some(forced) => force(output, forced)?,
            None => release(output),
        };
        self.obey(command).await?;
        let output = name(output);
        let deed = match order.forced {
            Some(forced) if forced.on => format!("forced {output} on for {} s", forced.for_s),
            Some(forced) => format!("forced {output} off for {} s", forced.for_s),
            None => format!("handed {output} back to automatic"),
        };
        let message = format!("{} {deed}", person.name);
        let data = json!({ "output": output, "override": order.forced });
        self.note(person, "override", message, data);
        Ok(self.live_picture().await)
    }

    pub(super) async fn switch_all_off(&self, person: Person<'_>) -> Result<Status, Problem> {
        let confirmed = self.control.all_off().await;
        let message = format!("{} switched everything off", person.name);
        self.note(person, "all_off", message, json!({}));
        confirmed.map_err(loop_problem)?;
        Ok(self.live_picture().await)
    }

    pub(super) async fn end_all_off(&self, person: Person<'_>) -> Result<Status, Problem> {
        self.obey(Command::Resume).await?;
        let message = format!("{} ended all-off", person.name);
        self.note(person, "resume", message, json!({}));
        Ok(self.live_picture().await)
    }

    pub(super) async fn clear_trip(&self, person: Person<'_>) -> Result<Status, Problem> {
        self.obey(Command::ClearTrip).await?;
        let message = format!("{} reset the watchdog", person.name);
        self.note(person, "watchdog_reset", message, json!({}));
        Ok(self.live_picture().await)
    }

    pub(super) async fn begin_self_test(&self, person: Person<'_>, circuit: u8) -> Result<Status, Problem> {
        let circuit = CircuitId::from_number(circuit).ok_or_else(no_such_circuit)?;
        self.obey(Command::SelfTest(circuit)).await?;
        let message = format!("{} began a self-test of circuit {}", person.name, circuit.number());
        self.note(person, "self_test", message, json!({ "circuit": circuit.number() }));
        Ok(self.live_picture().await)
    }

    async fn obey(&self, command: Command) -> Result<(), Problem> {
        let answer = self.control.command(command).await.map_err(loop_problem)?;
        answer.map_err(|refused| Problem::new(ProblemKind::Conflict, sentence(&refused)))
    }
}

fn output(target: &OverrideTarget) -> Result<Output, Problem> {
    match target {
        OverrideTarget::Circuit(number) => {
            CircuitId::from_number(*number).map(Output::Circuit).ok_or_else(no_such_circuit)
        }
        OverrideTarget::Relay(name) => RelayId::from_name(name).map(Output::Relay).ok_or_else(|| {
            Problem::new(ProblemKind::NotFound, "The relays are inside1, outside1, inside2 and outside2.")
        }),
    }
}

/// There are two.
pub(crate) fn no_such_circuit() -> Problem {
    Problem::new(ProblemKind::NotFound, "The circuits are 1 and 2.")
}

fn force(output: Output, forced: OverrideRequest) -> Result<Command, Problem> {
    let OverrideRequest { on, for_s } = forced;
    if !OVERRIDE_S.contains(&for_s) {
        let (least, most) = (OVERRIDE_S.start(), OVERRIDE_S.end());
        let message = format!("must be between {least} and {most} seconds");
        return Err(Problem::field("for_s", message));
    }
    let for_ms = u64::from(for_s) * 1000;
    Ok(match output {
        Output::Circuit(circuit) => Command::ForceCircuit { circuit, on, for_ms },
        Output::Relay(relay) => Command::ForceRelay { relay, on, for_ms },
    })
}

const fn release(output: Output) -> Command {
    match output {
        Output::Circuit(circuit) => Command::ReleaseCircuit(circuit),
        Output::Relay(relay) => Command::ReleaseRelay(relay),
    }
}

fn name(output: Output) -> String {
    match output {
        Output::Circuit(circuit) => format!("circuit {}", circuit.number()),
        Output::Relay(relay) => format!("relay {}", relay.name()),
    }
}

/// The engine's refusal as a sentence.
fn sentence(refused: &Refused) -> String {
    if let Refused::CausePresent { remaining_ms: Some(left), .. } = refused {
        let left_s = left.div_ceil(1000);
        return format!("The cause of the trip is gone, but not for long enough: {left_s} s are left.");
    }
    let text = refused.to_string();
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    let mut sentence: String = first.chain(chars).collect();
    if !sentence.ends_with('.') {
        sentence.push('.');
    }
    sentence
}
