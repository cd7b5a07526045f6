//! Each route, good and bad: what it answers, what it refuses and how, and that a refusal changes nothing.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::{Bench, NOON, PASSWORD};
use futures::StreamExt as _;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use storage::{Category, Measurement};

const REGULATION: &str = "/api/v1/settings/regulation";
const SITE: &str = "/api/v1/settings/site";

// ---------------------------------------------------------------- live and past

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_is_whole_and_for_anyone() {
    let bench = Bench::new().await;
    let answer = bench.get("/api/v1/status", None).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["cache-control"], "no-store");
    let status: app::types::status::Status = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((status.circuits.len(), status.relays.len()), (2, 4));
    assert_eq!(status.time_zone, "America/Denver");
    assert!(status.demo.is_none());
    assert!(status.now.unwrap().timestamp_millis() >= NOON);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_live_feed_sends_pictures_until_shutdown() {
    let bench = Bench::new().await;
    let response = bench.begin("GET", "/api/v1/live", &[], "").await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let mut chunks = response.into_body().into_data_stream();
    let mut sequences = Vec::new();
    for _ in 0..3 {
        let chunk = chunks.next().await.unwrap().unwrap();
        let text = String::from_utf8(chunk.to_vec()).unwrap();
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        let status: Value = serde_json::from_str(field("data: ")).unwrap();
        assert_eq!(field("id: "), status["sequence"].to_string());
        sequences.push(status["sequence"].as_u64().unwrap());
    }
    assert!(sequences.is_sorted() && sequences[0] < sequences[2], "{sequences:?}");
    bench.state.shutdown().cancel();
    let rest = tokio::time::timeout(Duration::from_secs(5), chunks.collect::<Vec<_>>()).await;
    assert!(rest.is_ok(), "the feed goes on after shutdown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_live_feed_has_only_so_many_seats() {
    let bench = Bench::new().await;
    let mut listeners = Vec::new();
    for _ in 0..100 {
        let response = bench.begin("GET", "/api/v1/live", &[], "").await;
        assert_eq!(response.status(), 200);
        listeners.push(response);
    }
    bench.get("/api/v1/live", None).await.check_problem(503, "unavailable", &[]);
    listeners.pop();
    assert_eq!(bench.begin("GET", "/api/v1/live", &[], "").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_series_has_columns_in_the_order_asked_for_with_gaps_as_null() {
    let bench = Bench::new().await;
    let row = |minutes: i64, t1: f64| Measurement {
        ts_ms: NOON - minutes * 60_000,
        dt_ms: 1000,
        measured_ms: [1000; 2],
        calibrated: [None, None, Some(t1), None, None, None],
        power_w: [Some(100.0), None],
        ..Measurement::default()
    };
    let rows = [row(50, 110.0), row(49, 112.0), row(10, 115.0)];
    bench.storage.append_measurements(&rows).await.unwrap();
    let path = "/api/v1/series?quantity=t1_f,power1_w&quantity=t2_f&points=60\
        &from=2026-06-21T17:00:00Z&to=2026-06-21T18:00:00Z";
    let answer = bench.get(path, None).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let series: app::types::series::Series = serde_json::from_slice(&answer.body).unwrap();
    let names: Vec<_> = series.columns.iter().map(|c| c.quantity.name()).collect();
    assert_eq!(names, ["t1_f", "power1_w", "t2_f"]);
    let values: Vec<_> = series.columns[0].mean.iter().flatten().copied().collect();
    assert_eq!(values, [110.0, 112.0, 115.0]);
    assert!(series.columns[2].max.iter().all(Option::is_none));
    let buckets = (series.to - series.from).num_milliseconds() / series.bucket_ms;
    assert_eq!(series.columns[0].mean.len(), usize::try_from(buckets).unwrap());

    let default = bench.get("/api/v1/series?quantity=v1_v", None).await;
    assert_eq!(default.status, 200, "{}", default.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_series_that_cant_be_says_which_parameter_is_wrong() {
    let bench = Bench::new().await;
    let check = async |query: &str, fields: &[&str]| {
        let answer = bench.get(&format!("/api/v1/series?{query}"), None).await;
        answer.check_problem(422, "invalid", fields);
    };
    check("", &["quantity"]).await;
    check("quantity=", &["quantity"]).await;
    check("quantity=t3_f", &["quantity"]).await;
    check("quantity=t1_f,t1_f", &["quantity"]).await;
    check("quantity=t1_f&points=0", &["points"]).await;
    check("quantity=t1_f&points=5001", &["points"]).await;
    check("quantity=t1_f&points=-1", &["points"]).await;
    check("quantity=t1_f&points=NaN", &["points"]).await;
    check("quantity=t1_f&points=5&points=6", &["points"]).await;
    check("quantity=t1_f&from=yesterday", &["from"]).await;
    check("quantity=t1_f&to=1782064800000", &["to"]).await;
    check("quantity=t1_f&from=1969-12-31T00:00:00Z&to=1970-01-02T00:00:00Z", &["from"]).await;
    check("quantity=t1_f&from=2026-06-21T17:00:00Z&to=2026-06-21T17:00:00Z", &["to"]).await;
    check("quantity=t1_f&from=2001-01-01T00:00:00Z&to=2026-01-01T00:00:00Z", &["to"]).await;
    check("quantity=t1_f&from=2001-01-01T00:00:00Z&to=%2B262142-01-01T00:00:00Z", &["to"]).await;
    check("quantity=t1_f&colour=red", &["colour"]).await;
    check("quantity=t9_f&points=x&from=x&to=x", &["quantity", "points", "from", "to"]).await;
}

// ---------------------------------------------------------------- sessions

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_begins_shows_itself_and_ends_for_good() {
    let bench = Bench::new().await;
    bench.get("/api/v1/session", None).await.check_problem(401, "not-logged-in", &[]);

    let login = json!({ "name": "OTTO", "password": PASSWORD });
    let answer = bench.ask("POST", "/api/v1/session", None, &[], Some(login)).await;
    assert_eq!(answer.status, 201);
    assert_eq!((&answer.json()["name"], &answer.json()["role"]), (&json!("Otto"), &json!("operator")));
    let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=2592000"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!answer.text().contains(&answer.cookie()), "the token is in the body");

    let token = answer.cookie();
    let pair = format!("suntank_session={token}");
    let by_cookie = bench.raw("GET", "/api/v1/session", &[("cookie", &pair)], "").await;
    assert_eq!(by_cookie.json(), answer.json());
    assert_eq!(bench.get("/api/v1/session", Some(&token)).await.json(), answer.json());

    let other = bench.operator().await;
    let ended = bench.ask("DELETE", "/api/v1/session", Some(&token), &[], None).await;
    assert_eq!((ended.status.as_u16(), ended.body.len()), (204, 0));
    assert!(ended.headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    bench.get("/api/v1/session", Some(&token)).await.check_problem(401, "not-logged-in", &[]);
    assert_eq!(bench.get("/api/v1/session", Some(&other)).await.status, 200);
    let kinds: Vec<_> = bench.log().await.into_iter().map(|event| event.kind).collect();
    assert_eq!(kinds, ["logged_out", "logged_in", "logged_in"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_name_and_a_wrong_password_look_alike() {
    let bench = Bench::new().await;
    let attempt = async |name: &str, password: &str| {
        let login = json!({ "name": name, "password": password });
        bench.ask("POST", "/api/v1/session", None, &[], Some(login)).await
    };
    let wrong_password = attempt("otto", "cold water at night").await;
    let wrong_name = attempt("nobody", "cold water at night").await;
    wrong_password.check_problem(401, "wrong-credentials", &[]);
    assert_eq!(wrong_password.body, wrong_name.body);
    assert!(wrong_password.headers.get("set-cookie").is_none());
    attempt("otto", "short").await.check_problem(422, "invalid", &["password"]);
    attempt("otto", &"x".repeat(129)).await.check_problem(422, "invalid", &["password"]);
    attempt("", "cold water at night").await.check_problem(422, "invalid", &["name"]);

    let otto = bench.storage.user_by_name("otto").await.unwrap().unwrap();
    bench.storage.set_user_enabled(otto.id, false, NOON).await.unwrap();
    let disabled = attempt("otto", PASSWORD).await;
    assert_eq!(disabled.body, wrong_name.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_is_braked_and_tells_how_long() {
    let bench = Bench::new().await;
    let attempt = async |password: &str| {
        let login = json!({ "name": "otto", "password": password });
        bench.ask("POST", "/api/v1/session", None, &[], Some(login)).await
    };
    let mut braked = None;
    for _ in 0..7 {
        let answer = attempt("cold water at night").await;
        if answer.status == 429 {
            braked = Some(answer);
        }
    }
    let braked = braked.expect("seven wrong passwords in a row were all looked at");
    braked.check_problem(429, "too-many", &[]);
    let seconds: u64 = braked.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert_eq!(braked.json()["retry_after_s"], seconds);
    assert!((1..=3).contains(&seconds), "{seconds}");
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    assert_eq!(attempt(PASSWORD).await.status, 201, "the owner is locked out");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_our_own_live_tokens_prove_anything() {
    let bench = Bench::new().await;
    let good = bench.operator().await;
    let secret = std::fs::read(bench.folder.path().join("session.key")).unwrap();
    let payload = good.split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&base64_url(payload)).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();

    let forge = |algorithm, secret: &[u8], field: &str, value: Value| {
        let mut claims = claims.clone();
        claims[field] = value;
        encode(&Header::new(algorithm), &claims, &EncodingKey::from_secret(secret)).unwrap()
    };
    let (hs256, exp) = (Algorithm::HS256, claims["exp"].clone());
    let same = forge(hs256, &secret, "exp", exp.clone());
    assert_eq!(bench.get("/api/v1/session", Some(&same)).await.status, 200, "the test forges wrongly");

    let none = good.replacen(good.split('.').next().unwrap(), "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0", 1);
    let unsigned = format!("{}.", none.rsplit_once('.').unwrap().0);
    let forged = [
        ("another key", forge(hs256, &[7; 32], "exp", exp.clone())),
        ("another algorithm", forge(Algorithm::HS512, &secret, "exp", exp)),
        ("algorithm none", none),
        ("no signature", unsigned),
        ("expired", forge(hs256, &secret, "exp", json!(now - 1))),
        ("another audience", forge(hs256, &secret, "aud", json!("elsewhere"))),
        ("no audience", forge(hs256, &secret, "aud", Value::Null)),
        ("another user", forge(hs256, &secret, "sub", json!("2"))),
        ("another generation", forge(hs256, &secret, "gen", json!(99))),
        ("no such session", forge(hs256, &secret, "sid", json!("0".repeat(32)))),
        ("nonsense", "x".into()),
        ("empty", String::new()),
    ];
    for (what, token) in forged {
        let answer = bench.get("/api/v1/session", Some(&token)).await;
        assert_eq!(answer.status, 401, "{what}: {}", answer.text());
        let public = bench.get("/api/v1/status", Some(&token)).await;
        assert_eq!(public.status, 200, "{what}");
    }

    // A new password ends the sessions of the old one.
    let otto = bench.storage.user_by_name("otto").await.unwrap().unwrap();
    bench.storage.set_password(otto.id, &otto.password_hash, NOON).await.unwrap();
    assert_eq!(bench.get("/api/v1/session", Some(&good)).await.status, 401);
}

fn base64_url(text: &str) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'-' => 62,
        _ => 63,
    };
    let bits: Vec<u8> = text.bytes().flat_map(|c| (0..6).rev().map(move |n| digit(c) >> n & 1)).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | bit)).collect()
}

// ---------------------------------------------------------------- settings

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_taken_on_at_once_and_audited() {
    let bench = Bench::new().await;
    let ada = bench.administrator().await;
    let read = bench.get(REGULATION, Some(&ada)).await;
    assert_eq!((read.status.as_u16(), &read.headers["etag"]), (200, &"\"0\"".parse().unwrap()));
    let old = read.json();
    let mut new = old.clone();
    new["circuits"][1]["target_f"] = json!(135.5);
    new["circuits"][1]["mixing_valve_confirmed"] = json!(true);
    let written = bench.ask("PUT", REGULATION, Some(&ada), &[("if-match", "\"0\"")], Some(new.clone())).await;
    assert_eq!(written.status, 200, "{}", written.text());
    assert_eq!((written.json(), &written.headers["etag"]), (new.clone(), &"\"1\"".parse().unwrap()));
    let status = bench.get("/api/v1/status", None).await.json();
    assert_eq!(status["circuits"][1]["target_f"], 135.5);

    let audit = bench.log().await.into_iter().find(|e| e.category == Category::Audit).unwrap();
    let data: Value = serde_json::from_str(audit.data.as_deref().unwrap()).unwrap();
    assert_eq!((&data["old"], &data["new"]), (&old, &new));
    assert_eq!((&data["user"], &data["section"]), (&json!("Ada"), &json!("regulation")));

    let site = json!({ "latitude": -33.9, "longitude": 151.2, "time_zone": "Australia/Sydney", "polling_s": 5 });
    let written = bench.ask("PUT", SITE, Some(&ada), &[("if-match", "\"0\"")], Some(site.clone())).await;
    assert_eq!(written.status, 200, "{}", written.text());
    assert_eq!(bench.get(SITE, Some(&ada)).await.json(), site);
    let status = bench.get("/api/v1/status", None).await.json();
    assert_eq!(status["time_zone"], "Australia/Sydney");
    assert_eq!(status["circuits"][1]["target_f"], 135.5, "one section undid the other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_cant_be_change_nothing() {
    let bench = Bench::new().await;
    let ada = bench.administrator().await;
    let good = bench.get(REGULATION, Some(&ada)).await.json();
    let bearer = format!("Bearer {ada}");
    let put = async |path: &str, body: &str| {
        let headers = [("authorization", bearer.as_str()), ("if-match", "\"0\""), ("content-type", "application/json")];
        bench.raw("PUT", path, &headers, body.to_owned()).await
    };
    let spoilt = |pointer: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(pointer).unwrap() = value;
        body.to_string()
    };
    let check = async |pointer: &str, value: Value, field: &str| {
        put(REGULATION, &spoilt(pointer, value)).await.check_problem(422, "invalid", &[field]);
    };
    let hot = put(REGULATION, &spoilt("/circuits/0/target_f", json!(400))).await;
    hot.check_problem(422, "invalid", &["circuits[0].target_f", "circuits[0].mixing_valve_confirmed"]);
    check("/circuits/1/target_f", json!(-40), "circuits[1].target_f").await;
    check("/circuits/1/target_f", json!("NaN"), "circuits[1].target_f").await;
    check("/circuits/1/target_f", Value::Null, "circuits[1].target_f").await;
    check("/circuits/0/hysteresis_f", json!(0), "circuits[0].hysteresis_f").await;
    check("/circuits", json!([]), "circuits").await;
    check("/agreeing_samples", json!(61), "agreeing_samples").await;
    check("/agreeing_samples", json!(1.5), "agreeing_samples").await;
    check("/before_sunset_min", json!(241), "before_sunset_min").await;
    let text = good.to_string();
    let nan = text.replacen("\"target_f\":120.0", "\"target_f\":NaN", 1);
    assert_ne!(nan, text);
    put(REGULATION, &nan).await.check_problem(400, "malformed", &[]);
    let unknown = text.replacen('{', "{\"colour\":1,", 1);
    put(REGULATION, &unknown).await.check_problem(422, "invalid", &["colour"]);
    put(REGULATION, "").await.check_problem(400, "malformed", &[]);
    put(REGULATION, &text[..40]).await.check_problem(400, "malformed", &[]);

    let site = |zone: &str, latitude: f64| {
        json!({ "latitude": latitude, "longitude": 0.0, "time_zone": zone, "polling_s": 1 }).to_string()
    };
    put(SITE, &site("Mars/Olympus", 0.0)).await.check_problem(422, "invalid", &["time_zone"]);
    put(SITE, &site("America/Denver", 91.0)).await.check_problem(422, "invalid", &["latitude"]);

    assert_eq!(bench.get(REGULATION, Some(&ada)).await.json(), good);
    assert!(bench.storage.settings().await.unwrap().is_empty());
    assert!(bench.log().await.iter().all(|event| event.category != Category::Audit));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_needs_the_revision_it_was_made_from() {
    let bench = Bench::new().await;
    let ada = bench.administrator().await;
    let value = bench.get(REGULATION, Some(&ada)).await.json();
    let put =
        async |if_match: &[(&str, &str)]| bench.ask("PUT", REGULATION, Some(&ada), if_match, Some(value.clone())).await;
    for wrong in ["\"1\"", "0", "*", "W/\"0\"", "\"x\"", "\"-1\""] {
        put(&[("if-match", wrong)]).await.check_problem(412, "revision-mismatch", &[]);
    }
    put(&[]).await.check_problem(412, "revision-mismatch", &[]);
    assert_eq!(put(&[("if-match", "\"0\"")]).await.status, 200);
    put(&[("if-match", "\"0\"")]).await.check_problem(412, "revision-mismatch", &[]);
    assert_eq!(put(&[("if-match", "\"1\"")]).await.status, 200);
}

// ---------------------------------------------------------------- control

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_override_shows_in_its_answer_and_in_the_log() {
    let bench = Bench::new().await;
    let otto = bench.operator().await;
    let forced = json!({ "on": false, "for_s": 600 });
    let answer = bench.ask("PUT", "/api/v1/circuits/2/override", Some(&otto), &[], Some(forced.clone())).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["circuits"][1]["override"]["on"], false);
    let answer = bench.ask("PUT", "/api/v1/relays/outside1/override", Some(&otto), &[], Some(forced)).await;
    assert_eq!(answer.json()["relays"][1]["override"]["on"], false);
    let answer = bench.ask("DELETE", "/api/v1/circuits/2/override", Some(&otto), &[], None).await;
    assert_eq!(answer.json()["circuits"][1]["override"], Value::Null);
    assert_eq!(answer.json()["relays"][1]["override"]["on"], false);
    let answer = bench.ask("DELETE", "/api/v1/relays/outside1/override", Some(&otto), &[], None).await;
    assert_eq!(answer.json()["relays"][1]["override"], Value::Null);

    let messages: Vec<_> = bench.log().await.into_iter().map(|event| event.message).collect();
    assert_eq!(messages[3], "Otto forced circuit 2 off for 600 s");
    assert_eq!(messages[0], "Otto handed relay outside1 back to automatic");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_override_that_cant_be_changes_nothing() {
    let bench = Bench::new().await;
    let otto = bench.operator().await;
    let put = async |path: &str, body: Value| bench.ask("PUT", path, Some(&otto), &[], Some(body)).await;
    let circuit = "/api/v1/circuits/1/override";
    let forced = json!({ "on": true, "for_s": 60 });
    for for_s in [0, 9, 86_401] {
        let body = json!({ "on": true, "for_s": for_s });
        put(circuit, body).await.check_problem(422, "invalid", &["for_s"]);
    }
    put(circuit, json!({ "on": true })).await.check_problem(422, "invalid", &["for_s"]);
    put(circuit, json!({ "on": 1, "for_s": 60 })).await.check_problem(422, "invalid", &["on"]);
    put(circuit, json!({ "on": true, "for_s": -60 })).await.check_problem(422, "invalid", &["for_s"]);
    for path in ["circuits/0", "circuits/3", "circuits/x", "circuits/256", "relays/inside3", "relays/%00"] {
        let path = format!("/api/v1/{path}/override");
        put(&path, forced.clone()).await.check_problem(404, "not-found", &[]);
    }
    let status = bench.get("/api/v1/status", None).await.json();
    assert_eq!(status["circuits"][0]["override"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_off_stays_until_someone_resumes() {
    let bench = Bench::new().await;
    let otto = bench.operator().await;
    for _ in 0..2 {
        let answer = bench.ask("POST", "/api/v1/all-off", Some(&otto), &[], None).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["all_off"]), (200, &json!(true)));
    }
    let answer = bench.ask("DELETE", "/api/v1/all-off", Some(&otto), &[], None).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["all_off"]), (200, &json!(false)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_without_a_trip_is_a_conflict() {
    let bench = Bench::new().await;
    let otto = bench.operator().await;
    let answer = bench.ask("POST", "/api/v1/watchdog/reset", Some(&otto), &[], None).await;
    answer.check_problem(409, "conflict", &[]);
    assert_eq!(answer.json()["detail"], "Nothing has tripped.");
    let answer = bench.ask("POST", "/api/v1/circuits/1/self-test", Some(&otto), &[], None).await;
    answer.check_problem(409, "conflict", &[]);
    let answer = bench.ask("POST", "/api/v1/circuits/3/self-test", Some(&otto), &[], None).await;
    answer.check_problem(404, "not-found", &[]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_off_works_with_the_queue_full_and_storage_gone() {
    let bench = Bench::new().await;
    let otto = bench.operator().await;
    let forced = json!({ "on": false, "for_s": 60 });
    let circuit = "/api/v1/circuits/1/override";
    assert_eq!(bench.get("/api/v1/session", Some(&otto)).await.status, 200);

    bench.deaf.store(true, Ordering::Relaxed);
    let waiting = (0..33).map(|_| bench.ask("PUT", circuit, Some(&otto), &[], Some(forced.clone())));
    let answers = futures::future::join_all(waiting).await;
    assert!(answers.iter().all(|answer| answer.status == 503));
    let full = answers.iter().filter(|a| a.text().contains("too many commands")).count();
    assert_eq!(full, 1);
    bench.storage.close().await;

    let answer = bench.ask("POST", "/api/v1/all-off", Some(&otto), &[], None).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["all_off"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_loop_cant_hear_of_is_not_stored() {
    let bench = Bench::new().await;
    let otto = bench.operator().await;
    let value = bench.get(REGULATION, Some(&otto)).await.json();
    bench.deaf.store(true, Ordering::Relaxed);
    let forced = json!({ "on": false, "for_s": 60 });
    let circuit = "/api/v1/circuits/1/override";
    let waiting = (0..32).map(|_| bench.ask("PUT", circuit, Some(&otto), &[], Some(forced.clone())));
    futures::future::join_all(waiting).await;
    let answer = bench.ask("PUT", REGULATION, Some(&otto), &[("if-match", "\"0\"")], Some(value)).await;
    answer.check_problem(503, "unavailable", &[]);
    assert!(bench.storage.settings().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_storage_gone_the_picture_stays_and_the_rest_says_so() {
    let bench = Bench::new().await;
    let otto = bench.operator().await;
    assert_eq!(bench.get("/readyz", None).await.status, 200);
    bench.storage.close().await;
    assert_eq!(bench.get("/healthz", None).await.status, 200);
    bench.get("/readyz", None).await.check_problem(503, "unavailable", &[]);
    assert_eq!(bench.get("/api/v1/status", Some(&otto)).await.status, 200);
    let series = bench.get("/api/v1/series?quantity=t1_f", None).await;
    series.check_problem(503, "unavailable", &[]);
    // Whom storage has never vouched for since the start is nobody that can be told.
    bench.get("/api/v1/session", Some(&otto)).await.check_problem(503, "unavailable", &[]);
    let login = json!({ "name": "otto", "password": PASSWORD });
    let login = bench.ask("POST", "/api/v1/session", None, &[], Some(login)).await;
    login.check_problem(503, "unavailable", &[]);
}

// ---------------------------------------------------------------- everywhere

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_way_or_a_wrong_method_is_a_problem_too() {
    let bench = Bench::new().await;
    for path in ["/api", "/api/", "/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v2/status", "/fn", "/fn/"] {
        bench.get(path, None).await.check_problem(404, "not-found", &[]);
    }
    let answer = bench.ask("DELETE", "/api/v1/status", None, &[], None).await;
    answer.check_problem(405, "method-not-allowed", &[]);
    assert_eq!(answer.headers["allow"], "GET,HEAD");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_small_json_is_looked_at() {
    let bench = Bench::new().await;
    let login = json!({ "name": "otto", "password": PASSWORD }).to_string();
    let post = async |kind: &[(&str, &str)], body: String| bench.raw("POST", "/api/v1/session", kind, body).await;
    post(&[], login.clone()).await.check_problem(415, "not-json", &[]);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    post(&form, login.clone()).await.check_problem(415, "not-json", &[]);
    post(&[("content-type", "text/plain")], login.clone()).await.check_problem(415, "not-json", &[]);
    let json = [("content-type", "Application/JSON; charset=utf-8")];
    post(&json, "{\"name\":".into()).await.check_problem(400, "malformed", &[]);
    post(&json, " ".repeat(64 * 1024 + 1)).await.check_problem(413, "too-large", &[]);
    post(&json, "[]".into()).await.check_problem(422, "invalid", &["body"]);
    assert_eq!(post(&json, login + &" ".repeat(60 * 1024)).await.status, 201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_sites_page_changes_nothing() {
    let bench = Bench::new().await;
    let otto = bench.operator().await;
    let cookie = format!("suntank_session={otto}");
    let all_off = async |headers: &[(&str, &str)]| {
        let mut headers = headers.to_vec();
        headers.push(("cookie", &cookie));
        bench.raw("POST", "/api/v1/all-off", &headers, "").await
    };
    all_off(&[]).await.check_problem(403, "forbidden", &[]);
    all_off(&[("origin", "http://evil.example")]).await.check_problem(403, "forbidden", &[]);
    all_off(&[("origin", "null")]).await.check_problem(403, "forbidden", &[]);
    all_off(&[("sec-fetch-site", "cross-site")]).await.check_problem(403, "forbidden", &[]);
    assert_eq!(bench.get("/api/v1/status", None).await.json()["all_off"], false);
    let own = [("origin", "http://suntank.local"), ("sec-fetch-site", "same-origin")];
    assert_eq!(all_off(&own).await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_carries_the_security_headers() {
    let bench = Bench::new().await;
    for path in ["/", "/settings", "/lost.js", "/api/v1/status", "/api/v1/nothing", "/api/docs/", "/healthz", "/fn/x"] {
        let answer = bench.get(path, None).await;
        let csp = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(csp.starts_with("default-src 'none'; script-src 'self'"), "{path}: {csp}");
        assert!(csp.contains("frame-ancestors 'none'") && csp.contains("base-uri 'none'"), "{path}: {csp}");
        assert_eq!(csp.contains("unsafe-inline"), path == "/api/docs/", "{path}: {csp}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer", "{path}");
        assert_eq!(answer.headers["cross-origin-opener-policy"], "same-origin", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_documentation_is_in_the_binary() {
    let bench = Bench::new().await;
    let page = bench.get("/api/docs/", None).await;
    assert_eq!(page.status, 200);
    assert!(page.text().contains("swagger-ui"), "{}", page.text());
    assert!(!page.text().contains("https://"), "{}", page.text());
    assert_eq!(bench.get("/api/docs/swagger-ui-bundle.js", None).await.status, 200);
    let document = bench.get("/api/openapi.json", None).await;
    assert_eq!(document.json(), serde_json::to_value(server::openapi::document()).unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_app_is_served_for_its_own_pages() {
    let bench = Bench::new().await;
    let page = bench.raw("GET", "/settings", &[("accept-encoding", "br")], "").await;
    assert_eq!((page.status.as_u16(), &page.headers["content-encoding"]), (200, &"br".parse().unwrap()));
    assert_eq!(page.headers["cache-control"], "no-cache");
    bench.get("/lost.wasm", None).await.check_problem(404, "not-found", &[]);
}
