//! A thousand bad requests while changes flow: each gets the status it deserves, and the stream
//! does not notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use flusso_tests::database::Session;
use flusso_tests::http::{Connection, get, status, status_of, told};
use flusso_tests::shop;

use super::{LINES, SERVER};

/// `admin:flusso`.
const LOGIN: &str = "Authorization: Basic YWRtaW46Zmx1c3Nv\r\n";

/// A request that asks for the connection to be closed after it.
fn request(line: &str, headers: &str, body: &str) -> Vec<u8> {
    format!("{line}\r\nHost: x\r\nConnection: close\r\n{headers}\r\n{body}").into_bytes()
}

/// What is sent, to the private address or the public one, and what must come back.
fn battery() -> Vec<(bool, Vec<u8>, u16)> {
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    let wide = format!("X-A: {}\r\n", "y".repeat(100_000));
    let long = "a".repeat(20_000);
    let wrong = "Authorization: Basic YWRtaW46d3Jvbmc=\r\n";
    let with = |more: &str| format!("{LOGIN}{more}");
    let get = |path: &str| format!("GET {path} HTTP/1.1");
    let post = |path: &str| format!("POST {path} HTTP/1.1");
    vec![
        (true, request(&get("/indexes"), "", ""), 401),
        (true, request(&get("/indexes"), wrong, ""), 401),
        (true, request(&get("/indexes"), "Authorization: Basic ???\r\n", ""), 401),
        (true, request(&get("/indexes"), "Authorization: Bearer x\r\n", ""), 401),
        (true, request(&get("/nowhere"), wrong, ""), 401),
        (true, request(&get("/nowhere"), LOGIN, ""), 404),
        (true, request(&get("/reindex"), LOGIN, ""), 405),
        (true, request(&get("/../../etc/passwd"), LOGIN, ""), 404),
        (true, request(&post("/reindex"), &with("Content-Length: 1\r\n"), "{"), 400),
        (true, request(&post("/reindex?index=x-y"), LOGIN, ""), 400),
        (true, request(&post("/reindex?index=nope"), LOGIN, ""), 404),
        (true, request(&post("/reindex?index=%00%ff"), LOGIN, ""), 400),
        // The body never comes, and nobody waits for it.
        (true, request(&post("/reindex?index=nope"), &with("Content-Length: 9999\r\n"), "x"), 404),
        (true, request(&post("/reindex"), &with("Content-Length: 99999999\r\n"), ""), 413),
        (true, request(&post("/reindex"), &with("Content-Length: -1\r\n"), ""), 400),
        (false, request(&get(&format!("/{long}")), "", ""), 414),
        (true, request(&get(&format!("/{long}")), "", ""), 414),
        (false, request(&get("/healthz"), &many, ""), 431),
        (false, request(&get("/healthz"), &wide, ""), 431),
        (false, request("BREW /healthz HTTP/1.1", "", ""), 405),
        (false, request("BREW /nowhere HTTP/1.1", "", ""), 404),
        (false, request("POST /status HTTP/1.1", "", ""), 405),
        (false, request("GET /healthz HTTP/9.9", "", ""), 400),
        (false, request("GET  HTTP/1.1", "", ""), 400),
        (false, request("G\u{0}T / HTTP/1.1", "", ""), 400),
        (false, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec(), 400),
        (false, b"GET /healthz HTTP/1.0\r\n\r\n".to_vec(), 200),
        (false, request(&get("/healthz/"), "", ""), 404),
        (false, request("HEAD /status HTTP/1.1", "", ""), 200),
    ]
}

#[test]
fn a_thousand_bad_requests_leave_the_stream_untouched() {
    let shop = shop::deployment(&SERVER, "bad", 300, LINES);
    let mut flusso = shop.start(2);
    let (public, private) = flusso.addresses();
    shop.expect_equal(&mut flusso, "at seed");
    let before = flusso.said();

    let stop = Arc::new(AtomicBool::new(false));
    let (url, ends) = (shop.url.clone(), stop.clone());
    let writer = std::thread::spawn(move || {
        let session = Session::open(&url);
        let mut written = 0;
        while !ends.load(Ordering::Relaxed) {
            session.run(&format!(
                "UPDATE orders SET note = 'bad {written}' WHERE id = {}",
                1 + written % 300
            ));
            written += 1;
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        written
    });

    // More than a surface takes at once, each a byte short of a request for ever.
    let mut slow: Vec<Connection> = (0..300).map(|_| Connection::open(&public)).collect();
    slow.iter_mut().for_each(|it| it.send(b"GET /healthz HTTP/1.1\r\nX-Slow: "));
    assert_eq!(get(&public, "/healthz").0, 200, "behind the slow ones");
    for mut it in slow {
        assert_eq!(it.rest(), "", "it is hung up on");
    }
    let mut sent = 300;
    let battery = battery();
    while sent < 1000 {
        for (at_private, bytes, expected) in &battery {
            let address = if *at_private { &private } else { &public };
            let line = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
            assert_eq!(status(address, bytes), *expected, "{line}");
            sent += 1;
        }
    }
    let mut pipelined = Connection::open(&public);
    pipelined.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(9).as_bytes());
    pipelined.send(&request("GET /readyz HTTP/1.1", "", ""));
    let answers = pipelined.rest();
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 10, "{answers}");
    assert_eq!(status_of(&answers), 200);

    stop.store(true, Ordering::Relaxed);
    let written = writer.join().expect("the writer does not panic");
    shop.expect_equal(&mut flusso, "after it all");
    let now = told(&public);
    assert_eq!((&now["errors"], &now["phase"]), (&0.into(), &"live".into()), "{now:#}");
    assert!(now["changes_captured"].as_u64() >= Some(written), "{now:#}");
    assert_eq!(flusso.said(), before, "a request is no reason for a line");
}
