//! Who may do what: one table over all routes and all roles. A route that is missing from it fails.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use common::Bench;
use serde_json::{Value, json};

/// The least that it takes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Who {
    Anyone,
    LoggedIn,
    Operator,
    Administrator,
}
use Who::{Administrator, Anyone, LoggedIn, Operator};

fn regulation() -> Value {
    let circuit = json!({ "target_f": 118.0, "hysteresis_f": 2.0, "mixing_valve_confirmed": false });
    json!({
        "circuits": [circuit, circuit],
        "agreeing_samples": 5,
        "before_sunset_min": 30,
        "after_sunrise_min": 30,
    })
}

fn site() -> Value {
    json!({ "latitude": 40.0, "longitude": -108.0, "time_zone": "America/Denver", "polling_s": 2 })
}

/// Method, path in the document, who, and a body that is accepted.
fn routes() -> Vec<(&'static str, &'static str, Who, Option<Value>)> {
    let forced = json!({ "on": false, "for_s": 60 });
    let login = json!({ "name": "otto", "password": common::PASSWORD });
    vec![
        ("get", "/healthz", Anyone, None),
        ("get", "/readyz", Anyone, None),
        ("get", "/api/v1/status", Anyone, None),
        ("get", "/api/v1/live", Anyone, None),
        ("get", "/api/v1/series", Anyone, None),
        ("post", "/api/v1/session", Anyone, Some(login)),
        ("get", "/api/v1/session", LoggedIn, None),
        ("delete", "/api/v1/session", LoggedIn, None),
        ("get", "/api/v1/settings/regulation", Operator, None),
        ("put", "/api/v1/settings/regulation", Operator, Some(regulation())),
        ("get", "/api/v1/settings/site", Administrator, None),
        ("put", "/api/v1/settings/site", Administrator, Some(site())),
        ("put", "/api/v1/circuits/{circuit}/override", Operator, Some(forced.clone())),
        ("delete", "/api/v1/circuits/{circuit}/override", Operator, None),
        ("put", "/api/v1/relays/{relay}/override", Operator, Some(forced)),
        ("delete", "/api/v1/relays/{relay}/override", Operator, None),
        ("post", "/api/v1/all-off", LoggedIn, None),
        ("delete", "/api/v1/all-off", Operator, None),
        ("post", "/api/v1/watchdog/reset", Operator, None),
        ("post", "/api/v1/circuits/{circuit}/self-test", Operator, None),
    ]
}

/// Path, who, and arguments that are accepted.
fn functions() -> Vec<(&'static str, Who, Value)> {
    let order = json!({ "order": { "target": { "circuit": 1 }, "override": null } });
    let change = json!({ "change": { "revision": 0, "value": regulation() } });
    vec![
        ("/fn/regulation", Operator, json!({})),
        ("/fn/set_regulation", Operator, change),
        ("/fn/set_override", Operator, order),
        ("/fn/all_off", LoggedIn, json!({})),
        ("/fn/resume", Operator, json!({})),
        ("/fn/reset_watchdog", Operator, json!({})),
        ("/fn/self_test", Operator, json!({ "circuit": 1 })),
    ]
}

/// What each caller gets: the routes that are for them answer, whatever they answer; the others refuse.
async fn check(bench: &Bench, method: &str, path: &str, who: Who, body: Option<Value>) {
    let callers =
        [(Anyone, None), (Operator, Some(bench.operator().await)), (Administrator, Some(bench.administrator().await))];
    let path = path.replace("{circuit}", "1").replace("{relay}", "inside1");
    let path = if path.ends_with("/series") { path + "?quantity=t1_f" } else { path };
    for (caller, token) in callers {
        let mut headers = vec![("if-match".to_owned(), "\"0\"".to_owned())];
        headers.extend(token.map(|token| ("authorization".to_owned(), format!("Bearer {token}"))));
        headers.extend(body.as_ref().map(|_| ("content-type".to_owned(), "application/json".to_owned())));
        let headers: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let text = body.as_ref().map(Value::to_string).unwrap_or_default();
        let response = bench.begin(&method.to_uppercase(), &path, &headers, text).await;
        let expected = match caller {
            _ if caller >= who => None,
            Anyone => Some(401),
            _ => Some(403),
        };
        let status = response.status().as_u16();
        match expected {
            Some(expected) => assert_eq!(status, expected, "{method} {path} as {caller:?}"),
            None => assert!(matches!(status, 200..=299 | 409 | 412), "{method} {path} as {caller:?}: {status}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_answers_whom_it_is_for_and_nobody_else() {
    let bench = Bench::new().await;
    for (method, path, who, body) in routes() {
        check(&bench, method, path, who, body).await;
    }
    for (path, who, arguments) in functions() {
        check(&bench, "post", path, who, Some(arguments)).await;
    }
}

#[test]
fn the_table_has_every_route() {
    let document = serde_json::to_value(server::openapi::document()).unwrap();
    let mut documented = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        documented.extend(item.as_object().unwrap().keys().map(|m| (m.clone(), path.clone())));
    }
    let table = routes().into_iter().map(|(m, p, ..)| (m.to_owned(), p.to_owned()));
    assert_eq!(documented, table.collect());

    let known: BTreeSet<_> = server::functions::paths().collect();
    assert_eq!(known, functions().into_iter().map(|(path, ..)| path).collect());
}

#[test]
fn the_document_says_which_routes_need_a_login() {
    let document = serde_json::to_value(server::openapi::document()).unwrap();
    for (method, path, who, _) in routes() {
        let operation = &document["paths"][path][method];
        let needs_login = who > Anyone;
        assert_eq!(operation["security"].is_array(), needs_login, "{method} {path}");
        let responses = &operation["responses"];
        assert_eq!(responses["401"].is_object(), needs_login || path.ends_with("session"), "{method} {path}");
        if who >= Administrator || (who == Operator && method == "get") {
            assert!(responses["403"].is_object(), "{method} {path}");
        }
    }
}
