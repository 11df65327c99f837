//! A phone's media: RTP and RTCP socket, a voice on an absolute 20 ms schedule, and a record of every packet.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::net::UdpSocket;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use crate::dtmf::SAMPLE_RATE;
use crate::g711::Law;
use crate::rtp::Packet;
use crate::sdp::{Direction, Sdp};
use crate::served::OwnThread;
use crate::voice::{Carrier, Format, Keyed, Press, Talk, Voice};

/// Packets kept a direction: 12 minutes. What comes later is counted as unheard, and spoils the report.
const PACKETS_MAX: usize = 36_000;
const FRAME: Duration = Duration::from_millis(20);
const BIND_TRIES: usize = 200;

/// A thread of its own for all media, so that neither a test's runtime nor a busy neighbour moves its clock.
pub struct MediaThread {
    handle: Handle,
    _thread: OwnThread,
}

impl MediaThread {
    /// Starts the thread.
    pub fn start() -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let thread = OwnThread::start("loadtest-media", runtime, std::future::pending::<()>())?;
        Ok(Self { handle, _thread: thread })
    }
}

/// What a peer saw on its sockets.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// RTP in order of arrival (or sending).
    pub packets: Vec<Packet>,
    /// Packets that found the record full.
    pub unheard: u64,
    /// Datagrams on the RTP port that are no RTP.
    pub malformed: u64,
    /// Datagrams on the RTCP port.
    pub rtcp: u64,
}

impl Recording {
    fn keep(&mut self, packet: Packet) {
        if self.packets.len() < PACKETS_MAX {
            self.packets.push(packet);
        } else {
            self.unheard += 1;
        }
    }

    fn since(&self, from: Instant) -> usize {
        self.packets.iter().rev().take_while(|packet| packet.at >= from).count()
    }
}

/// One phone's media; dropping it closes the sockets.
pub struct MediaPeer {
    shared: Arc<Shared>,
    rtp: SocketAddr,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

struct Shared {
    voice: Mutex<Voice>,
    remote: Mutex<Option<(SocketAddr, Direction)>>,
    sent: Mutex<Recording>,
    received: Mutex<Recording>,
    connected: Notify,
    position: watch::Sender<u64>,
    received_count: watch::Sender<u64>,
}

impl Shared {
    fn connect(&self, remote: &Sdp) {
        let law = remote.laws.first().copied().unwrap_or(Law::A);
        locked(&self.voice).set_format(Format { law, event_payload_type: remote.event_payload_type });
        *locked(&self.remote) = Some((remote.rtp, remote.direction));
        self.connected.notify_one();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MediaPeer {
    /// Binds an even RTP port and the next one for RTCP on the address of `ip`; silent until [`MediaPeer::connect`].
    pub fn bind(
        thread: &MediaThread,
        ip: std::net::IpAddr,
        seed: u64,
        format: Format,
        talk: Talk,
    ) -> std::io::Result<Self> {
        let _inside = thread.handle.enter();
        let (rtp, rtcp) = bind_pair(ip)?;
        let (rtp, rtcp) = (Arc::new(UdpSocket::from_std(rtp)?), UdpSocket::from_std(rtcp)?);
        let addr = rtp.local_addr()?;
        let shared = Arc::new(Shared {
            voice: Mutex::new(Voice::new(seed, format, talk)),
            remote: Mutex::new(None),
            sent: Mutex::default(),
            received: Mutex::default(),
            connected: Notify::new(),
            position: watch::Sender::new(0),
            received_count: watch::Sender::new(0),
        });
        let tasks = vec![
            thread.handle.spawn(send(shared.clone(), rtp.clone())),
            thread.handle.spawn(receive_rtp(shared.clone(), rtp)),
            thread.handle.spawn(receive_rtcp(shared.clone(), rtcp)),
        ];
        Ok(Self { shared, rtp: addr, tasks })
    }

    /// Where it listens for RTP.
    pub fn rtp(&self) -> SocketAddr {
        self.rtp
    }

    /// Sends where and what the other side's session description says, from the next packet on.
    pub fn connect(&self, remote: &Sdp) {
        self.shared.connect(remote);
    }

    /// Follows every new session description of a leg, for as long as the peer lives.
    pub fn follow(&mut self, mut descriptions: watch::Receiver<Option<Sdp>>) {
        let current = descriptions.borrow_and_update().clone();
        if let Some(sdp) = current {
            self.connect(&sdp);
        }
        let shared = Arc::downgrade(&self.shared);
        self.tasks.push(tokio::spawn(async move {
            while descriptions.changed().await.is_ok() {
                let Some(sdp) = descriptions.borrow_and_update().clone() else { continue };
                let Some(shared) = shared.upgrade() else { return };
                shared.connect(&sdp);
            }
        }));
    }

    /// What is sent now.
    pub fn format(&self) -> Format {
        locked(&self.shared.voice).format()
    }

    /// Speech or silence from the next packet on.
    pub fn set_talk(&self, talk: Talk) {
        locked(&self.shared.voice).set_talk(talk);
    }

    /// Sends as another source from the next packet on; see [`Voice::change_source`].
    pub fn change_source(&self) {
        locked(&self.shared.voice).change_source();
    }

    /// Queues a press in the media; see [`Voice::press`].
    pub fn press(&self, key: char, carrier: Carrier, press: &Press) -> Option<u64> {
        locked(&self.shared.voice).press(key, carrier, press)
    }

    /// Writes down a press that travelled in SIP alone.
    pub fn note_sip_key(&self, key: char) {
        locked(&self.shared.voice).note_sip_key(key);
    }

    /// Waits until the sample with this number has been sent; `false` at the deadline.
    pub async fn wait_sent(&self, sample: u64, slack: Duration) -> bool {
        let mut position = self.shared.position.subscribe();
        let missing = sample.saturating_sub(*position.borrow());
        let within = Duration::from_millis(missing * 1_000 / u64::from(SAMPLE_RATE)) + slack;
        matches!(tokio::time::timeout(within, position.wait_for(|at| *at >= sample)).await, Ok(Ok(_)))
    }

    /// Samples sent so far.
    pub fn position(&self) -> u64 {
        *self.shared.position.borrow()
    }

    /// Waits until `more` further RTP packets have arrived; `false` at the deadline.
    pub async fn wait_packets(&self, more: u64, within: Duration) -> bool {
        let mut count = self.shared.received_count.subscribe();
        let wanted = *count.borrow() + more;
        matches!(tokio::time::timeout(within, count.wait_for(|count| *count >= wanted)).await, Ok(Ok(_)))
    }

    /// RTP packets received in the last `window`.
    pub fn received_within(&self, window: Duration) -> usize {
        let from = Instant::now().checked_sub(window);
        let received = locked(&self.shared.received);
        from.map_or(received.packets.len(), |from| received.since(from))
    }

    /// RTP packets received in all.
    pub fn received_count(&self) -> u64 {
        *self.shared.received_count.borrow()
    }

    /// A copy of what arrived.
    pub fn received(&self) -> Recording {
        locked(&self.shared.received).clone()
    }

    /// A copy of what was sent.
    pub fn sent(&self) -> Recording {
        locked(&self.shared.sent).clone()
    }

    /// What was pressed.
    pub fn keyed(&self) -> Vec<Keyed> {
        locked(&self.shared.voice).keyed().to_vec()
    }
}

impl Drop for MediaPeer {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn bind_pair(ip: std::net::IpAddr) -> std::io::Result<(std::net::UdpSocket, std::net::UdpSocket)> {
    let mut last = std::io::Error::from(std::io::ErrorKind::AddrInUse);
    for _ in 0..BIND_TRIES {
        let rtp = std::net::UdpSocket::bind((ip, 0))?;
        let port = rtp.local_addr()?.port();
        // RTP takes the even port, RTCP the next (RFC 3550 §11).
        if port % 2 != 0 {
            continue;
        }
        match std::net::UdpSocket::bind((ip, port + 1)) {
            Ok(rtcp) => {
                rtp.set_nonblocking(true)?;
                rtcp.set_nonblocking(true)?;
                return Ok((rtp, rtcp));
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Absolute schedule: a late wake-up delays one packet, never the stream.
async fn send(shared: Arc<Shared>, socket: Arc<UdpSocket>) {
    shared.connected.notified().await;
    let mut clock = tokio::time::interval(FRAME);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
    loop {
        clock.tick().await;
        let Some((remote, direction)) = *locked(&shared.remote) else { continue };
        let (packets, position) = {
            let mut voice = locked(&shared.voice);
            (voice.frame(), voice.position())
        };
        // The other side said what it wants to receive.
        if matches!(direction, Direction::SendRecv | Direction::RecvOnly) {
            for mut packet in packets {
                packet.at = Instant::now();
                if socket.send_to(&packet.to_bytes(), remote).await.is_ok() {
                    locked(&shared.sent).keep(packet);
                }
            }
        }
        shared.position.send_replace(position);
    }
}

async fn receive_rtp(shared: Arc<Shared>, socket: Arc<UdpSocket>) {
    let mut buffer = [0u8; 2_048];
    loop {
        // ICMP errors of earlier sends surface here; the socket stays good.
        let Ok((len, _)) = socket.recv_from(&mut buffer).await else { continue };
        match Packet::parse(&buffer[..len], Instant::now()) {
            Some(packet) => {
                locked(&shared.received).keep(packet);
                shared.received_count.send_modify(|count| *count += 1);
            }
            None => locked(&shared.received).malformed += 1,
        }
    }
}

async fn receive_rtcp(shared: Arc<Shared>, socket: UdpSocket) {
    let mut buffer = [0u8; 2_048];
    loop {
        if socket.recv_from(&mut buffer).await.is_ok() {
            locked(&shared.received).rtcp += 1;
        }
    }
}
