//! The loop of a media thread: one epoll, all its calls, no lock and no allocation per packet.

use super::call::MediaCall;
use super::control::Side;
use mio::{Events, Interest, Poll, Token};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};
use tonewall_model::dtmf::Transport;
use tonewall_model::sdp::Settled;
use tonewall_secret::Key;
use tracing::warn;

/// Readiness that one wake-up can bring: about two sockets for each of 500 busy calls.
const EVENTS_MAX: usize = 1_024;

/// Longest datagram that is read; what is longer is cut, and refused for its length.
const BUFFER_BYTES: usize = 2_048;

/// The token of the waker; sockets count up from zero.
pub(crate) const WAKE: Token = Token(usize::MAX);

/// Sockets of a call, as the low bits of a token.
const CUSTOMER_RTP: usize = 0;
const CUSTOMER_RTCP: usize = 1;
const AGENT_RTP: usize = 2;
const AGENT_RTCP: usize = 3;

/// The next digit that signalling brought, and how; asked until there is none.
pub(crate) type Signalled = Arc<dyn Fn() -> Option<(Transport, Key)> + Send + Sync>;

/// What a thread is told.
pub(crate) enum Order {
    Open(usize, Box<MediaCall>),
    Settle(usize, Side, Settled, Option<std::net::IpAddr>),
    Secure(usize, bool),
    Field(usize, bool),
    SlowKeys(usize, bool),
    Signalled(usize, Side, Signalled),
    #[cfg(feature = "faults")]
    PlantLeak(usize),
    Close(usize),
    Stop,
}

pub(crate) struct MediaThread {
    poll: Poll,
    orders: Receiver<Order>,
    calls: HashMap<usize, Box<MediaCall>>,
    deadlines: BinaryHeap<Reverse<(u64, usize)>>,
    start: Instant,
}

impl MediaThread {
    pub fn new(poll: Poll, orders: Receiver<Order>) -> MediaThread {
        MediaThread {
            poll,
            orders,
            calls: HashMap::new(),
            deadlines: BinaryHeap::new(),
            start: Instant::now(),
        }
    }

    /// Serves until told to stop or until nobody can tell any more.
    pub fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut buffer = [0_u8; BUFFER_BYTES];
        let mut again: Vec<Token> = Vec::new();
        loop {
            let wait = if again.is_empty() { self.next_wait() } else { Some(Duration::ZERO) };
            if let Err(error) = self.poll.poll(&mut events, wait)
                && error.kind() != io::ErrorKind::Interrupted
            {
                warn!(%error, "media poll");
            }
            let ready = std::mem::take(&mut again);
            for token in events.iter().map(mio::event::Event::token).chain(ready) {
                if token == WAKE {
                    if !self.obey() {
                        return;
                    }
                } else if self.drain(token, &mut buffer) && !again.contains(&token) {
                    again.push(token);
                }
            }
            self.fire();
            tonewall_secret::wipe::zero(&mut buffer);
        }
    }

    fn now_us(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    fn next_wait(&self) -> Option<Duration> {
        let Reverse((at, _)) = self.deadlines.peek()?;
        Some(Duration::from_micros(at.saturating_sub(self.now_us())))
    }

    fn obey(&mut self) -> bool {
        loop {
            match self.orders.try_recv() {
                Ok(Order::Stop) | Err(TryRecvError::Disconnected) => return false,
                Ok(order) => self.follow(order),
                Err(TryRecvError::Empty) => return true,
            }
        }
    }

    fn follow(&mut self, order: Order) {
        let now_us = self.now_us();
        match order {
            Order::Open(id, call) => self.open(id, call),
            Order::Settle(id, side, settled, nat) => {
                if let Some(call) = self.calls.get_mut(&id) {
                    call.settle(side, settled, nat);
                }
            }
            Order::Secure(id, on) => {
                if let Some(call) = self.calls.get_mut(&id) {
                    call.secure(now_us, on);
                }
            }
            Order::Field(id, open) => {
                if let Some(call) = self.calls.get_mut(&id) {
                    call.field(open);
                }
            }
            Order::SlowKeys(id, on) => {
                if let Some(call) = self.calls.get_mut(&id) {
                    call.slow_keys(on);
                }
            }
            Order::Signalled(id, side, take) => {
                while let (Some((transport, key)), Some(call)) = (take(), self.calls.get_mut(&id)) {
                    call.signalled(now_us, side, transport, key);
                }
            }
            #[cfg(feature = "faults")]
            Order::PlantLeak(id) => {
                if let Some(call) = self.calls.get_mut(&id) {
                    call.plant_leak();
                }
            }
            Order::Close(id) => {
                self.calls.remove(&id);
            }
            Order::Stop => {}
        }
    }

    fn open(&mut self, id: usize, mut call: Box<MediaCall>) {
        call.begin(self.start, self.now_us());
        let registry = self.poll.registry();
        let sockets = [
            (&mut call.customer.rtp, CUSTOMER_RTP),
            (&mut call.customer.rtcp, CUSTOMER_RTCP),
            (&mut call.agent.rtp, AGENT_RTP),
            (&mut call.agent.rtcp, AGENT_RTCP),
        ];
        for (socket, low) in sockets {
            if let Err(error) = registry.register(socket, Token(id * 4 + low), Interest::READABLE) {
                warn!(%error, "media socket not registered");
            }
        }
        self.calls.insert(id, call);
    }

    fn drain(&mut self, token: Token, buffer: &mut [u8]) -> bool {
        let (id, now_us) = (token.0 / 4, self.now_us());
        let Some(call) = self.calls.get_mut(&id) else { return false };
        let more = match token.0 % 4 {
            CUSTOMER_RTP => call.customer_rtp(now_us, buffer),
            CUSTOMER_RTCP => call.rtcp(now_us, Side::Customer, buffer),
            AGENT_RTP => call.agent_rtp(now_us, buffer),
            _ => call.rtcp(now_us, Side::Agent, buffer),
        };
        self.arm(id);
        more
    }

    /// Sees to it that the thread wakes up in time for a call. A call has one deadline in the heap, or
    /// few: those that it has outlived are harmless, and each packet has a later one.
    fn arm(&mut self, id: usize) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        if let Some(next) = call.next_timeout_us().filter(|next| call.armed_us.is_none_or(|at| *next < at)) {
            call.armed_us = Some(next);
            self.deadlines.push(Reverse((next, id)));
        }
    }

    fn fire(&mut self) {
        let now_us = self.now_us();
        while let Some(&Reverse((at, id))) = self.deadlines.peek() {
            if at > now_us {
                return;
            }
            self.deadlines.pop();
            let Some(call) = self.calls.get_mut(&id) else { continue };
            if call.armed_us == Some(at) {
                call.armed_us = None;
            }
            // The deadline of a packet that has left since: the call's own is what counts.
            if call.next_timeout_us().is_some_and(|due| due <= now_us) {
                call.timer(now_us);
            }
            self.arm(id);
        }
    }
}
