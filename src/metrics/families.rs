//! Every family: name, help, labels, buckets. Names follow the conventions of Prometheus: base units,
//! counters end in `_total`, no unit in a label.

use super::{Evidence, JobRun, Receipt, SignIn, Step, Word};
use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};
use tonewall_model::call::EndedWhy;
use tonewall_model::capture::Field;
use tonewall_model::dtmf::Unwell;
use tonewall_model::payment::attempt::{ATTEMPT_STATES, AttemptState};
use tonewall_model::route::RouteKind;

/// Bounds of a step in seconds: a code is keyed in two, a card number in twenty, and a capture may
/// last half an hour.
const STEP_BUCKETS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0];

/// Bounds from key to view: 150 ms is the most that the screen may lag, and a packet is 20 ms.
const KEY_BUCKETS: [f64; 12] = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0];

/// Bounds of securing a line: under 0.3 s in path; ringing an agent back takes seconds.
const SECURE_BUCKETS: [f64; 10] = [0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0];

/// Where packets come from or go to.
pub(super) const DIRECTIONS: [&str; 3] = ["from_customer", "from_agent", "to_agent"];
/// Why packets are dropped.
pub(super) const DROPS: [&str; 3] = ["stranger", "over_rate", "unusable"];
/// Queues with an age.
pub(super) const QUEUES: [&str; 2] = ["outbox", "receipts"];

const FIELDS: [Field; 6] =
    [Field::Pan, Field::Expiry, Field::Code, Field::HouseNumber, Field::Postcode, Field::Address];
const ROUTES: [RouteKind; 2] = [RouteKind::InPath, RouteKind::OnDemand];
const ENDS: [EndedWhy; 7] = [
    EndedWhy::CustomerHungUp,
    EndedWhy::AgentHungUp,
    EndedWhy::AgentUnreachable,
    EndedWhy::NoCommonCodec,
    EndedWhy::TooLong,
    EndedWhy::Shutdown,
    EndedWhy::Crashed,
];

/// The word of a field.
pub(super) fn field_word(field: Field) -> &'static str {
    match field {
        Field::Pan => "pan",
        Field::Expiry => "expiry",
        Field::Code => "code",
        Field::HouseNumber => "house_number",
        Field::Postcode => "postcode",
        Field::Address => "address",
    }
}

/// The families and the registry that they are in.
pub(super) struct Families {
    pub registry: Registry,
    pub calls: IntCounterVec,
    pub steps: IntCounterVec,
    pub step_seconds: HistogramVec,
    pub payments: IntCounterVec,
    pub key_seconds: Histogram,
    pub secure_seconds: Histogram,
    pub unwell: IntCounterVec,
    pub leaks: IntCounter,
    pub sign_ins: IntCounterVec,
    pub csp_reports: IntCounter,
    pub receipts: IntCounterVec,
    pub jobs: IntCounterVec,
    pub evidence: IntCounterVec,
    pub read: Read,
    /// One scrape at a time brings what others count up to date.
    pub scraping: parking_lot::Mutex<()>,
}

/// Families whose values are read from other parts at a scrape.
pub(super) struct Read {
    pub live: IntGauge,
    pub taken: IntCounter,
    pub crashed: IntCounter,
    pub seat_lost: IntCounter,
    pub pin_refused: IntCounter,
    pub no_room: IntCounter,
    pub dialogs: IntGauge,
    pub packets: IntCounterVec,
    pub dropped: IntCounterVec,
    pub masked: IntCounter,
    pub muted: IntCounter,
    pub keys_lost: IntCounter,
    pub commits: IntCounter,
    pub writes: IntCounter,
    pub writes_waiting: IntGauge,
    pub queue_age: GaugeVec,
    pub queue_depth: IntGaugeVec,
    pub resident: IntGauge,
    pub virtual_size: IntGauge,
    pub open_fds: IntGauge,
    pub max_fds: IntGauge,
    pub threads: IntGauge,
    pub cpu: prometheus::Counter,
    pub start: Gauge,
    pub build: IntGaugeVec,
}

impl Families {
    pub fn new() -> Families {
        let registry = Registry::new();
        let new = Maker(&registry);
        let families = Families {
            calls: new.counters("tonewall_calls_total", "Calls that ended, by route and why.", &["route", "ended"]),
            steps: new.counters(
                "tonewall_capture_steps_total",
                "Fields of captures that were asked for, by how that went.",
                &["field", "outcome"],
            ),
            step_seconds: new.histograms(
                "tonewall_capture_step_duration_seconds",
                "From asking for a field to its completion.",
                &["field"],
                &STEP_BUCKETS,
            ),
            payments: new.counters(
                "tonewall_payments_total",
                "Attempts that came to rest, by state; one that was unknown counts again when it is resolved.",
                &["outcome"],
            ),
            key_seconds: new.histogram(
                "tonewall_key_to_event_seconds",
                "From the arrival of a key's packet on the media thread to the view that shows it.",
                &KEY_BUCKETS,
            ),
            secure_seconds: new.histogram(
                "tonewall_secure_seconds",
                "From the INVITE, or the agent's wish, to the first packet on a secured line.",
                &SECURE_BUCKETS,
            ),
            unwell: new.counters(
                "tonewall_line_unwell_total",
                "Times that a secured line could not be vouched for and was muted, by why.",
                &["why"],
            ),
            leaks: new.counter("tonewall_leaks_total", "Calls on which a key was heard leaving the secured line."),
            sign_ins: new.counters("tonewall_sign_ins_total", "Sign-ins of agents, by how they ended.", &["outcome"]),
            csp_reports: new.counter(
                "tonewall_csp_reports_total",
                "Breaches of the content security policy that browsers reported.",
            ),
            receipts: new.counters("tonewall_receipts_total", "Receipts, by what became of them.", &["state"]),
            jobs: new.counters(
                "tonewall_outbox_events_total",
                "Events of the outbox other than receipts, by how their delivery went.",
                &["outcome"],
            ),
            evidence: new.counters(
                "tonewall_evidence_records_total",
                "Records of evidence, by leak verdict, or by what kept them from being written.",
                &["outcome"],
            ),
            read: Read::new(&new),
            scraping: parking_lot::Mutex::new(()),
            registry: registry.clone(),
        };
        families.begin();
        families
    }

    /// Every combination of labels is there from the start: a rate needs a first zero.
    fn begin(&self) {
        for route in ROUTES {
            for why in ENDS {
                self.calls.with_label_values(&[route.as_str(), why.as_str()]);
            }
        }
        for field in FIELDS.map(field_word) {
            self.step_seconds.with_label_values(&[field]);
            each::<Step>(|outcome| drop(self.steps.with_label_values(&[field, outcome])));
        }
        for state in ATTEMPT_STATES.into_iter().filter(|state| *state != AttemptState::Sending) {
            self.payments.with_label_values(&[state.as_str()]);
        }
        Unwell::ALL.iter().for_each(|why| drop(self.unwell.with_label_values(&[why.as_str()])));
        each::<SignIn>(|outcome| drop(self.sign_ins.with_label_values(&[outcome])));
        each::<Receipt>(|state| drop(self.receipts.with_label_values(&[state])));
        each::<JobRun>(|outcome| drop(self.jobs.with_label_values(&[outcome])));
        each::<Evidence>(|outcome| drop(self.evidence.with_label_values(&[outcome])));
        self.read.build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        DIRECTIONS.iter().for_each(|direction| drop(self.read.packets.with_label_values(&[direction])));
        DROPS.iter().for_each(|why| drop(self.read.dropped.with_label_values(&[why])));
    }
}

fn each<W: Word>(mut with: impl FnMut(&'static str)) {
    W::ALL.iter().for_each(|word| with(word.word()));
}

impl Read {
    fn new(new: &Maker<'_>) -> Read {
        Read {
            live: new.gauge("tonewall_calls_live", "Calls that are up."),
            taken: new.counter("tonewall_calls_taken_total", "Calls that were taken."),
            crashed: new.counter("tonewall_calls_crashed_total", "Calls that something of ours ended."),
            seat_lost: new
                .counter("tonewall_calls_seat_lost_total", "Crashed calls whose thread was blocked."),
            pin_refused: new.counter("tonewall_pin_refused_total", "Calls refused for their PIN."),
            no_room: new.counter("tonewall_calls_no_room_total", "Calls refused for lack of room."),
            dialogs: new.gauge("tonewall_sip_dialogs", "SIP dialogs that are held."),
            packets: new.counters(
                "tonewall_media_packets_total",
                "RTP packets, by direction.",
                &["direction"],
            ),
            dropped: new.counters(
                "tonewall_media_dropped_total",
                "RTP packets not relayed, by why.",
                &["why"],
            ),
            masked: new.counter("tonewall_media_masked_total", "RTP packets in which a tone was masked."),
            muted: new
                .counter("tonewall_media_muted_total", "RTP packets that left without their own sound."),
            keys_lost: new.counter("tonewall_media_keys_lost_total", "Presses that found no room."),
            commits: new.counter("tonewall_store_commits_total", "Transactions of the ledger."),
            writes: new.counter("tonewall_store_writes_total", "Writes in them, refused ones included."),
            writes_waiting: new.gauge("tonewall_store_writes_waiting", "Writes that wait for the ledger."),
            queue_age: new.gauges(
                "tonewall_queue_age_seconds",
                "Age of the oldest event that waits, 0 with none; absent while the ledger is silent.",
                &["queue"],
            ),
            queue_depth: new.int_gauges("tonewall_queue_depth", "Events that wait.", &["queue"]),
            resident: new.gauge("process_resident_memory_bytes", "Resident memory."),
            virtual_size: new.gauge("process_virtual_memory_bytes", "Virtual memory."),
            open_fds: new.gauge("process_open_fds", "Open file descriptors."),
            max_fds: new.gauge("process_max_fds", "File descriptors that may be open."),
            threads: new.gauge("process_threads", "Threads."),
            cpu: new.add(
                prometheus::Counter::with_opts(Opts::new(
                    "process_cpu_seconds_total",
                    "Time on processors, user and system.",
                ))
                .expect(NAMES),
            ),
            start: new.add(
                Gauge::with_opts(Opts::new("process_start_time_seconds", "Start, in seconds since 1970."))
                    .expect(NAMES),
            ),
            build: new.int_gauges("tonewall_build_info", "Always 1; what runs here.", &["version"]),
        }
    }
}

/// Names, labels and help are constants of this file, and a test reads all of them.
const NAMES: &str = "names and labels are well formed and distinct";

/// Makes families and puts them into the registry.
struct Maker<'a>(&'a Registry);

impl Maker<'_> {
    fn add<C: Collector + Clone + 'static>(&self, family: C) -> C {
        self.0.register(Box::new(family.clone())).expect(NAMES);
        family
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.add(IntCounter::new(name, help).expect(NAMES))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.add(IntCounterVec::new(Opts::new(name, help), labels).expect(NAMES))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.add(IntGauge::new(name, help).expect(NAMES))
    }

    fn int_gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.add(IntGaugeVec::new(Opts::new(name, help), labels).expect(NAMES))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.add(GaugeVec::new(Opts::new(name, help), labels).expect(NAMES))
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.add(Histogram::with_opts(options).expect(NAMES))
    }

    fn histograms(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.add(HistogramVec::new(options, labels).expect(NAMES))
    }
}
