//! Logging to standard error.

use crate::config::{Log, LogFormat};
use tracing_subscriber::EnvFilter;

/// Sets logging up. The filter has been checked with the configuration: neither it nor an environment
/// variable can raise the libraries that log whole messages or statements.
pub(super) fn start(log: &Log) {
    let filter = EnvFilter::new(&log.filter);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process (tests) keeps the first.
    let _ = match log.format {
        LogFormat::Json => builder.json().try_init(),
        LogFormat::Text => builder.with_ansi(false).try_init(),
    };
}
