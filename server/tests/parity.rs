//! Two surfaces, one backend: every operation is on REST, every server function has a twin there that gives the
//! same answer, and the same refusal.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeSet;

use common::{Answer, Bench};
use serde_json::{Value, json};

/// Each method of `Backend`, where it is on REST, and the server function, if it has one.
const OPERATIONS: [(&str, &str, &str, Option<&str>); 14] = [
    ("status", "get", "/api/v1/status", None),
    ("series", "get", "/api/v1/series", None),
    ("log_in", "post", "/api/v1/session", None),
    ("session", "get", "/api/v1/session", None),
    ("log_out", "delete", "/api/v1/session", None),
    ("regulation", "get", "/api/v1/settings/regulation", Some("/fn/regulation")),
    ("set_regulation", "put", "/api/v1/settings/regulation", Some("/fn/set_regulation")),
    ("site", "get", "/api/v1/settings/site", None),
    ("set_site", "put", "/api/v1/settings/site", None),
    ("set_override", "put", "/api/v1/circuits/{circuit}/override", Some("/fn/set_override")),
    ("all_off", "post", "/api/v1/all-off", Some("/fn/all_off")),
    ("resume", "delete", "/api/v1/all-off", Some("/fn/resume")),
    ("reset_watchdog", "post", "/api/v1/watchdog/reset", Some("/fn/reset_watchdog")),
    ("self_test", "post", "/api/v1/circuits/{circuit}/self-test", Some("/fn/self_test")),
];

#[test]
fn every_operation_is_on_rest() {
    let source = include_str!("../../app/src/backend.rs");
    let of_backend = source.split("pub trait Backend").nth(1).unwrap();
    let methods: BTreeSet<_> =
        of_backend.split("async fn ").skip(1).map(|rest| rest.split('(').next().unwrap()).collect();
    assert_eq!(methods, OPERATIONS.iter().map(|(name, ..)| *name).collect());

    let document = serde_json::to_value(server::openapi::document()).unwrap();
    for (name, method, path, _) in OPERATIONS {
        assert!(document["paths"][path][method].is_object(), "{name}: {method} {path}");
    }
}

#[test]
fn every_server_function_has_a_twin() {
    let registered: BTreeSet<_> = leptos::server_fn::axum::server_fn_paths().map(|(path, _)| path).collect();
    assert_eq!(registered, server::functions::paths().collect());
    assert_eq!(registered, OPERATIONS.iter().filter_map(|(.., function)| *function).collect());
}

/// What moves from one picture to the next.
fn still(mut status: Value) -> Value {
    status["now"].take();
    status["sequence"].take();
    let circuits = status["circuits"].as_array_mut().unwrap();
    for circuit in circuits {
        circuit["reason"]["remaining_ms"].take();
        circuit["override"]["remaining_ms"].take();
    }
    status
}

fn assert_same(rest: &Answer, function: &Answer) {
    assert_eq!(rest.status, function.status, "{} / {}", rest.text(), function.text());
    if rest.status.is_success() {
        assert_eq!(still(rest.json()), still(function.json()));
    } else {
        assert_eq!(rest.json(), function.json());
        assert_eq!(rest.headers["content-type"], function.headers["content-type"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twins_answer_alike() {
    let bench = Bench::new().await;
    let otto = bench.operator().await;
    let rest = async |method, path, body| bench.ask(method, path, Some(&otto), &[], body).await;
    let call = async |path, arguments| bench.ask("POST", path, Some(&otto), &[], Some(arguments)).await;
    let order =
        |circuit: u8, forced: Value| json!({ "order": { "target": { "circuit": circuit }, "override": forced } });

    let forced = json!({ "on": false, "for_s": 600 });
    assert_same(
        &rest("PUT", "/api/v1/circuits/1/override", Some(forced.clone())).await,
        &call("/fn/set_override", order(1, forced)).await,
    );
    let too_long = json!({ "on": true, "for_s": 86_401 });
    assert_same(
        &rest("PUT", "/api/v1/circuits/1/override", Some(too_long.clone())).await,
        &call("/fn/set_override", order(1, too_long)).await,
    );
    assert_same(
        &rest("DELETE", "/api/v1/circuits/3/override", None).await,
        &call("/fn/set_override", order(3, Value::Null)).await,
    );
    assert_same(
        &rest("DELETE", "/api/v1/circuits/1/override", None).await,
        &call("/fn/set_override", order(1, Value::Null)).await,
    );
    assert_same(&rest("POST", "/api/v1/all-off", None).await, &call("/fn/all_off", json!({})).await);
    assert_same(&rest("DELETE", "/api/v1/all-off", None).await, &call("/fn/resume", json!({})).await);
    assert_same(&rest("POST", "/api/v1/watchdog/reset", None).await, &call("/fn/reset_watchdog", json!({})).await);
    for (circuit, path) in [(1, "/api/v1/circuits/1/self-test"), (3, "/api/v1/circuits/3/self-test")] {
        assert_same(&rest("POST", path, None).await, &call("/fn/self_test", json!({ "circuit": circuit })).await);
    }

    let section = rest("GET", "/api/v1/settings/regulation", None).await;
    let revised = call("/fn/regulation", json!({})).await.json();
    assert_eq!(section.json(), revised["value"]);
    assert_eq!(section.headers["etag"], format!("\"{}\"", revised["revision"]));

    let mut value = section.json();
    value["agreeing_samples"] = json!(9);
    let change = json!({ "change": { "revision": revised["revision"], "value": value } });
    let changed = call("/fn/set_regulation", change.clone()).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    let section = rest("GET", "/api/v1/settings/regulation", None).await;
    assert_eq!(section.json(), changed.json()["value"]);
    assert_eq!(section.headers["etag"], "\"1\"");

    // Both hold the old revision against a change.
    let late =
        bench.ask("PUT", "/api/v1/settings/regulation", Some(&otto), &[("if-match", "\"0\"")], Some(value)).await;
    late.check_problem(412, "revision-mismatch", &[]);
    assert_same(&late, &call("/fn/set_regulation", change).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_function_refuses_as_clearly_as_rest() {
    let bench = Bench::new().await;
    let otto = bench.operator().await;
    let bearer = format!("Bearer {otto}");
    let call = async |path: &str, kind: &str, body: &str| {
        let headers = [("authorization", bearer.as_str()), ("content-type", kind)];
        bench.raw("POST", path, &headers, body.to_owned()).await
    };
    let json = "application/json";
    let bad = call("/fn/set_override", json, "{").await;
    bad.check_problem(400, "malformed", &[]);
    let bad = call("/fn/set_override", json, "{}").await;
    bad.check_problem(422, "invalid", &["order"]);
    let bad = call("/fn/all_off", json, r#"{"now":true}"#).await;
    bad.check_problem(422, "invalid", &["now"]);
    let wet = r#"{"order":{"target":{"circuit":1},"override":null,"wet":1}}"#;
    call("/fn/set_override", json, wet).await.check_problem(422, "invalid", &["order.wet"]);
    let form = "application/x-www-form-urlencoded";
    call("/fn/all_off", form, "").await.check_problem(415, "not-json", &[]);
    call("/fn/all_off", json, &" ".repeat(70_000)).await.check_problem(413, "too-large", &[]);
    call("/fn/nothing", json, "{}").await.check_problem(404, "not-found", &[]);
    bench.get("/fn/all_off", Some(&otto)).await.check_problem(405, "method-not-allowed", &[]);

    let stranger = bench.ask("POST", "/fn/all_off", None, &[], Some(json!({}))).await;
    stranger.check_problem(401, "not-logged-in", &[]);
    let elsewhere = [("origin", "http://evil.example")];
    let foreign = bench.ask("POST", "/fn/all_off", Some(&otto), &elsewhere, Some(json!({}))).await;
    foreign.check_problem(403, "forbidden", &[]);
    assert_eq!(bench.get("/api/v1/status", None).await.json()["all_off"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_function_never_redirects() {
    let bench = Bench::new().await;
    let form = [("accept", "text/html"), ("referer", "http://evil.example/")];
    let answer = bench.ask("POST", "/fn/all_off", None, &form, Some(json!({}))).await;
    answer.check_problem(401, "not-logged-in", &[]);
    assert!(answer.headers.get("location").is_none());
}
