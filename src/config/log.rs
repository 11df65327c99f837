//! What is logged, and what never is.

/// Libraries whose lower levels show what must not be logged: SIP requests (dial strings with a PIN,
/// INFO bodies with digits), statements and rows, headers and bodies of HTTP (tokens, cards).
const QUIET: [&str; 8] = ["rsipstack", "sqlx", "sea_orm", "hyper", "h2", "reqwest", "rustls", "actix_http"];

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Directives for the subscriber: those of `level`, with the quiet libraries at `warn` or below.
///
/// # Errors
/// What is expected, when it is no list of `level` and `target=level`, or would raise a quiet library.
pub(super) fn filter(level: &str) -> Result<String, &'static str> {
    let (mut directives, mut general, mut named) = (Vec::new(), None, Vec::new());
    for directive in level.split(',').map(str::trim) {
        let (target, level) = match directive.split_once('=') {
            Some((target, level)) => (Some(target), level),
            None => (None, directive),
        };
        let rank = LEVELS.iter().position(|known| *known == level).ok_or(EXPECTED)?;
        match target {
            None if general.is_some() => return Err("must give one level for everything"),
            None => general = Some(rank),
            Some(target) if !is_target(target) => return Err(EXPECTED),
            Some(target) if is_quiet(target) && rank > WARN => {
                return Err("must not raise a library that sees cards, tokens or dial strings above warn");
            }
            Some(target) => named.push(target),
        }
        directives.push(directive.to_owned());
    }
    if general.is_none() {
        directives.insert(0, LEVELS[INFO].to_owned());
    }
    // The longest target that fits an event wins, so that a general `debug` does not reach these.
    let cap = LEVELS[general.unwrap_or(INFO).min(WARN)];
    let capped = QUIET.iter().filter(|target| !named.contains(*target));
    directives.extend(capped.map(|target| format!("{target}={cap}")));
    Ok(directives.join(","))
}

/// Levels from the fewest lines to the most.
const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace"];
const WARN: usize = 2;
const INFO: usize = 3;

const EXPECTED: &str =
    "must be off, error, warn, info, debug or trace, or a list such as info,tonewall::calls=debug";

fn is_target(target: &str) -> bool {
    !target.is_empty() && target.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

/// Whether a directive for this target is about a quiet library: the subscriber compares beginnings,
/// so that `sqlx` is about `sqlx_postgres` too.
fn is_quiet(target: &str) -> bool {
    QUIET.iter().any(|quiet| target.starts_with(quiet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_libraries_stay_at_warn_or_below() {
        let caps = |level: &str| QUIET.map(|target| format!("{target}={level}")).join(",");
        for level in ["info", "debug", "trace", "warn"] {
            assert_eq!(filter(level), Ok(format!("{level},{}", caps("warn"))));
        }
        assert_eq!(filter("error"), Ok(format!("error,{}", caps("error"))));
        assert_eq!(filter("off"), Ok(format!("off,{}", caps("off"))));
        assert_eq!(
            filter("tonewall::calls=trace, warn"),
            Ok(format!("tonewall::calls=trace,warn,{}", caps("warn")))
        );
        assert_eq!(filter("tonewall=debug"), Ok(format!("info,tonewall=debug,{}", caps("warn"))));
        let lowered = filter("debug,sqlx=off,rsipstack::transport=error").expect("lowers");
        assert_eq!(
            lowered
                .split(',')
                .filter(|part| part.starts_with("sqlx") || part.starts_with("rsip"))
                .collect::<Vec<_>>(),
            ["sqlx=off", "rsipstack::transport=error", "rsipstack=warn"]
        );
    }

    #[test]
    fn raising_them_is_refused_however_it_is_written() {
        for level in [
            "rsipstack=info",
            "info,sqlx=debug",
            "warn,sqlx::query=info",
            "sqlx_postgres=trace",
            "info,rsipstack::transport::udp=debug",
            "hyper_util=debug,info",
        ] {
            let expected = "must not raise a library that sees cards, tokens or dial strings above warn";
            assert_eq!(filter(level), Err(expected), "{level}");
        }
        for level in
            ["", "INFO", "loud", "info,", "=debug", "a b=debug", "tonewall[call]=debug", "tonewall=", "5"]
        {
            assert_eq!(filter(level), Err(EXPECTED), "{level}");
        }
        assert_eq!(filter("info,debug"), Err("must give one level for everything"));
    }

    /// Lines that a subscriber with this filter would write for events of these targets at all levels.
    fn written(level: &str) -> String {
        use tracing::{debug, error, info, trace, warn};
        let filter = tracing_subscriber::EnvFilter::new(filter(level).expect("good"));
        let lines = Lines::default();
        let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(lines.clone());
        macro_rules! all {
            ($($target:literal),+) => {$(
                error!(target: $target, "");
                warn!(target: $target, "");
                info!(target: $target, "");
                debug!(target: $target, "");
                trace!(target: $target, "");
            )+};
        }
        tracing::subscriber::with_default(subscriber.with_ansi(false).without_time().finish(), || {
            all!("tonewall::calls", "rsipstack::transport::udp", "sqlx::query", "hyper_util::client");
        });
        let bytes = lines.0.lock().expect("no writer panics").clone();
        let text = String::from_utf8(bytes).expect("text");
        text.lines().map(|line| format!("{}\n", line.trim().trim_end_matches(':'))).collect()
    }

    #[derive(Clone, Default)]
    struct Lines(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no writer panics").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Lines {
        type Writer = Lines;

        fn make_writer(&'a self) -> Lines {
            self.clone()
        }
    }

    #[test]
    fn the_subscriber_understands_it_so() {
        expect_test::expect![[r#"
            ERROR tonewall::calls
            WARN tonewall::calls
            INFO tonewall::calls
            DEBUG tonewall::calls
            TRACE tonewall::calls
            ERROR rsipstack::transport::udp
            WARN rsipstack::transport::udp
            ERROR sqlx::query
            ERROR hyper_util::client
            WARN hyper_util::client
        "#]]
        .assert_eq(&written("trace,sqlx=error"));
        expect_test::expect![[""]].assert_eq(&written("off"));
    }
}
