//! How the rest of Tonewall holds media: the runtime, the owner's handle, the supervisor's copy.

use super::call::MediaCall;
use super::leg::MediaLeg;
use super::ports::Ports;
use super::shared::{Counters, Counts, KeysOf, Shared, Witness};
use super::tap::{Feed, Note};
use super::tap_writer::Taps;
use super::thread::{MediaThread, Order, Signalled, WAKE};
use crate::sip::InfoInlet;
use mio::{Poll, Waker};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;
use tonewall_model::dtmf::Unwell;
use tonewall_model::sdp::Settled;
use tonewall_model::tenant::MaskStyle;
use tonewall_secret::Key;

/// Orders that may wait for a thread. A call gives about ten; more waiting means a thread that no
/// longer turns, and that has to show as an error rather than as memory.
const ORDERS_MAX: usize = 8_192;

/// Where media may live.
#[derive(Clone, Debug)]
pub struct MediaOptions {
    /// Address of all media sockets.
    pub bind: IpAddr,
    /// Address that peers are told, where it differs.
    pub advertised: Option<IpAddr>,
    /// UDP ports; four a call.
    pub ports: RangeInclusive<u16>,
    /// Threads; one a core is right.
    pub threads: usize,
}

/// What a tenant wants of a call's media.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPlan {
    /// What the agent hears in place of a key.
    pub style: MaskStyle,
    /// A dial tone of the tenant's own network, Hz.
    pub dial_tone_hz: Option<[u16; 2]>,
    /// File that the call's audio is written to as it leaves: stereo, 16 bits, 8 kHz; left the customer
    /// towards the agent, right the agent towards the customer. It is made by the tap's thread, must not
    /// exist, and is masked whenever the line is secured; of an open line it holds what the agent hears,
    /// keys included. `None`: nowhere.
    pub tap: Option<PathBuf>,
}

/// A leg of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Leg A.
    Customer,
    /// Leg B.
    Agent,
}

/// What an owner is told; never more than that something is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaNote {
    /// A press of the customer waits in the ring; when the packet that made it one was taken.
    CustomerKey(Instant),
    /// A press of the agent waits in the ring.
    AgentKey,
    /// The customer's ring was full: a press is lost, the field must be keyed again.
    KeyLost,
    /// The first packet of the customer reached the agent's port.
    Flowing,
    /// Nothing of the customer passes, and why; `None`: the line can be vouched for again.
    Health(Option<Unwell>),
    /// The independent ear has heard a key leave the secured line.
    Leaked,
}

/// Why media cannot be had.
#[derive(Debug)]
pub enum MediaError {
    /// No free pair of ports, or another error of the system.
    Sockets(io::Error),
    /// The media thread does not take orders any more.
    Stuck,
}

struct Thread {
    orders: SyncSender<Order>,
    waker: Arc<Waker>,
    counters: Arc<Counters>,
}

/// The threads that own all media.
pub struct MediaRuntime {
    threads: Vec<Thread>,
    /// Made with the first call that has a tap.
    taps: Mutex<Option<Taps>>,
    joins: Mutex<Vec<JoinHandle<()>>>,
    ports: Ports,
    advertised: Option<IpAddr>,
    next: AtomicUsize,
}

impl MediaRuntime {
    /// Starts the threads.
    pub fn start(options: &MediaOptions) -> io::Result<MediaRuntime> {
        let (mut threads, mut joins) = (Vec::new(), Vec::new());
        for index in 0..options.threads.max(1) {
            let poll = Poll::new()?;
            let waker = Arc::new(Waker::new(poll.registry(), WAKE)?);
            let (orders, receiver) = sync_channel(ORDERS_MAX);
            let thread = MediaThread::new(poll, receiver);
            let name = format!("media-{index}");
            joins.push(std::thread::Builder::new().name(name).spawn(move || thread.run())?);
            threads.push(Thread { orders, waker, counters: Arc::default() });
        }
        Ok(MediaRuntime {
            threads,
            taps: Mutex::new(None),
            joins: Mutex::new(joins),
            ports: Ports::new(options.bind, &options.ports),
            advertised: options.advertised,
            next: AtomicUsize::new(1),
        })
    }

    /// Opens four sockets for a call. `note` is called on the media thread, or on that of the taps, and
    /// must not block.
    pub fn open(
        &self,
        plan: MediaPlan,
        note: impl Fn(MediaNote) + Send + Sync + 'static,
    ) -> Result<MediaHandle, MediaError> {
        let ((a_rtp, a_rtcp), (b_rtp, b_rtcp)) = (self.pair()?, self.pair()?);
        let told = |socket: &std::net::UdpSocket| -> Result<SocketAddr, MediaError> {
            let own = socket.local_addr().map_err(MediaError::Sockets)?;
            Ok(SocketAddr::new(self.advertised.unwrap_or(own.ip()), own.port()))
        };
        let (customer, agent) = (told(&a_rtp)?, told(&b_rtp)?);
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let thread = &self.threads[id % self.threads.len()];
        let shared = Arc::new(Shared::new(Arc::clone(&thread.counters), plan.tap.is_some()));
        let leg = |rtp, rtcp| {
            MediaLeg::new(mio::net::UdpSocket::from_std(rtp), mio::net::UdpSocket::from_std(rtcp))
        };
        let note: Note = Arc::new(note);
        let tap = match plan.tap.clone() {
            Some(path) => Some(self.tap(id, path, &shared, &note)?),
            None => None,
        };
        let legs = (leg(a_rtp, a_rtcp), leg(b_rtp, b_rtcp));
        let call = MediaCall::new(legs, Arc::clone(&shared), note, plan, tap);
        let control =
            MediaControl { id, shared, orders: thread.orders.clone(), waker: Arc::clone(&thread.waker) };
        control.order(Order::Open(id, Box::new(call)))?;
        Ok(MediaHandle { control, customer, agent, closed: false })
    }

    fn tap(&self, id: usize, path: PathBuf, call: &Arc<Shared>, note: &Note) -> Result<Feed, MediaError> {
        let mut taps = self.taps.lock().map_err(|_| MediaError::Stuck)?;
        let taps = match &mut *taps {
            Some(taps) => taps,
            none => none.insert(Taps::start().map_err(MediaError::Sockets)?),
        };
        Ok(taps.begin(id, path, Arc::clone(call), Arc::clone(note)))
    }

    /// Totals of all calls since the start.
    pub fn counts(&self) -> Counts {
        let mut all = Counts::default();
        self.threads.iter().for_each(|thread| all.add(&thread.counters.read()));
        all
    }

    fn pair(&self) -> Result<(std::net::UdpSocket, std::net::UdpSocket), MediaError> {
        self.ports.open().map_err(MediaError::Sockets)
    }

    /// Ends the threads, and the taps after them, and waits for them.
    pub fn stop(&self) {
        for thread in &self.threads {
            let _ = thread.orders.try_send(Order::Stop);
            let _ = thread.waker.wake();
        }
        let joins = self.joins.lock().map(|mut joins| std::mem::take(&mut *joins)).unwrap_or_default();
        for join in joins {
            let _ = join.join();
        }
        // Its calls are gone: the writer has only to write what it has been given.
        if let Some(taps) = self.taps.lock().ok().and_then(|mut taps| taps.take()) {
            taps.stop();
        }
    }
}

/// A supervisor's copy: it can shut the mask and close the sockets of a call whose owner is gone.
#[derive(Clone)]
pub struct MediaControl {
    id: usize,
    shared: Arc<Shared>,
    orders: SyncSender<Order>,
    waker: Arc<Waker>,
}

impl MediaControl {
    /// Shuts the mask for good: from the next packet on only silence leaves. Needs no queue.
    pub fn shut(&self) {
        self.shared.shut.store(true, Ordering::Release);
        self.shared.customer_keys.clear();
    }

    /// Whether the mask is shut.
    pub fn is_shut(&self) -> bool {
        self.shared.shut.load(Ordering::Acquire)
    }

    /// Closes the sockets.
    pub fn close(&self) {
        let _ = self.order(Order::Close(self.id));
    }

    /// What the independent ears and the mask have seen of this call so far.
    pub fn witness(&self) -> Witness {
        self.shared.witness()
    }

    /// Totals of this call.
    pub fn counts(&self) -> Counts {
        self.shared.counts()
    }

    fn order(&self, order: Order) -> Result<(), MediaError> {
        let sent = self.orders.try_send(order).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => MediaError::Stuck,
        });
        if sent.is_err() {
            self.shut();
        }
        let _ = self.waker.wake();
        sent
    }
}

/// The owner's hold on the media of its call. Dropped without [`MediaHandle::close`], it shuts the
/// mask: the owner of a media path that dies leaves a closed one behind.
pub struct MediaHandle {
    control: MediaControl,
    customer: SocketAddr,
    agent: SocketAddr,
    closed: bool,
}

impl MediaHandle {
    /// Where we take the RTP of a leg.
    pub fn address(&self, side: Side) -> SocketAddr {
        match side {
            Side::Customer => self.customer,
            Side::Agent => self.agent,
        }
    }

    /// Tells what offer and answer settled on. `nat` is the signalling peer of a trunk that says so.
    pub fn settle(&self, side: Side, settled: Settled, nat: Option<IpAddr>) -> Result<(), MediaError> {
        self.control.order(Order::Settle(self.control.id, side, settled, nat))
    }

    /// Secures or opens the line.
    pub fn secure(&self, on: bool) -> Result<(), MediaError> {
        self.control.order(Order::Secure(self.control.id, on))
    }

    /// A field was opened or closed.
    pub fn field(&self, open: bool) -> Result<(), MediaError> {
        self.control.order(Order::Field(self.control.id, open))
    }

    /// Merges repeats of a key, or no longer.
    pub fn slow_keys(&self, on: bool) -> Result<(), MediaError> {
        self.control.order(Order::SlowKeys(self.control.id, on))
    }

    /// From now on the agent gets the customer's packets as they came, although the line is secured: so
    /// that a test can see who notices.
    #[cfg(feature = "faults")]
    pub fn plant_leak(&self) -> Result<(), MediaError> {
        self.control.order(Order::PlantLeak(self.control.id))
    }

    /// Digits that arrive in the inlet go through the matching of this call from now on.
    pub fn listen_to(&self, side: Side, inlet: &Arc<InfoInlet>) {
        let (control, source) = (self.control.clone(), Arc::clone(inlet));
        inlet.tell(Box::new(move || {
            let source = Arc::clone(&source);
            let take: Signalled = Arc::new(move || source.take());
            let _ = control.order(Order::Signalled(control.id, side, take));
        }));
    }

    /// The oldest press that waits.
    pub fn take_key(&self, of: KeysOf) -> Option<Key> {
        self.control.shared.take_key(of)
    }

    /// A copy for the supervisor.
    pub fn control(&self) -> MediaControl {
        self.control.clone()
    }

    /// Closes the sockets: the call is over.
    pub fn close(mut self) {
        self.closed = true;
        self.control.close();
    }
}

impl Drop for MediaHandle {
    fn drop(&mut self) {
        if !self.closed {
            self.control.shut();
        }
    }
}
