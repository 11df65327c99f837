//! The one line on standard output that says where the service is.

use crate::system::System;
use serde::Serialize;

#[derive(Serialize)]
struct Ready {
    ready: bool,
    sip: String,
    http: String,
    metrics: String,
}

/// Tells a parent process (a test, a supervisor) the addresses, port 0 resolved.
pub(super) fn tell(system: &System) {
    let ready = Ready {
        ready: true,
        sip: system.sip.to_string(),
        http: system.http.to_string(),
        metrics: system.metrics.to_string(),
    };
    if let Ok(line) = serde_json::to_string(&ready) {
        println!("{line}");
    }
}
