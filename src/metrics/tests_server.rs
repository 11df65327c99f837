//! The whole system, asked as an operator asks it.

use super::tests::{checked, read};
use crate::config::{Config, ConfigArgs};
use crate::system::System;
use crate::tenancy::tests::Folder;
use crate::tenancy::{Secrets, Tenants, load};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

fn config(folder: &Folder) -> Config {
    let database = folder.path().join("tonewall.db");
    let set = [
        "sip.listen=127.0.0.1:0".to_owned(),
        "http.listen=127.0.0.1:0".to_owned(),
        "metrics.listen=127.0.0.1:0".to_owned(),
        format!("database.url=sqlite://{}?mode=rwc", database.display()),
        "calls.arbiters=1".to_owned(),
        "drain.grace_s=0".to_owned(),
    ];
    let layers = ConfigArgs { config: None, set: set.to_vec() };
    Config::load(&layers, [], &Secrets::only_given()).expect("good")
}

/// Head and body of the answer to a GET.
fn get(address: SocketAddr, path: &str) -> (String, String) {
    let mut stream = TcpStream::connect(address).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("is set");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("is read");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_lowercase(), body.to_owned())
}

#[test]
fn a_running_system_tells_its_counts_and_health() {
    crate::cli::install_tls();
    let folder = Folder::new("metrics");
    let config = config(&folder);
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tenants");
    let tenants = load(&manifests, &Secrets::only_given()).expect("good");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let handle = runtime.handle().clone();
    actix_rt::System::new().block_on(async move {
        let asking = handle.clone();
        let system = System::start(&config, Arc::new(Tenants::new(tenants)), handle).await.expect("starts");
        let at = system.metrics;
        let ask = async |path: &'static str| {
            asking.spawn_blocking(move || get(at, path)).await.expect("is answered")
        };
        let (head, text) = ask("/metrics").await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
        let samples = read(&text);
        assert_eq!(samples["tonewall_calls_live"], 0.0);
        assert_eq!(samples["tonewall_queue_age_seconds{queue=\"outbox\"}"], 0.0);
        assert_eq!(samples["tonewall_queue_depth{queue=\"receipts\"}"], 0.0);
        assert!(samples["process_resident_memory_bytes"] > 1e6);
        assert!(samples["process_start_time_seconds"] > 1.6e9);
        checked(&text);
        assert_eq!(ask("/livez").await.1, "ok\n");
        assert_eq!(ask("/readyz").await.1, "ok\n");
        let version = format!("{{\"name\":\"tonewall\",\"version\":\"{}\"}}", env!("CARGO_PKG_VERSION"));
        assert_eq!(ask("/version").await.1, version);
        // The agents' pages are elsewhere.
        assert!(ask("/sign-in").await.0.starts_with("http/1.1 404"));
        system.desk.around().sip.drain();
        let (head, words) = ask("/readyz").await;
        assert!(head.starts_with("http/1.1 503") && words.starts_with("draining"), "{head}: {words}");
        system.drain().await;
        assert!(TcpStream::connect(at).is_err(), "still listens");
    });
    runtime.shutdown_timeout(Duration::from_secs(2));
}
