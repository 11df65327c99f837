//! Which RTCP may cross a call (RFC 3550 §6).

/// Sender and receiver reports, source description, goodbye.
const REPORTS: std::ops::RangeInclusive<u8> = 200..=203;

/// Whether a compound packet holds reports alone.
///
/// Application-defined packets (204) and extended reports (207) can carry anything, digits too, and
/// nobody needs them on a telephone.
pub(crate) fn may_cross(mut packet: &[u8]) -> bool {
    if packet.is_empty() || packet.len() > 1_500 {
        return false;
    }
    while !packet.is_empty() {
        let &[first, kind, high, low, ..] = packet else { return false };
        let len = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
        if first >> 6 != 2 || !REPORTS.contains(&kind) || len > packet.len() {
            return false;
        }
        packet = &packet[len..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_cross_and_nothing_else_does() {
        let part = |kind: u8, words: u8| {
            let mut bytes = vec![0x80, kind, 0, words];
            bytes.resize(4 + usize::from(words) * 4, 0);
            bytes
        };
        let join = |parts: &[Vec<u8>]| parts.concat();
        assert!(may_cross(&join(&[part(200, 6), part(202, 3)])));
        assert!(may_cross(&part(203, 1)));
        assert!(!may_cross(&join(&[part(201, 1), part(204, 2)])));
        assert!(!may_cross(&part(207, 2)));
        assert!(!may_cross(&part(200, 6)[..10]));
        assert!(!may_cross(b"") && !may_cross(b"x") && !may_cross(&[0x40, 200, 0, 0]));
    }
}
