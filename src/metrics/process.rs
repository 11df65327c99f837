//! What Linux knows of this process (proc(5)). Where a file is missing, so is the reading.

use std::fs;

/// One reading.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Process {
    pub resident_bytes: Option<i64>,
    pub virtual_bytes: Option<i64>,
    pub threads: Option<i64>,
    pub open_fds: Option<i64>,
    pub max_fds: Option<i64>,
    pub cpu_s: Option<f64>,
    /// Seconds since 1970.
    pub start_s: Option<f64>,
}

/// Ticks a second in files of `/proc`: `USER_HZ`, 100 on every architecture that we build for.
const TICKS_A_SECOND: f64 = 100.0;

impl Process {
    pub fn read() -> Process {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let mut process = of(
            &text("/proc/self/status"),
            &text("/proc/self/limits"),
            &text("/proc/self/stat"),
            &text("/proc/stat"),
        );
        // The listing itself holds one descriptor.
        process.open_fds =
            fs::read_dir("/proc/self/fd").ok().map(|listing| (listing.count() as i64 - 1).max(0));
        process
    }
}

fn of(status: &str, limits: &str, own: &str, system: &str) -> Process {
    let field = |name: &str| after(status, name)?.split_whitespace().next()?.parse::<i64>().ok();
    let kib = |name: &str| Some(field(name)? * 1024);
    // The second field is the program's name in brackets and may hold blanks; the third follows it.
    let own: Vec<&str> =
        own.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let ticks = |nth: usize| Some(own.get(nth - 3)?.parse::<f64>().ok()? / TICKS_A_SECOND);
    let boot_s = after(system, "btime ").and_then(|rest| rest.trim().parse::<f64>().ok());
    Process {
        resident_bytes: kib("VmRSS:"),
        virtual_bytes: kib("VmSize:"),
        threads: field("Threads:"),
        open_fds: None,
        max_fds: after(limits, "Max open files")
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok()),
        cpu_s: ticks(14).zip(ticks(15)).map(|(user, system)| user + system),
        start_s: boot_s.zip(ticks(22)).map(|(boot, start)| boot + start),
    }
}

/// The rest of the line that begins so.
fn after<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_as_proc_5_describes_them() {
        let status = "Name:\tx\nVmSize:\t   20480 kB\nVmRSS:\t    1024 kB\nThreads:\t7\n";
        let limits = "Limit  Soft Limit  Hard Limit  Units\nMax open files            1024                 4096                 files\n";
        let stat = "12 (a) b (c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 7 0 12345 1 1\n";
        let read = of(status, limits, stat, "cpu 1 2\nbtime 1700000000\n");
        let expected = Process {
            resident_bytes: Some(1_048_576),
            virtual_bytes: Some(20_971_520),
            threads: Some(7),
            open_fds: None,
            max_fds: Some(1024),
            cpu_s: Some(3.0),
            start_s: Some(1_700_000_123.45),
        };
        assert_eq!(read, expected);
        assert_eq!(of("", "", "", ""), Process::default());
        assert_eq!(of("VmRSS:", "Max open files unlimited", "1 (x", "btime x"), Process::default());
    }

    #[test]
    fn this_process_has_memory_and_descriptors() {
        let own = Process::read();
        assert!(own.resident_bytes.is_some_and(|bytes| bytes > 1 << 20), "{own:?}");
        assert!(own.open_fds.is_some_and(|open| open >= 3), "{own:?}");
        assert!(own.start_s.is_some_and(|start| start > 1.6e9), "{own:?}");
    }
}
