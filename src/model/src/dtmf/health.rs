//! Whether a secured line can be vouched for.

/// Why nothing of the customer passes on a secured line just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unwell {
    /// Suspicion or detector has heard too little to judge, or its numbers are not finite.
    Detector,
    /// More packets than a stream of this kind has.
    Storm,
    /// RTP time jumped against the time of arrival.
    Clock,
    /// The coding or the payload types were negotiated anew while a field was open.
    Coding,
    /// Another source (SSRC) took the stream over while a field was open.
    Source,
}

impl Unwell {
    /// All of them.
    pub const ALL: [Unwell; 5] =
        [Unwell::Detector, Unwell::Storm, Unwell::Clock, Unwell::Coding, Unwell::Source];

    /// The word in records, metrics and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Unwell::Detector => "detector",
            Unwell::Storm => "storm",
            Unwell::Clock => "clock",
            Unwell::Coding => "coding",
            Unwell::Source => "source",
        }
    }
}
