//! One person on the phone: a SIP leg and its media, and the fingers that press keys.

use std::sync::Arc;
use std::time::Duration;

use crate::dtmf::{SAMPLE_RATE, event_of};
use crate::leg::{Leg, LegState, SipError};
use crate::peer::MediaPeer;
use crate::voice::{Carrier, Press};

/// How a phone reports its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// As tones in the sound.
    InBand,
    /// RFC 4733 packets.
    Event,
    /// SIP INFO.
    Info,
    /// All three at once, one press.
    All,
}

/// Why a press did not go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PressError {
    /// A character that is on no keypad.
    NotAKey(char),
    /// The other side did not negotiate telephone-event.
    NoTelephoneEvent,
    /// Too many presses are waiting.
    Full,
    /// INFO was not taken.
    Sip(SipError),
    /// The leg ended meanwhile.
    Ended,
    /// The media did not move on in time.
    TimedOut,
}

impl std::fmt::Display for PressError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            PressError::NotAKey(c) => write!(f, "{c:?} is on no keypad"),
            PressError::NoTelephoneEvent => write!(f, "telephone-event was not negotiated"),
            PressError::Full => write!(f, "too many presses are waiting"),
            PressError::Sip(error) => write!(f, "INFO: {error}"),
            PressError::Ended => write!(f, "the leg ended while keys were pressed"),
            PressError::TimedOut => write!(f, "the media did not move on"),
        }
    }
}

impl std::error::Error for PressError {}

/// Room for a busy machine over the time that presses take.
const SLACK: Duration = Duration::from_secs(10);

/// A person on the phone.
pub struct Party {
    /// Signalling.
    pub leg: Arc<Leg>,
    /// Media.
    pub peer: MediaPeer,
}

impl Party {
    /// Presses `keys` one after the other and returns when the last pause is over.
    pub async fn press(&self, keys: &str, how: Keys, press: &Press) -> Result<(), PressError> {
        if let Some(stranger) = keys.chars().find(|key| event_of(*key).is_none()) {
            return Err(PressError::NotAKey(stranger));
        }
        let events = self.peer.format().event_payload_type.is_some();
        if how == Keys::Event && !events {
            return Err(PressError::NoTelephoneEvent);
        }
        for key in keys.chars() {
            if self.leg.state() != LegState::Up {
                return Err(PressError::Ended);
            }
            let carrier = match how {
                Keys::InBand => Some(Carrier::Tone),
                Keys::Event => Some(Carrier::Event),
                Keys::Info => None,
                Keys::All => Some(if events { Carrier::Both } else { Carrier::Tone }),
            };
            let done = match carrier {
                Some(carrier) => self.peer.press(key, carrier, press).ok_or(PressError::Full)?,
                None => {
                    self.peer.note_sip_key(key);
                    self.peer.position() + u64::from((press.on_ms + press.off_ms) * SAMPLE_RATE / 1_000)
                }
            };
            if matches!(how, Keys::Info | Keys::All) {
                self.leg.info_key(key, press.on_ms).await.map_err(PressError::Sip)?;
            }
            if !self.peer.wait_sent(done, SLACK).await {
                return Err(PressError::TimedOut);
            }
        }
        Ok(())
    }

    /// RTP packets heard in the last `window`.
    pub fn hears(&self, window: Duration) -> usize {
        self.peer.received_within(window)
    }
}
