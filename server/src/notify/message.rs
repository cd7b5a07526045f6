//! What is told, and in which words: a notice is data, a message is text for one reader.
//!
//! No message holds a control character beside the line ends of its text, whatever went into it.

use app::text::{Show, text};
use app::types::status::{TriggerId, Trip};
use app::units::trimmed;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::queue::Telling;

/// Something that people are told of. Further kinds are further variants.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Notice {
    /// The watchdog has tripped.
    Trip(Trip),
}

/// How grave a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Severity {
    /// It has stopped, and somebody has to look.
    Alarm,
    /// It could not be stopped: somebody has to act at once.
    Danger,
}

/// Who and where the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reader {
    /// The owner's time zone.
    pub time_zone: Tz,
    /// The plant is simulated, which each message says.
    pub simulated: bool,
}

/// A message, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// How grave it is.
    pub(super) severity: Severity,
    /// One line.
    pub(super) subject: String,
    /// Plain text; lines end with `\n`.
    pub(super) text: String,
    /// The same for each try to deliver the same, so that a mail program can drop the second copy. Letters, digits,
    /// dots and dashes.
    pub(super) id: String,
}

impl Notice {
    /// What it is counted under: notices of one cause are told together.
    pub(super) fn cause(&self) -> String {
        match self {
            Self::Trip(trip) => format!("trip.{:?}.{}", trip.trigger, trip.circuit),
        }
    }

    /// How grave it is.
    pub(super) const fn severity(&self) -> Severity {
        let Self::Trip(trip) = self;
        match trip.trigger {
            TriggerId::UnexpectedCurrent | TriggerId::WeldedInside | TriggerId::WeldedOutside => Severity::Danger,
            _ => Severity::Alarm,
        }
    }

    /// When it happened, if the clock was believable.
    pub(super) const fn at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Trip(trip) => trip.at,
        }
    }
}

impl Message {
    /// The words for what is to be told.
    pub(super) fn of(telling: &Telling, reader: Reader) -> Self {
        let Notice::Trip(trip) = &telling.notice;
        let severity = telling.notice.severity();
        let words = &text().words;
        let title = match severity {
            Severity::Danger => words.trip_critical,
            Severity::Alarm => words.trip_title,
        };
        let mark = if reader.simulated { "Simulated: " } else { "" };
        let mut paragraphs = vec![(text().trip)(trip, &reader), (text().trip_advice)(trip.trigger).to_owned()];
        paragraphs.extend(repeated(telling, &reader));
        paragraphs.push("Nothing heats until someone has looked and cleared the trip on the Control page.".into());
        if reader.simulated {
            paragraphs.push("This comes from the simulated plant; no real tank is concerned.".into());
        }
        let at = telling.notice.at().map_or(0, |at| at.timestamp_millis());
        let subject = format!("{mark}Suntank: {title} (circuit {})", trip.circuit);
        let id = format!("{}.{at}.{}", telling.notice.cause(), telling.times);
        Self::new(severity, &subject, &paragraphs.join("\n\n"), &id)
    }

    /// A message of these parts, without what could be mistaken for a header or a command.
    pub(super) fn new(severity: Severity, subject: &str, text: &str, id: &str) -> Self {
        let harmless = |c: char| if c.is_control() { ' ' } else { c };
        Self {
            severity,
            subject: subject.chars().map(harmless).collect(),
            text: text.chars().map(|c| if c == '\n' { c } else { harmless(c) }).collect(),
            id: id.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-')).collect(),
        }
    }
}

fn repeated(telling: &Telling, reader: &Reader) -> Option<String> {
    if telling.times < 2 {
        return None;
    }
    let since = telling.since.map(|at| format!(", the first at {}", reader.time(at))).unwrap_or_default();
    Some(format!("It happened {} times since the last message about it{since}; this is the latest.", telling.times))
}

impl Show for Reader {
    fn temperature(&self, temperature_f: f64) -> String {
        format!("{} °F", self.degrees(temperature_f))
    }

    fn degrees(&self, temperature_f: f64) -> String {
        trimmed(temperature_f, 1)
    }

    fn step(&self, step_f: f64) -> String {
        self.temperature(step_f)
    }

    /// With day and zone: a message is read days later and elsewhere.
    fn time(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.time_zone).format("%-I:%M %p %Z on %a, %b %-d").to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const READER: Reader = Reader { time_zone: chrono_tz::America::Denver, simulated: false };

    fn telling(trigger: TriggerId, times: u32) -> Telling {
        let at = "2026-06-21T18:04:05Z".parse().ok();
        let trip = Trip { trigger, circuit: 2, value: 166.24, limit: 165.0, at };
        Telling { notice: Notice::Trip(trip), times, since: "2026-06-21T16:00:00Z".parse().ok() }
    }

    #[test]
    fn a_trip_in_plain_words() {
        let message = Message::of(&telling(TriggerId::OverTemperature, 1), READER);
        assert_eq!(message.severity, Severity::Alarm);
        assert_eq!(message.subject, "Suntank: Stopped for safety (circuit 2)");
        assert_eq!(
            message.text,
            "Circuit 2: water too hot at 12:04 PM MDT on Sun, Jun 21. Measured 166.2 °F, limit 165 °F. \
             Both circuits are switched off.\n\n\
             Let the water cool, draw from it with care, and check the sensor and the thermostat.\n\n\
             Nothing heats until someone has looked and cleared the trip on the Control page."
        );
        assert_eq!(message.id, "trip.OverTemperature.2.1782065045000.1");
    }

    #[test]
    fn current_through_open_relays_is_danger_and_never_called_off() {
        let message = Message::of(&telling(TriggerId::UnexpectedCurrent, 1), READER);
        assert_eq!(message.severity, Severity::Danger);
        assert!(message.severity > Severity::Alarm);
        assert_eq!(message.subject, "Suntank: Danger: use the DC disconnect (circuit 2)");
        assert!(message.text.contains("Use the DC disconnect now"), "{}", message.text);
        assert!(!message.text.contains("off"), "{}", message.text);
    }

    #[test]
    fn a_weld_is_danger_too() {
        for trigger in [TriggerId::WeldedInside, TriggerId::WeldedOutside] {
            assert_eq!(telling(trigger, 1).notice.severity(), Severity::Danger, "{trigger:?}");
        }
    }

    #[test]
    fn repetitions_are_counted_and_a_simulation_says_so() {
        let reader = Reader { simulated: true, ..READER };
        let message = Message::of(&telling(TriggerId::OverTemperature, 4), reader);
        assert_eq!(message.subject, "Simulated: Suntank: Stopped for safety (circuit 2)");
        let counted = "It happened 4 times since the last message about it, the first at 10:00 AM MDT on Sun, Jun 21";
        assert!(message.text.contains(counted), "{}", message.text);
        assert!(message.text.contains("no real tank"), "{}", message.text);
    }

    #[test]
    fn control_characters_do_not_get_in() {
        let message = Message::new(Severity::Alarm, "a\r\nBcc: x\0", "one\r\n.\ntwo\u{85}", "1>\r\n<2");
        assert_eq!(message.subject, "a  Bcc: x ");
        assert_eq!(message.text, "one \n.\ntwo ");
        assert_eq!(message.id, "12");
    }
}
