//! The load test's command line, shared by every program that offers it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use crate::customer::{Behaviour, Purchase, TestCard};
use crate::g711::Law;
use crate::party;
use crate::run::{LoadPlan, LoadReport, Route, Spread, run};
use crate::voice::Press;

/// Bad arguments (sysexits.h EX_USAGE).
const EXIT_USAGE: u8 = 64;
/// Numbers reserved for drama: with more calls two customers would share one.
const CALLS_MAX: usize = 6_000;

/// A load test, as it is asked for on a command line.
#[derive(Args)]
pub struct Load {
    /// Number of calls.
    #[arg(long, default_value_t = 1)]
    calls: usize,
    /// New calls a second.
    #[arg(long, default_value_t = 1.0)]
    rate: f64,
    /// How phones report keys.
    #[arg(long, value_enum, default_value_t = KeysArg::Inband)]
    keys: KeysArg,
    /// Seconds of talk on the secured line before the payment.
    #[arg(long, default_value_t = 2.0)]
    secs: f64,
    /// Seconds on the secured line after the payment.
    #[arg(long, default_value_t = 1.0)]
    stay_secs: f64,
    /// SIP address of the service.
    #[arg(long, default_value = "127.0.0.1:5060")]
    sip: SocketAddr,
    /// Base URL of the service's API.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    api: String,
    /// API token of the tenant.
    #[arg(long, default_value = "")]
    token: String,
    /// Address of the simulated PBX: the tenant's trunk.
    #[arg(long, default_value = "127.0.0.1:5080")]
    pbx: SocketAddr,
    /// Address that customers' calls come from; without it they come from the PBX.
    #[arg(long)]
    carrier: Option<SocketAddr>,
    /// What is dialled: the tenant's number, or the speed dial with the agent's PIN.
    #[arg(long, default_value = "")]
    dial: String,
    /// How calls reach the service.
    #[arg(long, value_enum, default_value_t = RouteArg::OnDemand)]
    route: RouteArg,
    /// Law of the customers' phones.
    #[arg(long, value_enum, default_value_t = LawArg::A)]
    law: LawArg,
    /// What customers do at the keypad.
    #[arg(long, value_enum, default_value_t = BehaviourArg::Normal)]
    behaviour: BehaviourArg,
    /// Take no payments.
    #[arg(long)]
    no_payment: bool,
    /// Card number, a published test number.
    #[arg(long, default_value = "4111111111111111")]
    pan: String,
    /// Expiry as keyed, MMYY.
    #[arg(long, default_value = "1230")]
    expiry: String,
    /// Code.
    #[arg(long, default_value = "123")]
    cvc: String,
    /// Length of a press, ms.
    #[arg(long, default_value_t = 80)]
    on_ms: u32,
    /// Pause between presses, ms.
    #[arg(long, default_value_t = 80)]
    off_ms: u32,
    /// Level of each tone, dBm0.
    #[arg(long, default_value_t = -10.0, allow_hyphen_values = true)]
    level_dbm0: f32,
    /// Key pressed after every field, or `none`.
    #[arg(long, default_value = "*")]
    terminator: String,
    /// Seed of voices and key times.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum KeysArg {
    Inband,
    #[value(name = "4733")]
    Event,
    Info,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum RouteArg {
    OnDemand,
    InPath,
}

#[derive(Clone, Copy, ValueEnum)]
enum LawArg {
    A,
    Mu,
}

#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum BehaviourArg {
    Normal,
    DuplicateKeys,
    ShortTones,
    HeldKey,
    WrongLuhnFirst,
    Silent,
    HangsUpAtCode,
    SpeaksNumber,
    WrongCodeFirst,
}

impl Load {
    /// Runs it and prints the report; succeeds only if nothing failed, nothing leaked and the control
    /// heard all.
    pub async fn run(&self) -> ExitCode {
        load(self).await
    }

    fn plan(&self) -> Result<LoadPlan, String> {
        let finite = |name: &str, value: f64| {
            if value.is_finite() && (0.0..=86_400.0).contains(&value) {
                Ok(value)
            } else {
                Err(format!("--{name} {value}: must lie between 0 and 86400"))
            }
        };
        let dial = self.dial.clone();
        if dial.is_empty() || dial.chars().any(|c| c.is_whitespace() || c == '@') {
            return Err("--dial: the number that the service answers, without spaces".into());
        }
        if !(1..=CALLS_MAX).contains(&self.calls) {
            return Err(format!("--calls {}: must lie between 1 and {CALLS_MAX}", self.calls));
        }
        if !(20..=10_000).contains(&self.on_ms) || !(20..=10_000).contains(&self.off_ms) {
            return Err("--on-ms and --off-ms must lie between 20 and 10000".into());
        }
        let press = Press {
            on_ms: self.on_ms,
            off_ms: self.off_ms,
            level_dbm0: self.level_dbm0.clamp(-40.0, 0.0),
            ..Press::default()
        };
        Ok(LoadPlan {
            calls: self.calls,
            rate_per_s: finite("rate", self.rate)?,
            keys: match self.keys {
                KeysArg::Inband => party::Keys::InBand,
                KeysArg::Event => party::Keys::Event,
                KeysArg::Info => party::Keys::Info,
            },
            press,
            terminator: terminator(&self.terminator)?,
            secs: finite("secs", self.secs)?,
            stay_secured_secs: finite("stay-secs", self.stay_secs)?,
            route: match self.route {
                RouteArg::OnDemand => Route::OnDemand { dial },
                RouteArg::InPath => Route::InPath { dial },
            },
            sip: self.sip,
            pbx_bind: self.pbx,
            carrier_bind: self.carrier,
            api: self.api.clone(),
            token: self.token.clone(),
            law: match self.law {
                LawArg::A => Law::A,
                LawArg::Mu => Law::Mu,
            },
            seed: self.seed,
            take_payment: !self.no_payment,
            card: TestCard { pan: self.pan.clone(), expiry: self.expiry.clone(), cvc: self.cvc.clone() },
            purchase: Purchase::default(),
            receipt: None,
            behaviour: match self.behaviour {
                BehaviourArg::Normal => Behaviour::Normal,
                BehaviourArg::DuplicateKeys => Behaviour::DuplicateKeys,
                BehaviourArg::ShortTones => Behaviour::ShortTones,
                BehaviourArg::HeldKey => Behaviour::HeldKey,
                BehaviourArg::WrongLuhnFirst => Behaviour::WrongLuhnFirst,
                BehaviourArg::Silent => Behaviour::Silent,
                BehaviourArg::HangsUpAtCode => Behaviour::HangsUpAtCode,
                BehaviourArg::SpeaksNumber => Behaviour::SpeaksNumber,
                BehaviourArg::WrongCodeFirst => Behaviour::WrongCodeFirst,
            },
        })
    }
}

fn terminator(text: &str) -> Result<Option<char>, String> {
    match text {
        "none" => Ok(None),
        "*" => Ok(Some('*')),
        "#" => Ok(Some('#')),
        other => Err(format!("--terminator {other}: must be *, # or none")),
    }
}

async fn load(load: &Load) -> ExitCode {
    let plan = match load.plan() {
        Ok(plan) => plan,
        Err(why) => return fail(&why, EXIT_USAGE),
    };
    let report = match run(plan).await {
        Ok(report) => report,
        Err(error) => return fail(&error.to_string(), 1),
    };
    let text = if load.json {
        match serde_json::to_string(&report) {
            Ok(text) => text + "\n",
            Err(error) => return fail(&error.to_string(), 1),
        }
    } else {
        render(&report)
    };
    // A reader that has gone away changes nothing about the verdict.
    let _ = std::io::stdout().write_all(text.as_bytes());
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn fail(why: &str, code: u8) -> ExitCode {
    eprintln!("{why}");
    ExitCode::from(code)
}

fn render(report: &LoadReport) -> String {
    let mut lines = vec![format!("calls        {} of {} worked", report.ok, report.calls)];
    lines.extend(report.failed.iter().map(|(why, count)| format!("  failed     {count} × {why}")));
    lines.push(format!("secured      {}", spread(&report.secured_ms)));
    lines.push(format!("command      {}", spread(&report.secure_command_ms)));
    lines.push(format!("delay        {}", spread(&report.delay_ms)));
    lines.push(format!("key to event {}", spread(&report.key_to_event_ms)));
    lines.push(format!("loss         {} of {} packets", report.packets_lost, report.packets_sent));
    lines.push(format!(
        "digits       {} keyed, {} recovered by the agent's side, residue {} ms",
        report.digits_keyed, report.digits_recovered, report.residual_ms
    ));
    lines.push(match report.control_recovered {
        Some(0) => "control      no key was pressed: nothing is proven about leaks".to_owned(),
        Some(count) => format!("control      {count} recovered on the customers' side"),
        None => {
            "control      missed digits on the customers' side: the figures above prove nothing".to_owned()
        }
    });
    if report.leaking_calls > 0 {
        lines.push(format!("NOT CLEAN    {} calls", report.leaking_calls));
    }
    lines.extend(report.payments.iter().map(|(outcome, count)| format!("payments     {count} {outcome}")));
    lines.join("\n") + "\n"
}

fn spread(spread: &Spread) -> String {
    let ms = |value: Option<f32>| value.map_or("-".to_owned(), |ms| format!("{ms:.1}"));
    format!("p50 {} p95 {} p99 {} max {} ms", ms(spread.p50), ms(spread.p95), ms(spread.p99), ms(spread.max))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        load: Load,
    }

    fn load(arguments: &[&str]) -> Load {
        let line = ["loadtest"].iter().chain(arguments);
        Cli::try_parse_from(line).expect("valid arguments").load
    }

    #[test]
    fn arguments_become_a_plan() {
        let plan = load(&[
            "--calls",
            "3",
            "--rate",
            "2",
            "--keys",
            "4733",
            "--route",
            "in_path",
            "--dial",
            "+441632960000",
            "--level-dbm0",
            "-20",
        ])
        .plan();
        let plan = plan.expect("a plan");
        assert_eq!((plan.calls, plan.keys, plan.press.level_dbm0), (3, party::Keys::Event, -20.0));
        assert_eq!(plan.route, Route::InPath { dial: "+441632960000".into() });
    }

    #[test]
    fn bad_arguments_are_named() {
        assert!(load(&[]).plan().is_err_and(|why| why.contains("--dial")));
        assert!(load(&["--dial", "1", "--rate", "nan"]).plan().is_err_and(|why| why.contains("--rate")));
        assert!(
            load(&["--dial", "1", "--terminator", "x"]).plan().is_err_and(|why| why.contains("--terminator"))
        );
        assert!(Cli::try_parse_from(["loadtest", "--keys", "smoke"]).is_err());
    }
}
