//! Times in the owner's time zone, from the browser's own tables: nothing of them is in the wasm.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Date, Function, Object, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// A time zone that can say its times. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Zone(Rc<Formats>);

/// One `Intl.DateTimeFormat.format` a style: making them is dear, using them is cheap.
struct Formats {
    name: String,
    clock: Option<Function>,
    weekday_clock: Option<Function>,
    hour: Option<Function>,
    minute_of_day: Option<Function>,
}

thread_local! {
    static LAST: RefCell<Option<Zone>> = const { RefCell::new(None) };
}

impl Zone {
    /// The zone with this IANA name; UTC if the browser knows no such zone.
    pub(crate) fn named(name: &str) -> Self {
        LAST.with_borrow_mut(|last| match last {
            Some(zone) if zone.0.name == name => zone.clone(),
            _ => last.insert(Self(Rc::new(Formats::new(name)))).clone(),
        })
    }

    /// "7:12 AM" or "07:12", as the reader's region has it.
    pub(crate) fn clock(&self, ms: i64) -> String {
        say(self.0.clock.as_ref(), ms)
    }

    /// "Tue, 7:12 AM".
    pub(crate) fn weekday_clock(&self, ms: i64) -> String {
        say(self.0.weekday_clock.as_ref(), ms)
    }

    /// "7 AM" or "07".
    pub(crate) fn hour(&self, ms: i64) -> String {
        say(self.0.hour.as_ref(), ms)
    }

    /// Minutes since midnight on the zone's clock, 0 to 1439.
    pub(crate) fn minute_of_day(&self, ms: i64) -> u32 {
        let text = say(self.0.minute_of_day.as_ref(), ms);
        let parts = text
            .split_once(':')
            .and_then(|(hours, minutes)| Some(hours.parse::<u32>().ok()? * 60 + minutes.parse::<u32>().ok()?));
        parts.unwrap_or(0)
    }
}

impl Formats {
    fn new(name: &str) -> Self {
        let own = JsValue::UNDEFINED;
        let clock = [("hour", "numeric"), ("minute", "2-digit")];
        let weekday_clock = [("weekday", "short"), ("hour", "numeric"), ("minute", "2-digit")];
        let minute = [("hour", "2-digit"), ("minute", "2-digit"), ("hourCycle", "h23")];
        Self {
            name: name.into(),
            clock: format(&own, name, &clock),
            weekday_clock: format(&own, name, &weekday_clock),
            hour: format(&own, name, &[("hour", "numeric")]),
            minute_of_day: format(&"en-GB".into(), name, &minute),
        }
    }
}

/// The `format` function of an `Intl.DateTimeFormat`. Constructed by reflection, because an unknown zone throws.
fn format(locale: &JsValue, zone: &str, style: &[(&str, &str)]) -> Option<Function> {
    let intl = Reflect::get(&js_sys::global(), &"Intl".into()).ok()?;
    let constructor = Reflect::get(&intl, &"DateTimeFormat".into()).ok()?;
    let constructor: Function = constructor.dyn_into().ok()?;
    let make = |zone: &str| {
        let options = Object::new();
        for (key, value) in style.iter().chain(&[("timeZone", zone)]) {
            Reflect::set(&options, &(*key).into(), &(*value).into()).ok()?;
        }
        let arguments = Array::of2(locale, &options);
        Reflect::construct(&constructor, &arguments).ok()
    };
    let made = make(zone).or_else(|| make("UTC"))?;
    Reflect::get(&made, &"format".into()).ok()?.dyn_into().ok()
}

fn say(format: Option<&Function>, ms: i64) -> String {
    let date = Date::new(&(ms as f64).into());
    format.and_then(|f| f.call1(&JsValue::UNDEFINED, &date).ok()?.as_string()).unwrap_or_default()
}
