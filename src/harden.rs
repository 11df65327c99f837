//! What a process that holds card data must not do: leave a core dump, print a panic's text.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use std::panic::PanicHookInfo;
use tracing::{error, warn};

/// Core dumps off (PCI DSS 3.3.1.2 names them), and no debugger of the same user.
pub fn no_dumps() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if setrlimit(Resource::Core, none).is_err()
        || set_dumpable_behavior(DumpableBehavior::NotDumpable).is_err()
    {
        warn!("core dumps could not be switched off");
    }
}

/// A panic tells where, never what: its text may hold anything that was formatted into it.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let place = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
        let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
        error!(place, thread, "panic");
    }));
}
