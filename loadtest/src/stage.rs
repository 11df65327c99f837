//! The stage of a play: the carrier's and the PBX's address, the agents, and the way to the product.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::agent::Agents;
use crate::api::{Api, ApiError};
use crate::peer::MediaThread;
use crate::ua::Ua;

/// Where everything is.
#[derive(Clone, Debug)]
pub struct StageConfig {
    /// The product's SIP address.
    pub sip: SocketAddr,
    /// Address of the simulated PBX: agents are called there.
    pub pbx_bind: SocketAddr,
    /// Address from which customers' calls come; `None`: from the PBX itself, as after a blind transfer.
    pub carrier_bind: Option<SocketAddr>,
    /// Base URL of the product's API.
    pub api: String,
    /// API token of the tenant.
    pub token: String,
    /// Seed of every voice and every key's timing.
    pub seed: u64,
}

/// Why a stage could not be set up.
#[derive(Debug)]
pub enum StageError {
    /// A socket or the media thread.
    Io(std::io::Error),
    /// The API client.
    Api(ApiError),
}

impl std::fmt::Display for StageError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StageError::Io(error) => write!(f, "cannot set up the simulated phones: {error}"),
            StageError::Api(error) => write!(f, "cannot set up the API client: {error}"),
        }
    }
}

impl std::error::Error for StageError {}

impl From<std::io::Error> for StageError {
    fn from(error: std::io::Error) -> Self {
        StageError::Io(error)
    }
}

/// Sockets, agents and API client that calls share.
pub struct Stage {
    pub(crate) carrier: Option<Ua>,
    pub(crate) pbx: Ua,
    /// The agents of the PBX.
    pub agents: Agents,
    /// The product's API.
    pub api: Api,
    pub(crate) media: Arc<MediaThread>,
    pub(crate) config: StageConfig,
    calls: AtomicU64,
}

impl Stage {
    /// Binds the sockets and starts the agents.
    pub async fn open(config: StageConfig) -> Result<Self, StageError> {
        let media = Arc::new(MediaThread::start()?);
        let (pbx, calls) = Ua::bind(config.pbx_bind).await?;
        let carrier = match config.carrier_bind {
            // Nobody calls the carrier in these plays: its receiver is dropped and a call is refused with 503.
            Some(addr) => Some(Ua::bind(addr).await?.0),
            None => None,
        };
        let api = Api::new(&config.api, &config.token).map_err(StageError::Api)?;
        let agents = Agents::start(calls, media.clone(), config.seed);
        Ok(Self { carrier, pbx, agents, api, media, config, calls: AtomicU64::new(0) })
    }

    /// Address of the PBX.
    pub fn pbx_addr(&self) -> SocketAddr {
        self.pbx.addr()
    }

    /// Address from which customers call.
    pub fn carrier_addr(&self) -> SocketAddr {
        self.carrier_ua().addr()
    }

    /// Legs of all calls that have not ended.
    pub fn live_legs(&self) -> usize {
        self.pbx.live_legs() + self.carrier.as_ref().map_or(0, Ua::live_legs)
    }

    pub(crate) fn carrier_ua(&self) -> &Ua {
        self.carrier.as_ref().unwrap_or(&self.pbx)
    }

    /// A number for the next voice.
    pub(crate) fn next_call(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed)
    }
}

/// A number that is reserved for drama (Ofcom): 6,000 different ones, then they repeat.
pub fn caller_number(index: usize) -> String {
    const RANGES: [(&str, usize); 6] = [
        ("+447700", 900_000),
        ("+441632", 960_000),
        ("+44113", 4_960_000),
        ("+44114", 4_960_000),
        ("+44115", 4_960_000),
        ("+44116", 4_960_000),
    ];
    let (prefix, first) = RANGES[index / 1_000 % RANGES.len()];
    format!("{prefix}{}", first + index % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_thousand_callers_differ() {
        let numbers: std::collections::HashSet<String> = (0..6_000).map(caller_number).collect();
        assert_eq!(numbers.len(), 6_000);
        assert_eq!(caller_number(123), "+447700900123");
    }
}
